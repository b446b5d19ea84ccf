"""Pictures that cannot be shown say when, where and with what they were taken all the same; and notes that a
decoder does not like cost no picture."""

import io
import struct

import pytest
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from phototag.reading import bmff
from phototag.reading.decode import DamagedPhoto, open_photo, read_metadata
from tests.reading import heifs

PACKET = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
    b'xmlns:xmp="http://ns.adobe.com/xap/1.0/" photoshop:DateCreated="1993-07" xmp:Rating="4"/>'
    b"</rdf:RDF></x:xmpmeta>"
)


def block():
    said = Image.Exif()
    said[0x010F], said[0x0110], said[0x0112] = "Sony", "DSC-1", 6
    said.get_ifd(0x8769)[0x9003] = "2004:05:06 07:08:09"
    gps = said.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "S", (33.0, 51.0, 0.0), "E", (151.0, 12.0, 0.0)
    return said.tobytes()[6:]


def saved(kind, mode="RGB", size=(64, 48), **options):
    file = io.BytesIO()
    colour = {"RGB": (90, 120, 90), "RGBA": (90, 120, 90, 128)}[mode]
    Image.new(mode, size, colour).save(file, kind, **options)
    return file.getvalue()


def png_of(header):
    """A PNG with Exif and a picture that Pillow cannot show."""
    data = saved("PNG", size=(8, 8), exif=block())
    head = struct.pack(">IIBB", 8, 8, 8, 2)
    return data.replace(head, header)


JPEG = saved("JPEG", exif=b"Exif\0\0" + block(), xmp=PACKET)
CANON_UUID = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")


def canon_raw():
    """Its folders of Exif are TIFFs in boxes of their own."""

    def folder(entries):
        said = Image.Exif()
        said.update(entries)
        return said.tobytes()[6:]

    first, exposure = folder({0x010F: "Sony", 0x0110: "DSC-1"}), folder({0x9003: "2004:05:06 07:08:09"})
    place = folder({1: "S", 2: (33.0, 51.0, 0.0), 3: "E", 4: (151.0, 12.0, 0.0)})
    folders = {b"CMT1": first, b"CMT2": exposure, b"CMT4": place}
    inner = [heifs.box(kind, body) for kind, body in folders.items()]
    movie = heifs.box(b"moov", heifs.box(b"uuid", CANON_UUID, *inner))
    return heifs.box(b"ftyp", b"crx ", bytes(4), b"crx isom") + movie


def fuji_raw():
    head = b"FUJIFILMCCD-RAW 0201FF383501".ljust(84, b"\0") + struct.pack(">II", 100, len(JPEG))
    return head.ljust(100, b"\0") + JPEG


UNOPENED = [
    ("a.jpg", JPEG[: JPEG.index(b"\xff\xdb")]),  # no pixels
    ("a.jpg", JPEG[: JPEG.index(b"\xff\xda") + 30]),
    ("a.png", png_of(struct.pack(">IIBB", 8, 8, 8, 9))),  # a colour type that there is not
    ("a.png", png_of(struct.pack(">IIBB", 0, 8, 8, 2))),
    ("a.webp", saved("WEBP", exif=block(), xmp=PACKET).replace(b"VP8 ", b"VP9 ")),
    ("a.heic", heifs.heif([(b"hvc1", b"", b"none"), heifs.exif_item(block()), heifs.xmp_item(PACKET)])),
    ("a.heic", heifs.heif([(b"hvc1", b"", b"none"), heifs.exif_item(block())], wide=True)),
    ("a.heic", heifs.heif([(b"hvc1", b"", b"none"), heifs.exif_item(block(), 0)], within=True)),
    ("a.avif", heifs.heif([(b"av01", b"", b"none"), heifs.exif_item(block(), 77)], brand=b"avif")),
    ("a.cr3", canon_raw()),
    ("a.raf", fuji_raw()),
    ("a.nef", block()),  # a TIFF without a picture
]


@pytest.mark.parametrize(("name", "data"), UNOPENED, ids=[str(n) for n in range(len(UNOPENED))])
def test_a_picture_that_cannot_be_shown_says_what_it_knows(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DamagedPhoto) as found:
        open_photo(tmp_path / name, working_side=64)
    for exif in (found.value.exif, read_metadata(tmp_path / name)[0]):
        assert (str(exif.taken_at), exif.taken_from) == ("2004-05-06 07:08:09", "exif")
        assert (exif.latitude, exif.longitude) == pytest.approx((-33.85, 151.2))
        assert exif.camera == "Sony DSC-1"


def test_its_xmp_and_iptc_are_read_too(tmp_path):
    for name, data in (UNOPENED[0], UNOPENED[4], UNOPENED[5]):
        (tmp_path / name).write_bytes(data)
        assert read_metadata(tmp_path / name)[1].rating == 4, name


@pytest.mark.parametrize("end", range(40, 400, 9))
def test_boxes_that_end_anywhere(tmp_path, end):
    data = heifs.heif([(b"hvc1", b"", b"none"), heifs.exif_item(block()), heifs.xmp_item(PACKET)])
    (tmp_path / "a.heic").write_bytes(data[:end])
    assert read_metadata(tmp_path / "a.heic")[0].taken_from in ("file", "exif", "xmp")


# -- notes that a decoder does not like


def property_of(data, item, kind, change):
    """The AVIF with what an item has of this property changed by `change(data, where it stands)`."""
    meta = bmff.find_meta(data)
    inside = list(bmff.boxes(data, meta[b"iprp"].start, meta[b"iprp"].end))
    kinds = [one.kind for one in bmff.boxes(data, inside[0].start, inside[0].end)]
    at, width = inside[1].start + 8, 1 + (data[inside[1].start + 3] & 1)
    for _ in range(int.from_bytes(data[at - 4 : at], "big")):
        number, count = int.from_bytes(data[at : at + 2], "big"), data[at + 2]
        for one in range(at + 3, at + 3 + count * width, width):
            if number == item and kinds[(data[one] & 0x7F) - 1] == kind:
                return change(data, one)
        at += 3 + count * width
    raise AssertionError("no such property")


def without_size_of_transparency(data):
    return property_of(data, 2, b"ispe", lambda data, at: data[:at] + b"\0" + data[at + 1 :])


def with_two_lists(data):
    """The properties of each item in a list of its own, as the first programs wrote them."""
    meta = bmff.find_meta(data)
    inside = list(bmff.boxes(data, meta[b"iprp"].start, meta[b"iprp"].end))
    listed = inside[1]
    first_end = listed.start + 8 + 3 + data[listed.start + 10]
    lists = [data[listed.start + 8 : first_end], data[first_end : listed.end]]
    new = b"".join(heifs.full_box(b"ipma", struct.pack(">I", 1), one) for one in lists)
    added = len(new) - (listed.end - listed.start + 8)
    longer = bytearray(data[: listed.start - 8] + new + data[listed.end :])
    for around in (meta[b"iprp"].start, meta[b"iprp"].start - 8):
        start = around - 8 if around == meta[b"iprp"].start else data.index(b"meta") - 4
        struct.pack_into(">I", longer, start, int.from_bytes(data[start : start + 4], "big") + added)
    place = bmff.find_meta(bytes(longer))[b"iloc"]
    for item in (0, 1):  # 4 bytes of offset and of length each, one extent
        at = place.start + 8 + 14 * item + 6
        struct.pack_into(">I", longer, at, int.from_bytes(longer[at : at + 4], "big") + added)
    return bytes(longer)


def with_broken_exif(data):
    meta = bmff.find_meta(data)
    item = next(one for one in bmff.find_items(data, meta) if one.kind == b"Exif")
    said = bmff.read_item(data, meta, item.number)
    return data.replace(said, b"\xff" * len(said))


@pytest.mark.parametrize(
    "data",
    [
        without_size_of_transparency(saved("AVIF", "RGBA")),
        with_two_lists(saved("AVIF", "RGBA")),
        with_broken_exif(saved("AVIF", exif=block())),
    ],
    ids=["transparency", "lists", "exif"],
)
def test_an_avif_is_shown_without_what_its_decoder_does_not_like(tmp_path, data):
    (tmp_path / "a.avif").write_bytes(data)
    with pytest.raises((UnidentifiedImageError, ValueError)):
        Image.open(tmp_path / "a.avif")
    decoded = open_photo(tmp_path / "a.avif", working_side=64)
    assert sorted((decoded.width, decoded.height)) == [48, 64]
    assert abs(decoded.pixels.reshape(-1, 3).mean(0) - (90, 120, 90)).max() < 4


def test_what_an_avif_says_is_kept_where_its_transparency_is_refused(tmp_path):
    data = without_size_of_transparency(saved("AVIF", "RGBA", xmp=PACKET))
    (tmp_path / "a.avif").write_bytes(data)
    assert open_photo(tmp_path / "a.avif", working_side=64).written.rating == 4


def test_a_png_keeps_its_notes_where_one_is_too_long_for_pillow(tmp_path):
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", PACKET.decode())
    texts.add_text("Comment", "x" * 5_000_000, zip=True)
    data = saved("PNG", pnginfo=texts, exif=block())
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(ValueError):
        Image.open(tmp_path / "a.png")
    decoded = open_photo(tmp_path / "a.png", working_side=64)
    assert decoded.exif.taken_from == "exif" and decoded.written.rating == 4
    assert (decoded.width, decoded.height) == (48, 64)


@pytest.mark.parametrize("note", [b"JFIF\0", b"JFIF", b"JFIF\0\1"])
def test_a_jpeg_is_shown_without_a_header_that_is_too_short(tmp_path, note):
    jpeg = saved("JPEG", exif=b"Exif\0\0" + block())
    for data in (
        jpeg[:2] + b"\xff\xe0" + struct.pack(">H", 2 + len(note)) + note + jpeg[2:],
        jpeg[:2] + b"\xff\xee\0\x08Adobe\0" + jpeg[2:],
    ):
        (tmp_path / "a.jpg").write_bytes(data)
        decoded = open_photo(tmp_path / "a.jpg", working_side=64)
        assert (decoded.width, decoded.height, decoded.exif.camera) == (48, 64, "Sony DSC-1")


# -- a part of the picture


def with_crop(data, *numbers):
    """The AVIF with a crop of its picture, in the place of the property that tells its colours."""
    data = property_of(
        data, 1, b"colr", lambda data, at: data[:at] + bytes((data[at] | 0x80,)) + data[at + 1 :]
    )
    meta = bmff.find_meta(data)
    colours = next(box for box in bmff.find_properties(data, meta, 1) if box.kind == b"colr")
    packed = struct.pack(">IIIIiIiI", *numbers)
    added = len(packed) - (colours.end - colours.start)
    longer = bytearray(data[: colours.start - 4] + b"clap" + packed + data[colours.end :])
    for start in (colours.start - 8, meta[b"iprp"].start, meta[b"iprp"].start - 8, data.index(b"meta") - 4):
        struct.pack_into(">I", longer, start, int.from_bytes(data[start : start + 4], "big") + added)
    place = bmff.find_meta(bytes(longer))[b"iloc"]
    for item in range(len(bmff.find_items(data, meta))):
        at = place.start + 8 + 14 * item + 6
        struct.pack_into(">I", longer, at, int.from_bytes(longer[at : at + 4], "big") + added)
    return bytes(longer)


def four_colours(**options):
    picture = Image.new("RGB", (64, 48), (200, 40, 40))
    picture.paste((40, 200, 40), (32, 0, 64, 24))
    picture.paste((40, 40, 200), (0, 24, 32, 48))
    picture.paste((220, 220, 220), (32, 24, 64, 48))
    file = io.BytesIO()
    picture.save(file, "AVIF", quality=95, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("numbers", "size_wh", "colour"),
    [
        ((20, 1, 16, 1, 20, 1, -14, 1), (20, 16), (40, 200, 40)),
        ((20, 1, 16, 1, -20, 1, 14, 1), (20, 16), (40, 40, 200)),
        ((40, 2, 32, 2, 40, 2, 28, 2), (20, 16), (220, 220, 220)),
        ((21, 1, 15, 1, -20, 1, -14, 1), (21, 15), (200, 40, 40)),  # half a pixel off
        ((64, 1, 48, 1, 0, 1, 0, 1), (64, 48), None),
        ((64, 1, 48, 1, 9, 1, 0, 1), (64, 48), None),  # beyond its edge
        ((0, 1, 16, 1, 0, 1, 0, 1), (64, 48), None),
        ((20, 0, 16, 1, 0, 1, 0, 1), (64, 48), None),
        ((20, 1, 16, 1, 0, 1, 0, 0), (64, 48), None),
        ((1 << 31, 1, 16, 1, 0, 1, 0, 1), (64, 48), None),
    ],
)
def test_the_part_of_an_avif_that_is_to_be_shown(tmp_path, numbers, size_wh, colour):
    (tmp_path / "a.avif").write_bytes(with_crop(four_colours(), *numbers))
    decoded = open_photo(tmp_path / "a.avif", working_side=64)
    assert (decoded.width, decoded.height) == size_wh
    assert decoded.pixels.shape[:2] == size_wh[::-1]
    if colour:
        assert abs(decoded.pixels.reshape(-1, 3).mean(0) - colour).max() < 12


def test_it_is_cut_out_before_it_is_turned(tmp_path):
    said = Image.Exif()
    said[0x0112] = 6  # Pillow writes that as a property of the picture
    data = with_crop(four_colours(exif=said.tobytes()), 20, 1, 16, 1, 20, 1, -14, 1)
    (tmp_path / "a.avif").write_bytes(data)
    decoded = open_photo(tmp_path / "a.avif", working_side=64)
    assert (decoded.width, decoded.height) == (16, 20)
    assert abs(decoded.pixels.reshape(-1, 3).mean(0) - (40, 200, 40)).max() < 12


def test_a_part_of_a_large_avif(tmp_path):
    """Larger ones are decoded some rows at a time, where they are shown as a whole."""
    picture = Image.new("RGB", (4200, 2400), (200, 40, 40))
    picture.paste((40, 200, 40), (3800, 0, 4200, 2400))
    file = io.BytesIO()
    picture.save(file, "AVIF", speed=10)
    data = with_crop(file.getvalue(), 3800, 1, 2400, 1, -200, 1, 0, 1)
    (tmp_path / "a.avif").write_bytes(data)
    decoded = open_photo(tmp_path / "a.avif", working_side=64)
    assert (decoded.width, decoded.height) == (3800, 2400)
    assert abs(decoded.pixels.astype(int) - (200, 40, 40)).max() < 12

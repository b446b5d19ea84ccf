"""What programs wrote into photos, by real files: regions in every orientation, and each kind of field."""

import os
import struct

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from phototag.metadata.beside import Reader
from phototag.reading.decode import open_photo, read_metadata
from phototag.records import Box

SIZE_WH = (120, 80)
FACE = Box(0.125, 0.25, 0.375, 0.5)  # in the stored picture
PACKET = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/"{attributes}>{inner}</rdf:Description>
</rdf:RDF></x:xmpmeta>"""
MWG = """<mwg-rs:Regions xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#" xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#"
rdf:parseType="Resource"><mwg-rs:AppliedToDimensions stDim:w="{w}" stDim:h="{h}" stDim:unit="pixel"/>
<mwg-rs:RegionList><rdf:Bag><rdf:li rdf:parseType="Resource"><mwg-rs:Name>Anna</mwg-rs:Name>
<mwg-rs:Type>Face</mwg-rs:Type><mwg-rs:Area stArea:x="{x}" stArea:y="{y}" stArea:w="{width}"
stArea:h="{height}" stArea:unit="normalized"/></rdf:li></rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>"""
MP = """<MP:RegionInfo xmlns:MP="http://ns.microsoft.com/photo/1.2/"
xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#" xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#"
rdf:parseType="Resource"><MPRI:Regions><rdf:Bag><rdf:li MPReg:PersonDisplayName="Anna"
MPReg:Rectangle="{left}, {top}, {width}, {height}"/></rdf:Bag></MPRI:Regions></MP:RegionInfo>"""


def packet(inner="", attributes=""):
    return PACKET.format(inner=inner, attributes=attributes).encode()


def mwg(size_wh=SIZE_WH, box=FACE):
    middle = {"x": (box.left + box.right) / 2, "y": (box.top + box.bottom) / 2}
    return MWG.format(w=size_wh[0], h=size_wh[1], width=box.width, height=box.height, **middle)


def picture():
    """Grey, with the face in red."""
    pixels = np.full((SIZE_WH[1], SIZE_WH[0], 3), 90, np.uint8)
    left, top, right, bottom = FACE.pixels(*SIZE_WH)
    pixels[top:bottom, left:right] = (250, 10, 10)
    return Image.fromarray(pixels)


def red_box(path):
    """Where the face is in the photo as taggers see it."""
    pixels = open_photo(path, working_side=1000).pixels.astype(int)
    rows, columns = np.nonzero((pixels[..., 0] > 170) & (pixels[..., 1] < 90))
    height, width = pixels.shape[:2]
    return Box(
        columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height
    )


def persons(path, beside=()):
    return read_metadata(path, beside)[1].persons


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "webp", "avif"])
@pytest.mark.parametrize(
    "regions",
    [mwg(), MP.format(left=FACE.left, top=FACE.top, width=FACE.width, height=FACE.height)],
    ids=["mwg", "mp"],
)
def test_regions_lie_where_the_faces_are(tmp_path, orientation, ending, regions):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{ending}"
    more = {"tiffinfo": {700: packet(regions)}} if ending == "tif" else {"xmp": packet(regions)}
    if ending == "png":
        chunks = PngImagePlugin.PngInfo()
        chunks.add_itxt("XML:com.adobe.xmp", packet(regions).decode())
        more = {"pnginfo": chunks}
    if ending == "tif":
        exif[700] = packet(regions)
        more = {}
    picture().save(
        path,
        exif=exif.tobytes() if ending != "tif" else exif,
        **more,
        **(
            {"quality": 98, "subsampling": 0}
            if ending == "jpg"
            else {"lossless": True}
            if ending == "webp"
            else {}
        ),
    )
    (anna,) = persons(path)
    assert anna.source == "embedded"
    assert anna.box.iou(red_box(path)) >= 0.99


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_same_regions_in_a_sidecar(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.jpg"
    picture().save(path, exif=exif.tobytes(), quality=98, subsampling=0)
    (tmp_path / "a.jpg.xmp").write_bytes(packet(mwg()))
    left, top, right, bottom = (f"{round(edge * 65535):04x}" for edge in FACE)
    (tmp_path / ".picasa.ini").write_text(
        f"[Contacts2]\n0123456789abcdef=Ben;;\n[a.jpg]\nfaces=rect64({left}{top}{right}{bottom}),0123456789abcdef\n"
    )
    for name, person in (("a.jpg.xmp", "Anna"), (".picasa.ini", "Ben")):
        beside = Reader().read(str(tmp_path), "a.jpg", [name])
        (found,) = persons(path, beside)
        assert found.name == person
        assert found.box.iou(red_box(path)) >= 0.99


def test_only_what_stands_before_the_pixels_is_read(tmp_path, monkeypatch):
    path = tmp_path / "a.jpg"
    noise = np.random.default_rng(0).integers(0, 255, (900, 900, 3), np.uint8)
    Image.fromarray(noise).save(path, xmp=packet(attributes=' xmp:Rating="4"'), quality=98)
    whole = read_metadata(path)
    with open(path, "r+b") as file:
        file.truncate(100_000)
    assert read_metadata(path) == whole
    assert whole[1].rating == 4
    assert whole[1].sources == {"rating": "embedded"}


def test_a_packet_too_long_for_one_segment(tmp_path):
    """Face regions of a crowd, keywords of a stock agency: JPEG's second packet."""
    words = "".join(f"<rdf:li>keyword {number}</rdf:li>" for number in range(900))
    more = packet(
        f'<dc:subject xmlns:dc="http://purl.org/dc/elements/1.1/"><rdf:Bag>{words}</rdf:Bag></dc:subject>'
    )
    path = tmp_path / "a.jpg"
    picture().save(path, xmp=packet(attributes=' xmp:Rating="3"'))
    data = path.read_bytes()
    head = b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32
    parts = [(start, more[start : start + 20_000]) for start in range(0, len(more), 20_000)]
    segments = b""
    for start, part in reversed(parts):
        body = head + struct.pack(">II", len(more), start) + part
        segments += b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    path.write_bytes(data[:2] + segments + data[2:])
    _, written = read_metadata(path)
    assert written.rating == 3
    assert len(written.keywords) == 900


def test_what_windows_writes_into_exif(tmp_path):
    exif = Image.Exif()
    exif[0x4746] = 4
    exif[0x9C9B] = "Tïtle".encode("utf-16-le") + b"\0\0"
    exif[0x9C9E] = "one;two; three".encode("utf-16-le") + b"\0\0"
    exif[0x010E] = "Ünïcode".encode()
    picture().save(tmp_path / "a.jpg", exif=exif.tobytes())
    _, written = read_metadata(tmp_path / "a.jpg")
    assert (written.rating, written.title, written.description) == (4, "Tïtle", "Ünïcode")
    assert written.keywords == ("one", "two", "three")


def test_a_raw_file_that_is_a_tiff_is_read_without_its_decoder(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[700] = packet(mwg(), ' xmp:Rating="4" xmp:CreateDate="2016-05-04T10:00:00"')
    picture().save(tmp_path / "a.tif", exif=exif)
    (tmp_path / "a.tif").rename(tmp_path / "a.dng")
    facts, written = read_metadata(tmp_path / "a.dng")
    assert (facts.taken_from, facts.taken_at.isoformat()) == ("xmp", "2016-05-04T10:00:00")
    assert (written.rating, [one.name for one in written.persons]) == (4, ["Anna"])
    assert written.persons[0].box == Box(0.5, 0.125, 0.75, 0.375), "turned upright"


def test_the_iptc_of_a_raw_file_that_is_a_tiff(tmp_path):
    exif = Image.Exif()
    iptc = b"\x1c\x02\x78\0\x09A caption\x1c\x02\x19\0\x03one"
    exif.get_ifd(0x8769)[0x9003] = "2016:05:04 10:00:00"
    resources = b"8BIM\x04\x04\0\0" + len(iptc).to_bytes(4, "big") + iptc
    for tag, block in ((33723, iptc), (34377, resources)):
        exif[tag] = block
        picture().save(tmp_path / "a.tif", exif=exif)
        (tmp_path / "a.tif").rename(tmp_path / "a.nef")
        _, written = read_metadata(tmp_path / "a.nef")
        assert (written.description, written.keywords) == ("A caption", ("one",))
        del exif[tag]


def test_a_png_with_profiles_of_exif_and_of_iptc_has_both(tmp_path):
    def profile(name, block):
        return f"\n{name}\n{len(block):8}\n{block.hex()}\n"

    exif = Image.Exif()
    exif[0x010F] = "Nikon"
    info = PngImagePlugin.PngInfo()
    info.add_text("Raw profile type exif", profile("exif", exif.tobytes()))
    info.add_text("Raw profile type iptc", profile("iptc", b"\x1c\x02\x05\0\x04ovni"))
    picture().save(tmp_path / "a.png", pnginfo=info)
    facts, written = read_metadata(tmp_path / "a.png")
    assert (facts.camera, written.title) == ("Nikon", "ovni")


@pytest.mark.parametrize(
    "text",
    [
        *("OLYMPUS DIGITAL CAMERA", "SONY DSC", r"DCIM\100MEDIA\DJI_0001.JPG", "   "),
        *("My beautiful picture", "Digital image", "Digital StillCamera "),
    ],
)
def test_what_cameras_write_of_every_photo_is_no_description(tmp_path, text):
    exif = Image.Exif()
    exif[0x010E] = text
    picture().save(tmp_path / "a.jpg", exif=exif.tobytes())
    assert read_metadata(tmp_path / "a.jpg")[1].description is None


def test_a_photo_that_cannot_be_opened_has_what_its_sidecar_says(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    (tmp_path / "a.jpg.xmp").write_bytes(packet(attributes=' xmp:Rating="2" xmp:CreateDate="1993-07"'))
    beside = Reader().read(str(tmp_path), "a.jpg", ["a.jpg.xmp"])
    exif, written = read_metadata(tmp_path / "a.jpg", beside)
    assert (exif.taken_from, written.rating) == ("sidecar", 2)


@pytest.mark.parametrize("data", [b"", b"<", b"<!DOCTYPE a><a/>", b"\xff\xfe", b"<a>" * 100_000])
def test_a_hostile_sidecar_costs_one_sentence(tmp_path, data):
    (tmp_path / "a.jpg.xmp").write_bytes(data)
    reader = Reader()
    assert reader.read(str(tmp_path), "a.jpg", ["a.jpg.xmp"]) == ()
    assert list(reader.errors) == [str(tmp_path / "a.jpg.xmp")]
    assert "\n" not in reader.errors[str(tmp_path / "a.jpg.xmp")]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_beside_a_photo_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.jpg.xmp")
    reader = Reader()
    assert reader.read(str(tmp_path), "a.jpg", ["a.jpg.xmp", "gone.json"]) == ()
    assert list(reader.errors) == [str(tmp_path / "a.jpg.xmp")]


def test_a_sidecar_for_another_extension_is_not_this_photos(tmp_path):
    named = 'xmlns:p="http://ns.adobe.com/photoshop/1.0/" p:SidecarForExtension="CR2" xmp:Rating="5"'
    (tmp_path / "a.xmp").write_bytes(packet(attributes=" " + named))
    assert Reader().read(str(tmp_path), "a.jpg", ["a.xmp"]) == ()
    assert Reader().read(str(tmp_path), "a.cr2", ["a.xmp"])[0].metadata.rating == 5

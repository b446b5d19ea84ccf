"""Dates in every place where a file may carry one, through the door that photos are opened by."""

import io
import os
import struct

import pytest
from PIL import Image, PngImagePlugin

from phototag.metadata.iptc import parse_iptc
from phototag.reading.decode import DamagedPhoto, open_photo
from phototag.records import date_text
from tests.reading import pictures as make

PACKET = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:DateCreated="1993-07"/>'
    b"</rdf:RDF></x:xmpmeta>"
)


def exif(date, tag=0x9003):
    said = Image.Exif()
    (said if tag == 0x0132 else said.get_ifd(0x8769))[tag] = date
    return said.tobytes()


def saved(kind, **options):
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (90, 120, 90)).save(file, kind, **options)
    return file.getvalue()


def segment(marker, body):
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def with_segments(jpeg, *segments):
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def png_with(**texts):
    info = PngImagePlugin.PngInfo()
    for keyword, text in texts.items():
        info.add_text(keyword.replace("_", " "), text)
    return saved("PNG", pnginfo=info)


def raw_profile(block):
    return f"\nexif\n{len(block):8}\n{block.hex()}\n"


def photoshop(block):
    resource = b"8BIM" + struct.pack(">HHI", 0x0404, 0, len(block)) + block
    return segment(0xED, b"Photoshop 3.0\0" + resource)


def dataset(number, text):
    return b"\x1c\x02" + bytes((number,)) + struct.pack(">H", len(text)) + text


def resource(name, block):
    """One of Photoshop's: a name that is filled up to an even length, and so are the contents."""
    names = bytes((len(name),)) + name + bytes((len(name) + 1) % 2)
    number = 0x0404 if block[:1] == b"\x1c" else 0x03ED
    return (
        b"8BIM"
        + struct.pack(">H", number)
        + names
        + struct.pack(">I", len(block))
        + block
        + bytes(len(block) % 2)
    )


MODIFIED = PACKET.replace(b"photoshop:DateCreated", b"xmp:ModifyDate").replace(
    b"1993-07", b"2011-03-08T02:32:12"
)
MODIFIED = MODIFIED.replace(b"xmlns:photoshop", b"xmlns:xmp").replace(b"photoshop/1.0/", b"xap/1.0/")
GIF_END = b"\x01" + bytes(range(255, -1, -1)) + b"\0"  # makes a packet look like blocks


def gif_with(packet):
    data = saved("GIF")
    picture = data.index(b",", 13 + 3 * (2 << (data[10] & 7)))
    return data[:picture] + b"!\xff\x0bXMP DataXMP" + packet + data[picture:]


def in_blocks(packet):
    parts = [packet[at : at + 200] for at in range(0, len(packet), 200)]
    return b"".join(bytes((len(part),)) + part for part in parts) + b"\0"


def saved_at(*moment):
    """A PNG that says when it was last changed."""
    info = PngImagePlugin.PngInfo()
    info.add(b"tIME", struct.pack(">H5B", *moment))
    return saved("PNG", pnginfo=info)


IPTC = dataset(55, b"19930704") + dataset(60, b"090506+0200")
IPTC += dataset(5, b"x" * (4 - (len(IPTC) + 5) % 4))  # whole numbers of four bytes


def tiff_with_longs(order):
    """IPTC as Photoshop writes it in a TIFF: as if it were numbers."""
    tags, pixels = make.tiff_page(40, 30, (200, 60, 30), order=order)
    tags[33723] = (4, struct.unpack(f"{order}{len(IPTC) // 4}I", IPTC))
    return make.tiff([(tags, pixels)], order)


def taken(folder, name, data):
    path = folder / name
    path.write_bytes(data)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    facts = open_photo(path, working_side=64).exif
    return date_text(facts.taken_at, facts.taken_precision), facts.taken_from


@pytest.mark.parametrize(
    ("name", "data", "known"),
    [
        ("a.jpg", saved("JPEG", xmp=PACKET), ("1993-07", "xmp")),
        ("a.webp", saved("WEBP", xmp=PACKET), ("1993-07", "xmp")),
        ("a.avif", saved("AVIF", xmp=PACKET), ("1993-07", "xmp")),
        ("a.tif", saved("TIFF", tiffinfo={700: PACKET}), ("1993-07", "xmp")),
        ("a.png", png_with(**{"XML:com.adobe.xmp": PACKET.decode()}), ("1993-07", "xmp")),
        ("a.jpg", saved("JPEG", xmp=PACKET, exif=exif("1992")), ("1992", "exif")),
        ("a.jpg", saved("JPEG", xmp=PACKET, exif=exif("2020:01:02 03:04:05", 0x0132)), ("1993-07", "xmp")),
        (
            "a.jpg",
            with_segments(saved("JPEG"), photoshop(dataset(55, b"19930704") + dataset(60, b"090506+0200"))),
            ("1993-07-04 09:05:06", "iptc"),
        ),
        ("a.jpg", with_segments(saved("JPEG"), photoshop(dataset(55, b"19930000"))), ("1993", "iptc")),
        ("a.png", png_with(Creation_Time="Sun, 04 Jul 1993 09:05:06 +0200"), ("1993-07-04 09:05:06", "text")),
        ("a.png", png_with(Creation_Time="1993-07-04T09:05"), ("1993-07-04 09:05", "text")),
        (
            "a.png",
            png_with(Raw_profile_type_APP1=raw_profile(b"Exif\0\0" + exif("1993:07:04 09:05:06")[6:])),
            ("1993-07-04 09:05:06", "text"),
        ),
        ("a.png", png_with(Raw_profile_type_xmp=raw_profile(PACKET)), ("1993-07", "xmp")),
        *(
            ("a.png", png_with(**{keyword: raw_profile(block)}), ("1993-07-04 09:05:06", "iptc"))
            for keyword, block in (
                ("Raw profile type iptc", resource(b"", IPTC)),
                ("Raw profile type iptc", IPTC),
                ("Raw profile type 8bim", resource(b"odd", b"any") + resource(b"", IPTC)),
            )
        ),
        ("a.tif", saved("TIFF", tiffinfo={33723: IPTC}), ("1993-07-04 09:05:06", "iptc")),
        ("a.tif", saved("TIFF", tiffinfo={34377: resource(b"", IPTC)}), ("1993-07-04 09:05:06", "iptc")),
        ("a.tif", tiff_with_longs("<"), ("1993-07-04 09:05:06", "iptc")),
        ("a.tif", tiff_with_longs(">"), ("1993-07-04 09:05:06", "iptc")),
        # a head with a blank, with another beginning, and the rest of a longer packet behind the packet
        *(
            ("a.jpg", with_segments(saved("JPEG"), segment(0xE1, head + PACKET)), ("1993-07", "xmp"))
            for head in (
                b"http://ns.adobe.com/xap/1.0/ \0",
                b"XMP\0://ns.adobe.com/xap/1.0/\0",
                b"https://ns.adobe.com/xap/1.0/\0",
            )
        ),
        ("a.jpg", saved("JPEG", xmp=PACKET + b">\n</rdf:RDF></x:xmpmeta>"), ("1993-07", "xmp")),
        ("a.webp", saved("WEBP", xmp=PACKET + b"<?xpacket end='w'?>>></rdf:li>"), ("1993-07", "xmp")),
        ("a.png", png_with(**{"XML:com.adobe.xmp": PACKET.decode() + "\n <a/>"}), ("1993-07", "xmp")),
        # a profile of which the stated length, not the text, tells the end
        *(
            ("a.png", png_with(Raw_profile_type_xmp=raw_profile(PACKET) + rest), ("1993-07", "xmp"))
            for rest in ("}}}\xd1\x01", "\n0", "3c")
        ),
        ("a.gif", gif_with(PACKET + GIF_END), ("1993-07", "xmp")),
        ("a.gif", gif_with(b"\xef\xbb\xbf" + PACKET + GIF_END), ("1993-07", "xmp")),
        ("a.gif", gif_with(in_blocks(PACKET)), ("1993-07", "xmp")),
        # when it was last saved, where nothing better is said
        ("a.png", saved_at(2005, 2, 1, 11, 50, 14), ("2005-02-01 11:50:14", "modified")),
        ("a.png", saved_at(2016, 12, 31, 23, 59, 60), ("2016-12-31 23:59:59", "modified")),
        *(
            ("a.png", saved_at(*none), ("2023-11-14 22:13:20", "file"))
            for none in (
                (0, 0, 0, 0, 0, 0),
                (2005, 2, 30, 0, 0, 0),
                (1970, 1, 1, 0, 0, 0),
                (2005, 2, 1, 24, 0, 0),
            )
        ),
        ("a.jpg", saved("JPEG", xmp=MODIFIED), ("2011-03-08 02:32:12", "modified")),
        (
            "a.jpg",
            saved("JPEG", xmp=MODIFIED, exif=exif("2010:01:02 03:04:05", 0x0132)),
            ("2010-01-02 03:04:05", "modified"),
        ),
        ("IMG_20100102_030405.png", saved_at(2011, 1, 2, 3, 4, 5), ("2010-01-02 03:04:05", "name")),
        (
            "a.jpg",
            with_segments(
                saved("JPEG"),
                segment(0xE1, exif("2020:01:02 03:04:05", 0x0132)),
                segment(0xE1, exif("1993:07:04 09:05:06")),
            ),
            ("1993-07-04 09:05:06", "text"),
        ),
    ],
)
def test_a_date_wherever_it_is(tmp_path, name, data, known):
    assert taken(tmp_path, name, data) == known


@pytest.mark.parametrize(
    ("notes", "known"),
    [
        ({"xmp": PACKET}, ("1993-07", "xmp")),
        ({"exif": exif("1993:07:04 09:05:06")}, ("1993-07-04 09:05:06", "text")),
        ({"exif": exif("1993:07:04 09:05:06"), "xmp": PACKET.replace(b"07", b"08")}, ("1993-08", "xmp")),
    ],
)
def test_notes_in_a_webp_that_its_header_does_not_announce(tmp_path, notes, known):
    data = bytearray(saved("WEBP", **notes))
    assert data[12:16] == b"VP8X" and data[20] & 0b1100
    data[20] &= 0b11110011
    assert taken(tmp_path, "a.webp", bytes(data)) == known


@pytest.mark.parametrize(
    ("stated", "known"),
    [
        ("1993:00:00 00:00:00", "1993"),
        ("1993-00-00 12:00:00", "1993"),
        ("1993:07:  00:00:00", "1993-07"),
        ("1993:07:04   :  :  ", "1993-07-04"),
        ("1993:7:4 9:05:06", "1993-07-04 09:05:06"),
    ],
)
def test_a_partial_date_of_a_print_beats_the_date_of_its_scan(tmp_path, stated, known):
    said = Image.Exif()
    said.get_ifd(0x8769).update({0x9003: stated, 0x9004: "2021:02:03 04:05:06"})
    assert taken(tmp_path, "print.jpg", saved("JPEG", exif=said.tobytes())) == (known, "exif")


def test_a_picture_that_is_cut_short_says_when_it_was_taken(tmp_path):
    file = io.BytesIO()
    Image.effect_noise((640, 480), 60).save(file, "JPEG")
    data = with_segments(file.getvalue(), photoshop(dataset(55, b"19930704")))
    (tmp_path / "IMG_1.jpg").write_bytes(data[: len(data) // 2])
    with pytest.raises(DamagedPhoto) as found:
        open_photo(tmp_path / "IMG_1.jpg", working_side=64)
    assert (found.value.exif.taken_from, found.value.exif.taken_at.year) == ("iptc", 1993)


@pytest.mark.parametrize(
    "block", [b"", b"\x1c", b"\x1c\x02\x37\xff\xff", b"\x1c\x02\x37\0\x09short", b"junk" * 9]
)
def test_iptc_that_is_none(block):
    assert parse_iptc(block) == {}


def test_a_text_that_unpacks_to_very_much_is_cut(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_text("Creation Time", "1993" + " " * 50_000_000, zip=True)
    assert taken(tmp_path, "a.png", saved("PNG", pnginfo=info))[1] in ("text", "file")


def whole_exif():
    said = Image.Exif()
    said[0x010F], said[0x0110] = "Sony", "DSC-1"
    gps = said.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "S", (33.0, 51.0, 0.0), "E", (151.0, 12.0, 0.0)
    return b"Exif\0\0" + said.tobytes().removeprefix(b"Exif\0\0")


@pytest.mark.parametrize(
    "data",
    [
        png_with(Raw_profile_type_APP1=raw_profile(whole_exif())),
        png_with(Raw_profile_type_exif=raw_profile(whole_exif()) + "}}"),
        with_segments(
            saved("JPEG"), segment(0xE1, exif("2020:01:02 03:04:05", 0x0132)), segment(0xE1, whole_exif())
        ),
    ],
    ids=["APP1", "exif", "second"],
)
def test_camera_and_place_of_exif_that_is_not_the_first(tmp_path, data):
    (tmp_path / "a").write_bytes(data)
    found = open_photo(tmp_path / "a", working_side=64).exif
    assert found.camera == "Sony DSC-1"
    assert (found.latitude, found.longitude) == pytest.approx((-33.85, 151.2))

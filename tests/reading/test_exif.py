import struct
from datetime import datetime

import pytest
from PIL import Image

from phototag.reading.decode import open_photo
from phototag.reading.exif import orientation, parse_exif
from tests.reading import pictures as make


def tags(top=None, inner=None, gps=None):
    written = Image.Exif()
    for number, value in (top or {}).items():
        written[number] = value
    written.get_ifd(0x8769).update(inner or {})
    written.get_ifd(0x8825).update(gps or {})
    read = Image.Exif()  # as it comes out of a file, not as it was put in
    read.load(written.tobytes())
    return read


TAKEN, SCANNED, SAVED = (
    {0x9003: "2016:05:04 03:02:01"},
    {0x9004: "2017:01:01 01:01:01"},
    {0x0132: "2018:01:01 01:01:01"},
)


@pytest.mark.parametrize(
    ("top", "inner", "year", "source"),
    [
        (SAVED, TAKEN | SCANNED, 2016, "exif"),
        (SAVED, SCANNED, 2017, "digitized"),
        (SAVED, {}, 2018, "modified"),
        (SAVED, {0x9003: "0000:00:00 00:00:00"}, 2018, "modified"),
        (SAVED, {0x9003: "2016:02:30 10:00:00"}, 2018, "modified"),
        (SAVED, {0x9003: "2099:01:01 00:00:00"}, 2018, "modified"),
        (SAVED, {0x9003: "1970:01:01 00:00:00"}, 2018, "modified"),
        (SAVED, {0x9003: "    :  :     :  :  "}, 2018, "modified"),
        (SAVED, {0x9003: "1912:04:10 12:00:00"}, 1912, "exif"),  # a scanned print
        ({}, {0x9003: "2016-05-04T03:02:01.55"}, 2016, "exif"),
    ],
)
def test_the_first_date_that_makes_sense(top, inner, year, source):
    found = parse_exif(tags(top, inner), mtime=0)
    assert (found.taken_at.year, found.taken_from) == (year, source)


def test_without_a_date_the_file_has_one_and_says_so():
    found = parse_exif(tags(), mtime=1_400_000_000.7)
    assert (found.taken_at, found.taken_from) == (datetime.fromtimestamp(1_400_000_000), "file")
    assert parse_exif(None, mtime=1e20).taken_at is None
    assert parse_exif(None, mtime=None).taken_from is None


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("+02:00", 120), ("-09:30", -570), ("+14:00", 840), ("+15:00", None), ("Z", 0), ("+05:75", None)],
)
def test_the_offset_belongs_to_its_date(text, minutes):
    assert parse_exif(tags(inner=TAKEN | {0x9011: text}), None).utc_offset_minutes == minutes
    assert parse_exif(tags(inner=TAKEN | {0x9012: text}), None).utc_offset_minutes is None


def test_places():
    south_west = {1: "S", 2: (22.0, 57.0, 6.0), 3: "W", 4: (43.0, 12.0, 36.0)}
    found = parse_exif(tags(gps=south_west), None)
    assert (found.latitude, found.longitude) == (pytest.approx(-22.951667), pytest.approx(-43.21))


@pytest.mark.parametrize(
    "change",
    [
        {1: "X"},  # no such hemisphere
        {1: None},  # none at all: north and south are not to be guessed
        {2: (91.0, 0.0, 0.0)},
        {4: (181.0, 0.0, 0.0)},
        {2: (10.0, 99.0, 0.0)},
        {2: (0.0, 0.0, 0.0), 4: (0.0, 0.0, 0.0)},  # no fix
    ],
)
def test_places_that_make_no_sense(change):
    place = {1: "N", 2: (10.0, 20.0, 30.0), 3: "E", 4: (10.0, 20.0, 30.0)} | change
    found = parse_exif(tags(gps={key: value for key, value in place.items() if value is not None}), None)
    assert (found.latitude, found.longitude) == (None, None)


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("Canon", "Canon EOS 5D", "Canon EOS 5D"),
        ("NIKON CORPORATION", "NIKON D70", "NIKON D70"),
        ("Google", "Pixel 8", "Google Pixel 8"),
        ("Apple", "", "Apple"),
        ("", "Holga", "Holga"),
        ("  \x1b[2JEvil\n", "Cam\x07era\x00junk", "[2JEvil Cam era"),
        # UTF-8, which Pillow gives as Latin-1; and Latin-1
        ("大疆".encode(), "御 2".encode(), "大疆 御 2"),
        ("Pentacon", "Praktica Müller".encode(), "Pentacon Praktica Müller"),
        ("Müller".encode("latin-1"), "Müller 2".encode("latin-1"), "Müller 2"),
        ("", "", None),
        ("x" * 500, "y", "x" * 80),
    ],
)
def test_cameras(make, model, camera):
    assert parse_exif(tags({0x010F: make, 0x0110: model}), None).camera == camera


@pytest.mark.parametrize(("written", "read"), [(1, 1), (6, 6), (8, 8), (0, 1), (9, 1), (99, 1)])
def test_orientation(written, read):
    assert parse_exif(tags({0x0112: written}), None).orientation == read


@pytest.mark.parametrize(
    ("written", "read"), [(b"\x06", 6), (b"\x08", 8), (b"\x09", 1), (b"\x06\0", 1), (b"", 1)]
)
def test_orientation_as_bytes(written, read):
    assert orientation({0x0112: written}) == read


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_whose_orientation_is_a_byte_is_turned(tmp_path, order):
    page, pixels = make.tiff_page(40, 30, (200, 60, 30), order=order)
    page[0x0112] = (1, (6,))
    (tmp_path / "a.tif").write_bytes(make.tiff([(page, pixels)], order))
    decoded = open_photo(tmp_path / "a.tif", working_side=64)
    assert (decoded.width, decoded.height, decoded.exif.orientation) == (30, 40, 6)
    assert decoded.pixels.shape == (40, 30, 3)


@pytest.mark.parametrize("tag", [0x8769, 0x8825, 0x014A])
def test_a_tiff_whose_folder_stands_nowhere_is_shown(tmp_path, tag):
    """What stands there says of itself that it is very long."""
    page, pixels = make.tiff_page(40, 30, (200, 60, 30))
    page[tag] = (4, (60,))
    data = make.tiff([(page, pixels)])
    garbage = struct.pack("<HHHII", 1, 0x9000, 77, 1 << 31, 0)
    page[tag] = (4, (len(data),))
    (tmp_path / "a.tif").write_bytes(make.tiff([(page, pixels)]) + garbage)
    assert open_photo(tmp_path / "a.tif", working_side=64).pixels.shape == (30, 40, 3)


def with_utf_8(block, tag):
    """The block of Exif with this tag of the type that Exif 3.0 has for text in UTF-8."""
    order = "<" if block[:2] == b"II" else ">"
    found = block.index(struct.pack(order + "HH", tag, 2))
    return block[: found + 2] + struct.pack(order + "H", 129) + block[found + 4 :]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_text_in_utf_8_of_its_own_type(tmp_path, kind, order):
    said = Image.Exif()
    said.endian = order
    said[0x010F], said[0x0110], said[0x010E] = "Zenit", "Зенит-E".encode(), "Wäscherei".encode()
    said.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    said.get_ifd(0x8825)[0x1D] = "2024:05:06"
    block = said.tobytes()[6:]
    for tag in (0x010F, 0x0110, 0x010E, 0x9003, 0x1D):
        block = with_utf_8(block, tag)
    Image.new("RGB", (8, 8)).save(tmp_path / "a", kind, exif=b"Exif\0\0" + block)
    decoded = open_photo(tmp_path / "a", working_side=8)
    assert str(decoded.exif.taken_at) == "2024-05-06 07:08:09"
    assert decoded.exif.camera == "Zenit Зенит-E"
    assert decoded.written.description == "Wäscherei"

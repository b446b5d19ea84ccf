from datetime import datetime

import pytest
from PIL import Image

from phototag.reading.exif import parse_exif


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
        ("", "", None),
        ("x" * 500, "y", "x" * 80),
    ],
)
def test_cameras(make, model, camera):
    assert parse_exif(tags({0x010F: make, 0x0110: model}), None).camera == camera


@pytest.mark.parametrize(("written", "read"), [(1, 1), (6, 6), (8, 8), (0, 1), (9, 1), (99, 1)])
def test_orientation(written, read):
    assert parse_exif(tags({0x0112: written}), None).orientation == read

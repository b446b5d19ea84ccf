"""Places as cameras, phones and programs write them."""

import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from phototag.reading.decode import open_photo
from phototag.reading.place import find_place, parse_degrees

NAN = IFDRational(0, 0)
PARIS = (pytest.approx(48.858222, abs=2e-3), pytest.approx(2.2945, abs=2e-3))
RIO = (pytest.approx(-22.951667, abs=1e-4), pytest.approx(-43.21, abs=1e-4))


def gps(latitude_ref, latitude, longitude_ref, longitude):
    return {1: latitude_ref, 2: latitude, 3: longitude_ref, 4: longitude}


@pytest.mark.parametrize(
    "tags",
    [
        gps("N", (48.0, 51.0, 29.6), "E", (2.0, 17.0, 40.2)),
        gps("N", (48, IFDRational(5149, 100), NAN), "E", (2, IFDRational(1767, 100), NAN)),
        gps("N", (48, IFDRational(5149, 100)), "E", (2, IFDRational(1767, 100))),
        gps("N", 48.858222, "E", 2.2945),
        gps("N", IFDRational(48858222, 1000000), "E", IFDRational(22945, 10000)),
        gps("N", (48.858222,), "E", (2.2945,)),
        gps("N", (48.858222, NAN, NAN), "E", (2.2945, NAN, NAN)),
        gps("North", (48.0, 51.0, 29.6), "East", (2.0, 17.0, 40.2)),
        gps("north latitude", (48.0, 51.0, 29.6), "EAST\0", (2.0, 17.0, 40.2)),
        gps(b"N\0", (48.0, 51.0, 29.6), b"E\0", (2.0, 17.0, 40.2)),
        gps("N ", "48.858222", "E", "2.2945"),
        gps(None, "48,51.4933N", None, "2,17.67E"),
        gps(None, "48,51,29.6N", None, "2,17,40.2E"),
        gps(None, "48° 51' 29.6\" N", None, "2 deg 17' 40.2\" E"),
        gps("N", "48/1 51/1 296/10", "E", "2/1 17/1 402/10"),
        gps("N", ((48, 1), (51, 1), (296, 10)), "E", ((2, 1), (17, 1), (402, 10))),
        gps("N", ((48, 1), (5149, 100), (0, 0)), "E", ((2, 1), (1767, 100), (0, 0))),
        gps("N", "48,858222", "E", "2,2945"),
    ],
)
def test_north_and_east(tags):
    assert find_place(tags) == PARIS


@pytest.mark.parametrize(
    "tags",
    [
        gps("S", (22.0, 57.0, 6.0), "W", (43.0, 12.0, 36.0)),
        gps("S", (-22.0, 57.0, 6.0), "W", (-43.0, 12.0, 36.0)),
        gps("South", -22.951667, "West", -43.21),
        gps("N", -22.951667, "E", -43.21),
        gps(None, -22.951667, None, -43.21),
        gps("", "-22.951667", "", "-43.21"),
        gps("S", "-22,57.1", "W", "-43,12.6"),
    ],
)
def test_south_and_west(tags):
    assert find_place(tags) == RIO


@pytest.mark.parametrize(
    "tags",
    [
        {},
        gps(None, 48.8, None, 2.2),  # of an unsigned number nobody knows the hemisphere
        gps("X", 48.8, "E", 2.2),
        gps("E", 48.8, "N", 2.2),
        gps("N", 91.0, "E", 2.2),
        gps("N", 48.8, "E", 180.1),
        gps("N", (48.0, 61.0, 0.0), "E", 2.2),
        gps("N", (48.0, -1.0, 0.0), "E", 2.2),
        gps("N", (NAN, 10.0, 0.0), "E", 2.2),
        gps("N", (1.0, 2.0, 3.0, 4.0), "E", 2.2),
        gps("N", math.inf, "E", 2.2),
        gps("N", "nowhere", "E", 2.2),
        gps("N", None, "E", 2.2),
        gps("N", (0.0, 0.0, 0.0), "E", (0.0, 0.0, 0.0)),  # no fix
        gps("N", (0.0, 0.0, 0.01), "E", (0.0, 0.0, 0.01)),  # and rounded on the way
        gps("N", (10**400,), "E", 2.2),
    ],
)
def test_places_that_make_no_sense(tags):
    assert find_place(tags) == (None, None)


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("48,51N", 48.85),  # as XMP writes whole minutes
        ("48,5N", 48 + 5 / 60),
        ("48,51.6N", 48.86),
        ("48,51,36N", 48.86),
        ("48,8582N", 48.8582),  # a comma before decimals
        ("48,86", 48.86),
        ("48,75N", 48.75),  # no 75 minutes
    ],
)
def test_what_a_comma_stands_for(text, degrees):
    assert parse_degrees(text, "N", "NS", 90) == pytest.approx(degrees)


anything = st.one_of(
    st.none(),
    st.text(max_size=40),
    st.binary(max_size=40),
    st.floats(),
    st.integers(),
    st.lists(
        st.one_of(st.floats(), st.integers(), st.text(max_size=5), st.tuples(st.integers(), st.integers()))
    ),
)


@given(anything, anything, anything, anything)
def test_whatever_is_written_gives_a_place_or_none(latitude_ref, latitude, longitude_ref, longitude):
    found = find_place(gps(latitude_ref, latitude, longitude_ref, longitude))
    assert found == (None, None) or (abs(found[0]) <= 90 and abs(found[1]) <= 180)


@given(st.floats(0, 90), st.sampled_from("NS"))
def test_a_place_survives_its_writing(degrees, letter):
    minutes = degrees % 1 * 60
    parts = (float(int(degrees)), float(int(minutes)), minutes % 1 * 60)
    sign = -1 if letter == "S" else 1
    for value in (parts, degrees, f"{degrees:.9f}", f"{int(degrees)},{minutes:.7f}"):
        assert parse_degrees(value, letter, "NS", 90) == pytest.approx(sign * degrees, abs=1e-6), value


def test_from_a_file_with_undefined_seconds(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8825).update(
        gps("N", (IFDRational(48), IFDRational(5149, 100), NAN), "E", (2.0, 17.67, 0.0))
    )
    out = io.BytesIO()
    Image.new("RGB", (20, 10)).save(out, "JPEG", exif=exif)
    (tmp_path / "a.jpg").write_bytes(out.getvalue())
    said = open_photo(tmp_path / "a.jpg", working_side=64).exif
    assert (said.latitude, said.longitude) == PARIS

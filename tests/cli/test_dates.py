"""Photos of 2016, sent by a messenger that strips all metadata, restored from a backup in 2023."""

import csv
import json
import os

import pytest
from click.testing import CliRunner
from PIL import Image

from phototag.cli import main
from tests.conftest import SAMPLES

RESTORED = 1_700_000_000  # 14 November 2023
SENT = {
    "2016/astronaut": "IMG-20160312-WA0001.jpg",
    "2015/booth-smiling": "IMG-20160501-WA0014.jpg",
    "2015/portrait-grey": "IMG-20160724-WA0003.jpg",
    "2016/booth-two": "IMG-20161224-WA0014.jpg",
    "2016/burst-1": "DSC01234.jpg",  # nothing says when
}


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout if code == 0 else result.stderr


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    base = tmp_path_factory.mktemp("restored")
    for name, sent in SENT.items():
        with Image.open(SAMPLES / f"{name}.jpg") as image:
            image.save(base / sent, quality=90)
        os.utime(base / sent, (RESTORED, RESTORED))
    run("scan", base, "--db", base / "catalog.db", "-q")
    return base / "catalog.db"


def test_they_are_in_the_album_of_2016_and_a_guess_is_not(catalog):
    album = run("highlights", "smiles", "--year", 2016, "--dry-run", "--db", catalog)
    assert [os.path.basename(path) for path in album.split()] == sorted(SENT.values())[1:]


def test_a_guess_is_left_out_by_name_unless_asked_for(catalog):
    how = ("highlights", "smiles", "--year", 2023, "--top", 1, "--dry-run", "--db", catalog)
    assert "its date is only the file's" in run(*how, code=1)
    assert os.path.basename(run(*how, "--guessed-dates").strip()) == "DSC01234.jpg"


def test_a_guess_is_marked_wherever_it_is_shown(catalog):
    photo = catalog.parent / "DSC01234.jpg"
    assert "(file date: a guess" in run("show", photo, "--db", catalog)
    (line,) = [
        json.loads(line) for line in run("query", "taken:2023", "--json", "--db", catalog).splitlines()
    ]
    assert (line["taken_from"], line["taken_at"][:10]) == ("file", "2023-11-14")
    rows = csv.DictReader(run("query", "--csv", "--db", catalog).splitlines())
    assert sorted(row["taken_from"] for row in rows) == ["file", *["name"] * 4]

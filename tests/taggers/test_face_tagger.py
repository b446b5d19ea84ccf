"""A tagger about faces that nobody has heard of: scanned, asked for, shown, printed, and in the views."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from click.testing import CliRunner

from phototag import Library, scan
from phototag.cli import main
from phototag.scanning import ScanOptions
from phototag.taggers import table
from tests import glasses
from tests.conftest import SAMPLES


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """Two photos with one and three faces, and one without, seen by `faces` and `glasses`."""
    base = tmp_path_factory.mktemp("faces")
    (base / "photos").mkdir()
    for name in ("2016/astronaut.jpg", "2016/booth-one-serious.jpg", "2015/coffee.jpg"):
        shutil.copy(SAMPLES / name, base / "photos")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(table.SPECS, "glasses", glasses.SPEC)
        with Library.open(base / "catalog.db") as library:
            report = scan(library, [base / "photos"], ScanOptions(taggers=("glasses",)))
        assert report.taggers["glasses"]["tagged"] == 3
        yield base / "catalog.db"


def run(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def test_records_hold_it_with_the_face_and_not_among_the_things(catalog):
    with Library.open(catalog) as library:
        photos = {photo.path.rpartition("/")[2]: photo for photo in library.photos()}
        lines = list(library.lines())
    assert [len(photos[name].faces) for name in ("astronaut.jpg", "booth-one-serious.jpg", "coffee.jpg")] == [
        1,
        3,
        0,
    ]
    for photo in photos.values():
        assert photo.objects == () and photo.kinds == ()
        assert all(set(face.said) == {"glasses"} for face in photo.faces)
    assert all(line.things == () for line in lines)


def test_query_finds_it_by_its_score(catalog):
    with Library.open(catalog) as library:
        best = {
            photo.path: max((face.said["glasses"] for face in photo.faces), default=-1.0)
            for photo in library.photos()
        }
    for least in (0.0, 0.3, 0.5, 0.9):
        found = set(run("query", f"glasses:{least}", "--db", catalog).splitlines())
        assert found == {path for path, score in best.items() if score >= least}
    assert set(run("query", "glasses", "--db", catalog).splitlines()) == {
        path for path, score in best.items() if score >= 0.5
    }


def test_show_and_json_tell_it_of_each_face(catalog):
    photo = catalog.parent / "photos" / "booth-one-serious.jpg"
    shown = run("show", photo, "--db", catalog)
    assert shown.count("glasses 0.") >= 3 and "things" not in shown
    (line,) = run("query", "faces:3", "--json", "--db", catalog).splitlines()
    for face in json.loads(line)["faces"]:
        (label,) = face["labels"]
        assert label["label"] == "glasses" and label["found"] == (label["score"] >= 0.5)
    run("show", photo, "--image", catalog.parent / "drawn.png", "--db", catalog)


def test_the_views_tell_it(catalog):
    with closing(sqlite3.connect(catalog)) as connection:
        statement = "SELECT path, label, score, tagger FROM face_tag_list WHERE label = 'glasses'"
        rows = connection.execute(statement).fetchall()
    assert len(rows) == 4 and {row[3] for row in rows} == {"glasses"}


def test_the_persons_word_takes_it_away(catalog, tmp_path):
    photo = catalog.parent / "photos" / "astronaut.jpg"
    catalog = shutil.copy(catalog, tmp_path)
    run("tag", photo, "-glasses", "--db", catalog)
    assert str(photo) not in run("query", "glasses:0", "--db", catalog)
    assert "glasses" not in run("show", photo, "--db", catalog)

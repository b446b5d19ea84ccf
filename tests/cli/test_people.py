"""Whose face it is, from the command line: asked for once, stored in the catalog alone, and gone again."""

import json
import os
import shutil
import sqlite3
import stat
from contextlib import closing

import numpy as np
import pytest
from click.testing import CliRunner

from phototag import Library, scan
from phototag.cli import main
from phototag.errors import UsageError
from phototag.scanning import ScanOptions
from tests.cli.test_schemas import check
from tests.conftest import SAMPLES


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def rows(catalog, statement):
    with closing(sqlite3.connect(catalog)) as connection:
        return connection.execute(statement).fetchall()


@pytest.fixture(scope="module")
def with_people(tmp_path_factory):
    """(folder, catalog, what the first scan said): sample photos scanned with --people."""
    base = tmp_path_factory.mktemp("people")
    shutil.copytree(SAMPLES, base / "photos")
    said = run("scan", base / "photos", "--people", "--tagger", "smiles", "--db", base / "catalog.db")
    return base / "photos", base / "catalog.db", said


@pytest.fixture
def own_people(with_people, tmp_path):
    """The same, but the test's own."""
    folder, catalog, _ = with_people
    shutil.copytree(folder, tmp_path / "photos")
    with closing(sqlite3.connect(catalog)) as old, closing(sqlite3.connect(tmp_path / "catalog.db")) as new:
        old.backup(new)
    (tmp_path / "catalog.db").chmod(0o600)
    with Library.open(tmp_path / "catalog.db") as library:
        library.relocate(folder, tmp_path / "photos")
    return tmp_path / "photos", tmp_path / "catalog.db"


def test_a_scan_learns_whose_face_it_is_only_if_asked(scanned):
    assert rows(scanned[1], "SELECT count(*) FROM embeddings") == [(0,)]
    assert json.loads(run("status", "--db", scanned[1], "--json").stdout)["taggers"].keys() == {
        "faces", "sharpness", "smiles", "objects", "kinds"
    }  # fmt: skip


def test_the_first_use_says_what_is_stored_and_where(with_people):
    _, catalog, said = with_people
    assert str(catalog) in said.stderr and "128 numbers" in said.stderr
    assert "phototag people --forget" in said.stderr
    numbers = rows(catalog, "SELECT numbers FROM embeddings")
    assert len(numbers) == 14 and {len(one) for (one,) in numbers} == {256}
    lengths = [np.linalg.norm(np.frombuffer(one, "<f2").astype(float)) for (one,) in numbers]
    assert np.allclose(lengths, 1, atol=0.01)


def test_later_scans_go_on_with_it_and_say_nothing(own_people):
    folder, catalog = own_people
    shutil.copy(folder / "2016/astronaut.jpg", folder / "once more.jpg")
    os.truncate(folder / "once more.jpg", os.path.getsize(folder / "once more.jpg") - 2)  # other bytes
    said = run("scan", folder, "--tagger", "faces", "--db", catalog)
    assert "128 numbers" not in said.stderr
    assert rows(catalog, "SELECT count(*) FROM embeddings") == [(15,)]
    (folder / "once more.jpg").rename(folder / "moved.jpg")
    run("scan", folder, "--tagger", "faces", "--db", catalog)
    assert rows(catalog, "SELECT count(*) FROM embeddings") == [(15,)]


def test_without_people_this_time(own_people):
    folder, catalog = own_people
    shutil.copy(SAMPLES / "2016/astronaut.jpg", folder / "b.jpg")
    os.truncate(folder / "b.jpg", os.path.getsize(folder / "b.jpg") - 2)
    run("scan", folder, "--no-people", "--tagger", "faces", "--db", catalog)
    assert rows(catalog, "SELECT count(*) FROM embeddings") == [(14,)]
    with pytest.raises(UsageError, match="one of the two"):
        ScanOptions(taggers=("identity",), people=False)


def test_a_dry_run_asks_for_nothing(own_copy):
    folder, catalog = own_copy
    with Library.open(catalog) as library:
        assert scan(library, [folder], ScanOptions(people=True, dry_run=True)).to_do == 15
        assert not library.looks_for_people()


def test_embeddings_are_private(with_people):
    folder, catalog, _ = with_people
    for file in catalog.parent.glob("catalog.db*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    printed = run("query", "--json", "--db", catalog).stdout
    printed += run("show", folder / "2016/booth-two.jpg", "--json", "--db", catalog).stdout
    printed += run("query", "--csv", "--db", catalog).stdout + run("tags", "--json", "--db", catalog).stdout
    assert "identity" not in printed and "embedding" not in printed


def test_photos_that_are_forgotten_take_their_embeddings_along(own_people):
    folder, catalog = own_people
    run("forget", folder / "2016", "--yes", "--db", catalog)
    (left,) = rows(catalog, "SELECT count(*) FROM embeddings")[0]
    assert 0 < left < 14
    assert rows(catalog, "PRAGMA foreign_key_check") == []


def test_evaluate_people(tmp_path):
    """Three persons of the sample photos, five times each at several sizes; links are followed."""
    from PIL import Image

    from phototag.records import Frame
    from phototag.taggers import table

    find = table.load("faces", "cpu", {})
    for person, name in (("Eileen_Collins", "2016/astronaut"), ("Grace_Hopper", "2015/portrait-serious")):
        image = Image.open(SAMPLES / f"{name}.jpg").convert("RGB")
        ((face, *_),) = find([Frame(1, np.asarray(image), *image.size)])
        tight = image.crop(face.box.pixels(*image.size))
        tight.resize((100, 100)).save(tmp_path / f"{person}_0001.png")
        image.resize((250, 250)).save(tmp_path / f"{person}_0002.jpg")
    (tmp_path / "Eileen_Collins_0003.jpg").symlink_to(SAMPLES / "2016/burst-1.jpg")
    Image.new("RGB", (100, 100)).save(tmp_path / "Nobody_0001.png")
    (tmp_path / "broken_0001.jpg").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("left alone")
    found = json.loads(run("evaluate", "people", tmp_path, "--json").stdout)
    check("evaluate-people", found)
    assert (found["pictures"], found["persons"], found["undetected"], found["unreadable"]) == (7, 4, 1, 1)
    assert (found["groups"], found["pair_precision"], found["pair_recall"]) == (2, 1, 1)
    (tmp_path / "empty").mkdir()
    assert "Person_Name_0001.jpg" in run("evaluate", "people", tmp_path / "empty", code=2).stderr

"""albums and relocate on the command line, over photos that are only files: nothing is tagged."""

import json

import pytest
from click.testing import CliRunner

from phototag.cli import main
from phototag.library import Library
from phototag.reading.walk import Walk
from phototag.records import Member


@pytest.fixture
def catalog(tmp_path):
    """A catalog of two photos with two albums."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_text(name)
    path = tmp_path / "catalog.db"
    with Library.open(path) as library:
        walk = Walk([folder])
        library.reconcile(walk.roots, walk, hash_file=lambda file: file.path, stamps=walk.stamps)
        ids = [job.photo_id for job in library.jobs(None, {"decode": "1", "faces": "1"})]
        members = [Member(photo_id, position, "kept", 0.5) for position, photo_id in enumerate(ids, 1)]
        library.save_album("both", "year", members, "")
        library.save_album("first", "pets", members[:1], "dog")
    return path


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def test_albums_are_listed(catalog):
    rows = json.loads(run("albums", "--json", "--db", catalog).stdout)
    assert [(row["name"], row["photos"], row["theme"], row["query"]) for row in rows] == [
        ("both", 2, "year", ""),
        ("first", 1, "pets", "dog"),
    ]
    assert all(row["made_at"].endswith("Z") for row in rows)
    assert run("albums", "--db", catalog).stdout.split()[:5] == ["album", "photos", "theme", "query", "made"]


def test_a_deleted_album_leaves_its_photos(catalog):
    assert "deleted from the catalog" in run("albums", "delete", "both", "--db", catalog).stdout
    assert [row["name"] for row in json.loads(run("albums", "--json", "--db", catalog).stdout)] == ["first"]
    assert "There are: first" in run("albums", "delete", "both", "--db", catalog, code=1).stderr
    assert json.loads(run("albums", "--db", catalog, "delete", "first", "--json").stdout) == {
        "deleted": "first"
    }
    assert run("query", "--count", "--db", catalog).stdout == "2\n"
    assert run("albums", "--db", catalog).stdout == ""


def test_relocate_tells_how_many_photos_moved(catalog, tmp_path):
    (tmp_path / "photos").rename(tmp_path / "pictures")
    told = run("relocate", tmp_path / "photos", tmp_path / "pictures", "--json", "--db", catalog)
    assert json.loads(told.stdout) == {"moved": 2}
    assert run("query", "--db", catalog, "--sort", "path").stdout.split() == [
        str(tmp_path / "pictures" / name) for name in ("a.jpg", "b.jpg")
    ]
    again = run("relocate", tmp_path / "photos", tmp_path / "pictures", "--db", catalog, code=1)
    assert f"It knows these folders: {tmp_path / 'pictures'}" in again.stderr

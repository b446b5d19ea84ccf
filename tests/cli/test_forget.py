"""forget: what is known of photos goes, their files and all other photos stay."""

import json
import sqlite3
from contextlib import closing

import pytest
from click.testing import CliRunner
from PIL import Image

from phototag.cli import main
from phototag.library import Library
from phototag.reading.walk import Walk
from phototag.records import Box, Member, Outcome, PhotoFacts, Tag

FINGERPRINTS = {"decode": "1", "objects": "1"}


@pytest.fixture
def catalog(tmp_path):
    """Three photos, tagged; a person has spoken of b, which is in an album and whose file is gone."""
    folder = tmp_path / "photos"
    (folder / "old").mkdir(parents=True)
    for name in ("a.png", "b.png", "old/c.png"):
        Image.new("RGB", (40, 30)).save(folder / name)
        (folder / name).write_bytes((folder / name).read_bytes() + name.encode())
    path = tmp_path / "catalog.db"
    with Library.open(path) as library:
        find(library, folder)
        for job in library.jobs(None, FINGERPRINTS):
            said = Outcome(job.photo_id, "objects", (Tag("dog", 0.9, Box(0, 0, 1, 1)),))
            library.save([PhotoFacts(job.photo_id, job.file.path, 40, 30)], [said], FINGERPRINTS)
        library.correct(folder / "b.png", add=["grandma"])
        library.save_album("ours", "year", [Member(library.photo(folder / "b.png").photo_id, 1, "kept")], "")
        (folder / "b.png").unlink()
        find(library, folder)
    return path


def find(library, folder):
    walk = Walk([folder])
    return library.reconcile(walk.roots, walk, hash_file=lambda file: file.path, stamps=walk.stamps)


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def rows(catalog):
    """The number of rows that belong to photos; and that none is left without its photo."""
    with closing(sqlite3.connect(catalog)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        tables = "photos", "answers", "tags", "corrections", "photo_labels", "album_photos"
        return [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables]


def test_missing_photos_are_forgotten_after_a_look_and_a_yes(catalog):
    before = rows(catalog)
    told = json.loads(run("forget", "--missing", "--dry-run", "--json", "--db", catalog).stdout)
    assert told == {"photos": 1, "with_words": 1, "in_albums": 1, "dry_run": True}
    refused = run("forget", "--missing", "--db", catalog, code=2)
    assert "What you said of 1 photo would be lost" in refused.stderr and "--yes" in refused.stderr
    assert rows(catalog) == before
    assert "1 photo forgotten" in run("forget", "--missing", "--yes", "--db", catalog).stdout
    assert rows(catalog) == [2, 2, 2, 0, 2, 0]
    assert run("query", "missing", "--count", "--db", catalog).stdout == "0\n"


def test_a_folder_is_forgotten_and_found_again_by_the_next_scan(catalog, tmp_path):
    folder = tmp_path / "photos"
    assert "1 photo forgotten" in run("forget", folder / "old", "--db", catalog).stdout
    assert rows(catalog)[0] == 2 and (folder / "old/c.png").exists()
    with Library.open(catalog) as library:
        result = find(library, folder)
        assert (result.found, result.new, result.unchanged) == (2, 1, 1)


def test_only_missing_photos_of_a_folder(catalog, tmp_path):
    assert "0 photos forgotten" in run("forget", tmp_path / "photos/old", "--missing", "--db", catalog).stdout
    assert (
        "1 photo forgotten"
        in run("forget", tmp_path / "photos", "--missing", "--yes", "--db", catalog).stdout
    )


def test_a_whole_root_goes_with_its_photos(catalog, tmp_path):
    run("forget", tmp_path / "photos", "--yes", "--db", catalog)
    assert rows(catalog) == [0] * 6
    with closing(sqlite3.connect(catalog)) as connection:
        assert connection.execute("SELECT * FROM roots").fetchall() == []


def test_what_is_not_known_or_not_named_is_refused(catalog, tmp_path):
    assert "knows no photos in" in run("forget", tmp_path / "nowhere", "--db", catalog, code=1).stderr
    assert "--missing" in run("forget", "--db", catalog, code=2).stderr

"""A catalog that the version before wrote, with answers, corrections and albums, opened by today's."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from phototag.library import Library
from phototag.library.dialects import APPLICATION_ID
from phototag.smiling import ANYONE, EVERYONE, eligible

DUMP = Path(__file__).parent / "catalogs" / "0002.sql"


def load_dump(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(DUMP.read_text(encoding="utf-8"))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.commit()
        connection.execute("PRAGMA journal_mode = WAL")


@pytest.fixture
def upgraded(tmp_path):
    load_dump(tmp_path / "c.db")
    with Library.open(tmp_path / "c.db") as library:
        yield library


def rows(library, statement):
    with closing(sqlite3.connect(library.path)) as connection:
        return connection.execute(statement).fetchall()


def names(paths):
    return sorted(path.rpartition("/")[2] for path in paths)


def stored_fingerprints(connection):
    return dict(
        connection.execute(
            "SELECT g.name, f.fingerprint FROM answers a JOIN taggers g ON g.id = a.tagger_id "
            "JOIN fingerprints f ON f.id = a.fingerprint_id ORDER BY a.id"
        )
    )


def test_answers_are_kept_and_nothing_is_pending(tmp_path):
    load_dump(tmp_path / "c.db")
    with closing(sqlite3.connect(tmp_path / "c.db")) as connection:
        fingerprints = stored_fingerprints(connection)
        before = connection.execute("SELECT count(*), count(error) FROM answers").fetchall()
        tags = connection.execute(
            "SELECT t.* FROM tags t JOIN labels l ON l.id = t.label_id "
            "WHERE l.name NOT IN ('everyone smiling', 'anyone smiling') ORDER BY answer_id, position"
        ).fetchall()
        complete = connection.execute("SELECT id, settled FROM photos ORDER BY id").fetchall()
    order = ("faces", "sharpness", "smiles", "objects", "kinds", "decode")
    fingerprints = {name: fingerprints[name] for name in order}
    with Library.open(tmp_path / "c.db") as library:
        assert library.count_jobs(None, fingerprints).photos == 0
        assert list(library.jobs(None, fingerprints)) == []
        assert rows(library, "SELECT count(*), count(error) FROM answers") == before
        assert rows(library, "SELECT * FROM tags ORDER BY answer_id, position") == tags
        assert rows(library, "SELECT id, complete_for FROM photos ORDER BY id") == complete
        assert library.status(fingerprints).detectors == {"people-pets": 16}


def test_an_upgrade_is_announced_and_only_once(tmp_path):
    load_dump(tmp_path / "c.db")
    told = []
    for _ in range(2):
        Library.open(tmp_path / "c.db", on_message=told.append).close()
    assert len(told) == 1 and "Upgrading the catalog" in told[0]


def test_a_copy_of_the_old_catalog_is_kept(upgraded):
    (copy,) = upgraded.path.parent.glob("c.db.before-*")
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0002",)]
        assert connection.execute("SELECT count(*) FROM collections").fetchall() == [(2,)]


def test_the_persons_words_are_obeyed(upgraded):
    photos = {photo.path.removeprefix("/photos/"): photo for photo in upgraded.photos()}
    astronaut, serious = photos["2016/astronaut.jpg"], photos["2016/booth-one-serious.jpg"]
    pagoda, cat = photos["2015/pagoda.jpg"], photos["2015/cat.jpg"]
    assert (astronaut.smile_words, astronaut.everyone_smiling) == ({EVERYONE: False}, False)
    assert (serious.smile_words, serious.everyone_smiling) == ({EVERYONE: True}, True)
    assert (pagoda.smile_words, pagoda.least_smile, pagoda.greatest_smile) == ({ANYONE: False}, 0.0, 0.0)
    assert set(cat.user_labels) == {"cat", "Chelsea"} and pagoda.user_labels == ("café",)
    assert astronaut.user_labels == ("Eileen",)
    found = names(upgraded.paths("smiling:all"))
    assert "booth-one-serious.jpg" in found and "astronaut.jpg" not in found
    assert "pagoda.jpg" in names(upgraded.paths("smiling:none"))
    assert "pagoda.jpg" not in names(upgraded.paths("smiling:unknown"))
    assert names(upgraded.paths("temple")) == []
    assert names(upgraded.paths("Eileen")) == ["astronaut.jpg"]


def test_smiles_of_other_photos_are_decided_as_before(tmp_path):
    load_dump(tmp_path / "c.db")
    with closing(sqlite3.connect(tmp_path / "c.db")) as connection:
        statement = "SELECT path, everyone_smiling, anyone_smiling FROM photos WHERE id NOT IN (6, 10, 11)"
        before = connection.execute(statement).fetchall()
    with Library.open(tmp_path / "c.db") as library:
        statement = "SELECT path, least_smile, greatest_smile FROM photos WHERE id NOT IN (6, 10, 11)"
        assert rows(library, statement) == before
        assert any(least for _, least, _ in before)


def test_the_two_labels_about_smiles_are_labels_no_more(upgraded):
    assert not {EVERYONE, ANYONE} & set(upgraded.known_labels())
    assert not {EVERYONE, ANYONE} & {row.label for row in upgraded.labels()}
    assert rows(upgraded, f"SELECT count(*) FROM tag_list WHERE label IN ('{EVERYONE}', '{ANYONE}')") == [
        (0,)
    ]


def test_albums_are_kept(upgraded):
    assert [album.name for album in upgraded.albums()] == ["before-correction", "smiles-2016"]
    album, members = upgraded.album("smiles-2016")
    assert (album.theme, album.query, album.photos) == ("smiles", "taken:2016", 5)
    assert [photo.path.rpartition("/")[2] for photo, _ in members] == [
        "astronaut.jpg", "portrait-turned.jpg", "burst-1.jpg", "booth-one-serious.jpg", "booth-two.jpg"
    ]  # fmt: skip
    assert members[0][1].reason == "chosen: one smile"


def test_thresholds_and_the_weights_name_stand_beside_the_fingerprint(upgraded):
    thresholds = upgraded.thresholds()
    assert thresholds["dog"] == 0.9667211771011353 and thresholds["person"] == 0.8515957593917847
    assert upgraded.ask("dog").thresholds == thresholds
    assert {photo.detector for photo in upgraded.photos("faces:0..")} == {"people-pets"}


def test_every_view_tells_something(upgraded):
    for view, number in (("photo_list", 17), ("album_list", 9), ("failure_list", 1), ("face_list", 14)):
        assert rows(upgraded, f"SELECT count(*) FROM {view}") == [(number,)], view
    for view in ("tag_list", "label_list", "face_tag_list"):
        assert rows(upgraded, f"SELECT count(*) FROM {view}")[0][0] > 30, view
    assert rows(upgraded, "PRAGMA integrity_check") == [("ok",)]
    assert rows(upgraded, "PRAGMA foreign_key_check") == []


def test_folders_keep_their_stamps(upgraded):
    assert rows(upgraded, "SELECT path, listing, listed_time FROM folders ORDER BY path") == [
        ("", "1-798fd657545200a3f799a1ffb0b3f167", "1795816653041695703 7782401 9e4cfe2111878d42"),
        ("2015", "7-db86950068bb7496c86ae41f2ef7b567", None),
        ("2016", "8-96b52b59e8fad6bad61b3cf12f32d930", "1795816653040696841 7782409 9e4cfe2111878d42"),
    ]


def test_labels_in_another_case_mean_the_same_word(tmp_path):
    load_dump(tmp_path / "c.db")
    with closing(sqlite3.connect(tmp_path / "c.db")) as connection:
        connection.execute("INSERT INTO labels (id, name) VALUES (90, 'Everyone Smiling')")
        connection.execute("INSERT INTO corrections VALUES (12, 90, 0), (10, 90, 1)")
        connection.commit()
    with Library.open(tmp_path / "c.db") as library:
        booth = library.photo("/photos/2016/booth-two.jpg")
        assert (booth.smile_words, booth.user_labels) == ({EVERYONE: False}, ())
        assert library.photo("/photos/2016/astronaut.jpg").smile_words == {EVERYONE: False}, "the first stays"


def test_new_rules_decide_again_from_the_stored_scores(upgraded, monkeypatch):
    """What a later phototag with other rules would do: no photo is looked at, and it tells how far it is."""
    from phototag import smiling

    monkeypatch.setattr(smiling, "RULES_VERSION", smiling.RULES_VERSION + 1)
    monkeypatch.setattr(smiling, "MIN_SCORE", 1.1)  # nobody is eligible any more
    told = []
    with Library.open(upgraded.path, on_progress=lambda done, total: told.append((done, total))) as library:
        assert told and told[-1][0] == told[-1][1]
        assert names(library.paths("smiling:all")) == ["booth-one-serious.jpg"], "the person's word stays"
        assert library.photo("/photos/2016/booth-two.jpg").least_smile is None
    told.clear()
    Library.open(upgraded.path, on_progress=lambda *now: told.append(now)).close()
    assert told == [], "once is enough"


def test_faces_that_count_are_counted_from_the_stored_scores(upgraded):
    assert names(upgraded.paths("faces:3")) == ["booth-one-serious.jpg"]
    none = upgraded.count("faces:0")
    assert none >= upgraded.count("faces-any:0") > 0
    for number in (1, 2, 3):
        expected = [
            photo.path for photo in upgraded.photos("faces-any:1..") if sum(eligible(photo.faces)) == number
        ]
        assert sorted(upgraded.paths(f"faces:{number}")) == sorted(expected)


def test_the_thresholds_of_ones_own_weights_are_taken_up_at_the_next_scan(upgraded):
    from phototag.records import Fingerprint

    text = "people-pets:c9991728c63c690a039e0002a544667d"
    upgraded.remember_weights({"objects": Fingerprint(text, "own-people-pets", {"dog": 0.3})})
    assert upgraded.thresholds() == {"dog": 0.3}
    stored = rows(upgraded, "SELECT thresholds FROM fingerprints WHERE weights_name IS NOT NULL")
    assert [json.loads(text) for (text,) in stored] == [{"dog": 0.3}]

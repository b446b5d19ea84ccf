"""What a person says of faces, through the command line: obeyed everywhere, and never lost."""

import csv
import io
import json
import os
import shutil
import sqlite3
from contextlib import closing

import pytest
from click.testing import CliRunner
from PIL import Image

from phototag.cli import main
from phototag.library import database, schema
from tests import tiny_faces
from tests.cli.test_schemas import check


class Album:
    """A folder of pictures, scanned with tiny taggers."""

    def __init__(self, tmp_path):
        self.folder = tmp_path / "photos"
        self.folder.mkdir()
        self.db = tmp_path / "catalog.db"

    def draw(self, name, smiles, **options):
        tiny_faces.draw(self.folder / name, smiles, **options)

    def run(self, *arguments, code=0, stdin=None):
        result = CliRunner().invoke(main, [*map(os.fspath, arguments), "--db", os.fspath(self.db)], stdin)
        assert result.exit_code == code, (result.output, result.exception)
        return result.stdout if code == 0 else result.stderr

    def scan(self, folder=None, wider=0.0):
        with tiny_faces.installed(wider):
            return self.run("scan", folder or self.folder)

    def tag(self, *words, **options):
        return self.run("tag", *[self.path(word) if ".jpg" in word else word for word in words], **options)

    def path(self, name):
        return os.fspath(self.folder / name)

    def names(self, *terms):
        return sorted(os.path.basename(path) for path in self.run("query", *terms).splitlines())

    def show(self, name):
        return json.loads(self.run("show", self.path(name), "--json"))

    def who(self, name):
        return [face["person"] for face in self.show(name)["faces"]]

    def sql(self, statement):
        with closing(sqlite3.connect(self.db)) as connection, connection:
            return connection.execute(statement).fetchall()


@pytest.fixture(scope="module")
def scanned_album(tmp_path_factory):
    album = Album(tmp_path_factory.mktemp("album"))
    album.draw("a.jpg", [True, True, False])
    album.draw("b.jpg", [True, None, True])
    album.draw("c.jpg", [False, False], seed=3)
    album.scan()
    return album


@pytest.fixture
def album(scanned_album, tmp_path):
    """A copy of it, the test's own."""
    album = Album(tmp_path)
    shutil.copytree(scanned_album.folder, album.folder, dirs_exist_ok=True)
    shutil.copy(scanned_album.db, album.db)
    album.run("relocate", scanned_album.folder, album.folder)
    return album


def assert_words_hold(album, name="a.jpg"):
    """What `say` said."""
    first, second, third = album.show(name)["faces"]
    assert (first["person"], first["smile"]) == ("Anna", 0.9)
    assert (second["person"], second["smile_word"], second["not_persons"]) == (None, False, ["Ben"])
    assert (third["person"], third["smile_word"]) == ("Ben", True)
    assert album.names("person:Anna") == album.names("smiling:ben") == [name]
    assert name not in album.names("smiling:all")


def say(album):
    album.tag("a.jpg#1", "Anna")
    album.tag("a.jpg#2", "--not-smiling", "--not", "Ben")
    album.tag("a.jpg#3", "Ben", "--smiling")
    assert_words_hold(album)


# -- obeyed


def test_everyone_smiling_follows_the_word_about_one_face(album):
    assert album.names("smiling:all") == ["b.jpg"]
    album.tag("a.jpg#3", "--smiling")
    assert album.names("smiling:all") == ["a.jpg", "b.jpg"]
    album.tag("b.jpg#1", "--not-smiling")
    assert album.names("smiling:all") == ["a.jpg"] and "b.jpg" in album.names("smiling:any")


def test_what_is_no_face_counts_nowhere_and_keeps_its_number(album):
    album.tag("a.jpg#3", "--not-a-face")
    assert album.names("smiling:all") == ["a.jpg", "b.jpg"]
    assert album.names("faces:2") == ["a.jpg", "b.jpg", "c.jpg"]
    album.tag("a.jpg#2", "--not-a-face")
    album.tag("a.jpg#1", "Anna")
    shown = album.show("a.jpg")
    assert [face["number"] for face in shown["faces"]] == [1]
    assert [face["number"] for face in shown["not_faces"]] == [2, 3]
    assert "face 3: no face, you say" in album.run("show", album.path("a.jpg"))
    album.run("untag", album.path("a.jpg#3"))
    assert album.names("smiling:all") == ["b.jpg"]


def test_a_face_that_no_net_found_counts(album):
    """In pixels, or as fractions of the upright photo."""
    album.tag("b.jpg", "--face", "260,190,380,310", "Grandma")
    (added,) = [face for face in album.show("b.jpg")["faces"] if face["added"]]
    assert (added["number"], added["person"], added["smile"]) == (3, "Grandma", None)
    assert added["box"] == pytest.approx([260 / 640, 190 / 480, 380 / 640, 310 / 480], abs=1e-4)
    assert album.names("faces:3") == ["a.jpg", "b.jpg"]
    assert "b.jpg" in album.names("smiling:unknown"), "nobody knows how she looks"
    album.tag("b.jpg#3", "--smiling")
    assert "b.jpg" in album.names("smiling:all") and album.names("smiling:Grandma") == ["b.jpg"]
    album.tag("b.jpg", "--face", "0.4,0.4,0.6,0.64", "--not-smiling")
    assert len(album.show("b.jpg")["faces"]) == 3, "the same place is the same face"
    assert "b.jpg" not in album.names("smiling:all")
    album.run("untag", album.path("b.jpg#3"))
    assert len(album.show("b.jpg")["faces"]) == 2 and "b.jpg" in album.names("smiling:all")


def test_names_are_asked_for(album):
    album.tag("a.jpg#1", "b.jpg#1", "Anna", "Smith")
    album.tag("c.jpg#1", "c.jpg#2", "any")
    assert album.names("person:anna smith") == album.names('person:"ANNA SMITH"') == ["a.jpg", "b.jpg"]
    assert album.names("smiling:Anna Smith") == ["a.jpg", "b.jpg"]
    assert album.names("smiling:all", "person:Anna Smith") == ["b.jpg"]
    assert album.names("^person:Anna Smith") == ["c.jpg"]
    assert album.names("person:any") == ["a.jpg", "b.jpg", "c.jpg"], "a reserved word wins"
    assert album.names('person:"any"') == ["c.jpg"], "a quoted name is one"
    assert album.names('smiling:"any"') == []
    assert album.names("person:none") == []
    assert album.names("person:unknown") == ["a.jpg", "b.jpg"]
    nobody = CliRunner().invoke(main, ["query", "person:anna", "--db", os.fspath(album.db)])
    assert nobody.exit_code == 0 and nobody.stdout == ""
    assert 'Did you mean person:"Anna Smith"?' in nobody.stderr
    assert "Did you mean smiling:all?" in album.run("query", "smiling:al", code=2)


def test_a_later_name_goes_before_an_earlier_one(album):
    album.tag("a.jpg#1", "Anna")
    album.tag("a.jpg#1", "Ben")
    assert album.who("a.jpg") == ["Ben", None, None] and "0 photos" not in album.run("query", "person:Ben")
    album.tag("a.jpg#1", "--not", "Ben")
    assert album.who("a.jpg") == [None, None, None]
    album.tag("a.jpg#1", "ben")
    assert album.who("a.jpg") == ["Ben", None, None], "as it was spelled first"
    assert album.sql("SELECT kind FROM face_words") == [("person",)], "nothing outdated stays"


def test_why_and_highlights_obey(album):
    album.tag("a.jpg#1", "a.jpg#2", "a.jpg#3", "--smiling")
    album.tag("b.jpg#1", "Anna", "--not-smiling")
    said = album.run("why", album.path("b.jpg"))
    assert "left out" in said and "face 1 (Anna): does not smile (you say so)" in said
    asked = json.loads(album.run("why", album.path("b.jpg"), "--json"))
    assert [(face["number"], face["person"], face["smile_word"]) for face in asked["judged_faces"]] == [
        (1, "Anna", False), (2, None, None)
    ]  # fmt: skip
    check("why", asked)
    chosen = json.loads(album.run("highlights", "smiles", "--top", "1", "--dry-run", "--json"))
    assert [os.path.basename(member["source"]) for member in chosen["members"]] == ["a.jpg"]


def test_json_and_csv_tell_names(album):
    album.tag("a.jpg#2", "Anna", "--smiling")
    (line,) = [json.loads(line) for line in album.run("query", "person:Anna", "--json").splitlines()]
    check("query", line)
    assert line["persons"] == [{"name": "Anna", "faces": 1, "smile": 1.0, "source": "word", "certain": True}]
    (row,) = csv.DictReader(io.StringIO(album.run("query", "person:Anna", "--csv")))
    assert row["persons"] == "Anna"
    tagged = json.loads(album.tag("a.jpg#1", "Ben", "--json"))
    check("tag", tagged)
    assert [face["person"] for face in tagged["faces"]] == ["Ben", "Anna", None]
    check("untag", json.loads(album.run("untag", album.path("a.jpg#1"), "--json")))


def test_a_drawing_numbers_the_faces_and_hides_none(album, tmp_path):
    album.tag("a.jpg#2", "Anna")
    album.run("show", album.path("a.jpg"), "--image", tmp_path / "drawn.png")
    with Image.open(album.path("a.jpg")) as photo, Image.open(tmp_path / "drawn.png") as drawn:
        assert photo.size == drawn.size
        for left, top, right, bottom in tiny_faces.PLACES:
            inside = (left + 8, top + 8, right - 8, bottom - 8)
            before, after = photo.crop(inside).resize((1, 1)), drawn.crop(inside).resize((1, 1))
            colours = before.getpixel((0, 0)), after.convert("RGB").getpixel((0, 0))
            assert max(abs(a - b) for a, b in zip(*colours, strict=True)) < 12


# -- many photos, and back again


def test_many_photos_at_once(album):
    told = album.run("tag", album.path("a.jpg"), album.path("b.jpg"), "+holiday")
    assert "2 photos: 1 label added" in told
    assert album.names("holiday") == ["a.jpg", "b.jpg"]
    paths = "".join(f"{album.path(name)}\0" for name in ("b.jpg", "c.jpg"))
    album.run("tag", "-0", "+piped", stdin=paths)
    assert album.names("piped") == ["b.jpg", "c.jpg"]
    album.run("tag", "--where", "holiday piped", "+both")
    assert album.names("both") == ["b.jpg"]
    assert (
        "Nothing was done"
        in CliRunner()
        .invoke(main, ["tag", "--where", "holiday", "+dry", "--dry-run", "--db", os.fspath(album.db)])
        .stderr
    )
    album.run("untag", "--where", "holiday", "+holiday", "-piped")
    assert album.run("query", "holiday", "--count") == "0\n" and album.names("piped") == ["c.jpg"]
    album.run("undo")
    assert album.names("holiday") == ["a.jpg", "b.jpg"] and album.names("piped") == ["b.jpg", "c.jpg"]
    faces = "".join(f"{album.path(name)}\0" for name in ("a.jpg#1", "c.jpg#2"))
    album.run("tag", "-0", "--not-smiling", stdin=faces)
    assert [face["smile_word"] for face in album.show("c.jpg")["faces"]] == [None, False]


def test_undo_takes_back_one_change_after_the_other_of_whatever_kind(album):
    before = [album.show(name) for name in ("a.jpg", "b.jpg", "c.jpg")]
    album.tag("a.jpg", "b.jpg", "+holiday", "-face")
    album.tag("a.jpg#1", "b.jpg#1", "Anna")
    album.tag("a.jpg#1", "Ben", "--not-smiling")
    album.tag("a.jpg#2", "--not-a-face")
    album.tag("c.jpg", "--face", "470,330,590,450", "Grandma")
    album.run("untag", album.path("a.jpg"), "--all")
    album.tag("a.jpg#1", "Ben")
    listed = json.loads(album.run("undo", "--list", "--json"))
    check("undo", listed)
    assert len(listed["changes"]) == 7 and not any(change["undone_at"] for change in listed["changes"])
    for _ in range(2):
        check("undo", json.loads(album.run("undo", "--json")))
    assert album.who("a.jpg") == ["Ben", None] and album.names("holiday") == ["a.jpg", "b.jpg"]
    for _ in range(3):
        album.run("undo")
    assert album.who("a.jpg") == ["Anna", None, None] and album.names("person:Anna") == ["a.jpg", "b.jpg"]
    assert "a.jpg#1 and 1 more: Anna" in album.run("undo") and "+holiday" in album.run("undo")
    assert [album.show(name) for name in ("a.jpg", "b.jpg", "c.jpg")] == before
    assert json.loads(album.run("undo", "--json")) == {"undone": None}
    assert album.sql("SELECT count(*) FROM face_words") == album.sql("SELECT count(*) FROM photo_persons")


def test_saying_the_same_again_changes_nothing(album):
    for _ in range(2):
        album.tag("a.jpg#1", "Anna", "--smiling")
        album.tag("a.jpg", "+holiday")
    assert album.sql("SELECT count(*) FROM changes") == [(2,)]


def test_undo_after_the_photo_was_forgotten(album):
    album.tag("a.jpg", "+holiday")
    album.run("untag", album.path("a.jpg"), "+holiday")
    album.run("forget", album.path("a.jpg"), "--yes")
    assert "taken back" in album.run("undo") and album.names() == ["b.jpg", "c.jpg"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["a.jpg#4", "Anna"], "has no face 4, only 1, 2, 3"),
        (["a.jpg#0", "Anna"], "has no face 0, only 1, 2, 3"),
        (["nowhere.jpg#1", "Anna"], "is not in the catalog"),
        (["a.jpg#1"], "what is said of the face?"),
        (["a.jpg", "--smiling"], "which face?"),
        (["a.jpg", "Anna"], "'Anna' is no +label"),
        (["a.jpg#1", "+holiday"], "labels are of whole photos"),
        (["a.jpg#1", "b.jpg", "Anna"], "either faces or whole photos"),
        (["a.jpg#1", "Anna", "--not", "anna"], "say one of the two"),
        (["a.jpg#1", "Anna", "--not-a-face"], "say one of the two"),
        (["a.jpg#1", "  "], "at least one letter"),
        (["a.jpg#1", "An\udcffna"], "not valid text"),
        (["a.jpg", "--face", "1,2,3"], "no place in the photo, which has 640 x 480 pixels"),
        (["a.jpg", "--face", "600,40,60,160"], "no place in the photo"),
        (["a.jpg#1", "--not-smilng"], "--not-smiling"),
        (["+holiday"], "of which photo?"),
        ([], "of which photo?"),
        (["--where", "nosuchlabel", "+holiday"], "nosuchlabel"),
    ],
)
def test_what_is_not_understood_is_answered_with_what_to_type(album, words, sentence):
    words = [album.path(word) if ".jpg" in word else word for word in words]
    error = CliRunner().invoke(main, ["tag", *words, "--db", os.fspath(album.db)])
    assert error.exit_code in (1, 2) and sentence in error.stderr
    assert album.sql("SELECT count(*) FROM changes") == [(0,)]


def test_a_file_of_that_whole_name_is_no_face(album):
    shutil.copy(album.path("b.jpg"), album.path("a#1"))
    os.rename(album.path("a#1"), album.path("a.jpg#1"))
    error = album.run("tag", album.path("a.jpg#1"), "Anna", code=2)
    assert "'Anna' is no +label" in error
    os.remove(album.path("a.jpg#1"))
    album.tag("a.jpg#1", "Anna")
    assert album.who("a.jpg") == ["Anna", None, None]


# -- never lost


def test_words_hold_after_another_scan_with_other_weights(album):
    say(album)
    album.scan()
    assert_words_hold(album)
    boxes = [face["box"] for face in album.show("a.jpg")["faces"]]
    album.scan(wider=0.12)
    assert boxes != [face["box"] for face in album.show("a.jpg")["faces"]], "else this shows nothing"
    assert_words_hold(album)


def test_words_hold_though_other_weights_no_longer_find_the_face(album):
    say(album)
    with tiny_faces.installed(wider=-0.49):  # so small that none is a face any more
        album.run("scan", album.folder)
    shown = album.show("a.jpg")["faces"]
    assert [face["person"] for face in shown if face["added"]].count("Anna") == 1
    assert album.names("person:Anna") == ["a.jpg"]


def test_words_hold_when_another_program_renames_the_photo_and_writes_a_caption(album):
    say(album)
    os.remove(album.path("a.jpg"))
    album.draw("2016-05-01 party.jpg", [True, True, False], caption="birthday party")
    album.scan()
    assert_words_hold(album, "2016-05-01 party.jpg")
    assert album.names() == ["2016-05-01 party.jpg", "b.jpg", "c.jpg"]


@pytest.mark.parametrize("orientation", range(2, 9))
def test_words_hold_when_the_photo_is_turned_by_its_tag(album, orientation):
    album.tag("a.jpg#1", "Anna")
    album.tag("a.jpg#3", "Ben", "--smiling")
    album.draw("a.jpg", [True, True, False], orientation=orientation)
    album.scan()
    faces = {face["person"]: face for face in album.show("a.jpg")["faces"]}
    assert len(faces) == 3 and not any(face["added"] for face in faces.values())
    assert (faces["Ben"]["smile_word"], faces["Anna"]["smile"]) == (True, 0.9)


def test_words_hold_when_the_folder_moves(album, tmp_path):
    say(album)
    os.rename(album.folder, tmp_path / "elsewhere")
    album.folder = tmp_path / "elsewhere"
    album.scan()
    assert_words_hold(album)
    os.rename(album.folder, tmp_path / "again")
    album.run("relocate", album.folder, tmp_path / "again")
    album.folder = tmp_path / "again"
    assert_words_hold(album)


def test_words_hold_in_a_catalog_that_had_no_hashes_of_pixels(album):
    """As one that an earlier phototag made: the hash is made when something is said."""
    album.sql("UPDATE photos SET pixel_hash = NULL")
    say(album)
    album.draw("a.jpg", [True, True, False], caption="a caption")
    album.scan()
    assert_words_hold(album)


@pytest.mark.parametrize("later", [["--verify"], ["--retag"]])
def test_words_on_bytes_follow_when_their_pixels_have_a_hash_at_last(album, later, tmp_path):
    """The file was away when it was said, so that only the hash of its bytes was known."""
    album.sql("UPDATE photos SET pixel_hash = NULL")
    os.rename(album.path("a.jpg"), tmp_path / "away.jpg")
    say(album)
    album.tag("a.jpg#1", "Cleo")
    ((identity,),) = album.sql("SELECT DISTINCT identity FROM face_words")
    assert album.sql("SELECT content_hash FROM photos WHERE path = 'a.jpg'") == [(identity,)]
    os.rename(tmp_path / "away.jpg", album.path("a.jpg"))
    with tiny_faces.installed(wider=0.05 if later == ["--retag"] else 0.0):
        album.run("scan", album.folder, *(later if later == ["--verify"] else []))
    assert album.sql("SELECT DISTINCT identity FROM face_words") != [(identity,)]
    album.draw("a.jpg", [True, True, False], caption="a caption")
    with tiny_faces.installed(wider=0.05 if later == ["--retag"] else 0.0):
        album.run("scan", album.folder)
    assert album.who("a.jpg") == ["Cleo", None, "Ben"]
    album.run("undo")
    assert_words_hold(album)


def test_copies_of_a_photo_share_what_is_said_of_its_faces(album):
    say(album)
    album.draw("copy.jpg", [True, True, False], caption="a copy with a caption")
    album.scan()
    assert album.who("copy.jpg") == ["Anna", None, "Ben"]
    assert album.names("person:Anna") == ["a.jpg", "copy.jpg"]
    album.tag("copy.jpg#1", "Cleo")
    assert album.names("person:Cleo") == ["a.jpg", "copy.jpg"]
    album.run("undo")
    album.run("forget", album.path("a.jpg"), "--yes")
    assert album.names("person:Anna") == ["copy.jpg"]
    assert "1 with your own" in album.run("forget", album.path("copy.jpg"), "--yes")
    assert album.sql("SELECT count(*) FROM face_words") == [(0,)]


def test_words_come_back_with_the_photo(album, tmp_path):
    say(album)
    os.rename(album.path("a.jpg"), tmp_path / "away.jpg")
    album.draw("a.jpg", [False, False, False], seed=9)
    album.scan()
    assert album.who("a.jpg") == [None, None, None] and album.names("person:Anna") == []
    os.replace(tmp_path / "away.jpg", album.path("a.jpg"))
    album.scan()
    assert_words_hold(album)


def test_words_hold_when_the_catalog_is_upgraded(album, tmp_path):
    """From the schema that was the first to have them: the same rows, as far as it had their columns."""
    say(album)
    former = tmp_path / "migrations"
    shutil.copytree(schema.migrations_folder(), former)
    for file in (former / "versions").glob("*.py"):
        if file.name[:4] > "0005":
            file.unlink()
    old = tmp_path / "old.db"
    database.open_catalog(old, head="0005", migrations=former).close()
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("ATTACH ? AS new", (os.fspath(album.db),))
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name <> 'alembic_version'"
            )
        ]
        for table in tables:
            kept, there = (
                [row[1] for row in connection.execute(f"PRAGMA {where}.table_info({table})")]
                for where in ("main", "new")
            )
            columns = ", ".join(name for name in kept if name in there)
            connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")
    album.db = old
    assert_words_hold(album)
    assert album.sql("SELECT version_num FROM alembic_version") == [(schema.HEAD,)]
    album.run("undo")
    assert album.who("a.jpg") == ["Anna", None, None]
    album.scan(wider=0.12)
    assert album.who("a.jpg") == ["Anna", None, None]

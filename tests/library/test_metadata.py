"""What other programs write beside photos, from scan to scan: read when it is new, forgotten when it is
gone, and never by decoding a picture."""

import json
import os
import shutil
import sqlite3
from contextlib import closing

import pytest
from PIL import Image

from phototag import Library, scan
from phototag.errors import UsageError
from phototag.library import metadata
from phototag.scanning import ScanOptions
from tests.catalogs import make_empty
from tests.reading.test_written import FACE, mwg, packet

FILE_TIME = 1_700_000_000  # 2023-11-14
OPTIONS = ScanOptions(taggers=("sharpness",))
SUBJECTS = '<dc:subject xmlns:dc="http://purl.org/dc/elements/1.1/"><rdf:Bag>{}</rdf:Bag></dc:subject>'
TITLE = '<dc:title xmlns:dc="http://purl.org/dc/elements/1.1/">{}</dc:title>'


def subjects(*words):
    return SUBJECTS.format("".join(f"<rdf:li>{word}</rdf:li>" for word in words))


class Shelf:
    def __init__(self, base):
        self.folder = base / "photos"
        self.folder.mkdir()
        make_empty(base / "catalog.db")
        self.library = Library.open(base / "catalog.db")
        self.shades = iter(range(0, 250, 9))

    def photo(self, name, **saved):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (120, 80), (next(self.shades), 120, 90)).save(path, **saved)
        os.utime(path, (FILE_TIME, FILE_TIME))
        return path

    def write(self, name, data):
        (self.folder / name).write_bytes(data)

    def scan(self, *paths, options=OPTIONS):
        return scan(self.library, paths or [self.folder], options)

    def said(self, name):
        return self.library.photo(self.folder / name)

    def rows(self, statement):
        with closing(sqlite3.connect(self.library.path)) as connection:
            return connection.execute(statement).fetchall()

    def keywords(self):
        """Photo -> its keywords, of those that have any."""
        found = {}
        for path, keyword in self.rows("SELECT path, keyword FROM keyword_list ORDER BY path, keyword"):
            found.setdefault(os.path.basename(path), []).append(keyword)
        return found

    def ratings(self):
        return dict(
            (os.path.basename(path), rating)
            for path, rating in self.rows("SELECT path, rating FROM photos WHERE rating IS NOT NULL")
        )

    def named(self):
        return self.rows(
            "SELECT p.path, n.name, r.source, r.box_left FROM regions r JOIN persons n ON n.id = r.person_id "
            "JOIN photos p ON p.id = r.photo_id ORDER BY 1, r.position"
        )


@pytest.fixture
def shelf(tmp_path):
    made = Shelf(tmp_path)
    yield made
    made.library.close()


def test_a_sidecar_that_is_added_edited_and_removed_beside_an_unchanged_photo(shelf):
    shelf.photo("a.jpg")
    shelf.photo("b.jpg")
    assert shelf.scan().tagged == 2
    assert shelf.said("a.jpg").taken_from == "file"

    shelf.write("a.jpg.xmp", packet(subjects("beach"), ' xmp:CreateDate="1993-07" xmp:Rating="4"'))
    report = shelf.scan()
    assert (report.tagged, report.metadata_read) == (0, 1)
    assert (shelf.said("a.jpg").taken_text, shelf.said("a.jpg").taken_from) == ("1993-07", "sidecar")
    assert (shelf.keywords(), shelf.ratings()) == ({"a.jpg": ["beach"]}, {"a.jpg": 4})

    shelf.write("a.jpg.xmp", packet(subjects("lake", "sun"), ' xmp:CreateDate="1994-07-04"'))
    report = shelf.scan()
    assert (report.tagged, report.metadata_read) == (0, 1)
    assert shelf.said("a.jpg").taken_text == "1994-07-04"
    assert (shelf.keywords(), shelf.ratings()) == ({"a.jpg": ["lake", "sun"]}, {})

    (shelf.folder / "a.jpg.xmp").unlink()
    assert shelf.scan().metadata_read == 1
    assert shelf.said("a.jpg").taken_from == "file"
    assert shelf.keywords() == {}
    assert shelf.scan().metadata_read == 0


def test_a_new_photo_is_read_with_its_sidecar_from_the_same_bytes(shelf):
    shelf.photo("a.jpg", xmp=packet(TITLE.format("Inside"), ' xmp:Rating="2"'))
    shelf.write("a.xmp", packet("", ' xmp:Rating="5"'))
    report = shelf.scan()
    assert (report.tagged, report.metadata_read) == (1, 0)
    assert shelf.ratings() == {"a.jpg": 5}
    assert shelf.rows("SELECT title, sources FROM written_list") == [
        ("Inside", '{"rating": "sidecar", "title": "embedded"}')
    ]
    assert shelf.scan().metadata_read == 0


def test_the_folders_picasa_file_speaks_of_all_its_photos(shelf):
    shelf.photo("a.jpg")
    shelf.photo("b.jpg")
    shelf.photo("inner/c.jpg")
    shelf.scan()
    shelf.write(".picasa.ini", b"[a.jpg]\nkeywords=one,two\n[b.jpg]\nstar=yes\n[c.jpg]\nstar=yes\n")
    assert shelf.scan().metadata_read == 2
    assert shelf.keywords() == {"a.jpg": ["one", "two"], "b.jpg": ["favorite"]}


def test_takeouts_names_belong_to_the_photo_and_its_date_is_an_instant(shelf):
    shelf.photo("a.jpg")
    document = {"photoTakenTime": {"timestamp": "1482600612"}, "people": [{"name": "Anna"}],
                "geoData": {"latitude": 48.2, "longitude": 16.4}}  # fmt: skip
    shelf.write("a.jpg.json", json.dumps(document).encode())
    shelf.write("notes.json", b'{"something": "else"}')
    shelf.scan()
    photo = shelf.said("a.jpg")
    assert (photo.taken_from, photo.latitude, photo.longitude) == ("takeout", 48.2, 16.4)
    assert shelf.named() == [("a.jpg", "Anna", "takeout", None)]


def test_regions_name_faces(shelf):
    exif = Image.Exif()
    exif[0x0112] = 3
    shelf.photo("a.jpg", exif=exif.tobytes())
    shelf.write("a.jpg.xmp", packet(mwg()))
    shelf.scan()
    assert shelf.named() == [("a.jpg", "Anna", "sidecar", 1 - FACE.right)]


def test_old_catalogs_get_better_dates_and_no_net_looks(shelf):
    """As a version stored it that knew dates of Exif alone."""
    shelf.photo("IMG-20161224-WA0014.jpg", xmp=packet("", ' xmp:Rating="3"'))
    shelf.scan()
    with closing(sqlite3.connect(shelf.library.path)) as connection:
        connection.execute(
            "UPDATE photos SET taken_at = '2023-11-14 22:13:20', taken_from = 'file', rating = NULL, "
            "metadata_due = 1"
        )
        connection.execute("DELETE FROM meta WHERE key = 'metadata_rules'")
        connection.commit()
    report = shelf.scan()
    assert (report.tagged, report.metadata_read) == (0, 1)
    photo = shelf.said("IMG-20161224-WA0014.jpg")
    assert (photo.taken_text, photo.taken_from) == ("2016-12-24", "name")
    assert shelf.ratings() == {"IMG-20161224-WA0014.jpg": 3}


def test_new_rules_read_all_known_photos_once(shelf, monkeypatch):
    shelf.photo("a.jpg")
    shelf.photo("b.jpg")
    shelf.scan()
    monkeypatch.setattr(metadata, "RULES_VERSION", metadata.RULES_VERSION + 1)
    assert shelf.scan(options=ScanOptions(taggers=("sharpness",), dry_run=True)).metadata_read == 0
    assert shelf.scan().metadata_read == 2
    assert shelf.scan().metadata_read == 0


def test_verify_reads_all_again(shelf):
    shelf.photo("a.jpg")
    shelf.scan()
    assert shelf.scan(options=ScanOptions(taggers=("sharpness",), verify=True)).metadata_read == 1


def test_a_photo_that_moves_leaves_the_sidecar_that_stays(shelf):
    shelf.photo("a.jpg")
    shelf.photo("b.jpg")
    shelf.write("a.jpg.xmp", packet(subjects("beach")))
    shelf.scan()
    (shelf.folder / "inner").mkdir()
    shutil.move(shelf.folder / "a.jpg", shelf.folder / "inner" / "a.jpg")
    report = shelf.scan()
    assert (report.moved, report.tagged, report.metadata_read) == (1, 0, 1)
    assert shelf.keywords() == {}
    shutil.move(shelf.folder / "a.jpg.xmp", shelf.folder / "inner" / "a.jpg.xmp")
    shelf.scan()
    assert shelf.keywords() == {"a.jpg": ["beach"]}


def test_a_photo_that_is_edited_is_read_anew(shelf):
    path = shelf.photo("a.jpg", xmp=packet(subjects("old")))
    shelf.scan()
    Image.new("RGB", (120, 80), (9, 9, 9)).save(path, xmp=packet(subjects("new")))
    shelf.scan()
    assert shelf.keywords() == {"a.jpg": ["new"]}


def test_a_photo_that_is_captioned_keeps_its_answers(shelf):
    path = shelf.photo("a.jpg", xmp=packet(subjects("old")))
    shelf.scan()
    data = path.read_bytes()
    path.write_bytes(data.replace(b"<rdf:li>old</rdf:li>", b"<rdf:li>new</rdf:li>"))
    report = shelf.scan()
    assert (report.tagged, report.metadata_read) == (0, 1)
    assert shelf.keywords() == {"a.jpg": ["new"]}


def test_a_photo_given_by_name_is_read_with_what_lies_beside(shelf):
    path = shelf.photo("a.jpg")
    shelf.photo("b.jpg")
    shelf.write("a.jpg.xmp", packet("", ' xmp:Rating="1"'))
    assert shelf.scan(path).found == 1
    assert shelf.ratings() == {"a.jpg": 1}


def test_sidecars_are_not_told_as_left_alone_where_there_are_photos(shelf):
    shelf.photo("a.jpg")
    shelf.write("a.jpg.xmp", packet(""))
    (shelf.folder / "empty").mkdir()
    shelf.write("empty/b.jpg.xmp", packet(""))
    assert shelf.scan().other_endings == {"xmp": 1}


@pytest.mark.parametrize("data", [b"", b"<!DOCTYPE a><a/>", b"<a>" * 100, b"\x1b[2J<", b"\xff" * 1000])
def test_a_hostile_sidecar_costs_one_sentence(shelf, data):
    shelf.photo("a.jpg")
    shelf.write("a.jpg.xmp", data)
    report = shelf.scan()
    notes = [note for note in report.notes if "a.jpg.xmp" in note]
    assert len(notes) == 1 and " was left alone: it " in notes[0]
    assert (report.tagged, report.failed) == (1, 0)
    assert not [note for note in shelf.scan().notes if "a.jpg.xmp" in note], "once is enough"


def test_a_scan_in_which_nothing_is_new_writes_no_row(shelf):
    shelf.photo("a.jpg")
    shelf.write("a.jpg.xmp", packet(subjects("beach")))
    os.utime(shelf.folder, (FILE_TIME, FILE_TIME))
    shelf.scan()
    shelf.scan()
    with closing(sqlite3.connect(shelf.library.path)) as other:
        before = other.execute("PRAGMA data_version").fetchone()
        shelf.scan()
        assert other.execute("PRAGMA data_version").fetchone() == before


def test_a_catalog_forgets_what_was_written_about_forgotten_photos(shelf):
    shelf.photo("a.jpg")
    shelf.write("a.jpg.xmp", packet(subjects("beach") + mwg(), ' xmp:Rating="4"'))
    shelf.scan()
    shelf.library.forget([shelf.folder])
    for table in ("written", "photo_keywords", "regions", "photo_labels"):
        assert shelf.rows(f"SELECT count(*) FROM {table}") == [(0,)], table


def test_a_library_that_moves_as_a_whole_keeps_what_is_written(shelf):
    shelf.photo("a.jpg")
    shelf.write("a.jpg.xmp", packet(subjects("beach")))
    shelf.scan()
    moved = shelf.folder.with_name("moved")
    shelf.folder.rename(moved)
    shelf.library.relocate(shelf.folder, moved)
    assert shelf.rows("PRAGMA foreign_key_check") == []
    report = shelf.scan(moved)
    assert (report.tagged, report.moved) == (0, 0)
    assert shelf.keywords() == {"a.jpg": ["beach"]}
    (moved / "a.jpg.xmp").unlink()
    shelf.scan(moved)
    assert shelf.keywords() == {}


def describe(shelf):
    """Three photos of which other programs have something to say, and one of which they have not."""
    shelf.photo("rome.jpg")
    shelf.photo("beach.jpg", xmp=packet(subjects("beach", "AC/DC"), ' xmp:Rating="2"'))
    shelf.photo("rejected.jpg", xmp=packet("", ' xmp:Rating="-1"'))
    shelf.photo("plain.jpg")
    levels = (
        '<lr:hierarchicalSubject xmlns:lr="http://ns.adobe.com/lightroom/1.0/"><rdf:Bag>'
        "<rdf:li>Places|Italy|Rome</rdf:li></rdf:Bag></lr:hierarchicalSubject>"
    )
    shelf.write("rome.jpg.xmp", packet(levels + TITLE.format("Der ERSTE Tag: 100% Spaß"), ' xmp:Rating="4"'))
    shelf.scan()
    return shelf


@pytest.fixture
def described(shelf):
    return describe(shelf)


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """The same for all who only ask."""
    made = describe(Shelf(tmp_path_factory.mktemp("asked")))
    yield made
    made.library.close()


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("rating:4..", "rome"),
        ("rating:2", "beach"),
        ("rating:..4", "beach rome"),
        ("rating:rejected", "rejected"),
        ("rating:none", "plain"),
        ("^rating:4..", "beach plain rejected"),
        ("keyword:beach", "beach"),
        ("keyword:ITALY", "rome"),
        ("keyword:Places/Italy", "rome"),
        ("keyword:Italy|Rome", "rome"),
        ("keyword:Places/Rome", ""),
        ("keyword:ac/dc", "beach"),
        ("keyword:nothing", ""),
        ("^keyword:beach", "plain rejected rome"),
        ("beach", "beach"),
        ("rome or beach", "beach rome"),
        ("Italy rating:4..", "rome"),
        ('text:"erste tag"', "rome"),
        ("text:SPASS", "rome"),
        ("text:100%", "rome"),
        ("text:100_", ""),
        ("^text:tag", "beach plain rejected"),
        ("(keyword:beach or text:tag) ^rating:2", "rome"),
    ],
)
def test_questions_about_what_is_written(asked, question, found):
    names = sorted(os.path.splitext(os.path.basename(path))[0] for path in asked.library.paths(question))
    assert " ".join(names) == found
    assert asked.library.count(question) == len(names)


@pytest.mark.parametrize(
    "question", ["rating:6", "rating:", "rating:5..2", "rating:x", "keyword:/", "rating:.."]
)
def test_what_is_no_question(asked, question):
    with pytest.raises(UsageError):
        asked.library.ask(question)


def test_the_users_own_word_goes_before_a_keyword(described):
    path = described.folder / "beach.jpg"
    described.library.correct(path, remove=["beach"])
    assert list(described.library.paths("beach")) == []
    assert list(described.library.paths("keyword:beach")) == [str(path)], "what is in the file, is"
    os.utime(path)
    described.write("beach.xmp", packet(subjects("beach")))
    described.scan()
    assert list(described.library.paths("beach")) == [], "no scan overrides it"


def test_keywords_are_labels_for_whoever_asks(described):
    assert {"beach", "Italy", "Rome", "Places"} <= set(described.library.known_labels())
    assert {row.label: row.source for row in described.library.labels()}["Rome"] == "keywords"
    (described.folder / "rome.jpg.xmp").unlink()
    described.scan()
    assert "Rome" not in described.library.known_labels()


def test_persons_that_other_programs_name_can_be_asked_for(shelf):
    path = shelf.photo("a.jpg")
    shelf.photo("b.jpg")
    shelf.write("a.jpg.xmp", packet(mwg()))
    shelf.write("b.jpg.json", json.dumps({"photoTakenTime": {}, "people": [{"name": "Anna"}]}).encode())
    shelf.scan()
    assert {os.path.basename(found) for found in shelf.library.paths("person:anna")} == {"a.jpg", "b.jpg"}
    (face,) = shelf.said("a.jpg").faces
    assert (face.person.name, face.person_source, face.box) == ("Anna", "sidecar", FACE)

    shelf.library.tag_faces([(path, face.number)], person="Ben")
    assert [os.path.basename(found) for found in shelf.library.paths("person:anna")] == ["b.jpg"]
    shelf.write("a.jpg.xmp", packet(mwg()) + b" ")
    assert shelf.scan().metadata_read == 1
    assert [os.path.basename(found) for found in shelf.library.paths("person:ben")] == ["a.jpg"], (
        "no scan overrides it"
    )

    (shelf.folder / "b.jpg.json").unlink()
    shelf.scan()
    assert list(shelf.library.paths("person:anna")) == []


def test_the_sidecar_goes_before_the_file_for_persons(shelf):
    shelf.photo("a.jpg", xmp=packet(mwg()))
    shelf.scan()
    assert list(shelf.library.paths("person:anna")) != []
    shelf.write("a.jpg.xmp", packet(mwg().replace("Anna", "Cleo")))
    shelf.scan()
    assert list(shelf.library.paths("person:anna")) == []
    assert list(shelf.library.paths("person:cleo")) != []

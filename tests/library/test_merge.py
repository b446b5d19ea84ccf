"""Catalogs of the same photos, looked at on several machines, become one: in any order, as often as you like,
and no word of a person is lost."""

import hashlib
import itertools
import json
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from phototag.cli import main
from phototag.errors import CatalogError
from phototag.library import Library
from phototag.reading.walk import Walk
from phototag.records import Box, Exif, Fingerprint, Outcome, PhotoFacts, Tag
from tests.catalogs import make_empty

from .test_upgrade import load_dump

FINGERPRINTS = {
    "decode": Fingerprint("d1"),
    "faces": Fingerprint("f1"),
    "smiles": Fingerprint("s1"),
    "objects": Fingerprint("everyday:1", "everyday", {"dog": 0.6}),
    "kinds": Fingerprint("k1"),
}
NAMES = ("a.jpg", "b.jpg", "sub/c.jpg", "d.jpg")
FACE = Box(0.1, 0.1, 0.4, 0.5)
SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "merge.schema.json"


def content_hash(file):
    return hashlib.sha256(Path(file.full_path()).read_bytes()).hexdigest()


def tags_of(name, tagger):
    """What a net says of a file's content, wherever it runs."""
    chance = hashlib.sha256(f"{name} {tagger}".encode()).digest()
    score = chance[0] / 256
    if tagger == "faces":
        return (Tag("face", 0.99, FACE),)
    if tagger == "smiles":
        return (Tag("smile", score, FACE), Tag("neutral", 1 - score, FACE))
    if tagger == "objects":
        return (Tag("dog", score, Box(0, 0, 1, 0.5)),)
    return (Tag("beach", score),)


def anonymous(face):
    """The face, and names without their numbers in this catalog."""
    names = [face.person and face.person.name, *sorted(person.name for person in face.not_persons)]
    return replace(face, person=None, not_persons=()), names


class Machine:
    """A copy of the photos somewhere, and the catalog that a scan of it made."""

    def __init__(self, folder, names=NAMES):
        self.folder = folder
        for name in names:
            path = folder / "photos" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"the picture {name}")
            os.utime(path, (1_466_000_000, 1_466_000_000))  # copies keep their times
        self.db = folder / "catalog.db"
        make_empty(self.db)
        self.library = Library.open(self.db)
        walk = Walk([str(folder / "photos")])
        self.library.reconcile(walk.roots, walk, hash_file=content_hash, stamps=walk.stamps)

    def photo(self, name):
        return self.library.photo(self.folder / "photos" / name)

    def look(self, name, *taggers, error=None):
        """Save what these taggers say of the photo, as a scan does."""
        path = self.folder / "photos" / name
        photo_id = self.photo(name).photo_id
        bytes_hash = hashlib.sha256(path.read_bytes()).hexdigest()
        facts = PhotoFacts(photo_id, bytes_hash, 40, 30, Exif(camera="Pixel"))
        said = [
            Outcome(photo_id, tagger, () if error else tags_of(name, tagger), error) for tagger in taggers
        ]
        self.library.save([facts], said, FINGERPRINTS)

    def say(self, name, **said):
        """A word about the photo's face, which a net found or not."""
        path = self.folder / "photos" / name
        if not self.photo(name).faces:
            self.library.add_face(path, FACE)
        self.library.tag_faces([(path, 1)], **said)

    def face_words(self):
        with closing(sqlite3.connect(self.db)) as connection:
            return sorted(
                connection.execute(
                    "SELECT identity, kind, coalesce(name, ''), round(box_left, 6) FROM face_words "
                    "LEFT JOIN persons ON persons.id = person_id"
                )
            )

    def dump(self):
        """All that a question can find, whatever ids and folders are."""
        photos = []
        for photo in self.library.photos():
            photos.append(
                (
                    os.path.relpath(photo.path, self.folder),
                    *(photo.objects, photo.kinds, sorted(photo.user_labels)),
                    [anonymous(face) for face in photo.faces],
                    *(photo.everyone_smiling, photo.least_smile, photo.smile_words, photo.width),
                    *(photo.camera, dict(photo.errors), photo.content_hash),
                )
            )
        found = {row.label: (row.photos, row.threshold) for row in self.library.labels()}
        return sorted(photos, key=str), found, self.face_words()

    def close(self):
        self.library.close()


@pytest.fixture
def machines(tmp_path):
    made = []

    def make(names=NAMES):
        made.append(Machine(tmp_path / f"machine {len(made)}", names))
        return made[-1]

    yield make
    for machine in made:
        machine.close()


def test_answers_come_over_where_there_are_none_here(machines):
    nas, computer = machines(), machines()
    nas.look("a.jpg", "kinds")
    computer.look("a.jpg", "faces", "smiles", "objects", "kinds")
    computer.look("b.jpg", "faces", "smiles", error="broken")
    nas.look("b.jpg")
    found = nas.library.merge(computer.db)
    assert (found.photos, found.photos_answered, found.answers) == (2, 1, 3)
    assert nas.photo("a.jpg").objects == computer.photo("a.jpg").objects
    assert nas.photo("a.jpg").faces == computer.photo("a.jpg").faces
    assert nas.library.thresholds() == {"dog": 0.6}
    assert list(nas.library.paths("faces:1..")) == [nas.photo("a.jpg").path]
    # what was taken over is no work for the next scan
    assert [(Path(job.file.path).name, job.taggers) for job in nas.library.jobs(None, FINGERPRINTS)] == [
        ("b.jpg", ("faces", "smiles", "objects", "kinds")),
        ("d.jpg", ("faces", "smiles", "objects", "kinds")),
        ("c.jpg", ("faces", "smiles", "objects", "kinds")),
    ]


def test_an_error_here_gives_way_and_an_answer_here_stays(machines):
    ours, theirs = machines(), machines()
    ours.look("a.jpg", "objects", error="out of memory")
    ours.look("b.jpg", "objects")
    theirs.look("a.jpg", "objects")
    with theirs.library._catalog.write():
        pass
    theirs.library.save(
        [],
        [Outcome(theirs.photo("b.jpg").photo_id, "objects", (Tag("cat", 1.0, FACE),))],
        FINGERPRINTS | {"objects": Fingerprint("other:1", "other")},
    )
    ours.library.merge(theirs.db)
    assert ours.photo("a.jpg").objects == tags_of("a.jpg", "objects") and not ours.photo("a.jpg").errors
    assert ours.photo("b.jpg").objects == tags_of("b.jpg", "objects")


def test_photos_that_were_never_hashed_are_told_by_hashing_them(machines):
    nas, computer = machines(), machines()
    computer.look("a.jpg", "objects")
    found = nas.library.merge(computer.db)
    assert (found.answers, found.photos_never_hashed, found.photos_only_there) == (0, 3, 1)  # of that size
    found = nas.library.merge(computer.db, hash_file=content_hash)
    assert (found.answers, found.photos_never_hashed, found.photos_only_there) == (1, 0, 0)
    assert nas.photo("a.jpg").width == 40 and nas.photo("a.jpg").camera == "Pixel"
    assert nas.photo("a.jpg").objects == tags_of("a.jpg", "objects")


def test_words_come_over_and_contradictions_keep_ours(machines):
    ours, theirs = machines(), machines()
    for machine, name in itertools.product((ours, theirs), ("a.jpg", "b.jpg")):
        machine.look(name, "faces", "smiles")
    ours.library.correct(ours.photo("a.jpg").path, add=["Holiday", "everyone smiling"], remove=["cat"])
    theirs.library.correct(theirs.photo("a.jpg").path, add=["holiday", "cat", "beach"])
    theirs.library.correct(theirs.photo("a.jpg").path, remove=["anyone smiling"])
    theirs.library.correct(theirs.photo("b.jpg").path, add=["beach"])
    ours.say("a.jpg", smiling=True)
    theirs.say("a.jpg", smiling=False, person="Anna")
    theirs.say("b.jpg", person="ANNA")
    ours.say("b.jpg", not_persons=["anna"])
    found = ours.library.merge(theirs.db)
    path = ours.photo("a.jpg").path
    assert {(one.path, one.ours, one.theirs) for one in found.contradictions} == {
        (path, "-cat", "+cat"),
        (path, "+everyone smiling", "-anyone smiling"),
        (path, "smiling", "not smiling"),
        (ours.photo("b.jpg").path, "not person anna", "person Anna"),
    }
    assert found.words == 3  # beach twice, and Anna in a.jpg
    assert sorted(ours.photo("a.jpg").user_labels) == ["Holiday", "beach"]
    assert ours.photo("b.jpg").user_labels == ("beach",)
    assert [row[1:3] for row in ours.face_words()].count(("person", "anna")) == 1
    assert ours.library.count("beach") == 2
    assert list(ours.library.paths("person:Anna")) == [path]
    assert ours.library.undo().summary == "took over the words of catalog.db"
    assert ours.library.count('"beach"') == ours.library.count("person:any") == 0


def test_words_follow_equal_pixels_of_a_file_that_another_program_wrote_into(machines):
    ours, theirs = machines(), machines()
    for machine, name in ((ours, "bytes here"), (theirs, "bytes there")):
        photo_id = machine.photo("a.jpg").photo_id
        machine.library.save([PhotoFacts(photo_id, name, 4, 3, pixel_hash="p")], [], FINGERPRINTS)
    theirs.library.correct(theirs.photo("a.jpg").path, add=["Holiday"])
    theirs.say("a.jpg", person="Anna")
    assert ours.library.merge(theirs.db).words == 3  # the label, that there is a face, and whose it is
    assert ours.photo("a.jpg").user_labels == ("Holiday",)
    assert {row[0] for row in ours.face_words()} == {"p"}


SAID = {"Anna": {"person": "Anna"}, "smiling": {"smiling": True}, "not Ben": {"not_persons": ["Ben"]}}
taggers = st.sets(st.sampled_from(["faces", "smiles", "objects", "kinds"]))
looks = st.dictionaries(st.sampled_from(NAMES), taggers)
labels = st.sets(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(["Holiday", "garden", "everyone smiling"]))
)
faces = st.sets(
    st.tuples(
        st.sampled_from(NAMES),
        st.sampled_from(["Anna", "smiling", "not Ben"]),
    ),
    max_size=3,
)
histories = st.lists(st.tuples(looks, labels, faces), min_size=3, max_size=3)


@settings(deadline=None, max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories=histories)
def test_the_order_of_merges_does_not_matter_and_a_second_one_changes_nothing(tmp_path_factory, histories):
    folder = tmp_path_factory.mktemp("merged")
    machines = [Machine(folder / str(number)) for number in range(3)]
    for machine, (looks, labels, faces) in zip(machines, histories, strict=True):
        for name in NAMES:
            machine.look(name, *sorted(looks.get(name, ())))
        for name, label in sorted(labels):
            machine.library.correct(machine.photo(name).path, add=[label])
        for name, word in sorted(faces):
            machine.say(name, **SAID[word])
    dumps = []
    for order in itertools.permutations(range(3)):
        first, *others = order
        copy = folder / f"copy {order}"
        shutil.copytree(machines[first].folder, copy)
        with Library.open(copy / "catalog.db") as library:
            library.relocate(machines[first].folder / "photos", copy / "photos")
            for other in others:
                library.merge(machines[other].db)
            again = [library.merge(machines[other].db) for other in others]
            assert [(one.answers, one.words, one.contradictions) for one in again] == [(0, 0, [])] * 2
        merged = Machine.__new__(Machine)
        merged.folder, merged.db, merged.library = (
            copy,
            copy / "catalog.db",
            Library.open(copy / "catalog.db"),
        )
        photos, found, words = merged.dump()
        dumps.append((photos, found, [(row[0], row[1], row[2]) for row in words]))
        merged.close()
    assert dumps == dumps[:1] * len(dumps)
    for machine in machines:
        machine.close()


def test_the_other_catalog_is_only_read(machines, tmp_path):
    ours, theirs = machines(), machines()
    theirs.look("a.jpg", "objects")
    theirs.close()
    os.chmod(theirs.db, 0o444)
    before = theirs.db.read_bytes()
    ours.look("a.jpg")
    assert ours.library.merge(theirs.db).answers == 1
    assert theirs.db.read_bytes() == before
    os.chmod(theirs.db, 0o644)
    theirs.library = Library.open(theirs.db)


def test_an_older_catalog_is_merged_and_stays_as_it_is(machines, tmp_path):
    ours = machines()
    load_dump(tmp_path / "old.db")
    before = (tmp_path / "old.db").read_bytes()
    found = ours.library.merge(tmp_path / "old.db")
    assert found.photos_only_there > 0
    assert (tmp_path / "old.db").read_bytes() == before
    assert not list(tmp_path.glob("old.db.before*"))


def test_what_is_no_other_catalog_is_refused(machines, tmp_path):
    ours = machines()
    with pytest.raises(CatalogError, match="no catalog at"):
        ours.library.merge(tmp_path / "nowhere.db")
    with pytest.raises(CatalogError, match="this very catalog"):
        ours.library.merge(ours.db)
    (tmp_path / "text.db").write_text("no database at all, but long enough to be taken for one" * 20)
    with pytest.raises(CatalogError, match="not a catalog"):
        ours.library.merge(tmp_path / "text.db")
    Library.open(tmp_path / "newer.db").close()
    with closing(sqlite3.connect(tmp_path / "newer.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(CatalogError, match="newer phototag"):
        ours.library.merge(tmp_path / "newer.db")


def test_the_command_tells_before_it_does(machines):
    nas, computer = machines(), machines()
    for name in NAMES:
        nas.look(name)
        computer.look(name, "faces", "smiles", "objects", "kinds")
    computer.library.correct(computer.photo("a.jpg").path, add=["Holiday"])
    nas.library.correct(nas.photo("b.jpg").path, add=["Holiday"])
    computer.library.correct(computer.photo("b.jpg").path, remove=["Holiday"])

    def run(*arguments):
        result = CliRunner().invoke(main, ["merge", str(computer.db), "--db", str(nas.db), *arguments])
        assert result.exit_code == 0, result.output
        return result

    validator = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    told = json.loads(run("--dry-run", "--json").stdout)
    validator.validate(told)
    assert told["answers"] == 16 and told["words"] == 1 and nas.library.count("faces:1..") == 0
    result = run()
    assert (
        "4 photos known in both; 16 answers about 4 photos and 1 word of yours taken over." in result.stdout
    )
    assert "b.jpg: +Holiday here, -Holiday there" in result.stderr
    done = json.loads(run("--json").stdout)
    assert done["answers"] == done["words"] == 0 and len(done["contradictions"]) == 1
    asked = [
        CliRunner().invoke(main, ["query", "^path:b.jpg", "--json", "--db", str(machine.db)]).stdout
        for machine in (nas, computer)
    ]
    assert asked[0].replace(str(nas.folder), "") == asked[1].replace(str(computer.folder), "") != ""

"""A catalog copied as a whole: into PostgreSQL and back, and what is refused."""

import random
import struct
import subprocess
import sys
from datetime import datetime

import pytest
from sqlalchemy import select

from phototag.errors import CatalogError
from phototag.library import Library
from phototag.library.address import read_address
from phototag.library.tables import embeddings, metadata
from phototag.metadata.beside import Sidecar
from phototag.records import (
    Box,
    Exif,
    FolderStamp,
    Member,
    NamedPerson,
    NamedPlace,
    Outcome,
    PhotoFacts,
    PhotoFile,
    Tag,
    Written,
)

FINGERPRINTS = {name: f"{name} 1" for name in ("decode", "faces", "smiles", "identity", "objects")}
ROME = NamedPlace("town 3169070", "Rome", "IT", ("Rome", "Roma", "Рим"))


def embedding(person, chance):
    """128 half floats of length 1, near those of the same person."""
    numbers = [random.Random(person * 1000 + n).gauss(0, 1) + chance.gauss(0, 0.05) for n in range(128)]
    length = sum(number**2 for number in numbers) ** 0.5
    return struct.pack("<128e", *(number / length for number in numbers))


def fill(library, folder):
    """A catalog with something in every table."""
    chance = random.Random(0)
    files = [
        PhotoFile(
            str(folder), f"2016/ä {n}'\"\\.jpg", 3_000_000_000 + n, 1_466_000_000_000_000_000 + n, n + 1
        )
        for n in range(12)
    ]
    (folder / "2016").mkdir(parents=True)
    library.reconcile(
        [str(folder)],
        files,
        hash_file=lambda file: None,
        stamps={str(folder): FolderStamp("1-ab", "7"), str(folder / "2016"): FolderStamp("12-cd", None)},
        sidecars={str(folder / "2016"): [Sidecar("a.jpg.xmp", 5, 1_466_000_000_000_000_000)]},
    )
    for photo_id in range(1, 12):
        box = Box(0.1 + chance.random() / 10, 1 / 3, 0.6, 0.9)
        said = {
            "faces": (Tag("face", 0.99, box, ((0.2, 0.4), (1 / 7, 0.5))),),
            "smiles": (Tag("smile", chance.random(), box), Tag("happy", 0.6, box)),
            "identity": (Tag("identity", 1.0, box, embedding=embedding(photo_id % 2, chance)),),
            "objects": (Tag("dog", chance.random(), Box(0, 0, 1, 0.5)), Tag("naïve 🐕", 1e-300)),
        }
        written = Written(4, "Red", "Zoë\nRome", "a\ttab", ("Places|Rome",), (NamedPerson("Bo", "sidecar"),))
        exif = Exif(datetime(2016, 6, photo_id), "exif", 120, 41.9, 12.5, "Pixel", 6)
        facts = PhotoFacts(photo_id, f"{photo_id:064}", 4000, 3000, exif, f"{photo_id:032}", written)
        outcomes = [Outcome(photo_id, tagger, tags) for tagger, tags in said.items()]
        library.save([facts], outcomes, FINGERPRINTS)
    library.save([], [Outcome(12, "faces", error="no such file")], FINGERPRINTS)
    library.look_for_people()
    library.group_people()
    paths = [str(folder / f"2016/ä {n}'\"\\.jpg") for n in range(3)]
    library.correct(paths[0], add=["grandma"], remove=["dog"])
    library.tag_faces([(paths[1], 1)], person="Anna", smiling=True)
    library.undo()
    library.tag_faces([(paths[2], 1)], person="Anna")
    library.save_album("best", "smiles", [Member(3, 1, "both smile", 0.5)], "taken:2016")
    library.find_places("1", lambda: lambda latitude, longitude: [ROME])
    library.save_perceptual_hashes({1: (f"{1:064}", 2**64 - 3)})


def contents(library):
    """Every row of every table."""
    with library._catalog.read() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(*table.c))), key=repr)
            for table in metadata.sorted_tables
        }


@pytest.fixture
def filled(tmp_path):
    with Library.open(tmp_path / "here.db") as library:
        fill(library, tmp_path / "photos")
        yield library


def test_everything_goes_into_postgresql_and_back(filled, databases, tmp_path):
    expected = contents(filled)
    assert [name for name, rows in expected.items() if not rows] == [], "else they are not tested"
    address = databases.address(tmp_path)
    told = []
    copied = filled.copy_to(address, with_embeddings=True, on_progress=lambda *now: told.append(now))
    total = sum(map(len, expected.values()))
    assert (copied.photos, copied.rows, copied.embeddings_left_out) == (12, total, 0)
    assert told[-1] == (total, total)
    with Library.open(address) as library:
        assert contents(library) == expected
        for question in ("dog", "person:Anna", "keyword:Rome", "place:Roma", "grandma"):
            assert list(library.paths(question)) == list(filled.paths(question))
        library.copy_to(tmp_path / "back.db", with_embeddings=True)
    with Library.open(tmp_path / "back.db") as back:
        assert contents(back) == expected
    assert (tmp_path / "back.db").stat().st_mode & 0o777 == 0o600
    databases.remove(tmp_path)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated "
        "FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2",
    ],
    ids=["indices", "constraints"],
)
def test_a_copy_has_every_index_and_foreign_key_that_an_empty_catalog_has(
    filled, databases, tmp_path, statement
):
    filled.copy_to(databases.address(tmp_path / "copy.db"))
    databases.address(tmp_path / "empty.db")
    found = databases.execute(tmp_path / "copy.db", statement)
    assert found == databases.execute(tmp_path / "empty.db", statement) and len(found) > 30
    for name in ("copy.db", "empty.db"):
        databases.remove(tmp_path / name)


def test_new_rows_get_new_numbers_in_the_copy(filled, databases, tmp_path):
    address = databases.address(tmp_path)
    filled.copy_to(address, with_embeddings=True)
    with Library.open(address) as library:
        file = PhotoFile(str(tmp_path / "photos"), "new.jpg", 1, 1)
        library.reconcile([], [file], hash_file=lambda file: None)
        assert max(library.ids(sort="path")) == 13
        library.save([PhotoFacts(13, "h", 4, 3)], [Outcome(13, "objects", (Tag("kite", 0.9),))], FINGERPRINTS)
        library.correct(str(tmp_path / "photos" / "new.jpg"), add=["mine"])
        library.save_album("more", "smiles", [Member(13, 1, "new")], "")
        assert library.count("kite") == library.count("mine") == 1
    databases.remove(tmp_path)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_embeddings_go_along_only_when_asked_and_words_always(filled, request, tmp_path, kind):
    address = tmp_path / "copy.db"
    if kind == "postgresql":
        databases = request.getfixturevalue("databases")
        request.addfinalizer(lambda: databases.remove(tmp_path))
        address = databases.address(tmp_path)
    assert filled.copy_to(address).embeddings_left_out == 11
    with Library.open(address) as library:
        assert contents(library)[embeddings.name] == []
        assert not library.looks_for_people() and library.people() == []
        assert 3 in library.ids("person:Anna")
        lacking = library.count_jobs(None, FINGERPRINTS).taggers
        assert lacking["identity"] == 12, "the next scan --people makes them"
        assert lacking["smiles"] == lacking["objects"] == 1, "and nothing else"
    assert contents(filled)[embeddings.name], "the catalog itself was only read"


def test_a_target_that_is_not_empty_is_refused_and_so_is_the_catalog_itself(filled, databases, tmp_path):
    address = databases.address(tmp_path)
    with Library.open(address) as library:
        library.save_album("mine", "smiles", [], "")
    for target in (address, tmp_path / "here.db"):
        with pytest.raises(CatalogError, match=r"is not empty|is this very catalog"):
            filled.copy_to(target)
    with Library.open(address) as library:
        assert [album.name for album in library.albums()] == ["mine"]
        with pytest.raises(CatalogError, match="is this very catalog"):
            library.copy_to(address)
    databases.remove(tmp_path)


def test_a_copy_that_is_interrupted_leaves_nothing(filled, databases, tmp_path):
    def press(done, total):
        if done > total / 2:
            raise KeyboardInterrupt

    address = databases.address(tmp_path)
    for target in (address, tmp_path / "copy.db"):
        with pytest.raises(KeyboardInterrupt):
            filled.copy_to(target, on_progress=press)
    assert not list(tmp_path.glob("copy.db*"))
    with Library.open(address) as library:
        assert library.count() == 0
    filled.copy_to(address, with_embeddings=True)  # the same again
    with Library.open(address) as library:
        assert contents(library) == contents(filled)
    databases.remove(tmp_path)


def test_the_command_copies_and_says_where(filled, databases, tmp_path):
    address = read_address(databases.address(tmp_path)).set(password="secret")
    target = address.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "phototag", "copy", "--to", target, "--db", str(filled.path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("12 photos copied, ")
    assert "--embeddings" in done.stderr and "secret" not in done.stdout + done.stderr
    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == 1 and "is not empty" in again.stderr and "secret" not in again.stderr
    databases.remove(tmp_path)

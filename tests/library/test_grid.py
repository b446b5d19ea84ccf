"""Ids, shapes and months of many photos, and what they have in common."""

import json
import struct
from datetime import datetime

import pytest

from phototag.library import Library
from phototag.records import Box, Exif, Outcome, PhotoFacts, Tag
from phototag.web.answers import grid_bytes
from tests.catalogs import ONLY_FILES


@pytest.fixture
def filled(shelf, fingerprints):
    """Twelve photos: two a month from January 2015 on, the last two dated by their files alone."""
    shelf.write(*(f"{number:02}.jpg" for number in range(12)))
    shelf.find()
    box = Box(0.1, 0.1, 0.5, 0.9)
    for job in shelf.jobs():
        number = int(job.file.path[:2])
        dated = Exif(
            datetime(2015 + number // 8, 1 + number // 2, 3 + number),
            "exif" if number < 10 else "file",
            camera="Pixel 3" if number % 2 else None,
        )
        facts = PhotoFacts(job.photo_id, f"{number:064}", 400, 300 if number % 2 else 800, dated)
        faces = [Tag("face", 0.99, Box(0.1 * n, 0.1, 0.1 * n + 0.08, 0.3)) for n in range(1, number % 6 + 1)]
        smiles = [Tag("smile", 0.9 if number < 4 else 0.1, face.box) for face in faces]
        outcomes = [
            Outcome(job.photo_id, "faces", tuple(faces)),
            Outcome(job.photo_id, "smiles", tuple(smiles)),
            Outcome(job.photo_id, "objects", (Tag("dog" if number % 3 else "potted plant", 0.9, box),)),
        ]
        shelf.library.save([facts], outcomes, fingerprints)
    return shelf


def test_a_grid_has_ids_in_order_with_their_shapes_and_months(filled):
    ids = filled.library.ids(sort="taken", descending=True)
    grid = filled.library.shapes().arrange(ids, by_month=True)
    assert [*grid.ids] == ids and len(ids) == 12
    assert set(grid.ratios) == {1333, 500}
    assert [(s.month, s.photos, s.guessed) for s in grid.sections] == [
        ("2016-06", 2, 2),
        ("2016-05", 2, 0),
        ("2015-04", 2, 0),
        ("2015-03", 2, 0),
        ("2015-02", 2, 0),
        ("2015-01", 2, 0),
    ]
    assert filled.library.shapes().arrange(ids[:3], by_month=False).sections == ()


def test_the_bytes_of_a_grid_can_be_read_as_they_are_described(filled):
    ids = filled.library.ids("dog")
    grid = filled.library.shapes().arrange(ids, by_month=True)
    data = grid_bytes(grid, "1-2")
    (length,) = struct.unpack_from("<I", data)
    header = json.loads(data[4 : 4 + length])
    assert (4 + length) % 4 == 0 and header["photos"] == len(ids) == 8 and header["revision"] == "1-2"
    assert sum(section["photos"] for section in header["sections"]) == 8
    assert list(struct.unpack_from("<8I", data, 4 + length)) == ids
    assert list(struct.unpack_from("<8H", data, 4 + length + 32)) == [*grid.ratios]
    assert len(data) == 4 + length + 6 * 8


def test_the_revision_changes_with_what_a_scan_stores(filled):
    before = filled.library.revision()
    filled.library.correct([filled.folder / "00.jpg"], add=["grandma"])
    assert filled.library.revision() == before  # a person's own word is no news to that person
    filled.write("new.jpg")
    filled.find()
    assert filled.library.revision() != before


@pytest.mark.parametrize("question", ["", "dog", "taken:2015", "smiling:all", "dog faces:1.. ^missing"])
def test_each_facet_counts_what_its_term_finds(filled, question):
    filled.library.tag_faces(
        [(filled.folder / f"{number:02}.jpg", 1) for number in (1, 2, 9)], person="Anna B"
    )
    found = {facet.name: facet.values for facet in filled.library.facets(question, seconds=30)}
    assert list(found) == ["smiling", "faces", "people", "things", "years", "cameras", "places"]
    counted = 0
    for name, values in found.items():
        for value in values:
            counted += 1
            assert filled.library.count(f"{question} {value.term}") == value.photos > 0, (name, value)
    assert counted > 6
    if not question:
        assert {value.term for value in found["things"]} == {"dog", '"potted plant"'}
        assert [value.text for value in found["faces"]] == ["0", "1", "2", "3", "4 or more"]


def test_many_photos_are_counted_as_few_are(filled, monkeypatch):
    from phototag.library import facets

    few = filled.library.facets("taken:2015", seconds=30)
    monkeypatch.setattr(facets, "FEW_PHOTOS", 2)
    assert filled.library.facets("taken:2015", seconds=30) == few


@ONLY_FILES
def test_what_takes_too_long_is_not_counted(filled, monkeypatch):
    from phototag.library import dialects

    monkeypatch.setattr(dialects, "STEPS_BETWEEN_LOOKS", 1)
    assert {facet.values for facet in filled.library.facets("dog", seconds=0)} == {None}
    assert filled.library.count("dog") == 8  # the connection serves on


def test_photos_come_by_their_ids_in_the_order_asked(filled):
    ids = filled.library.ids(sort="path")[::-1]
    assert [photo.photo_id for photo in filled.library.photos_with_ids([*ids, 999])] == ids
    assert [line.photo_id for line in filled.library.lines_with_ids(ids)] == ids
    path, content_hash = filled.library.file_with_id(ids[0])
    assert path == str(filled.folder / "11.jpg") and content_hash == f"{11:064}"
    assert filled.library.file_with_id(999) is None


def test_an_empty_catalog_has_an_empty_grid(tmp_path):
    with Library.open(tmp_path / "catalog.db") as library:
        assert library.revision() == "0-0"
        assert len(library.shapes().arrange(library.ids(), by_month=True).ids) == 0
        assert all(facet.values == () for facet in library.facets())

"""What a person said of a photo stays in view where its file is gone and a copy of it is there."""

import os
import shutil

import pytest
from PIL import Image

from phototag import Library, scan
from phototag.query.parse import parse
from phototag.records import Member
from phototag.scanning import ScanOptions
from tests.catalogs import BOTH

OPTIONS = ScanOptions(taggers=("sharpness",))


@pytest.fixture
def spoken(shelf):
    """Of two photos a person has spoken; one is in an album. There is a copy of each."""
    shelf.write("a.jpg", "b.jpg")
    shelf.find()
    shelf.tag()
    shelf.library.correct(shelf.folder / "a.jpg", add=["grandma"], remove=["objects of a.jpg"])
    shelf.library.correct(shelf.folder / "b.jpg", add=["grandpa"])
    shelf.library.save_album("ours", "", [Member(shelf.photo("a.jpg").photo_id, 1, "ours")], "")
    (shelf.folder / "copies").mkdir()
    for name in ("a.jpg", "b.jpg"):
        shutil.copy(shelf.folder / name, shelf.folder / "copies")
    shelf.find()
    return shelf


@BOTH
def test_a_copy_takes_over_the_words_about_a_photo_that_was_deleted(spoken):
    assert spoken.paths("grandma") == ["a.jpg"]
    (spoken.folder / "a.jpg").unlink()
    spoken.find()
    assert spoken.paths("grandma") == ["copies/a.jpg"]
    assert "copies/a.jpg" not in spoken.paths("objects of a.jpg"), "nor is what they denied"
    assert spoken.photo("copies/a.jpg").user_labels == ("grandma",)
    members = spoken.library.album("ours")[1]
    assert [os.path.relpath(photo.path, spoken.folder) for photo, _ in members] == ["copies/a.jpg"]


def test_words_about_the_copy_itself_stand(spoken):
    spoken.library.correct(spoken.folder / "copies/a.jpg", remove=["grandma"])
    (spoken.folder / "a.jpg").unlink()
    spoken.find()
    assert spoken.paths("grandma") == []


def test_a_photo_that_comes_back_has_its_words_still(spoken):
    os.rename(spoken.folder / "a.jpg", spoken.tmp_path / "away")
    spoken.find()
    os.rename(spoken.tmp_path / "away", spoken.folder / "a.jpg")
    spoken.find()
    assert spoken.paths("grandma") == ["a.jpg", "copies/a.jpg"]


def test_what_is_forgotten_of_a_folder_stays_known_of_copies_elsewhere(spoken):
    (spoken.folder / "a.jpg").unlink()
    spoken.find()
    spoken.library.forget([spoken.folder / "copies"])
    assert spoken.paths("grandma") == []
    assert spoken.paths("grandpa") == ["b.jpg"]
    spoken.find()
    spoken.library.forget([spoken.folder / "b.jpg"])
    assert spoken.paths("grandpa") == ["copies/b.jpg"]


@pytest.fixture
def shelves(tmp_path):
    """Makes pictures; the same shade makes the same compressed pixels, whatever is written beside them."""

    def draw(name, shade, caption=None):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        exif = Image.Exif()
        if caption:
            exif[0x010E] = caption
        Image.radial_gradient("L").point(lambda value: (value + shade) % 256).save(path, exif=exif.tobytes())
        return path

    with Library.open(tmp_path / "catalog.db") as library:
        yield tmp_path, library, draw


def grandma(library):
    return list(library.paths(parse(("grandma",), library.known_labels())))


def test_an_edited_copy_takes_them_over_too(shelves):
    base, library, draw = shelves
    first = draw("photos/a.jpg", 1)
    scan(library, [base / "photos"], OPTIONS)
    library.correct(first, add=["grandma"])
    second = draw("photos/copy.jpg", 1, "At the lake")
    scan(library, [base / "photos"], OPTIONS)
    first.unlink()
    scan(library, [base / "photos"], OPTIONS)
    assert grandma(library) == [str(second)]


@pytest.mark.parametrize("way", ["only the new folder", "both folders"])
def test_photos_that_left_a_folder_for_another_and_were_edited_on_the_way(shelves, way):
    base, library, draw = shelves
    paths = [draw(f"photos/{number}.jpg", number) for number in range(3)]
    (base / "photos/inner").mkdir()
    draw("best/other.jpg", 99)
    scan(library, [base / "photos", base / "best"], OPTIONS)
    library.correct(paths[1], add=["grandma"])
    for number, path in enumerate(paths[: 3 if way == "only the new folder" else 2]):
        path.unlink()
        draw(f"best/{number}.jpg", number, "At the lake")
    folders = [base / "best"] if way == "only the new folder" else [base / "photos", base / "best"]
    report = scan(library, folders, OPTIONS)
    assert (report.tagged, report.moved) == (0, 3 if way == "only the new folder" else 2)
    assert grandma(library) == [str(base / "best/1.jpg")]

"""A library's folder that was renamed or moved is the same library, never a second one."""

import os
import shutil

import pytest

from phototag.errors import CatalogError
from phototag.records import Member

NAMES = [f"{year}/{n}.jpg" for year in (2015, 2016) for n in range(20)]


@pytest.fixture
def spoken(shelf):
    """Forty photos, tagged; of one a person has spoken, and it is in an album."""
    shelf.write(*NAMES)
    shelf.find()
    shelf.tag()
    shelf.library.correct(shelf.folder / "2016/3.jpg", add=["grandma"])
    photo = shelf.photo("2016/3.jpg")
    shelf.library.save_album("ours", "smiles", [Member(photo.photo_id, 1, "ours")], "")
    return shelf


def grandma(shelf):
    return list(shelf.library.paths("grandma"))


def total(shelf):
    return shelf.sql("SELECT count(*) FROM photos")[0][0]


def test_a_renamed_library_is_recognised_by_a_few_of_its_files(spoken):
    new = spoken.tmp_path / "photos2"
    spoken.folder.rename(new)
    dry = spoken.find(new, dry_run=True)
    assert (dry.found, dry.new, dry.unchanged) == (40, 0, 40) and grandma(spoken) == [
        str(spoken.folder / "2016/3.jpg")
    ]
    result = spoken.find(new)
    assert (result.found, result.new, result.unchanged, result.missing) == (40, 0, 40, 0)
    assert len(result.relocated) == 1 and str(new) in result.relocated[0]
    assert len(spoken.hashed) <= 12, "not all of them"
    assert grandma(spoken) == [str(new / "2016/3.jpg")] and total(spoken) == 40 and spoken.jobs() == []
    assert [photo.path for photo, _ in spoken.library.album("ours")[1]] == grandma(spoken)
    again = spoken.find(new)
    assert (again.found, again.unchanged, again.relocated) == (40, 40, ())


def test_a_library_moved_into_another_folder_with_news_in_it(spoken):
    new = spoken.tmp_path / "all" / "pictures"
    new.parent.mkdir()
    spoken.folder.rename(new)
    (new / "2015/0.jpg").unlink()
    spoken.write("2015/1.jpg", text="edited, and longer than it was before", folder=new)
    spoken.write("other.jpg", folder=new.parent)
    result = spoken.find(new.parent)
    assert (result.found, result.new, result.changed, result.missing) == (40, 1, 1, 1)
    assert grandma(spoken) == [str(new / "2016/3.jpg")] and total(spoken) == 41


def test_a_part_of_a_renamed_library_is_enough(spoken):
    new = spoken.tmp_path / "photos2"
    spoken.folder.rename(new)
    assert spoken.find(new / "2016").unchanged == 20
    assert grandma(spoken) == [str(new / "2016/3.jpg")] and total(spoken) == 40


def test_copies_of_what_may_be_on_an_unconnected_disk_are_refused_with_the_line_to_type(spoken):
    """Where the folder above is gone too, nobody can tell a move from a disk that is not there."""
    disk = spoken.tmp_path / "disk"
    shutil.move(spoken.folder, disk / "photos")
    assert spoken.library.relocate(spoken.folder, disk / "photos") == 40
    spoken.find(disk / "photos")
    copy = spoken.tmp_path / "copy of it"
    shutil.copytree(disk / "photos", copy)
    disk.rename(spoken.tmp_path / "away")
    with pytest.raises(CatalogError, match=r"phototag relocate .*disk/photos '.*copy of it'$"):
        spoken.find(copy)
    assert total(spoken) == 40
    (spoken.tmp_path / "away").rename(disk)
    assert spoken.find(copy).duplicates == 40, "a copy, beside what it was made of"


def test_another_folder_with_the_same_names_is_another_library(spoken):
    other = spoken.tmp_path / "other"
    spoken.write(*NAMES, folder=other)
    for name in NAMES:
        size_bytes = os.stat(spoken.folder / name).st_size
        spoken.write(name, text="y" * size_bytes, folder=other)
    shutil.rmtree(spoken.folder)
    result = spoken.find(other)
    assert (result.new, result.relocated) == (40, ()) and total(spoken) == 80


def test_photos_that_left_a_deleted_folder_one_by_one_keep_their_words(spoken):
    new = spoken.tmp_path / "best"
    new.mkdir()
    (spoken.folder / "2016/3.jpg").rename(new / "she.jpg")
    shutil.rmtree(spoken.folder)
    result = spoken.find(new)
    assert (result.moved, result.new) == (1, 0) and grandma(spoken) == [str(new / "she.jpg")]


@pytest.mark.parametrize("tagged", [True, False])
def test_relocate_mends_a_catalog_that_has_the_same_photos_twice(spoken, tagged):
    new = spoken.tmp_path / "photos2"
    shutil.copytree(spoken.folder, new)
    spoken.find(new)
    if not tagged:
        root = f"(SELECT id FROM roots WHERE path = '{new}')"
        its_answers = (
            f"SELECT a.id FROM answers a JOIN photos p ON p.id = a.photo_id WHERE p.root_id = {root}"
        )
        spoken.sql(f"DELETE FROM tags WHERE answer_id IN ({its_answers})")
        spoken.sql(f"DELETE FROM answers WHERE id IN ({its_answers})")
        spoken.sql(f"UPDATE photos SET answered = 0, complete_for = NULL WHERE root_id = {root}")
    spoken.library.correct(new / "2016/3.jpg", add=["grandpa"])
    with pytest.raises(CatalogError, match="already knows"):
        spoken.library.relocate(spoken.folder, new)
    shutil.rmtree(spoken.folder)
    assert total(spoken) == 80
    assert spoken.library.relocate(spoken.folder, new) == 40
    assert total(spoken) == 40 and spoken.sql("SELECT path FROM roots") == [(str(new),)]
    assert grandma(spoken) == [str(new / "2016/3.jpg")] == list(spoken.library.paths("grandpa"))
    assert [photo.path for photo, _ in spoken.library.album("ours")[1]] == grandma(spoken)
    assert spoken.find(new).unchanged == 40 and spoken.jobs() == []

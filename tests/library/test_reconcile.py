"""Files come, change, move and go; the catalog follows and loses nothing."""

import os
import shutil
import time

import pytest

from phototag.library.paths import to_path, to_text
from phototag.records import PhotoFacts, PhotoFile, Tag
from tests.catalogs import BOTH


def counts(reconciled):
    names = ("found", "new", "changed", "unchanged", "moved", "missing", "duplicates")
    return {name: getattr(reconciled, name) for name in names if getattr(reconciled, name)}


def test_new_files_are_stored_without_hashing_and_the_second_run_writes_nothing(shelf):
    shelf.write("a/1.jpg", "a/2.jpg", "b.jpg")
    shelf.age()
    assert counts(shelf.find()) == {"found": 3, "new": 3}
    assert shelf.hashed == []
    shelf.tag()
    before = shelf.library.change_mark()
    assert counts(shelf.find()) == {"found": 3, "unchanged": 3}
    assert shelf.hashed == [] and shelf.jobs() == []
    assert shelf.library.change_mark() == before


def test_a_touched_file_keeps_its_answers_and_a_changed_one_loses_them(shelf):
    shelf.write("same.jpg", "other.jpg")
    shelf.find()
    shelf.tag()
    os.utime(shelf.folder / "same.jpg", (10**9, 10**9))
    shelf.write("other.jpg", text="edited")
    assert counts(shelf.find()) == {"found": 2, "changed": 1, "unchanged": 1}
    assert shelf.photo("same.jpg").kinds and not shelf.photo("other.jpg").kinds
    assert shelf.photo("same.jpg").taken_at.year == 2001, "the file's date is all there is"
    assert [(job.file.path, job.taggers) for job in shelf.jobs()] == [
        ("other.jpg", ("faces", "smiles", "objects"))
    ]
    assert shelf.sql("SELECT path FROM label_list WHERE label LIKE '%other.jpg'") == []
    assert counts(shelf.find()) == {"found": 2, "unchanged": 2}


@BOTH
def test_moved_and_renamed_files_keep_their_rows(shelf):
    names = [f"year/{n}.jpg" for n in range(20)]
    shelf.write(*names)
    shelf.find()
    shelf.tag()
    ids = {name: shelf.photo(name).photo_id for name in names}
    shelf.move("year", "archive/2016")
    for n in range(5):
        shelf.move(f"archive/2016/{n}.jpg", f"best {n}.jpg")
    assert counts(shelf.find(dry_run=True)) == {"found": 20, "moved": 20}
    assert shelf.photo("year/3.jpg") is not None, "a dry run changes nothing"
    assert counts(shelf.find()) == {"found": 20, "moved": 20}
    assert shelf.jobs() == []
    assert {shelf.photo(f"best {n}.jpg").photo_id for n in range(5)} == {
        ids[f"year/{n}.jpg"] for n in range(5)
    }
    assert shelf.photo("archive/2016/7.jpg").photo_id == ids["year/7.jpg"]
    assert shelf.paths("objects of 7.jpg") == ["archive/2016/7.jpg"]
    assert shelf.sql("SELECT count(*) FROM photos") == [(20,)]


@BOTH
def test_files_renumbered_in_place_carry_their_answers_along(shelf):
    """IMG_1 becomes IMG_2, IMG_2 becomes IMG_3 ...: every path but the last is known, with another
    content."""
    for n in range(1, 6):
        shelf.write(f"IMG_{n}.jpg", text=f"picture {n}")
    shelf.find()
    shelf.tag()
    shelf.library.correct(shelf.folder / "IMG_2.jpg", add=["second"])
    for n in range(5, 0, -1):
        shelf.move(f"IMG_{n}.jpg", f"IMG_{n + 1}.jpg")
        os.utime(shelf.folder / f"IMG_{n + 1}.jpg", (1_500_000_000 + n, 1_500_000_000 + n))
    assert counts(shelf.find()) == {"found": 5, "moved": 5}
    assert shelf.jobs() == []
    assert shelf.paths("faces of IMG_2.jpg") == ["IMG_3.jpg"] == shelf.paths("second")
    assert shelf.sql("SELECT count(*) FROM photos") == [(5,)]


def test_two_files_that_swap_their_names_swap_their_rows(shelf):
    shelf.write("a.jpg", text="first!")
    shelf.write("b.jpg", text="second")
    shelf.find()
    shelf.tag()
    first = shelf.photo("a.jpg").photo_id
    shelf.move("a.jpg", "c.jpg")
    shelf.move("b.jpg", "a.jpg")
    shelf.move("c.jpg", "b.jpg")
    for n, name in enumerate(("a.jpg", "b.jpg")):
        os.utime(shelf.folder / name, (1_500_000_000 + n, 1_500_000_000 + n))
    shelf.find()
    assert shelf.photo("b.jpg").photo_id == first
    assert shelf.jobs() == []
    assert counts(shelf.find()) == {"found": 2, "unchanged": 2}


def test_a_file_renamed_over_another_leaves_that_one_missing(shelf):
    shelf.write("a.jpg", text="first!")
    shelf.write("b.jpg", text="second")
    shelf.find()
    shelf.tag()
    os.replace(shelf.folder / "b.jpg", shelf.folder / "a.jpg")
    os.utime(shelf.folder / "a.jpg", (1_500_000_000, 1_500_000_000))
    assert counts(shelf.find()) == {"found": 1, "moved": 1, "missing": 1}
    assert shelf.paths() == ["a.jpg"] == shelf.paths("faces of b.jpg")
    assert counts(shelf.find()) == {"found": 1, "unchanged": 1}


def test_a_photo_whose_path_goes_to_one_that_was_missing_is_missing_itself(shelf):
    shelf.write("a.jpg", text="first!")
    shelf.write("b.jpg", text="second")
    shelf.find()
    shelf.tag()
    (shelf.folder / "b.jpg").rename(shelf.tmp_path / "away")
    shelf.find()
    os.replace(shelf.tmp_path / "away", shelf.folder / "a.jpg")
    os.utime(shelf.folder / "a.jpg", (1_500_000_000, 1_500_000_000))
    assert counts(shelf.find()) == {"found": 1, "moved": 1, "missing": 1}
    assert shelf.paths() == ["a.jpg"] == shelf.paths("faces of b.jpg")
    assert shelf.paths("missing") == ["b.jpg"]


def test_a_row_that_got_other_bytes_in_the_same_scan_lends_them_nothing_that_it_was(shelf):
    """The first file changes; the second becomes what the first was. The answers about the first's
    old bytes went with them, and its new size must not be taken for the second's."""
    shelf.write("a.jpg", text="first!")
    shelf.write("b.jpg", text="second")
    shelf.find()
    shelf.tag()
    shelf.write("a.jpg", text="brand new")
    shelf.write("b.jpg", text="first!")
    for n, name in enumerate(("a.jpg", "b.jpg")):
        os.utime(shelf.folder / name, (1_500_000_000 + n, 1_500_000_000 + n))
    told = counts(shelf.find(dry_run=True))
    assert counts(shelf.find()) == told
    shelf.tag()
    assert shelf.paths("faces of a.jpg") in (["a.jpg"], ["b.jpg"])
    assert shelf.sql("SELECT count(DISTINCT content_hash) FROM photos") == [(2,)]


def test_thousands_of_files_by_name(shelf):
    names = [f"{n}.jpg" for n in range(3000)]
    shelf.write(*names, text="")
    began = time.monotonic()
    files = [shelf.folder / name for name in names]
    assert counts(shelf.find(*files)) == {"found": 3000, "new": 3000}
    assert counts(shelf.find(*files)) == {"found": 3000, "unchanged": 3000}
    assert time.monotonic() - began < 60  # compared one by one with each other, they took minutes


def test_a_copy_gets_the_answers_and_is_not_tagged_again(shelf):
    shelf.write("a.jpg", text="the same")
    shelf.find()
    shelf.tag()
    shelf.write("copy/a.jpg", "copy/b.jpg", text="the same")
    assert counts(shelf.find()) == {"found": 3, "new": 2, "unchanged": 1, "duplicates": 2}
    assert shelf.jobs() == []
    assert shelf.paths("objects of a.jpg") == ["a.jpg", "copy/a.jpg", "copy/b.jpg"]
    assert shelf.photo("copy/b.jpg").width == 400


def test_of_several_equal_files_that_moved_each_finds_the_row_of_its_name(shelf):
    shelf.write("x/a.jpg", "x/b.jpg", "x/c.jpg", text="the same")
    shelf.find()
    shelf.tag()
    shelf.library.correct(shelf.folder / "x/b.jpg", add=["bee"])
    shelf.move("x", "y")
    assert counts(shelf.find()) == {"found": 3, "moved": 3}
    assert shelf.paths("bee") == ["y/b.jpg"]


def test_a_vanished_file_is_missing_not_deleted_and_comes_back(shelf):
    shelf.write("a.jpg", "b.jpg")
    shelf.find()
    shelf.tag()
    os.rename(shelf.folder / "b.jpg", shelf.tmp_path / "elsewhere")
    assert counts(shelf.find()) == {"found": 1, "unchanged": 1, "missing": 1}
    assert counts(shelf.find()) == {"found": 1, "unchanged": 1}, "only the newly missing are counted"
    assert shelf.paths() == ["a.jpg"]
    assert shelf.paths("missing") == ["b.jpg"]
    assert shelf.photo("b.jpg").missing_since and shelf.photo("b.jpg").kinds
    assert shelf.library.count() == 1
    os.rename(shelf.tmp_path / "elsewhere", shelf.folder / "b.jpg")
    assert counts(shelf.find()) == {"found": 2, "unchanged": 2}
    assert shelf.paths() == ["a.jpg", "b.jpg"]


def test_a_file_missing_for_long_is_recognised_in_its_new_place(shelf):
    shelf.write("a.jpg", "b.jpg")
    shelf.find()
    shelf.tag()
    os.rename(shelf.folder / "b.jpg", shelf.tmp_path / "elsewhere")
    shelf.find()
    os.rename(shelf.tmp_path / "elsewhere", shelf.folder / "found again.jpg")
    assert counts(shelf.find()) == {"found": 2, "unchanged": 1, "moved": 1}
    assert shelf.jobs() == [] and shelf.paths("missing") == []


@pytest.mark.parametrize("mount_point_stays", [True, False])
def test_an_unmounted_folder_changes_nothing(shelf, mount_point_stays):
    shelf.write("a.jpg", "b/c.jpg")
    shelf.find()
    shelf.tag()
    shelf.folder.rename(shelf.tmp_path / "away")
    if mount_point_stays:
        shelf.folder.mkdir()
    root = os.fspath(shelf.folder)
    result = shelf.library.reconcile([root], [], hash_file=shelf.hash_file)
    assert counts(result) == {}
    assert (
        len(result.unavailable) == 1
        and root in result.unavailable[0]
        and "Nothing was changed" in result.unavailable[0]
    )
    assert shelf.paths() == ["a.jpg", "b/c.jpg"]


def test_a_copy_of_an_unmounted_photo_does_not_take_its_row(shelf):
    disk = shelf.tmp_path / "disk"
    shelf.write("a.jpg", text="the same", folder=disk)
    shelf.find(disk)
    shelf.tag()
    disk.rename(shelf.tmp_path / "away")
    disk.mkdir()
    shelf.write("a.jpg", text="the same")
    assert counts(shelf.find()) == {"found": 1, "new": 1, "duplicates": 1}
    assert shelf.library.photo(disk / "a.jpg") is not None


def test_an_unreadable_folder_hides_its_photos_without_losing_them(shelf):
    shelf.write("open/a.jpg", "shut/b.jpg")
    shelf.find()
    root = os.fspath(shelf.folder)
    status = (shelf.folder / "open/a.jpg").stat()
    files = [PhotoFile(root, "open/a.jpg", status.st_size, status.st_mtime_ns)]
    unreadable = [(os.path.join(root, "shut"), "Permission denied")]
    assert counts(
        shelf.library.reconcile([root], files, hash_file=shelf.hash_file, unreadable=unreadable)
    ) == {
        "found": 1,
        "unchanged": 1,
    }


def test_the_inner_folder_scanned_after_the_outer_makes_no_second_row(shelf):
    shelf.write("2016/a.jpg", "2017/b.jpg")
    shelf.find()
    shelf.write("2016/c.jpg")
    (shelf.folder / "2017/b.jpg").unlink()
    assert counts(shelf.find(shelf.folder / "2016")) == {"found": 2, "new": 1, "unchanged": 1}, (
        "b is none of its business"
    )
    assert shelf.sql("SELECT path FROM photos ORDER BY path") == [
        ("2016/a.jpg",),
        ("2016/c.jpg",),
        ("2017/b.jpg",),
    ]
    assert [job.file.path for job in shelf.jobs([os.fspath(shelf.folder / "2016")])] == [
        "2016/a.jpg",
        "2016/c.jpg",
    ]


def test_the_outer_folder_scanned_after_inner_ones_takes_their_photos_over(shelf):
    shelf.write("2016/a.jpg", "2017/b.jpg", "c.jpg")
    shelf.find(shelf.folder / "2016")
    shelf.find(shelf.folder / "2017")
    shelf.tag()
    a = shelf.photo("2016/a.jpg").photo_id
    assert counts(shelf.find()) == {"found": 3, "new": 1, "unchanged": 2}
    assert shelf.sql("SELECT path FROM roots") == [(os.fspath(shelf.folder),)]
    assert shelf.photo("2016/a.jpg").photo_id == a
    assert counts(shelf.find()) == {"found": 3, "unchanged": 3}


def test_an_inner_root_that_looks_unmounted_is_left_alone(shelf):
    shelf.write("usb/a.jpg", "b.jpg")
    shelf.find(shelf.folder / "usb")
    shelf.tag()
    shutil.rmtree(shelf.folder / "usb")
    result = shelf.find()
    assert counts(result) == {"found": 1, "new": 1}
    assert "usb" in result.unavailable[0]


def test_an_inner_root_that_was_renamed_is_recognised(shelf):
    shelf.write("2016/a.jpg", "2016/b.jpg")
    shelf.find(shelf.folder / "2016")
    shelf.tag()
    shelf.move("2016", "the year 2016")
    result = shelf.find()
    assert counts(result) == {"found": 2, "moved": 2}
    assert shelf.jobs() == []


def test_several_overlapping_folders_in_one_scan(shelf):
    shelf.write("2016/a.jpg", "b.jpg")
    assert counts(shelf.find(shelf.folder / "2016", shelf.folder)) == {"found": 2, "new": 2}
    assert counts(shelf.find(shelf.folder / "2016", shelf.folder)) == {"found": 2, "unchanged": 2}


def test_single_files_say_nothing_of_their_neighbours(shelf):
    shelf.write("a.jpg", "b.jpg", "sub/c.jpg")
    assert counts(shelf.find(shelf.folder / "a.jpg")) == {"found": 1, "new": 1}
    shelf.find()
    (shelf.folder / "b.jpg").unlink()
    assert counts(shelf.find(shelf.folder / "a.jpg", shelf.folder / "sub/c.jpg")) == {
        "found": 2,
        "unchanged": 2,
    }
    shelf.write("a.jpg", text="edited")
    assert counts(shelf.find(shelf.folder / "a.jpg", shelf.folder / "sub")) == {
        "found": 2,
        "changed": 1,
        "unchanged": 1,
    }


def test_a_file_that_cannot_be_read_is_a_job_again_and_keeps_its_answers_for_its_return(shelf):
    shelf.write("a.jpg")
    shelf.find()
    shelf.tag()
    os.utime(shelf.folder / "a.jpg", (1, 1))
    root = os.fspath(shelf.folder)
    status = (shelf.folder / "a.jpg").stat()
    files = [PhotoFile(root, "a.jpg", status.st_size, status.st_mtime_ns)]
    assert counts(shelf.library.reconcile([root], files, hash_file=lambda file: None)) == {
        "found": 1,
        "changed": 1,
    }
    assert [job.taggers for job in shelf.jobs()] == [("faces", "smiles", "objects")]
    assert shelf.photo("a.jpg").kinds
    shelf.library.save([PhotoFacts(1, shelf.hash_file(files[0]), 4, 3)], [], {})
    assert shelf.jobs() == [], "the bytes are the old ones: so are the answers"


def test_an_interrupted_walk_leaves_what_it_found_and_calls_nothing_missing(shelf):
    shelf.write("a.jpg", "b.jpg")
    shelf.find()
    shelf.write("c.jpg")

    def files():
        status = (shelf.folder / "c.jpg").stat()
        yield PhotoFile(os.fspath(shelf.folder), "c.jpg", status.st_size, status.st_mtime_ns)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shelf.library.reconcile([os.fspath(shelf.folder)], files(), hash_file=shelf.hash_file)
    assert shelf.paths("missing") == []
    assert counts(shelf.find())["found"] == 3


HOSTILE = [
    "new\nline.jpg",
    "\x1b[31mred\x1b[0m.jpg",
    os.fsdecode(b"caf\xe9.jpg"),
    os.fsdecode(b"\xff\xfe/\xf4\x8f\x9f\xa9.jpg"),
    "\U0010f7e9.jpg",
    'quote\'s "both".jpg',
    "smile 😀.jpg",
    "100%_sure\\.jpg",
    " leading and trailing .jpg",
    "<img onerror=alert(1)>.jpg",
    "; DROP TABLE photos; --.jpg",
    "e\u0301 decomposed.jpg",
    "\u202egpj.exe.jpg",
]


def test_hostile_names_survive_the_round_trip(shelf):
    shelf.write(*HOSTILE)
    assert counts(shelf.find()) == {"found": len(HOSTILE), "new": len(HOSTILE)}
    assert {job.file.path for job in shelf.jobs()} == set(HOSTILE)
    shelf.tag(lambda job, tagger: [Tag("dog", 0.9)])
    assert counts(shelf.find()) == {"found": len(HOSTILE), "unchanged": len(HOSTILE)}
    assert set(shelf.paths()) == set(HOSTILE)
    assert {shelf.photo(name).path for name in HOSTILE} == {
        os.path.join(shelf.folder, name) for name in HOSTILE
    }
    assert shelf.paths("path:%_sure\\") == ["100%_sure\\.jpg"]
    assert shelf.paths("path:" + os.fsdecode(b"caf\xe9")) == [os.fsdecode(b"caf\xe9.jpg")]
    assert shelf.paths("path:" + os.fsdecode(b"smile \xf0\x9f")) == [], (
        "half a character is not the character"
    )
    assert all(isinstance(path, str) for (path,) in shelf.sql("SELECT path FROM photo_list"))
    for n, name in enumerate(HOSTILE):
        shelf.move(name, f"moved/{n}/{name}")
    assert counts(shelf.find()) == {"found": len(HOSTILE), "moved": len(HOSTILE)}
    assert shelf.jobs() == []


def test_stored_names_are_unique_text_and_come_back():
    names = [
        *HOSTILE,
        "plain",
        "é",
        "\udce9",
        "\U0010f7e9",
        "\udcf4\udc8f\udc9f\udca9"[:3],
        "\U0010f7e9\udce9",
        "\udcf4\U0010f7f4",
    ]
    stored = [to_text(name) for name in names]
    assert [to_path(text) for text in stored] == names
    assert len({text.encode("utf-8") for text in stored}) == len(names)


def test_relocate_moves_a_library_without_tagging_again(shelf):
    shelf.write("2016/a.jpg", "b.jpg")
    shelf.find()
    shelf.tag()
    new = shelf.tmp_path / "elsewhere" / "Photos"
    new.parent.mkdir()
    shelf.folder.rename(new)
    assert shelf.library.relocate(shelf.folder, new) == 2
    walk_new = counts(shelf.find(new))
    assert walk_new == {"found": 2, "unchanged": 2} and shelf.jobs() == [] and shelf.hashed == []
    assert sorted(shelf.library.paths()) == [os.fspath(new / "2016/a.jpg"), os.fspath(new / "b.jpg")]


def test_relocate_of_a_part_into_the_whole_and_back(shelf):
    shelf.write("2016/a.jpg", "2016/b.jpg", "c.jpg")
    shelf.find()
    shelf.tag()
    shelf.move("2016", "years/2016")
    assert shelf.library.relocate(shelf.folder / "2016", shelf.folder / "years/2016") == 2
    assert shelf.paths() == ["c.jpg", "years/2016/a.jpg", "years/2016/b.jpg"]
    assert counts(shelf.find()) == {"found": 3, "unchanged": 3}
    shelf.folder.rename(shelf.tmp_path / "away")
    (shelf.folder / "deeper").mkdir(parents=True)
    (shelf.tmp_path / "away").rename(shelf.folder / "deeper/still")
    assert shelf.library.relocate(shelf.folder, shelf.folder / "deeper/still") == 3
    assert shelf.paths() == [
        "deeper/still/c.jpg",
        "deeper/still/years/2016/a.jpg",
        "deeper/still/years/2016/b.jpg",
    ]
    assert shelf.library.relocate(shelf.folder / "deeper/still", shelf.folder) == 3
    assert shelf.paths() == ["c.jpg", "years/2016/a.jpg", "years/2016/b.jpg"]


def test_relocate_refuses_what_makes_no_sense(shelf):
    from phototag.errors import CatalogError

    shelf.write("a.jpg")
    shelf.find()
    with pytest.raises(CatalogError, match="There is no folder"):
        shelf.library.relocate(shelf.folder, shelf.tmp_path / "nowhere")
    with pytest.raises(CatalogError, match="knows no photos in"):
        shelf.library.relocate(shelf.tmp_path / "other", shelf.folder)
    copy = shelf.tmp_path / "copy"
    shutil.copytree(shelf.folder, copy)
    shelf.find(copy)
    with pytest.raises(CatalogError, match="already knows"):
        shelf.library.relocate(shelf.folder, copy)
    assert sorted(shelf.library.paths()) == [os.fspath(copy / "a.jpg"), os.fspath(shelf.folder / "a.jpg")]

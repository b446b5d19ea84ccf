"""Photos that other programs rename and write into stay the photos that a person spoke of."""

import os
import sqlite3
import unicodedata
from contextlib import closing

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from phototag import Library, scan
from phototag.errors import UsageError
from phototag.reading.decode import read_facts
from phototag.reading.files import hash_file
from phototag.reading.walk import Walk
from phototag.records import Box
from phototag.scanning import ScanOptions
from phototag.taggers import table
from tests import tiny

DATE_ORIGINAL, DESCRIPTION, ORIENTATION, EXIF_FOLDER = 0x9003, 0x010E, 0x0112, 0x8769


@pytest.fixture
def library(tmp_path):
    before = dict(table.SPECS)
    table.SPECS.clear()
    table.SPECS["colour"] = tiny.SPEC
    with Library.open(tmp_path / "catalog.db") as library:
        yield library
    table.SPECS.clear()
    table.SPECS.update(before)  # in their order


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


def draw(path, seed, *, date="2016:05:01 03:02:01", caption=None, orientation=None):
    """The same seed gives the same compressed pixels, whatever is written beside them."""
    picture = Image.fromarray(np.random.default_rng(seed).integers(0, 255, (48, 64, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif.get_ifd(EXIF_FOLDER)[DATE_ORIGINAL] = date
    if caption:
        exif[DESCRIPTION] = caption
    if orientation:
        exif[ORIENTATION] = orientation
    more = {}
    if path.suffix == ".png" and caption:
        more["pnginfo"] = PngImagePlugin.PngInfo()
        more["pnginfo"].add_text("Description", caption)
    picture.save(path, exif=exif.tobytes(), **more)


def say_grandma(library, *paths):
    for path in paths:
        library.correct(path, add=["grandma"])


def found(library, question="grandma"):
    return sorted(os.path.basename(path) for path in library.paths(question))


def rows(library):
    return library.count("^missing") + library.count("missing")


def test_photos_renamed_and_captioned_by_another_program_keep_words_and_answers(library, folder):
    for n in range(3):
        draw(folder / f"IMG_000{n}.jpg", n, date=f"2016:05:0{n + 1} 03:02:01")
    assert scan(library, [folder]).tagged == 3
    say_grandma(library, *folder.iterdir())
    for n in range(3):
        (folder / f"IMG_000{n}.jpg").unlink()
        name = f"2016-05-0{n + 1}_party.jpg" if n < 2 else "IMG_0002.jpg"
        draw(folder / name, n, date=f"2016:05:0{n + 1} 03:02:01", caption="birthday party")
    report = scan(library, [folder])
    assert (report.tagged, report.moved, report.missing, report.failed) == (0, 2, 0, 0)
    assert found(library) == ["2016-05-01_party.jpg", "2016-05-02_party.jpg", "IMG_0002.jpg"]
    assert library.count("missing") == 0 and library.count("red:0") == 3
    again = scan(library, [folder])
    assert (again.unchanged, again.tagged, again.moved) == (3, 0, 0)


@pytest.mark.parametrize("ending", ["png", "webp", "tif"])
def test_other_formats_are_recognised_by_their_pixels_too(library, folder, ending):
    draw(folder / f"old.{ending}", 1)
    draw(folder / f"other.{ending}", 2)
    scan(library, [folder])
    say_grandma(library, folder / f"old.{ending}")
    (folder / f"old.{ending}").unlink()
    draw(folder / f"new.{ending}", 1, date="1993:07:04 10:30:00", caption="a caption")
    report = scan(library, [folder])
    assert (report.tagged, report.moved, report.missing) == (0, 1, 0)
    assert found(library) == [f"new.{ending}"]
    assert library.photo(folder / f"new.{ending}").taken_at.year == 1993


def test_a_new_date_or_place_is_read_without_another_look(library, folder):
    draw(folder / "a.jpg", 1, date="2016:05:01 03:02:01")
    scan(library, [folder])
    say_grandma(library, folder / "a.jpg")
    draw(folder / "a.jpg", 1, date="1993:07:04 10:30:00", caption="longer than before")
    report = scan(library, [folder])
    assert (report.tagged, report.unchanged) == (0, 1)
    assert found(library, "grandma taken:1993") == ["a.jpg"]


def test_a_photo_that_was_only_renamed_keeps_its_words(library, folder):
    draw(folder / "a.jpg", 1)
    scan(library, [folder])
    say_grandma(library, folder / "a.jpg")
    (folder / "a.jpg").rename(folder / "b.jpg")
    report = scan(library, [folder])
    assert (report.tagged, report.moved, report.missing) == (0, 1, 0)
    assert found(library) == ["b.jpg"]


def test_a_photo_that_was_turned_is_looked_at_again_and_keeps_its_words_and_albums(library, folder):
    from phototag.records import Member

    draw(folder / "a.jpg", 1)
    draw(folder / "b.jpg", 2)
    scan(library, [folder])
    say_grandma(library, folder / "a.jpg", folder / "b.jpg")
    library.save_album("ours", "smiles", [Member(library.photo(folder / "a.jpg").photo_id, 1, "ours")], "")
    (folder / "a.jpg").unlink()
    draw(folder / "turned.jpg", 1, orientation=6)
    draw(folder / "b.jpg", 2, orientation=6)
    report = scan(library, [folder])
    assert (report.tagged, report.missing) == (2, 0)
    assert found(library) == ["b.jpg", "turned.jpg"] and rows(library) == 2
    assert library.photo(folder / "turned.jpg").width == 48, "upright"
    assert [photo.path for photo, _ in library.album("ours")[1]] == [str(folder / "turned.jpg")]


def test_of_two_files_with_the_same_pixels_both_keep_their_words(library, folder):
    draw(folder / "a.jpg", 1, caption="first")
    draw(folder / "b.jpg", 1, caption="second copy")
    scan(library, [folder])
    library.correct(folder / "a.jpg", add=["grandma"])
    library.correct(folder / "b.jpg", add=["grandpa"])
    for name in ("a.jpg", "b.jpg"):
        (folder / name).unlink()
        draw(folder / f"party {name}", 1, caption=f"a party, {name}")
    report = scan(library, [folder])
    assert (report.tagged, report.moved, report.missing) == (0, 2, 0)
    assert len(found(library)) == len(found(library, "grandpa")) == 1 and rows(library) == 2


def test_a_captioned_copy_does_not_take_the_words_of_a_photo_that_is_still_there(library, folder):
    draw(folder / "a.jpg", 1)
    draw(folder / "gone.jpg", 2)
    scan(library, [folder])
    say_grandma(library, folder / "a.jpg")
    (folder / "gone.jpg").unlink()
    draw(folder / "b.jpg", 1, caption="a copy")
    report = scan(library, [folder])
    assert (report.tagged, report.moved, report.missing) == (1, 0, 1)
    assert found(library) == ["a.jpg"]


def test_a_photo_missing_for_long_comes_back_with_a_caption(library, folder):
    draw(folder / "a.jpg", 1)
    draw(folder / "b.jpg", 2)
    scan(library, [folder])
    say_grandma(library, folder / "a.jpg")
    (folder / "a.jpg").unlink()
    assert scan(library, [folder]).missing == 1
    draw(folder / "back.jpg", 1, caption="found again")
    assert scan(library, [folder]).moved == 1
    assert found(library) == ["back.jpg"] and library.count("missing") == 0


def test_a_picture_that_was_really_changed_is_another_one(library, folder):
    draw(folder / "a.jpg", 1)
    scan(library, [folder])
    (folder / "a.jpg").unlink()
    draw(folder / "b.jpg", 3)
    report = scan(library, [folder])
    assert (report.tagged, report.moved, report.missing) == (1, 0, 1)


def save_edited(path, picture, *, date="2016:05:01 03:02:01", orientation=None, camera="Canon"):
    exif = Image.Exif()
    exif[0x010F] = camera
    exif.get_ifd(EXIF_FOLDER)[DATE_ORIGINAL] = date
    if orientation:
        exif[ORIENTATION] = orientation
    picture.save(path, exif=exif.tobytes(), quality=95)


@pytest.mark.parametrize(
    ("edit", "options", "is_kept"),
    [
        ("lighter", {}, True),
        ("smaller", {}, True),
        ("turned upright", {}, True),
        ("cut", {}, False),  # nobody knows where the face is now
        ("turned", {}, False),
        ("lighter", {"date": "2016:05:01 03:02:02"}, False),  # the next photo, under the same name
        ("lighter", {"camera": "Nikon"}, False),
    ],
)
def test_a_name_stays_on_a_face_where_the_picture_was_edited_in_its_place(
    library, folder, edit, options, is_kept
):
    y, x = np.mgrid[:96, :128]
    picture = Image.fromarray(np.stack([x * 2, y * 2, x + y], -1).astype(np.uint8))
    was_turned = edit == "turned upright"
    stored = picture.transpose(Image.Transpose.ROTATE_90) if was_turned else picture
    save_edited(folder / "a.jpg", stored, orientation=6 if was_turned else None)
    scan(library, [folder])
    box = Box(0.1, 0.1, 0.3, 0.4)
    library.add_face(folder / "a.jpg", box, person="Anna")
    say_grandma(library, folder / "a.jpg")
    if edit == "lighter":
        picture = picture.point(lambda value: min(255, value + 20))
    elif edit == "smaller":
        picture = picture.resize((64, 48))
    elif edit == "turned":
        picture = picture.transpose(Image.Transpose.ROTATE_90)
    elif edit == "cut":
        picture = picture.crop((0, 0, 128, 60))
    save_edited(folder / "a.jpg", picture, **options)
    report = scan(library, [folder])
    assert (report.tagged, report.missing) == (1, 0)
    assert found(library) == ["a.jpg"]
    assert found(library, "person:any") == (["a.jpg"] if is_kept else [])
    if is_kept:
        (face,) = library.photo(folder / "a.jpg").faces
        assert face.person.name == "Anna" and face.box == pytest.approx(box, abs=1e-6)
        scan(library, [folder])
        assert found(library, "person:Anna") == ["a.jpg"]


# -- folders that have another name


def move_and_caption(old, new):
    """As programs do that export a library into another folder."""
    for n, path in enumerate(sorted(old.iterdir())):
        new.mkdir(parents=True, exist_ok=True)
        draw(new / f"party {n}.jpg", n, caption="a party")
        path.unlink()
    old.rmdir()


@pytest.mark.parametrize("below", ["", "2016"])
def test_a_library_that_moved_and_of_which_every_photo_was_captioned(library, folder, below):
    for n in range(4):
        draw(folder / f"IMG_000{n}.jpg", n)
    scan(library, [folder])
    say_grandma(library, *folder.iterdir())
    new = folder.parent / "new"
    move_and_caption(folder, new / below)
    report = scan(library, [new])
    assert (report.tagged, report.moved) == (0, 4)
    assert found(library) == [f"party {n}.jpg" for n in range(4)] and rows(library) == 4
    assert library.roots() == [str(new)]


def test_two_libraries_that_were_renamed_at_once_and_whose_files_have_the_same_names(library, tmp_path):
    for number, name in enumerate(("A", "B")):
        (tmp_path / name).mkdir()
        for n in range(3 + number):
            draw(tmp_path / name / f"IMG_000{n}.jpg", 10 * number + n)
    scan(library, [tmp_path / "A", tmp_path / "B"])
    say_grandma(library, *(tmp_path / "B").iterdir())
    for name in ("A", "B"):
        (tmp_path / name).rename(tmp_path / f"{name}2")
    report = scan(library, [tmp_path / "A2", tmp_path / "B2"])
    assert (report.tagged, report.moved, report.unchanged) == (0, 0, 7)
    assert len(found(library)) == 4 and rows(library) == 7
    assert library.roots() == [str(tmp_path / "A2"), str(tmp_path / "B2")]


@pytest.mark.parametrize("below", ["", "2016"])
def test_a_link_to_a_library_is_no_second_one(library, folder, below):
    (folder / "2016").mkdir()
    draw(folder / "2016" / "a.jpg", 1)
    scan(library, [folder])
    say_grandma(library, folder / "2016" / "a.jpg")
    link = folder.parent / "link"
    link.symlink_to(folder)
    draw(folder / "2016" / "b.jpg", 2)
    report = scan(library, [link / below])
    assert (report.tagged, report.found) == (1, 2) and rows(library) == 2
    assert library.roots() == [str(folder)]
    assert library.as_known(link / "2016" / "a.jpg") == str(folder / "2016" / "a.jpg")
    assert library.as_known(folder.parent / "other") == str(folder.parent / "other")


@pytest.mark.parametrize(
    ("before", "after"), [("Café Zürich", "NFD"), ("NFD", "Café Zürich"), ("Trip", "trip")]
)
def test_a_folder_spelled_otherwise(library, folder, before, after):
    before, after = (
        unicodedata.normalize("NFD", "Café Zürich") if name == "NFD" else name for name in (before, after)
    )
    for inner in ("", "inside"):
        at = folder / inner / before
        at.mkdir(parents=True)
        draw(at / "a.jpg", 1 + len(inner))
    scan(library, [folder])
    say_grandma(library, *folder.rglob("a.jpg"))
    for inner in ("", "inside"):
        (folder / inner / before).rename(folder / inner / after)
    report = scan(library, [folder])
    assert (report.tagged, report.moved, report.missing) == (0, 2, 0)
    assert library.count(["grandma", f"path:{before}"]) == library.count(["grandma", f"path:{after}"]) == 2


# -- edits that leave no trace in size and time

FILE_TIME_NS = 1_600_000_000_123456789


def rewrite(path, **options):
    """As exiftool -P does: a new file under the old name, with the old time."""
    new = path.with_name(f"new {path.name}")
    draw(new, 1, **options)
    os.utime(new, ns=(FILE_TIME_NS, FILE_TIME_NS))
    os.replace(new, path)


def sql(library, statement):
    with closing(sqlite3.connect(library.path)) as connection, connection:
        return connection.execute(statement).fetchall()


@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
def test_an_edit_that_keeps_size_and_time_is_noticed(library, folder, ending):
    path = folder / f"scan.{ending}"
    rewrite(path, date="2021:02:03 04:05:06", orientation=1)
    size_bytes = path.stat().st_size
    scan(library, [folder])
    say_grandma(library, path)
    rewrite(path, date="1993:07:04 10:30:00", orientation=6)
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (size_bytes, FILE_TIME_NS)
    assert scan(library, [folder]).tagged == 1, "the nets see it turned"
    photo = library.photo(path)
    assert (photo.taken_at.year, photo.width, photo.height) == (1993, 48, 64)
    assert found(library) == [path.name]
    assert scan(library, [folder]).tagged == 0


def test_a_new_date_that_keeps_size_and_time_is_read_without_the_nets(library, folder):
    rewrite(folder / "a.jpg", date="2021:02:03 04:05:06")
    scan(library, [folder])
    rewrite(folder / "a.jpg", date="1993:07:04 10:30:00")
    assert scan(library, [folder]).tagged == 0
    assert found(library, "taken:1993") == ["a.jpg"]


def test_new_rights_or_an_older_catalog_are_no_edit(library, folder):
    rewrite(folder / "a.jpg")
    scan(library, [folder])
    (folder / "a.jpg").chmod(0o400)
    assert scan(library, [folder]).unchanged == 1
    (stored,) = sql(library, "SELECT ctime_ns FROM photos")
    assert stored == (os.stat(folder / "a.jpg").st_ctime_ns,)
    sql(library, "UPDATE photos SET ctime_ns = NULL")
    sql(library, "DELETE FROM folders")
    hashed = []
    report = scan(library, [folder], on_progress=lambda phase, done, total: hashed.append(phase))
    assert report.unchanged == 1 and "hash" not in hashed
    assert sql(library, "SELECT ctime_ns FROM photos") == [stored]


def test_verify_reads_what_no_time_tells_of_and_learns_pixels_that_were_never_hashed(library, folder):
    rewrite(folder / "a.jpg", date="2021:02:03 04:05:06")
    draw(folder / "b.jpg", 2)
    scan(library, [folder])
    pixel_hashes = sql(library, "SELECT path, pixel_hash FROM photos ORDER BY path")
    rewrite(folder / "a.jpg", date="1993:07:04 10:30:00")
    sql(library, f"UPDATE photos SET ctime_ns = {os.stat(folder / 'a.jpg').st_ctime_ns} WHERE path = 'a.jpg'")
    sql(library, "UPDATE photos SET pixel_hash = NULL WHERE path = 'b.jpg'")
    scan(library, [folder])
    assert found(library, "taken:1993") == []
    assert scan(library, [folder], ScanOptions(verify=True, dry_run=True)).tagged == 0
    assert scan(library, [folder], ScanOptions(verify=True)).tagged == 0
    assert found(library, "taken:1993") == ["a.jpg"]
    assert sql(library, "SELECT path, pixel_hash FROM photos ORDER BY path") == pixel_hashes


def rename_and_caption(folder, seed):
    (folder / "IMG_1.jpg").unlink()
    draw(folder / "party.jpg", seed, caption="birthday party")


def test_photos_of_an_earlier_catalog_learn_their_pixels_in_a_scan_that_finds_nothing_new(library, folder):
    """So that they are known when another program renames them and writes into them."""
    draw(folder / "IMG_1.jpg", 1)
    draw(folder / "b.jpg", 2)
    scan(library, [folder])
    before = sql(library, "SELECT path, pixel_hash FROM photos ORDER BY path")
    sql(library, "UPDATE photos SET pixel_hash = NULL")
    say_grandma(library, folder / "IMG_1.jpg")
    phases = []
    report = scan(
        library, [folder], on_progress=lambda phase, done, total: phases.append((phase, done, total))
    )
    assert (report.unchanged, report.tagged) == (2, 0) and ("pixels", 2, 2) in phases
    assert sql(library, "SELECT path, pixel_hash FROM photos ORDER BY path") == before
    rename_and_caption(folder, 1)
    assert scan(library, [folder]).moved == 1
    assert found(library) == ["party.jpg"]
    phases.clear()
    scan(library, [folder], on_progress=lambda phase, done, total: phases.append(phase))
    assert "pixels" not in phases


def test_bytes_that_are_read_again_tell_their_pixels(library, folder):
    draw(folder / "IMG_1.jpg", 1)
    scan(library, [folder])
    before = sql(library, "SELECT pixel_hash FROM photos")
    sql(library, "UPDATE photos SET pixel_hash = NULL")
    os.utime(folder / "IMG_1.jpg", (1_400_000_000, 1_400_000_000))
    walk = Walk([folder])
    library.reconcile(walk.roots, walk, hash_file=hash_of, read_facts=facts_of)
    assert sql(library, "SELECT pixel_hash FROM photos") == before


def hash_of(file):
    return hash_file(file.full_path())


def facts_of(file):
    return read_facts(file.full_path())


def test_pixels_of_other_bytes_than_the_catalog_knows_are_not_learned(library, folder):
    """An edit that no time tells of: the photo's words must not go to what is there now."""
    rewrite(folder / "a.jpg", date="2021:02:03 04:05:06")
    scan(library, [folder])
    sql(library, "UPDATE photos SET pixel_hash = NULL, content_hash = 'other'")
    library.save_pixel_hashes({1: ("bytes", "pixels")})
    scan(library, [folder], ScanOptions(taggers=("colour",)))
    assert sql(library, "SELECT count(*) FROM photos WHERE pixel_hash = 'pixels'") == [(0,)]


def test_fast_and_verify_contradict_each_other():
    with pytest.raises(UsageError, match="one of the two"):
        ScanOptions(fast=True, verify=True)

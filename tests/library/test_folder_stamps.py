"""What is known of folders spares the comparing of their photos, and a fast scan the listing; the
end is the same."""

import os
import random
import shutil
import sqlite3
import time

import pytest

from phototag.library import Library, database, schema
from phototag.reading.folders import OUTPUT_MARKER
from phototag.reading.walk import Walk
from tests.catalogs import ONLY_FILES


def counts(reconciled):
    names = ("found", "new", "changed", "unchanged", "moved", "missing")
    return {name: getattr(reconciled, name) for name in names if getattr(reconciled, name)}


def listed(shelf, *paths, **options):
    """The folders, relative, that a fast scan lists; what it found is what a full one finds."""
    known = set(shelf.library.folder_stamps([os.fspath(shelf.folder)]))
    result = shelf.find(*paths, fast=True, **options)
    names = {
        os.path.relpath(folder, shelf.folder)
        for folder in known - set(shelf.walk.unlisted)
        if os.path.isdir(folder)
    }
    return counts(result), names


@pytest.fixture
def years(shelf):
    """Two years, three folders, all of it known and long unchanged."""
    shelf.write("2016/a.jpg", "2016/rome/b.jpg", "2016/rome/c.jpg", "2017/d.jpg", "e.jpg")
    shelf.age()
    shelf.find()
    shelf.tag()
    return shelf


def test_nothing_new_lists_nothing_and_writes_nothing(years):
    before = years.library.change_mark()
    assert listed(years) == ({"found": 5, "unchanged": 5}, set())
    assert years.hashed == [] and years.library.change_mark() == before


def test_added_removed_and_renamed_files_are_found(years):
    years.write("2016/rome/new.jpg")
    assert listed(years) == ({"found": 6, "new": 1, "unchanged": 5}, {"2016/rome"})
    (years.folder / "2017/d.jpg").unlink()
    assert listed(years) == ({"found": 5, "unchanged": 5, "missing": 1}, {"2016/rome", "2017"})
    years.age()
    years.move("2016/rome/b.jpg", "2016/rome/renamed.jpg")
    years.move("e.jpg", "2017/e.jpg")
    years.tag()
    assert listed(years) == ({"found": 5, "unchanged": 3, "moved": 2}, {".", "2016/rome", "2017"})
    assert years.paths() == [
        "2016/a.jpg",
        "2016/rome/c.jpg",
        "2016/rome/new.jpg",
        "2016/rome/renamed.jpg",
        "2017/e.jpg",
    ]


def test_new_renamed_and_removed_folders_are_found(years):
    years.write("2018/deep/f.jpg", "2018/g.jpg")
    assert listed(years) == ({"found": 7, "new": 2, "unchanged": 5}, {"."})
    years.move("2016/rome", "2016/roma")
    assert listed(years)[0] == {"found": 7, "unchanged": 5, "moved": 2}
    shutil.rmtree(years.folder / "2016/roma")
    assert listed(years)[0] == {"found": 5, "unchanged": 5, "missing": 2}
    assert counts(years.find()) == {"found": 5, "unchanged": 5}, "a full scan has nothing to add"


def test_what_is_edited_in_place_waits_for_a_full_scan(years):
    years.write("2017/d.jpg", text="edited")
    assert listed(years)[0] == {"found": 5, "unchanged": 5}
    assert counts(years.find()) == {"found": 5, "changed": 1, "unchanged": 4}


@pytest.fixture
def clock(monkeypatch):
    """The system's clock stands still; it is the test that moves it on, by seconds."""
    now_ns = time.time_ns()

    def move_on(seconds):
        nonlocal now_ns
        now_ns += round(seconds * 1e9)
        return now_ns

    monkeypatch.setattr(time, "time_ns", lambda: now_ns)
    return move_on


def test_a_folder_changed_a_moment_ago_is_listed_until_its_time_is_certain(years, clock):
    years.write("2017/f.jpg")
    # -100: the disk's clock is ahead
    for seconds_ago, is_listed in ((0, True), (1, True), (-100, True), (100, False)):
        os.utime(years.folder / "2017", ns=(clock(0) - seconds_ago * 10**9,) * 2)
        years.find()
        assert ("2017" in listed(years)[1]) == is_listed, seconds_ago


def test_that_a_time_has_become_certain_is_news_for_a_fast_scan_alone(years, clock):
    scope = [os.fspath(years.folder)]
    os.utime(years.folder / "2017", ns=(clock(0) - 1_500_000_000,) * 2)
    years.find()
    before = years.library.folder_stamps(scope)
    clock(0.6)
    years.find(always_save_stamps=False)
    assert years.library.folder_stamps(scope) == before, "nothing is new, so nothing is written"
    assert listed(years)[1] == {"2017"}
    assert listed(years)[1] == set()


def test_a_folder_that_changes_while_it_is_listed_is_listed_again(years):
    years.write("2017/f.jpg")
    os.utime(years.folder / "2017", (1_250_000_000,) * 2)
    folder = os.fspath(years.folder)
    walk = Walk([folder])

    def files():
        for file in walk:
            yield file
            if file.path == "2017/d.jpg":
                years.write("2017/g.jpg")

    years.library.reconcile(
        walk.roots, files(), hash_file=years.hash_file, stamps=walk.stamps, unchanged=walk.unchanged
    )
    assert listed(years) == ({"found": 7, "new": 1, "unchanged": 6}, {"2017"})


def test_an_interrupted_scan_vouches_for_nothing(years):
    years.write("2016/f.jpg", "2017/g.jpg")
    years.age()
    walk = Walk([os.fspath(years.folder)])

    def files():
        for file in walk:
            yield file
            if file.path == "2016/a.jpg":
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        years.library.reconcile(
            walk.roots, files(), hash_file=years.hash_file, stamps=walk.stamps, unchanged=walk.unchanged
        )
    assert listed(years) == ({"found": 7, "new": 2, "unchanged": 5}, {"2016", "2017"})


def test_a_dry_run_trusts_and_remembers_nothing(years):
    years.write("2017/f.jpg")
    years.age()
    stamps = years.library.folder_stamps([os.fspath(years.folder)])
    for fast in (True, False):
        assert counts(years.find(fast=fast, dry_run=True)) == {"found": 6, "new": 1, "unchanged": 5}
        assert years.library.folder_stamps([os.fspath(years.folder)]) == stamps
    assert len(years.walk.unlisted) == 0 and listed(years)[0] == {"found": 6, "new": 1, "unchanged": 5}


def test_a_folder_that_could_not_be_read_is_listed_the_next_time(years):
    """It becomes readable without a change of any folder's time."""
    folder = os.fspath(years.folder)
    walk = Walk([folder])
    files = [file for file in walk if not file.path.startswith("2016/rome")]
    shut = os.path.join(folder, "2016/rome")
    stamps = {**walk.stamps, shut: None}
    years.library.reconcile(
        walk.roots,
        files,
        hash_file=None,
        unreadable=[(shut, "Permission denied")],
        stamps=stamps,
        unchanged=walk.unchanged,
    )
    assert listed(years) == ({"found": 5, "unchanged": 5}, {"2016/rome"})


def test_a_photo_that_is_missing_stays_so_and_comes_back(years):
    os.rename(years.folder / "2017/d.jpg", years.tmp_path / "away.jpg")
    years.age()
    years.find()
    assert listed(years) == ({"found": 4, "unchanged": 4}, set())
    assert years.paths("missing") == ["2017/d.jpg"]
    os.rename(years.tmp_path / "away.jpg", years.folder / "2017/d.jpg")
    assert listed(years) == ({"found": 5, "unchanged": 5}, {"2017"})
    assert years.paths("missing") == []


@pytest.mark.parametrize("mount_point_stays", [True, False])
def test_an_unmounted_disk_changes_nothing_and_is_listed_when_it_is_back(years, mount_point_stays):
    years.folder.rename(years.tmp_path / "away")
    years.folder.mkdir()
    for _ in range(2):
        os.utime(years.folder, (1_100_000_000,) * 2)
        result = years.find(fast=True)
        assert counts(result) == {} and "is its disk mounted?" in result.unavailable[0]
    years.folder.rmdir()
    (years.tmp_path / "away").rename(years.folder)
    assert counts(years.find(fast=True)) == {"found": 5, "unchanged": 5}


def test_an_inner_root_that_looks_unmounted_is_not_vouched_for(shelf):
    shelf.write("usb/a.jpg", "home/b.jpg")
    shelf.age()
    for root in ("usb", "home"):
        shelf.find(shelf.folder / root)
    (shelf.folder / "usb").rename(shelf.tmp_path / "away")
    (shelf.folder / "usb").mkdir()
    shelf.age()
    for _ in range(2):
        result = shelf.find(fast=True)
        assert "usb" in result.unavailable[0] and counts(result) == {"found": 1, "unchanged": 1}
    assert shelf.paths() == ["home/b.jpg", "usb/a.jpg"]


def test_another_folder_with_the_same_time_is_listed(years):
    """As an archive unpacks it, or a backup brings it back."""
    rome, other = years.folder / "2016/rome", years.tmp_path / "rome"
    times = {
        folder: (os.stat(folder).st_atime_ns, os.stat(folder).st_mtime_ns) for folder in (rome, rome.parent)
    }
    years.write("b.jpg", "f.jpg", folder=other)
    rome.rename(years.tmp_path / "away")
    other.rename(rome)
    for folder, ns in times.items():
        os.utime(folder, ns=ns)
    assert listed(years) == (
        {"found": 5, "new": 1, "changed": 1, "unchanged": 3, "missing": 1},
        {"2016/rome"},
    )


def test_nested_roots(shelf):
    shelf.write("2016/a.jpg", "2016/rome/b.jpg", "2017/c.jpg")
    shelf.age()
    shelf.find(shelf.folder / "2016")
    assert counts(shelf.find(fast=True)) == {"found": 3, "new": 1, "unchanged": 2}, "the outer one takes over"
    assert listed(shelf) == ({"found": 3, "unchanged": 3}, set())
    assert (
        listed(shelf, shelf.folder / "2016")[0] == {"found": 2, "unchanged": 2}
        and len(shelf.walk.unlisted) == 2
    )
    shelf.write("2016/rome/d.jpg")
    shelf.age()
    assert counts(shelf.find(shelf.folder / "2016", fast=True)) == {"found": 3, "new": 1, "unchanged": 2}
    assert listed(shelf, shelf.folder, shelf.folder / "2016") == ({"found": 4, "unchanged": 4}, set())
    assert listed(shelf) == ({"found": 4, "unchanged": 4}, set())


def test_relocate_forgets_the_folders(years):
    shutil.copytree(years.folder / "2016", years.folder / "2018")
    years.library.relocate(years.folder / "2016", years.folder / "2018")
    assert counts(years.find(fast=True)) == {"found": 8, "new": 3, "unchanged": 5}, (
        "trusted, 2016 would be empty"
    )


def test_a_folder_that_walks_leave_out_is_not_gone_into_because_it_was_named(years):
    years.write("2017/@eaDir/f.jpg")
    years.age()
    years.find()
    assert counts(years.find(years.folder / "2017/@eaDir")) == {"found": 1, "new": 1}
    assert (
        listed(years)[0]
        == {"found": 5, "unchanged": 5, "missing": 1}
        == counts(years.find()) | {"missing": 1}
    )


def test_other_rules_list_everything(years):
    years.write("2017/f.jp2")
    years.age()
    years.find()
    assert listed(years) == ({"found": 5, "unchanged": 5}, set())
    extensions = {"jpg", "jp2"}  # as an extra that was installed since would bring
    assert listed(years, extensions=extensions)[0] == {"found": 6, "new": 1, "unchanged": 5}
    assert listed(years, extensions=extensions) == ({"found": 6, "unchanged": 6}, set())
    assert len(listed(years, extensions=extensions, follow_symlinks=True)[1]) == 4


def test_folders_in_which_something_is_put_off_are_always_listed(years):
    """What a folder's time does not tell: where its links lead, what its album.json says, which
    photos need an extra."""
    outside = years.tmp_path / "outside"
    years.write("deep/f.jpg", folder=outside)
    (years.folder / "2016/link").symlink_to(outside)
    (years.folder / "2017/album.json").write_text("{}")
    years.write("2016/rome/photo.heic")
    years.age(years.folder, outside)
    options = {"extensions": {"jpg", "heic"}}
    years.find(follow_symlinks=True, **options)
    found, names = listed(years, follow_symlinks=True, **options)
    assert (
        found["found"] == found["unchanged"] and {"2016", "2017"} <= names and "2016/link/deep" not in names
    )
    assert ("2016/rome" in names) == (found["found"] == 6)  # where HEIC cannot be read here
    years.write("deep/g.jpg", folder=outside)
    assert listed(years, follow_symlinks=True, **options)[0]["new"] == 1
    (years.folder / "2017/album.json").write_text('{"program": "phototag"}')
    assert listed(years, follow_symlinks=True, **options)[0]["missing"] == 1


def test_an_album_marked_since_is_left_out_and_one_named_is_not_trusted(years):
    years.write(f"2017/{OUTPUT_MARKER}")
    years.age()
    assert listed(years)[0] == {"found": 4, "unchanged": 4, "missing": 1}
    assert counts(years.find(years.folder / "2017", fast=True)) == {"found": 1, "unchanged": 1}
    assert listed(years)[0] == {"found": 4, "unchanged": 4, "missing": 1}, "as a full scan does"
    years.find()
    assert len(years.walk.unchanged) == 4, "the album too: it makes nothing else be compared"


def test_a_file_that_only_its_name_brought_in_is_judged_by_a_listing(years):
    years.write("2017/.hidden.jpg")
    years.age()
    years.find()
    assert counts(years.find(years.folder / "2017/.hidden.jpg")) == {"found": 1, "new": 1}
    assert listed(years)[0] == {"found": 5, "unchanged": 5, "missing": 1}, "a walk leaves hidden files out"


@ONLY_FILES
def test_a_catalog_of_an_older_phototag_is_upgraded_and_then_scanned_fast(shelf, tmp_path):
    shelf.write("2016/a.jpg", "2016/rome/b.jpg")
    shelf.age()
    path = tmp_path / "old.db"
    database.open_catalog(path, head="0001").close()
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO roots (path) VALUES (?)", (os.fspath(shelf.folder),))
        for name in ("2016/a.jpg", "2016/rome/b.jpg"):
            status = os.stat(shelf.folder / name)
            connection.execute(
                "INSERT INTO photos (root_id, path, size_bytes, mtime_ns) VALUES (1, ?, ?, ?)",
                (name, status.st_size, status.st_mtime_ns),
            )
        connection.execute("INSERT INTO labels (name) VALUES ('grandma')")
        connection.execute("INSERT INTO corrections VALUES (1, 1, 1)")
    shelf.library.close()
    shelf.library, shelf.db = Library.open(path), path
    assert shelf.sql("SELECT version_num FROM alembic_version") == [(schema.HEAD,)]
    assert shelf.sql("SELECT path FROM photos p JOIN corrections c ON c.photo_id = p.id") == [("2016/a.jpg",)]
    with sqlite3.connect(tmp_path / f"old.db.before-{schema.HEAD}") as copy:
        assert copy.execute("SELECT count(*) FROM photos").fetchone() == (2,)
        assert copy.execute("SELECT name FROM sqlite_master WHERE name = 'folders'").fetchall() == []
    assert counts(shelf.find(fast=True)) == {"found": 2, "unchanged": 2} and shelf.walk.unlisted == []
    assert listed(shelf) == ({"found": 2, "unchanged": 2}, set())


def test_only_folders_with_a_difference_are_compared(years):
    years.write("2016/rome/b.jpg", text="edited")
    folder = os.fspath(years.folder)
    walk = Walk([folder], known=years.library.folder_stamps([folder]))
    assert [file.path for file in walk] == ["2016/rome/b.jpg", "2016/rome/c.jpg"]
    assert walk.unchanged == {folder: 1, f"{folder}/2016": 1, f"{folder}/2017": 1} and walk.unlisted == []


def test_a_catalog_that_lacks_a_photo_of_an_unchanged_folder_is_mended_by_the_scan_after_the_next(years):
    """As two scans at once can leave it, when a file goes and comes back between them."""
    years.sql("UPDATE photos SET missing_since = '2024-01-01 00:00:00' WHERE path = '2017/d.jpg'")
    assert counts(years.find()) == {"found": 4, "unchanged": 4}
    assert counts(years.find()) == {"found": 5, "unchanged": 5}
    assert years.paths("missing") == []


def change(chance, shelf, number, editing):
    """One of the things that people do to their photos."""
    folders = sorted(folder for folder, _, _ in os.walk(shelf.folder))
    files = sorted(os.path.join(folder, name) for folder, _, names in os.walk(shelf.folder) for name in names)
    inner = folders[1:]
    match chance.randrange(10 if editing else 9):
        case 0 | 1:
            shelf.write(f"{number}.jpg", folder=chance.choice(folders))
        case 2:
            shelf.write(f"{number}/{number}.jpg", folder=chance.choice(folders))
        case 3 if files:
            os.unlink(chance.choice(files))
        case 4 if files:
            os.rename(chance.choice(files), os.path.join(chance.choice(folders), f"{number}.jpg"))
        case 5 if inner:
            old, new = chance.choice(inner), chance.choice(folders)
            if os.path.commonpath([old, new]) != old:
                os.rename(old, os.path.join(new, f"{number} moved"))
        case 6 if len(inner) > 3:
            shutil.rmtree(chance.choice(inner))
        case 7 if inner:
            os.symlink(
                chance.choice([*inner, *files]), os.path.join(chance.choice(folders), f"link {number}.jpg")
            )
        case 8 if inner and chance.random() < 0.3:
            shelf.write(OUTPUT_MARKER, folder=chance.choice(inner))
        case 9 if photos := [file for file in files if file.endswith(".jpg") and not os.path.islink(file)]:
            shelf.write(chance.choice(photos), text=f"edited {number}")


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_to_the_files_every_scan_ends_as_a_plain_one(shelf, seed, fast):
    chance = random.Random(seed)
    library, other = shelf.library, Library.open(shelf.tmp_path / "plain.db")
    follow, unchanged = {"follow_symlinks": seed % 2 == 1}, 0
    shelf.write(*[f"{n % 3}/{n % 5}/{n}.jpg" for n in range(40)])
    state = "SELECT path, missing_since IS NULL, size_bytes FROM photo_list ORDER BY 1"
    for step in range(12):
        for n in range(chance.randrange(4)):
            change(chance, shelf, 100 * step + n, editing=not fast)
        shelf.age()
        shelf.library = library
        foretold = counts(shelf.find(fast=fast, dry_run=True, **follow))
        told = counts(shelf.find(fast=fast, **follow))
        assert foretold == told, step
        unchanged += len(shelf.walk.unlisted if fast else shelf.walk.unchanged)
        shelf.library = other
        assert told == counts(shelf.find(plain=True, **follow)), step
        with sqlite3.connect(shelf.tmp_path / "plain.db") as connection:
            assert shelf.sql(state) == connection.execute(state).fetchall(), step
    assert unchanged > 30, "else nothing was tested"
    other.close()
    shelf.library = library

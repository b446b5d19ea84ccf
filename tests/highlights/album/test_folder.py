import json
import os
import shutil
import subprocess
import sys
import time

import pytest

from phototag.errors import PhototagError
from phototag.highlights.album.folder import HOWS, OutputFolder
from phototag.highlights.album.manifest import find_other


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "originals" / "a.jpg"
    path.parent.mkdir()
    path.write_bytes(b"photo a")
    return path


def everything(folder) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): f"-> {os.readlink(path)}" if path.is_symlink() else path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def still_there(photo):
    """What the catalog says of that photo."""
    return lambda sha256: photo.exists()


def sha(path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("how", ["symlink", "copy", "hardlink"])
def test_fill_fill_again_and_fill_with_less(tmp_path, photo, how):
    out = tmp_path / "deep" / "album"
    for _ in range(2):
        with OutputFolder(out, still_there(photo)) as folder:
            folder.link("1.jpg", str(photo), sha(photo), how)
            folder.write("page/index.html", b"hello")
        assert sorted(everything(out)) == [".phototag", "1.jpg", "page/index.html"]
        assert (out / "1.jpg").read_bytes() == b"photo a"
        assert (out / "1.jpg").is_symlink() == (how == "symlink")
        assert (out / "1.jpg").samefile(photo) == (how != "copy")
    first = everything(out)
    with OutputFolder(out, still_there(photo)) as folder:
        folder.write("album.json", b"{}")
    assert sorted(everything(out)) == [".phototag", "album.json"] and not (out / "page").exists()
    with OutputFolder(out) as folder:
        folder.link("1.jpg", str(photo), sha(photo), how)
        folder.write("page/index.html", b"hello")
    assert everything(out) == first
    assert photo.read_bytes() == b"photo a" and os.stat(photo).st_nlink == (2 if how == "hardlink" else 1)


def test_the_way_of_linking_can_change(tmp_path, photo):
    for how in ("symlink", "copy", "hardlink", "symlink"):
        with OutputFolder(tmp_path / "album", still_there(photo)) as folder:
            folder.link("1.jpg", str(photo), sha(photo), how)
        path = tmp_path / "album" / "1.jpg"
        assert path.is_symlink() == (how == "symlink") and os.stat(photo).st_nlink == (
            2 if how == "hardlink" else 1
        )
    assert photo.read_bytes() == b"photo a"


def test_files_of_others_are_never_touched(tmp_path, photo):
    out = tmp_path / "album"
    with OutputFolder(out) as folder:
        folder.link("1.jpg", str(photo), sha(photo), "copy")
        folder.write("note.txt", b"ours")
    assert str(tmp_path) not in (out / ".phototag").read_text()
    (out / "mine.txt").write_text("mine")
    (out / "note.txt").write_text("ours, changed by hand")
    with OutputFolder(out, still_there(photo)) as folder:
        folder.link("2.jpg", str(photo), sha(photo), "symlink")
    assert folder.kept_back == ["note.txt"]
    assert everything(out).keys() == {".phototag", "2.jpg", "mine.txt", "note.txt"}
    before = everything(out)
    with pytest.raises(PhototagError, match=r"mine\.txt is in the way"), OutputFolder(out) as folder:
        folder.write("3.txt", b"new")
        folder.write("mine.txt", b"ours now")
    assert everything(out) == before


@pytest.mark.parametrize("marker", [None, "", "{}", "[]", '{"files": 3}'])
def test_a_folder_with_other_files_is_refused_even_with_an_empty_marker(tmp_path, marker):
    (tmp_path / "holiday.jpg").write_text("a photo")
    if marker is not None:
        (tmp_path / ".phototag").write_text(marker)
    before = everything(tmp_path)
    with pytest.raises(PhototagError, match="choose a new or an empty folder"), OutputFolder(tmp_path):
        raise AssertionError("must not get here")
    assert everything(tmp_path) == before


def test_a_doctored_ledger_leads_nowhere(tmp_path, photo):
    out = tmp_path / "album"
    out.mkdir()
    files = {
        "../originals/a.jpg": {"how": "made", "sha256": sha(photo)},
        str(photo): {"how": "made", "sha256": sha(photo)},
    }
    (out / ".phototag").write_text(json.dumps({"files": files}))
    with OutputFolder(out):
        pass
    assert photo.exists()


def test_the_last_copy_of_a_photo_is_kept(tmp_path, photo):
    out = tmp_path / "album"
    with OutputFolder(out) as folder:
        folder.link("1.jpg", str(photo), sha(photo), "copy")
        folder.link("2.jpg", str(photo), sha(photo), "hardlink")
    photo.unlink()
    with OutputFolder(out, still_there(photo)) as folder:
        pass
    assert folder.kept_back == ["1.jpg", "2.jpg"]
    assert (out / "1.jpg").read_bytes() == (out / "2.jpg").read_bytes() == b"photo a"


def test_an_error_or_ctrl_c_leaves_the_album_as_it_was(tmp_path, photo):
    out = tmp_path / "album"
    with pytest.raises(KeyboardInterrupt), OutputFolder(out) as folder:
        folder.write("1.txt", b"one")
        raise KeyboardInterrupt
    assert not out.exists()
    with pytest.raises(KeyboardInterrupt), OutputFolder(tmp_path / "deep" / "album"):
        raise KeyboardInterrupt
    assert not (tmp_path / "deep").exists()
    with OutputFolder(out) as folder:
        folder.write("1.txt", b"one")
    before = everything(out)
    with pytest.raises(KeyboardInterrupt), OutputFolder(out) as folder:
        folder.write("1.txt", b"another")
        raise KeyboardInterrupt
    assert everything(out) == before
    with pytest.raises(PhototagError, match="No such file"), OutputFolder(out) as folder:
        folder.link("gone.jpg", str(tmp_path / "gone.jpg"), "0", "copy")
    assert everything(out) == before


def test_what_a_killed_run_left_is_cleared(tmp_path):
    out = tmp_path / "album"
    (out / ".phototag-new-0123456789abcdef").mkdir(parents=True)
    (out / ".phototag-new-0123456789abcdef" / "half.jpg").write_text("half")
    with OutputFolder(out) as folder:
        folder.write("1.txt", b"one")
    assert sorted(everything(out)) == [".phototag", "1.txt"]


def test_a_full_disk_leaves_nothing(tmp_path):
    """A limit on file size stands in for the disk: the write fails in the middle just so."""
    script = """
import resource, sys
from pathlib import Path
from phototag.errors import PhototagError
from phototag.highlights.album.folder import OutputFolder
from phototag.highlights.album.manifest import find_other
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    with OutputFolder(Path(sys.argv[1])) as folder:
        folder.write("small.txt", b"small")
        folder.write("large.txt", b"x" * 20_000)
except PhototagError as error:
    print(error)
"""
    out = tmp_path / "album"
    done = subprocess.run(
        [sys.executable, "-c", script, str(out)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"cannot make the album in {out}: ") and done.stdout.count("\n") == 1
    assert not out.exists()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(PhototagError, match="cannot make the album in"),
        OutputFolder(tmp_path / "file" / "album"),
    ):
        pass
    with pytest.raises(PhototagError, match="cannot make the album in"), OutputFolder(tmp_path / "file"):
        pass


def test_a_second_run_copies_nothing_again(tmp_path, photo):
    out = tmp_path / "album"
    for _ in range(2):
        with OutputFolder(out) as folder:
            folder.link("1.jpg", str(photo), sha(photo), "copy")
            if not folder.has("1-small.jpg"):
                folder.write("1-small.jpg", b"small")
        times = {name: (out / name).stat().st_ctime_ns for name in ("1.jpg", "1-small.jpg")}
        if _ == 0:
            before = times
            time.sleep(0.02)
    assert times == before
    shutil.rmtree(out)


def test_links_are_relative_so_that_album_and_photos_can_be_moved_together(tmp_path, photo):
    (tmp_path / "a").mkdir()
    photo.parent.rename(tmp_path / "a" / "originals")
    with OutputFolder(tmp_path / "a" / "album") as folder:
        folder.link("1.jpg", str(tmp_path / "a" / "originals" / "a.jpg"), "0")
    (tmp_path / "a").rename(tmp_path / "b")
    assert (tmp_path / "b" / "album" / "1.jpg").read_bytes() == b"photo a"
    with OutputFolder(tmp_path / "b" / "album") as folder:  # moved or not, it is still ours
        folder.link("1.jpg", str(tmp_path / "b" / "originals" / "a.jpg"), "0")
    assert folder.staged == []


@pytest.mark.parametrize(
    ("missing", "made"), [((), "symlink"), (("symlink",), "hardlink"), (("symlink", "link"), "copy")]
)
def test_a_disk_that_takes_no_links_gets_what_it_takes(tmp_path, photo, monkeypatch, missing, made):
    """Stood in for by calls that answer as FAT, or Windows without the right to make links, does."""

    def refuse(*arguments, **options):
        raise PermissionError(1, "Operation not permitted")

    for name in missing:
        monkeypatch.setattr(os, name, refuse)
    for _ in range(2):
        with OutputFolder(tmp_path / "album") as folder:
            for number in range(3):
                folder.link(f"{number}.jpg", str(photo), sha(photo))
    assert folder.staged == []
    path = tmp_path / "album" / "1.jpg"
    assert path.read_bytes() == b"photo a" and path.is_symlink() == (made == "symlink")
    assert path.samefile(photo) == (made != "copy")
    if missing:
        words = "takes no symbolic links: use --copy"
        with pytest.raises(PhototagError, match=words), OutputFolder(tmp_path / "other") as folder:
            folder.link("1.jpg", str(photo), sha(photo), "symlink")
        assert not (tmp_path / "other").exists()


def test_nothing_is_written_or_removed_through_a_symbolic_link(tmp_path, photo):
    out = tmp_path / "album"
    with OutputFolder(out) as folder:
        folder.write("page/a.jpg", b"photo a")
    shutil.rmtree(out / "page")
    (out / "page").symlink_to(photo.parent)  # now page/a.jpg is somebody's photo, with the bytes of ours
    with OutputFolder(out):
        pass
    with pytest.raises(PhototagError, match="page is in the way"), OutputFolder(out) as folder:
        folder.write("page/b.jpg", b"new")
    assert photo.read_bytes() == b"photo a" and os.listdir(photo.parent) == ["a.jpg"]
    (tmp_path / "link").symlink_to(out)
    with pytest.raises(PhototagError, match="is a symbolic link"), OutputFolder(tmp_path / "link"):
        raise AssertionError("must not get here")


def test_a_ledger_of_before_that_named_the_sources_still_tells_what_is_ours(tmp_path, photo):
    out = tmp_path / "album"
    out.mkdir()
    (out / "1.jpg").symlink_to(photo)
    os.link(photo, out / "2.jpg")
    (out / "3.jpg").write_bytes(b"photo a")
    files = {f"{number}.jpg": {"how": how, "source": str(photo)} for number, how in enumerate(HOWS, 1)}
    files["3.jpg"]["sha256"] = sha(photo)
    (out / ".phototag").write_text(json.dumps({"files": files}))
    with OutputFolder(out, still_there(photo)) as folder:
        folder.write("4.txt", b"new")
    assert everything(out).keys() == {".phototag", "4.txt"} and folder.kept_back == []
    assert photo.read_bytes() == b"photo a"


@pytest.mark.parametrize(
    "files",
    [
        '{"a": 3}',
        '{"a": {}}',
        '{"a": {"how": "?", "sha256": "0"}}',
        "[" * 5000,
        '{"a": {"how": []}}',
        '{"a": {"how": "copy", "source": 0}}',
        '{"a": {"how": "copy", "source": 18446744073709551616}}',
    ],
)
def test_a_hostile_ledger_is_one_sentence(tmp_path, files):
    (tmp_path / ".phototag").write_text(f'{{"files": {files}}}')
    with pytest.raises(PhototagError, match="choose a new or an empty folder"), OutputFolder(tmp_path):
        raise AssertionError("must not get here")


@pytest.mark.parametrize("how", ["made", "copy"])
def test_no_ledger_makes_a_photo_of_the_catalog_ours(tmp_path, photo, how):
    """Anybody can write a ledger that names a file and its hash, and send it along with photos."""
    (tmp_path / "photos").mkdir()
    for name in ("gone.jpg", "replaced.jpg"):
        (tmp_path / "photos" / name).write_bytes(b"photo a")
    made = {"how": how, "sha256": sha(photo), "photo": sha(photo)}
    ledger = tmp_path / "photos" / ".phototag"
    ledger.write_text(json.dumps({"files": dict.fromkeys(("gone.jpg", "replaced.jpg"), made)}))

    def is_photo(path):
        return path.endswith(".jpg")

    with OutputFolder(tmp_path / "photos", still_there(photo), is_photo) as folder:
        folder.write("album.json", b"{}")
    assert sorted(folder.kept_back) == ["gone.jpg", "replaced.jpg"]
    with (
        pytest.raises(PhototagError, match="is in the way"),
        OutputFolder(tmp_path / "photos", still_there(photo), is_photo) as folder,
    ):
        folder.write("replaced.jpg", b"new")
    for name in ("gone.jpg", "replaced.jpg"):
        assert (tmp_path / "photos" / name).read_bytes() == b"photo a"


def test_a_ledger_or_an_album_that_is_a_pipe_or_has_no_end_keeps_nobody_waiting(tmp_path, photo):
    for name, link in (("pipe", None), ("zero", "/dev/zero")):
        out = tmp_path / name
        out.mkdir()
        for file in (".phototag", "album.json"):
            os.mkfifo(out / file) if link is None else (out / file).symlink_to(link)
        assert find_other(out, "title", "query") is None
        with pytest.raises(PhototagError, match="choose a new or an empty folder"), OutputFolder(out):
            raise AssertionError("must not get here")
    sparse = tmp_path / "sparse"
    sparse.mkdir()
    with (sparse / ".phototag").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(PhototagError, match="larger than"), OutputFolder(sparse):
        raise AssertionError("must not get here")
    old = tmp_path / "old"
    old.mkdir()
    os.mkfifo(tmp_path / "waits")
    files = {"a.jpg": {"how": "copy", "source": str(tmp_path / "waits")}}
    (old / ".phototag").write_text(json.dumps({"files": files}))
    (old / "a.jpg").write_bytes(b"")
    with OutputFolder(old, still_there(photo)) as folder:
        folder.write("b.txt", b"")
    assert folder.kept_back == ["a.jpg"]

import json
import os
import shutil
import subprocess
import sys
import time

import pytest

from phototag.errors import PhototagError
from phototag.highlights.album.folder import OutputFolder


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


def sha(path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("how", ["symlink", "copy", "hardlink"])
def test_fill_fill_again_and_fill_with_less(tmp_path, photo, how):
    out = tmp_path / "deep" / "album"
    for _ in range(2):
        with OutputFolder(out) as folder:
            folder.link("1.jpg", str(photo), how, sha(photo))
            folder.write("page/index.html", b"hello")
        assert sorted(everything(out)) == [".phototag", "1.jpg", "page/index.html"]
        assert (out / "1.jpg").read_bytes() == b"photo a"
        assert (out / "1.jpg").is_symlink() == (how == "symlink")
        assert (out / "1.jpg").samefile(photo) == (how != "copy")
    first = everything(out)
    with OutputFolder(out) as folder:
        folder.write("album.json", b"{}")
    assert sorted(everything(out)) == [".phototag", "album.json"] and not (out / "page").exists()
    with OutputFolder(out) as folder:
        folder.link("1.jpg", str(photo), how, sha(photo))
        folder.write("page/index.html", b"hello")
    assert everything(out) == first
    assert photo.read_bytes() == b"photo a" and os.stat(photo).st_nlink == (2 if how == "hardlink" else 1)


def test_the_way_of_linking_can_change(tmp_path, photo):
    for how in ("symlink", "copy", "hardlink", "symlink"):
        with OutputFolder(tmp_path / "album") as folder:
            folder.link("1.jpg", str(photo), how, sha(photo))
        path = tmp_path / "album" / "1.jpg"
        assert path.is_symlink() == (how == "symlink") and os.stat(photo).st_nlink == (
            2 if how == "hardlink" else 1
        )
    assert photo.read_bytes() == b"photo a"


def test_files_of_others_are_never_touched(tmp_path, photo):
    out = tmp_path / "album"
    with OutputFolder(out) as folder:
        folder.link("1.jpg", str(photo), "copy", sha(photo))
        folder.write("note.txt", b"ours")
    (out / "mine.txt").write_text("mine")
    (out / "note.txt").write_text("ours, changed by hand")
    with OutputFolder(out) as folder:
        folder.link("2.jpg", str(photo), "symlink", sha(photo))
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
        folder.link("1.jpg", str(photo), "copy", sha(photo))
        folder.link("2.jpg", str(photo), "hardlink", sha(photo))
    photo.unlink()
    with OutputFolder(out) as folder:
        pass
    assert folder.kept_back == ["1.jpg", "2.jpg"]
    assert (out / "1.jpg").read_bytes() == (out / "2.jpg").read_bytes() == b"photo a"


def test_an_error_or_ctrl_c_leaves_the_album_as_it_was(tmp_path, photo):
    out = tmp_path / "album"
    with pytest.raises(KeyboardInterrupt), OutputFolder(out) as folder:
        folder.write("1.txt", b"one")
        raise KeyboardInterrupt
    assert not out.exists()
    with OutputFolder(out) as folder:
        folder.write("1.txt", b"one")
    before = everything(out)
    with pytest.raises(KeyboardInterrupt), OutputFolder(out) as folder:
        folder.write("1.txt", b"another")
        raise KeyboardInterrupt
    assert everything(out) == before
    with pytest.raises(PhototagError, match="No such file"), OutputFolder(out) as folder:
        folder.link("gone.jpg", str(tmp_path / "gone.jpg"), "copy", "0")
    assert everything(out) == before


def test_what_a_killed_run_left_is_cleared(tmp_path):
    out = tmp_path / "album"
    (out / ".phototag-new").mkdir(parents=True)
    (out / ".phototag-new" / "half.jpg").write_text("half")
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
            folder.link("1.jpg", str(photo), "copy", sha(photo))
            if not folder.has("1-small.jpg"):
                folder.write("1-small.jpg", b"small")
        times = {name: (out / name).stat().st_ctime_ns for name in ("1.jpg", "1-small.jpg")}
        if _ == 0:
            before = times
            time.sleep(0.02)
    assert times == before
    shutil.rmtree(out)

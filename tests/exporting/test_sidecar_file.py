"""Which file is a photo's sidecar, and that it is replaced whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from phototag.exporting import sidecar_file
from phototag.exporting.sidecar_file import (
    Folder,
    SidecarError,
    SidecarState,
    choose_sidecar,
    find_sidecars,
    read_sidecar,
    replace_sidecar,
)


def chosen(photo, style=None, *names):
    photos = [Path(name) for name in names if not name.lower().endswith(".xmp")]
    same_stem = {path.name for path in photos if path.stem == Path(photo).stem}
    return choose_sidecar(photo, style, set(names), same_stem | {photo})


def test_beside_the_photo_with_its_whole_name():
    assert chosen("a.jpg", None, "a.jpg") == "a.jpg.xmp"
    assert chosen("a.jpg", "ext", "a.jpg", "a.xmp") == "a.jpg.xmp"
    assert chosen("a.jpg", "stem", "a.jpg") == "a.xmp"


def test_the_one_that_is_there_is_used():
    assert chosen("a.jpg", None, "a.jpg", "a.xmp") == "a.xmp"
    assert chosen("a.jpg", None, "a.jpg", "a.XMP") == "a.XMP"
    assert chosen("a.jpg", None, "a.jpg", "a.jpg.XMP") == "a.jpg.XMP"


def test_of_a_raw_and_a_jpeg_the_short_name_is_the_raws():
    names = "a.jpg", "a.CR2", "a.xmp"
    assert chosen("a.CR2", None, *names) == "a.xmp"
    assert chosen("a.jpg", None, *names) == "a.jpg.xmp"
    assert find_sidecars("a.jpg", {*names}, {"a.jpg", "a.CR2"}) == []
    assert find_sidecars("a.CR2", {*names, "a.CR2.xmp"}, {"a.jpg", "a.CR2"}) == ["a.CR2.xmp", "a.xmp"]


def test_two_photos_never_share_one():
    for photo in ("a.jpg", "a.CR2"):
        with pytest.raises(SidecarError, match="would belong to a"):
            chosen(photo, "stem", "a.jpg", "a.CR2")
    assert chosen("a.jpg", None, "a.jpg", "a.png", "a.xmp") == "a.jpg.xmp"


def test_a_folder_is_looked_up(tmp_path):
    for name in ("A.jpg", "a.CR2", "b.jpg", "a.txt"):
        (tmp_path / name).touch()
    folder = Folder(str(tmp_path))
    assert folder.same_stem("A.jpg") == {"A.jpg", "a.CR2"} and folder.same_stem("b.jpg") == {"b.jpg"}
    assert Folder(str(tmp_path / "nowhere")).names == set()


def test_written_and_read_again(tmp_path):
    path = str(tmp_path / "a.xmp")
    assert read_sidecar(path) == SidecarState(None)
    replace_sidecar(path, b"first", read_sidecar(path))
    os.chmod(path, 0o640)
    replace_sidecar(path, b"second", read_sidecar(path))
    state = read_sidecar(path)
    assert (state.data, state.mode) == (b"second", 0o640)
    replace_sidecar(path, None, state)
    assert os.listdir(tmp_path) == []


def test_a_new_one_has_the_rights_of_a_new_file(tmp_path):
    old = os.umask(0o027)
    try:
        replace_sidecar(str(tmp_path / "a.xmp"), b"new", SidecarState(None))
    finally:
        os.umask(old)
    assert (tmp_path / "a.xmp").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("data", [b"ours", None], ids=["replaced", "removed"])
def test_what_another_program_wrote_meanwhile_stays(tmp_path, data):
    path = tmp_path / "a.xmp"
    path.write_bytes(b"before")
    state = read_sidecar(str(path))
    path.write_bytes(b"theirs")
    os.utime(path, ns=(1, state.mtime_ns + 1))
    with pytest.raises(SidecarError, match="meanwhile"):
        replace_sidecar(str(path), data, state)
    assert path.read_bytes() == b"theirs" and os.listdir(tmp_path) == ["a.xmp"]


def test_one_that_came_meanwhile_stays(tmp_path):
    path = tmp_path / "a.xmp"
    state = read_sidecar(str(path))
    path.write_bytes(b"theirs")
    with pytest.raises(SidecarError, match="meanwhile"):
        replace_sidecar(str(path), b"ours", state)
    assert path.read_bytes() == b"theirs"


def test_links_folders_and_monsters_are_left_alone(tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"")
    (tmp_path / "link.xmp").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "folder.xmp").mkdir()
    (tmp_path / "large.xmp").write_bytes(b" " * (sidecar_file.MAX_BYTES + 1))
    os.mkfifo(tmp_path / "pipe.xmp")
    for name, reason in (
        ("link", "symbolic link"),
        ("folder", "not a file"),
        ("large", "larger"),
        ("pipe", "not a file"),
    ):
        with pytest.raises(SidecarError, match=reason):
            read_sidecar(str(tmp_path / f"{name}.xmp"))


FILL = """
import resource, sys
from phototag.exporting.sidecar_file import SidecarError, read_sidecar, replace_sidecar
if sys.argv[2] == "limit":
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    replace_sidecar(sys.argv[1], b"x" * 200_000, read_sidecar(sys.argv[1]))
except SidecarError as error:
    print(error)
"""


def fill(path, way):
    done = subprocess.run([sys.executable, "-c", FILL, path, way], capture_output=True, text=True, check=True)
    return done.stdout


def test_a_file_that_may_not_grow_leaves_the_old_one(tmp_path):
    path = tmp_path / "a.xmp"
    path.write_bytes(b"before")
    assert "cannot be written" in fill(path, "limit")
    assert path.read_bytes() == b"before" and os.listdir(tmp_path) == ["a.xmp"]


def test_a_disk_full_in_the_middle_leaves_the_old_file(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(mount, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("may not mount a small disk here")
    try:
        (disk / "a.xmp").write_bytes(b"before")
        assert "the disk is full" in fill(disk / "a.xmp", "disk")
        assert (disk / "a.xmp").read_bytes() == b"before" and os.listdir(disk) == ["a.xmp"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)

"""What phototag writes over, and what never."""

import os
import signal
import subprocess
import sys

import pytest
from PIL import Image

from phototag import outputs
from phototag.cli.output import is_known_photo
from phototag.errors import PhototagError, UsageError
from phototag.library import Library
from phototag.reading.walk import Walk

PICTURE = Image.new("RGB", (40, 30), "#3366cc")
NAMES = ["a.jpg", "a.jpeg", "a.PNG", "a.webp"]


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_of_our_own_is_replaced_and_nothing_else_is_left(tmp_path, name):
    path = tmp_path / name
    for colour in ("red", "blue"):
        outputs.save_picture(Image.new("RGB", (40, 30), colour), path)
        assert outputs.is_ours(path) and os.listdir(tmp_path) == [name]
        with Image.open(path) as picture:
            pixel = picture.convert("RGB").getpixel((5, 5))
        assert (pixel[0] > 200) == (colour == "red")
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("name", [*NAMES, "a.gif", "a.mp4", "a.txt"])
def test_a_file_of_others_stays_but_for_force(tmp_path, name):
    path = tmp_path / name
    if name.endswith((".mp4", ".txt")):
        path.write_bytes(b"somebody's")
    else:
        PICTURE.save(path)  # no mark
    before = path.read_bytes()
    with pytest.raises(PhototagError, match="phototag did not make it"), outputs.replace_file(path):
        raise AssertionError("must not get here")
    assert path.read_bytes() == before and os.listdir(tmp_path) == [name]
    with outputs.replace_file(path, force=True) as temporary:
        temporary.write_bytes(b"ours")
    assert path.read_bytes() == b"ours"


def test_the_mark_elsewhere_in_a_file_does_not_make_it_ours(tmp_path):
    """Only where a format keeps comments: a photo of ours that somebody's program put into a larger file
    is no longer ours."""
    outputs.save_picture(PICTURE, tmp_path / "a.jpg")
    PICTURE.save(tmp_path / "b.jpg")
    (tmp_path / "c.jpg").write_bytes((tmp_path / "b.jpg").read_bytes() + outputs.MARK.encode())
    (tmp_path / "d.png").write_bytes((tmp_path / "a.jpg").read_bytes()[2:])
    (tmp_path / "e.txt").write_text(outputs.MARK)
    assert [outputs.is_ours(path) for path in sorted(tmp_path.iterdir())] == [True, *[False] * 4]
    assert not outputs.is_ours(tmp_path / "none.jpg") and not outputs.is_ours(tmp_path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_damaged_and_cut_files_are_not_ours_or_ours_and_never_an_error(tmp_path, kind):
    path = tmp_path / "a"
    PICTURE.save(path, kind, **outputs.mark_options(kind))
    assert outputs.is_ours(path)
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        outputs.is_ours(path)
    for place in range(min(len(whole), 200)):
        path.write_bytes(whole[:place] + b"\xff" + whole[place + 1 :])
        outputs.is_ours(path)


def test_nothing_is_written_through_a_symbolic_link(tmp_path):
    photo = tmp_path / "photo.jpg"
    outputs.save_picture(PICTURE, photo)  # even one of our own
    before = photo.read_bytes()
    for name, target in (("link.jpg", photo), ("dangling.jpg", tmp_path / "none.jpg")):
        (tmp_path / name).symlink_to(target)
        for force in (False, True):
            with pytest.raises(PhototagError, match="is a symbolic link"):
                outputs.save_picture(PICTURE, tmp_path / name, force=force)
    assert photo.read_bytes() == before and not (tmp_path / "none.jpg").exists()
    (tmp_path / "real").mkdir()
    (tmp_path / "folder").symlink_to("real")  # a folder may be one: it is where the person says
    outputs.save_picture(PICTURE, tmp_path / "folder" / "b.jpg")
    assert os.listdir(tmp_path / "real") == ["b.jpg"]


def test_a_photo_in_the_catalog_is_never_written_over_not_even_by_force(tmp_path):
    photos = {str(tmp_path / "photos" / "a.jpg")}
    (tmp_path / "photos").mkdir()
    (tmp_path / "other").symlink_to("photos")
    outputs.save_picture(PICTURE, tmp_path / "photos" / "a.jpg")
    for path in (tmp_path / "photos" / "a.jpg", tmp_path / "other" / "a.jpg"):
        with pytest.raises(PhototagError, match="is a photo in the catalog"):
            outputs.check_output(path, photos.__contains__, force=True)
    assert (
        outputs.check_output(tmp_path / "other" / "b.jpg", photos.__contains__)
        == tmp_path / "photos" / "b.jpg"
    )


def test_mistakes_are_one_sentence(tmp_path):
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    for name, words in (
        ("none/a.jpg", "there is no folder"),
        ("folder.jpg", "is not a file"),
        ("pipe.jpg", "is not a file"),
        ("x" * 300 + ".jpg", "cannot write"),
    ):
        with pytest.raises(PhototagError, match=words):
            outputs.save_picture(PICTURE, tmp_path / name)
    with pytest.raises(UsageError, match=r"\.jpg, \.png or \.webp"):
        outputs.save_picture(PICTURE, tmp_path / "a.tiff")


def test_a_file_that_comes_meanwhile_stays(tmp_path):
    path = tmp_path / "a.jpg"
    with pytest.raises(PhototagError, match="did not make it"), outputs.replace_file(path) as temporary:
        temporary.write_bytes(b"ours")
        path.write_bytes(b"somebody's")
    assert path.read_bytes() == b"somebody's" and os.listdir(tmp_path) == ["a.jpg"]


SCRIPT = """
import sys, time
from pathlib import Path
from phototag import outputs
from phototag.cli.output import is_known_photo
from phototag.signals import Unwinding
with Unwinding(), outputs.replace_file(Path(sys.argv[1])) as temporary:
    temporary.write_bytes(b"half")
    print("half", flush=True)
    for _ in range(600):  # a signal just before a sleep waits for its end
        time.sleep(0.1)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_no_signal_leaves_half_a_file(tmp_path, number):
    outputs.save_picture(PICTURE, tmp_path / "a.jpg")
    before = (tmp_path / "a.jpg").read_bytes()
    running = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "a.jpg")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout.readline() == "half\n" and len(os.listdir(tmp_path)) == 2
    running.send_signal(number)
    running.communicate(timeout=30)
    assert running.returncode in (128 + number, -number)
    assert os.listdir(tmp_path) == ["a.jpg"] and (tmp_path / "a.jpg").read_bytes() == before


def test_a_full_disk_leaves_nothing(tmp_path):
    """A limit on file size stands in for the disk."""
    script = """
import resource, sys
from pathlib import Path
from phototag import outputs
from phototag.cli.output import is_known_photo
from phototag.errors import PhototagError
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with outputs.replace_file(Path(sys.argv[1])) as temporary:
        temporary.write_bytes(b"x" * 2000)
except PhototagError as error:
    print(error)
"""
    command = [sys.executable, "-c", script, str(tmp_path / "a.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"cannot write {tmp_path / 'a.png'}: ") and os.listdir(tmp_path) == []


def test_a_text_of_our_own_is_known_by_its_first_line(tmp_path):
    file = tmp_path / "wrong.txt"
    for _ in range(2):
        with outputs.replace_file(file) as temporary:
            temporary.write_text(f"{outputs.TEXT_MARK}\nhash\n")
    file.write_text(f"mine\n{outputs.TEXT_MARK}\n")
    with pytest.raises(PhototagError, match="phototag did not make it"):
        outputs.check_output(file)


def test_a_photo_of_the_catalog_is_never_written_whatever_it_is_called(tmp_path, monkeypatch):
    """The catalog knows it through a link to its folder."""
    (tmp_path / "disk").mkdir()
    photo = tmp_path / "disk" / "a.jpg"
    PICTURE.save(photo)
    (tmp_path / "photos").symlink_to(tmp_path / "disk")
    (tmp_path / "other.jpg").write_bytes(photo.read_bytes())
    with Library.open(tmp_path / "c.db") as library:
        walk = Walk([tmp_path / "photos"])
        library.reconcile(walk.roots, walk, hash_file=lambda file: None, unreadable=walk.errors)
        assert list(library.paths()) == [str(tmp_path / "photos" / "a.jpg")]
        os.link(photo, tmp_path / "hard.jpg")
        for name in ("photos/a.jpg", "disk/a.jpg", "disk/../photos/a.jpg", "hard.jpg"):
            assert library.is_photo(tmp_path / name), name
            with pytest.raises(PhototagError, match="photos are never written"):
                outputs.check_output(tmp_path / name, library.is_photo, force=True)
        for name in ("other.jpg", "disk", "none.jpg", "a\0b.jpg", "x" * 300):
            assert not library.is_photo(tmp_path / name), name
    monkeypatch.setenv("PHOTOTAG_DB", str(tmp_path / "c.db"))
    assert is_known_photo(str(photo)) and not is_known_photo(str(tmp_path / "other.jpg"))
    monkeypatch.setenv("PHOTOTAG_DB", str(tmp_path / "none.db"))
    assert not is_known_photo(str(photo)) and not (tmp_path / "none.db").exists()


def test_a_catalog_is_never_written_over_not_even_by_force(tmp_path):
    with Library.open(tmp_path / "c.jpg") as library:
        library.known_labels()
        logs = [name for name in os.listdir(tmp_path) if name != "c.jpg"]
        assert logs
        before = (tmp_path / "c.jpg").read_bytes()
        for name in ("c.jpg", *logs):
            with (
                pytest.raises(PhototagError, match="is a database"),
                outputs.replace_file(tmp_path / name, force=True),
            ):
                raise AssertionError("must not get here")
        assert (tmp_path / "c.jpg").read_bytes() == before
    (tmp_path / "notes-wal").write_text("somebody's")
    with outputs.replace_file(tmp_path / "notes-wal", force=True) as temporary:
        temporary.write_text("ours")


@pytest.mark.parametrize("before", [None, b"somebody's"])
def test_force_is_for_the_file_that_was_there(tmp_path, before):
    path = tmp_path / "a.jpg"
    if before:
        path.write_bytes(before)
    with pytest.raises(PhototagError, match="did not make it"), outputs.replace_file(path, force=True):
        path.unlink(missing_ok=True)
        path.write_bytes(b"another's")
    assert path.read_bytes() == b"another's" and os.listdir(tmp_path) == ["a.jpg"]


def test_a_link_that_comes_meanwhile_stays_and_is_not_followed(tmp_path):
    (tmp_path / "photo").write_bytes(b"somebody's")
    for force in (False, True):
        with (
            pytest.raises(PhototagError, match="is a symbolic link"),
            outputs.replace_file(tmp_path / "a.jpg", force=force) as temporary,
        ):
            temporary.write_bytes(b"ours")
            (tmp_path / "a.jpg").symlink_to("photo")
        assert (tmp_path / "photo").read_bytes() == b"somebody's" and (tmp_path / "a.jpg").is_symlink()
        (tmp_path / "a.jpg").unlink()

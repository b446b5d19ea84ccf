import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from phototag.errors import PhototagError
from phototag.reading.folders import OUTPUT_MARKER
from phototag.reading.formats import EXTRAS, is_installed
from phototag.reading.walk import Walk
from phototag.records import PhotoFile

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def make(tmp_path):
    def make(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.fsencode(name))  # scan never looks inside
        return tmp_path

    return make


def paths(walk):
    return [file.path for file in walk]


def test_finds_photos_with_their_size_and_time_in_the_order_of_bytes(make):
    root = make(
        "b.jpg",
        "B.JPG",
        "a/z.png",
        "a/é.webp",
        "a-b/x.tiff",
        "c.gif",
        "c.avif",
        "c.bmp",
        "c.jpeg",
        "c.tif",
        "note.txt",
    )
    os.utime(root / "b.jpg", ns=(1, 1234567890123456789))
    walk = Walk([root])
    files = list(walk)
    names = [
        "B.JPG",
        "b.jpg",
        "c.avif",
        "c.bmp",
        "c.gif",
        "c.jpeg",
        "c.tif",
        "a/z.png",
        "a/é.webp",
        "a-b/x.tiff",
    ]
    assert [file.path for file in files] == names
    assert files[1][:4] == PhotoFile(str(root), "b.jpg", 5, 1234567890123456789)[:4]
    assert files[1].ctime_ns == os.stat(root / "b.jpg").st_ctime_ns
    assert (walk.skipped["not a photo"], walk.errors, walk.roots) == (1, [], (str(root),))
    assert paths(Walk([root])) == names  # and so every time


def test_skips_what_is_hidden_and_what_other_programs_made(make):
    root = make(
        *(
            ".hidden.jpg",
            "._resource.jpg",
            ".thumbnails/t.jpg",
            "@eaDir/x.jpg/SYNOPHOTO.jpg",
            "deep/@eaDir/x.jpg",
            "#recycle/x.jpg",
        ),
        *(
            "Thumbs/x.jpg",
            "Catalog Previews.lrdata/1/x.jpg",
            "CaptureOne/Cache/x.jpg",
            "__MACOSX/x.jpg",
            "good/x.jpg",
        ),
    )
    walk = Walk([root])
    assert paths(walk) == ["good/x.jpg"]
    assert walk.skipped == {"hidden": 3, "folder of another program": 7}


def test_apples_libraries_hold_photos_in_one_folder_only(make):
    library = "Photos Library.photoslibrary"
    root = make(
        *(
            f"{library}/{name}"
            for name in ("originals/0/A.jpg", "resources/derivatives/0/A_1.jpg", "resources/renders/0/A.jpg")
        ),
        *("Old.photolibrary/Masters/2012/B.jpg", "Old.photolibrary/Thumbnails/B.jpg", "Trip/resources/C.jpg"),
    )
    assert paths(Walk([root])) == [
        "Old.photolibrary/Masters/2012/B.jpg",
        f"{library}/originals/0/A.jpg",
        "Trip/resources/C.jpg",
    ]


def test_skips_its_own_output_but_not_other_albums(make):
    root = make(
        f"album/{OUTPUT_MARKER}",
        "album/1.jpg",
        "album/photos/2.jpg",
        "json/album.json",
        "json/3.jpg",
        "other/4.jpg",
    )
    (root / "other" / "album.json").write_text('{"made by": "somebody else"}')
    (root / "json" / "album.json").write_text('{"program": "phototag", "photos": []}')
    walk = Walk([root])
    assert paths(walk) == ["other/4.jpg"]
    assert walk.skipped["folder made by phototag"] == 2
    assert paths(Walk([root / "album"])) == ["1.jpg", "photos/2.jpg"]  # asked for by name


@pytest.mark.parametrize("extra", ["heic", "raw"])
def test_what_needs_an_extra_is_counted_with_the_line_to_type(make, extra):
    root = make(
        "a.jpg", *(f"{number}.{name.upper()}" for number, name in enumerate(sorted(EXTRAS[extra][1])))
    )
    walk = Walk([root])
    found = paths(walk)
    if is_installed(extra):
        assert len(found) == 1 + len(EXTRAS[extra][1]) and not walk.needs_extra
    else:
        assert found == ["a.jpg"] and walk.skipped_photos == len(EXTRAS[extra][1])
        assert walk.needs_extra == {extra: len(EXTRAS[extra][1])}


def test_other_extensions_on_request(make):
    assert paths(Walk([make("a.jpg", "b.jp2")], extensions={"jp2"})) == ["b.jp2"]


def test_links_to_folders_are_followed_when_asked_and_every_file_seen_once(make, tmp_path_factory):
    root = make("a/1.jpg", "a/b/2.jpg")
    outside = tmp_path_factory.mktemp("outside")
    (outside / "3.jpg").touch()
    (outside / "back").symlink_to(root)
    for name, target in {
        "loop": root,
        "a/up": root / "a",
        "out": outside,
        "out-again": outside,
        "z-out": outside,
    }.items():
        (root / name).symlink_to(target)
    walk = Walk([root])
    assert paths(walk) == ["a/1.jpg", "a/b/2.jpg"] and walk.skipped["link to a folder"] == 5
    assert paths(Walk([root], follow_symlinks=True)) == ["a/1.jpg", "a/b/2.jpg", "out/3.jpg"]


def test_links_to_files_stand_for_a_file_that_is_not_there_itself(make, tmp_path_factory):
    root = make("z.jpg")
    outside = tmp_path_factory.mktemp("outside") / "real.jpg"
    outside.write_bytes(b"12345")
    for name, target in {
        "a.jpg": "z.jpg",
        "b.jpg": outside,
        "c.jpg": outside,
        "d.jpg": "nothing",
        "e.jpg": "e.jpg",
    }.items():
        (root / name).symlink_to(target)
    walk = Walk([root])
    assert [(file.path, file.size_bytes) for file in walk] == [("z.jpg", 5), ("b.jpg", 5)]
    assert walk.skipped == {"file seen before": 2, "broken link": 2}


def test_hard_links_are_photos_of_their_own(make):
    root = make("a.jpg")
    os.link(root / "a.jpg", root / "b.jpg")
    assert paths(Walk([root])) == ["a.jpg", "b.jpg"]


def test_roots_that_overlap_and_files_by_name(make):
    root = make("a/1.jpg", "a/b/2.jpg", "c.jpg", "d.txt")
    walk = Walk(
        [
            root / "a" / "b",
            root / "a",
            root / "c.jpg",
            root / "a" / "1.jpg",
            root / "d.txt",
            str(root / "a") + "/",
        ]
    )
    assert [(file.root, file.path) for file in walk] == [
        (str(root / "a"), "1.jpg"),
        (str(root / "a"), "b/2.jpg"),
        (str(root), "c.jpg"),
    ]
    assert walk.roots == (str(root / "a"), str(root / "a" / "b"))  # `root` itself was not walked


def test_a_path_that_does_not_exist_is_an_error_before_anything_is_walked(make):
    with pytest.raises(PhototagError, match=r"no file or folder.*nowhere"):
        Walk([make("a.jpg"), "/nowhere/to be\nfound"])


def test_names_that_are_not_utf8_or_hold_newlines_pass_through(make):
    root = make("line\nbreak.jpg")
    odd = os.fsencode(root) + b"/caf\xe9.jpg"
    with open(odd, "wb"):
        pass
    files = list(Walk([root]))
    assert [file.path for file in files] == ["caf\udce9.jpg", "line\nbreak.jpg"]
    assert os.fsencode(files[0].full_path()) == odd


def test_what_cannot_be_looked_at_is_recorded_and_costs_nothing_else(make):
    root = make("a/1.jpg", "b/2.jpg")
    # nothing is forbidden to root: a folder that vanishes meanwhile fails in the same way
    if os.geteuid() == 0:
        walk = Walk([root])
        next(walk)
        (root / "b" / "2.jpg").unlink()
        (root / "b").rmdir()
        reason = "No such file or directory"
    else:
        (root / "b").chmod(0)
        walk = Walk([root])
        next(walk)
        reason = "Permission denied"
    assert list(walk) == []
    assert walk.errors == [(str(root / "b"), reason)]


AS_NOBODY = """
import os, sys
from phototag.reading.walk import Walk
if os.getuid() == 0:
    os.setgid(65534); os.setuid(65534)
walk = Walk([sys.argv[1]])
print([file.path for file in walk], walk.errors, list(walk.stamps.values())[1:])
"""


def test_a_folder_that_may_be_listed_but_not_entered_tells_of_its_photos(make, open_folder):
    root = open_folder / "shelf"
    shutil.copytree(make("a.jpg", "b/1.jpg", "b/2.jpg"), root)
    os.utime(root / "b", (10**9, 10**9))
    (root / "b").chmod(0o444)
    root.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, root], cwd=REPOSITORY, capture_output=True, text=True
    )
    (root / "b").chmod(0o755)
    failed = [(str(root / "b" / name), "Permission denied") for name in ("1.jpg", "2.jpg")]
    assert done.stdout == f"['a.jpg'] {failed} [None]\n", (
        "nobody may call them gone, or trust the folder; " + done.stderr
    )


def test_pipes_and_folders_with_a_photos_name(make):
    root = make("folder.jpg/inside.jpg")
    os.mkfifo(root / "pipe.jpg")
    walk = Walk([root])
    assert paths(walk) == ["folder.jpg/inside.jpg"] and walk.skipped["not a regular file"] == 1


def test_a_very_deep_tree(make):
    root = make("/".join(["d"] * 900) + "/1.jpg")
    assert len(list(Walk([root]))) == 1


@pytest.mark.parametrize("path", ["../x.jpg", "/etc/x.jpg", "a/../../x.jpg", "", "a//b.jpg"])
def test_a_path_never_leaves_its_root(path):
    with pytest.raises(ValueError, match="not a path inside"):
        PhotoFile("/photos", path, 1, 1).full_path()


def test_imports_nothing_but_the_standard_library():
    program = (
        "import sys, phototag.reading.walk; "
        "sys.exit(any(name in sys.modules for name in ('PIL', 'numpy', 'torch', 'sqlalchemy')))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY).returncode == 0


def test_what_is_no_photo_by_its_name_is_counted_by_its_ending(tmp_path):
    jpeg = b"\xff\xd8\xff\xe0" + bytes(60)
    names = ["a.jpg", "B.MPO", "c.dib", "d.apng"]
    others = ["v.mp4", "w.MP4", "x.jxl", "y.jp2", "z.jpg_large", "a.JPG~", "b.jpg.1", "photo", "l.psd"]
    for name in [*names, *others, "is-a-jpeg.heic", "is-a-jpeg.dng"]:
        (tmp_path / name).write_bytes(jpeg)
    (tmp_path / "long.aaaaaaaaaaaaaaaaaaaaaaaaaaa").touch()
    (tmp_path / "real.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40))
    (tmp_path / "real.nef").write_bytes(b"II*\0" + bytes(60))
    walk = Walk([tmp_path])
    found = sorted(file.path for file in walk)
    installed = [name for name, extra in (("real.heic", "heic"), ("real.nef", "raw")) if is_installed(extra)]
    assert found == sorted([*names, "is-a-jpeg.heic", "is-a-jpeg.dng", *installed])
    assert walk.needs_extra.total() == 2 - len(installed)
    assert walk.other_endings == {
        "mp4": 2, "jxl": 1, "jp2": 1, "jpg_large": 1, "jpg~": 1, "1": 1, "": 1, "psd": 1, "other": 1
    }  # fmt: skip
    assert walk.skipped["not a photo"] == 10


def test_no_folder_fills_the_memory_with_endings(tmp_path):
    for number in range(300):
        (tmp_path / f"a.{number}").touch()
    walk = Walk([tmp_path])
    assert list(walk) == [] and len(walk.other_endings) == 201 and walk.other_endings.total() == 300

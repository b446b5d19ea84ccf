"""Who may read what the program writes: the catalog and all that belongs to it are their owner's alone,
whatever the umask says; what is made to be passed on is as the umask says."""

import os
import stat
import subprocess
import sys

import pytest

from tests.cli.test_scan import pictures
from tests.conftest import ROOT
from tests.several import run_several

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no such modes there")

# Everything of the program's own, made by its own functions where no command leaves it lying: a catalog that
# is open has two files beside it, one that was upgraded a copy, and browsers look at small pictures.
PRIVATE = """
import sys
from pathlib import Path
from phototag import Library
from phototag.library.schema import copy_aside
from phototag.web.thumbnails import Thumbnails, Wanted
base = Path(sys.argv[1])
db = base / "data" / "deep" / "catalog.db"
with Library.open(db) as library:
    assert len(list(library.paths())) == 2
    copy_aside(db, "0001")
    thumbnails = Thumbnails(base / "cache" / "deep" / "thumbnails")
    thumbnails.keep(Wanted("photo.png", "0" * 64, 320), b"small")
    for file in base.rglob("*"):
        print(oct(file.stat().st_mode & 0o777), file.relative_to(base), file.is_dir())
"""


def modes_below(folder):
    """{(mode, whether it is a folder): names}, links left out."""
    found = {}
    for path in folder.rglob("*"):
        at = path.lstat().st_mode
        if not stat.S_ISLNK(at):
            found.setdefault((oct(stat.S_IMODE(at)), path.is_dir()), []).append(str(path.relative_to(folder)))
    return found


@pytest.mark.parametrize("umask", [0o000, pytest.param(0o022, marks=pytest.mark.slow), 0o077])
def test_the_catalog_and_all_that_belongs_to_it_is_its_owners_alone(umask, tmp_path):
    pictures(tmp_path / "photos", 2)
    base = tmp_path / "base"
    base.mkdir()
    db = base / "data" / "deep" / "catalog.db"
    lines = ("scan", tmp_path / "photos", "--db", db), ("copy", "--db", db, "--to", base / "data" / "copy.db")
    assert all(done.code == 0 for done in run_several(lines, tiny=True, umask=umask))
    done = subprocess.run(
        [sys.executable, "-c", PRIVATE, base], cwd=ROOT, capture_output=True, text=True, umask=umask
    )
    assert done.returncode == 0, done.stderr
    made = {name: (mode, folder) for mode, name, folder in map(str.split, done.stdout.splitlines())}
    names = {name.rsplit("/", 1)[-1] for name in made}
    assert {"catalog.db", "catalog.db-wal", "catalog.db-shm", "catalog.db.before-0001", "copy.db"} <= names
    assert any(name.startswith("cache/deep/thumbnails/") for name in made)
    assert set(made.values()) == {("0o600", "False"), ("0o700", "True")}, made


@pytest.mark.parametrize(
    "umask", [0o000, pytest.param(0o022, marks=pytest.mark.slow), pytest.param(0o077, marks=pytest.mark.slow)]
)
def test_what_is_made_to_be_passed_on_is_as_the_umask_says(umask, own_copy, tmp_path):
    folder, db = own_copy
    for path in folder.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    made = tmp_path / "made"
    old = os.umask(umask)
    made.mkdir()
    os.umask(old)
    album = ("highlights", "smiles", "--db", db)
    lines = [
        (*album, "--out", made / "album" / "copies", "--copy", "--animate"),
        (*album, "--out", made / "stripped", "--strip", "--sheet", "a4"),
        (*album, "--film", made / "film.mp4", "--height", 240, "--no-music", "--poster", made / "p.jpg"),
        ("export", "--xmp", "--sidecar-dir", made / "sidecars", "--db", db),
        ("show", folder / "2016" / "astronaut.jpg", "--image", made / "boxes.jpg", "--db", db),
        ("export", "--csv", "--db", db),
    ]
    for done in run_several(lines, umask=umask):
        assert done.code == 0, done
    modes = modes_below(made)
    assert set(modes) == {(oct(0o666 & ~umask), False), (oct(0o777 & ~umask), True)}, modes
    assert len(modes[oct(0o666 & ~umask), False]) > 20
    assert {mode for mode, is_folder in modes_below(folder)} == {"0o600", "0o700"}, "photos stay as they were"

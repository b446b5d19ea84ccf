"""What many tests stand on: the sample photos, scanned once with the real taggers."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

os.environ["PHOTOTAG_OFFLINE"] = "1"  # no test may depend on what a server answers
ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "sample_photos"


@pytest.fixture(scope="session")
def scanned(tmp_path_factory):
    """(folder, catalog): a copy of sample_photos and a catalog that knows it. Read only: tests that
    write copy it."""
    from phototag import Library, scan

    base = tmp_path_factory.mktemp("scanned")
    folder = base / "photos"
    shutil.copytree(SAMPLES, folder)
    with Library.open(base / "catalog.db") as library:
        scan(library, [folder])
    return folder, base / "catalog.db"


@pytest.fixture
def open_folder():
    """An empty folder that every user of the machine may enter; those of pytest are for their owner
    alone, and another run of pytest sees to that at any moment."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture
def own_copy(scanned, tmp_path):
    """The same, but the test's own."""
    from phototag import Library

    folder, catalog = scanned
    shutil.copytree(folder, tmp_path / "photos")
    with Library.open(catalog) as library:
        library.status()  # opens and closes: the write-ahead log is folded in before the file is copied
    shutil.copy(catalog, tmp_path / "catalog.db")
    with Library.open(tmp_path / "catalog.db") as library:
        library.relocate(folder, tmp_path / "photos")
    return tmp_path / "photos", tmp_path / "catalog.db"

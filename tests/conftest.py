"""What many tests stand on: the sample photos, scanned once with the real taggers."""

import gc
import os
import shutil
import tempfile
from pathlib import Path

import pytest

os.environ["PHOTOTAG_OFFLINE"] = "1"  # no test may depend on what a server answers
ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "sample_photos"


def pytest_collection_finish():
    """What was imported and collected stays for the whole run: garbage is no longer looked for in it."""
    gc.collect()
    gc.freeze()


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


@pytest.fixture(scope="session")
def postgresql_server():
    """A PostgreSQL server, for the whole run. PHOTOTAG_TEST_LOCALE: by which it sorts, see Server."""
    from tests.servers import WHAT_IT_NEEDS, Server, choose_installation

    programs = choose_installation()
    if programs is None:
        pytest.skip(WHAT_IT_NEEDS)
    started = Server(programs, os.environ.get("PHOTOTAG_TEST_LOCALE", "C.UTF-8"))
    yield started
    started.remove()


@pytest.fixture(scope="session")
def databases(postgresql_server):
    """Catalogs on the server."""
    from tests.catalogs import Databases

    return Databases(postgresql_server)


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def catalogs(request):
    """Where a test's catalogs are: every test that asks for it runs with each kind, those with a server among
    the slow ones but for a core (tests.catalogs.BOTH)."""
    from tests.catalogs import Files

    return Files() if request.param == "sqlite" else request.getfixturevalue("databases")


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


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Headless Chromium from the system's packages, driven by Selenium. Who reads its logs empties them."""
    chromium, driver = (
        shutil.which("chromium") or shutil.which("chromium-browser"),
        shutil.which("chromedriver"),
    )
    if not chromium or not driver:
        pytest.skip("needs a real browser: apt-get install chromium chromium-driver")
    webdriver = pytest.importorskip(
        "selenium.webdriver", reason="needs selenium: pip install 'phototag[test]'"
    )
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    profile = tmp_path_factory.mktemp("profile")
    for flag in (
        "headless=new",
        "no-sandbox",
        "disable-gpu",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
        "disable-dev-shm-usage",
        f"user-data-dir={profile}",
    ):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield started
    started.quit()

"""A folder of real files and a real catalog of them, in a file and on a server. The files hold text: the
library never looks at pixels."""

import hashlib
import os
import shutil

import pytest

from phototag.library import Library
from phototag.reading.walk import Walk
from phototag.records import Box, Outcome, PhotoFacts, PhotoFile, Tag

FINGERPRINTS = {"decode": "d1", "faces": "f1", "smiles": "s1", "objects": "people-pets:o1"}
NEEDS = {"smiles": ("faces",)}


class Shelf:
    """Photos in `folder`, catalogued in `library`."""

    def __init__(self, tmp_path, catalogs):
        self.tmp_path = tmp_path
        self.folder = tmp_path / "photos"
        self.folder.mkdir()
        self.catalogs = catalogs
        self.db = tmp_path / "catalog.db"
        self.library = self.open()
        self.hashed = []
        self.times = 0

    def write(self, *names, text=None, folder=None):
        """Make files; each has its own content unless `text` is given."""
        for name in names:
            path = os.path.join(os.fspath(folder or self.folder), name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(text if text is not None else f"content of {name} {'x' * (len(name) % 7)}")

    def hash_file(self, file):
        self.hashed.append(file.path)
        return content_hash(file)

    def find(self, *paths, plain=False, dry_run=False, always_save_stamps=True, **options):
        """Reconcile these folders and files, by default the whole shelf, as a scan does; `plain`:
        without what the catalog knows of folders. The walk is in `walk`."""
        self.hashed.clear()
        scope = [os.fspath(path) for path in paths or [self.folder]]
        walk = self.walk = Walk(scope, known={} if plain else self.library.folder_stamps(scope), **options)
        return self.library.reconcile(
            walk.roots,
            walk,
            hash_file=self.hash_file,
            dry_run=dry_run,
            unreadable=walk.errors,
            stamps=walk.stamps,
            unchanged=walk.unchanged,
            always_save_stamps=always_save_stamps,
        )

    def age(self, *folders):
        """What was done here or below is long ago: folders changed within the last minutes get a
        time of their own."""
        for top in folders or [self.folder]:
            for folder, _, _ in os.walk(top):
                if os.stat(folder).st_mtime > 1_300_000_000:
                    self.times += 1
                    os.utime(folder, (1_200_000_000 + self.times,) * 2)

    def jobs(self, scope=None, fingerprints=FINGERPRINTS, needs=NEEDS):
        return list(self.library.jobs(scope, fingerprints, needs))

    def tag(self, answer=None, fingerprints=FINGERPRINTS):
        """Give every answer that is missing; `answer(job, tagger) -> tags`. Returns which (path,
        tagger) were asked."""
        asked = []
        for job in self.library.jobs(None, fingerprints, NEEDS):
            outcomes = []
            for tagger in job.taggers:
                asked.append((job.file.path, tagger))
                tags = (
                    answer(job, tagger)
                    if answer
                    else (Tag(f"{tagger} of {os.path.basename(job.file.path)}", 0.9),)
                )
                outcomes.append(Outcome(job.photo_id, tagger, tuple(tags)))
            facts = PhotoFacts(job.photo_id, content_hash(job.file), 400, 300)
            self.library.save([facts], outcomes, fingerprints)
        return asked

    def paths(self, *terms, **options):
        """Relative paths of the photos that fit."""
        from phototag.query.parse import parse

        query = parse(terms, self.library.known_labels())
        return [
            os.path.relpath(path, self.folder)
            for path in self.library.paths(query, **{"sort": "path"} | options)
        ]

    def photo(self, name):
        return self.library.photo(os.path.join(os.fspath(self.folder), name))

    @property
    def address(self):
        return self.catalogs.address(self.db)

    def open(self):
        return Library.open(self.address)

    def sql(self, statement, *values):
        """What any SQL tool sees."""
        return self.catalogs.execute(self.db, statement, *values)

    def has_tables(self):
        """Whether the catalog was made."""
        if self.catalogs.kind == "postgresql":
            return True
        return self.sql("SELECT count(*) FROM sqlite_master") != [(0,)]

    def move(self, old, new):
        os.makedirs(os.path.dirname(os.path.join(self.folder, new)), exist_ok=True)
        shutil.move(os.path.join(self.folder, old), os.path.join(self.folder, new))


def content_hash(file: PhotoFile) -> str | None:
    try:
        with open(os.path.join(file.root, file.path), "rb") as stream:
            return hashlib.sha256(stream.read()).hexdigest()
    except OSError:
        return None


@pytest.fixture
def shelf(tmp_path, catalogs):
    shelf = Shelf(tmp_path, catalogs)
    yield shelf
    catalogs.check(shelf.db)
    shelf.library.close()
    catalogs.remove(shelf.db)


@pytest.fixture(scope="session")
def shelf_in(catalogs):
    """Makes a shelf in a folder; for tests that share one."""
    return lambda folder: Shelf(folder, catalogs)


@pytest.fixture(scope="session")
def fingerprints():
    return dict(FINGERPRINTS)


@pytest.fixture
def box():
    return Box(0.1, 0.2, 0.3, 0.6)

"""Library.save in the batches of a scan, beside sqlite3's executemany of the very same rows into
the same schema."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from phototag.library import Library
from phototag.library.dialects import BUSY_SECONDS, SETTINGS
from phototag.records import Exif, Outcome, PhotoFacts, PhotoFile
from phototag.scanning import BATCH_SIZE
from tests.benchmarks import Figure, Plan, alternate, tell, tell_ratio
from tests.benchmarks.answers import FINGERPRINTS, answers

PHOTOS = 4000
MTIME_NS = 1_466_764_200_000_000_000
TABLES = {  # what a save writes: table -> its columns
    "answers": "id, photo_id, tagger_id, fingerprint_id, content_hash, error",
    "tags": "answer_id, position, label_id, score, box_left, box_top, box_right, box_bottom, points",
    "photo_labels": "label_id, photo_id, tagger_id, count, score, share, rank",
}
SUMMARY = (
    "content_hash, width, height, orientation, taken_at, taken_from, utc_offset_minutes, latitude, "
    "longitude, camera, faces, "
    "least_smile, greatest_smile, answered, failed, complete_for, taken_sort, pixel_hash, eligible_faces"
)
NAMES = {"labels": "id, name", "taggers": "id, name", "fingerprints": "id, fingerprint"}


@dataclass
class Rows:
    """What one transaction writes."""

    inserted: dict[str, list[tuple]]
    photos: list[tuple]  # SUMMARY, then the id

    def __len__(self) -> int:
        return len(self.photos) + sum(map(len, self.inserted.values()))


def figures(plan: Plan = Plan()) -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        batches = prepare(folder, plan.photos or PHOTOS)
        save(folder, batches)
        names, rows = read_back(folder, len(batches))
        number = sum(map(len, rows))
        sides = alternate(lambda: save(folder, batches), lambda: insert(folder, names, rows), plan.rounds)
        at_once = alternate(
            lambda: save(folder, batches), lambda: insert(folder, names, [join(rows)]), plan.rounds
        )
    tell(f"{number:,} rows of {plan.photos or PHOTOS:,} photos in {len(rows)} batches")
    ours, bare = number / sides[0].cpu, number / sides[1].cpu
    tell(f"rows per CPU second: Library.save {ours:,.0f}, executemany in the same batches {bare:,.0f}")
    tell_ratio("store, time of Library.save / executemany in the same batches", sides)
    tell_ratio("store, time of Library.save / executemany of all rows at once", at_once)
    return [
        Figure(
            "store, rows per CPU second, Library.save / executemany in the same batches",
            ours / bare,
            0.4,
            "x",
            "higher",
        )
    ]


def prepare(folder: Path, count: int) -> list[tuple[list[PhotoFacts], list[Outcome]]]:
    """A catalog that knows the files and nothing of what is in them, as `known.db`; and the batches
    of a scan to be saved."""
    shelf = folder / "photos"
    shelf.mkdir()
    files = [
        PhotoFile(str(shelf), f"{n // 250:03}/IMG_{n:05}.jpg", 3_000_000 + n, MTIME_NS) for n in range(count)
    ]
    with Library.open(folder / "known.db") as library:
        library.reconcile([str(shelf)], files, hash_file=lambda file: None)
        jobs = list(library.jobs(None, FINGERPRINTS))
    batches = []
    for first in range(0, len(jobs), BATCH_SIZE):
        some = jobs[first : first + BATCH_SIZE]
        facts = [facts_of(job.photo_id) for job in some]
        said = [
            Outcome(job.photo_id, name, tags) for job in some for name, tags in answers(job.photo_id).items()
        ]
        batches.append((facts, said))
    return batches


def facts_of(photo_id: int) -> PhotoFacts:
    taken_at = datetime(2016, 1, 1) + timedelta(minutes=photo_id)
    content_hash = hashlib.sha256(str(photo_id).encode()).hexdigest()
    return PhotoFacts(photo_id, content_hash, 4000, 3000, Exif(taken_at, "exif", 120, 48.2, 16.37, "Pixel 3"))


def save(folder: Path, batches: list[tuple[list[PhotoFacts], list[Outcome]]]) -> None:
    shutil.copy(folder / "known.db", folder / "saved.db")
    with Library.open(folder / "saved.db") as library:
        for facts, outcomes in batches:
            library.save(facts, outcomes, FINGERPRINTS)


def read_back(folder: Path, batches: int) -> tuple[dict[str, list[tuple]], list[Rows]]:
    """Names, and batch by batch the rows that `save` left in its catalog."""
    with closing(sqlite3.connect(folder / "saved.db")) as connection:
        names = {
            table: connection.execute(f"SELECT {columns} FROM {table}").fetchall()
            for table, columns in NAMES.items()
        }
        ids = [photo_id for (photo_id,) in connection.execute("SELECT id FROM photos ORDER BY path")]
        found = []
        for batch in range(batches):
            some = ids[batch * BATCH_SIZE : (batch + 1) * BATCH_SIZE]
            these = f"IN ({','.join(map(str, some))})"
            where = {"answers": f"photo_id {these}", "photo_labels": f"photo_id {these}"}
            where["tags"] = f"answer_id IN (SELECT id FROM answers WHERE photo_id {these})"
            inserted = {
                table: connection.execute(f"SELECT {columns} FROM {table} WHERE {where[table]}").fetchall()
                for table, columns in TABLES.items()
            }
            photos = connection.execute(f"SELECT {SUMMARY}, id FROM photos WHERE id {these}").fetchall()
            found.append(Rows(inserted, photos))
    return names, found


def join(batches: list[Rows]) -> Rows:
    inserted = {table: [row for batch in batches for row in batch.inserted[table]] for table in TABLES}
    return Rows(inserted, [row for batch in batches for row in batch.photos])


def insert(folder: Path, names: dict[str, list[tuple]], batches: list[Rows]) -> None:
    """As bare as it gets, with the settings of our own connections: the rows are there already,
    numbers and all."""
    shutil.copy(folder / "known.db", folder / "inserted.db")
    with closing(
        sqlite3.connect(folder / "inserted.db", timeout=BUSY_SECONDS, isolation_level=None)
    ) as connection:
        for setting in SETTINGS:
            connection.execute(f"PRAGMA {setting}")
        for table, columns in NAMES.items():
            connection.executemany(
                f"INSERT INTO {table} ({columns}) VALUES ({_placeholders(columns)})", names[table]
            )
        inserts = {
            table: f"INSERT INTO {table} ({columns}) VALUES ({_placeholders(columns)})"
            for table, columns in TABLES.items()
        }
        update = (
            f"UPDATE photos SET {', '.join(f'{column} = ?' for column in SUMMARY.split(', '))} WHERE id = ?"
        )
        for batch in batches:
            connection.execute("BEGIN IMMEDIATE")
            for table, rows in batch.inserted.items():
                connection.executemany(inserts[table], rows)
            connection.executemany(update, batch.photos)
            connection.execute("COMMIT")


def _placeholders(columns: str) -> str:
    return ", ".join("?" * len(columns.split(", ")))

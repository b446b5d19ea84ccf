"""A catalog of a million photos and some ten million tags, kept in the cache: the schema by the
real migrations, the rows by plain executemany, the summaries beside them as Library.save would have
written them (a test holds the two equal). What the photos show is drawn from 20,000 made-up
answers. Takes 2 GB of disk, 1.4 GB of memory and two minutes, once; made again for a new schema."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from array import array
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from phototag.library import Library
from phototag.library.jobs import digest
from phototag.library.save import tag_row
from phototag.library.schema import HEAD
from phototag.library.summaries import Summary, summarise
from phototag.reading.dates import sort_key
from phototag.records import Tag
from tests.benchmarks import tell
from tests.benchmarks.answers import FINGERPRINTS, answers

EDITION = 2  # raise it when the rows change
PHOTOS = 1_000_000
MINUTES = 10_000_000  # from the first photo to the last
KINDS = 20_000  # different sets of answers: 50 photos of a million share one
ROWS = 50_000  # in one executemany
ROOT = "/photos/family"
CAMERAS = ("Pixel 3", "Canon EOS R5", "iPhone 14", "NIKON D750", None)
# One photo in a thousand each: nobody has looked at it, it could not be read, its file is gone, the
# user had a word to say.
UNTAGGED, FAILED, MISSING, CORRECTED = range(4)
CORRECTIONS = {"grandma": True, "person": False}
TAGGERS = {name: number for number, name in enumerate(FINGERPRINTS, 1)}

INSERT_PHOTO = (
    "INSERT INTO photos (id, root_id, path, size_bytes, mtime_ns, content_hash, width, height, "
    "orientation, taken_at, taken_from, utc_offset_minutes, taken_sort, latitude, longitude, camera, "
    "missing_since, faces, least_smile, greatest_smile, eligible_faces, "
    f"answered, failed, complete_for, metadata_due) VALUES ({', '.join('?' * 25)})"
)
INSERT_ANSWER = (
    "INSERT INTO answers (id, photo_id, tagger_id, fingerprint_id, content_hash, error) "
    "VALUES (?, ?, ?, ?, ?, ?)"
)
INSERT_TAG = "INSERT INTO tags VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_LABEL = (
    "INSERT INTO photo_labels (label_id, photo_id, tagger_id, count, score, share, rank) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)


@dataclass
class Shown:
    """What photos may show: by tagger the tags and their rows without the answer's id, and the summary."""

    answers: dict[str, tuple[Tag, ...]]
    tag_rows: dict[str, list[tuple]]
    summary: Summary


@dataclass
class Labels:
    """The rows of photo_labels to come, by label: its table is clustered by label, and sorted rows
    go in many times faster."""

    photos: dict[str, array] = field(default_factory=dict)
    kinds: dict[str, array] = field(default_factory=dict)

    def add(self, photo_id: int, kind: int, labels: dict) -> None:
        for label in labels:
            self.photos.setdefault(label, array("I")).append(photo_id)
            self.kinds.setdefault(label, array("I")).append(kind)


def catalog(cache: Path, count: int = PHOTOS) -> Path:
    """The file; made where it is not there yet."""
    target = cache / f"catalog-{EDITION}-{HEAD}-{count}.db"
    if not target.exists():
        tell(f"making a catalog of {count:,} photos: {target}")
        began = time.perf_counter()
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(target.name + ".part")
        for left in unfinished.parent.glob(unfinished.name + "*"):
            left.unlink()
        make(unfinished, count)
        unfinished.rename(target)
        tell(f"{target.stat().st_size / 1e9:.2f} GB in {time.perf_counter() - began:.0f} s")
    return target


def make(file: Path, count: int) -> None:
    Library.open(file).close()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        # Nobody reads it before it is complete.
        for setting in (
            "journal_mode = OFF",
            "synchronous = OFF",
            "foreign_keys = OFF",
            "cache_size = -1000000",
        ):
            connection.execute(f"PRAGMA {setting}")
        connection.execute("BEGIN")
        shown = _shown(min(KINDS, count))
        names = sorted(
            {tag.label for one in shown for tags in one.answers.values() for tag in tags} | CORRECTIONS.keys()
        )
        label_ids = {name: number for number, name in enumerate(names, 1)}
        for one in shown:
            one.tag_rows = {
                name: [
                    tag_row(0, position, label_ids[tag.label], tag)[1:] for position, tag in enumerate(tags)
                ]
                for name, tags in one.answers.items()
            }
        connection.execute("INSERT INTO roots (id, path) VALUES (1, ?)", (ROOT,))
        connection.executemany("INSERT INTO labels (name, id) VALUES (?, ?)", label_ids.items())
        connection.executemany("INSERT INTO taggers (name, id) VALUES (?, ?)", TAGGERS.items())
        prints = [(TAGGERS[name], fingerprint) for name, fingerprint in FINGERPRINTS.items()]
        connection.executemany("INSERT INTO fingerprints (id, fingerprint) VALUES (?, ?)", prints)
        labels = Labels()
        corrected: dict[int, Summary] = {}
        for first in range(0, count, ROWS // 5):
            _fill(connection, range(first, min(count, first + ROWS // 5)), count, shown, labels, corrected)
        rows = _label_rows(shown, labels, label_ids)
        while some := list(islice(rows, ROWS)):
            connection.executemany(INSERT_LABEL, some)
        said = [
            (photo_id, label_ids[name], int(here))
            for photo_id in corrected
            for name, here in CORRECTIONS.items()
        ]
        connection.executemany("INSERT INTO corrections (photo_id, label_id, present) VALUES (?, ?, ?)", said)
        connection.executemany(
            INSERT_LABEL,
            (
                row
                for photo_id, summary in corrected.items()
                for row in _rows_of(photo_id, summary, label_ids)
            ),
        )
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")


def _shown(kinds: int) -> list[Shown]:
    found = [answers(number) for number in range(kinds)]
    return [Shown(dict(said), {}, summarise(said, {})) for said in found]


def _fill(
    connection: sqlite3.Connection,
    numbers: range,
    count: int,
    shown: list[Shown],
    labels: Labels,
    corrected: dict[int, Summary],
) -> None:
    """The photos of these numbers, their answers and tags."""
    photos, answer_rows, tags = [], [], []
    answer_id = numbers.start * len(shown[0].answers)
    complete_for = digest(FINGERPRINTS)
    for number in numbers:
        photo_id, state = number + 1, number % 1000
        kind = number * 7919 % len(shown)  # a prime: neighbours have nothing in common
        one = shown[kind]
        content_hash = None if state == UNTAGGED else hashlib.sha256(str(number).encode()).hexdigest()
        summary, good, failed = one.summary, len(one.answers), 0
        if state in (UNTAGGED, FAILED):
            summary, good, failed = Summary(), 0, int(state == FAILED)
        elif state == CORRECTED:
            summary = corrected[photo_id] = summarise(one.answers, CORRECTIONS)
        else:
            labels.add(photo_id, kind, summary.labels)
        smiles = summary.faces, summary.least_smile, summary.greatest_smile, summary.eligible_faces
        missing = "2020-02-02 20:20:20" if state == MISSING else None
        counts = good, failed, None if state == UNTAGGED else complete_for, int(state == UNTAGGED)
        photos.append(
            (
                photo_id,
                1,
                *_file(number, count),
                content_hash,
                *_facts(number, count, state),
                missing,
                *smiles,
                *counts,
            )
        )
        if state == FAILED:
            answer_id += 1
            decode = TAGGERS["decode"], TAGGERS["decode"]
            answer_rows.append((answer_id, photo_id, *decode, content_hash, "the file is cut short"))
        elif state != UNTAGGED:
            for name, rows in one.tag_rows.items():
                answer_id += 1
                answer_rows.append((answer_id, photo_id, TAGGERS[name], TAGGERS[name], content_hash, None))
                tags += [(answer_id, *row) for row in rows]
    connection.executemany(INSERT_PHOTO, photos)
    connection.executemany(INSERT_ANSWER, answer_rows)
    connection.executemany(INSERT_TAG, tags)


def _taken(number: int, count: int) -> datetime:
    """Over nineteen years; files lie in this order but for one in eight."""
    minutes = number * (MINUTES // count) + (number % 8 == 0) * 77_777
    return datetime(2006, 1, 1) + timedelta(minutes=minutes)


def _file(number: int, count: int) -> tuple[str, int, int]:
    place = ("Home", "Italy", "Berlin", "Garden", "School")[number // 400 % 5]
    taken = _taken(number, count)
    path = f"{taken.year}/{taken:%m}-{place}/IMG_{number:07}.jpg"
    return path, 2_000_000 + number * 7919 % 4_000_000, int(taken.timestamp()) * 1_000_000_000


def _facts(number: int, count: int, state: int) -> tuple:
    """From width to camera."""
    taken = _taken(number, count)
    taken_at = taken.isoformat(" ", "seconds")
    if state in (UNTAGGED, FAILED):
        orientation = None if state == UNTAGGED else 1
        return None, None, orientation, taken_at, "file", None, sort_key(taken, None), None, None, None
    width, height = (4000, 3000) if number % 3 else (3000, 4000)
    place = (48.2 + number % 100 / 100, 16.37) if number % 3 == 0 else (None, None)
    date = taken_at, "exif", 120, sort_key(taken, 120)
    return width, height, 1, *date, *place, CAMERAS[number // 50 % len(CAMERAS)]


def _label_rows(shown: list[Shown], labels: Labels, label_ids: dict[str, int]) -> Iterator[tuple]:
    for label in sorted(labels.photos, key=label_ids.__getitem__):
        rows = {}
        for kind in set(labels.kinds[label]):
            seen = shown[kind].summary.labels[label]
            rows[kind] = TAGGERS[seen.tagger], seen.count, seen.score, seen.share, seen.rank
        number = label_ids[label]
        for photo_id, kind in zip(labels.photos[label], labels.kinds[label], strict=True):
            yield number, photo_id, *rows[kind]


def _rows_of(photo_id: int, summary: Summary, label_ids: dict[str, int]) -> Iterator[tuple]:
    for label, seen in summary.labels.items():
        tagger = TAGGERS[seen.tagger] if seen.tagger else None
        yield label_ids[label], photo_id, tagger, seen.count, seen.score, seen.share, seen.rank

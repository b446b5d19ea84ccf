"""A first scan with every tagger that runs without a network, beside what cannot be spared:
decoding the same photos, and the taggers on the same batches. Both load the nets once. Then what
the database took of it, and two cores beside one."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from phototag import Library, scan
from phototag.engines.local import AHEAD, cores, decoding_threads
from phototag.reading import lookahead
from phototag.reading.walk import Walk
from phototag.records import Frame, Job, PhotoFile
from phototag.scanning import BATCH_SIZE
from phototag.taggers import table
from tests.benchmarks import Figure, Plan, alternate, cpu_seconds, photos, ratio, tell
from tests.benchmarks.child import options, scan_alone

PHOTOS = 24  # a batch and a half: decoding ahead of the nets has something to do
OBJECTS = {"objects": {"detector": "everyday"}}


class Watched(Library):
    """A library that counts the CPU seconds spent in it during a scan, the walk included: all is
    done in the caller's thread."""

    inside = 0.0

    @contextmanager
    def _watch(self) -> Iterator[None]:
        began = time.thread_time()
        try:
            yield
        finally:
            self.inside += time.thread_time() - began

    def reconcile(self, *args: Any, **options: Any) -> Any:
        with self._watch():
            return super().reconcile(*args, **options)

    def count_jobs(self, *args: Any) -> Any:
        with self._watch():
            return super().count_jobs(*args)

    def jobs(self, *args: Any) -> Iterator[Job]:
        source = super().jobs(*args)
        while True:
            with self._watch():
                job = next(source, None)
            if job is None:
                return
            yield job

    def save(self, *args: Any) -> None:
        with self._watch():
            super().save(*args)

    def failures(self, *args: Any) -> Any:
        with self._watch():
            return list(super().failures(*args))


def figures(plan: Plan = Plan()) -> list[Figure]:
    folder = photos.tree(plan.cache, plan.photos or PHOTOS, "12mp")
    files = list(Walk([folder]))
    database: list[float] = []
    spent = {"decoding": [], "the nets": []}
    with tempfile.TemporaryDirectory() as name:
        empty = Path(name, "empty.db")
        Library.open(empty).close()

        def whole() -> None:
            began = cpu_seconds()
            shutil.copy(empty, empty.with_name("catalog.db"))
            with Watched.open(empty.with_name("catalog.db")) as library:
                scan(library, [folder], options())
            database.append(library.inside / (cpu_seconds() - began))

        def bare() -> None:
            began = cpu_seconds()
            frames = decode_all(files)
            between = cpu_seconds()
            forward(frames)
            spent["decoding"].append(between - began)
            spent["the nets"].append(cpu_seconds() - between)

        sides = alternate(whole, bare, plan.rounds)
    found = [
        ratio("scan, CPU seconds / decoding and the nets alone", sides, 1.10),
        Figure("scan, the database's share of CPU seconds", 100 * median(database[1:]), 2, "%"),
    ]
    for part, seconds in spent.items():
        tell(f"CPU per photo of {part}: {median(seconds[1:]) / len(files) * 1000:.1f} ms")
    return found + two_cores(plan)


def decode_all(files: list[PhotoFile]) -> list[Frame]:
    jobs = [Job(number, file, ()) for number, file in enumerate(files)]
    decoded = lookahead.frames(jobs, workers=decoding_threads(), ahead=AHEAD, working_side=table.WORKING_SIDE)
    return [frame for _, _, frame in decoded]


def forward(frames: list[Frame]) -> None:
    ready = {name: table.load(name, "cpu", OBJECTS.get(name, {})) for name in table.SPECS}
    for first in range(0, len(frames), BATCH_SIZE):
        batch = frames[first : first + BATCH_SIZE]
        for name, tagger in ready.items():
            said = zip(batch, tagger(batch), strict=True)
            batch = [
                dataclasses.replace(frame, answers={**frame.answers, name: tuple(tags)})
                for frame, tags in said
            ]


def two_cores(plan: Plan) -> list[Figure]:
    """Photos per second by the wall clock on two cores beside one, in turns; of so many photos that
    the last batch, over which one core waits for the other, counts little."""
    if not hasattr(os, "sched_setaffinity") or cores() < 2:
        tell("one core only, or no way to choose: nothing to compare")
        return []
    warm, folder = (photos.tree(plan.cache, count, "12mp") for count in (2, 4 * (plan.photos or PHOTOS)))
    runs: dict[int, list[dict[str, float]]] = {1: [], 2: []}
    for _ in range(plan.rounds):
        for count, done in runs.items():
            done.append(scan_alone(folder, warm=warm, cores=count))
    one, two = (median(done["photos"] / done["wall"] for done in runs[count]) for count in (1, 2))
    tell(f"{one:.2f} photos/s on one core, {two:.2f} on two")
    dearer = median(done["cpu"] for done in runs[2]) / median(done["cpu"] for done in runs[1])
    busy = median(done["cpu"] / done["wall"] for done in runs[2]) / 2
    # What it is made of: what one core takes from the other (caches, memory), and what is left idle.
    tell(f"CPU seconds on two cores / on one {dearer:.3f}, {100 * busy:.1f} % of two cores in use")
    return [Figure("scan, photos per second on two cores / on one", two / one, 1.8, "x", "higher")]

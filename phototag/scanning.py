"""One scan from end to end: find, reconcile, decode, tag, save. The only place where the stages
meet; the command line and `Library.scan` both call it. Owns the scan's options and its report;
prints nothing."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phototag import memory, pipeline
from phototag.errors import UnreadablePhoto, UsageError
from phototag.reading import files, lookahead
from phototag.reading.walk import Walk
from phototag.records import PhotoFile
from phototag.taggers import table
from phototag.taggers.fingerprints import compute_fingerprints
from phototag.weights.default_detector import choose_detector

if TYPE_CHECKING:
    from phototag.library import Library

BATCH_SIZE = 16  # photos: fills the nets, and what a second kill -9 can lose is seconds of work
# photos decoded before they are asked for; whole batches wait behind those in hand, see
# phototag.pipeline
AHEAD = 8
DECODE_VERSION = 1  # raise it when decoding gets better, and photos that could not be read are tried again

LISTED = 10  # failures told at the end of a scan; `phototag query failed` lists all

# (phase: "find" or "tag", photos done, photos in all or None)
Progress = Callable[[str, int, int | None], None]


@dataclass
class ScanReport:
    """What a scan did. Counts are photos."""

    found: int = 0
    tagged: int = 0
    unchanged: int = 0
    moved: int = 0
    missing: int = 0
    skipped: int = 0
    unlisted: int = 0  # folders, not photos: trusted to be as they were
    failed: int = 0
    to_do: int = 0
    seconds: float = 0.0
    interrupted: bool = False
    detector: str | None = None
    taggers: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: list[tuple[str, str, str]] = field(default_factory=list)  # the first ten: path, tagger, reason
    # sentences: what was not done, and the line that would mend it
    notes: list[str] = field(default_factory=list)


def scan(
    library: Library,
    paths: Sequence[str | Path],
    *,
    names: Sequence[str] = (),
    device: str = "auto",
    detector: str = "auto",
    offline: bool = False,
    batch_size: int = BATCH_SIZE,
    workers: int | None = None,
    follow_symlinks: bool = False,
    fast: bool = False,
    max_pixels: int | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    dry_run: bool = False,
    talk: Callable[[str], None] = lambda line: None,
    progress: Progress = lambda phase, done, total: None,
    stopping: Callable[[], bool] = lambda: False,
) -> ScanReport:
    """Look at every photo under `paths` that still lacks an answer, and save what was found.

    `names`: taggers to run (default: all that can run here; what they need comes along). `options`:
    tagger -> its options. `detector`: which finds things, see phototag.weights.default_detector;
    `auto` may fetch weights once unless `offline`. `talk` is told of that. `fast`: trust folder
    times: a folder whose time is as at the last complete scan is not listed, its photos count as
    unchanged. It finds what was added, removed and renamed, not what was edited in place.
    `stopping` is asked between two batches; once it says yes, what is in hand is saved and the
    report says `interrupted`. Running it again goes on where it stopped. Raises PhototagError: a
    path that is not there, a tagger that fails on every photo of a batch, a device that is not
    there, a catalog that cannot be written."""
    began = time.monotonic()
    report = ScanReport()
    options = dict(options or {})
    if not names or "objects" in names:
        chosen = choose_detector(detector, likely_device(device), offline=offline or dry_run, report=talk)
        options["objects"] = {"detector": chosen.detector, **options.get("objects", {})}
        report.detector = chosen.detector
        report.notes += [chosen.advice] if chosen.advice else []
    running = _runnable(names, options, report)
    fingerprints = compute_fingerprints(running, options)
    fingerprints["decode"] = decode_fingerprint(max_pixels or files.MAX_PIXELS)
    scope = [os.path.abspath(path) for path in paths]
    walk = Walk(
        paths,
        follow_symlinks=follow_symlinks,
        known=library.folder_stamps(scope),
        fast=fast,
        told=lambda photos: progress("find", photos, None),
    )
    known = library.reconcile(
        walk.roots,
        walk,
        hash_file=_hash_or_none,
        dry_run=dry_run,
        unreadable=walk.errors,
        stamps=walk.stamps,
        unchanged=walk.unchanged,
        learn_stamps=fast,
    )
    report.found, report.moved, report.missing = known.found, known.moved, known.missing
    report.skipped, report.unlisted = walk.skipped_photos, len(walk.unlisted)
    report.notes += [*known.unavailable, *walk.advice()]
    report.notes += [f"{folder}: could not be looked into ({reason})" for folder, reason in walk.errors]

    owed = library.count_jobs(scope, fingerprints)
    # a dry run stores no new files to be counted
    report.to_do = owed.photos + (known.new + known.changed if dry_run else 0)
    report.taggers = {
        name: {"to_do": owed.taggers.get(name, 0), "tagged": 0, "failed": 0} for name in running
    }
    report.unchanged = max(0, report.found - report.to_do)
    if not dry_run:
        if report.to_do:
            needs = {name: table.SPECS[name].needs for name in running}
            jobs = library.jobs(scope, fingerprints, needs)
            memory.keep_freed()
            ready = _load(running, device, options)
            frames = lookahead.frames(
                jobs,
                workers=workers or decoders(),
                ahead=AHEAD,
                working_side=table.WORKING_SIDE,
                max_pixels=max_pixels or files.MAX_PIXELS,
            )
            with closing(frames), _tagging_threads(device) as (hands, prepare):
                batches = pipeline.run(
                    frames,
                    ready,
                    needs,
                    batch_size,
                    hands=hands,
                    expected=owed.photos,
                    prepare=prepare,
                    stopping=stopping,
                )
                with closing(batches):
                    for batch in batches:
                        library.save(batch.facts, batch.outcomes, fingerprints)
                        _count(batch, report)
                        progress("tag", report.tagged, owed.photos)
            report.interrupted = stopping()
        _list_failures(library, scope, report)
    report.seconds = time.monotonic() - began
    return report


def decode_fingerprint(max_pixels: int) -> str:
    """Under which a photo that cannot be decoded is recorded: with another limit, or a better
    decoder, it is tried again."""
    return f"{DECODE_VERSION}-{max_pixels}"


def _runnable(
    names: Sequence[str], options: Mapping[str, Mapping[str, Any]], report: ScanReport
) -> list[str]:
    """The taggers to run, in order; those that cannot run here are left out with a note, or refused
    when asked for by name."""
    unknown = [name for name in names if name not in table.SPECS]
    if unknown:
        raise UsageError(f"there is no tagger {unknown[0]!r}; there are {', '.join(table.SPECS)}")
    running = []
    for name in table.with_needs(names or list(table.SPECS)):
        spec = table.SPECS[name]
        why = spec.missing({**spec.options, **options.get(name, {})})
        if why is None:
            running.append(name)
        elif name in names:
            raise UsageError(why)
        elif name != "objects":  # of which the choice of a detector has told
            report.notes.append(why)
    if "objects" not in running:
        report.detector = None
    return running


def likely_device(device: str) -> str:
    """What `auto` will turn out to be, without importing torch: it decides only which weights suit best."""
    if device != "auto":
        return device
    return "cuda" if os.path.exists("/proc/driver/nvidia/version") or shutil.which("nvidia-smi") else "cpu"


def _load(
    names: Sequence[str], device: str, options: Mapping[str, Mapping[str, Any]]
) -> dict[str, table.Tagger]:
    return {name: table.load(name, device, options.get(name, {})) for name in names}


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def decoders() -> int:
    """How many threads decode, unless told otherwise."""
    return min(4, cores())


@contextmanager
def _tagging_threads(device: str) -> Iterator[tuple[int, Callable[[], None]]]:
    """How many threads tag, and what each calls first: on a processor, to compute with its share of
    the cores alone. Taggers that did not need torch are not worth more than one thread."""
    if "torch" not in sys.modules:
        yield 1, _nothing
        return
    from phototag.nets.device import cpu_threads, set_cpu_threads, tagging_threads

    count, before = tagging_threads(device, cores()), cpu_threads()
    try:
        yield count, partial(set_cpu_threads, cores() // count) if count > 1 else _nothing
    finally:
        # threads that begin later would take over what was set last, in whichever thread
        set_cpu_threads(before)


def _nothing() -> None:
    """What a tagging thread calls first where there is nothing to set."""


def _count(batch: pipeline.Batch, report: ScanReport) -> None:
    report.tagged += len(batch.jobs)
    for outcome in batch.outcomes:
        if outcome.tagger in report.taggers:
            report.taggers[outcome.tagger]["failed" if outcome.error else "tagged"] += 1


def _list_failures(library: Library, scope: Sequence[str], report: ScanReport) -> None:
    """Of this scan and of earlier ones: a photo stays a failure until it can be read."""
    seen: set[str] = set()
    for path, tagger, reason in library.failures(scope):
        if path in seen:  # one line a photo: its first reason is the cause of the others
            continue
        seen.add(path)
        if len(seen) <= LISTED:
            report.failures.append((path, tagger, reason))
    report.failed = len(seen)


def _hash_or_none(file: PhotoFile) -> str | None:
    """None where the file cannot be read; decoding it will say why."""
    try:
        return files.hash_file(file.full_path())
    except UnreadablePhoto:
        return None

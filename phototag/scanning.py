"""One scan from end to end: find, reconcile, decode, tag, save. The only place where the stages
meet; the command line and `phototag.scan` both call it. Owns the scan's options and its report;
prints nothing."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phototag.engines.local import Local, decoding_threads
from phototag.engines.work import Engine, Work
from phototag.errors import Interrupted, StorageError, UnreadablePhoto, UsageError
from phototag.metadata.beside import Reader
from phototag.pipeline import Batch
from phototag.reading import files
from phototag.reading.decode import read_facts, read_metadata
from phototag.reading.pixel_hash import hash_pixels
from phototag.reading.walk import NOT_A_NAME, Walk
from phototag.records import FileFacts, Fingerprint, Job, PhotoFile, Reread
from phototag.stopping import Stop
from phototag.storage.address import absolute, is_remote
from phototag.storage.remote import check as check_storage
from phototag.taggers import table
from phototag.taggers.fingerprints import compute_fingerprints
from phototag.weights.default_detector import Choice, choose_detector, fetch_detector

if TYPE_CHECKING:
    from phototag.library import Library
    from phototag.library.jobs import JobCount

BATCH_SIZE = 16  # photos: fills the nets, and a kill -9 loses at most one batch, seconds of work
DECODE_VERSION = 2  # raise it when decoding gets better, and photos that could not be read are tried again

DEVICE = re.compile(r"auto|cpu|mps|cuda(:[0-9]+)?")  # what `--device` may be
PEOPLE = "identity"  # the tagger that tells faces apart: run only where people are asked for
LISTED = 10  # failures listed at the end of a scan; `phototag query failed` lists all

# Said before the first face is looked at for whose it is.
WHAT_PEOPLE_STORES = (
    "People: of each face, 128 numbers that tell whose it is will be stored in {catalog}, and nowhere else; "
    "the file is yours alone to read. Such numbers are biometric data, for which your country may have laws. "
    "Later scans of this catalog go on with it. To remove all of it: phototag people --forget"
)

FILLING_SECONDS = 20.0  # of a scan: what is spent on photos stored by an earlier phototag

# (phase, done, in all or None): photos in the phases "find", "hash", "pixels", "tag" and "places", groups of
# faces in "group", bytes in "fetch"
Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class ScanOptions:
    """How to scan. `taggers` to run (none: all that can run here; what they need comes along), each
    with its `tagger_options`. `detector` finds things, see phototag.weights.default_detector; `auto`
    may fetch weights once unless `offline`. `workers`: threads that decode. `fast`: trust folder
    times: a folder whose time is as at the last complete scan is not listed, its photos count as
    unchanged; it finds what was added, removed and renamed, not what was edited in place. `verify`:
    trust nothing and compare the bytes of every known file. `people`: learn whose face is whose, for
    this catalog from now on (True), not this time (False), or as it was last said of the catalog."""

    taggers: tuple[str, ...] = ()
    tagger_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    device: str = "auto"
    detector: str = "auto"
    offline: bool = False
    batch_size: int = BATCH_SIZE
    workers: int | None = None
    follow_symlinks: bool = False
    fast: bool = False
    max_pixels: int = files.MAX_PIXELS
    dry_run: bool = False
    verify: bool = False
    people: bool | None = None

    def __post_init__(self) -> None:
        unknown = [name for name in (*self.taggers, *self.tagger_options) if name not in table.SPECS]
        if unknown:
            raise UsageError(f"there is no tagger {unknown[0]!r}; there are {', '.join(table.SPECS)}")
        if not DEVICE.fullmatch(self.device):
            raise UsageError(
                f"--device {self.device!r} is not understood; it is one of auto, cpu, cuda, cuda:N, mps"
            )
        if self.people is False and PEOPLE in self.taggers:
            raise UsageError(f"the tagger {PEOPLE} is asked for and refused; give one of the two")
        if self.fast and self.verify:
            raise UsageError("--fast trusts what --verify reads again; give one of the two")
        for name in ("batch_size", "workers", "max_pixels"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} has to be at least 1, not {value}")

    def names(self) -> list[str]:
        """The taggers to run, with what they need, in running order."""
        named = self.taggers or tuple(table.names_of_scan())
        return table.with_needs((*named, PEOPLE) if self.people else named)


@dataclass
class ScanReport:
    """What a scan did. Counts are photos."""

    found: int = 0
    tagged: int = 0
    unreadable: int = 0  # looked at now, and could not be read; `failed` has those of earlier scans too
    unchanged: int = 0
    moved: int = 0
    missing: int = 0
    skipped: int = 0  # need an extra to be read: how many of which in `needs_extra`
    metadata_read: int = 0  # known photos whose date, place and metadata were read again
    unlisted: int = 0  # folders, not photos: trusted to be as they were
    unreadable_folders: int = 0  # and files that could not be looked at: nothing is known of what is there
    failed: int = 0
    to_do: int = 0
    seconds: float = 0.0
    interrupted: bool = False  # stopped, and something was left undone
    detector: str | None = None
    taggers: dict[str, dict[str, Any]] = field(default_factory=dict)
    people: dict[str, int] | None = None  # faces, groups of them, and groups with a name; None: not asked
    failures: list[tuple[str, str, str]] = field(default_factory=list)  # the first ten: path, tagger, reason
    needs_extra: dict[str, int] = field(default_factory=dict)  # extra of phototag -> photos
    other_endings: dict[str, int] = field(default_factory=dict)  # of files that are no photos by their names
    # sentences: what was not done, and the line that would mend it
    notes: list[str] = field(default_factory=list)

    @property
    def looked_at(self) -> int:
        """Whether they could be read or not."""
        return self.tagged + self.unreadable


@dataclass(frozen=True)
class _Plan:
    """What is to be done. `tagger_options` and `fingerprints`: by tagger; `pending`: of photos."""

    running: list[str]
    tagger_options: Mapping[str, Mapping[str, Any]]
    fingerprints: Mapping[str, Fingerprint]
    pending: JobCount
    notes: list[str]


class _Caller:
    """The caller's callbacks."""

    def __init__(
        self, on_progress: Progress | None, on_message: Callable[[str], None] | None, stop: Stop
    ) -> None:
        self._on_progress = on_progress
        self._on_message = on_message
        self.stop = stop

    def progress(self, phase: str, done: int, total: int | None = None) -> None:
        if self._on_progress is not None:
            self._on_progress(phase, done, total)

    def progress_or_stop(self, phase: str, done: int, total: int | None = None) -> None:
        """Raises Interrupted, where nothing in hand is worth waiting for."""
        self.progress(phase, done, total)
        self.check()

    def check(self) -> None:
        """Raises Interrupted once a stop was asked for."""
        if self.stop():
            raise Interrupted("stopped")

    def message(self, line: str) -> None:
        if self._on_message is not None:
            self._on_message(line)


def scan(
    library: Library,
    paths: Sequence[str | Path],
    options: ScanOptions = ScanOptions(),
    *,
    engine: Engine | None = None,
    on_progress: Progress | None = None,
    on_message: Callable[[str], None] | None = None,
    on_photo: Callable[[str, str | None], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> ScanReport:
    """Look at every photo under `paths` that still lacks an answer, and save what was found.

        with Library.open("photos.db") as library:
            report = scan(library, ["photos"])

    `engine`: where photos are decoded and tagged, such as `phototag.Ray()`; None: in threads here.
    `on_message` hears of what takes long, such as a download; `on_photo` of each photo that was
    looked at: its path, and why it could not be read or None. `should_stop` is asked all the time;
    once it says yes, what is in hand is saved if it ends within seconds, and the report says
    `interrupted` if something was left undone. Running it again goes on where it stopped. Raises
    PhototagError: a path that is not there, a tagger that fails on every photo of a batch, a device
    that is not there, a catalog that cannot be written."""
    began = time.monotonic()
    report = ScanReport()
    caller = _Caller(on_progress, on_message, Stop(should_stop))
    scope = [library.as_known(path) for path in paths]
    check_addresses(paths, options)
    if engine is not None:
        engine.check()
    # All raise for what was mistyped: before anything slow, and before the network is asked.
    walk = Walk(
        scope,
        follow_symlinks=options.follow_symlinks,
        known={} if options.verify else library.folder_stamps(scope),
        fast=options.fast,
        on_progress=partial(caller.progress_or_stop, "find"),
    )
    if options.people is None:
        options = replace(options, people=library.looks_for_people() or PEOPLE in options.taggers)
    if options.people and not options.dry_run and not library.looks_for_people():
        caller.message(WHAT_PEOPLE_STORES.format(catalog=library.name))
        library.look_for_people()
    choice = _choose_detector(options)
    try:
        new = _find(library, walk, options, caller, report)
        reader = Reader()
        if not options.dry_run:
            _read_metadata(library, scope, options, caller, reader, report)
        if choice and choice.fetch == choice.detector and report.found:  # without it nothing can be counted
            choice = _fetch_detector(choice, options, caller)
        plan = _make_plan(library, scope, options, choice)
        if choice and choice.fetch and plan.pending.photos:
            choice = _fetch_detector(choice, options, caller)
            plan = _make_plan(library, scope, options, choice)
        _report_plan(plan, choice, new, report)
        if plan.pending.unmarked and not options.dry_run:
            library.mark_complete(scope, plan.fingerprints)
        if plan.pending.photos and not options.dry_run:
            _look(library, scope, plan, options, caller, reader, engine or Local(), on_photo, report)
        if not options.dry_run and not caller.stop():
            _fill_pixel_hashes(library, scope, options, caller)
        _report_sidecars(reader, report)
    except Interrupted:
        report.interrupted = True
    if not options.dry_run:
        if not report.interrupted:
            _find_places(library, caller)
            if options.people:
                _group_people(library, caller, report)
        _list_failures(library, scope, report)
    report.seconds = time.monotonic() - began
    return report


def check_addresses(paths: Sequence[str | Path], options: ScanOptions) -> None:
    """Whether those of the paths that are on remote storage may be read in this way; asks nobody. Raises
    UsageError, StorageError."""
    for address in filter(is_remote, map(absolute, paths)):
        if options.fast:
            raise UsageError(
                f"--fast goes by the times of folders, and those of {address} have none. Scan without it: "
                "what has not changed is not read again"
            )
        if options.offline:
            raise StorageError(f"{address} is not on this machine; leave out --offline to read from there")
        check_storage(address)


def _find(library: Library, walk: Walk, options: ScanOptions, caller: _Caller, report: ScanReport) -> int:
    """Bring the catalog in line with the files. Returns how many photos a dry run did not store."""
    hashed = 0

    def hash_or_none(file: PhotoFile) -> str | None:
        """None where the file cannot be read; decoding it will say why."""
        nonlocal hashed
        hashed += 1
        caller.progress_or_stop("hash", hashed)
        try:
            return files.hash_file(file.full_path(), caller.check)
        except UnreadablePhoto:
            return None

    def facts_or_none(file: PhotoFile) -> FileFacts | None:
        nonlocal hashed
        hashed += 1
        caller.progress_or_stop("hash", hashed)
        try:
            return read_facts(file.full_path(), options.max_pixels)
        except UnreadablePhoto:
            return None

    known = library.reconcile(
        walk.roots,
        walk,
        hash_file=hash_or_none,
        read_facts=facts_or_none,
        dry_run=options.dry_run,
        unreadable=walk.errors,
        stamps=walk.stamps,
        unchanged=walk.unchanged,
        sidecars=walk.sidecars,
        always_save_stamps=options.fast,
        verify=options.verify,
    )
    report.found, report.moved, report.missing = known.found, known.moved, known.missing
    report.skipped, report.unlisted = walk.skipped_photos, len(walk.unlisted)
    report.unreadable_folders = len(walk.errors)
    report.needs_extra, report.other_endings = dict(walk.needs_extra), dict(walk.other_endings)
    report.notes += [*known.relocated, *known.unavailable]
    report.notes += [f"{folder}: could not be looked into ({reason})" for folder, reason in walk.errors]
    if odd := walk.skipped[NOT_A_NAME]:
        report.notes.append(f"Left out, since their keys are no names of files, such as a//b.jpg: {odd:,}.")
    return known.new + known.changed if options.dry_run else 0


def _read_metadata(
    library: Library,
    scope: Sequence[str],
    options: ScanOptions,
    caller: _Caller,
    reader: Reader,
    report: ScanReport,
) -> None:
    """Read the metadata of known photos where these, a file beside them or the rules of reading are new.
    A step of its own: no net is loaded and no picture decoded. New photos have theirs read when they
    are decoded, from the same bytes."""
    library.make_metadata_due()
    if options.verify:
        library.make_metadata_due(scope)
    total = library.count_metadata_jobs(scope)
    if not total:
        return

    def read(job: Job) -> Reread:
        """Nothing where the file cannot be read; decoding it will say why."""
        caller.check()
        try:
            path = job.file.full_path()
            beside = reader.read(*os.path.split(path), job.sidecars)
            return Reread(job.photo_id, *read_metadata(path, beside, options.max_pixels))
        except (UnreadablePhoto, ValueError):
            return Reread(job.photo_id)

    with ThreadPoolExecutor(decoding_threads(), thread_name_prefix="metadata") as pool:
        for jobs in library.metadata_jobs(scope):
            library.save_metadata(list(pool.map(read, jobs)))
            report.metadata_read += len(jobs)
            caller.progress_or_stop("metadata", report.metadata_read, total)


def _fill_pixel_hashes(library: Library, scope: Sequence[str], options: ScanOptions, caller: _Caller) -> None:
    """Hash the compressed pixels of photos that an earlier phototag has stored, so that they are known
    should another program rename them and write into them. A little at each scan: their files have
    to be read for it, which nobody asked for."""
    total = library.count_without_pixel_hash(scope)
    if not total:
        return
    began, done = time.monotonic(), 0

    def read(photo: tuple[int, str, str]) -> tuple[int, str, str] | None:
        photo_id, path, known = photo
        if caller.stop() or time.monotonic() - began > FILLING_SECONDS:
            return None
        try:
            data, _ = files.read_file(path, options.max_pixels)
        except (UnreadablePhoto, ValueError):
            return None
        content_hash, pixel_hash = hashlib.sha256(data).hexdigest(), hash_pixels(data)
        return (photo_id, content_hash, pixel_hash) if pixel_hash and content_hash == known else None

    with ThreadPoolExecutor(decoding_threads(), thread_name_prefix="pixels") as pool:
        for photos in library.without_pixel_hash(scope):
            found = [one for one in pool.map(read, photos) if one]
            library.save_pixel_hashes({photo_id: (known, pixels) for photo_id, known, pixels in found})
            done += len(photos)
            if time.monotonic() - began > FILLING_SECONDS:
                return
            caller.progress_or_stop("pixels", done, total)


def _report_sidecars(reader: Reader, report: ScanReport) -> None:
    """Files beside photos that say nothing because they cannot be read: the first ten, and how many."""
    listed = sorted(reader.errors.items())
    report.notes += [f"{path} was left alone: {reason}" for path, reason in listed[:LISTED]]
    if len(listed) > LISTED:
        report.notes.append(f"{len(listed) - LISTED:,} more files beside photos were left alone.")


def _choose_detector(options: ScanOptions) -> Choice | None:
    """None where no tagger that was asked for finds things."""
    if "objects" not in options.names():
        return None
    offline = options.offline or options.dry_run
    return choose_detector(options.detector, likely_device(options.device), offline=offline)


def _fetch_detector(choice: Choice, options: ScanOptions, caller: _Caller) -> Choice:
    if options.device != "auto":  # that it is there should be known before the network is asked
        from phototag.nets.device import pick_device

        pick_device(options.device)
    fetched = fetch_detector(
        choice,
        on_message=caller.message,
        on_progress=partial(caller.progress_or_stop, "fetch"),
        should_stop=caller.stop,
    )
    caller.check()
    return fetched


def _make_plan(library: Library, scope: Sequence[str], options: ScanOptions, choice: Choice | None) -> _Plan:
    tagger_options = {name: dict(given) for name, given in options.tagger_options.items()}
    if choice:
        tagger_options["objects"] = {"detector": choice.detector, **tagger_options.get("objects", {})}
    running, notes = _runnable(options, tagger_options)
    if choice and choice.advice:
        notes.insert(0, choice.advice)
    fingerprints = compute_fingerprints(running, tagger_options)
    fingerprints["decode"] = Fingerprint(decode_fingerprint(options.max_pixels))
    if not options.dry_run:
        library.remember_weights(fingerprints)
    return _Plan(running, tagger_options, fingerprints, library.count_jobs(scope, fingerprints), notes)


def _report_plan(plan: _Plan, choice: Choice | None, new: int, report: ScanReport) -> None:
    report.to_do = plan.pending.photos + new
    report.taggers = {
        name: {"to_do": plan.pending.taggers.get(name, 0), "tagged": 0, "failed": 0} for name in plan.running
    }
    report.unchanged = max(0, report.found - report.to_do)
    report.detector = choice.detector if choice and "objects" in plan.running else None
    report.notes[:0] = plan.notes


def decode_fingerprint(max_pixels: int) -> str:
    """Under which a photo that cannot be decoded is recorded: with another limit, or a better
    decoder, it is tried again."""
    return f"{DECODE_VERSION}-{max_pixels}"


def _runnable(
    options: ScanOptions, tagger_options: Mapping[str, Mapping[str, Any]]
) -> tuple[list[str], list[str]]:
    """The taggers to run, in order, and notes about those that cannot run here: left out, or refused
    when asked for by name."""
    running, notes = [], []
    for name in options.names():
        spec = table.SPECS[name]
        why = spec.missing({**spec.options, **tagger_options.get(name, {})})
        if why is None:
            running.append(name)
        elif name in options.taggers:
            raise UsageError(why)
        elif name != "objects":  # of which the choice of a detector has told
            notes.append(why)
    return running, notes


def likely_device(device: str) -> str:
    """What `auto` will turn out to be, without importing torch: it decides only which weights suit best."""
    if device != "auto":
        return device
    return "cuda" if os.path.exists("/proc/driver/nvidia/version") or shutil.which("nvidia-smi") else "cpu"


def _look(
    library: Library,
    scope: Sequence[str],
    plan: _Plan,
    options: ScanOptions,
    caller: _Caller,
    reader: Reader,
    engine: Engine,
    on_photo: Callable[[str, str | None], None] | None,
    report: ScanReport,
) -> None:
    """Have the engine decode and tag what is pending, and save it batch by batch."""
    work = Work(
        taggers=tuple(plan.running),
        tagger_options=plan.tagger_options,
        fingerprints=plan.fingerprints,
        device=options.device,
        batch_size=options.batch_size,
        workers=options.workers,
        max_pixels=options.max_pixels,
        photos=plan.pending.photos,
    )
    jobs = library.jobs(scope, plan.fingerprints, work.needs())
    batches = engine.run(jobs, work, stop=caller.stop, reader=reader, on_message=caller.message)
    with closing(batches), caller.stop.giving_up():
        for batch in batches:
            if not batch.is_saved:
                library.save(batch.facts, batch.outcomes, plan.fingerprints, batch.jobs)
            _count(batch, report)
            if on_photo is not None:
                errors = {outcome.photo_id: outcome.error for outcome in batch.outcomes if outcome.error}
                for job in batch.jobs:
                    on_photo(job.file.full_path(), errors.get(job.photo_id))
            caller.progress("tag", report.looked_at, plan.pending.photos)
    report.interrupted = caller.stop() and report.looked_at < plan.pending.photos


def _group_people(library: Library, caller: _Caller, report: ScanReport) -> None:
    """Group the faces anew where there are others than at the last grouping."""
    try:
        grouping = library.group_people(partial(caller.progress_or_stop, "group"), only_if_new=True)
    except Interrupted:  # the next scan does it
        return
    report.people = {"faces": grouping.faces, "groups": grouping.groups, "named": grouping.named}


def _find_places(library: Library, caller: _Caller) -> None:
    """Name the places of photos with a position, where a gazetteer is installed."""
    from phototag import gazetteer

    if version := gazetteer.version():
        with suppress(Interrupted):  # the next scan goes on
            library.find_places(version, gazetteer.load, partial(caller.progress_or_stop, "places"))


def _count(batch: Batch, report: ScanReport) -> None:
    unreadable = sum(outcome.tagger == "decode" for outcome in batch.outcomes)
    report.tagged += len(batch.jobs) - unreadable
    report.unreadable += unreadable
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

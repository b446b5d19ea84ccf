"""`phototag scan`: the main job, its progress bar and its summary."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from phototag import signals
from phototag.cli.output import (
    count,
    db_option,
    draws_bars,
    is_quiet,
    json_option,
    open_library,
    printable,
    say,
    say_more,
    write_json,
    write_text,
)
from phototag.errors import EXIT_SOME_FAILED, UsageError
from phototag.reading.formats import EXTRAS
from phototag.weights.default_detector import DETECTORS

if TYPE_CHECKING:
    from phototag.engines.work import Engine
    from phototag.library import Library
    from phototag.scanning import ScanReport


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@db_option
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    default=16,
    show_default=True,
    help="Photos in hand at once, shared by the threads that tag.",
)
@click.option(
    "--workers", type=click.IntRange(1), help="Threads that decode photos. Default: one per core, at most 4."
)
@click.option(
    "--tagger",
    "names",
    multiple=True,
    metavar="NAME",
    help="Run only this tagger and what it needs; may be repeated.",
)
@click.option(
    "--detector",
    type=click.Choice(["auto", *DETECTORS]),
    default="auto",
    show_default=True,
    help="Which net finds things.",
)
@click.option("--offline", is_flag=True, help="Never fetch weights. Also $PHOTOTAG_OFFLINE.")
@click.option("--follow-symlinks", is_flag=True, help="Look into folders that are symbolic links too.")
@click.option("--fast", is_flag=True, help="Look only into folders whose time has changed: see above.")
@click.option("--verify", is_flag=True, help="Read every file again, whatever its size and times say.")
@click.option(
    "--people/--no-people",
    default=None,
    help="Tell whose face is whose, in this catalog from now on; or leave it out this time.",
)
@click.option(
    "--max-pixels",
    type=click.IntRange(1),
    help="Refuse photos with more pixels than this. Default: 256 million.",
)
@click.option(
    "--engine",
    "engine_name",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Where photos are looked at: here, or on a Ray cluster.",
)
@click.option("--address", metavar="ADDRESS", help="The cluster: auto or HOST:PORT. Default: one is started.")
@click.option("--actors", metavar="N|MIN:MAX", help="Processes that look. Default: one per core here.")
@click.option("--cpus-per-actor", type=float, help="Cores of each actor. Default: 1.")
@click.option("--gpus-per-actor", type=float, help="GPUs of each actor, such as 0.25. Default: none.")
@click.option(
    "--photos-at",
    multiple=True,
    metavar="OLD=NEW",
    help="The folder OLD is NEW on the cluster's machines; may be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@json_option
def scan(
    paths: tuple[str, ...],
    db: str | None,
    device: str,
    batch_size: int,
    workers: int | None,
    names: tuple[str, ...],
    detector: str,
    offline: bool,
    follow_symlinks: bool,
    fast: bool,
    verify: bool,
    people: bool | None,
    max_pixels: int | None,
    engine_name: str,
    address: str | None,
    actors: str | None,
    cpus_per_actor: float | None,
    gpus_per_actor: float | None,
    photos_at: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Look at every photo in PATHS and remember what is in them.

    Run it again whenever you like: only new and changed photos are looked at, moved ones are
    recognised, and an interrupted scan goes on where it stopped. Photos are read, never written.
    Ctrl-C ends it within two seconds; what was looked at is saved. Where stderr is no terminal, as in
    a cron job, a line says every ten seconds how far it is.

    What other programs wrote is read too, in photos and in files beside them: keywords, stars, titles,
    faces with names. A sidecar that is new, changed or gone is noticed beside a photo that is as it
    was. See docs/names.md.

    Things are found by the best detector whose weights are here: phototag's own, which knows 80
    kinds of thing, or a better one that was fetched. For a GPU `auto` fetches one once, unless
    --offline is given.

    With --fast, folders whose time is as it was at the last complete scan are not listed again.
    Photos that were added, removed or renamed are found, those edited in place are not; nor is
    anything on disks that keep no times of folders, such as FAT written by Windows or a camera.
    Scan without it now and then.

    A photo whose size and times are as they were is taken to be as it was. With --verify the bytes
    of every known file are compared too: after an accident with a disk, or where another program
    hides its edits. It takes as long as reading all photos.

    With --people it also learns whose face is whose, so that `phototag people` can show who is in your
    photos. Of each face 128 numbers are stored, in the catalog alone. Such numbers are biometric data:
    so it is off until you ask for it once; `phototag people --forget` removes them and turns it off.

    With --engine ray, photos are looked at by a cluster (extra `cluster`): the machines of the one at
    --address, or processes of one that is started here for the time of the scan. See docs/scale.md.

    PATHS are folders and photos; also s3://BUCKET/FOLDER, with the extra [remote]: see docs/scale.md.

    \b
      phototag scan ~/Photos
      phototag scan ~/Photos --people
      phototag scan ~/Photos --dry-run
      phototag scan ~/Photos --tagger faces --device cuda

    Exit code: 0 all done, 1 stopped by an error, 2 wrong usage, 3 done but some photos or folders
    could not be read, 130 interrupted."""
    from phototag.allocator import tune_malloc
    from phototag.cli.decoders import silence_decoders
    from phototag.reading.files import MAX_PIXELS
    from phototag.reading.walk import check_paths
    from phototag.scanning import ScanOptions, check_addresses
    from phototag.scanning import scan as run

    options = ScanOptions(
        taggers=names,
        device=device,
        detector=detector,
        offline=offline,
        batch_size=batch_size,
        workers=workers,
        follow_symlinks=follow_symlinks,
        fast=fast,
        verify=verify,
        people=people,
        max_pixels=max_pixels or MAX_PIXELS,
        dry_run=dry_run,
    )
    engine = _choose_engine(engine_name, address, actors, cpus_per_actor, gpus_per_actor, photos_at)
    check_addresses(paths, options)
    check_paths(paths)  # before a catalog is made for what was mistyped
    tune_malloc()
    silence_decoders()
    progress = _Bar() if draws_bars() else _Lines()
    with _Interruptible() as interrupted:
        with open_library(db, create=True) as library:
            with progress:
                report = run(
                    library,
                    paths,
                    options,
                    engine=engine,
                    on_progress=progress.show,
                    on_message=progress.say,
                    on_photo=progress.name_photo,
                    should_stop=interrupted,
                )
            if as_json:
                write_json(as_dict(report))
            else:
                write_text(would_do(report) if dry_run else summary(report, library, paths))
        code = 0
        if report.interrupted:
            say("Stopped. What was looked at is saved; go on with the same command.")
        elif report.failed or report.unreadable_folders:
            code = EXIT_SOME_FAILED
        if interrupted():  # a decoder cannot be interrupted, and Python would wait for it
            signals.leave(interrupted.exit_code)
    sys.exit(code)


def _choose_engine(
    name: str,
    address: str | None,
    actors: str | None,
    cpus_per_actor: float | None,
    gpus_per_actor: float | None,
    photos_at: tuple[str, ...],
) -> Engine | None:
    """None: in threads here. Raises UsageError."""
    given: dict[str, Any] = {
        "address": address,
        "actors": None if actors is None else _parse_actors(actors),
        "cpus_per_actor": cpus_per_actor,
        "gpus_per_actor": gpus_per_actor,
        "photos_at": tuple(_parse_pair(pair) for pair in photos_at) or None,
    }
    given = {option: value for option, value in given.items() if value is not None}
    if name == "local":
        if given:
            raise UsageError(f"--{next(iter(given)).replace('_', '-')} is of a cluster; add --engine ray")
        return None
    from phototag.engines.ray import Ray

    return Ray(**given)


def _parse_actors(text: str) -> int | tuple[int, int]:
    try:
        least, colon, most = text.partition(":")
        return (int(least), int(most)) if colon else int(least)
    except ValueError:
        raise UsageError(f"--actors {text!r} is not understood; give a number, or MIN:MAX") from None


def _parse_pair(text: str) -> tuple[str, str]:
    old, _, new = text.partition("=")
    return old, new


class _Interruptible:
    """Called, it tells whether Ctrl-C was pressed, or the system asked the program to end. What has not
    ended two seconds later, or at a second Ctrl-C, is left as it is: a catalog survives that as it
    survives a power cut. A thread sees to that, for Python's handlers wait as long as the main one writes
    to a busy disk."""

    LAST_SECONDS = 1.2  # what is left of two seconds is for giving its memory back, on a busy machine too

    def __enter__(self) -> _Interruptible:
        self._pressed: int | None = None
        receiving, self._sending = socket.socketpair()
        self._sending.setblocking(False)  # as Python wants it
        self._wakeup = signal.set_wakeup_fd(self._sending.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=self._watch, args=(receiving,), daemon=True).start()
        self._before = {
            number: signal.signal(number, self._press)
            for number in signals.NUMBERS
            if signal.getsignal(number) != signal.SIG_IGN  # as nohup has it
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._sending.close()

    def __call__(self) -> bool:
        return self._pressed is not None

    @property
    def exit_code(self) -> int:
        """The shells' convention: 130 for Ctrl-C."""
        return 128 + (self._pressed or signal.SIGINT)

    def _press(self, number: int, frame: FrameType | None) -> None:
        if self._pressed is None and not is_quiet():
            signals.tell("\nStopping; press Ctrl-C again to stop at once.\n")
        self._pressed = self._pressed or number

    def _watch(self, receiving: socket.socket) -> None:
        """Gets the number of each signal as it comes, and nothing when the scan is over."""
        with receiving:
            while came := receiving.recv(1):
                if came[0] in signals.NUMBERS:
                    break
            else:
                return
            receiving.settimeout(self.LAST_SECONDS)
            with suppress(TimeoutError):
                if not receiving.recv(1):
                    return
        signals.tell("\nStopped. What was saved so far stays; go on with the same command.\n")
        os._exit(128 + came[0])


# What is going on in each phase of a scan, and what is counted there.
PHASES = {
    "find": ("looking for photos", "photos"),
    "hash": ("comparing changed and moved files", "files"),
    "metadata": ("reading dates and metadata again", "photos"),
    "pixels": ("taking fingerprints of known photos", "photos"),
    "fetch": ("fetching weights", "bytes"),
    "tag": ("looking at photos", "photos"),
    "places": ("naming places", "photos"),
    "group": ("grouping faces", "groups"),
}


class _Bar:
    """Progress on a terminal: what is counted, how many a second and the time left."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._phase = ""

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def show(self, phase: str, done: int, total: int | None) -> None:
        from tqdm import tqdm

        if phase != self._phase:
            self.close()
            doing, unit = PHASES[phase]
            # delay: what takes less than two seconds needs no bar
            self._bar = tqdm(
                total=total,
                desc=doing,
                unit=f" {unit}",
                unit_scale=phase == "fetch",
                delay=2,
                dynamic_ncols=True,
            )
            self._phase = phase
        self._bar.update(done - self._bar.n)

    def say(self, line: str) -> None:
        if self._bar is not None:
            self._bar.clear()
        say(line)

    def name_photo(self, path: str, error: str | None) -> None:
        if self._bar is not None:
            self._bar.clear()
        name_photo(path, error)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


class _Lines:
    """Progress in a log file: a plain line every ten seconds."""

    EVERY_SECONDS = 10.0

    def __init__(self) -> None:
        self._began = self._last = time.monotonic()
        self._phase = ""

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, phase: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if phase != self._phase:
            self._phase, self._began = phase, now
        if now - self._last < self.EVERY_SECONDS:
            return
        self._last = now
        doing, unit = PHASES[phase]
        line = f"{doing}: {done:,} of {total:,} {unit}" if total else f"{doing}: {done:,} {unit}"
        seconds = now - self._began
        if total and done and seconds:
            line += f", {done / seconds:.1f}/s, {_duration((total - done) * seconds / done)} left"
        say(line)

    def say(self, line: str) -> None:
        say(line)

    def name_photo(self, path: str, error: str | None) -> None:
        name_photo(path, error)


def name_photo(path: str, error: str | None) -> None:
    """With --verbose."""
    say_more(printable(path if error is None else f"{path}: {error}"))


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return (
        f"{minutes // 60} h {minutes % 60:02} min"
        if minutes >= 60
        else f"{minutes} min"
        if minutes
        else "<1 min"
    )


def as_dict(report: ScanReport) -> dict[str, Any]:
    found = asdict(report) | {"seconds": round(report.seconds, 3)}
    found["failures"] = [
        {"path": path, "tagger": tagger, "reason": reason} for path, tagger, reason in report.failures
    ]
    return found


SHOWN_ENDINGS = 8


def name_endings(endings: Mapping[str, int]) -> str:
    """`3 .mp4, 1 .psd, 2 without ending`, the most frequent first."""
    ranked = sorted(endings.items(), key=_by_number)
    named = [
        f"{number:,} {printable('.' + ending) if ending else 'without ending'}"
        for ending, number in ranked[:SHOWN_ENDINGS]
    ]
    rest = sum(number for _, number in ranked[SHOWN_ENDINGS:])
    return ", ".join([*named, *([f"{rest:,} others"] if rest else [])])


def left_out(report: ScanReport) -> list[str]:
    """What is no photo by its name, or needs more to be read."""
    lines = []
    for extra, number in sorted(report.needs_extra.items()):
        kind = EXTRAS[extra][2]
        lines.append(
            f"{count(number, f'{kind} photo')} not read: one more package is needed. Type: "
            f"pip install 'phototag[{extra}]'"
        )
    if report.other_endings:
        lines.append(f"No photos by their names, left alone: {name_endings(report.other_endings)}.")
    return lines


def _by_number(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def would_do(report: ScanReport) -> str:
    lines = [
        f"{count(report.found, 'photo')} found; {count(report.to_do, 'photo')} to look at, "
        f"{report.unchanged:,} unchanged."
    ]
    lines += [f"  {report.moved:,} moved or renamed: recognised, not looked at again"] if report.moved else []
    lines += [f"  {report.missing:,} no longer there"] if report.missing else []
    lines += left_out(report)
    return "\n".join(
        [*lines, *(printable(note) for note in report.notes), "Nothing was done: this was a dry run."]
    )


def summary(report: ScanReport, library: Library, paths: tuple[str, ...]) -> str:
    """What a person wants to read after a scan: what was done, what was found, what was not, and
    what to type next."""
    if report.interrupted and not report.looked_at:
        lines = ["Stopped before a photo was looked at."]
    elif not report.found:
        lines = ["No photos found."]
    elif not report.looked_at:
        lines = [
            f"{count(report.found, 'photo')}, nothing new: no photo had to be decoded "
            f"({report.seconds:.1f} s)."
        ]
    else:
        unreadable = f"{report.unreadable:,} could not be read, " if report.unreadable else ""
        rate = f"{report.seconds:.1f} s, {report.looked_at / max(report.seconds, 0.001):.1f} photos/s"
        lines = [
            f"{count(report.found, 'photo')}: {report.tagged:,} tagged, {unreadable}"
            f"{report.unchanged:,} unchanged ({rate})."
        ]
    if report.unlisted:
        lines.append(
            f"{count(report.unlisted, 'folder')} unchanged, not listed again; edits in place would go "
            "unseen (--fast)."
        )
    if report.moved:
        lines.append(f"{count(report.moved, 'photo')} moved or renamed: recognised, not looked at again.")
    if report.metadata_read:
        lines.append(f"Dates and metadata of {count(report.metadata_read, 'known photo')} were read again.")
    if report.missing:
        lines.append(
            f"{count(report.missing, 'photo')} no longer there; what is known of them is kept (phototag "
            "query missing)."
        )

    lines += left_out(report)
    total = library.count()
    if total:
        everyone, faces = library.count("smiling:all"), library.count("faces-any:1..")
        shows = "shows" if faces == 1 else "show"
        lines += ["", f"The catalog knows {count(total, 'photo')}; {faces:,} of them {shows} faces."]
        lines.append(
            f"  everyone is smiling in {everyone:,}; in "
            f"{library.count('^smiling:all ^smiling:unknown'):,} someone is not"
        )
        labels = library.labels()
        best = [row for row in labels if row.source in ("objects", "kinds")][:8]
        if best:
            lines.append("  " + ", ".join(f"{printable(row.label)} {row.photos:,}" for row in best))
    if report.people and report.people["faces"]:
        faces, groups, named = (report.people[key] for key in ("faces", "groups", "named"))
        lines.append(
            f"  people: {count(faces, 'face')} in {count(groups, 'group')}, {named:,} of them with a name "
            "(phototag people)"
        )
    if report.failures:
        lines += ["", f"{count(report.failed, 'photo')} could not be read:"]
        lines += [f"  {printable(path)}: {printable(reason)}" for path, _, reason in report.failures]
        if report.failed > len(report.failures):
            lines.append(
                f"  and {report.failed - len(report.failures):,} more; list them all with: phototag "
                "query failed"
            )
    notes = [printable(note) for note in report.notes]
    if report.detector and report.tagged and not any("Things found with" in note for note in notes):
        notes.insert(0, f"Things found with {report.detector}.")
    if notes:
        lines += ["", *notes]
    if total and not report.interrupted:
        lines += ["", "Ask now:  phototag query smiling:all" if everyone else "Ask now:  phototag query"]
    return "\n".join(lines)

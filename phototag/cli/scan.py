"""`phototag scan`: the main job, its progress bar and its summary."""

from __future__ import annotations

import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from phototag.cli.output import count, db_option, json_option, open_library, printable, say, write_json
from phototag.errors import EXIT_INTERRUPTED, EXIT_SOME_FAILED
from phototag.weights.default_detector import DETECTORS

if TYPE_CHECKING:
    from phototag.library import Library
    from phototag.scanning import ScanReport


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
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
@click.option(
    "--offline", is_flag=True, envvar="PHOTOTAG_OFFLINE", help="Never fetch weights. Also $PHOTOTAG_OFFLINE."
)
@click.option("--follow-symlinks", is_flag=True, help="Look into folders that are symbolic links too.")
@click.option("--fast", is_flag=True, help="Look only into folders whose time has changed: see above.")
@click.option(
    "--max-pixels",
    type=click.IntRange(1),
    help="Refuse photos with more pixels than this. Default: 256 million.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@json_option
def scan(
    paths: tuple[Path, ...],
    db: str | None,
    device: str,
    batch_size: int,
    workers: int | None,
    names: tuple[str, ...],
    detector: str,
    offline: bool,
    follow_symlinks: bool,
    fast: bool,
    max_pixels: int | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Look at every photo in PATHS and remember what is in them.

    Run it again whenever you like: only new and changed photos are looked at, moved ones are
    recognised, and an interrupted scan goes on where it stopped. Photos are read, never written.
    Ctrl-C finishes and saves the batch in hand.

    Things are found by the best detector whose weights are here. Where there is none with 80 kinds
    of thing, `auto` fetches one once; without a network, or with --offline, phototag's own finds
    people and pets.

    With --fast, folders whose time is as it was at the last complete scan are not listed again.
    Photos that were added, removed or renamed are found, those edited in place are not; nor is
    anything on disks that keep no times of folders, such as FAT written by Windows or a camera.
    Scan without it now and then.

    \b
      phototag scan ~/Photos
      phototag scan ~/Photos --dry-run
      phototag scan ~/Photos --tagger faces --device cuda

    Exit code: 0 all done, 1 stopped by an error, 2 wrong usage, 3 done but some photos could not be
    read, 130 interrupted."""
    from phototag.scanning import scan as run

    with open_library(db, create=True) as library, _Interruptible() as interrupted, _Bar() as bar:
        report = run(
            library,
            paths,
            names=names,
            device=device,
            detector=detector,
            offline=offline,
            talk=say,
            batch_size=batch_size,
            workers=workers,
            follow_symlinks=follow_symlinks,
            fast=fast,
            max_pixels=max_pixels,
            dry_run=dry_run,
            progress=bar.show,
            stopping=interrupted,
        )
        bar.close()
        if as_json:
            write_json(as_dict(report))
        else:
            click.echo(would_do(report) if dry_run else summary(report, library, paths))
    if report.interrupted:
        say("Stopped. What was looked at is saved; go on with the same command.")
        sys.exit(EXIT_INTERRUPTED)
    if report.failed:
        sys.exit(EXIT_SOME_FAILED)


class _Interruptible:
    """Called, it tells whether Ctrl-C was pressed. A second Ctrl-C stops at once."""

    def __enter__(self) -> _Interruptible:
        self._pressed = False
        self._before = signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def __call__(self) -> bool:
        return self._pressed

    def _press(self, *_: object) -> None:
        if self._pressed:
            raise KeyboardInterrupt
        self._pressed = True
        say("\nStopping after this batch; press Ctrl-C again to stop at once.")


class _Bar:
    """Progress on stderr: files while folders are walked, then photos, photos per second and the
    time left."""

    def __enter__(self) -> _Bar:
        self._bar: Any = None
        self._phase = ""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def show(self, phase: str, done: int, total: int | None) -> None:
        from tqdm import tqdm

        if phase != self._phase:
            self.close()
            words = {"find": "looking for photos", "tag": "looking at photos"}
            # delay: what takes less than two seconds needs no bar; disable=None: nor does a log file
            self._bar = tqdm(
                total=total, desc=words[phase], unit=" photos", delay=2, disable=None, dynamic_ncols=True
            )
            self._phase = phase
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def as_dict(report: ScanReport) -> dict[str, Any]:
    found = asdict(report) | {"seconds": round(report.seconds, 3)}
    found["failures"] = [
        {"path": path, "tagger": tagger, "reason": reason} for path, tagger, reason in report.failures
    ]
    return found


def would_do(report: ScanReport) -> str:
    lines = [
        f"{count(report.found, 'photo')} found; {count(report.to_do, 'photo')} to look at, {report.unchanged:,} as before."
    ]
    lines += [f"  {report.moved:,} moved or renamed: recognised, not looked at again"] if report.moved else []
    lines += [f"  {report.missing:,} no longer there"] if report.missing else []
    return "\n".join(
        [*lines, *(printable(note) for note in report.notes), "Nothing was done: this was a dry run."]
    )


def summary(report: ScanReport, library: Library, paths: tuple[Path, ...]) -> str:
    """What a person wants to read after a scan: what was done, what was found, what was not, and
    what to type next."""
    from phototag.query import parse as language
    from phototag.query import terms
    from phototag.weights.thresholds import strictest

    if not report.found:
        lines = ["No photos found."]
    elif not report.tagged:
        lines = [
            f"{count(report.found, 'photo')}, nothing new: no photo had to be decoded ({report.seconds:.1f} s)."
        ]
    else:
        rate = f"{report.seconds:.1f} s, {report.tagged / max(report.seconds, 0.001):.1f} photos/s"
        lines = [
            f"{count(report.found, 'photo')}: {report.tagged:,} looked at, {report.unchanged:,} as before ({rate})."
        ]
    if report.unlisted:
        lines.append(
            f"{count(report.unlisted, 'folder')} as before, not listed again; edits in place would go unseen (--fast)."
        )
    if report.moved:
        lines.append(f"{count(report.moved, 'photo')} moved or renamed: recognised, not looked at again.")
    if report.missing:
        lines.append(
            f"{count(report.missing, 'photo')} no longer there; what is known of them is kept (phototag query missing)."
        )

    def number(*terms: str) -> int:
        return library.count(language.parse(terms, ()))

    total = number()
    if total:
        everyone, faces = number("smiling:all"), number("faces:1..")
        lines += ["", f"The catalog knows {count(total, 'photo')}; {faces:,} of them show faces."]
        lines.append(
            f"  everyone is smiling in {everyone:,}; in {number('^smiling:all', '^smiling:unknown'):,} someone is not"
        )
        labels = library.labels(thresholds=strictest(library.detectors(), terms.DEFAULT_SCORE))
        best = [row for row in labels if row.source in ("objects", "kinds")][:8]
        if best:
            lines.append("  " + ", ".join(f"{printable(row.label)} {row.photos:,}" for row in best))
    if report.failures:
        lines += ["", f"{count(report.failed, 'photo')} could not be read:"]
        lines += [f"  {printable(path)}: {printable(reason)}" for path, _, reason in report.failures]
        if report.failed > len(report.failures):
            lines.append(
                f"  and {report.failed - len(report.failures):,} more; list them all with: phototag query failed"
            )
    notes = [printable(note) for note in report.notes]
    if report.detector and report.tagged and not any("Things found with" in note for note in notes):
        notes.insert(0, f"Things found with {report.detector}.")
    if notes:
        lines += ["", *notes]
    if total and not report.interrupted:
        lines += ["", "Ask now:  phototag query smiling:all" if everyone else "Ask now:  phototag query"]
    return "\n".join(lines)

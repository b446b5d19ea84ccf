"""`phototag export`: what the catalog knows, into sidecars or as one document."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from phototag.cli.output import (
    count,
    db_option,
    open_library,
    printable,
    refuse_together,
    refuse_without,
    say,
    shown_path,
    warn,
    write_json,
    write_pieces,
    write_text,
)
from phototag.cli.selection import progress_bar
from phototag.errors import EXIT_INTERRUPTED, EXIT_SOME_FAILED

if TYPE_CHECKING:
    from phototag.exporting.sidecars import SidecarChange, SidecarReport
    from phototag.records import Photo


@click.command()
@click.argument("terms", nargs=-1)
@db_option
@click.option("--xmp", is_flag=True, help="Write into sidecars beside the photos.")
@click.option("--json", "as_json", is_flag=True, help="Print all there is; with --xmp: what was done.")
@click.option("--csv", "as_csv", is_flag=True, help="Print a table, a line for each photo.")
@click.option("--coco", is_flag=True, help="Print things and their boxes, for training elsewhere.")
@click.option("--geojson", is_flag=True, help="Print the photos' places, for a map.")
@click.option("--faces", is_flag=True, help="With --xmp: named faces. With --coco: faces, named or not.")
@click.option("--dry-run", is_flag=True, help="With --xmp: only say what would change, field by field.")
@click.option("--remove", is_flag=True, help="With --xmp: take away what phototag has added, nothing else.")
@click.option(
    "--sidecar-style",
    "style",
    type=click.Choice(["ext", "stem"]),
    help="photo.jpg.xmp or photo.xmp. Default: a photo.xmp that is there, else photo.jpg.xmp.",
)
@click.option(
    "--sidecar-dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Sidecars go into this folder, as deep as the photos lie below the folder you scanned.",
)
@click.option(
    "--min-score",
    type=click.FloatRange(0, 1),
    default=0.0,
    metavar="SCORE",
    help="Only things with at least this score, beside what each needs anyway.",
)
def export(
    terms: tuple[str, ...],
    db: str | None,
    xmp: bool,
    as_json: bool,
    as_csv: bool,
    coco: bool,
    geojson: bool,
    faces: bool,
    dry_run: bool,
    remove: bool,
    style: Any,
    folder: Path | None,
    min_score: float,
) -> None:
    """Hand what phototag knows to other programs.

    Only photos that fit every TERM, as in phototag query; without one, all photos.

    --xmp writes what was found, your own labels and whether everyone smiles as keywords into the
    sidecar of each photo, under one root: phototag|thing|dog. With --faces it writes named faces too.
    Photos are never written. What other programs wrote stays as it is, to the letter; what phototag
    adds it remembers in the sidecar, and --remove takes away just that. A sidecar in which nothing
    would change is not written.

    Lightroom reads sidecars of RAW photos only, and only photo.xmp (--sidecar-style stem); digiKam,
    darktable, Immich and PhotoPrism read photo.jpg.xmp: see docs/names.md.

    --json, --csv, --coco and --geojson print one document each; docs/schemas says what is in them.
    The boxes of --coco are in pixels of the upright photo, its file names relative to the folder that
    all the photos share. Embeddings of faces are in none of them.

    \b
      phototag export --xmp --faces --dry-run path:Italy
      phototag export --xmp --faces
      phototag export --xmp --remove
      phototag export --coco dog > dogs.json

    Exit code: 0 all done, 2 wrong usage, 3 done but some sidecars were left alone, 130 interrupted."""
    documents = ("--csv", as_csv), ("--coco", coco), ("--geojson", geojson)
    refuse_together(("--xmp", xmp), *documents)
    refuse_together(("--json", as_json), *documents)
    if xmp:
        for name, value in (("--faces", faces), ("--min-score", min_score), ("--sidecar-style", style)):
            refuse_together(("--remove", remove), (name, value))
        _export_xmp(terms, db, faces, dry_run, remove, style, folder, min_score, as_json)
        return
    for name, value in (
        ("--dry-run", dry_run),
        ("--remove", remove),
        ("--sidecar-style", style),
        ("--sidecar-dir", folder),
    ):
        refuse_without("--xmp", (name, value))
    if not (as_json or as_csv or coco or geojson):
        raise click.UsageError("say what to export; type for example: phototag export --xmp --dry-run")
    if not coco:
        refuse_without("--xmp or --coco", ("--faces", faces))
    if as_json:
        refuse_together(("--json", as_json), ("--min-score", min_score))
    _export_document(terms, db, as_json, as_csv, coco, faces, min_score)


def _export_document(
    terms: tuple[str, ...],
    db: str | None,
    as_json: bool,
    as_csv: bool,
    coco: bool,
    faces: bool,
    min_score: float,
) -> None:
    from phototag.exporting import documents

    with open_library(db) as library:
        asked = library.ask(terms)
        for unknown in asked.unknown_words:
            say(str(unknown))
        photos = _with_progress(library.photos(asked, sort="path"), library.count(asked))
        thresholds = asked.thresholds
        if as_json:
            pieces = documents.json_pieces(photos, thresholds)
        elif as_csv:
            pieces = documents.csv_pieces(photos, thresholds, min_score=min_score)
        elif coco:
            folder = documents.common_folder(library.paths(asked))
            pieces = documents.coco_pieces(photos, thresholds, folder, min_score=min_score, with_faces=faces)
        else:
            pieces = documents.geojson_pieces(photos, thresholds, min_score=min_score)
        write_pieces(pieces)


def _with_progress(photos: Iterator[Photo], total: int) -> Iterator[Photo]:
    with progress_bar(total, "reading the catalog") as bar:
        for photo in photos:
            yield photo
            bar.update(1)


def _export_xmp(
    terms: tuple[str, ...],
    db: str | None,
    faces: bool,
    dry_run: bool,
    remove: bool,
    style: Any,
    folder: Path | None,
    min_score: float,
    as_json: bool,
) -> None:
    from phototag.exporting.sidecars import SidecarOptions, export_sidecars

    options = SidecarOptions(faces, remove, style, folder, min_score, dry_run)
    changes: list[SidecarChange] = []

    def show(change: SidecarChange) -> None:
        if as_json:
            changes.append(change)
        elif dry_run:
            _show_change(change)

    with open_library(db) as library, _CtrlC() as pressed:
        total = library.count(library.ask(terms))
        with progress_bar(total, "writing sidecars" if not dry_run else "comparing sidecars") as bar:
            report = export_sidecars(
                library,
                terms,
                options,
                on_change=show,
                on_progress=lambda done, _: bar.update(done - bar.pos),
                should_stop=pressed,
            )
    for path, note in report.notes:
        say(f"{shown_path(path)}: {printable(note)}")
    for path, reason in report.failures:
        warn(f"{shown_path(path)}: {printable(reason)}")
    if as_json:
        write_json(_as_dict(report, changes, dry_run))
    else:
        write_text(_summary(report, dry_run))
        if dry_run:
            say("Nothing was done: this was a dry run.")
    if report.interrupted:
        say("Stopped. Every sidecar is whole; go on with the same command.")
        sys.exit(EXIT_INTERRUPTED)
    if report.failures:
        sys.exit(EXIT_SOME_FAILED)


class _CtrlC:
    """Called, it tells whether Ctrl-C was pressed; the sidecar in hand is finished first, which takes
    milliseconds. A second Ctrl-C ends the program at once, and leaves that sidecar as it was."""

    def __enter__(self) -> _CtrlC:
        self._pressed = False
        self._before = signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def __call__(self) -> bool:
        return self._pressed

    def _press(self, number: int, frame: FrameType | None) -> None:
        if self._pressed:
            raise KeyboardInterrupt
        self._pressed = True


def _show_change(change: SidecarChange) -> None:
    what = {"create": " (new)", "change": "", "delete": " (to be deleted: nothing else is in it)"}
    write_text(shown_path(change.sidecar) + what[change.action])
    for one in change.changes:
        write_text(f"  {one.field}: {one.before or '-'} -> {one.after or '-'}")


def _summary(report: SidecarReport, dry_run: bool) -> str:
    would = "would be " if dry_run else ""
    parts = [
        f"{report.created:,} {would}created",
        f"{report.changed:,} {would}changed",
        f"{report.unchanged:,} as they should be",
    ]
    if report.deleted:
        parts.insert(2, f"{report.deleted:,} {would}deleted")
    if report.failures:
        parts.append(f"{len(report.failures):,} left alone")
    return f"{count(report.photos, 'photo')}; sidecars: {', '.join(parts)}."


def _as_dict(report: SidecarReport, changes: list[SidecarChange], dry_run: bool) -> dict[str, Any]:
    return {
        "photos": report.photos,
        "created": report.created,
        "changed": report.changed,
        "deleted": report.deleted,
        "unchanged": report.unchanged,
        "dry_run": dry_run,
        "interrupted": report.interrupted,
        "sidecars": [
            {
                "photo": change.photo,
                "sidecar": change.sidecar,
                "action": change.action,
                "changes": [
                    {"field": one.field, "before": one.before, "after": one.after} for one in change.changes
                ],
            }
            for change in changes
        ],
        "failures": [{"path": path, "reason": reason} for path, reason in report.failures],
        "notes": [{"path": path, "note": note} for path, note in report.notes],
    }

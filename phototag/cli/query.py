"""`phototag query`: which photos, as a table, as paths, as JSON Lines or as CSV."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from operator import itemgetter

import click

from phototag.cli.output import (
    count,
    csv_cell,
    db_option,
    open_library,
    photo_dict,
    printable,
    refuse_together,
    say,
    shown_path,
    smile_word,
    write_json,
    write_path,
    write_table,
)
from phototag.query.terms import DEFAULT_SCORE
from phototag.records import PhotoLine

# name of the weights -> label -> least score; the default for others
Thresholds = Callable[[str], Mapping[str, float]]

SCORE = itemgetter(1)  # of a PhotoLine's things


@click.command()
@click.argument("terms", nargs=-1)
@db_option
@click.option("--json", "as_json", is_flag=True, help="JSON Lines: one object per photo.")
@click.option("--csv", "as_csv", is_flag=True, help="A table for spreadsheets, with a header.")
@click.option("-0", "--null", "null", is_flag=True, help="End each path with a NUL, for xargs -0.")
@click.option("--count", "only_count", is_flag=True, help="Print only how many.")
@click.option("--limit", type=click.IntRange(1), help="At most this many.")
@click.option(
    "--sort",
    type=click.Choice(["taken", "path", "smile", "relevance"]),
    help="Default: relevance when a thing is asked for, else taken.",
)
@click.option("--reverse", is_flag=True, help="The other way round.")
def query(
    terms: tuple[str, ...],
    db: str | None,
    as_json: bool,
    as_csv: bool,
    null: bool,
    only_count: bool,
    limit: int | None,
    sort: str | None,
    reverse: bool,
) -> None:
    """Find photos by what is in them.

    Photos must fit every TERM; without one, every photo is listed.

    \b
      dog   "potted plant"   a thing; dog:0.8 asks for a score of at least 0.8
      ^cat                   not; stands before any term
      smiling:all            everyone smiles (any, none, unknown)
      happy                  someone looks it (sad, angry, surprised, neutral ...)
      faces:2..              two faces or more (2, 1..3, ..1)
      taken:2016             also 2016-06, 2016-06-24, 2016-06..2016-08, 2016-07..
      path:Italy             part of the path
      camera:"Pixel"         part of the camera's name
      untagged failed missing

    \b
      phototag query smiling:all faces:3.. taken:2016
      phototag query dog ^person --json | jq .path
      phototag query smiling:all -0 | xargs -0 cp -t ~/album
    """
    refuse_together(("--json", as_json), ("--csv", as_csv), ("--null", null), ("--count", only_count))
    for name, value in (("--limit", limit), ("--sort", sort), ("--reverse", reverse)):
        refuse_together(("--count", only_count), (name, value))
    from phototag.query import parse as language
    from phototag.query.vocabulary import expand
    from phototag.weights.thresholds import strictest
    from phototag.weights.thresholds import thresholds as thresholds_of

    with open_library(db) as library:
        least = strictest(library.detectors(), DEFAULT_SCORE)
        asked = language.parse(terms, library.known_labels(), expand, thresholds=least)
        thresholds = cache(thresholds_of)  # of the weights that found a photo's things
        if only_count:
            click.echo(library.count(asked))
            return
        sort = sort or ("relevance" if asked.has_label else "taken")
        if not (as_json or as_csv or sys.stdout.isatty()):
            for path in library.paths(asked, sort=sort, limit=limit, descending=reverse):
                write_path(path, "\0" if null else "\n")
            return
        if as_json:
            for photo in library.photos(asked, sort=sort, limit=limit, descending=reverse):
                write_json(photo_dict(photo))
            return
        lines = library.lines(asked, sort=sort, limit=limit, descending=reverse)
        if as_csv:
            _write_csv(lines, thresholds)
        elif null:
            for line in lines:
                write_path(line.path, "\0")
        else:
            rows = [_row(line, thresholds) for line in lines]
            if rows:
                write_table(("taken", "smiling", "faces", "things", "photo"), rows, right=frozenset({2}))
            say(
                f"{count(len(rows), 'photo')}."
                + ("" if rows or terms else " Scan some first: phototag scan FOLDER")
            )


def things(photo: PhotoLine, thresholds: Thresholds, most: int = 3) -> str:
    """`2 person, dog`: what the photo shows, the most certain first."""
    counts: dict[str, int] = {}
    if photo.things:
        least = thresholds(photo.detector or "")
        for label, score in sorted(photo.things, key=SCORE, reverse=True):
            if score >= least.get(label, DEFAULT_SCORE):
                counts[label] = counts.get(label, 0) + 1
    boxed = [f"{n} {label}" if n > 1 else label for label, n in counts.items()]
    names = [*photo.user_labels, *boxed, *[label for label in photo.kinds if label not in counts]]
    return ", ".join(dict.fromkeys(names[:most])) or "-"


def _row(photo: PhotoLine, thresholds: Thresholds) -> tuple[str, ...]:
    taken = photo.taken_at.isoformat(" ", "minutes") if photo.taken_at else "-"
    seen = photo.error or things(photo, thresholds)
    return (
        taken,
        smile_word(photo.everyone_smiling),
        str(photo.faces),
        printable(seen),
        shown_path(photo.path),
    )


def _write_csv(photos: Iterable[PhotoLine], thresholds: Thresholds) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")

    def flush() -> None:  # as bytes, so that undecodable file names survive
        sys.stdout.flush()
        sys.stdout.buffer.write(text.getvalue().encode(errors="surrogateescape"))
        text.seek(0)
        text.truncate()

    writer.writerow(["path", "taken_at", "width", "height", "everyone_smiling", "faces", "things"])
    for photo in photos:
        taken = photo.taken_at.isoformat() if photo.taken_at else ""
        smiling = "" if photo.everyone_smiling is None else str(photo.everyone_smiling).lower()
        shown = things(photo, thresholds, most=99)
        writer.writerow(
            [csv_cell(photo.path), taken, photo.width, photo.height, smiling, photo.faces, csv_cell(shown)]
        )
        flush()
    flush()

"""`phototag query`: which photos, as a table, as paths, as JSON Lines or as CSV."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping

import click

from phototag.cli.output import (
    count,
    db_option,
    open_library,
    printable,
    refuse_together,
    say,
    shown_path,
    smile_word,
    write_json,
    write_path,
    write_pieces,
    write_table,
    write_text,
)
from phototag.exporting.describe import photo_dict
from phototag.outputs import csv_line
from phototag.query.terms import LABEL_HELP, STATE_HELP, TERMS, PlaceTerm, is_found
from phototag.records import PhotoLine, iso_date

CSV_COLUMNS = (
    "path",
    "taken_at",
    "width",
    "height",
    "everyone_smiling",
    "faces",
    "things",
    "taken_from",
    "persons",
    "rating",
    "keywords",
    "title",
    "description",
)


def _list_terms() -> str:
    """The terms and what they find, a line each."""
    rows = [*LABEL_HELP, *(kind.help for kind in TERMS.values()), *STATE_HELP]
    width = max(len(typed) for typed, _ in rows)
    return "\n".join(f"  {typed:<{width}}  {found}" for typed, found in rows)


HELP = f"""Find photos by what is in them.

Photos must fit every TERM; without one, every photo is listed. `or` between terms finds what fits
either side; parentheses, quoted for the shell, group: phototag query '(dog or cat) taken:2016'.

\b
{_list_terms()}

A word alone asks for the score from which on it may be believed: the one that the weights which
found it were measured to need (for everyday between 0.51 and 0.95), and 0.5 for all other labels.
`phototag tags` lists it for each label; dog:0.3 asks for less, and finds more that is wrong.

\b
  phototag query smiling:all faces:3.. taken:2016
  phototag query dog ^person --json | jq .path
  phototag query smiling:all -0 | xargs -0 cp -t ~/album
"""


@click.command(help=HELP)
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
    refuse_together(("--json", as_json), ("--csv", as_csv), ("--null", null), ("--count", only_count))
    for name, value in (("--limit", limit), ("--sort", sort), ("--reverse", reverse)):
        refuse_together(("--count", only_count), (name, value))

    with open_library(db) as library:
        asked = library.ask(terms)
        for unknown in asked.unknown_words:
            say(str(unknown))
        if any(isinstance(term, PlaceTerm) for term in asked.every_term()) and not library.has_places():
            say("No place has a name yet; type: pip install 'phototag[places]', then scan again.")
        if only_count:
            write_text(library.count(asked))
            return
        sort = sort or ("relevance" if asked.has_label else "taken")
        if not (as_json or as_csv or sys.stdout.isatty()):
            for path in library.paths(asked, sort=sort, limit=limit, descending=reverse):
                write_path(path, "\0" if null else "\n")
            return
        if as_json:
            for photo in library.photos(asked, sort=sort, limit=limit, descending=reverse):
                write_json(photo_dict(photo, asked.thresholds))
            return
        lines = library.lines(asked, sort=sort, limit=limit, descending=reverse)
        if as_csv:
            write_pieces(_csv_lines(lines, asked.thresholds))
        elif null:
            for line in lines:
                write_path(line.path, "\0")
        else:
            rows = [_row(line, asked.thresholds) for line in lines]
            if rows:
                write_table(("taken", "smiling", "faces", "things", "photo"), rows, right=frozenset({2}))
            say(
                f"{count(len(rows), 'photo')}."
                + ("" if rows or terms else " Scan some first: phototag scan FOLDER")
            )


def things(photo: PhotoLine, thresholds: Mapping[str, float], most: int = 3) -> str:
    """`Anna, 2 person, dog`: what the photo shows and a question would find, the most certain first.
    `thresholds`: label -> least score, see Library.thresholds."""
    counts: dict[str, int] = {}
    for label, score in sorted(photo.things, key=lambda thing: -thing[1]):
        if is_found(label, score, thresholds):
            counts[label] = counts.get(label, 0) + 1
    boxed = [f"{n} {label}" if n > 1 else label for label, n in counts.items()]
    kinds = [label for label, score in photo.kinds if is_found(label, score, thresholds)]
    names = [*photo.persons, *photo.user_labels, *boxed, *(label for label in kinds if label not in counts)]
    return ", ".join(dict.fromkeys(names[:most])) or "-"


def _row(photo: PhotoLine, thresholds: Mapping[str, float]) -> tuple[str, ...]:
    taken = (photo.taken_text or "-")[:16] + (" (file date)" if photo.date_is_guessed else "")
    seen = photo.error or things(photo, thresholds)
    return (
        taken,
        smile_word(photo.everyone_smiling),
        str(photo.faces),
        printable(seen),
        shown_path(photo.path),
    )


def _csv_lines(photos: Iterable[PhotoLine], thresholds: Mapping[str, float]) -> Iterator[str]:
    yield csv_line(CSV_COLUMNS)
    for photo in photos:
        smiling = "" if photo.everyone_smiling is None else str(photo.everyone_smiling).lower()
        yield csv_line(
            (
                photo.path,
                iso_date(photo.taken_text) or "",
                photo.width,
                photo.height,
                smiling,
                photo.faces,
                things(photo, thresholds, most=99),
                photo.taken_from,
                "; ".join(photo.persons),
                photo.written.rating,
                ", ".join(one.replace("|", "/") for one in photo.written.keywords),
                photo.written.title,
                photo.written.description,
            )
        )

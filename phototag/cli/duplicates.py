"""`phototag duplicates`: photos that are there more than once."""

from __future__ import annotations

import sys

import click

from phototag.cli.output import (
    count,
    db_option,
    json_option,
    open_library,
    say,
    shown_path,
    size,
    write_json,
    write_path,
    write_text,
)
from phototag.cli.selection import progress_bar


@click.command()
@click.argument("terms", nargs=-1)
@click.option("--similar", is_flag=True, help="Also other sizes, formats and retouches of the same picture.")
@db_option
@json_option
def duplicates(terms: tuple[str, ...], similar: bool, db: str | None, as_json: bool) -> None:
    """List photos that are there more than once, in groups.

    TERMS choose among which photos, as in phototag query. Without --similar, a group is the very same
    file, byte for byte. With it, every photo is opened once in small; what is measured is kept, so that
    it takes long only once, and goes on where it was stopped. The photo with most pixels comes first.
    Nothing is deleted: what to keep is yours to say.

    \b
      phototag duplicates
      phototag duplicates --similar taken:2016
      phototag duplicates --json | jq -r '.[].photos[1:][].path'
    """
    from phototag.duplicates import find_same, find_similar, spare_bytes
    from phototag.engines.local import decoding_threads

    with open_library(db) as library:
        question = library.ask(terms)
        for unknown in question.unknown_words:
            say(str(unknown))
        if not similar:
            groups = find_same(library, question)
        else:
            with progress_bar(0, "comparing") as bar:

                def on_progress(done: int, total: int) -> None:
                    bar.length = total
                    bar.update(done - bar.pos)

                groups = find_similar(library, question, workers=decoding_threads(), on_progress=on_progress)
    if as_json:
        write_json(
            [
                {
                    "spare_bytes": spare_bytes(group),
                    "photos": [
                        {
                            "path": photo.path,
                            "size_bytes": photo.size_bytes,
                            "width": photo.width,
                            "height": photo.height,
                            "content_hash": photo.content_hash,
                        }
                        for photo in group
                    ],
                }
                for group in groups
            ]
        )
        return
    for number, group in enumerate(groups):
        if not sys.stdout.isatty():
            if number:
                write_text("")
            for photo in group:
                write_path(photo.path)
            continue
        write_text(f"{count(len(group), 'photo')}, {size(spare_bytes(group))} to spare")
        for photo in group:
            write_text(
                f"  {photo.width} x {photo.height}, {size(photo.size_bytes)}  {shown_path(photo.path)}"
            )
    spare = size(sum(map(spare_bytes, groups)))
    say(f"{count(len(groups), 'group')}, {spare} in all but the first of each." if groups else "None.")

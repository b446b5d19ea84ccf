"""`phototag relocate`: a library moved as a whole."""

from __future__ import annotations

import click

from phototag.cli.output import count, db_option, json_option, open_library, printable, write_json, write_text
from phototag.storage.address import absolute


@click.command()
@click.argument("old", type=click.Path())
@click.argument("new", type=click.Path())
@db_option
@json_option
def relocate(old: str, new: str, db: str | None, as_json: bool) -> None:
    """Tell the catalog that a folder of photos has moved.

    Nothing is tagged again. OLD is the folder as it was scanned, NEW where it is now.

    \b
      phototag relocate /media/old-disk/Photos ~/Photos
      phototag relocate s3://museum/photos /mnt/museum/photos
    """
    with open_library(db) as library:
        moved = library.relocate(absolute(old), absolute(new))
    if as_json:
        write_json({"moved": moved})
    else:
        write_text(f"{count(moved, 'photo')} now under {printable(absolute(new))}.")

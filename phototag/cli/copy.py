"""`phototag copy`: the whole catalog into another place."""

from __future__ import annotations

from dataclasses import asdict

import click

from phototag.cli.output import (
    count,
    db_option,
    json_option,
    open_library,
    printable,
    say,
    write_json,
    write_text,
)
from phototag.cli.selection import progress_bar


@click.command()
@click.option(
    "--to",
    "target",
    required=True,
    metavar="FILE|URL",
    type=click.Path(dir_okay=False),
    help="Where to: a new file, or an empty database of PostgreSQL.",
)
@click.option("--embeddings", is_flag=True, help="Also what tells whose face it is (scan --people).")
@db_option
@json_option
def copy(target: str, embeddings: bool, db: str | None, as_json: bool) -> None:
    """Copy the catalog into an empty file, or into PostgreSQL and back.

    Everything is copied: photos, answers, albums, and all that you said. What tells whose a face is
    only with --embeddings; without it the groups of faces stay behind too, and the next scan --people
    makes them. The catalog itself is only read. Stopped in the middle, it leaves the target empty, and
    the same command begins anew. A target that is not empty is refused: see merge.

    \b
      phototag copy --to postgresql+psycopg://ann@nas/photos
      phototag copy --db postgresql+psycopg://ann@nas/photos --to catalog.db
    """
    with open_library(db) as library, progress_bar(0, "copying rows") as bar:

        def on_progress(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        copied = library.copy_to(target, with_embeddings=embeddings, on_message=say, on_progress=on_progress)
    if as_json:
        write_json(asdict(copied))
        return
    write_text(f"{count(copied.photos, 'photo')} copied, {count(copied.rows, 'row')}.")
    if copied.embeddings_left_out:
        say(
            f"What tells whose face it is was left out, of {count(copied.embeddings_left_out, 'face')}: "
            "--embeddings takes it along."
        )
    from phototag.library.address import read_address, show_address

    say(f"Use it: PHOTOTAG_DB={printable(show_address(read_address(target)))}")

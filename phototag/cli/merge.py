"""`phototag merge`: what another catalog knows of the same photos."""

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
from phototag.errors import StorageError, UnreadablePhoto
from phototag.records import PhotoFile

LISTED = 20  # contradictions; --json has all


@click.command()
@click.argument("other", type=click.Path(dir_okay=False))
@click.option(
    "--hash",
    "with_hash",
    is_flag=True,
    help="Read the photos here that were never hashed, to tell which they are.",
)
@click.option("--embeddings", is_flag=True, help="Also what tells whose face it is (scan --people).")
@click.option("--dry-run", is_flag=True, help="Only say what would be taken over.")
@db_option
@json_option
def merge(
    other: str, with_hash: bool, embeddings: bool, dry_run: bool, db: str | None, as_json: bool
) -> None:
    """Take over what another catalog knows of the same photos.

    So one machine can look at the photos and another one ask: scan a copy of them on the fast one,
    then merge its catalog into the other's. Photos are the same whose bytes are, wherever they lie.
    Answers are taken over where this catalog has none, or an error; what you said of photos and
    faces too. Where the two say different things, this catalog's word stays, and the other is listed.
    OTHER is only read.

    \b
      phototag merge /media/pc/catalog.db --dry-run
      phototag merge /media/pc/catalog.db
    """
    from phototag import gazetteer

    with open_library(db) as library, progress_bar(0, "merging") as bar:

        def on_progress(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        found = library.merge(
            other,
            hash_file=_hash_or_none if with_hash else None,
            with_embeddings=embeddings,
            dry_run=dry_run,
            on_progress=on_progress,
        )
        if (version := gazetteer.version()) and not dry_run:
            library.find_places(version, gazetteer.load)
    if as_json:
        write_json({**asdict(found), "dry_run": dry_run})
        return
    taken_over = "would be taken over" if dry_run else "taken over"
    write_text(
        f"{count(found.photos, 'photo')} known in both; {found.answers:,} answers about "
        f"{count(found.photos_answered, 'photo')} and {count(found.words, 'word')} of yours {taken_over}."
    )
    if found.photos_only_there:
        say(f"{count(found.photos_only_there, 'photo')} of the other catalog are not here.")
    if found.photos_never_hashed:
        say(
            f"{count(found.photos_never_hashed, 'photo')} here may be known there, but were never read; "
            "with --hash they are."
        )
    if found.contradictions:
        say(f"{count(len(found.contradictions), 'word')} contradict what is said here, which stays:")
        for one in found.contradictions[:LISTED]:
            where = printable(one.path) if one.path else "a photo that is not here"
            say(f"  {where}: {printable(one.ours)} here, {printable(one.theirs)} there")
        if len(found.contradictions) > LISTED:
            say(f"  and {len(found.contradictions) - LISTED:,} more; --json has them all")


def _hash_or_none(file: PhotoFile) -> str | None:
    from phototag.reading import files

    try:
        return files.hash_file(file.full_path())
    except (UnreadablePhoto, StorageError):
        return None

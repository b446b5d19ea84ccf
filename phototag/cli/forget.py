"""`phototag forget`: photos that the catalog is to know no longer."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from phototag.cli.output import count, db_option, json_option, open_library, say, write_json, write_text
from phototag.errors import UsageError
from phototag.storage.address import absolute


@click.command()
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--missing", is_flag=True, help="Only photos whose files are gone; without PATHS, all such.")
@click.option("--yes", is_flag=True, help="Do not ask, even where your own labels would be lost.")
@click.option("--dry-run", is_flag=True, help="Only say what would be forgotten.")
@db_option
@json_option
def forget(
    paths: tuple[str, ...], missing: bool, yes: bool, dry_run: bool, db: str | None, as_json: bool
) -> None:
    """Remove from the catalog what it knows of photos.

    With --missing, of those that the last scan did not find any more. With PATHS, of all photos in
    these folders, whether their files are there or not. Files are never touched; those that are there
    are found again by the next scan, but what you said of them with `phototag tag` is lost. So it
    asks first where you said something.

    \b
      phototag forget --missing --dry-run
      phototag forget --missing
      phototag forget /media/old-disk/Photos
    """
    if not (paths or missing):
        raise click.UsageError("name folders, or give --missing; type for example: phototag forget --missing")
    scope = [absolute(path) for path in paths] or None
    with open_library(db) as library:
        found = library.forget(scope, missing=missing, dry_run=True)
        if not dry_run and found.with_words and not yes:
            _ask(found.with_words)
        if not dry_run:
            found = library.forget(scope, missing=missing)
    if as_json:
        write_json({**asdict(found), "dry_run": dry_run})
        return
    verb = "would be forgotten" if dry_run else "forgotten"
    write_text(
        f"{count(found.photos, 'photo')} {verb}: {found.with_words:,} with your own labels, "
        f"{found.in_albums:,} in albums."
    )
    if dry_run:
        say("Nothing was done: this was a dry run.")


def _ask(with_words: int) -> None:
    """Raises Abort where the person says no, UsageError where nobody can be asked."""
    lost = f"What you said of {count(with_words, 'photo')} would be lost"
    if not sys.stdin.isatty():
        raise UsageError(
            f"{lost}. Look first: phototag forget ... --dry-run; to forget all the same, add --yes"
        )
    click.confirm(f"{lost}. Forget all the same?", abort=True, err=True)

"""`phototag albums`: what highlights has made, as the catalog remembers it."""

from __future__ import annotations

import click

from phototag.cli.output import db_option, json_option, open_library, printable, say, write_json, write_table
from phototag.cli.selection import print_photos


@click.group(invoke_without_command=True)
@db_option
@click.pass_context
def albums(ctx: click.Context, db: str | None) -> None:
    """List the albums that highlights has made.

    \b
      phototag albums
      phototag albums show smiles-2016
    """
    ctx.obj = db
    if ctx.invoked_subcommand is None:
        with open_library(db) as library:
            found = library.albums()
        if not found:
            say("No albums yet. Make one: phototag highlights smiles")
            return
        write_table(
            ("album", "photos", "theme", "query", "made"),
            [
                (
                    printable(a.name),
                    str(a.photos),
                    printable(a.theme),
                    printable(a.query),
                    f"{a.created_at:%Y-%m-%d}",
                )
                for a in found
            ],
            right=frozenset({1}),
        )


@albums.command("show")
@click.argument("name")
@db_option
@json_option
@click.pass_context
def albums_show(ctx: click.Context, name: str, db: str | None, as_json: bool) -> None:
    """The photos of an album, in order, and why each is there."""
    with open_library(db or ctx.obj) as library:
        found, members = library.album(name)
    if as_json:
        photos = [
            {
                "position": member.position,
                "path": photo.path,
                "reason": member.reason,
                "score": round(member.score, 4),
            }
            for photo, member in members
        ]
        write_json(
            {"name": found.name, "theme": found.theme, "query": found.query, "photos": photos}, indent=2
        )
    else:
        print_photos([(photo, member.reason) for photo, member in members])

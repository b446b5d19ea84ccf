"""`phototag albums`: what highlights has made, as the catalog remembers it."""

from __future__ import annotations

import click

from phototag.cli.output import (
    db_option,
    json_option,
    open_library,
    printable,
    say,
    write_json,
    write_table,
    write_text,
)
from phototag.cli.selection import print_photos


@click.group(invoke_without_command=True)
@db_option
@json_option
@click.pass_context
def albums(ctx: click.Context, db: str | None, as_json: bool) -> None:
    """List the albums that highlights has made.

    \b
      phototag albums
      phototag albums show smiles-2016
      phototag albums delete smiles-2016
    """
    ctx.obj = db, as_json
    if ctx.invoked_subcommand is not None:
        return
    with open_library(db) as library:
        found = library.albums()
    if as_json:
        rows = [
            {
                "name": album.name,
                "photos": album.photos,
                "theme": album.theme,
                "query": album.query,
                "made_at": f"{album.created_at:%Y-%m-%dT%H:%M:%SZ}",
            }
            for album in found
        ]
        write_json(rows, indent=2)
        return
    if not found:
        say("No albums yet. Make one: phototag highlights smiles")
        return
    write_table(
        ("album", "photos", "theme", "query", "made"),
        [
            (
                printable(album.name),
                str(album.photos),
                printable(album.theme),
                printable(album.query),
                f"{album.created_at:%Y-%m-%d}",
            )
            for album in found
        ],
        right=frozenset({1}),
        key=0,
    )


@albums.command("show")
@click.argument("name")
@db_option
@json_option
@click.pass_obj
def albums_show(given: tuple[str | None, bool], name: str, db: str | None, as_json: bool) -> None:
    """The photos of an album, in order, and why each is there."""
    with open_library(db or given[0]) as library:
        found, members = library.album(name)
    if as_json or given[1]:
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


@albums.command("delete")
@click.argument("name")
@db_option
@json_option
@click.pass_obj
def albums_delete(given: tuple[str | None, bool], name: str, db: str | None, as_json: bool) -> None:
    """Forget an album.

    Its photos stay as they are, and so does what was made of it: folder, gallery and film.

    \b
      phototag albums delete smiles-2016
    """
    with open_library(db or given[0]) as library:
        library.delete_album(name)
    if as_json or given[1]:
        write_json({"deleted": name})
    else:
        write_text(f"The album {printable(name)} is deleted from the catalog; its folder and film stay.")

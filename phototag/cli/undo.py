"""`phototag undo`: takes back the last change that a person made by a word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from phototag.cli.output import (
    db_option,
    json_option,
    open_library,
    printable,
    refuse_without,
    say,
    write_json,
    write_table,
    write_text,
)

if TYPE_CHECKING:
    from phototag.library.journal import Entry


@click.command()
@click.option("--list", "only_list", is_flag=True, help="Only list the last changes.")
@click.option("--limit", type=click.IntRange(1), help="With --list: at most this many. Default: 20.")
@db_option
@json_option
def undo(only_list: bool, limit: int | None, db: str | None, as_json: bool) -> None:
    """Undo the last change that you made with a word of yours.

    Of labels, faces, names and groups: whatever `phototag tag`, `untag` and the like changed, one
    command at a time, however many photos it was about. Again, it undoes the change before that.

    \b
      phototag undo
      phototag undo --list
    """
    if not only_list:
        refuse_without("--list", ("--limit", limit))
    with open_library(db) as library:
        if only_list:
            _write_list(library.changes(limit) if limit else library.changes(), as_json)
            return
        undone = library.undo()
    if as_json:
        write_json({"undone": undone and _entry_dict(undone)})
    elif undone is None:
        say("There is nothing to undo.")
    else:
        write_text(f"Undone: {undone.summary}")


def _write_list(changes: list[Entry], as_json: bool) -> None:
    if as_json:
        write_json({"changes": [_entry_dict(change) for change in changes]})
    elif changes:
        rows = [
            (
                f"{change.at.astimezone():%Y-%m-%d %H:%M}",
                "undone" if change.undone_at else "",
                printable(change.summary),
            )
            for change in changes
        ]
        write_table(("when", "", "what"), rows)
    else:
        say("You have changed nothing yet.")


def _entry_dict(change: Entry) -> dict[str, Any]:
    return {
        "number": change.number,
        "at": change.at.isoformat(),
        "summary": change.summary,
        "undone_at": change.undone_at and change.undone_at.isoformat(),
    }

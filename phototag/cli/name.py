"""`phototag name`: says whose a group of faces is, or a face."""

from __future__ import annotations

import os
import re

import click

from phototag.cli.output import (
    count,
    db_option,
    json_option,
    open_library,
    printable,
    say,
    shown_path,
    write_json,
    write_text,
)
from phototag.cli.tag import write_changed
from phototag.cli.targets import Words, find_targets, tell_targets
from phototag.errors import UsageError

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


@click.command()
@click.argument("who", metavar="NUMBER|PHOTO#N")
@click.argument("name", nargs=-1, required=True)
@click.option("--not", "is_not", is_flag=True, help="It is not NAME, whoever it is.")
@db_option
@json_option
def name(who: str, name: tuple[str, ...], is_not: bool, db: str | None, as_json: bool) -> None:
    """Say whose a group of faces is, or one face.

    NUMBER is a group of `phototag people`; PHOTO#2 is the face with the number 2 of a photo, as
    `phototag show` prints it. A name hangs on each face itself: it outlives scans, other nets, moves
    and copies of the photo. Two faces of one photo are two persons: where a name is in a photo of the
    group already, that photo is left out, and told. `phototag undo` takes it back.

    \b
      phototag name 3 Anna
      phototag name IMG_0042.jpg#2 Anna
      phototag name 3 --not Anna
    """
    person = " ".join(name)
    with open_library(db) as library:
        if not _NUMBER.fullmatch(who) or os.path.lexists(who):
            targets = find_targets(library, Words(others=[who]), ())
            if not targets.faces:
                raise UsageError(
                    f"{printable(who)!r} is neither a group nor a face; type for example: phototag name 3 "
                    "Anna, or: phototag name IMG_0042.jpg#2 Anna"
                )
            if is_not:
                library.tag_faces(targets.faces, not_persons=[person])
            else:
                library.tag_faces(targets.faces, person=person)
            if as_json:
                write_changed(library, targets)
            else:
                write_text(f"{tell_targets(targets)}: {'not ' if is_not else ''}{person}.")
            return
        number = int(who)
        named = library.deny_group(number, person) if is_not else library.name_group(number, person)
    if as_json:
        found = {"number": number, "name": named.name, "is": not is_not, "faces": named.faces}
        write_json({**found, "left_out": list(named.left_out)})
        return
    write_text(f"Group {number}: {'not ' if is_not else ''}{named.name}, {count(named.faces, 'face')}.")
    for path in named.left_out:
        say(f"{shown_path(path)}: left out, another face in it is {named.name}")

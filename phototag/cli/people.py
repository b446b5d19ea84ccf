"""`phototag people`: the groups of faces that are taken for one person each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from phototag.cli.output import (
    count,
    db_option,
    json_option,
    open_library,
    printable,
    refuse_together,
    refuse_without,
    say,
    shown_path,
    write_json,
    write_table,
    write_text,
)

if TYPE_CHECKING:
    from phototag.library import Library
    from phototag.library.groups import PersonGroup, Suggestion

MOST_SHOWN = 20  # groups in the table unless --all is given: behind them come pairs of strangers
UNNAMED = "-"


@click.group(invoke_without_command=True)
@click.option("--all", "every", is_flag=True, help=f"All groups; without it the {MOST_SHOWN} largest.")
@click.option(
    "--sheet",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Draw a contact sheet, a row of faces for each group: .jpg, .png or .webp.",
)
@click.option("--suggest", is_flag=True, help="Pairs of groups that may be one person, the likeliest first.")
@click.option("--forget", is_flag=True, help="Remove all embeddings and groups, and look for people no more.")
@click.option("--names", is_flag=True, help="With --forget: your names of faces, too.")
@click.option("--yes", is_flag=True, help="With --forget: do not ask.")
@click.option("--force", is_flag=True, help="Let --sheet replace a file that phototag did not make.")
@db_option
@json_option
@click.pass_context
def people(
    ctx: click.Context,
    every: bool,
    sheet: Path | None,
    suggest: bool,
    forget: bool,
    names: bool,
    yes: bool,
    force: bool,
    db: str | None,
    as_json: bool,
) -> None:
    """Show who is in your photos: groups of faces, to be named.

    A scan with --people makes the groups. Each is one person as far as the faces' likeness goes, and
    keeps its number from scan to scan. Name one with `phototag name 3 Anna`, one face with
    `phototag name PHOTO#2 Anna`; from then on `phototag query person:Anna smiling:Anna` finds her. The
    program itself names nobody. `phototag undo` takes the last change back.

    \b
      phototag scan ~/Photos --people
      phototag people --sheet people.jpg
      phototag name 3 Anna
      phototag people --suggest --sheet pairs.jpg
      phototag people merge 3 7
      phototag people split 3
      phototag people --forget --names
    """
    ctx.obj = db, as_json
    if ctx.invoked_subcommand is not None:
        return
    if forget:
        refuse_together(("--forget", forget), ("--suggest", suggest), ("--sheet", sheet))
    refuse_without("--forget", ("--names", names and not forget), ("--yes", yes and not forget))
    refuse_without("--sheet", ("--force", force and not sheet))
    if forget:
        _forget(db, names, yes, as_json)
    elif suggest:
        _suggest(db, sheet, force, as_json)
    else:
        _show(db, sheet, force, every, as_json)


def _show(db: str | None, sheet: Path | None, force: bool, every: bool, as_json: bool) -> None:
    with open_library(db) as library:
        found = library.people()
        wanted = library.looks_for_people()
        if sheet and found:
            from phototag.cli import people_sheet

            rows = [(_title(group), group.examples) for group in (found if every else found[:MOST_SHOWN])]
            people_sheet.draw(rows, sheet, _photos_of(library), force=force)
    if as_json:
        write_json([group_dict(group) for group in found])
        return
    if not found:
        say(
            "No groups yet: no face was seen twice."
            if wanted
            else "Nobody was looked for in this catalog yet. Type: phototag scan FOLDER --people"
        )
        return
    shown = found if every else found[:MOST_SHOWN]
    write_table(
        ("number", "name", "faces", "photos", "years", "sure"),
        [
            (
                str(group.number),
                printable(group.name or UNNAMED),
                f"{group.faces:,}",
                f"{group.photos:,}",
                _years(group),
                "yes" if group.sure else "look",
            )
            for group in shown
        ],
        right=frozenset({0, 2, 3}),
        key=1,
    )
    if len(found) > len(shown):
        say(f"And {count(len(found) - len(shown), 'smaller group')}: phototag people --all")
    unnamed = next((group for group in found if not group.name), None)
    if unnamed:
        say(f"Name a group: phototag name {unnamed.number} NAME" + ("" if sheet else _see_sheet()))


def _photos_of(library: Library) -> Callable[[str], bool]:
    """Whether a path is that of a photo in the catalog."""

    def is_photo(path: str) -> bool:
        return library.photo(path) is not None

    return is_photo


def _see_sheet() -> str:
    return "; see the faces: phototag people --sheet people.jpg"


def _suggest(db: str | None, sheet: Path | None, force: bool, as_json: bool) -> None:
    with open_library(db) as library:
        pairs = library.suggest_people()
        if sheet and pairs:
            from phototag.cli import people_sheet

            rows = [
                (_title(group), group.examples)
                for pair in pairs[:MOST_SHOWN]
                for group in (pair.one, pair.other)
            ]
            people_sheet.draw(rows, sheet, _photos_of(library), together=2, force=force)
    if as_json:
        write_json([_pair_dict(pair) for pair in pairs])
        return
    if not pairs:
        say("No two groups are so alike that they may be one person.")
        return
    write_table(
        ("distance", "one", "other", "if they are one"),
        [
            (
                f"{pair.distance:.3f}",
                _title(pair.one),
                _title(pair.other),
                f"phototag people merge {pair.one.number} {pair.other.number}",
            )
            for pair in pairs[:MOST_SHOWN]
        ],
        right=frozenset({0}),
        key=3,
    )
    if not sheet:
        say("See their faces: phototag people --suggest --sheet pairs.jpg")


def _forget(db: str | None, names: bool, yes: bool, as_json: bool) -> None:
    what = "all embeddings and groups of faces" + (", and all names that you gave to faces" if names else "")
    if not yes:
        click.confirm(f"Remove {what} from the catalog? It cannot be undone.", abort=True, err=True)
    with open_library(db) as library:
        found = library.forget_people(names=names)
    if as_json:
        write_json(
            {
                "embeddings": found.embeddings,
                "groups": found.groups,
                "names": found.names,
                "backups": list(found.backups),
            }
        )
        return
    removed = f"{count(found.embeddings, 'embedding')} and {count(found.groups, 'group')}"
    removed += f", and {count(found.names, 'word')} on who is who" if names else ""
    write_text(f"Removed: {removed}. Scans look for people no more, until one has --people.")
    for backup in found.backups:
        write_text(f"This copy of the catalog still holds some: {shown_path(backup)}. Delete it yourself.")


@people.command("merge")
@click.argument("numbers", nargs=-1, required=True, type=click.IntRange(1))
@db_option
@json_option
@click.pass_obj
def people_merge(
    given: tuple[str | None, bool], numbers: tuple[int, ...], db: str | None, as_json: bool
) -> None:
    """Say that groups are one person.

    It holds for all later scans. Where one of them has a name, the others get it.

    \b
      phototag people merge 3 7
    """
    with open_library(db or given[0]) as library:
        number = library.merge_groups(numbers)
        group = next(group for group in library.people() if group.number == number)
    if as_json or given[1]:
        write_json(group_dict(group))
    else:
        write_text(f"{_title(group)}: {count(group.faces, 'face')} in {count(group.photos, 'photo')}.")


@people.command("apart")
@click.argument("numbers", nargs=2, type=click.IntRange(1))
@db_option
@json_option
@click.pass_obj
def people_apart(
    given: tuple[str | None, bool], numbers: tuple[int, int], db: str | None, as_json: bool
) -> None:
    """Say that two groups are not one person.

    They are suggested no more, and no scan joins them. Where one of them has a name, the faces of the
    other are not that person.

    \b
      phototag people apart 3 7
    """
    with open_library(db or given[0]) as library:
        said = library.keep_groups_apart(*numbers)
        groups = [group for group in library.people() if group.number in numbers]
    if as_json or given[1]:
        write_json([group_dict(group) for group in groups])
    else:
        write_text(f"{printable(said)}.")


@people.command("split")
@click.argument("number", type=click.IntRange(1))
@db_option
@json_option
@click.pass_obj
def people_split(given: tuple[str | None, bool], number: int, db: str | None, as_json: bool) -> None:
    """Say that a group is more than one person.

    It falls apart where its faces are least alike; the largest part keeps number and name. The parts
    stay apart in all later scans.

    \b
      phototag people split 3
    """
    with open_library(db or given[0]) as library:
        numbers = library.split_group(number)
        parts = [group for group in library.people() if group.number in numbers]
    if as_json or given[1]:
        write_json([group_dict(group) for group in parts])
        return
    for group in parts:
        write_text(f"{_title(group)}: {count(group.faces, 'face')} in {count(group.photos, 'photo')}.")


def _title(group: PersonGroup) -> str:
    return f"{group.number} {printable(group.name)}" if group.name else str(group.number)


def _years(group: PersonGroup) -> str:
    if group.first_year is None:
        return UNNAMED
    first, last = group.first_year, group.last_year
    return str(first) if first == last else f"{first} to {last}"


def group_dict(group: PersonGroup) -> dict[str, Any]:
    """One group of `people --json`."""
    return {
        "number": group.number,
        "name": group.name,
        "faces": group.faces,
        "photos": group.photos,
        "first_year": group.first_year,
        "last_year": group.last_year,
        "sure": group.sure,
        "examples": [
            {"path": face.path, "box": [round(edge, 5) for edge in face.box]} for face in group.examples
        ],
    }


def _pair_dict(pair: Suggestion) -> dict[str, Any]:
    return {
        "distance": round(pair.distance, 4),
        "one": group_dict(pair.one),
        "other": group_dict(pair.other),
    }

"""`phototag tag`: the user's own word about photos and faces, which no scan overrides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

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
from phototag.cli.targets import Targets, Words, find_targets, read_words, tell_targets
from phototag.errors import UsageError
from phototag.exporting.describe import photo_dict
from phototag.records import Box, Photo

if TYPE_CHECKING:
    from phototag.library import Library

OPTIONS = (
    "--smiling", "--not-smiling", "--a-face", "--not-a-face", "--not", "--face", "--where", "--dry-run",
    "--db", "--json",
)  # fmt: skip
WORDS_SHOWN = ("path", "user_labels", "smile_words", "persons", "faces", "not_faces")


# -label is a word, not an option, and -happiness no call for help
@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@click.argument("words", nargs=-1, metavar="PHOTO... WORD...", type=click.UNPROCESSED)
@click.option("--smiling/--not-smiling", default=None, help="Of a face: it smiles, or does not.")
@click.option("--a-face/--not-a-face", "is_face", default=None, help="Of a face: it is one, or is none.")
@click.option("--not", "not_persons", multiple=True, metavar="NAME", help="Of a face: it is not this person.")
@click.option(
    "--face",
    metavar="BOX",
    help="Add a face that no net found: LEFT,TOP,RIGHT,BOTTOM in pixels of the upright photo, or as "
    "fractions of it.",
)
@click.option("--where", multiple=True, metavar="TERMS", help="All photos that fit, as in phototag query.")
@click.option("--dry-run", is_flag=True, help="Only say of how many photos or faces it would be said.")
@db_option
@json_option
def tag(
    words: tuple[str, ...],
    smiling: bool | None,
    is_face: bool | None,
    not_persons: tuple[str, ...],
    face: str | None,
    where: tuple[str, ...],
    dry_run: bool,
    db: str | None,
    as_json: bool,
) -> None:
    """Say what is in photos, and who; no scan overrides it.

    WORD is +label or -label, of whole photos. Two labels say who smiles: "everyone smiling" and
    "anyone smiling". PHOTO#2 is the face with the number 2, as `phototag show` prints it and
    `phototag show --image` draws it; WORD is then the name of the person. What you say of a face
    stands whatever net finds it, wherever the photo goes and whatever is written into it. -0 reads
    photos, ended by NUL, from a pipe. `phototag undo` takes the last change back, `phototag untag`
    any.

    \b
      phototag tag IMG_0042.jpg +grandma +"birthday cake" -dog
      phototag tag IMG_0042.jpg#2 Anna
      phototag tag IMG_0042.jpg#1 IMG_0043.jpg#3 "Ben Miller" --smiling
      phototag tag IMG_0042.jpg#3 --not-a-face
      phototag tag IMG_0042.jpg --face 640,210,760,380 Anna
      phototag tag --where "path:Italy" +holiday
      phototag query dog taken:2016 -0 | phototag tag -0 +Rex
    """
    read = read_words(words, OPTIONS)
    said_of_face = smiling is not None or is_face is not None or bool(not_persons)
    with open_library(db) as library:
        if face is not None:
            targets, name, box = _read_added(library, read, face)
        else:
            targets, box = find_targets(library, read, where), None
            name = " ".join(targets.rest) or None
        _check(targets, read, name, said_of_face=said_of_face, is_added=box is not None, where=where)
        done = _say(name, smiling, is_face, not_persons, box) if targets.faces or box else _say_labels(read)
        if dry_run:
            say(f"{tell_targets(targets)}: {done}. Nothing was done: this was a dry run.")
            return
        if len(targets.photos) > 1:
            say(f"Changing {count(len(targets.photos), 'photo')} ...")
        if box is not None:
            library.add_face(targets.photos[0], box, person=name, smiling=smiling)
        elif targets.faces:
            library.tag_faces(
                targets.faces, person=name, not_persons=not_persons, smiling=smiling, is_face=is_face
            )
        else:
            library.correct(targets.photos, read.add, read.remove)
        if as_json:
            write_changed(library, targets)
            return
    if targets.photos or targets.faces:
        write_text(f"{tell_targets(targets)}: {done}.")
    else:
        say("No photo fits: nothing was changed.")


def _check(
    targets: Targets,
    read: Words,
    name: str | None,
    *,
    said_of_face: bool,
    is_added: bool,
    where: Sequence[str],
) -> None:
    """Raises UsageError where it is not clear what is said of what."""
    labels = bool(read.add or read.remove)
    if targets.faces and (targets.photos or where):
        raise UsageError(
            f"either faces or whole photos: {printable((targets.photos or list(where))[0])} is no face; "
            "type for example: phototag tag IMG_0042.jpg#2 Anna"
        )
    if (targets.faces or is_added) and labels:
        raise UsageError("labels are of whole photos: leave out the face, or the label")
    if targets.faces and not (name or said_of_face):
        raise UsageError("what is said of the face? Type for example: phototag tag IMG_0042.jpg#2 Anna")
    if not (targets.faces or is_added) and said_of_face:
        raise UsageError(
            "which face? Type for example: phototag tag IMG_0042.jpg#2 --not-smiling; see the numbers: "
            "phototag show IMG_0042.jpg"
        )
    if targets.faces or is_added:
        return
    if not (targets.photos or where or read.null):
        raise UsageError("of which photo? Type for example: phototag tag IMG_0042.jpg +grandma")
    if not labels:
        last = printable(read.others[-1]) if len(read.others) > 1 else None
        hint = f"{last!r} is no +label and no -label. " if last else ""
        raise UsageError(
            f"{hint}Type for example: phototag tag PHOTO +grandma -dog, or: phototag tag PHOTO#1 Anna"
        )


def _read_added(library: Library, read: Words, text: str) -> tuple[Targets, str | None, Box]:
    """The photo to which a face is added, whose it is, and where."""
    if not read.others or read.null:
        raise UsageError(
            "--face needs one photo; type for example: phototag tag IMG_0042.jpg --face 640,210,760,380 Anna"
        )
    targets = find_targets(library, Words(others=read.others[:1]), ())
    if targets.faces:
        raise UsageError("--face adds a face to a photo: leave out the number behind #")
    photo = library.photo(targets.photos[0])
    return targets, " ".join(read.others[1:]) or None, _read_box(text, photo)


def _read_box(text: str, photo: Photo | None) -> Box:
    try:
        edges = [float(edge) for edge in text.split(",")]
        if len(edges) == 4 and max(edges) > 1 and photo and photo.width and photo.height:
            width, height = photo.width, photo.height
            edges = [edges[0] / width, edges[1] / height, edges[2] / width, edges[3] / height]
        left, top, right, bottom = edges
        return Box(left, top, right, bottom)
    except ValueError as error:
        size = f", which has {photo.width} x {photo.height} pixels" if photo and photo.width else ""
        raise UsageError(
            f"--face {printable(text)} is no place in the photo{size}; type the left, top, right and bottom "
            "edge: --face 640,210,760,380"
        ) from error


def _say(
    name: str | None,
    smiling: bool | None,
    is_face: bool | None,
    not_persons: Sequence[str],
    box: Box | None,
) -> str:
    """What is said of faces."""
    said = ["a face"] if box else []
    said += [name] if name else []
    said += [f"not {other}" for other in not_persons]
    said += [] if smiling is None else ["smiling" if smiling else "not smiling"]
    said += [] if is_face is None else ["a face" if is_face else "not a face"]
    return printable(", ".join(said))


def _say_labels(read: Words) -> str:
    said = [
        f"{count(len(labels), 'label')} {verb}"
        for labels, verb in ((read.add, "added"), (read.remove, "taken away"))
        if labels
    ]
    return ", ".join(said)


def write_changed(library: Library, targets: Targets) -> None:
    """JSON Lines: what the user says of each photo now."""
    thresholds = library.thresholds()
    for path in dict.fromkeys([*targets.photos, *(path for path, _ in targets.faces)]):
        photo = library.photo(path)
        if photo is not None:
            full: dict[str, Any] = photo_dict(photo, thresholds)
            write_json({key: full[key] for key in WORDS_SHOWN})

"""`phototag untag`: takes back what the user said of photos and faces."""

from __future__ import annotations

import click

from phototag.cli.output import count, db_option, json_option, open_library, say, write_text
from phototag.cli.tag import write_changed
from phototag.cli.targets import find_targets, read_words, tell_targets
from phototag.errors import UsageError

OPTIONS = ("--all", "--where", "--db", "--json")


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@click.argument("words", nargs=-1, metavar="PHOTO... WORD...", type=click.UNPROCESSED)
@click.option("--all", "everything", is_flag=True, help="All that you said of the photos and their faces.")
@click.option("--where", multiple=True, metavar="TERMS", help="All photos that fit, as in phototag query.")
@db_option
@json_option
def untag(
    words: tuple[str, ...], everything: bool, where: tuple[str, ...], db: str | None, as_json: bool
) -> None:
    """Take back what you said of photos and faces.

    What the nets see counts again. WORD is a label with + or -, whichever you said. Of a face,
    PHOTO#2, all that you said is taken back, or with a NAME only that it is this person, or is not.
    A face that you added goes. -0 reads photos, ended by NUL, from a pipe.

    \b
      phototag untag IMG_0042.jpg +grandma
      phototag untag IMG_0042.jpg#2
      phototag untag IMG_0042.jpg#2 Anna
      phototag untag IMG_0042.jpg --all
      phototag untag --where "path:Italy" +holiday
    """
    read = read_words(words, OPTIONS)
    labels = [*read.add, *read.remove]
    if everything and labels:
        raise UsageError("either --all or labels; give one of them")
    with open_library(db) as library:
        targets = find_targets(library, read, where)
        if targets.faces:
            if targets.photos or where or labels or everything:
                raise UsageError("either faces or whole photos; type for example: phototag untag PHOTO#2")
            name = " ".join(targets.rest)
            number = library.untag_faces(targets.faces, [name] if name else None)
            what = count(number, "face")
        else:
            if not (targets.photos or where or read.null):
                raise UsageError("of which photo? Type for example: phototag untag IMG_0042.jpg +grandma")
            if not (labels or everything):
                raise UsageError(
                    "what is to be taken back? Type a label: phototag untag PHOTO +grandma; a face: "
                    "phototag untag PHOTO#2; or all that you said: phototag untag PHOTO --all"
                )
            number = library.untag(targets.photos, labels or None)
            what = count(number, "photo")
        if as_json:
            write_changed(library, targets)
            return
    if number:
        write_text(f"{tell_targets(targets)}: taken back, of {what}.")
    else:
        say("You said nothing of that: nothing was changed.")

"""`phototag tag`: the user's own word, which no scan overrides."""

from __future__ import annotations

import os

import click

from phototag.cli.output import count, db_option, json_option, open_library, printable, write_json, write_text
from phototag.errors import UsageError


# -label is a word, not an option, and -happiness no call for help
@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@click.argument("photo", type=click.Path())
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED)
@db_option
@json_option
def tag(photo: str, words: tuple[str, ...], db: str | None, as_json: bool) -> None:
    """Add or remove labels of a photo.

    WORDS are +label or -label. Your word stands, whatever later scans see. Two labels say who smiles:
    "everyone smiling" and "anyone smiling".

    \b
      phototag tag IMG_0042.jpg +grandma +"birthday cake" -dog
      phototag tag IMG_0042.jpg -"everyone smiling"
    """
    add: list[str] = []
    remove: list[str] = []
    for word in words:
        if word.startswith("--"):  # no label begins with a dash: it is a mistyped option
            raise click.NoSuchOption(word, possibilities=["--db", "--json"])
        label = word[1:].strip()
        if word[:1] not in "+-" or not label:
            raise UsageError(
                f"{printable(word)!r} is neither +label nor -label; type for example: phototag tag "
                "PHOTO +grandma -dog"
            )
        (add if word[0] == "+" else remove).append(label)
    with open_library(db) as library:
        library.correct(os.path.abspath(photo), add, remove)
        found = library.photo(os.path.abspath(photo))
    assert found is not None, "correct raises for a photo that is not there"
    if as_json:
        said = {"user_labels": list(found.user_labels), "smile_words": dict(found.smile_words)}
        write_json({"path": found.path, **said})
    else:
        write_text(
            f"{printable(photo)}: {count(len(add), 'label')} added, {count(len(remove), 'label')} taken away."
        )

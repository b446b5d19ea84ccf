"""What `tag` and `untag` are told to work on: photos, faces as PHOTO#N, a query, a pipe."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from phototag.cli.output import printable, shown_path
from phototag.errors import UsageError
from phototag.storage.address import absolute
from phototag.storage.anywhere import may_exist

if TYPE_CHECKING:
    from phototag.library import Library

_FACE = re.compile(r"(?P<path>.+)#(?P<number>0|[1-9][0-9]{0,5})", re.DOTALL)


@dataclass(slots=True)
class Words:
    """What was typed behind a command: labels with + and -, all else as it is, and whether -0 was
    among it."""

    add: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    null: bool = False


@dataclass(slots=True)
class Targets:
    """Absolute paths of photos; faces as path and number; and the words that are neither."""

    photos: list[str] = field(default_factory=list)
    faces: list[tuple[str, int]] = field(default_factory=list)
    rest: list[str] = field(default_factory=list)


def read_words(words: Sequence[str], options: Sequence[str]) -> Words:
    """Sorts what was typed. `options`: the command's own, for who mistyped one."""
    read = Words()
    for word in words:
        if word == "-0":  # as an option of click's it would be found in -2020, too
            read.null = True
        elif word.startswith("--"):  # no label begins with a dash: it is a mistyped option
            raise click.NoSuchOption(word, possibilities=list(options))
        elif word[:1] in ("+", "-"):
            if not word[1:].strip():
                raise UsageError(
                    f"{printable(word)!r} is neither +label nor -label; type for example: phototag tag "
                    "PHOTO +grandma -dog"
                )
            (read.add if word[0] == "+" else read.remove).append(word[1:].strip())
        else:
            read.others.append(word)
    return read


def find_targets(library: Library, words: Words, where: Sequence[str]) -> Targets:
    """What is to be worked on: what was typed, the photos that fit `where`, and with -0 what comes
    through the pipe. Words after the first face that are no files are left as the rest: a name."""
    targets = Targets()
    for word in words.others:
        face = _read_face(library, word)
        if face:
            targets.faces.append(face)
        elif targets.faces and not may_exist(word):
            targets.rest.append(word)
        else:
            targets.photos.append(absolute(word))
    for line in where:
        asked = library.ask(line)
        asked.require_known_words()
        targets.photos += library.paths(asked)
    if words.null:
        for name in sys.stdin.buffer.read().split(b"\0"):
            if not name:
                continue
            word = os.fsdecode(name)
            face = _read_face(library, word)
            if face:
                targets.faces.append(face)
            else:
                targets.photos.append(absolute(word))
    targets.photos = list(dict.fromkeys(targets.photos))
    targets.faces = list(dict.fromkeys(targets.faces))
    return targets


def _read_face(library: Library, word: str) -> tuple[str, int] | None:
    """The face that PHOTO#N means; None where a file, or a photo of the catalog, has that whole name."""
    found = _FACE.fullmatch(word)
    if found is None or os.path.lexists(word) or library.photo(word) is not None:
        return None
    return absolute(found["path"]), int(found["number"])


def tell_targets(targets: Targets) -> str:
    """`IMG_0042.jpg`, `IMG_0042.jpg#2`, `312 photos`."""
    photos, faces = targets.photos, [f"{path}#{number}" for path, number in targets.faces]
    named = photos or faces
    if len(named) == 1:
        return shown_path(named[0])
    return f"{len(photos):,} photos" if photos else f"{len(faces):,} faces"

"""Everything the commands print: tables for people, paths for pipes, JSON for scripts. stdout is
data, stderr is talk."""

from __future__ import annotations

import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import click

from phototag.records import Photo, Tag

db_option = click.option(
    "--db",
    type=click.Path(dir_okay=False),
    envvar="PHOTOTAG_DB",
    help="Catalog file. Default: one per user, or $PHOTOTAG_DB.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")


def printable(text: str) -> str:
    """The text with control characters, direction marks and undecodable bytes made visible, so that
    no file name can garble or command a terminal."""
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # an undecodable byte, as os.fsdecode keeps it
        return f"\\x{code - 0xDC00:02x}"
    # joiner inside emoji
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and character != "\u200d":
        return character.encode("unicode_escape", "surrogatepass").decode()
    return character


def say(text: str = "") -> None:
    """Talk: to stderr."""
    click.echo(text, err=True)


def write_path(path: str, end: str = "\n") -> None:
    """Data: raw bytes into a pipe, so that every file name survives; made visible on a terminal."""
    if sys.stdout.isatty():
        click.echo(printable(path))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(os.fsencode(path) + end.encode())


def write_json(value: Any, indent: int | None = None) -> None:
    """ASCII with escapes: undecodable bytes of names travel as lone surrogates, which Python's and
    most other readers keep."""
    click.echo(json.dumps(value, indent=indent, allow_nan=False))


def write_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], right: frozenset[int] = frozenset()
) -> None:
    """Columns as wide as their cells; the last one is cut at the terminal's edge. Cells must be printable."""
    cells = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(_width(row[i]) for row in cells) for i in range(len(header))]
    room = shutil.get_terminal_size((120, 24)).columns
    for number, row in enumerate(cells):
        parts = []
        for i, (cell, width) in enumerate(zip(row, widths, strict=True)):
            gap = " " * (width - _width(cell))
            parts.append(gap + cell if i in right else cell + gap)
        line = "  ".join(parts).rstrip()
        if sys.stdout.isatty() and _width(line) > room:
            while _width(line) > room - 1:
                line = line[:-1]
            line += "…"
        click.echo(click.style(line, bold=True) if number == 0 else line)


def _width(text: str) -> int:
    """Columns on a terminal: East Asian wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def count(number: int, noun: str, plural: str | None = None) -> str:
    """`1 photo`, `2 photos`, `12,345 photos`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def size(size_bytes: int) -> str:
    value, units = float(size_bytes), ["B", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.0f} B" if units[0] == "B" else f"{value:.1f} {units[0]}"


def smile_word(value: bool | None) -> str:
    return {True: "yes", False: "no", None: "-"}[value]


def tag_dict(tag: Tag) -> dict[str, Any]:
    return {"label": tag.label, "score": round(tag.score, 4), "box": _box(tag.box)}


def _box(box) -> list[float] | None:
    return [round(edge, 5) for edge in box.as_list()] if box else None


def photo_dict(photo: Photo) -> dict[str, Any]:
    """One line of `query --json`: keys are a promise to scripts."""
    return {
        "path": photo.path,
        "taken_at": photo.taken_at.isoformat() if photo.taken_at else None,
        "taken_from": photo.taken_from,
        "width": photo.width,
        "height": photo.height,
        "camera": photo.camera,
        "latitude": photo.latitude,
        "longitude": photo.longitude,
        "missing_since": photo.missing_since.isoformat() if photo.missing_since else None,
        "everyone_smiling": photo.everyone_smiling,
        "objects": [tag_dict(tag) for tag in photo.objects],
        "detector": photo.detector,
        "kinds": [{"label": tag.label, "score": round(tag.score, 4)} for tag in photo.kinds],
        "faces": [
            {
                "box": _box(face.box),
                "score": round(face.score, 4),
                "smile": None if face.smile is None else round(face.smile, 4),
                "emotion": face.emotion,
                "emotion_scores": {name: round(score, 4) for name, score in face.emotions.items()},
            }
            for face in photo.faces
        ],
        "user_labels": list(photo.user_labels),
        "errors": dict(photo.errors),
    }

"""Records as the page's JSON. ASCII with escapes: undecodable bytes of file names travel as lone
surrogates, which JavaScript keeps."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from phototag.highlights import captions
from phototag.library.facets import Facet
from phototag.library.grid import Grid, Section
from phototag.query.terms import is_found
from phototag.records import PhotoLine
from phototag.web.elements import Element, count_photos
from phototag.web.refine import is_required, toggle


class JSONAnswer(Response):
    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def grid_bytes(grid: Grid, revision: str, **told: str) -> bytes:
    """Little-endian: the length of a JSON header in bytes (uint32), the header, padded with blanks to a
    multiple of four, then an id (uint32) for each photo, then a ratio of width to height in thousandths
    (uint16) for each. The header: `photos`, `revision`, `sections`, each with its `title`, what is told
    `about` it and its number of `photos`, and what else is `told`."""
    sections = [section_dict(section) for section in grid.sections]
    header = json.dumps({"photos": len(grid.ids), "revision": revision, "sections": sections} | told).encode()
    header += b" " * (-len(header) % 4)
    ids, ratios = grid.ids, grid.ratios
    if struct.pack("=H", 1) != struct.pack("<H", 1):
        ids, ratios = ids[:], ratios[:]
        ids.byteswap()
        ratios.byteswap()
    return struct.pack("<I", len(header)) + header + ids.tobytes() + ratios.tobytes()


def section_dict(section: Section) -> dict[str, Any]:
    """A month of the grid: its `title`, `about` it, its number of `photos`, and its `year`, '' for none."""
    year, _, number = section.month.partition("-")
    about = count_photos(section.photos)
    if section.month and section.guessed == section.photos:
        about += captions.GUESSED
    elif section.month and section.guessed:
        about += f" ({section.guessed:,} by file date)"
    title = f"{captions.MONTHS[int(number) - 1]} {year}" if number else year or "No date"
    return {"title": title, "about": about, "photos": section.photos, "year": year}


TITLES = {"things": "Shown"}  # of facets; the others are called as they are


def facet_element(facet: Facet, question: str) -> Element:
    """A facet with its values and how many photos have each. Whoever presses one asks the `question` that is
    its button's value: the term is added to it, or taken out where it is pressed already."""
    title = ["h2", TITLES.get(facet.name, facet.name.capitalize())]
    if facet.values is None:
        return ["section", title, ["p", "Too many to count at once."]]
    items = [
        [
            "li",
            [
                "button",
                {"value": toggle(question, each.term), "ariaPressed": is_required(question, each.term)},
                ["span", each.text],
                ["small", f"{each.photos:,}"],
            ],
        ]
        for each in facet.values
    ]
    return ["section", title, ["ul", *items]]


def line_dict(line: PhotoLine, thresholds: Mapping[str, float]) -> dict[str, Any]:
    """A photo in the grid: its `name`, what is known of it as `text`, and a `mark` in its corner."""
    things: dict[str, int] = {}
    for label, score in sorted(line.things, key=_surest_first):
        if is_found(label, score, thresholds):
            things[label] = things.get(label, 0) + 1
    kinds = [label for label, score in line.kinds if is_found(label, score, thresholds)]
    taken = (
        line.taken_text[:16] + (captions.GUESSED if line.date_is_guessed else "") if line.taken_text else ""
    )
    smile = ("all smile" if line.faces and line.faces > 1 else "smiles") if line.everyone_smiling else ""
    said = [
        taken or "no date",
        smile,
        *line.persons,
        *line.user_labels,
        *(f"{number} {label}" if number > 1 else label for label, number in things.items()),
        *(label for label in kinds if label not in things),
        line.error or "",
    ]
    return {
        "id": line.photo_id,
        "name": name_of(line.path),
        "text": ", ".join(captions.visible(each) for each in said if each),
        "mark": "!" if line.error else "☺" if line.everyone_smiling else "",
        "persons": list(line.persons),
    }


def _surest_first(thing: tuple[str, float]) -> float:
    return -thing[1]


def name_of(path: str) -> str:
    """The file's name, as it can be shown."""
    return captions.visible(os.path.basename(path))

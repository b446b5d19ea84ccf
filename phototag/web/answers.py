"""Records as the page's JSON. ASCII with escapes: undecodable bytes of file names travel as lone
surrogates, which JavaScript keeps."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from phototag.highlights import captions
from phototag.library.facets import Facet
from phototag.library.grid import Grid
from phototag.query.terms import is_found
from phototag.records import PhotoLine
from phototag.web.refine import is_required, toggle


class JSONAnswer(Response):
    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def grid_bytes(grid: Grid, revision: str, notes: Sequence[str] = ()) -> bytes:
    """Little-endian: the length of a JSON header in bytes (uint32), the header, padded with blanks to a
    multiple of four, then an id (uint32) for each photo, then a ratio of width to height in thousandths
    (uint16) for each. The header: `photos`, `revision`, `sections`, each [month, photos, of these
    dated by their file alone], and `notes`, what to say of the question."""
    sections = [[section.month, section.photos, section.guessed] for section in grid.sections]
    told = {"photos": len(grid.ids), "revision": revision, "sections": sections, "notes": [*notes]}
    header = json.dumps(told).encode()
    header += b" " * (-len(header) % 4)
    ids, ratios = grid.ids, grid.ratios
    if struct.pack("=H", 1) != struct.pack("<H", 1):
        ids, ratios = ids[:], ratios[:]
        ids.byteswap()
        ratios.byteswap()
    return struct.pack("<I", len(header)) + header + ids.tobytes() + ratios.tobytes()


def position_bytes(positions: Sequence[tuple[int, float, float]]) -> bytes:
    """Little-endian: how many photos (uint32), the id of each (uint32), then latitude and longitude of each
    in degrees (float32)."""
    number = len(positions)
    degrees = [value for _, latitude, longitude in positions for value in (latitude, longitude)]
    ids = [photo_id for photo_id, _, _ in positions]
    return struct.pack(f"<I{number}I{2 * number}f", number, *ids, *degrees)


TITLES = {"things": "Shown"}  # of facets; the others are called as they are


def facet_dict(facet: Facet, question: str) -> dict[str, Any]:
    """`values` is null where there were too many to count in time. `question`: what the page asks when a
    value is pressed, by which the term is added to it, or taken out where it `is_on`."""
    values = facet.values
    return {
        "title": TITLES.get(facet.name, facet.name.capitalize()),
        "values": None
        if values is None
        else [
            {
                "text": value.text,
                "photos": value.photos,
                "is_on": is_required(question, value.term),
                "question": toggle(question, value.term),
            }
            for value in values
        ],
    }


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

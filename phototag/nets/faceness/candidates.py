"""What the face detector takes for faces in photos of which is known where people are, and whether it
is right: what FacenessNet is taught and measured with.

Photos are a COCO file's. Faces are its boxes called face, or a person's verdicts in a table of
photo,left,top,right,bottom,verdict beside it (`read_verdicts`)."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from phototag.errors import PhototagError
from phototag.inputs import read_input_text
from phototag.nets.detector.data import LabelledPhoto, Photos
from phototag.records import Box

FACE, PERSON = "face", "person"
VERDICTS = (FACE, "no face", "unclear")
SAME_FACE = 0.5  # IoU from which on a box of the detector is a labelled face
INSIDE = 0.7  # of a box's area, from which on it lies in what is unclear, or in a person


@dataclass(frozen=True)
class Truth:
    """What is known of one photo: boxes of faces, of what nobody can tell (statues, posters, blurs,
    crowds), and of people."""

    faces: tuple[Box, ...] = ()
    unclear: tuple[Box, ...] = ()
    people: tuple[Box, ...] = ()

    @property
    def has_people(self) -> bool:
        return bool(self.faces or self.people)

    def says(self, box: Box) -> bool | None:
        """Whether a face is in this box; None: nobody can tell."""
        if any(box.iou(face) >= SAME_FACE for face in self.faces):
            return True
        return None if any(share_inside(box, other) >= INSIDE for other in self.unclear) else False


def share_inside(box: Box, other: Box) -> float:
    """How much of the box's area lies in the other one."""
    width = min(box.right, other.right) - max(box.left, other.left)
    height = min(box.bottom, other.bottom) - max(box.top, other.top)
    return max(0.0, width) * max(0.0, height) / box.area


def truths(photos: Photos, verdicts: Mapping[str, list[tuple[list[float], str]]]) -> list[Truth]:
    """What is known of each photo: by its boxes, and by the verdicts on a photo of its name."""
    return [_truth(photo, photos.names, verdicts.get(photo.file.name, [])) for photo in photos.photos]


def _truth(photo: LabelledPhoto, names: tuple[str, ...], said: list[tuple[list[float], str]]) -> Truth:
    found: dict[str, list[Box]] = {FACE: [], PERSON: [], "unclear": []}
    known = [
        (edges.tolist(), names[label - 1], bool(crowd))
        for edges, label, crowd in zip(photo.boxes, photo.labels, photo.crowds, strict=True)
    ]
    for edges, name, crowd in known + [(edges, verdict, False) for edges, verdict in said]:
        box = Box.clipped(
            edges[0] / photo.width, edges[1] / photo.height, edges[2] / photo.width, edges[3] / photo.height
        )
        if box is not None and name in found:
            # a box around many faces, or a face too difficult to be asked for
            found["unclear" if name == FACE and crowd else name].append(box)
    return Truth(tuple(found[FACE]), tuple(found["unclear"]), tuple(found[PERSON]))


def read_verdicts(file: Path) -> dict[str, list[tuple[list[float], str]]]:
    """Photo's name -> edges in pixels and the verdict, of each box: face, no face or unclear. Lines that
    begin with # say something to people. Raises PhototagError."""
    found: dict[str, list[tuple[list[float], str]]] = {}
    try:
        lines = io.StringIO(read_input_text(file), newline="")
        table = csv.DictReader(line for line in lines if not line.startswith("#"))
        if missing := {"photo", "verdict"}.difference(table.fieldnames or ()):
            raise ValueError(f"without {' and '.join(sorted(missing))}")
        for row in table:
            if row["verdict"] not in VERDICTS:
                raise ValueError(f"the verdict is one of {', '.join(VERDICTS)}, not {row['verdict']!r:.40}")
            edges = [float(row[edge]) for edge in ("left", "top", "right", "bottom")]
            if not all(map(math.isfinite, edges)):
                raise ValueError(f"the edges are pixels, not {edges}")
            found.setdefault(row["photo"], []).append((edges, row["verdict"]))
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise PhototagError(
            f"{file}: expected a table with the columns photo, left, top, right, bottom and verdict ({error})"
        ) from error
    return found

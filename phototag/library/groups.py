"""The groups of faces, as they are shown, and which of them may be one person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection

from phototag.faces import SAME_FACE
from phototag.library import embeddings, group_members, groups_apart, persons, photos
from phototag.library.answers import chunks
from phototag.library.embeddings import EmbeddedFace
from phototag.library.group_members import MemberRow
from phototag.people.grouping import JOIN_MARGIN, MERGE, SUGGEST
from phototag.records import Box

Array = np.ndarray[Any, Any]

# A group whose faces lie no further apart than this is one person for sure; others are shown to be looked at.
SURE = MERGE - JOIN_MARGIN
EXAMPLES = 8  # faces of a group that are shown


@dataclass(frozen=True, slots=True)
class FaceRef:
    """A face in a photo. `path` is absolute."""

    path: str
    box: Box
    photo_id: int


@dataclass(frozen=True, slots=True)
class PersonGroup:
    """The faces that are taken for one person. `sure`: whether the person said so, or they lie so near each
    other that there is no doubt. `examples`: some of the faces, spread over time, the sharpest first of
    each stretch."""

    number: int
    name: str | None
    faces: int
    photos: int
    first_year: int | None
    last_year: int | None
    sure: bool
    examples: tuple[FaceRef, ...] = ()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Two groups that may be one person, and the root of the mean squared distance between their faces."""

    one: PersonGroup
    other: PersonGroup
    distance: float


def paths_of(connection: Connection, numbers: Iterable[int]) -> list[str]:
    """The photos of these groups."""
    ids = {row.photo_id for number in numbers for row in group_members.load_group(connection, number)}
    return [path for some in chunks(sorted(ids)) for path in photos.load_paths(connection, some)]


def find_all(connection: Connection, examples: int = EXAMPLES) -> list[PersonGroup]:
    """See Library.people."""
    return [found for found, _ in _load_groups(connection, examples)]


def suggest(connection: Connection, examples: int = EXAMPLES) -> list[Suggestion]:
    """See Library.suggest_people."""
    loaded = _load_groups(connection, examples)
    faces, _ = embeddings.load(connection)
    rows = match_rows(faces, group_members.load(connection))
    photos_of: dict[int, set[int]] = defaultdict(set)
    for row in rows:
        if row and row.number is not None:
            photos_of[row.number].add(row.photo_id)
    ties_of: dict[int, set[int]] = defaultdict(set)
    for row in rows:
        if row and row.number is not None and row.tie is not None:
            ties_of[row.number].add(row.tie)
    apart = groups_apart.load(connection)
    if len(loaded) < 2:
        return []
    centres = np.stack([centre for _, centre in loaded])
    squared = 2 - 2 * (centres @ centres.T)  # embeddings have length 1
    found = []
    for i, j in zip(*np.nonzero(np.triu(squared <= SUGGEST**2, 1)), strict=True):
        one, other = loaded[i][0], loaded[j][0]
        if one.name and other.name:
            continue
        if any({tie, against} in apart for tie in ties_of[one.number] for against in ties_of[other.number]):
            continue
        if photos_of[one.number].isdisjoint(photos_of[other.number]):
            found.append(Suggestion(one, other, float(max(squared[i, j], 0.0) ** 0.5)))
    return sorted(found, key=lambda pair: (pair.distance, pair.one.number, pair.other.number))


def _load_groups(connection: Connection, examples: int) -> list[tuple[PersonGroup, Array]]:
    """Every group with the mean of its embeddings; who has most faces comes first."""
    faces, vectors = embeddings.load(connection)
    rows = match_rows(faces, group_members.load(connection))
    whose = group_members.persons_of(connection)
    names = persons.names_of(connection)
    of_group: dict[int, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        if row and row.number is not None:
            of_group[row.number].append(index)
    shown = {number: _choose(faces, indices, examples) for number, indices in of_group.items()}
    ids = sorted({faces[index].photo_id for indices in shown.values() for index in indices})
    paths = {
        photo_id: path
        for some in chunks(ids)
        for photo_id, path in zip(some, photos.load_paths(connection, some), strict=True)
    }
    found = []
    for number, indices in of_group.items():
        its = vectors[indices].astype(np.float32)
        centre = its.mean(0)
        count = len(indices)
        # the mean squared distance of all pairs, from the length of the mean
        spread = 2 * max(0.0, 1 - float(centre @ centre)) * count / max(count - 1, 1)
        years = sorted(_year(faces[i].taken_sort) for i in indices if faces[i].taken_sort is not None)
        group_ = PersonGroup(
            number=number,
            name=names[whose[number]] if number in whose else None,
            faces=count,
            photos=len({faces[index].photo_id for index in indices}),
            first_year=years[0] if years else None,
            last_year=years[-1] if years else None,
            sure=number in whose or spread**0.5 <= SURE,
            examples=tuple(
                FaceRef(paths[faces[i].photo_id], faces[i].box, faces[i].photo_id) for i in shown[number]
            ),
        )
        found.append((group_, centre))
    return sorted(found, key=lambda pair: (-pair[0].faces, pair[0].number))


def match_rows(faces: Sequence[EmbeddedFace], rows: Iterable[MemberRow]) -> list[MemberRow | None]:
    """The row of each face: that with its very box, or of the same photo and most of its box, where another
    net has found the face."""
    of_photo: dict[int, list[MemberRow]] = defaultdict(list)
    for row in rows:
        of_photo[row.photo_id].append(row)
    found: list[MemberRow | None] = []
    for face in faces:
        best = max(of_photo[face.photo_id], key=lambda row: row.box.iou(face.box), default=None)
        if best is None or best.box.iou(face.box) < SAME_FACE:
            found.append(None)
            continue
        of_photo[face.photo_id].remove(best)
        found.append(best)
    return found


def _choose(faces: Sequence[EmbeddedFace], indices: Sequence[int], most: int) -> list[int]:
    """At most so many of these faces, spread over time: of each stretch the largest that is sharp."""
    ordered = sorted(indices, key=lambda i: (faces[i].taken_sort or 0, faces[i].photo_id))
    parts = np.array_split(np.array(ordered), min(most, len(ordered))) if ordered else []
    return [int(max(part, key=lambda i: _quality(faces[i]))) for part in parts]


def _quality(face: EmbeddedFace) -> tuple[float, float]:
    return (face.sharpness or 0.0) * min(face.side_px, 100.0), face.score


def _year(seconds: int | None) -> int:
    return datetime.fromtimestamp(seconds or 0, UTC).year

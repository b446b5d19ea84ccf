"""A person's words about groups of faces: whose they are, that some are one person, that one is several."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from phototag.errors import UsageError
from phototag.faces import FaceWord, WordKind
from phototag.library import embeddings, group_members, groups_apart, persons, photos, tagging
from phototag.library.answers import chunks
from phototag.library.group_members import MemberRow
from phototag.library.journal import Change
from phototag.library.tables import face_group_members, face_groups, photo_persons
from phototag.people.grouping import ALONE, MERGE, Face, group_faces
from phototag.records import Face as RecordFace
from phototag.records import Person
from phototag.smiling import SMILE_THRESHOLD

Array = np.ndarray[Any, Any]

SPLIT_STEP = 0.01  # by which the distance shrinks until a group falls apart


@dataclass(frozen=True, slots=True)
class Named:
    """What naming a group did: `faces` have the name now; `left_out`: photos in which somebody else bears
    it already."""

    name: str
    faces: int
    left_out: tuple[str, ...] = ()


def name_group(connection: Connection, number: int, name: str) -> Named:
    """See Library.name_group."""
    rows = _require(connection, number)
    name = persons.read_name(name)
    person = persons.ensure(connection, [name])[name]
    taken = {
        photo_id
        for some in chunks({row.photo_id for row in rows})
        for photo_id in connection.scalars(
            select(photo_persons.c.photo_id).where(
                photo_persons.c.person_id == person.person_id,
                photo_persons.c.faces > 0,
                photo_persons.c.photo_id.in_(some),
            )
        )
    }
    whose = group_members.persons_of(connection)
    if whose.get(number) == person.person_id:
        taken = set()  # who bears the name there already are these faces
    named = [row for row in rows if row.photo_id not in taken]
    if not named:
        raise UsageError(
            f"{person.name} is in every photo of group {number} already, and two faces of one photo are two "
            f"persons. If they are one, name the faces: phototag name PHOTO#N {person.name}"
        )

    def rename(change: Change) -> None:
        """The group keeps its number where all of it gets a name that no other group has."""
        if number in whose and person.person_id not in whose.values() and len(named) == len(rows):
            change.update(face_groups, face_groups.c.number == number, {"person_id": person.person_id})

    _store_words(connection, f"group {number}: {person.name}", WordKind.PERSON, named, person, rename)
    left_out = photos.load_paths(connection, sorted(taken & {row.photo_id for row in rows}))
    return Named(person.name, len(named), tuple(left_out))


def deny_group(connection: Connection, number: int, name: str) -> Named:
    """See Library.deny_group."""
    rows = _require(connection, number)
    name = persons.read_name(name)
    person = persons.ensure(connection, [name])[name]

    def keep_together(change: Change) -> None:
        """The faces stay a group, which has no name any more."""
        if group_members.persons_of(connection).get(number) == person.person_id:
            change.update(face_groups, face_groups.c.number == number, {"person_id": None})

    summary = f"group {number}: not {person.name}"
    _store_words(connection, summary, WordKind.NOT_PERSON, rows, person, keep_together)
    return Named(person.name, len(rows))


def _store_words(
    connection: Connection,
    summary: str,
    kind: WordKind,
    rows: Sequence[MemberRow],
    person: Person,
    prepare: Callable[[Change], None] | None = None,
) -> None:
    """Say the same of all these faces, as one change."""
    loaded = {
        photo.photo_id: photo
        for some in chunks({row.photo_id for row in rows})
        for photo in photos.load(connection, some, SMILE_THRESHOLD)
    }
    words = []
    for row in rows:
        photo = loaded[row.photo_id]
        face = next((face for face in photo.faces if face.box == row.box), None)
        words.append((photo, face or RecordFace(row.box, 1.0), [FaceWord(kind, row.box, person)]))
    tagging.store(connection, summary, words, prepare)


def merge(connection: Connection, numbers: Sequence[int]) -> int:
    """See Library.merge_groups."""
    first, *others = dict.fromkeys(numbers)
    rows = {number: _require(connection, number) for number in (first, *others)}
    if not others:
        raise UsageError("one group alone cannot be merged; type for example: phototag people merge 3 7")
    _refuse_two_in_a_photo(connection, rows)
    whose = group_members.persons_of(connection)
    named = {whose[number] for number in rows if number in whose}
    if len(named) > 1:
        known = persons.names_of(connection)
        names = " and ".join(sorted(known[person_id] for person_id in named))
        raise UsageError(
            f"these groups are {names}. If they are one person, name one group as the other: phototag name "
            f"{others[0]} NAME"
        )
    if named:
        target = next(number for number in rows if number in whose)
        name = persons.names_of(connection)[next(iter(named))]
        unnamed = [row for number in rows if number not in whose for row in rows[number]]
        text = " and ".join(map(str, rows))
        if unnamed:
            _store_words(
                connection, f"groups {text} merged", WordKind.PERSON, unnamed, Person(named.pop(), name)
            )
        return target
    photo_ids = {row.photo_id for its in rows.values() for row in its}
    text = " and ".join(map(str, rows))
    with tagging.changing(connection, f"groups {text} merged", sorted(photo_ids)) as change:
        tie = _new_tie(connection)
        groups_apart.carry(connection, change, [row for its in rows.values() for row in its], [tie])
        for number in rows:
            is_in = face_group_members.c.number == number
            change.update(face_group_members, is_in, {"number": first, "tie": tie})
    return first


def _refuse_two_in_a_photo(connection: Connection, rows: Mapping[int, Sequence[MemberRow]]) -> None:
    seen: dict[int, int] = {}
    for number, its in rows.items():
        for photo_id in {row.photo_id for row in its}:
            if photo_id in seen:
                (path,) = photos.load_paths(connection, [photo_id])
                raise UsageError(
                    f"groups {seen[photo_id]} and {number} are both in {path}, and two faces of one photo "
                    f"are two persons. If they are one, name both: phototag name {seen[photo_id]} NAME"
                )
            seen[photo_id] = number


def split(connection: Connection, number: int) -> list[int]:
    """See Library.split_group."""
    rows = _require(connection, number)
    faces, vectors = embeddings.load(connection, sorted({row.photo_id for row in rows}))
    place = {(face.photo_id, face.box): index for index, face in enumerate(faces)}
    rows = [row for row in rows if (row.photo_id, row.box) in place]
    parts = _fall_apart(vectors[[place[row.photo_id, row.box] for row in rows]].astype(np.float32), rows)
    if len(parts) < 2:
        raise UsageError(
            f"group {number} does not fall apart: its faces are too alike. Say which are somebody else's: "
            "phototag name PHOTO#N NAME"
        )
    whose = group_members.persons_of(connection).get(number)
    found = [number]
    if whose is not None:
        person = Person(whose, persons.names_of(connection)[whose])
        others = [row for part in parts[1:] for row in part]

        def put_apart(change: Change) -> None:
            _put_apart(connection, change, parts[1:], found, first_keeps_number=False)

        summary = f"group {number} split"
        _store_words(connection, summary, WordKind.NOT_PERSON, others, person, put_apart)
        return found
    photo_ids = sorted({row.photo_id for row in rows})
    with tagging.changing(connection, f"group {number} split", photo_ids) as change:
        _put_apart(connection, change, parts, found)
    return found


def _fall_apart(vectors: Array, rows: Sequence[MemberRow]) -> list[list[MemberRow]]:
    """The parts into which these faces fall at the largest distance at which they are more than one; the
    largest first."""
    faces = [Face(f"{row.photo_id:012} {row.box.left:.5f}", index) for index, row in enumerate(rows)]
    distance = MERGE
    while distance > SPLIT_STEP:
        labels = group_faces(vectors, faces, merge=distance)
        parts: dict[object, list[MemberRow]] = defaultdict(list)
        for index, (label, row) in enumerate(zip(labels, rows, strict=True)):
            parts[("alone", index) if label == ALONE else label].append(row)
        if len(parts) > 1:
            return sorted(parts.values(), key=len, reverse=True)
        distance -= SPLIT_STEP
    return [list(rows)]


def _put_apart(
    connection: Connection,
    change: Change,
    parts: Sequence[Sequence[MemberRow]],
    found: list[int],
    *,
    first_keeps_number: bool = True,
) -> None:
    """Each part gets a tie of its own and a new number, which is added to `found`."""
    tie = _new_tie(connection)
    members = [row for part in parts for row in part]
    groups_apart.carry(connection, change, members, range(tie, tie + len(parts)))
    for offset, part in enumerate(parts):
        values: dict[str, Any] = {"tie": tie + offset}
        if offset or not first_keeps_number:
            values["number"] = group_members.new_number(connection)
            found.append(values["number"])
        for row in part:
            change.update(face_group_members, row.is_its_row(), values)


def keep_apart(connection: Connection, one: int, other: int) -> str:
    """See Library.keep_groups_apart."""
    if one == other:
        raise UsageError("name two groups, for example: phototag people apart 3 7")
    rows = {number: _require(connection, number) for number in (one, other)}
    whose = group_members.persons_of(connection)
    names = persons.names_of(connection)
    if one in whose and other in whose:
        raise UsageError(f"these groups are {names[whose[one]]} and {names[whose[other]]} already")
    for number, against in ((one, other), (other, one)):
        if against in whose:
            name = names[whose[against]]
            deny_group(connection, number, name)
            return f"group {number}: not {name}"
    photo_ids = sorted({row.photo_id for its in rows.values() for row in its})
    summary = f"groups {one} and {other}: not one person"
    with tagging.changing(connection, summary, photo_ids) as change:
        ties = {_tie_together(connection, change, its) for its in rows.values()}
        groups_apart.store(connection, change, [*groups_apart.load(connection), ties])
    return summary


def _tie_together(connection: Connection, change: Change, rows: Sequence[MemberRow]) -> int:
    """The tie of all these faces: the one that they have, or a new one."""
    (first, *others) = {row.tie for row in rows}
    if first is not None and not others:
        return first
    tie = _new_tie(connection)
    groups_apart.carry(connection, change, rows, [tie])
    for row in rows:
        change.update(face_group_members, row.is_its_row(), {"tie": tie})
    return tie


def _new_tie(connection: Connection) -> int:
    return (connection.scalar(select(func.max(face_group_members.c.tie))) or 0) + 1


def _require(connection: Connection, number: int) -> list[MemberRow]:
    """The faces of this group. Raises UsageError where there is none of this number."""
    rows = group_members.load_group(connection, number)
    if not rows:
        raise UsageError(f"there is no group {number}; see which there are: phototag people")
    return rows

"""Groups of faces, made from embeddings and a person's words.

What is a fact is a person's word, on the face (`face_words`) or, of faces without a name, a tie
(`face_group_members.tie`). All else is computed again by the next grouping."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import Connection, case, delete, func, insert, select, update

from phototag.faces import Said, resolve
from phototag.library import embeddings, group_members, group_names, said, summaries
from phototag.library.answers import chunks, load_tags
from phototag.library.database import Catalog
from phototag.library.dialects import insert_rows
from phototag.library.embeddings import EmbeddedFace
from phototag.library.group_members import MemberRow
from phototag.library.groups import match_rows
from phototag.library.tables import changes, face_group_members, face_groups, meta
from phototag.people.grouping import ALONE, Face, group_faces, is_eligible, join_groups, keep_numbers
from phototag.smiling import join_faces

Array = np.ndarray[Any, Any]
Progress = Callable[[int, int], None]

# In `meta`: of how many faces the last full grouping was, and what the last one rested on.
STATE = "people_grouped"
# New faces join groups that are there. All are grouped anew where that takes no time, and where so many are
# new that groups may have changed.
FEW_FACES, NEW_SHARE = 5000, 0.05


@dataclass(frozen=True, slots=True)
class Grouping:
    """What a grouping came to: faces that have an embedding, groups, and those of them that have a name."""

    faces: int = 0
    groups: int = 0
    named: int = 0


@dataclass(slots=True)
class _Known:
    """What is to be grouped. `anchors`: key of the name or tie that a face bears; `not_names`: those that
    it does not; `denied`: what a person said is no face."""

    faces: list[EmbeddedFace]
    vectors: Array
    rows: list[MemberRow | None]  # where each face was at the last grouping
    state: tuple[object, ...]
    counted: int = 0  # faces at the last full grouping
    anchors: dict[int, str] = field(default_factory=dict)
    not_names: dict[int, frozenset[str]] = field(default_factory=dict)
    denied: set[int] = field(default_factory=set)


def regroup(catalog: Catalog, on_progress: Progress | None = None, *, only_if_new: bool = False) -> Grouping:
    """See Library.group_people."""
    while True:
        with catalog.read() as connection:
            if only_if_new and _is_current(connection):
                return _count(connection)
            known = _load(connection)
            whole = _state_of(connection)
            used = connection.scalar(select(func.max(face_groups.c.number))) or 0
        numbers = _find_numbers(known, whole, used, on_progress)
        with catalog.write() as connection:
            if known.state == _journal_state(connection):  # else a person spoke meanwhile
                return _store(connection, known, numbers)


def _journal_state(connection: Connection) -> tuple[object, ...]:
    row = connection.execute(select(func.max(changes.c.id), func.count(changes.c.undone_at))).one()
    return tuple(row)


def _state_of(connection: Connection) -> dict[str, Any]:
    text = connection.scalar(select(meta.c.value).where(meta.c.key == STATE))
    return dict(json.loads(text)) if text else {}


def _basis(connection: Connection) -> dict[str, Any]:
    """What a grouping rests on: the embeddings, and what a person said."""
    return {"answers": embeddings.last_answer(connection), "words": list(_journal_state(connection))}


def _is_current(connection: Connection) -> bool:
    """Whether neither is another one than at the last grouping."""
    return _basis(connection).items() <= _state_of(connection).items()


def _count(connection: Connection) -> Grouping:
    """What the last grouping came to."""
    number = face_group_members.c.number
    faces, groups = connection.execute(
        select(func.count(), func.count(number.distinct())).select_from(face_group_members)
    ).one()
    named = connection.scalar(
        select(func.count(number.distinct()))
        .select_from(face_group_members.join(face_groups))
        .where(face_groups.c.person_id.is_not(None))
    )
    return Grouping(faces, groups, named or 0)


def _load(connection: Connection) -> _Known:
    faces, vectors = embeddings.load(connection)
    rows = match_rows(faces, group_members.load(connection))
    known = _Known(faces, vectors.astype(np.float32), rows, _journal_state(connection))
    _learn_names(connection, known)
    _learn_ties(known)
    return known


def _learn_names(connection: Connection, known: _Known) -> None:
    """Whose faces are, and whose they are not, by a person's word or another program's."""
    of_photo: dict[int, list[int]] = defaultdict(list)
    for index, face in enumerate(known.faces):
        of_photo[face.photo_id].append(index)
    for ids in chunks(of_photo):
        spoken_of = {
            photo_id: Said(its.words, its.regions)  # without what the groups say
            for photo_id, its in said.load_of(connection, ids).items()
            if its.words or its.regions
        }
        if not spoken_of:
            continue
        tags = load_tags(connection, [*spoken_of], summaries.ABOUT_FACES)
        for photo_id, its in spoken_of.items():
            resolved = resolve(join_faces(tags.get(photo_id, {})), its)
            by_box = {seen.box: seen for seen in resolved.faces}
            no_faces = {seen.box for seen in resolved.denied}
            for index in of_photo[photo_id]:
                box = known.faces[index].box
                if box in no_faces:
                    known.denied.add(index)
                elif (seen := by_box.get(box)) is not None:
                    if seen.person:
                        known.anchors[index] = group_names.key_of(seen.person.person_id)
                    known.not_names[index] = frozenset(
                        group_names.key_of(one.person_id) for one in seen.not_persons
                    )


def _learn_ties(known: _Known) -> None:
    """Faces of one tie are one person: that of the name which one of them bears, if it is one."""
    tied: dict[int, list[int]] = defaultdict(list)
    for index, row in enumerate(known.rows):
        if row and row.tie is not None and index not in known.denied:
            tied[row.tie].append(index)
    for tie, indices in tied.items():
        names = {known.anchors[index] for index in indices if index in known.anchors}
        key = names.pop() if len(names) == 1 else f"tie {tie}"
        for index in indices:
            if key not in known.not_names.get(index, ()):
                known.anchors.setdefault(index, key)


def _face_of(known: _Known, index: int) -> Face:
    face = known.faces[index]
    edges = " ".join(f"{edge:.5f}" for edge in face.box)
    return Face(
        key=f"{face.identity} {edges} {face.photo_id:012}",
        photo=face.photo_id,
        name=known.anchors.get(index),
        not_names=known.not_names.get(index, frozenset()),
        eligible=is_eligible(face.score, face.side_px, face.sharpness),
    )


def _find_numbers(
    known: _Known, state: Mapping[str, Any], used: int, on_progress: Progress | None
) -> list[int]:
    """The number of each face's group, ALONE for none."""
    indices = [index for index in range(len(known.faces)) if index not in known.denied]
    faces = [_face_of(known, index) for index in indices]
    vectors = known.vectors[indices]
    before = [
        row.number if (row := known.rows[index]) and row.number is not None else ALONE for index in indices
    ]
    known.counted = state.get("faces", 0)
    same_words = state.get("words") == list(known.state)
    few_new = same_words and len(known.faces) - known.counted <= NEW_SHARE * len(known.faces)
    # Who was in no group then has been held against these groups already, and waits for a whole grouping.
    waiting = [place for place, index in enumerate(indices) if known.rows[index] is None]
    if len(known.faces) > FEW_FACES and few_new and waiting:
        there = [place for place, number in enumerate(before) if number != ALONE]
        joined = join_groups(
            vectors[waiting],
            [faces[place] for place in waiting],
            vectors[there],
            [faces[place] for place in there],
            [before[place] for place in there],
        )
        numbers = list(before)
        for place, number in zip(waiting, joined, strict=True):
            numbers[place] = number
    else:
        known.counted = len(known.faces)
        groups = group_faces(vectors, faces, on_progress=on_progress)
        numbers = keep_numbers(groups, dict(enumerate(before)), used)
    found = [ALONE] * len(known.faces)
    for index, number in zip(indices, numbers, strict=True):
        found[index] = number
    return found


def _store(connection: Connection, known: _Known, numbers: Sequence[int]) -> Grouping:
    """Write who is in which group, and the summaries that follow from it."""
    whose_before = group_members.persons_of(connection)
    names = {
        number: int(key.removeprefix("person "))
        for index, key in known.anchors.items()
        if (number := numbers[index]) != ALONE and key.startswith("person ")
    }
    former = {(row.photo_id, *row.box): row for row in group_members.load(connection)}
    rows = {}
    for face, row, number in zip(known.faces, known.rows, numbers, strict=True):
        value = None if number == ALONE else number
        rows[face.photo_id, *face.box] = MemberRow(face.photo_id, face.box, value, row.tie if row else None)
    changed = {
        key[0]
        for key in former.keys() | rows.keys()
        if _person_at(former.get(key), whose_before) != _person_at(rows.get(key), names)
    }
    there = {*connection.scalars(select(face_groups.c.number))}
    new = sorted({number for number in numbers if number != ALONE} - there)
    if new:
        connection.execute(insert(face_groups), [{"number": number} for number in new])
    if names != whose_before:
        connection.execute(update(face_groups).values(person_id=None))
        if names:
            person = case(names, value=face_groups.c.number)
            for some in chunks(names):
                connection.execute(
                    update(face_groups).where(face_groups.c.number.in_(some)).values(person_id=person)
                )
    if rows != former:
        connection.execute(delete(face_group_members))
        insert_rows(
            connection,
            face_group_members,
            [(row.photo_id, *row.box, row.number, row.tie) for row in rows.values()],
        )
    connection.execute(delete(meta).where(meta.c.key == STATE))
    state = {"faces": known.counted, **_basis(connection)}
    connection.execute(insert(meta).values(key=STATE, value=json.dumps(state)))
    summaries.renew(connection, changed)
    groups = {number for number in numbers if number != ALONE}
    return Grouping(len(known.faces), len(groups), len(names))


def _person_at(row: MemberRow | None, whose: Mapping[int, int]) -> int | None:
    return whose.get(row.number) if row and row.number is not None else None

"""Groups of faces: made from embeddings and a person's words, and changed by such words.

What is a fact is a person's word, on the face (`face_words`) or, of faces without a name, a tie
(`face_group_members.tie`). All else is computed again by the next grouping."""

from __future__ import annotations

import glob
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, case, delete, func, insert, or_, select, update

from phototag.errors import UsageError
from phototag.faces import SAME_FACE, FaceWord, Said, WordKind, resolve
from phototag.library import embeddings, group_members, persons, photos, said, summaries, tagging
from phototag.library.answers import chunks, load_tags
from phototag.library.database import Catalog
from phototag.library.dialects import holds_rows, insert_rows
from phototag.library.embeddings import EmbeddedFace
from phototag.library.group_members import MemberRow
from phototag.library.journal import Change
from phototag.library.tables import (
    changes,
    face_group_members,
    face_groups,
    face_words,
    meta,
    metadata,
    photo_persons,
)
from phototag.library.tables import persons as person_rows
from phototag.people.grouping import (
    ALONE,
    JOIN_MARGIN,
    MERGE,
    SUGGEST,
    Face,
    group_faces,
    is_eligible,
    join_groups,
    keep_numbers,
)
from phototag.records import Box, Person
from phototag.records import Face as RecordFace
from phototag.smiling import SMILE_THRESHOLD, join_faces

Array = np.ndarray[Any, Any]
Progress = Callable[[int, int], None]

# In `meta`: of how many faces the last full grouping was, and what the last one rested on.
STATE = "people_grouped"
# In `meta` too: pairs of ties whose faces a person said are not one person. Ties of other pairs have not been
# held against each other, and may be suggested.
APART = "people_apart"
# New faces join groups that are there. All are grouped anew where that takes no time, and where so many are
# new that groups may have changed.
FEW_FACES, NEW_SHARE = 5000, 0.05
# A group whose faces lie no further apart than this is one person for sure; others are shown to be looked at.
SURE = MERGE - JOIN_MARGIN
EXAMPLES = 8  # faces of a group that are shown
SPLIT_STEP = 0.01  # by which the distance shrinks until a group falls apart


@dataclass(frozen=True, slots=True)
class Grouping:
    """What a grouping came to: faces that have an embedding, groups, and those of them that have a name."""

    faces: int = 0
    groups: int = 0
    named: int = 0


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


@dataclass(frozen=True, slots=True)
class Named:
    """What naming a group did: `faces` have the name now; `left_out`: photos in which somebody else bears
    it already."""

    name: str
    faces: int
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ForgottenPeople:
    """What was removed: embeddings, groups, and with them names. `backups`: files that still hold them."""

    embeddings: int
    groups: int
    names: int
    backups: tuple[str, ...] = ()


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


# -- making groups


def group(catalog: Catalog, on_progress: Progress | None = None, *, only_if_new: bool = False) -> Grouping:
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
    rows = _match_rows(faces, group_members.load(connection))
    known = _Known(faces, vectors.astype(np.float32), rows, _journal_state(connection))
    _learn_names(connection, known)
    _learn_ties(known)
    return known


def _match_rows(faces: Sequence[EmbeddedFace], rows: Iterable[MemberRow]) -> list[MemberRow | None]:
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
                        known.anchors[index] = _name_key(seen.person.person_id)
                    known.not_names[index] = frozenset(_name_key(one.person_id) for one in seen.not_persons)


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


def _name_key(person_id: int) -> str:
    return f"person {person_id}"


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
    summarise_again(connection, changed)
    groups = {number for number in numbers if number != ALONE}
    return Grouping(len(known.faces), len(groups), len(names))


def _person_at(row: MemberRow | None, whose: Mapping[int, int]) -> int | None:
    return whose.get(row.number) if row and row.number is not None else None


def summarise_again(connection: Connection, photo_ids: Collection[int]) -> None:
    summaries.forget(connection, photo_ids)
    summaries.compute_again(connection, photo_ids)


# -- looking at groups


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
    rows = _match_rows(faces, group_members.load(connection))
    photos_of: dict[int, set[int]] = defaultdict(set)
    for row in rows:
        if row and row.number is not None:
            photos_of[row.number].add(row.photo_id)
    ties_of: dict[int, set[int]] = defaultdict(set)
    for row in rows:
        if row and row.number is not None and row.tie is not None:
            ties_of[row.number].add(row.tie)
    apart = _load_apart(connection)
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
    rows = _match_rows(faces, group_members.load(connection))
    whose = group_members.persons_of(connection)
    names = {person_id: name for person_id, name in connection.execute(_NAMES)}
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


def _choose(faces: Sequence[EmbeddedFace], indices: Sequence[int], most: int) -> list[int]:
    """At most so many of these faces, spread over time: of each stretch the largest that is sharp."""
    ordered = sorted(indices, key=lambda i: (faces[i].taken_sort or 0, faces[i].photo_id))
    parts = np.array_split(np.array(ordered), min(most, len(ordered))) if ordered else []
    return [int(max(part, key=lambda i: _quality(faces[i]))) for part in parts]


def _quality(face: EmbeddedFace) -> tuple[float, float]:
    return (face.sharpness or 0.0) * min(face.side_px, 100.0), face.score


def _year(seconds: int | None) -> int:
    return datetime.fromtimestamp(seconds or 0, UTC).year


# -- a person's words about groups


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
        known = {person_id: name for person_id, name in connection.execute(_NAMES)}
        names = " and ".join(sorted(known[person_id] for person_id in named))
        raise UsageError(
            f"these groups are {names}. If they are one person, name one group as the other: phototag name "
            f"{others[0]} NAME"
        )
    if named:
        target = next(number for number in rows if number in whose)
        name = next(name for person_id, name in connection.execute(_NAMES) if person_id in named)
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
        _carry_apart(connection, change, [row for its in rows.values() for row in its], [tie])
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
        name = connection.scalar(select(person_rows.c.name).where(person_rows.c.id == whose))
        person = Person(whose, name or "")
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
    _carry_apart(connection, change, members, range(tie, tie + len(parts)))
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
    names = {person_id: name for person_id, name in connection.execute(_NAMES)}
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
        _store_apart(connection, change, [*_load_apart(connection), ties])
    return summary


def _tie_together(connection: Connection, change: Change, rows: Sequence[MemberRow]) -> int:
    """The tie of all these faces: the one that they have, or a new one."""
    (first, *others) = {row.tie for row in rows}
    if first is not None and not others:
        return first
    tie = _new_tie(connection)
    _carry_apart(connection, change, rows, [tie])
    for row in rows:
        change.update(face_group_members, row.is_its_row(), {"tie": tie})
    return tie


def _load_apart(connection: Connection) -> list[set[int]]:
    text = connection.scalar(select(meta.c.value).where(meta.c.key == APART))
    return [set(pair) for pair in json.loads(text)] if text else []


def _store_apart(connection: Connection, change: Change, pairs: Iterable[set[int]]) -> None:
    change.delete(meta, meta.c.key == APART)
    value = json.dumps(sorted({tuple(sorted(pair)) for pair in pairs}))
    change.insert(meta, [{"key": APART, "value": value}])


def _carry_apart(
    connection: Connection, change: Change, rows: Iterable[MemberRow], new_ties: Sequence[int]
) -> None:
    """These faces get new ties: from whom the old ones are apart, the new ones are too."""
    old, pairs = {row.tie for row in rows}, _load_apart(connection)
    carried = [(pair - old) | {tie} for pair in pairs if len(pair & old) == 1 for tie in new_ties]
    if carried:
        _store_apart(connection, change, pairs + carried)


def _new_tie(connection: Connection) -> int:
    return (connection.scalar(select(func.max(face_group_members.c.tie))) or 0) + 1


def _require(connection: Connection, number: int) -> list[MemberRow]:
    """The faces of this group. Raises UsageError where there is none of this number."""
    rows = group_members.load_group(connection, number)
    if not rows:
        raise UsageError(f"there is no group {number}; see which there are: phototag people")
    return rows


# -- removing it all


def forget(connection: Connection, *, with_names: bool) -> ForgottenPeople:
    """Remove embeddings and groups; with the names and all that a person said of who is who, where asked.
    To be called where the database does not check foreign keys; the file still holds what was removed
    until it is written anew."""
    counted = embeddings.count(connection)
    groups = len({*connection.scalars(select(face_group_members.c.number).distinct())} - {None})
    named_by_group = {
        *connection.scalars(
            select(photo_persons.c.photo_id).where(
                or_(photo_persons.c.source == "group", photo_persons.c.person_id.is_not(None) & with_names)
            )
        )
    }
    embeddings.remove_all(connection)
    for table in (face_group_members, face_groups):
        connection.execute(delete(table))
    connection.execute(delete(meta).where(meta.c.key.in_((STATE, APART))))
    names = 0
    if with_names:
        naming = face_words.c.person_id.is_not(None)
        person_ids = {*connection.scalars(select(face_words.c.person_id).where(naming).distinct())}
        names = connection.scalar(select(func.count()).select_from(face_words).where(naming)) or 0
        connection.execute(delete(face_words).where(naming))
        # What could be undone would bring them back.
        connection.execute(delete(changes).where(or_(*(changes.c.steps.contains(one) for one in _NAMING))))
    summarise_again(connection, sorted(named_by_group))
    if with_names:
        _delete_unused(connection, [one for one in person_ids if one is not None])
    return ForgottenPeople(counted, groups, names)


def _delete_unused(connection: Connection, person_ids: Collection[int]) -> None:
    """Those of these persons go to whom no row of any table refers: other programs may name them too."""
    references = [
        key.parent
        for table in metadata.sorted_tables
        for key in table.foreign_keys
        if key.column is person_rows.c.id
    ]
    for ids in chunks(person_ids):
        unused = delete(person_rows).where(person_rows.c.id.in_(ids))
        for column in references:
            unused = unused.where(~select(column).where(column == person_rows.c.id).exists())
        connection.execute(unused)


def find_backups(catalog: Path, *, with_names: bool) -> list[str]:
    """Copies of the catalog beside it, as upgrades leave them, that hold embeddings, or names."""
    asked = ["embeddings", "face_group_members", *(["face_words"] if with_names else [])]
    return [
        str(copy)
        for copy in sorted(catalog.parent.glob(f"{glob.escape(catalog.name)}.before-*"))
        if holds_rows(copy, asked)
    ]


_NAMES = select(person_rows.c.id, person_rows.c.name)
_NAMING = ('"face_words"', '"persons"', '"face_groups"', '"face_group_members"')  # tables, as steps name them

"""Take over a person's words from another catalog: about photos, and about the faces in them. Words hang on
content, so they follow equal bytes and equal pixels. Where they disagree, ours stays and theirs is told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, insert, select

from phototag import smiling
from phototag.faces import CONTRADICTED, SAME_FACE, WordKind, turn_box
from phototag.library import journal, summaries
from phototag.library.answers import chunks
from phototag.library.database import Catalog
from phototag.library.face_words import IDENTITY, find_photos
from phototag.library.names import ensure_ids
from phototag.library.paths import join, roots_of, to_path
from phototag.library.tables import corrections, face_words, labels, persons, photos
from phototag.query.terms import fold
from phototag.records import Box


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Both catalogs hold a person's word, and they do not agree; ours was kept. `path`: of a photo here,
    None where the words are about a photo that is not here."""

    path: str | None
    ours: str
    theirs: str


class _Label(NamedTuple):
    """A word about a photo here."""

    photo_id: int
    label: str
    present: bool


class _FaceWord(NamedTuple):
    """A word about a face. `box`: as the pixels lie in the file, whatever its orientation says; `person`:
    (uid, name)."""

    identity: str
    box: Box
    kind: WordKind
    person: tuple[str, str] | None
    at: str

    def __str__(self) -> str:
        text = self.kind.value.replace("_", " ")
        return f"{text} {self.person[1]}" if self.person else text


def merge(catalog: Catalog, other: Catalog, *, dry_run: bool) -> tuple[int, list[Contradiction]]:
    """How many words were taken over, or would be, and those that were not because ours say otherwise."""
    with other.read() as connection:
        their_labels = list(_load_labels(connection))
        their_faces = _load_face_words(connection)
        their_photos = _load_hashes(connection, {identity for identity, _, _ in their_labels})
        their_photos |= _load_hashes(connection, {word.identity for word in their_faces})
    with catalog.read() as connection:
        here = _find_here(connection, their_photos)
        labels_new, against = _compare_labels(connection, their_labels, here)
        faces_new, against_faces = _compare_faces(connection, their_faces, here)
        paths = _load_paths(
            connection, [photo_id for photo_id, _, _ in [*against, *against_faces] if photo_id]
        )
    found = [Contradiction(paths.get(photo_id or 0), *said) for photo_id, *said in [*against, *against_faces]]
    if (labels_new or faces_new) and not dry_run:
        with catalog.write() as connection:
            _store(connection, other, labels_new, faces_new)
    return len(labels_new) + len(faces_new), found


def _load_labels(connection: Connection) -> Iterator[tuple[str, str, bool]]:
    """(identity, label, whether it is in the photo)."""
    statement = (
        select(IDENTITY, labels.c.name, corrections.c.present)
        .select_from(corrections.join(labels).join(photos))
        .where(IDENTITY.is_not(None))
        .order_by(corrections.c.photo_id, labels.c.name)
    )
    for identity, label, present in connection.execute(statement):
        yield identity, label, bool(present)


def _load_face_words(connection: Connection) -> list[_FaceWord]:
    statement = (
        select(face_words, persons.c.uid, persons.c.name)
        .select_from(face_words.outerjoin(persons))
        .order_by(face_words.c.id)
    )
    return [_face_word(row) for row in connection.execute(statement)]


def _face_word(row: Row[Any]) -> _FaceWord:
    box = turn_box(Box(row.box_left, row.box_top, row.box_right, row.box_bottom), row.orientation, 1)
    person = None if row.uid is None else (row.uid, row.name)
    return _FaceWord(row.identity, box, WordKind(row.kind), person, row.at)


def _load_hashes(connection: Connection, identities: set[str]) -> dict[str, set[str]]:
    """Identity -> the content hashes of the photos that have it."""
    found: dict[str, set[str]] = {identity: set() for identity in identities}
    ids = find_photos(connection, identities)
    for some in chunks(ids):
        rows = connection.execute(select(IDENTITY, photos.c.content_hash).where(photos.c.id.in_(some)))
        for identity, content_hash in rows:
            found[identity].add(content_hash)
    return found


def _find_here(connection: Connection, theirs: Mapping[str, set[str]]) -> dict[str, tuple[str, list[int]]]:
    """Identity there -> identity here, and the photos here that have it. One catalog may not have looked
    at the pixels of bytes that both know."""
    of_hash = {content_hash: identity for identity, hashes in theirs.items() for content_hash in hashes}
    here: dict[str, str] = {}
    for some in chunks(of_hash):
        rows = connection.execute(
            select(photos.c.content_hash, IDENTITY).where(photos.c.content_hash.in_(some))
        )
        here |= {of_hash[content_hash]: identity for content_hash, identity in rows}
    found = {}
    for identity in theirs:
        own = here.get(identity, identity)
        found[identity] = (own, find_photos(connection, {own}))
    return found


def _compare_labels(
    connection: Connection,
    theirs: Sequence[tuple[str, str, bool]],
    here: Mapping[str, tuple[str, list[int]]],
) -> tuple[list[_Label], list[tuple[int | None, str, str]]]:
    """Those that are new here; and (photo id, ours, theirs) where they contradict."""
    photo_ids = {photo_id for identity, _, _ in theirs for photo_id in here[identity][1]}
    said = summaries.corrections_of(connection, photo_ids)
    ours = {
        photo_id: {fold(label): present for label, present in words.items()}
        for photo_id, words in said.items()
    }
    new: list[_Label] = []
    against: list[tuple[int | None, str, str]] = []
    for identity, label, present in theirs:
        for photo_id in here[identity][1]:
            words = ours.setdefault(photo_id, {})
            opposed = smiling.contradicted(label, present)
            if opposed is not None and words.get(opposed) is not None and words[opposed] != present:
                against.append((photo_id, _signed(opposed, words[opposed]), _signed(label, present)))
            elif (known := words.get(fold(label))) is None:
                words[fold(label)] = present
                new.append(_Label(photo_id, label, present))
            elif known != present:
                against.append((photo_id, _signed(label, known), _signed(label, present)))
    return new, against


def _signed(label: str, present: bool) -> str:
    return f"{'+' if present else '-'}{label}"


def _compare_faces(
    connection: Connection, theirs: Sequence[_FaceWord], here: Mapping[str, tuple[str, list[int]]]
) -> tuple[list[_FaceWord], list[tuple[int | None, str, str]]]:
    """Those that are new here, about what they are about here; and (photo id, ours, theirs) where they
    contradict."""
    ours: dict[str, list[_FaceWord]] = defaultdict(list)
    if theirs:
        for word in _load_face_words(connection):
            ours[word.identity].append(word)
    new: list[_FaceWord] = []
    against: list[tuple[int | None, str, str]] = []
    for word in theirs:
        identity, photo_ids = here[word.identity]
        word = word._replace(identity=identity)
        about = [one for one in ours[identity] if one.box.iou(word.box) >= SAME_FACE]
        if any(_same(one, word) for one in about):
            continue
        opposed = next((one for one in about if _contradict(one, word)), None)
        if opposed is not None:
            against.append((photo_ids[0] if photo_ids else None, str(opposed), str(word)))
            continue
        ours[identity].append(word)
        new.append(word)
    return new, against


def _same(one: _FaceWord, other: _FaceWord) -> bool:
    return one.kind is other.kind and _is_same_person(one, other)


def _is_same_person(one: _FaceWord, other: _FaceWord) -> bool:
    if one.person is None or other.person is None:
        return one.person is other.person
    return one.person[0] == other.person[0] or fold(one.person[1]) == fold(other.person[1])


def _contradict(one: _FaceWord, other: _FaceWord) -> bool:
    if {one.kind, other.kind} == {WordKind.PERSON, WordKind.NOT_PERSON}:
        return _is_same_person(one, other)
    return other.kind in CONTRADICTED[one.kind] or one.kind in CONTRADICTED[other.kind]


def _load_paths(connection: Connection, photo_ids: Sequence[int]) -> dict[int, str]:
    roots_by_id = {root_id: root for root, root_id in roots_of(connection).items()}
    return {
        row.id: join(roots_by_id[row.root_id], to_path(row.path))
        for some in chunks(photo_ids)
        for row in connection.execute(
            select(photos.c.id, photos.c.root_id, photos.c.path).where(photos.c.id.in_(some))
        )
    }


def _store(
    connection: Connection, other: Catalog, labels_new: Sequence[_Label], faces_new: Sequence[_FaceWord]
) -> None:
    """All of it is one change, which `phototag undo` takes back."""
    photo_ids = {word.photo_id for word in labels_new}
    photo_ids |= {*find_photos(connection, {word.identity for word in faces_new})}
    summaries.forget(connection, photo_ids)
    with journal.change(connection, f"took over the words of {other.short_name}") as change:
        spelling = {fold(name): name for name in connection.scalars(select(labels.c.name))}
        named = {word.label: spelling.get(fold(word.label), word.label) for word in labels_new}
        label_ids = ensure_ids(connection, labels.c.name, {*named.values()})
        change.insert(
            corrections,
            [
                {
                    "photo_id": word.photo_id,
                    "label_id": label_ids[named[word.label]],
                    "present": int(word.present),
                }
                for word in labels_new
            ],
        )
        person_ids = _ensure_persons(connection, {word.person for word in faces_new if word.person})
        change.insert(
            face_words,
            [
                {
                    "identity": word.identity,
                    "orientation": 1,
                    **dict(zip(("box_left", "box_top", "box_right", "box_bottom"), word.box, strict=True)),
                    "kind": word.kind.value,
                    "person_id": person_ids[word.person] if word.person else None,
                    "at": word.at,
                }
                for word in faces_new
            ],
        )
        change.touch(photo_ids)
    summaries.compute_again(connection, sorted(photo_ids))


def _ensure_persons(connection: Connection, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """(uid, name) -> the person here: the same one, else one of that name, else a new one."""
    by_uid, by_key = {}, {}
    for row in connection.execute(select(persons)):
        by_uid[row.uid], by_key[row.name_key] = row.id, row.id
    found = {}
    for uid, name in sorted(wanted):
        known = by_uid.get(uid, by_key.get(fold(name)))
        if known is None:
            values = {"name": name, "name_key": fold(name), "uid": uid}
            known = connection.execute(insert(persons).values(values).returning(persons.c.id)).scalar_one()
            by_uid[uid] = by_key[fold(name)] = known
        found[uid, name] = known
    return found

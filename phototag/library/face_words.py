"""A person's words about faces, as rows. They hang on what a photo shows, its `identity`, and on a box:
on no row of a photo, an answer or a tag."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, insert, or_, select, update
from sqlalchemy.sql.functions import coalesce

from phototag.faces import FaceWord, WordKind, turn_box
from phototag.library.answers import chunks
from phototag.library.tables import changes, face_words, persons, photos
from phototag.records import Box, Person

# What a photo shows, whatever its file is called and what is written around its pixels.
IDENTITY: ColumnElement[str | None] = coalesce(photos.c.pixel_hash, photos.c.content_hash)
_ANY = select(face_words.c.id).limit(1)


@dataclass(frozen=True, slots=True)
class Subject:
    """What words about a photo hang on: its identity (None until its bytes were read), and the EXIF
    orientation by which it is upright."""

    identity: str | None
    orientation: int = 1


@dataclass(frozen=True, slots=True)
class StoredWord:
    """A word and its row. The box is of the photo as it lies now."""

    row_id: int
    identity: str
    word: FaceWord


def find_subjects(connection: Connection, photo_ids: Iterable[int]) -> dict[int, Subject]:
    """Photo id -> what words about it hang on."""
    return {
        photo_id: Subject(identity, orientation or 1)
        for ids in chunks(photo_ids)
        for photo_id, identity, orientation in connection.execute(
            select(photos.c.id, IDENTITY, photos.c.orientation).where(photos.c.id.in_(ids))
        )
    }


def is_any(connection: Connection) -> bool:
    """Whether anything was ever said of a face: in most catalogs nothing is, and no more is asked."""
    return connection.scalar(_ANY) is not None


def load(connection: Connection, subjects: Mapping[int, Subject]) -> dict[int, list[StoredWord]]:
    """Photo id -> what was said of its faces, the oldest first; without photos of which nothing was.
    Boxes are turned to how each photo lies now. One statement where nothing was ever said, else one
    more per CHUNK photos."""
    if not subjects or not is_any(connection):
        return {}
    by_identity: dict[str, list[int]] = {}
    for photo_id, subject in subjects.items():
        if subject.identity is not None:
            by_identity.setdefault(subject.identity, []).append(photo_id)
    found: dict[int, list[StoredWord]] = {}
    for identities in chunks(by_identity):
        rows = connection.execute(
            select(face_words, persons.c.name)
            .select_from(face_words.outerjoin(persons))
            .where(face_words.c.identity.in_(identities))
            .order_by(face_words.c.id)
        )
        for row in rows:
            box = Box(row.box_left, row.box_top, row.box_right, row.box_bottom)
            person = None if row.person_id is None else Person(row.person_id, row.name)
            if person and person.name is None:  # keys are checked when written, not when a disk fails
                raise ValueError(f"a word about person {person.person_id}, who is not there")
            for photo_id in by_identity[row.identity]:
                turned = turn_box(box, row.orientation, subjects[photo_id].orientation)
                word = FaceWord(WordKind(row.kind), turned, person)
                found.setdefault(photo_id, []).append(StoredWord(row.id, row.identity, word))
    return found


def carry(connection: Connection, photo_id: int, after: Subject) -> None:
    """What was said of the photo's faces is said of another picture too, which looks the same when both
    are upright."""
    before = find_subjects(connection, [photo_id])[photo_id]
    said = load(connection, {photo_id: before}).get(photo_id, [])
    if not said or before.identity == after.identity:
        return
    its = select(face_words.c.id, face_words.c.at).where(face_words.c.identity == before.identity)
    times = {row.id: row.at for row in connection.execute(its)}
    known = {one.word for one in load(connection, {photo_id: after}).get(photo_id, ())}
    rows = [row_of(after, one.word, times[one.row_id]) for one in said if one.word not in known]
    if rows:
        connection.execute(insert(face_words), rows)


def row_of(subject: Subject, word: FaceWord, at: str) -> dict[str, object]:
    """The row of a word about a photo whose identity is known. `at`: UTC, as the column has it."""
    return {
        "identity": subject.identity,
        "orientation": subject.orientation,
        **dict(zip(("box_left", "box_top", "box_right", "box_bottom"), map(float, word.box), strict=True)),
        "kind": word.kind.value,
        "person_id": word.person.person_id if word.person else None,
        "at": at,
    }


def find_photos(connection: Connection, identities: Collection[str]) -> list[int]:
    """The photos that show one of these, in the order of their ids."""
    found: set[int] = set()
    for some in chunks(identities):
        # each column has an index; their coalesce has none
        asked = or_(photos.c.pixel_hash.in_(some), photos.c.content_hash.in_(some))
        found |= {*connection.scalars(select(photos.c.id).where(asked, IDENTITY.in_(some)))}
    return sorted(found)


def follow(connection: Connection, identities: Mapping[str, tuple[str, str | None]]) -> None:
    """Words follow photos that are known by another identity now: old -> (new, and the hash of the bytes
    that have both). In practice, bytes whose compressed pixels have a hash at last."""
    if not identities or not is_any(connection):
        return
    spoken_of = {
        identity
        for some in chunks(identities)
        for identity in connection.scalars(
            select(face_words.c.identity).where(face_words.c.identity.in_(some)).distinct()
        )
    }
    for old in sorted(spoken_of):
        new, content_hash = identities[old]
        connection.execute(update(face_words).where(face_words.c.identity == old).values(identity=new))
        # What can be undone speaks of it too. A hash in hex is found nowhere else in the text.
        connection.execute(
            update(changes)
            .where(changes.c.undone_at.is_(None), changes.c.steps.contains(old))
            .values(steps=func.replace(changes.c.steps, old, new))
        )
        # Copies of the same bytes have the same pixels, though nobody has looked at them yet.
        if old == content_hash:
            connection.execute(
                update(photos)
                .where(photos.c.content_hash == old, photos.c.pixel_hash.is_(None))
                .values(pixel_hash=new)
            )

"""Rows -> `Photo` records, in bulk: a handful of statements for hundreds of photos."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from types import NoneType
from typing import TypeVar

from sqlalchemy import Connection, RowMapping, exists, select

from phototag.faces import NOTHING_SAID, Said, find_persons, resolve
from phototag.library import face_words, places, taken, written
from phototag.library import said as said_of_faces
from phototag.library.answers import IDS, Shown, load_shown, load_tag_rows
from phototag.library.database import Catalog
from phototag.library.face_words import Subject
from phototag.library.paths import join, roots_of, to_path
from phototag.library.summaries import ABOUT_FACES, corrections_of
from phototag.library.tables import (
    answers,
    corrections,
    persons,
    photo_persons,
    photo_places,
    photos,
    roots,
    taggers,
)
from phototag.library.tables import written as written_rows
from phototag.library.written import NOTHING_WRITTEN
from phototag.records import Face, PersonInPhoto, Photo, PhotoLine, Tag
from phototag.smiling import can_tell_smiles, everyone_smiles, join_faces, reserved

# The first photos come at once, then more at a time: a page is small, a catalog is long.
FIRST, NEXT = 64, 256
NOTHING_SHOWN = Shown({}, {}, {})
T = TypeVar("T")
Load = Callable[[Connection, list[int]], Iterable[T]]

# Of a photo, whether there is more to be asked: of most there is not.
_IS_CORRECTED = exists().where(corrections.c.photo_id == photos.c.id).label("is_corrected")
_IS_WRITTEN_ABOUT = exists().where(written_rows.c.photo_id == photos.c.id).label("is_written_about")
_IS_PLACED = exists().where(photo_places.c.photo_id == photos.c.id).label("is_placed")
_IS_ANYBODY_IN = exists().where(photo_persons.c.photo_id == photos.c.id).label("is_anybody_in")
_PHOTOS = (
    select(
        photos.c.id,
        roots.c.path.label("root"),
        photos.c.path,
        photos.c.size_bytes,
        photos.c.width,
        photos.c.height,
        photos.c.orientation,
        photos.c.utc_offset_minutes,
        photos.c.content_hash,
        face_words.IDENTITY.label("identity"),
        photos.c.taken_at,
        photos.c.taken_from,
        photos.c.latitude,
        photos.c.longitude,
        photos.c.camera,
        photos.c.missing_since,
        photos.c.least_smile,
        photos.c.greatest_smile,
        _IS_CORRECTED,
        _IS_WRITTEN_ABOUT,
        _IS_PLACED,
        said_of_faces.IS_ANY.label("is_any_face_spoken_of"),
    )
    .select_from(photos.join(roots))
    .where(photos.c.id.in_(IDS))
)
_LINES = select(
    photos.c.id,
    photos.c.root_id,
    photos.c.path,
    photos.c.taken_at,
    photos.c.taken_from,
    photos.c.width,
    photos.c.height,
    photos.c.least_smile,
    photos.c.faces,
    photos.c.failed,
    _IS_CORRECTED,
    _IS_WRITTEN_ABOUT,
    _IS_ANYBODY_IN,
).where(photos.c.id.in_(IDS))
_PATHS = select(photos.c.id, photos.c.root_id, photos.c.path).where(photos.c.id.in_(IDS))
_ERRORS = (
    select(answers.c.photo_id, taggers.c.name, answers.c.error)
    .select_from(answers.join(taggers))
    .where(answers.c.photo_id.in_(IDS), answers.c.error.is_not(None))
    .order_by(answers.c.id)
)
# Columns and what they hold, beside those that are read into something else.
_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("latitude", "longitude", "least_smile", "greatest_smile"), (int, float, NoneType)),
    **dict.fromkeys(("width", "height", "orientation", "utc_offset_minutes"), (int, NoneType)),
    **dict.fromkeys(("content_hash", "taken_from", "camera"), (str, NoneType)),
    "size_bytes": (int,),
}
_PERSONS = (
    select(photo_persons.c.photo_id, persons.c.name)
    .select_from(photo_persons.join(persons))
    .where(photo_persons.c.photo_id.in_(IDS))
    .order_by(photo_persons.c.photo_id, persons.c.name_key)
)


def stream(catalog: Catalog, find: Callable[[Connection], list[int]], load: Load[T]) -> Iterator[T]:
    """What `load` makes of the photos that `find` finds, in that order. Nothing stays open between
    two of them, so the caller may write meanwhile."""
    with catalog.read() as connection:
        ids = find(connection)
        first = list(load(connection, ids[:FIRST]))
    return chain(first, _rest(catalog, ids, load))


def _rest(catalog: Catalog, ids: list[int], load: Load[T]) -> Iterator[T]:
    for start in range(FIRST, len(ids), NEXT):
        with catalog.read() as connection:
            found = list(load(connection, ids[start : start + NEXT]))
        yield from found


def load(connection: Connection, ids: list[int], smile_threshold: float) -> list[Photo]:
    """These photos, in this order; ids that no photo has are left out."""
    rows = connection.execute(_PHOTOS, {"ids": ids}).mappings().all()
    shown = load_shown(connection, ids)
    said = corrections_of(connection, [row["id"] for row in rows if row["is_corrected"]])
    located = places.load(
        connection, [row["id"] for row in rows if row["is_placed"] and row["latitude"] is not None]
    )
    wrote = written.load(connection, [row["id"] for row in rows if row["is_written_about"]])
    subjects = {
        row["id"]: Subject(row["identity"], row["orientation"] or 1)
        for row in rows
        if row["is_any_face_spoken_of"]
    }
    of_faces = said_of_faces.load(connection, subjects) if subjects else {}
    found = {}
    for row in rows:
        photo_id = row["id"]
        its = shown.get(photo_id, NOTHING_SHOWN), said.get(photo_id, {})
        more = of_faces.get(photo_id, NOTHING_SAID), located.get(photo_id, ())
        photo = _photo(row, *its, *more, smile_threshold)
        found[photo_id] = replace(photo, written=wrote[photo_id]) if photo_id in wrote else photo
    return [found[photo_id] for photo_id in ids if photo_id in found]


def load_lines(connection: Connection, ids: list[int], smile_threshold: float) -> list[PhotoLine]:
    """The same of these photos, as far as a line tells it."""
    rows = connection.execute(_LINES, {"ids": ids}).all()
    roots_by_id = {root_id: root for root, root_id in roots_of(connection).items()}
    seen = load_tag_rows(connection, ids, ABOUT_FACES - {"faces"})
    said = corrections_of(connection, [row.id for row in rows if row.is_corrected])
    errors = load_errors(connection, [row.id for row in rows if row.failed])
    named = load_persons(connection, [row.id for row in rows if row.is_anybody_in])
    about = [row.id for row in rows if row.is_written_about]
    wrote = written.load(connection, about, with_persons=False)
    found = {}
    for row in rows:
        words = said.get(row.id, {})
        tags = seen.get(row.id, ())
        faces = {tag.box for tag in tags if tag.tagger == "faces"}
        tags = [tag for tag in tags if tag.tagger != "faces" and words.get(tag.label, True)]
        found[row.id] = PhotoLine(
            row.id,
            join(roots_by_id[row.root_id], to_path(row.path)),
            *taken.read(row.taken_at),
            row.taken_from,
            row.width,
            row.height,
            everyone_smiles(row.least_smile, smile_threshold),
            row.faces or 0,
            tuple([(tag.label, tag.score) for tag in tags if tag.box and tag.box not in faces]),
            tuple([(tag.label, tag.score) for tag in tags if not tag.box]),
            _user_labels(words),
            errors.get(row.id),
            tuple(named.get(row.id, ())),
            wrote.get(row.id, NOTHING_WRITTEN),
        )
    return [found[photo_id] for photo_id in ids if photo_id in found]


def load_paths(connection: Connection, ids: list[int]) -> list[str]:
    """The absolute paths of these photos, in this order."""
    paths = _paths(connection, ids)
    return [paths[photo_id] for photo_id in ids if photo_id in paths]


def find_file(connection: Connection, photo_id: int) -> tuple[str, str | None] | None:
    """The absolute path of this photo and its content hash; None where no photo has the id."""
    path = next(iter(load_paths(connection, [photo_id])), None)
    if path is None:
        return None
    return path, connection.scalar(select(photos.c.content_hash).where(photos.c.id == photo_id))


def _paths(connection: Connection, ids: list[int]) -> dict[int, str]:
    roots_by_id = {root_id: root for root, root_id in roots_of(connection).items()}
    return {
        photo_id: join(roots_by_id[root_id], to_path(path))
        for photo_id, root_id, path in connection.execute(_PATHS, {"ids": ids})
    }


def load_errors(connection: Connection, ids: list[int]) -> dict[int, str]:
    """Photo id -> the first error there is about it."""
    found: dict[int, str] = {}
    if ids:
        for photo_id, _, error in connection.execute(_ERRORS, {"ids": ids}):
            found.setdefault(photo_id, error)
    return found


def load_persons(connection: Connection, ids: list[int]) -> dict[int, list[str]]:
    """Photo id -> the names of who is in it, in alphabetical order."""
    found: dict[int, list[str]] = {}
    if ids:
        for photo_id, name in connection.execute(_PERSONS, {"ids": ids}):
            found.setdefault(photo_id, []).append(name)
    return found


def _photo(
    row: RowMapping,
    shown: Shown,
    said: Mapping[str, bool],
    of_faces: Said,
    located: Sequence[str],
    smile_threshold: float,
) -> Photo:
    _check_kinds(row)
    seen = shown.tags
    resolved = resolve(join_faces(seen), of_faces)
    faces = [_without_denied(face, said) for face in resolved.faces]
    boxes = {face.box for face in (*faces, *resolved.denied)}
    objects: list[Tag] = []
    kinds: list[Tag] = []
    for tagger, tags in seen.items():
        if tagger in ABOUT_FACES:
            continue
        for tag in tags:  # also of taggers that this file has never heard of
            if tag.box in boxes or not said.get(tag.label, True):
                continue
            (objects if tag.box else kinds).append(tag)
    taken_at, precision = taken.read(row["taken_at"])
    return Photo(
        photo_id=row["id"],
        path=join(to_path(row["root"]), to_path(row["path"])),
        size_bytes=row["size_bytes"],
        width=row["width"],
        height=row["height"],
        content_hash=row["content_hash"],
        taken_at=taken_at,
        taken_precision=precision,
        places=tuple(located),
        taken_from=row["taken_from"],
        latitude=row["latitude"],
        longitude=row["longitude"],
        camera=row["camera"],
        missing_since=_time(row["missing_since"]),
        everyone_smiling=everyone_smiles(row["least_smile"], smile_threshold),
        least_smile=row["least_smile"],
        greatest_smile=row["greatest_smile"],
        smile_words={label: holds for label, holds in said.items() if reserved(label)},
        objects=tuple(objects),
        kinds=tuple(kinds),
        faces=tuple(faces),
        sharpness=_whole(seen.get("sharpness", ())),
        user_labels=_user_labels(said),
        errors=dict(shown.errors),
        detector=shown.weights_names.get("objects"),
        orientation=row["orientation"] or 1,
        denied_faces=resolved.denied,
        persons=_persons(faces, of_faces),
        utc_offset_minutes=row["utc_offset_minutes"],
    )


def _check_kinds(row: RowMapping) -> None:
    """SQLite keeps a text where a number belongs: a damaged catalog, or a stranger's. Raises TypeError."""
    for name, kinds in _KINDS.items():
        if not isinstance(row[name], kinds):
            raise TypeError(f"{name} is {row[name]!r}")


def _persons(faces: Sequence[Face], of_faces: Said) -> tuple[PersonInPhoto, ...]:
    if of_faces is NOTHING_SAID:
        return ()
    return tuple(find_persons(faces, can_tell_smiles(faces), of_faces.mentions))


def _without_denied(face: Face, said: Mapping[str, bool]) -> Face:
    """The face without what the user says is not in the photo."""
    if not (said and face.said):
        return face
    return replace(face, said={label: score for label, score in face.said.items() if said.get(label, True)})


def _user_labels(said: Mapping[str, bool]) -> tuple[str, ...]:
    return tuple([label for label, present in said.items() if present and not reserved(label)])


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _whole(tags: Sequence[Tag]) -> float | None:
    """What is said of the whole photo."""
    return next((tag.score for tag in tags if tag.box is None), None)

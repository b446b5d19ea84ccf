"""Storing what a person says of photos and of faces in them, and taking it back: each call one change of the
journal, with the summaries that follow from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, and_, select

from phototag.errors import CatalogError, UsageError
from phototag.faces import CONTRADICTED, SAME_FACE, FaceWord, WordKind
from phototag.library import face_words, group_members, journal, labels, persons, photos, summaries
from phototag.library.answers import chunks
from phototag.library.face_words import StoredWord
from phototag.library.journal import Change
from phototag.library.names import find_ids
from phototag.library.paths import place_of, roots_of, to_text
from phototag.library.tables import corrections
from phototag.library.tables import face_words as face_word_rows
from phototag.library.tables import labels as label_rows
from phototag.library.tables import photos as photo_rows
from phototag.query.terms import fold
from phototag.records import Box, Face, Photo
from phototag.smiling import SMILE_THRESHOLD, reserved

FaceRef = tuple[str, int]  # absolute path of the photo, and the face's number


def find_photo_ids(connection: Connection, paths: Iterable[str]) -> dict[str, int]:
    """Absolute path -> photo, in the order of the paths. Raises CatalogError for the first that the
    catalog does not know."""
    roots = roots_of(connection)
    found: dict[str, int] = {}
    by_id = select(photo_rows.c.id)
    for path in paths:
        place = place_of(roots, path)
        photo_id = None
        if place is not None:
            is_it = photo_rows.c.root_id == place.root_id, photo_rows.c.path == to_text(place.path)
            photo_id = connection.scalar(by_id.where(*is_it))
        if photo_id is None:
            raise CatalogError(f"{path} is not in the catalog. Scan it first: phototag scan FOLDER")
        found[path] = photo_id
    return found


def correct(connection: Connection, paths: Sequence[str], words: Mapping[str, bool]) -> None:
    """Say of each of these photos what is in it and what is not, as `labels.read_words` reads it."""
    ids = find_photo_ids(connection, paths)
    said = [f"{'+' if present else '-'}{label}" for label, present in words.items()]
    with changing(connection, _sentence(said, paths), [*ids.values()]) as change:
        labels.correct(connection, change, [*ids.values()], words)


def take_back_labels(connection: Connection, paths: Sequence[str], names: Collection[str]) -> int:
    """Forget what was said of these labels in these photos. Returns of how many photos something
    was."""
    ids = find_photo_ids(connection, paths)
    asked = {fold(reserved(name) or name.strip()) for name in names}
    known = [name for name in connection.scalars(select(label_rows.c.name)) if fold(name) in asked]
    is_asked = corrections.c.label_id.in_(find_ids(connection, label_rows.c.name, known).values())
    spoken_of = _corrected(connection, ids.values(), is_asked)
    named = [path for path, photo_id in ids.items() if photo_id in spoken_of]
    with changing(connection, _sentence(["taken back", *names], named), sorted(spoken_of)) as change:
        for some in chunks(sorted(spoken_of)):
            change.delete(corrections, and_(corrections.c.photo_id.in_(some), is_asked))
    return len(spoken_of)


def _corrected(connection: Connection, photo_ids: Iterable[int], *where: ColumnElement[bool]) -> set[int]:
    """Of these photos, those with words about labels."""
    return {
        photo_id
        for some in chunks(photo_ids)
        for photo_id in connection.scalars(
            select(corrections.c.photo_id).where(corrections.c.photo_id.in_(some), *where)
        )
    }


def tag_faces(
    connection: Connection,
    faces: Sequence[FaceRef],
    *,
    person: str | None = None,
    not_persons: Sequence[str] = (),
    smiling: bool | None = None,
    is_face: bool | None = None,
) -> None:
    """See Library.tag_faces."""
    named = persons.ensure(connection, [*([person] if person else ()), *not_persons])
    kinds: list[tuple[WordKind, str | None]] = [(WordKind.NOT_PERSON, name) for name in not_persons]
    if person:
        kinds.append((WordKind.PERSON, person))
    if smiling is not None:
        kinds.append((WordKind.SMILING if smiling else WordKind.NOT_SMILING, None))
    if is_face is not None:
        kinds.append((WordKind.FACE if is_face else WordKind.NOT_A_FACE, None))
    found = _find_faces(connection, faces)
    words = [
        (photo, face, [FaceWord(kind, face.box, named[name] if name else None) for kind, name in kinds])
        for photo, face in found
    ]
    said = [_say(kind, name) for kind, name in kinds]
    places = [f"{path}#{number}" for path, number in faces]
    store(connection, _sentence(said, places), words)


def add_face(
    connection: Connection, path: str, box: Box, *, person: str | None = None, smiling: bool | None = None
) -> None:
    """See Library.add_face."""
    (photo_id,) = find_photo_ids(connection, [path]).values()
    (photo,) = photos.load(connection, [photo_id], SMILE_THRESHOLD)
    if photo.content_hash is None:
        raise CatalogError(f"{path} could not be read yet. Scan it first: phototag scan {path}")
    words = [FaceWord(WordKind.FACE, box)]
    if person:
        words.append(FaceWord(WordKind.PERSON, box, persons.ensure(connection, [person])[person]))
    if smiling is not None:
        words.append(FaceWord(WordKind.SMILING if smiling else WordKind.NOT_SMILING, box))
    said = ["a face", *(_say(word.kind, word.person and word.person.name) for word in words[1:])]
    store(connection, _sentence(said, [path]), [(photo, Face(box, 1.0), words)])


def take_back_faces(
    connection: Connection, faces: Sequence[FaceRef], names: Collection[str] | None = None
) -> int:
    """Forget what was said of these faces; of them being these persons, or not, where `names` are
    given. Returns of how many faces something was."""
    found = _find_faces(connection, faces)
    asked = None if names is None else {fold(name) for name in names}
    stored = _load_stored(connection, [photo for photo, _ in found])
    row_ids: list[int] = []
    spoken_of = []
    nameless: list[tuple[Photo, Face, FaceWord]] = []
    for (photo, face), (path, number) in zip(found, faces, strict=True):
        its = [
            one
            for one in _words_about(photo, face, stored.get(photo.photo_id, ()))
            if asked is None or (one.word.person and fold(one.word.person.name) in asked)
        ]
        row_ids += [one.row_id for one in its]
        spoken_of += [f"{path}#{number}"] if its else []
        nameless += [(photo, face, one.word) for one in its if one.word.kind is WordKind.PERSON]
    summary = _sentence(["taken back", *(names or ["all words"])], spoken_of)
    with changing(connection, summary, _copies(connection, [photo for photo, _ in found])) as change:
        _delete_words(change, row_ids)
        for photo, face, word in nameless:  # the next grouping tells whether it is like the others
            _follow(connection, change, photo, face, replace(word, kind=WordKind.NOT_PERSON))
    return len(spoken_of)


def take_back_all(connection: Connection, paths: Sequence[str]) -> int:
    """Forget all that was said of these photos and of faces in them. Returns of how many something
    was."""
    ids = find_photo_ids(connection, paths)
    subjects = face_words.find_subjects(connection, ids.values())
    stored = face_words.load(connection, subjects)
    spoken_of = {*stored, *_corrected(connection, ids.values())}
    named = [path for path, photo_id in ids.items() if photo_id in spoken_of]
    identities = {subjects[photo_id].identity or "" for photo_id in stored}
    touched = sorted({*spoken_of, *face_words.find_photos(connection, identities)})
    with changing(connection, _sentence(["taken back", "all words"], named), touched) as change:
        _delete_words(change, [one.row_id for words in stored.values() for one in words])
        for some in chunks(sorted(spoken_of)):
            change.delete(corrections, corrections.c.photo_id.in_(some))
    return len(spoken_of)


def find_without_pixels(connection: Connection, paths: Iterable[str]) -> dict[str, tuple[int, str]]:
    """Of these photos, those whose pixels have no hash: path -> (photo, hash of the bytes)."""
    ids = find_photo_ids(connection, paths)
    rows = {
        row.id: row
        for some in chunks({*ids.values()})
        for row in connection.execute(
            select(photo_rows.c.id, photo_rows.c.content_hash, photo_rows.c.pixel_hash).where(
                photo_rows.c.id.in_(some)
            )
        )
    }
    return {
        path: (photo_id, row.content_hash)
        for path, photo_id in ids.items()
        if (row := rows[photo_id]).content_hash and not row.pixel_hash
    }


def store(
    connection: Connection,
    summary: str,
    words: Sequence[tuple[Photo, Face, Sequence[FaceWord]]],
    prepare: Callable[[Change], None] | None = None,
) -> None:
    """Store these words about faces of photos, in place of earlier ones that contradict them. Groups of
    faces follow; `prepare` may change them before, as part of the same change."""
    spoken_of = [photo for photo, _, _ in words]
    stored = _load_stored(connection, spoken_of)
    subjects = face_words.find_subjects(connection, [photo.photo_id for photo in spoken_of])
    outdated, rows, at = [], [], journal.now()
    for photo, face, said in words:
        before = _words_about(photo, face, stored.get(photo.photo_id, ()))
        for word in said:
            contradicted = any(_contradict(word, one.word) for one in before)
            if not contradicted and any(_same(word, one.word) for one in before):
                continue
            outdated += [one.row_id for one in before if _contradict(word, one.word) or _same(word, one.word)]
            rows.append(face_words.row_of(subjects[photo.photo_id], word, at))
    with changing(connection, summary, _copies(connection, spoken_of)) as change:
        if prepare:
            prepare(change)
        _delete_words(change, outdated)
        change.insert(face_word_rows, rows)
        for photo, face, said in words:
            for word in said:
                _follow(connection, change, photo, face, word)


def _follow(connection: Connection, change: Change, photo: Photo, face: Face, word: FaceWord) -> None:
    """The face's group follows a word on whose it is, in every copy of the photo."""
    if word.person is None or word.kind not in (WordKind.PERSON, WordKind.NOT_PERSON):
        return
    if not group_members.is_any(connection):
        return
    follow = group_members.follow_name if word.kind is WordKind.PERSON else group_members.follow_denial
    for photo_id in _copies(connection, [photo]):
        follow(connection, change, photo_id, face.box, word.person.person_id)


def _contradict(word: FaceWord, before: FaceWord) -> bool:
    """Whether what was said before cannot stand beside the word."""
    if _same(word, before):
        return False
    naming = {WordKind.PERSON, WordKind.NOT_PERSON}
    if {word.kind, before.kind} == naming and word.person == before.person:
        return True
    return before.kind in CONTRADICTED[word.kind]


def _same(word: FaceWord, before: FaceWord) -> bool:
    return word.kind is before.kind and word.person == before.person


def _words_about(photo: Photo, face: Face, stored: Iterable[StoredWord]) -> list[StoredWord]:
    """Those of the photo's words that are about this face."""
    others = {one.box for one in (*photo.faces, *photo.denied_faces)} - {face.box}
    return [one for one in stored if one.word.box not in others and one.word.box.iou(face.box) >= SAME_FACE]


def _load_stored(connection: Connection, of: Iterable[Photo]) -> dict[int, list[StoredWord]]:
    subjects = face_words.find_subjects(connection, {photo.photo_id for photo in of})
    return face_words.load(connection, subjects)


def _find_faces(connection: Connection, faces: Sequence[FaceRef]) -> list[tuple[Photo, Face]]:
    """The faces of these numbers. Raises CatalogError where a photo is not known, UsageError where it
    has no face of this number."""
    ids = find_photo_ids(connection, [path for path, _ in faces])
    loaded = {
        photo.photo_id: photo
        for some in chunks({*ids.values()})
        for photo in photos.load(connection, some, SMILE_THRESHOLD)
    }
    found = []
    for path, number in faces:
        photo = loaded[ids[path]]
        of_number = {face.number: face for face in (*photo.faces, *photo.denied_faces)}
        if number not in of_number:
            raise UsageError(_no_such_face(path, number, sorted(of_number)))
        found.append((photo, of_number[number]))
    return found


def _no_such_face(path: str, number: int, there: Sequence[int]) -> str:
    if not there:
        return (
            f"{path} has no face {number}: no face is known in it. Say where one is: "
            f"phototag tag {os.path.basename(path)} --face LEFT,TOP,RIGHT,BOTTOM"
        )
    numbers = ", ".join(map(str, there))
    return (
        f"{path} has no face {number}, only {numbers}. See which is which: "
        f"phototag show {os.path.basename(path)} --image faces.jpg"
    )


def _copies(connection: Connection, of: Iterable[Photo]) -> list[int]:
    """These photos and all others that show the same."""
    subjects = face_words.find_subjects(connection, {photo.photo_id for photo in of})
    return face_words.find_photos(connection, {one.identity for one in subjects.values() if one.identity})


def _delete_words(change: Change, row_ids: Iterable[int]) -> None:
    for some in chunks(dict.fromkeys(row_ids)):
        change.delete(face_word_rows, face_word_rows.c.id.in_(some))


@contextmanager
def changing(connection: Connection, summary: str, photo_ids: Sequence[int]) -> Iterator[Change]:
    """A change after which the summaries of these photos are computed again."""
    with journal.change(connection, summary) as change:
        change.touch(photo_ids)
        summaries.forget(connection, photo_ids)
        yield change
        more = sorted(change.photo_ids - {*photo_ids})  # photos of a group that got a name
        summaries.forget(connection, more)
        summaries.compute_again(connection, [*photo_ids, *more])


def _say(kind: WordKind, name: str | None) -> str:
    text = kind.value.replace("_", " ")
    if name is None:
        return text
    return name if kind is WordKind.PERSON else f"not {name}"


def _sentence(said: Sequence[str], places: Sequence[str]) -> str:
    """`a.jpg#2 and 3 more: Anna, smiling`."""
    where = os.path.basename(places[0]) if places else "nothing"
    if len(places) > 1:
        where += f" and {len(places) - 1:,} more"
    return f"{where}: {' '.join(said) if said[:1] == ['taken back'] else ', '.join(said)}"

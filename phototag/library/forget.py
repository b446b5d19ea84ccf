"""Photos that the catalog is to know no longer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from phototag.errors import CatalogError
from phototag.library import copies, face_words, folder_stamps
from phototag.library.answers import chunks
from phototag.library.delete import delete_photos
from phototag.library.paths import places_of, roots_of
from phototag.library.relocate import forget_empty_roots
from phototag.library.tables import album_photos, corrections, photos
from phototag.library.tables import face_words as face_word_rows
from phototag.storage.address import absolute


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Counts of photos: all, those of which a person said something, those in albums."""

    photos: int = 0
    with_words: int = 0
    in_albums: int = 0


def find(connection: Connection, scope: Sequence[str] | None, *, missing: bool) -> list[int]:
    """The photos of these folders and files, of the whole catalog where scope is None; only those that
    are `missing`. Raises CatalogError for a path of which nothing is known."""
    found: dict[int, None] = {}
    for path in [None] if scope is None else scope:
        places = places_of(connection, None if path is None else [path])
        size_before = len(found)
        is_known = False
        for place in places:
            every = select(photos.c.id).where(place.within(photos))
            is_known = is_known or connection.scalar(every.limit(1)) is not None
            if missing:
                every = every.where(photos.c.missing_since.is_not(None))
            found |= dict.fromkeys(connection.scalars(every))
        if path is not None and not is_known and len(found) == size_before:
            known = ", ".join(roots_of(connection)) or "none yet"
            raise CatalogError(
                f"The catalog knows no photos in {absolute(path)}. It knows these folders: {known}"
            )
    return list(found)


def count(connection: Connection, photo_ids: Collection[int]) -> Forgotten:
    """What would be forgotten with these photos."""
    with_words, in_albums = (
        {
            photo_id
            for ids in chunks(photo_ids)
            for photo_id in connection.scalars(select(table.c.photo_id).where(table.c.photo_id.in_(ids)))
        }
        for table in (corrections, album_photos)
    )
    with_words |= face_words.load(connection, face_words.find_subjects(connection, photo_ids)).keys()
    return Forgotten(len(photo_ids), len(with_words), len(in_albums))


def remove(connection: Connection, photo_ids: Collection[int]) -> None:
    """Delete these photos and all that is known of them. To be called where the database does not check
    foreign keys: it would look through whole tables for each photo, where one look serves hundreds."""
    subjects = face_words.find_subjects(connection, photo_ids) if face_words.is_any(connection) else {}
    copies.hand_over(connection, photo_ids)
    delete_photos(connection, photo_ids)
    for identities in chunks({one.identity for one in subjects.values() if one.identity}):
        staying = face_words.find_subjects(connection, face_words.find_photos(connection, identities))
        gone = {*identities} - {copy.identity for copy in staying.values()}
        connection.execute(delete(face_word_rows).where(face_word_rows.c.identity.in_(gone)))
    forget_empty_roots(connection)
    folder_stamps.forget(connection)

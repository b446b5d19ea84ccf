"""All that is said of the faces of photos beside what nets see, from wherever it is stored. Each
source adds its list to `load`; how they are weighed is in phototag.faces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, or_, select

from phototag.faces import Said
from phototag.library import face_words, group_names, written
from phototag.library.face_words import Subject
from phototag.library.tables import face_words as face_word_rows
from phototag.library.tables import persons

# Whether anything may be said of any face of the catalog: whoever names a face names a person.
IS_ANY = or_(select(persons.c.id).exists(), select(face_word_rows.c.id).exists())


def is_any(connection: Connection) -> bool:
    """Whether anything may be said of any face of the catalog."""
    return bool(connection.scalar(select(IS_ANY)))


def load(connection: Connection, subjects: Mapping[int, Subject]) -> dict[int, Said]:
    """Photo id -> what is said of its faces; without photos of which nothing is. Of a catalog in which
    nothing was ever said it costs a look at an empty table for each source, whatever the number of photos."""
    words = face_words.load(connection, subjects)
    named = written.load_faces(connection, subjects)
    groups = group_names.find_named(connection, subjects)
    return {
        photo_id: Said(
            words=[one.word for one in words.get(photo_id, ())],
            regions=named[photo_id].regions if photo_id in named else (),
            mentions=named[photo_id].mentions if photo_id in named else (),
            groups=groups.get(photo_id, ()),
        )
        for photo_id in words.keys() | named.keys() | groups.keys()
    }


def load_of(connection: Connection, photo_ids: Iterable[int]) -> dict[int, Said]:
    """The same for photos whose rows say what they show."""
    if not is_any(connection):
        return {}
    return load(connection, face_words.find_subjects(connection, photo_ids))

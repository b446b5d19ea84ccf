"""The persons of the catalog: whom a name was given, by the user or by another program."""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select

from phototag.errors import UsageError
from phototag.library.answers import chunks
from phototag.library.dialects import is_on_server, lock_names
from phototag.library.names import escape_surrogates
from phototag.library.tables import persons, photo_persons, photos
from phototag.query.terms import fold
from phototag.records import Person

_INSERT = insert(persons).returning(persons.c.id)


@dataclass(frozen=True, slots=True)
class PersonCount:
    """A person, in how many photos they are (those that are there), and how many of their faces."""

    name: str
    photos: int
    faces: int


def read_name(text: str) -> str:
    """The name as it is stored. Raises UsageError where it is empty or no text."""
    if escape_surrogates(text) != text:
        raise UsageError(f"{escape_surrogates(text)} is not valid text; type the name again")
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name:
        raise UsageError("a name needs at least one letter; type for example: phototag tag PHOTO#1 Anna")
    return name


def find(connection: Connection, names: Iterable[str]) -> dict[str, Person]:
    """Name as it was given -> the person of that name, whatever its case; without those that nobody has."""
    keys = {name: fold(escape_surrogates(name)) for name in names}  # nobody has a name that is no text
    known = {
        key: Person(number, name)
        for some in chunks({*keys.values()})
        for key, number, name in connection.execute(
            select(persons.c.name_key, persons.c.id, persons.c.name).where(persons.c.name_key.in_(some))
        )
    }
    return {name: known[key] for name, key in keys.items() if key in known}


def ensure(connection: Connection, names: Iterable[str]) -> dict[str, Person]:
    """The same, with new persons for names that nobody has; to be called with the write lock held.
    The names as `read_name` reads them."""
    wanted = list(dict.fromkeys(names))
    found = find(connection, wanted)
    if is_on_server(connection) and len(found) < len(wanted):
        lock_names(connection)  # another may have made them meanwhile
        found = find(connection, wanted)
    by_key: dict[str, Person] = {}
    for name in wanted:
        if name in found:
            continue
        key = fold(name)
        if key not in by_key:
            row = {"name": name, "name_key": key, "uid": uuid.uuid4().hex}
            by_key[key] = Person(connection.execute(_INSERT, row).scalar_one(), name)
        found[name] = by_key[key]
    return found


def names_of(connection: Connection) -> dict[int, str]:
    """Id of every person -> the name."""
    return {person_id: name for person_id, name in connection.execute(select(persons.c.id, persons.c.name))}


def find_known(connection: Connection) -> list[str]:
    """The names of all persons who are in some photo, in alphabetical order."""
    is_used = select(photo_persons.c.person_id).where(photo_persons.c.person_id == persons.c.id).exists()
    return list(connection.scalars(select(persons.c.name).where(is_used).order_by(persons.c.name_key)))


def count_photos(connection: Connection) -> list[PersonCount]:
    """Every person who is in some photo that is there; who is in most comes first."""
    rows = connection.execute(
        select(persons.c.name, func.count(), func.sum(photo_persons.c.faces))
        .select_from(photo_persons.join(persons).join(photos))
        .where(photos.c.missing_since.is_(None))
        .group_by(persons.c.id)
        .order_by(func.count().desc(), persons.c.name_key)
    )
    return [PersonCount(name, number, faces) for name, number, faces in rows]

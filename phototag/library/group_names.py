"""Whose name a face bears by the group it is in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from sqlalchemy import Connection, select

from phototag.faces import Grouped
from phototag.library.answers import chunks
from phototag.library.tables import face_group_members as members
from phototag.library.tables import face_groups, persons, photo_persons
from phototag.records import Box, Person

_ANY_NAMED = select(face_groups.c.number).where(face_groups.c.person_id.is_not(None)).limit(1)


def is_any_named(connection: Connection) -> bool:
    """Whether some group has a name."""
    return connection.scalar(_ANY_NAMED) is not None


def find_named(connection: Connection, photo_ids: Collection[int]) -> dict[int, list[Grouped]]:
    """Photo id -> the names that its faces have by their groups. Where no group has a name it costs a
    look at an empty index."""
    if not is_any_named(connection):
        return {}
    found: dict[int, list[Grouped]] = {}
    for some in chunks(photo_ids):
        rows = connection.execute(
            select(
                members.c.photo_id,
                members.c.box_left,
                members.c.box_top,
                members.c.box_right,
                members.c.box_bottom,
                persons.c.id,
                persons.c.name,
            )
            .select_from(members.join(face_groups).join(persons))
            .where(members.c.photo_id.in_(some))
            .order_by(*members.primary_key)
        )
        for photo_id, *edges, person_id, name in rows:
            found.setdefault(photo_id, []).append(Grouped(Box(*edges), Person(person_id, name)))
    return found


def find_keys(connection: Connection, photo_ids: Iterable[int]) -> dict[int, frozenset[str]]:
    """Photo id -> a key for each person of whom a face is in it, named or not. Where nobody was ever named
    or grouped it costs a look at two empty tables."""
    of_person = select(photo_persons.c.photo_id, photo_persons.c.person_id).where(photo_persons.c.faces > 0)
    of_group = (
        select(members.c.photo_id, members.c.number)
        .select_from(members.join(face_groups))
        .where(face_groups.c.person_id.is_(None))
    )
    parts = [(of_person, photo_persons, "person"), (of_group, members, "group")]
    parts = [part for part in parts if connection.scalar(part[0].limit(1)) is not None]
    found: dict[int, set[str]] = defaultdict(set)
    for some in chunks(photo_ids if parts else ()):
        for statement, table, kind in parts:
            for photo_id, number in connection.execute(statement.where(table.c.photo_id.in_(some))):
                found[photo_id].add(f"{kind} {number}")
    return {photo_id: frozenset(keys) for photo_id, keys in found.items()}


def key_of(person_id: int) -> str:
    return f"person {person_id}"

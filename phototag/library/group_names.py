"""Whose name a face bears by the group it is in."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from phototag.faces import Grouped
from phototag.library.answers import chunks
from phototag.library.tables import face_group_members as members
from phototag.library.tables import face_groups, persons
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

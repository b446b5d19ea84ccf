"""Removing all that says who is who."""

from __future__ import annotations

import glob
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, delete, func, or_, select

from phototag.library import embeddings, summaries
from phototag.library.answers import chunks
from phototag.library.dialects import holds_rows
from phototag.library.groups_apart import APART
from phototag.library.regroup import STATE
from phototag.library.tables import (
    changes,
    face_group_members,
    face_groups,
    face_words,
    meta,
    metadata,
    persons,
    photo_persons,
)

# What could be undone would bring them back: these tables, as steps of the journal name them.
_NAMING = ('"face_words"', '"persons"', '"face_groups"', '"face_group_members"')


@dataclass(frozen=True, slots=True)
class ForgottenPeople:
    """What was removed: embeddings, groups, and with them names. `backups`: files that still hold them."""

    embeddings: int
    groups: int
    names: int
    backups: tuple[str, ...] = ()


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
    summaries.renew(connection, sorted(named_by_group))
    if with_names:
        _delete_unused(connection, [one for one in person_ids if one is not None])
    return ForgottenPeople(counted, groups, names)


def _delete_unused(connection: Connection, person_ids: Collection[int]) -> None:
    """Those of these persons go to whom no row of any table refers: other programs may name them too."""
    references = [
        key.parent
        for table in metadata.sorted_tables
        for key in table.foreign_keys
        if key.column is persons.c.id
    ]
    for ids in chunks(person_ids):
        unused = delete(persons).where(persons.c.id.in_(ids))
        for column in references:
            unused = unused.where(~select(column).where(column == persons.c.id).exists())
        connection.execute(unused)


def find_backups(catalog: Path, *, with_names: bool) -> list[str]:
    """Copies of the catalog beside it, as upgrades leave them, that hold embeddings, or names."""
    asked = ["embeddings", "face_group_members", *(["face_words"] if with_names else [])]
    return [
        str(copy)
        for copy in sorted(catalog.parent.glob(f"{glob.escape(catalog.name)}.before-*"))
        if holds_rows(copy, asked)
    ]

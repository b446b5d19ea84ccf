"""Ids of names that rows repeat millions of times: labels, taggers, fingerprints."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from sqlalchemy import Column, Connection, Select, bindparam, insert, select


def escape_surrogates(text: str) -> str:
    """Text that a database takes: what a shell or a library could not decode is spelled out as escapes."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def find_ids(connection: Connection, column: Column[str], names: Collection[str]) -> dict[str, int]:
    """Name -> id of those names that a row has in this column."""
    rows = connection.execute(_select_ids(column), {"names": [*names]}).all()
    return {name: number for name, number in rows}


@cache
def _select_ids(column: Column[str]) -> Select[str, int]:
    return select(column, column.table.c.id).where(column.in_(bindparam("names", expanding=True)))


def ensure_ids(connection: Connection, column: Column[str], names: Collection[str]) -> dict[str, int]:
    """Name -> id, with new rows for names that have none; to be called with the write lock held."""
    ids = find_ids(connection, column, names)
    if new := sorted({*names} - ids.keys()):
        statement = insert(column.table).returning(column, column.table.c.id)
        rows = connection.execute(statement, [{column.name: name} for name in new]).all()
        ids |= {name: number for name, number in rows}
    return ids

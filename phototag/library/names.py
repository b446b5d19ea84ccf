"""Ids of names that rows repeat millions of times: labels, taggers, fingerprints."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from sqlalchemy import Column, Connection, Select, bindparam, insert, select

from phototag.library.dialects import is_on_server, lock_names


def escape_surrogates(text: str) -> str:
    """Text that every database takes: what a shell or a library could not decode is spelled out as escapes,
    and so is the zero character."""
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode()
    return text.replace("\0", "\\x00") if "\0" in text else text


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
    if is_on_server(connection) and {*names} - ids.keys():
        lock_names(connection)  # another may have made them meanwhile
        ids = find_ids(connection, column, names)
    if new := sorted({*names} - ids.keys()):
        statement = insert(column.table).returning(column, column.table.c.id)
        rows = connection.execute(statement, [{column.name: name} for name in new]).all()
        ids |= {name: number for name, number in rows}
    return ids

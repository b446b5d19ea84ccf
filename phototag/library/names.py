"""Ids of names that rows repeat millions of times: labels, taggers, fingerprints."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Column, Connection, insert, select

from phototag.library import tables


def escape_surrogates(text: str) -> str:
    """Text that a database takes: what a shell or a library could not decode is spelled out as escapes."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def find_ids(connection: Connection, column: Column[str], names: Collection[str]) -> dict[str, int]:
    """Name -> id of those names that a row has in this column."""
    rows = connection.execute(select(column, column.table.c.id).where(column.in_(names)))
    return {name: number for name, number in rows}


def ensure_ids(connection: Connection, column: Column[str], names: Collection[str]) -> dict[str, int]:
    """Name -> id, with new rows for names that have none; to be called with the write lock held."""
    ids = find_ids(connection, column, names)
    if new := sorted({*names} - ids.keys()):
        statement = insert(column.table).returning(column, column.table.c.id)
        rows = connection.execute(statement, [{column.name: name} for name in new])
        ids |= {name: number for name, number in rows}
    return ids


storable = escape_surrogates


class Names:
    """The same for one table, for those who still ask this way."""

    def __init__(self, table: str) -> None:
        column = tables.metadata.tables[table].c
        self._column = column.fingerprint if table == "fingerprints" else column.name

    def ids(self, connection: Connection, names: Iterable[str]) -> dict[str, int]:
        return ensure_ids(connection, self._column, {*names})

    def known(self, connection: Connection, name: str) -> int | None:
        return find_ids(connection, self._column, [escape_surrogates(name)]).get(escape_surrogates(name))

    def forget(self) -> None:
        pass

"""Numbers for names that rows repeat millions of times: labels, taggers, fingerprints."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from phototag.library.database import ask

_COLUMN = {"labels": "name", "taggers": "name", "fingerprints": "fingerprint"}


def storable(text: str) -> str:
    """Text that SQLite takes: what a shell or a library could not decode is spelled out as escapes."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


class Names:
    """The ids of one table's names, remembered. Rows of these tables are never deleted; `forget`
    after a rollback."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._column = _COLUMN[table]
        self._ids: dict[str, int] = {}

    def ids(self, connection: Connection, names: Iterable[str]) -> dict[str, int]:
        """Name -> id, with new rows for names that have none; to be called with the write lock held."""
        wanted = set(names)
        new = sorted(wanted - self._ids.keys())
        if new:
            connection.exec_driver_sql(
                f"INSERT INTO {self._table} ({self._column}) VALUES (?) ON CONFLICT DO NOTHING",
                [(name,) for name in new],
            )
            for name in new:
                self._ids[name] = self._find(connection, name)
        return self._ids

    def known(self, connection: Connection, name: str) -> int | None:
        """The id of a name, None where no row has it."""
        name = storable(name)
        if name not in self._ids and (found := self._find(connection, name)) is not None:
            return found  # not remembered: only a writer knows that it will still be there
        return self._ids.get(name)

    def forget(self) -> None:
        self._ids.clear()

    def _find(self, connection: Connection, name: str) -> int | None:
        found = ask(connection, f"SELECT id FROM {self._table} WHERE {self._column} = ?", (name,)).fetchone()
        return found[0] if found else None

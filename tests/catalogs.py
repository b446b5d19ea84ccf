"""Catalogs of every kind for tests: in a file, and in a database on a real server. A test names each by a
path; on a server that stands for a database of its own."""

from __future__ import annotations

import itertools
import os
import sqlite3
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest

from phototag.library import Library, database
from phototag.library.address import read_address
from tests.servers import Server


@cache
def _empty_catalog() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        database.open_catalog(Path(folder, "empty.db")).close()
        return Path(folder, "empty.db").read_bytes()


def make_empty(path: Path) -> None:
    """An empty catalog in a file, without its eleven migrations."""
    path.touch(0o600)
    path.write_bytes(_empty_catalog())


class Files:
    """Catalogs in SQLite files, each a copy of one that is empty."""

    kind = "sqlite"

    def address(self, path: Path) -> str:
        if not path.exists():
            make_empty(path)
        return os.fspath(path)

    def take(self, file: Path) -> str:
        """The address of the catalog in this file, where it is or copied to where catalogs are."""
        return self.address(file)

    def execute(self, path: Path, statement: str, *values: object) -> list[tuple]:
        """What any SQLite tool sees."""
        with closing(sqlite3.connect(path)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    def check(self, path: Path) -> None:
        """Nothing in the catalog is damaged, and every row that another one refers to is there."""
        assert self.execute(path, "PRAGMA integrity_check") == [("ok",)]
        assert self.execute(path, "PRAGMA foreign_key_check") == []

    def remove(self, path: Path) -> None:
        """Nobody needs it any more."""
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            path.with_name(name).unlink(missing_ok=True)


class Databases:
    """Catalogs in databases of a server, each a copy of one that is empty."""

    kind = "postgresql"

    def __init__(self, server: Server) -> None:
        self.server = server
        self._names: dict[Path, str] = {}
        self._numbers = itertools.count()
        server.execute("CREATE DATABASE empty_catalog")
        database.open_catalog(read_address(server.url("empty_catalog"))).close()

    def address(self, path: Path) -> str:
        if path not in self._names:
            name = self._names[path] = f"catalog_{next(self._numbers)}"
            how = "TEMPLATE empty_catalog STRATEGY file_copy"
            self.server.execute(f"CREATE DATABASE {name} {how}")
        return self.server.url(self._names[path])

    def take(self, file: Path) -> str:
        with Library.open(file) as library:
            library.copy_to(self.address(file), with_embeddings=True)
        return self.address(file)

    def execute(self, path: Path, statement: str, *values: object) -> list[tuple]:
        import psycopg

        where = f"host={self.server.folder} user={self.server.user} dbname={self._names[path]}"
        with psycopg.connect(where) as connection:
            text = statement.replace("%", "%%").replace("?", "%s") if values else statement
            cursor = connection.execute(text, values or None)
            return cursor.fetchall() if cursor.description else []

    def check(self, path: Path) -> None:
        """A server keeps its tables whole by itself."""

    def remove(self, path: Path) -> None:
        if name := self._names.pop(path, None):
            self.server.execute(f"DROP DATABASE {name} WITH (FORCE)")


Catalogs = Files | Databases
# Above a test that asks for `catalogs`, or for a shelf: it runs with a server though slow ones are left out;
# it is about what files alone have.
BOTH = pytest.mark.parametrize("catalogs", ["sqlite", "postgresql"], indirect=True)
ONLY_FILES = pytest.mark.parametrize("catalogs", ["sqlite"], indirect=True)

"""Opening the catalog file: connections, transactions, the schema's version. Knows no photos.

A reader sees one snapshot (BEGIN), a writer holds the only write lock from its first statement on
(BEGIN IMMEDIATE), so that two scans wait for each other instead of failing halfway. Whatever SQLite
refuses becomes a CatalogError sentence."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain, repeat
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError

from phototag.errors import CatalogError
from phototag.library.dialects import render_hints
from phototag.library.schema import HEAD, migrations_folder, upgrade, version_of

BUSY_SECONDS = 30  # a batch is saved in well under a second, so who waits this long waits for something stuck
# 64 MiB of pages stay in memory: the inner pages of every index of a million photos, which each
# query crosses.
CACHE_KIB = 65_536
# Pages of the write-ahead log (32 MiB) that are brought into the file at once: a batch touches a
# thousand pages all over the indices, mostly the same ones as the batch before.
CHECKPOINT_PAGES = 8192


def ask(connection: Connection, statement: str, values: Sequence = ()) -> sqlite3.Cursor:
    """The rows of a SELECT, straight from sqlite3: where a page of photos is a few short
    statements, or a walk reads a million rows, SQLAlchemy's own results would cost more than
    SQLite's work."""
    return connection.connection.driver_connection.execute(statement, values)


STEPS = 100  # between two looks at whether it is enough


def ask_briefly(connection: Connection, statement: str, values: Sequence, steps: int) -> list[tuple] | None:
    """All rows of a SELECT; None where it takes more than about `steps` of SQLite's own steps, some
    50 nanoseconds each."""
    raw = connection.connection.driver_connection
    # No Python runs in the middle of a statement: an exception there, such as Ctrl-C, would be lost.
    enough = chain(repeat(False, steps // STEPS), repeat(True)).__next__
    try:
        raw.set_progress_handler(enough, STEPS)
        return raw.execute(statement, values).fetchall()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return None
    finally:
        raw.set_progress_handler(None, 0)


def put(connection: Connection, statement: str, rows: Sequence[Sequence]) -> None:
    """Runs a statement once for each row, as straight: a batch is a handful of statements, and of
    so few rows that preparing them took as long as a quarter of SQLite's work."""
    if rows:
        connection.connection.driver_connection.executemany(statement, rows)


class Catalog:
    """The open file. `read()` and `write()` give a connection inside one transaction."""

    def __init__(self, path: Path, engine: Engine, *, read_only: bool) -> None:
        self.path = path
        self.read_only = read_only
        self._engine = engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with speaking(self.path), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        if self.read_only:
            raise CatalogError(
                f"The catalog {self.path} is read-only here. Make it writable, or name another with --db."
            )
        with speaking(self.path), self._engine.connect() as connection:
            connection = connection.execution_options(begin="BEGIN IMMEDIATE")
            with connection.begin():
                yield connection

    def close(self) -> None:
        self._engine.dispose()


def open_catalog(path: Path, *, head: str = HEAD, migrations: Path | None = None) -> Catalog:
    """The catalog at `path`, made where there is none, upgraded where it is older (after a copy
    aside). Raises CatalogError where it is newer, damaged, locked, of another program, or in a
    place that cannot be written. `head` and `migrations` name another schema than this
    version's."""
    path = Path(os.path.abspath(path))
    if path.is_dir():
        raise CatalogError(f"{path} is a folder, not a catalog. Name a file: --db {path / 'catalog.db'}")
    exists = path.exists()
    read_only = exists and not os.access(path, os.W_OK)
    if not exists:
        _make_folder(path)
    with speaking(path):
        uri = _uri(path, read_only)
        engine = _engine(uri)
        try:
            with closing(_connect(uri)) as connection:
                version = version_of(connection, path, head)
                if version != head and read_only:
                    raise CatalogError(
                        f"The catalog {path} is older than this phototag and read-only. Make it writable once."
                    )
                if version is None:
                    _switch_to_wal(connection)
            if version != head:
                upgrade(engine, path, head, migrations or migrations_folder())
        except BaseException:
            engine.dispose()
            raise
    return Catalog(path, engine, read_only=read_only)


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CatalogError(
            f"Cannot make the folder {path.parent} for the catalog ({error.strerror}). Name another: --db FILE"
        ) from error
    if not os.access(path.parent, os.W_OK):
        raise CatalogError(
            f"The folder {path.parent} cannot be written, so no catalog can be made there. Name another: --db FILE"
        )


def _uri(path: Path, read_only: bool) -> str:
    uri = f"file:{quote(os.fsencode(path))}"
    if not read_only:
        return uri
    # A reader of a WAL database makes a file beside it. Where it may not, the catalog has to stand
    # still while it is read.
    try:
        with closing(_connect(uri + "?mode=ro")) as connection:
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        return uri + "?mode=ro"
    except sqlite3.OperationalError:
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size:  # an immutable database is read without it
            raise CatalogError(
                f"The catalog {path} was not closed properly and is read-only. Make it writable once."
            ) from None
        return uri + "?mode=ro&immutable=1"


def _connect(uri: str) -> sqlite3.Connection:
    # isolation_level=None: Python begins no transactions of its own; check_same_thread:
    # SQLAlchemy's pool takes care of it.
    connection = sqlite3.connect(
        uri,
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        # safe against kill -9 in WAL; only a power cut costs the last batch
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    except BaseException:
        connection.close()
        raise
    return connection


def _engine(uri: str) -> Engine:
    # Without a path in its URL SQLAlchemy takes the database for one in memory and would share one
    # connection in a thread.
    engine = create_engine("sqlite+pysqlite://", creator=lambda: _connect(uri), poolclass=QueuePool)
    render_hints(engine)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        ask(connection, connection.get_execution_options().get("begin", "BEGIN"))

    return engine


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Readers and one writer side by side. The switch needs the file for itself and does not wait
    by itself."""
    for _ in range(BUSY_SECONDS * 20):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(0.05)
    connection.execute("PRAGMA journal_mode = WAL")


@contextmanager
def speaking(path: Path) -> Iterator[None]:
    """Turns what SQLite refuses into a sentence."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # the extended codes only say where
        sentence = {
            sqlite3.SQLITE_BUSY: "is locked by another program. Close that one, or wait until it has finished, and try again.",
            sqlite3.SQLITE_LOCKED: "is locked by another program. Close that one, or wait until it has finished, and try again.",
            sqlite3.SQLITE_NOTADB: "is not a catalog of phototag: not even an SQLite file. Name another: --db FILE",
            sqlite3.SQLITE_CORRUPT: "is damaged. Put it aside and scan again, or bring back a backup; the photos are untouched.",
            sqlite3.SQLITE_FULL: "cannot grow: the disk is full. Make room and run the same command again to go on.",
            sqlite3.SQLITE_READONLY: "is read-only here. Make it writable, or name another with --db.",
            sqlite3.SQLITE_CANTOPEN: "cannot be opened. Look at the rights of its folder, or name another: --db FILE",
            sqlite3.SQLITE_IOERR: "cannot be read or written: the disk reports an error. Look after the disk first.",
            sqlite3.SQLITE_PERM: "cannot be opened: no right to. Look at the rights of the file and its folder.",
        }.get(code)
        if sentence is None:
            raise
        raise CatalogError(f"The catalog {path} {sentence}") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise CatalogError(
            f"The disk of the catalog {path} is full. Make room and run the same command again to go on."
        ) from error

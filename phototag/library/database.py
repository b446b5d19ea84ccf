"""Opening the catalog file: connections and transactions. Knows no photos.

A reader sees one snapshot, a writer holds the only write lock from its first statement on. Whatever
SQLite refuses becomes a CatalogError sentence."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, StatementError

from phototag.errors import CatalogError
from phototag.library import dialects
from phototag.library.schema import HEAD, migrations_folder, upgrade, version_of


class Catalog:
    """The open file. `read()` and `write()` give a connection inside one transaction."""

    def __init__(self, path: Path, engine: Engine, *, read_only: bool) -> None:
        self.path = path
        self.read_only = read_only
        self._engine = engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with (
            translate_sqlite_errors(self.path),
            self._engine.connect() as connection,
            connection.begin(),
            _blame_values(self.path),
        ):
            yield connection

    @contextmanager
    def write(self, *, check_foreign_keys: bool = True) -> Iterator[Connection]:
        """A transaction with the write lock. Without `check_foreign_keys`, who deletes a row deletes what
        belongs to it."""
        if self.read_only:
            raise CatalogError(
                f"The catalog {self.path} is read-only here. Make it writable, or name another with --db."
            )
        with translate_sqlite_errors(self.path), self._engine.connect() as connection:
            connection = dialects.for_writing(connection)
            checking = nullcontext() if check_foreign_keys else dialects.foreign_keys_off(connection)
            with checking, connection.begin(), _blame_values(self.path):
                yield connection

    def compact(self) -> None:
        """Write the file anew, so that nothing is left in it of what was deleted."""
        with translate_sqlite_errors(self.path):
            dialects.compact(self._engine)

    def limit_cache(self, kib: int) -> None:
        """From now on each connection keeps so many KiB of pages in memory."""
        dialects.limit_cache(self._engine, kib)

    def close(self) -> None:
        self._engine.dispose()


def open_catalog(
    path: Path,
    *,
    create: bool = True,
    head: str = HEAD,
    migrations: Path | None = None,
    on_message: Callable[[str], None] | None = None,
) -> Catalog:
    """The catalog at `path`, made where there is none (unless not `create`), upgraded where it is
    older (after a copy aside; `on_message` is told before). Raises CatalogError where it is newer,
    damaged, locked, of another program, or in a place that cannot be written. `head` and
    `migrations` name another schema than this version's."""
    path = Path(os.path.abspath(path))
    if path.is_dir():
        raise CatalogError(f"{path} is a folder, not a catalog. Name a file: --db {path / 'catalog.db'}")
    exists = path.exists()
    read_only = exists and not os.access(path, os.W_OK)
    if not exists:
        if not create:
            raise CatalogError(f"There is no catalog at {path}. Make one: phototag scan FOLDER")
        _make_folder(path)
    with translate_sqlite_errors(path):
        if not exists:
            _make_private(path)
        engine = _read_only_engine(path) if read_only else dialects.sqlite_engine(path)
        try:
            with engine.connect() as connection:
                version = version_of(connection, path, head)
            if version != head and read_only:
                raise CatalogError(
                    f"The catalog {path} is older than this phototag and read-only. Make it writable once."
                )
            if version is None:
                dialects.switch_to_wal(engine)
            if version is not None and version != head and on_message is not None:
                on_message(f"Upgrading the catalog {path}; a copy of it as it is stays beside it ...")
            if version != head:
                upgrade(engine, path, head, migrations or migrations_folder())
        except BaseException:
            engine.dispose()
            raise
    return Catalog(path, engine, read_only=read_only)


@contextmanager
def open_other(path: Path) -> Iterator[Catalog]:
    """Another catalog, only to be read: nothing is written to it, not even where it is older, of which a
    copy is upgraded instead. Raises CatalogError as `open_catalog` does."""
    path = Path(os.path.abspath(path))
    if path.is_dir() or not path.exists():
        raise CatalogError(f"There is no catalog at {path}. Name a file, such as {path / 'catalog.db'}")
    with translate_sqlite_errors(path), tempfile.TemporaryDirectory(prefix="phototag-") as folder:
        engine = _read_only_engine(path)
        try:
            with engine.connect() as connection:
                version = version_of(connection, path, HEAD)
            if version is None:
                raise CatalogError(f"The catalog {path} is empty.")
            if version == HEAD:
                yield Catalog(path, engine, read_only=True)
                return
        finally:
            engine.dispose()
        copy = Path(folder, path.name)
        dialects.copy_database(path, copy)
        catalog = open_catalog(copy, create=False)
        try:
            yield Catalog(path, catalog._engine, read_only=True)
        finally:
            catalog.close()


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CatalogError(
            f"Cannot make the folder {path.parent} for the catalog ({error.strerror}). "
            "Name another: --db FILE"
        ) from error
    if not os.access(path.parent, os.W_OK):
        raise CatalogError(
            f"The folder {path.parent} cannot be written, so no catalog can be made there. "
            "Name another: --db FILE"
        )


def _make_private(path: Path) -> None:
    """An empty file that only its owner reads: a catalog knows where people were, and with whom.
    SQLite gives the files that it makes beside it the same rights."""
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))


def _read_only_engine(path: Path) -> Engine:
    # A reader of a catalog makes a file beside it. Where it may not, the catalog has to stand still
    # while it is read.
    engine = dialects.sqlite_engine(path, read_only=True)
    if dialects.can_be_read(engine):
        return engine
    engine.dispose()
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:  # an immutable database is read without it
        raise CatalogError(
            f"The catalog {path} was not closed properly and is read-only. Make it writable once."
        )
    return dialects.sqlite_engine(path, read_only=True, immutable=True)


@contextmanager
def _blame_values(path: Path) -> Iterator[None]:
    """Within a transaction rows become records, and records rows: where that fails, it is likely that the
    values are not what phototag wrote."""
    try:
        yield
    except (
        *(ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError),
        StatementError,  # a value that SQLAlchemy cannot write
    ) as error:
        # What SQLite itself refuses is told as such; text that is none did not come from the catalog.
        if isinstance(error, DBAPIError | UnicodeEncodeError):
            raise
        raise CatalogError(
            f"Something in the catalog {path} cannot be understood ({type(error).__name__}: {error}). "
            "If another program or a failing disk has written to it, bring back a backup; else this is a "
            "bug: please report it with what the same command prints with --traceback. The photos are "
            "untouched."
        ) from error


_SENTENCES = {
    sqlite3.SQLITE_BUSY: (
        "is locked by another program. Close that one, or wait until it has finished, and try again."
    ),
    sqlite3.SQLITE_LOCKED: (
        "is locked by another program. Close that one, or wait until it has finished, and try again."
    ),
    sqlite3.SQLITE_NOTADB: ("is not a catalog of phototag: not even an SQLite file. Name another: --db FILE"),
    sqlite3.SQLITE_CORRUPT: (
        "is damaged. Put it aside and scan again, or bring back a backup; the photos are untouched."
    ),
    sqlite3.SQLITE_FULL: (
        "cannot grow: the disk is full. Make room and run the same command again to go on."
    ),
    sqlite3.SQLITE_READONLY: "is read-only here. Make it writable, or name another with --db.",
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened. Look at the rights of its folder, or name another: --db FILE"
    ),
    sqlite3.SQLITE_IOERR: "cannot be read or written: the disk reports an error. Look after the disk first.",
    sqlite3.SQLITE_PERM: "cannot be opened: no right to. Look at the rights of the file and its folder.",
}


@contextmanager
def translate_sqlite_errors(path: Path) -> Iterator[None]:
    """Turns what SQLite refuses into a sentence."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # the extended codes only say where
        if str(cause).startswith(
            (
                "no such table",
                "no such column",
                "malformed",
                "error in ",
                "unsupported file",
                "Could not decode",
            )
        ):
            code = sqlite3.SQLITE_CORRUPT
        if code not in _SENTENCES:
            raise
        raise CatalogError(f"The catalog {path} {_SENTENCES[code]}") from error
    except UnicodeDecodeError as error:  # SQLite quotes what is damaged in its message
        raise CatalogError(f"The catalog {path} {_SENTENCES[sqlite3.SQLITE_CORRUPT]}") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise CatalogError(
            f"The disk of the catalog {path} is full. Make room and run the same command again to go on."
        ) from error

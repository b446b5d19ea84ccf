"""Opening the catalog, a file or a database on a server: connections and transactions. Knows no photos.

A reader sees one snapshot, a writer holds the only write lock from its first statement on (on a server, those
who save answers share it). Whatever the database refuses becomes a CatalogError sentence."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError, StatementError

from phototag.errors import CatalogError, UsageError
from phototag.library import dialects, postgresql
from phototag.library.address import Address, show_address
from phototag.library.names import escape_surrogates
from phototag.library.schema import HEAD, migrations_folder, upgrade, version_of
from phototag.library.tables import metadata
from phototag.outputs import make_private_folder

# What a file is called that is meant to become a catalog, where it is there already and empty.
CATALOG_ENDINGS = (".db", ".sqlite", ".sqlite3")
_BINARY = getattr(os, "O_BINARY", 0)  # of Windows
LOG_ENDINGS = ("-wal", "-shm", "-journal")  # of the files that SQLite makes beside a database


class InEachOthersWay(CatalogError):
    """Two transactions waited for each other, and the server ended this one: the same may succeed next."""


class Catalog:
    """The open catalog. `read()` and `write()` give a connection inside one transaction."""

    def __init__(self, address: Address, engine: Engine, *, read_only: bool) -> None:
        self.address = address
        self.read_only = read_only
        self._engine = engine

    @property
    def name(self) -> str:
        """The file's path, or the database's URL without a password."""
        return show_address(self.address)

    @property
    def short_name(self) -> str:
        """The file's name, or the database's."""
        return self.address.name if isinstance(self.address, Path) else self.address.database or ""

    @property
    def path(self) -> Path | None:
        """The file; None where the catalog is on a server."""
        return self.address if isinstance(self.address, Path) else None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with (
            translate_errors(self.address),
            self._engine.connect() as opened,
            dialects.for_reading(opened) as connection,
            connection.begin(),
            _blame_values(self.name),
        ):
            yield connection

    @contextmanager
    def write(self, *, check_foreign_keys: bool = True, beside_others: bool = False) -> Iterator[Connection]:
        """A transaction with the write lock. Without `check_foreign_keys`, who deletes a row deletes what
        belongs to it. `beside_others`: see dialects.for_writing."""
        if self.read_only:
            raise CatalogError(
                f"The catalog {self.name} is read-only here. Make it writable, or name another with --db."
            )
        with translate_errors(self.address), self._engine.connect() as connection:
            connection = dialects.for_writing(connection, beside_others=beside_others)
            checking = nullcontext() if check_foreign_keys else dialects.foreign_keys_off(connection)
            with checking, connection.begin(), _blame_values(self.name):
                yield connection

    def compact(self) -> None:
        """Write the file, or the server's, anew, so that nothing is left in it of what was deleted."""
        with translate_errors(self.address):
            dialects.compact(self._engine, metadata.sorted_tables)

    def learn_sizes(self) -> None:
        """After much was written at once: how large the tables are now, by which questions are planned."""
        with translate_errors(self.address):
            dialects.learn_sizes(self._engine, metadata.sorted_tables)

    def size_bytes(self) -> int:
        """What the catalog takes on the disk."""
        if self.path is None:
            with self.read() as connection:
                return postgresql.size_bytes(connection)
        return sum(file.stat().st_size for file in self._files() if file.exists())

    def change_mark(self) -> str:
        """Changes with whatever is written into the catalog, by whichever process."""
        if self.path is None:
            with self.read() as connection:
                return postgresql.change_mark(connection)
        found = []
        for file in self._files():
            with suppress(OSError):
                status = file.stat()
                found.append(f"{status.st_mtime_ns} {status.st_size}")
        return " ".join(found)

    def remove_files(self) -> None:
        """Undo that the file was made. To be called after `close`."""
        if self.path is not None:  # what the log is shared by stays where a signal came between
            for file in (*self._files(), self.path.with_name(f"{self.path.name}-shm")):
                file.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        """The file, and the log of what is not in it yet."""
        path = self.path
        return [path, path.with_name(f"{path.name}-wal")] if path else []

    def limit_cache(self, kib: int) -> None:
        """From now on each connection keeps so many KiB of pages in memory."""
        dialects.limit_cache(self._engine, kib)

    def close(self) -> None:
        self._engine.dispose()


def open_catalog(
    address: Address,
    *,
    create: bool = True,
    head: str = HEAD,
    migrations: Path | None = None,
    on_message: Callable[[str], None] | None = None,
) -> Catalog:
    """The catalog at `address`, made where there is none (unless not `create`), upgraded where it is
    older (a file after a copy aside; `on_message` is told before). Raises CatalogError where it is newer,
    damaged, locked, of another program, or in a place that cannot be written. `head` and
    `migrations` name another schema than this version's."""
    migrations = migrations or migrations_folder()
    if isinstance(address, URL):
        return _open_on_server(address, create, head, migrations, on_message)
    path = Path(os.path.abspath(address))
    if path.is_dir():
        raise CatalogError(f"{path} is a folder, not a catalog. Name a file: --db {path / 'catalog.db'}")
    exists = path.exists()
    if exists and not path.is_file():
        raise CatalogError(f"{path} is not a file. Name another: --db FILE")
    read_only = exists and not os.access(path, os.W_OK)
    if path.name.endswith(LOG_ENDINGS):
        raise CatalogError(f"{path} would be the log of another database. Name another: --db FILE")
    is_empty = exists and _is_empty(path)
    if is_empty and not path.name.lower().endswith(CATALOG_ENDINGS):
        raise CatalogError(
            f"{path} is an empty file that phototag did not make, and it is not called as a catalog is. "
            f"Remove it, or name another: --db {path}.db"
        )
    if not create and (is_empty or not exists):
        raise CatalogError(f"There is no catalog at {path}. Make one: phototag scan FOLDER")
    if not exists:
        _make_folder(path)
    with translate_errors(path):
        if not exists:
            _make_private(path)
        engine = _read_only_engine(path) if read_only else dialects.sqlite_engine(path)
        try:
            with engine.connect() as connection:
                version = version_of(connection, str(path), head)
            if version != head and read_only:
                raise CatalogError(
                    f"The catalog {path} is older than this phototag and read-only. Make it writable once."
                )
            if version is None:
                if exists:  # an empty file of whatever rights; of another owner it keeps them
                    with suppress(PermissionError):
                        os.chmod(path, 0o600)
                dialects.switch_to_wal(engine)
            if version is not None and version != head and on_message is not None:
                on_message(f"Upgrading the catalog {path}; a copy of it as it is stays beside it ...")
            if version != head:
                upgrade(engine, path, head, migrations)
        except BaseException:
            engine.dispose()
            if not exists:  # nor an empty one, as where the name is too long for those beside it
                with suppress(OSError):
                    if path.stat().st_size <= len(dialects.empty_catalog()) and not _has_log(path):
                        path.unlink()
            raise
    return Catalog(path, engine, read_only=read_only)


def _open_on_server(
    url: URL, create: bool, head: str, migrations: Path, on_message: Callable[[str], None] | None
) -> Catalog:
    name = show_address(url)
    engine = dialects.server_engine(url)
    with translate_errors(url):
        try:
            with engine.connect() as connection:
                version = version_of(connection, name, head)
                if version is None:
                    postgresql.check_encoding(connection, url)
            if version is None and not create:
                raise CatalogError(f"There is no catalog in {name} yet. Make one: phototag scan FOLDER")
            if version is not None and version != head and on_message is not None:
                on_message(f"Upgrading the catalog {name} ...")
            if version != head:
                upgrade(engine, url, head, migrations)
        except BaseException:
            engine.dispose()
            raise
    return Catalog(url, engine, read_only=False)


@contextmanager
def open_other(address: Address) -> Iterator[Catalog]:
    """Another catalog, only to be read: nothing is written to it, not even where it is older: of a file a
    copy is upgraded instead, on a server it is refused. Raises CatalogError as `open_catalog` does."""
    if isinstance(address, URL):
        with _open_other_on_server(address) as catalog:
            yield catalog
        return
    path = Path(os.path.abspath(address))
    if not path.is_file():
        raise CatalogError(f"There is no catalog at {path}. Name a file, such as {path / 'catalog.db'}")
    with translate_errors(path), tempfile.TemporaryDirectory(prefix="phototag-") as folder:
        engine = _read_only_engine(path)
        try:
            with engine.connect() as connection:
                version = version_of(connection, str(path), HEAD)
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


@contextmanager
def _open_other_on_server(url: URL) -> Iterator[Catalog]:
    name = show_address(url)
    engine = dialects.server_engine(url)
    with translate_errors(url):
        try:
            with engine.connect() as connection:
                version = version_of(connection, name, HEAD)
            if version is None:
                raise CatalogError(f"The catalog {name} is empty.")
            if version != HEAD:
                raise CatalogError(
                    f"The catalog {name} is older than this phototag. Upgrade it: phototag status --db {name}"
                )
            yield Catalog(url, engine, read_only=True)
        finally:
            engine.dispose()


def _make_folder(path: Path) -> None:
    try:
        make_private_folder(path.parent)
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


def _is_empty(path: Path) -> bool:
    return path.stat().st_size == 0 and not _has_log(path)


def _has_log(path: Path) -> bool:
    """Whether there is more of the catalog than what is in its file."""
    try:
        return os.path.getsize(f"{path}-wal") > 0
    except OSError:  # there is none
        return False


def _make_private(path: Path) -> None:
    """A catalog of nothing that only its owner reads: it will know where people were, and with whom.
    SQLite gives the files that it makes beside it the same rights. It bears the mark of a catalog from the
    first moment on, so that after a crash it is still known to be ours."""
    if path.is_symlink():
        raise CatalogError(
            f"{path} is a symbolic link to {os.path.realpath(path)}, where nothing is. If that is on a disk "
            "which is not there now, bring it back; else remove the link, or name another: --db FILE"
        )
    unfinished = path.with_name(f".phototag-{secrets.token_hex(8)}")
    try:
        descriptor = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY | _BINARY, 0o600)
        with open(descriptor, "wb") as file:
            file.write(dialects.empty_catalog())
            file.flush()
            os.fsync(file.fileno())
        _put_in_place(unfinished, path)
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _put_in_place(made: Path, path: Path) -> None:
    """Under its name, unless another process was faster."""
    try:
        os.link(made, path)
    except FileExistsError:
        pass
    except OSError:  # a disk without hard links
        if not os.path.lexists(path):
            os.rename(made, path)


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
def _blame_values(name: str) -> Iterator[None]:
    """Within a transaction rows become records, and records rows: where that fails, it is likely that the
    values are not what phototag wrote."""
    try:
        yield
    except (
        *(ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError),
        StatementError,  # a value that SQLAlchemy cannot write
    ) as error:
        # What the database itself refuses is told as such; text that is none, and numbers that no database
        # takes, did not come from the catalog.
        if isinstance(error, DBAPIError):
            raise
        if isinstance(error, UnicodeEncodeError):
            raise UsageError(
                f"{escape_surrogates(str(error.object))} is not valid text; type it again"
            ) from error
        if isinstance(error, OverflowError) and "SQLite INTEGER" in str(error):
            raise UsageError("a number is larger than any in a catalog; type a smaller one") from error
        raise CatalogError(
            f"Something in the catalog {name} cannot be understood ({type(error).__name__}: {error}). "
            f"{_WHOSE}"
        ) from error


_WHOSE = (
    "If another program or a failing disk has written to it, bring back a backup; else this is a bug: please "
    "report it with what the same command prints with --traceback. The photos are untouched."
)
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


LEAST_FREE_BYTES = 2**20


@contextmanager
def translate_errors(address: Address) -> Iterator[None]:
    """Turns what the database refuses into a sentence."""
    name = show_address(address)
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        sentence = _say_refusal(error, address)
        if sentence is None:
            raise
        is_retriable = isinstance(error, DBAPIError) and postgresql.is_worth_retrying(error)
        raise (InEachOthersWay if is_retriable else CatalogError)(sentence) from error
    except UnicodeDecodeError as error:  # SQLite quotes what is damaged in its message
        raise CatalogError(f"The catalog {name} {_SENTENCES[sqlite3.SQLITE_CORRUPT]}") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise CatalogError(
            f"The disk of the catalog {name} is full. Make room and run the same command again to go on."
        ) from error
    except Exception as error:  # of COPY, which SQLAlchemy does not know
        if isinstance(address, Path) or not postgresql.is_of_driver(error):
            raise
        sentence = postgresql.say_refusal(error, name, is_lost=False)
        if sentence is None:
            raise
        raise CatalogError(sentence) from error


def _say_refusal(error: DBAPIError | sqlite3.Error, address: Address) -> str | None:
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(address, Path):
        is_lost = isinstance(error, DBAPIError) and error.connection_invalidated
        return postgresql.say_refusal(cause, show_address(address), is_lost=is_lost)
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # the extended codes only say where
    damages = ("no such table", "no such column", "malformed", "error in ", "unsupported file")
    if str(cause).startswith((*damages, "Could not decode")):
        code = sqlite3.SQLITE_CORRUPT
    if code == sqlite3.SQLITE_CONSTRAINT:  # as where an index does not know a row that is there
        return f"The catalog {address} contradicts itself ({cause}). {_WHOSE}"
    if code == sqlite3.SQLITE_IOERR and _is_full(address.parent):  # no room for the files beside it
        code = sqlite3.SQLITE_FULL
    return f"The catalog {address} {_SENTENCES[code]}" if code in _SENTENCES else None


def _is_full(folder: Path) -> bool:
    """Whether its disk has less room than a new catalog and the files beside it need."""
    try:
        return shutil.disk_usage(folder).free < LEAST_FREE_BYTES
    except OSError:
        return False

"""The catalog's schema version: checking it, upgrading it by Alembic after a copy aside."""

from __future__ import annotations

import os
import re
import secrets
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, column, select, table
from sqlalchemy.exc import DBAPIError

from phototag.errors import CatalogError
from phototag.library import dialects
from phototag.library.address import Address, show_address

HEAD = "0012"  # the newest revision in migrations/versions; a test holds the two equal
# A catalog on a server begins with the revision after this one, which makes all tables at once.
BEFORE_SERVERS = "0010"

_REVISION = re.compile("[0-9]{4}")
_ALEMBIC_VERSION = table("alembic_version", column("version_num"))


def version_of(connection: Connection, name: str, head: str) -> str | None:
    """The schema's revision; None in a new, empty file or database. Raises CatalogError for one of
    another program and for a catalog newer than `head`. `name`: as sentences call it."""
    tables = dialects.table_names(connection)
    if not tables:
        return None
    if not dialects.has_catalog_mark(connection) or _ALEMBIC_VERSION.name not in tables:
        if dialects.is_on_server(connection):
            raise CatalogError(
                f"The database {name} is of another program. Make one for phototag alone: createdb photos"
            )
        raise CatalogError(
            f"{name} is an SQLite file of another program, not a catalog of phototag. Name another: --db FILE"
        )
    versions = connection.scalars(select(_ALEMBIC_VERSION.c.version_num)).all()
    version = versions[0] if len(versions) == 1 else None
    if not isinstance(version, str) or not _REVISION.fullmatch(version):
        raise CatalogError(
            f"The catalog {name} does not say which schema it has. "
            "Put it aside and scan again, or bring back a backup; the photos are untouched."
        )
    if version > head:  # revisions are numbered with four digits
        raise CatalogError(
            f"The catalog {name} was made by a newer phototag (schema {version}, this one knows {head}). "
            "Update this one: pip install --upgrade phototag"
        )
    return version


def upgrade(engine: Engine, address: Address, head: str, migrations: Path) -> None:
    """Bring the schema to its head in one transaction: another process waits for it, and a kill
    leaves the old one."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    with engine.connect() as connection, dialects.for_writing(connection).begin():
        version = version_of(connection, show_address(address), head)
        if version == head:  # another process was faster
            return
        # of a database its own programs make copies
        copy = copy_aside(address, head) if version is not None and isinstance(address, Path) else None
        config.attributes["connection"] = connection
        try:
            if version is None and dialects.is_on_server(connection):
                command.stamp(config, BEFORE_SERVERS)
            command.upgrade(config, head)
            dialects.mark_as_catalog(connection)
        except BaseException as error:
            # Nothing was changed: the transaction is rolled back, and each try would leave another copy.
            if copy is not None:
                copy.unlink(missing_ok=True)
                if _is_of_the_content(error):
                    raise CatalogError(
                        f"The catalog {address} cannot be upgraded: it holds what phototag did not write "
                        f"({type(error).__name__}). Put it aside and scan again, or bring back a backup; "
                        "the photos are untouched."
                    ) from error
            raise


def _is_of_the_content(error: BaseException) -> bool:
    """Whether an upgrade failed because of what is in the catalog: not because of a full disk, a lock or
    Ctrl-C."""
    from alembic.util import CommandError  # of a revision that there is not

    if isinstance(error, DBAPIError):
        code = getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        return code in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH)
    return isinstance(error, CommandError | ValueError | TypeError | LookupError)


def copy_aside(path: Path, head: str) -> Path:
    """A copy of an older catalog, with what its write-ahead log holds; where one is already there,
    the next number."""
    copy = path.with_name(f"{path.name}.before-{head}")
    number = 1
    while os.path.lexists(copy):
        number += 1
        copy = path.with_name(f"{path.name}.before-{head}-{number}")
    unfinished = copy.with_name(f".{path.name}-{secrets.token_hex(8)}")
    os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # as private as the catalog
    try:
        dialects.copy_database(path, unfinished)
        os.replace(unfinished, copy)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    return copy


def migrations_folder() -> Path:
    """In a wheel they lie inside the package, in a source checkout beside it."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "migrations", package.parent / "migrations"):
        if (folder / "versions" / "0001_catalog.py").is_file():  # not some other project's `migrations`
            return folder
    raise CatalogError(
        "This phototag is incomplete: its migrations are missing. "
        "Install it again: pip install --force-reinstall phototag"
    )

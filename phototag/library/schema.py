"""The catalog's schema version: checking it, upgrading it by Alembic after a copy aside."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Connection, Engine, column, inspect, select, table

from phototag.errors import CatalogError
from phototag.library import dialects

HEAD = "0004"  # the newest revision in migrations/versions; a test holds the two equal

_ALEMBIC_VERSION = table("alembic_version", column("version_num"))


def version_of(connection: Connection, path: Path, head: str) -> str | None:
    """The schema's revision; None in a new, empty file. Raises CatalogError for a file of another
    program and for a catalog newer than `head`."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if not dialects.has_catalog_mark(connection) or _ALEMBIC_VERSION.name not in tables:
        raise CatalogError(
            f"{path} is an SQLite file of another program, not a catalog of phototag. Name another: --db FILE"
        )
    version: str = connection.scalars(select(_ALEMBIC_VERSION.c.version_num)).one()
    if version > head:  # revisions are numbered with four digits
        raise CatalogError(
            f"The catalog {path} was made by a newer phototag (schema {version}, this one knows {head}). "
            "Update this one: pip install --upgrade phototag"
        )
    return version


def upgrade(engine: Engine, path: Path, head: str, migrations: Path) -> None:
    """Bring the schema to its head in one transaction: another process waits for it, and a kill
    leaves the old one."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    with engine.connect() as connection, dialects.for_writing(connection).begin():
        version = version_of(connection, path, head)
        if version == head:  # another process was faster
            return
        if version is not None:
            copy_aside(path, head)
        config.attributes["connection"] = connection
        command.upgrade(config, head)
        dialects.mark_as_catalog(connection)


def copy_aside(path: Path, head: str) -> Path:
    """A copy of an older catalog, with what its write-ahead log holds; where one is already there,
    the next number."""
    copy = path.with_name(f"{path.name}.before-{head}")
    number = 1
    while copy.exists():
        number += 1
        copy = path.with_name(f"{path.name}.before-{head}-{number}")
    unfinished = copy.with_name(copy.name + ".part")
    os.close(os.open(unfinished, os.O_CREAT | os.O_WRONLY, 0o600))  # as private as the catalog
    dialects.copy_database(path, unfinished)
    os.replace(unfinished, copy)
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

"""The catalog's schema version: checking it, upgrading it by Alembic after a copy aside."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine

from phototag.errors import CatalogError

HEAD = "0003"  # the newest revision in migrations/versions; a test holds the two equal


APPLICATION_ID = 0x70687467  # 'phtg' in the file's header: what tells a catalog from any other SQLite file


def version_of(connection: sqlite3.Connection, path: Path, head: str) -> str | None:
    """The schema's revision; None in a new, empty file."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return None
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    if application_id != APPLICATION_ID or "alembic_version" not in tables:
        raise CatalogError(
            f"{path} is an SQLite file of another program, not a catalog of phototag. Name another: --db FILE"
        )
    (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if version > head:  # revisions are numbered with four digits
        raise CatalogError(
            f"The catalog {path} was made by a newer phototag (schema {version}, this one knows {head}). "
            "Update this one: pip install --upgrade phototag"
        )
    return version


def upgrade(engine: Engine, path: Path, head: str, migrations: Path) -> None:
    """Bring the schema to its head in one transaction: another process waits for it, and a kill
    leaves the old one."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    with engine.connect() as connection:
        connection = connection.execution_options(begin="BEGIN IMMEDIATE")
        with connection.begin():
            raw = connection.connection.driver_connection
            version = version_of(raw, path, head)
            if version == head:  # another process was faster
                return
            if version is not None:
                copy_aside(path, head)
            config.attributes["connection"] = connection
            with EnvironmentContext(config, script, fn=lambda now, _: script._upgrade_revs(head, now)):
                script.run_env()
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")


def copy_aside(path: Path, head: str) -> Path:
    """A copy of an older catalog, with what its write-ahead log holds; where one is already there,
    the next number."""
    copy = path.with_name(f"{path.name}.before-{head}")
    number = 1
    while copy.exists():
        number += 1
        copy = path.with_name(f"{path.name}.before-{head}-{number}")
    unfinished = copy.with_name(copy.name + ".part")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(unfinished)) as target:
        source.backup(target)
    os.replace(unfinished, copy)
    return copy


def migrations_folder() -> Path:
    """In a wheel they lie inside the package, in a source checkout beside it."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "migrations", package.parent / "migrations"):
        if (folder / "versions" / "0001_catalog.py").is_file():  # not some other project's `migrations`
            return folder
    raise CatalogError(
        "This phototag is incomplete: its migrations are missing. Install it again: pip install --force-reinstall phototag"
    )

"""What SQLAlchemy does not say for every database alike. Elsewhere statements are plain Core.

Owns, with `postgresql`, all SQL text outside the migrations: SQLite's settings, locks, copies, and two
hints. SQLite keeps no statistics of a catalog and would often take the wrong index. Two things tell it:
`indexed_by` names the index of a table, `ordered_join` says which side is read first. PostgreSQL
keeps statistics: there the first renders nothing and the second an ordinary JOIN."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import quote

from sqlalchemy import (
    ARRAY,
    URL,
    BindParameter,
    ColumnElement,
    Connection,
    Dialect,
    Engine,
    FromClause,
    Insert,
    Join,
    QueuePool,
    Select,
    Table,
    TableValuedAlias,
    Text,
    UpdateBase,
    column,
    create_engine,
    event,
    func,
    insert,
    inspect,
    literal,
    select,
    true,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.dialects.sqlite.dml import OnConflictDoNothing, OnConflictDoUpdate
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.visitors import replacement_traverse

from phototag.library import postgresql

BUSY_SECONDS = 30  # a batch is saved in well under a second, so who waits this long waits for something stuck
# 64 MiB of pages stay in memory: the inner pages of every index of a million photos, which each
# query crosses.
CACHE_KIB = 65_536
# Of a connection that writes: a scan touches few pages at a time, and what it keeps would grow with
# the catalog, up to all of the above. As fast (tests/benchmarks: store).
WRITING_CACHE_KIB = 8192
# Pages of the write-ahead log (32 MiB) that are brought into the file at once: a batch touches a
# thousand pages all over the indices, mostly the same ones as the batch before.
CHECKPOINT_PAGES = 8192
SETTINGS = (
    "foreign_keys = ON",
    "synchronous = NORMAL",  # safe against kill -9 in WAL; only a power cut costs the last batch
    f"cache_size = -{CACHE_KIB}",
    "temp_store = MEMORY",
    f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
)
WRITING = "BEGIN IMMEDIATE"  # how a transaction that writes begins
APPLICATION_ID = 0x70687467  # 'phtg' in the file's header: what tells a catalog from any other SQLite file


def sqlite_engine(path: Path, *, read_only: bool = False, immutable: bool = False) -> Engine:
    """Connections to an SQLite file. Each begins its transactions itself: see `for_writing`.

    `read_only` never makes the file; `immutable` reads it without a lock, a log or a file beside it."""
    uri = f"file:{quote(os.fsencode(path))}"
    if read_only:
        uri += "?mode=ro&immutable=1" if immutable else "?mode=ro"

    def connect() -> sqlite3.Connection:
        # isolation_level=None: Python begins no transaction of its own.
        # check_same_thread: SQLAlchemy's pool takes care of it.
        return sqlite3.connect(
            uri,
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )

    # Without a path in its URL SQLAlchemy takes the database for one in memory and would share one
    # connection in a thread.
    engine = create_engine("sqlite+pysqlite://", creator=connect, poolclass=QueuePool)
    engine.dialect.colspecs = {**engine.dialect.colspecs, Text: _CheckedText}
    render_hints(engine)

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _: object) -> None:
        for setting in SETTINGS:
            connection.execute(f"PRAGMA {setting}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        how = connection.get_execution_options().get("begin", "BEGIN")
        if how == WRITING:
            connection.exec_driver_sql(f"PRAGMA cache_size = -{WRITING_CACHE_KIB}")
        connection.exec_driver_sql(how)

    return engine


class _CheckedText(Text):
    """SQLite keeps bytes in a column of texts, and what reads them would fail far away, or answer with
    them. Reading such a row raises ValueError: the catalog is damaged, or a stranger's."""

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        return _check_text


def _check_text(value: Any) -> Any:
    if value is not None and type(value) is not str:
        raise ValueError(f"no text: {value!r:.100}")
    return value


def is_on_server(bind: Engine | Connection) -> bool:
    """Whether the catalog is in PostgreSQL, not in a file."""
    return bind.dialect.name == "postgresql"


def server_engine(url: URL) -> Engine:
    """Connections to a PostgreSQL database. Raises CatalogError where the driver is not installed."""
    return postgresql.server_engine(url)


def limit_cache(engine: Engine, kib: int) -> None:
    """From now on each connection keeps so many KiB of pages in memory, for a process that lives long and
    asks with several connections. A server has a memory of its own."""
    if is_on_server(engine):
        return
    engine.dispose()  # those that are open have their own

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _: object) -> None:
        connection.execute(f"PRAGMA cache_size = -{kib}")


def for_reading(connection: Connection) -> Connection:
    """Its transactions see one state of the catalog."""
    return postgresql.for_reading(connection) if is_on_server(connection) else connection


def for_writing(connection: Connection, *, beside_others: bool = False) -> Connection:
    """Its transactions take the only write lock when they begin, so that two scans wait for each
    other instead of failing halfway. `beside_others`: on a server not the only one; the transaction has
    to begin with `lock_photos`, and to write about these photos alone."""
    if is_on_server(connection):
        return postgresql.for_writing(connection, beside_others=beside_others)
    return connection.execution_options(begin=WRITING)


def lock_photos(connection: Connection, photos: Table, photo_ids: Sequence[int]) -> None:
    """Nobody else writes about these photos until the transaction ends. In the order of their ids, so that
    two that want the same ones never wait for each other."""
    if is_on_server(connection) and photo_ids:
        ids = sorted(photo_ids)
        statement = select(photos.c.id).where(photos.c.id.in_(ids)).order_by(photos.c.id)
        connection.execute(statement.with_for_update()).all()


def lock_names(connection: Connection) -> None:
    """Nobody else makes names (labels, taggers, persons) until the transaction ends: to be called before
    it is looked which ones there are not."""
    if is_on_server(connection):
        postgresql.lock_names(connection)


@contextmanager
def foreign_keys_off(connection: Connection) -> Iterator[None]:
    """SQLite checks no foreign keys meanwhile; to be called outside a transaction. It looks for the rows
    that belong to a deleted one without an index where there is none, for each row anew. PostgreSQL has
    the indices, and goes on checking."""
    if is_on_server(connection):
        yield
        return
    own = connection.connection.driver_connection
    assert isinstance(own, sqlite3.Connection)
    own.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        own.execute("PRAGMA foreign_keys = ON")


def switch_to_wal(engine: Engine) -> None:
    """Readers and one writer side by side. The switch needs the file for itself and does not wait
    by itself."""
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        with closing(engine.raw_connection()) as connection:
            try:
                connection.cursor().execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                    raise
        time.sleep(0.05)


def compact(engine: Engine, tables: Sequence[Table]) -> None:
    """Write the file, or these tables on a server, anew without what was deleted, and empty the write-ahead
    log of the file, which held it too."""
    if is_on_server(engine):
        postgresql.compact(engine, tables)
        return
    with closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def can_be_read(engine: Engine) -> bool:
    """Whether SQLite opens the file. A reader of a catalog in WAL mode makes a file beside it."""
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1 FROM sqlite_master").first()
        return True
    except OperationalError:
        return False


def continue_numbers(connection: Connection, tables: Sequence[Table]) -> None:
    """After rows were inserted with their ids: the next id is one more than the greatest, as in SQLite it
    always is."""
    if is_on_server(connection):
        postgresql.continue_numbers(connection, tables)


@contextmanager
def filled_at_once(connection: Connection, tables: Sequence[Table]) -> Iterator[None]:
    """Meanwhile tables that are empty may be filled with whatever number of rows, in any order."""
    if is_on_server(connection):
        with postgresql.filled_at_once(connection, tables):
            yield
    else:
        yield


def learn_sizes(engine: Engine, tables: Sequence[Table]) -> None:
    """After much was inserted: PostgreSQL plans questions by what it knows of its tables."""
    if is_on_server(engine):
        postgresql.learn_sizes(engine, tables)


def table_names(connection: Connection) -> list[str]:
    """The tables that there are, of whatever program."""
    return inspect(connection).get_table_names()


def has_catalog_mark(connection: Connection) -> bool:
    """Whether the file's header, or a remark in the database, says that it is a catalog of phototag."""
    if is_on_server(connection):
        return postgresql.has_catalog_mark(connection)
    return connection.exec_driver_sql("PRAGMA application_id").scalar() == APPLICATION_ID


@cache
def empty_catalog() -> bytes:
    """The bytes of a file without tables that bears the mark of a catalog."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        return connection.serialize()


def mark_as_catalog(connection: Connection) -> None:
    if is_on_server(connection):
        postgresql.mark_as_catalog(connection)
        return
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")


def holds_rows(path: Path, tables: Sequence[str]) -> bool:
    """Whether one of these tables is in an SQLite file and not empty; a file that cannot be read is taken
    to hold some."""
    try:
        with closing(sqlite3.connect(f"file:{quote(os.fsencode(path))}?mode=ro", uri=True)) as connection:
            there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            return any(
                connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is not None
                for table in there.intersection(tables)
            )
    except sqlite3.Error:
        return True


def copy_database(source: Path, target: Path) -> None:
    """A copy of an SQLite file, with what its write-ahead log holds. The file itself is only read."""
    address = f"{source.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


class TimeLimitReached(Exception):
    """A statement took longer than `time_limit` allows."""


STEPS_BETWEEN_LOOKS = 10_000  # of SQLite's virtual machine: a fraction of a millisecond


@contextmanager
def time_limit(connection: Connection, seconds: float) -> Iterator[None]:
    """Statements inside end with TimeLimitReached after so many seconds together (on a server: each). Nothing
    more can be asked in this transaction then."""
    if is_on_server(connection):
        postgresql.limit_time(connection, seconds)
        try:
            yield
        except DBAPIError as error:
            if postgresql.is_out_of_time(error):
                raise TimeLimitReached from error
            raise
        return
    own = connection.connection.driver_connection
    assert isinstance(own, sqlite3.Connection)
    end = time.monotonic() + seconds

    def is_over() -> bool:
        return time.monotonic() > end

    own.set_progress_handler(is_over, STEPS_BETWEEN_LOOKS)
    try:
        yield
    except OperationalError as error:
        if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            raise TimeLimitReached from error
        raise
    finally:
        own.set_progress_handler(None, 0)


def executemany(connection: Connection, statement: UpdateBase, rows: Sequence[Mapping[str, Any]]) -> None:
    """Run a statement that returns nothing once for each row of parameters, all with the same names.

    The same as `connection.execute`, where SQLAlchemy's handling of each row takes longer than
    the database's work."""
    if rows:
        text, names = _compile(connection, statement)
        if is_on_server(connection):
            connection.exec_driver_sql(text, [dict(row) for row in rows])
            return
        values = [*map(itemgetter(*names), rows)]
        connection.exec_driver_sql(text, values if len(names) > 1 else [(value,) for value in values])


def insert_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows that have a value for every column, in the order of the table's."""
    if rows and is_on_server(connection):
        postgresql.copy_rows(connection, table, rows)
    elif rows:
        text, _ = _compile(connection, _insert_into(table))
        connection.exec_driver_sql(text, list(rows))


@cache
def _insert_into(table: Table) -> Insert:
    return insert(table)


def _compile(connection: Connection, statement: UpdateBase) -> tuple[str, list[str]]:
    """The statement as text, and the names of its parameters in order (none where they go by name)."""
    key = statement, connection.dialect.name
    if key not in _compiled:
        compiled = statement.compile(dialect=connection.dialect)
        _compiled[key] = compiled.string, list(compiled.positiontup or ())
    return _compiled[key]


# of statements that live as long as the program
_compiled: dict[tuple[UpdateBase, str], tuple[str, list[str]]] = {}


def insert_or_skip(table: Table, *key: str) -> Insert:
    """An INSERT that leaves a row alone that has the same key already."""
    return sqlite.insert(table).on_conflict_do_nothing(index_elements=key)


def insert_or_update(table: Table, *key: str) -> Insert:
    """An INSERT that changes the row that has the same key already."""
    insert = sqlite.insert(table)
    changed = {column.name: insert.excluded[column.name] for column in table.c if column.name not in key}
    return insert.on_conflict_do_update(index_elements=key, set_=changed)


@compiles(OnConflictDoNothing, "postgresql")
@compiles(OnConflictDoUpdate, "postgresql")
def _on_conflict(clause: Any, compiler: Any, **options: Any) -> str:
    """Both databases write it alike; SQLAlchemy's classes for them differ in what PostgreSQL's may name."""
    clause.constraint_target = None
    return str(getattr(compiler, f"visit_{clause.__visit_name__}")(clause, **options))


Statement = TypeVar("Statement", bound=Select[Any])


def render_hints(engine: Engine) -> None:
    """Makes the statements of this engine say what `indexed_by` asks for: SQLAlchemy's own compiler
    for SQLite drops hints without a word."""
    if engine.dialect.name == "sqlite":
        engine.dialect.statement_compiler = _Compiler


class _Compiler(SQLiteCompiler):
    def get_from_hint_text(self, table: FromClause, text: str | None) -> str | None:
        return text

    def visit_ilike_case_insensitive_operand(self, element: Any, **options: Any) -> str:
        # SQLite's LIKE ignores the case of ASCII by itself; lower() does no more.
        return self.process(element.element, **options)


def indexed_by(statement: Statement, table: Table, index: str) -> Statement:
    """The statement, reading `table` along the index of this name. SQLite refuses to run it where
    the index is gone or does not help."""
    return statement.with_hint(table, f"INDEXED BY {index}", "sqlite")


def table_of(parts: Sequence[Mapping[str, Any]]) -> TableValuedAlias:
    """These parameters as rows of a table. Only for PostgreSQL."""
    types = {name: literal(value).type for name, value in parts[0].items()}
    columns = [literal([part[name] for part in parts], ARRAY(kind)) for name, kind in types.items()]
    rows = func.unnest(*columns).table_valued(*(column(name, kind) for name, kind in types.items()))
    return rows.render_derived(name="parts")


def with_parts(statement: Select[Any], parts: TableValuedAlias) -> Select[Any]:
    """The statement, its parameters taken from the row of `parts` beside it."""

    def replace(element: Any, **_: Any) -> Any:
        is_part = isinstance(element, BindParameter) and element.key in parts.c
        return parts.c[element.key] if is_part else None

    bound: Any = replacement_traverse(statement, {}, replace)
    return cast("Select[Any]", bound).correlate(parts)


def greatest_of_each(parts: TableValuedAlias, statement: Select[Any], limit: int) -> Select[Any]:
    """The `limit` greatest rows of a statement made `with_parts` for each of these, the greatest first."""
    columns = [one.desc() for one in statement.selected_columns]
    each = statement.order_by(*columns).limit(limit).correlate(parts).lateral("each")
    rows = select(each).select_from(parts.join(each, true()))
    return rows.order_by(*(one.desc() for one in each.c))


class _OrderedJoin(Join):
    inherit_cache = True


def ordered_join(left: FromClause, right: FromClause, on: ColumnElement[bool]) -> Join:
    """An inner join for which the rows of `left` are read first, in the order of their index, and
    those of `right` looked up."""
    return _OrderedJoin(left, right, on)


@compiles(_OrderedJoin, "sqlite")
def _cross_join(
    join: _OrderedJoin, compiler: SQLiteCompiler, from_linter: object = None, **options: Any
) -> str:
    """SQLite never reorders the tables of a CROSS JOIN, and allows it an ON."""
    assert join.onclause is not None
    # Without the linter, which looks for joins that lack an ON: these cannot.
    inside = options | {"asfrom": True}
    left, right = compiler.process(join.left, **inside), compiler.process(join.right, **inside)
    return f"{left} CROSS JOIN {right} ON {compiler.process(join.onclause, **options | {'asfrom': False})}"

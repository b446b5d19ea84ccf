"""What PostgreSQL is told beside plain Core: connections, transactions, locks, COPY, and its refusals.

Who saves answers writes beside others: each locks the rows of its own photos, in the order of their ids, and
so waits only for who looks at the same photos. All other writers have the catalog for themselves, as
they have in SQLite. New names (of labels, taggers, persons) are made by one at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    ARRAY,
    URL,
    BinaryExpression,
    BindParameter,
    Connection,
    Dialect,
    Engine,
    Float,
    String,
    Table,
    Text,
    Tuple,
    TypeDecorator,
    create_engine,
    event,
    text,
)
from sqlalchemy.exc import DBAPIError

from phototag.errors import CatalogError
from phototag.library.address import show_address

BUSY_SECONDS = 30  # who waits this long for a lock waits for something stuck
CONNECT_SECONDS = 10
INDEX_MEMORY = "256MB"  # to sort ten million rows for an index
# Keys of advisory locks, which only programs that know them take: 'phtg' and a number.
_WRITERS, _NAMES = 0x7068746700000001, 0x7068746700000002
# The server lets go of what a machine holds that was unplugged, after a minute instead of two hours. It
# compiles no query and calls no second process for one: both take longer than the page that a person waits
# for. And it takes most of the catalog to lie in memory, where pages here and there cost what neighbours do,
# and not much beside what is done with their rows.
_SETTINGS = {
    "lock_timeout": f"{BUSY_SECONDS}s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "seq_page_cost": "0.5",
    "random_page_cost": "0.5",
}
_MARK = "catalog of phototag"
# Execution options of a connection: with which statement its transactions begin; whether they only read.
_BEGIN = "phototag_begin"
_IS_READING = "phototag_is_reading"
_REPEATABLE_READ = 3  # psycopg.IsolationLevel
_ALONE = f"SELECT pg_advisory_xact_lock({_WRITERS})"
_BESIDE = f"SELECT pg_advisory_xact_lock_shared({_WRITERS})"


def server_engine(url: URL) -> Engine:
    """Connections to a database. Raises CatalogError where the driver is not installed."""
    options = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
    given = url.query.get("options")
    if isinstance(given, str):
        options = f"{options} {given}"
    try:
        engine = create_engine(
            url,
            pool_pre_ping=True,  # a server that was started anew meanwhile is asked again
            connect_args={
                "cursor_factory": _binary_cursor,
                "connect_timeout": CONNECT_SECONDS,
                "application_name": "phototag",
                "options": options,
            },
        )
    except ImportError as error:
        raise CatalogError(
            "A catalog in PostgreSQL needs psycopg, which is not installed. "
            "Type: pip install 'phototag[cluster]'"
        ) from error

    engine.dialect.colspecs = {**engine.dialect.colspecs, Float: _Float}
    compiler: Any = engine.dialect.statement_compiler
    engine.dialect.statement_compiler = type("Compiler", (_ListsAsArrays, compiler), {})

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        own: Any = connection.connection.driver_connection
        # Said with BEGIN, which the driver sends before the first statement. None: as the server is set.
        own.isolation_level = _REPEATABLE_READ if options.get(_IS_READING) else None
        own.read_only = True if options.get(_IS_READING) else None
        if statement := options.get(_BEGIN):
            connection.exec_driver_sql(statement)

    return engine


def _binary_cursor(*arguments: Any, **options: Any) -> Any:
    """A cursor to which the server sends numbers as they are, not as text that has to be read: of a page with
    a thousand tags, that is most of what the driver does."""
    from psycopg import Cursor
    from psycopg.pq import Format

    cursor: Any = Cursor(*arguments, **options)
    cursor.format = Format.BINARY
    return cursor


class _Float(Float[float]):
    """Numbers that the driver gives are floats already."""

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        return None


class _Array(TypeDecorator[Any]):
    """Any collection, as one parameter."""

    impl = ARRAY
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> list[Any]:
        return list(value)


class _ListsAsArrays:
    """Part of a compiler: `column IN (list)` takes the list as one parameter. So a statement is the same text
    for a list of any length, which neither SQLAlchemy nor the server has to read again, nor plan."""

    def visit_in_op_binary(self: Any, binary: BinaryExpression[Any], operator: Any, **options: Any) -> str:
        given = binary.right
        if not (isinstance(given, BindParameter) and given.expanding) or isinstance(binary.left, Tuple):
            return str(self._generate_generic_binary(binary, " IN ", **options))
        array: Any = given._clone(maintain_key=True)
        array.expanding = False
        # a parameter has no collation: the column's counts
        array.type = _Array(Text() if isinstance(binary.left.type, String) else binary.left.type)
        left, right = self.process(binary.left, **options), self.process(array, **options)
        return f"{left} = ANY ({right})"


def for_reading(connection: Connection) -> Connection:
    """Its transactions see the catalog as it is when they begin, and write nothing."""
    return connection.execution_options(**{_IS_READING: True})


def for_writing(connection: Connection, *, beside_others: bool) -> Connection:
    """Its transactions wait for other writers when they begin; `beside_others`: only for those that want
    the catalog for themselves."""
    return connection.execution_options(**{_BEGIN: _BESIDE if beside_others else _ALONE})


def lock_names(connection: Connection) -> None:
    """From now on to the end of the transaction nobody else makes names."""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_NAMES})")


def copy_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows that have a value for every column, in the order of the table's."""
    names = ", ".join(f'"{column.name}"' for column in table.c)
    own: Any = connection.connection.driver_connection
    with own.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
        for row in rows:
            copy.write_row(row)


@contextmanager
def filled_at_once(connection: Connection, tables: Sequence[Table]) -> Iterator[None]:
    """Tables that are empty are filled without their indices and foreign keys, which are made again when all
    rows are there: several times faster than to keep them up row by row."""
    names = {"names": [table.name for table in tables]}
    foreign_keys = connection.execute(_FOREIGN_KEYS, names).all()
    indices = connection.execute(_INDICES, names).all()
    for table, name, _ in foreign_keys:
        connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for name, _ in indices:
        connection.exec_driver_sql(f"DROP INDEX {name}")
    yield
    connection.exec_driver_sql(f"SET LOCAL maintenance_work_mem = '{INDEX_MEMORY}'")
    for _, definition in indices:
        connection.exec_driver_sql(definition)
    for table, name, definition in foreign_keys:
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")


_NAMED = "SELECT to_regclass(quote_ident(name)) FROM unnest(CAST(:names AS text[])) AS name"
# As the server itself spells them. What belongs to a primary key or another constraint stays.
_FOREIGN_KEYS = text(
    "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint "
    f"WHERE contype = 'f' AND conrelid IN ({_NAMED}) "
    "ORDER BY conrelid, conname"
)
_INDICES = text(
    "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
    f"WHERE indrelid IN ({_NAMED}) "
    "AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype <> 'f') "
    "ORDER BY indrelid, indexrelid::regclass::text"
)


def compact(engine: Engine, tables: Sequence[Table]) -> None:
    """Write the tables anew without what was deleted."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in tables:
            connection.exec_driver_sql(f'VACUUM (FULL, ANALYZE) "{table.name}"')


def learn_sizes(engine: Engine, tables: Sequence[Table]) -> None:
    """Statistics of tables that were just filled, by which questions are planned."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in tables:
            connection.exec_driver_sql(f'VACUUM (ANALYZE) "{table.name}"')


def continue_numbers(connection: Connection, tables: Sequence[Table]) -> None:
    """The next id that the database makes is one more than the greatest there is."""
    for table in tables:
        if (column := table.autoincrement_column) is not None:
            name = column.name
            connection.exec_driver_sql(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', '{name}'), "
                f'coalesce(max("{name}"), 0) + 1, false) FROM "{table.name}"'
            )


def size_bytes(connection: Connection) -> int:
    """How much the database takes on the server's disk."""
    return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())


def change_mark(connection: Connection) -> str:
    """Changes whenever anybody has written something: which transactions are seen."""
    return str(connection.exec_driver_sql("SELECT pg_current_snapshot()::text").scalar_one())


def has_catalog_mark(connection: Connection) -> bool:
    """Whether a remark at the table of the schema's version says that this is a catalog of phototag."""
    remark = connection.exec_driver_sql("SELECT obj_description(to_regclass('alembic_version'), 'pg_class')")
    return remark.scalar() == _MARK


def mark_as_catalog(connection: Connection) -> None:
    connection.exec_driver_sql(f"COMMENT ON TABLE alembic_version IS '{_MARK}'")


def check_encoding(connection: Connection, url: URL) -> None:
    """Raises CatalogError for a database whose text is not Unicode."""
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise CatalogError(
            f"The database {show_address(url)} keeps its text as {encoding}, and names of photos are in "
            f"every script. Make another: createdb --encoding=UTF8 --template=template0 {url.database}"
        )


def limit_time(connection: Connection, seconds: float) -> None:
    """Statements of this transaction are ended by the server after so many seconds each."""
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {max(int(seconds * 1000), 1)}")


def is_out_of_time(error: DBAPIError) -> bool:
    return sqlstate_of(error.orig) == "57014"


def is_worth_retrying(error: DBAPIError) -> bool:
    """Whether two transactions were in each other's way, so that the same one may succeed next."""
    return sqlstate_of(error.orig) in ("40P01", "40001")


def sqlstate_of(cause: BaseException | None) -> str:
    return str(getattr(cause, "sqlstate", None) or "")


_BUSY = "is in use by another program. Wait until that has finished, and try again."
_DAMAGED = "is damaged. Bring back a backup (pg_restore); the photos are untouched."
# By code, or by its first two characters, which name the class.
_SENTENCES = {
    "53100": "cannot grow: the server's disk is full. Make room and run the same command again to go on.",
    "53300": "cannot be opened: its server has too many connections. Close some, or raise max_connections.",
    "25006": "is read-only here. Name another with --db.",
    "42501": (
        "cannot be read or written by this user. Make the user its owner: ALTER DATABASE ... OWNER TO ..."
    ),
    "55P03": _BUSY,
    "40P01": _BUSY,
    "40001": _BUSY,
    "42P01": _DAMAGED,
    "42703": _DAMAGED,
    "XX001": _DAMAGED,
    "XX002": _DAMAGED,
    "58": "cannot be read or written: its server's disk reports an error. Look after the disk first.",
    "53": "cannot be asked: its server has run out of memory. Free some, and run the same command again.",
    "22021": "takes no text with a zero byte in it, or that is no Unicode.",
    "57014": "was asked something that its server ended: it took too long, or somebody stopped it.",
    "57": "was closed by its server meanwhile. Run the same command again to go on.",
    "08": "cannot be reached any more. Look after the network, and run the same command again to go on.",
}
_CUT = _SENTENCES["08"]
_NO_SUCH_DATABASE = re.compile(r'database "[^"]*" does not exist')


def is_of_driver(error: BaseException) -> bool:
    """Whether the driver itself has raised it."""
    return type(error).__module__.partition(".")[0] == "psycopg"


def say_refusal(cause: BaseException | None, address: str, *, is_lost: bool) -> str | None:
    """What the server or the driver refused, as a sentence; None for what is a mistake of this program.
    `is_lost`: the connection is there no more."""
    import psycopg

    code = sqlstate_of(cause)
    sentence = _SENTENCES.get(code) or _SENTENCES.get(code[:2])
    if sentence:
        return f"The catalog {address} {sentence}"
    if isinstance(cause, psycopg.DataError) and "NUL" in str(cause):
        return f"The catalog {address} {_SENTENCES['22021']}"
    if isinstance(cause, psycopg.OperationalError):
        if is_lost:
            return f"The catalog {address} {_CUT}"
        return _say_unreachable(str(cause), address, code)
    return None


def _say_unreachable(message: str, address: str, code: str) -> str:
    # Of several attempts, as to both addresses of one name, the last; of libpq's text, what comes last too.
    line = next(
        (line for line in reversed(message.strip().splitlines()) if "failed: " in line), message.strip()
    )
    reason = line.strip().rpartition("failed: ")[2].split("\n")[0].strip().rstrip(".")
    reason = re.sub(r"^FATAL:\s+", "", reason)
    if code == "3D000" or _NO_SUCH_DATABASE.search(reason):
        return f"There is no database {address}. Make it: createdb --encoding=UTF8 --template=template0 NAME"
    hint = "Look at the address, and that the server runs."
    if "password" in reason or code.startswith("28"):
        hint = "Give the password in PGPASSWORD or ~/.pgpass."
    return f"The catalog {address} cannot be opened: {reason}. {hint}"

"""Catalogs on a server, where they are not as in a file: schema, opening, locks, what the server refuses."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import MetaData, Table, create_engine, event, func, make_url, select, text

from phototag.errors import CatalogError
from phototag.library import Library, database, dialects, postgresql, schema, search
from phototag.library.address import read_address, show_address
from phototag.library.tables import IN_POSTGRESQL, metadata, photos
from phototag.query.parse import parse
from phototag.records import Exif, Outcome, PhotoFacts, PhotoFile, Tag

REPOSITORY = Path(__file__).parents[2]
FINGERPRINTS = {"decode": "d1", "objects": "o1"}


@pytest.fixture
def address(databases, tmp_path):
    """The URL of an empty catalog."""
    yield databases.address(tmp_path)
    databases.remove(tmp_path)


@pytest.fixture
def empty(postgresql_server):
    """The URL of an empty database."""
    postgresql_server.execute("CREATE DATABASE nothing_yet")
    yield postgresql_server.url("nothing_yet")
    postgresql_server.execute("DROP DATABASE nothing_yet WITH (FORCE)")


def put_photos(library, number, folder="/photos", **facts):
    """Photos of that number, as a scan of a folder stores them."""
    files = [PhotoFile(folder, f"{n:05}.jpg", 1000 + n, 1_466_000_000_000_000_000) for n in range(number)]
    library.reconcile([folder], files, hash_file=lambda file: None)


# -- the schema


def described() -> MetaData:
    """`tables`, as PostgreSQL is to have it."""
    found = MetaData(naming_convention=metadata.naming_convention)
    for table in metadata.sorted_tables:
        copy = table.to_metadata(found)
        for index, its in zip(_by_name(table), _by_name(copy), strict=True):
            where = index.dialect_options["sqlite"].get("where")
            columns = index.info.get(IN_POSTGRESQL) or [column.name for column in index.columns]
            copy.indexes.remove(its)
            statement = f"CREATE INDEX {index.name} ON {table.name} ({', '.join(columns)})"
            statement += f" WHERE {where}" if where is not None else ""
            event.listen(copy, "after_create", _running(statement))
    return found


def _by_name(table: Table):
    return sorted(table.indexes, key=lambda index: index.name)


def _running(statement):
    return lambda table, connection, **_: connection.execute(text(statement))


COLUMNS = """
SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default
FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name <> 'alembic_version' ORDER BY 1, 2
"""
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
AND conrelid::regclass::text <> 'alembic_version'
ORDER BY 1, 2
"""
INDICES = """
SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'
ORDER BY 1
"""


def test_the_migrations_make_the_tables_that_the_statements_expect(postgresql_server, empty, address):
    engine = create_engine(empty)
    described().create_all(engine)
    engine.dispose()
    made = make_url(address).database
    for question in (COLUMNS, CONSTRAINTS, INDICES):
        expected = postgresql_server.execute(question, "nothing_yet")
        assert len(expected) > 25
        assert postgresql_server.execute(question, made) == expected


def test_both_databases_have_the_same_views(postgresql_server, address, tmp_path):
    columns = "SELECT view_name, column_name FROM ({}) AS c ORDER BY 1, 2"
    on_server = postgresql_server.execute(
        "SELECT table_name, column_name FROM information_schema.columns "
        "JOIN information_schema.views USING (table_schema, table_name) WHERE table_schema = 'public'",
        make_url(address).database,
    )
    Library.open(tmp_path / "c.db").close()
    with create_engine(f"sqlite:///{tmp_path / 'c.db'}").connect() as connection:
        in_file = connection.exec_driver_sql(
            "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'view'"
        ).all()
    assert columns and sorted(on_server) == sorted(map(tuple, in_file))


# -- opening


def test_an_empty_database_becomes_a_catalog_and_only_when_asked(empty):
    with pytest.raises(CatalogError, match=r"There is no catalog in .*Make one: phototag scan FOLDER"):
        Library.open(empty, create=False)
    with Library.open(empty) as library:
        assert library.count() == 0 and library.path is None
    Library.open(empty, create=False).close()


def test_processes_may_make_the_catalog_at_once(empty):
    code = "import sys; from phototag.library import Library; print(Library.open(sys.argv[1]).count())"
    env = os.environ | {"PYTHONPATH": os.fspath(REPOSITORY)}
    command = [sys.executable, "-c", code, empty]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
        for _ in range(3)
    ]
    for process in started:
        out, err = process.communicate(timeout=60)
        assert (out, process.returncode) == ("0\n", 0), err


def test_a_database_of_another_program_is_left_alone(postgresql_server, empty):
    postgresql_server.execute("CREATE TABLE photos (id int)", "nothing_yet")
    with pytest.raises(CatalogError, match="of another program"):
        Library.open(empty)
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    assert postgresql_server.execute(tables, "nothing_yet") == [("photos",)]


def newer_schema(tmp_path, body="op.execute('ALTER TABLE photos ADD COLUMN stars INTEGER')"):
    """This schema and a next revision, as a later phototag would bring it."""
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    for path in schema.migrations_folder().glob("**/*.py"):
        (folder / path.relative_to(schema.migrations_folder())).write_text(path.read_text())
    (folder / "versions/9999_more.py").write_text(
        f"from alembic import op\nrevision = '9999'\ndown_revision = {schema.HEAD!r}\n"
        f"def upgrade():\n    {body}\n"
    )
    return {"head": "9999", "migrations": folder}


def test_an_older_catalog_is_upgraded_and_a_newer_one_refused(address, tmp_path):
    with Library.open(address) as library:
        library.save_album("kept", "smiles", [], "")
    told = []
    url = read_address(address)
    database.open_catalog(url, **newer_schema(tmp_path), on_message=told.append).close()
    assert len(told) == 1 and "Upgrading the catalog" in told[0]
    with pytest.raises(CatalogError, match="made by a newer phototag"):
        Library.open(address)


def test_an_upgrade_that_fails_leaves_the_old_catalog(address, tmp_path):
    body = "op.execute('DROP TABLE albums CASCADE'); raise RuntimeError('half done')"
    with pytest.raises(RuntimeError, match="half done"):
        database.open_catalog(read_address(address), **newer_schema(tmp_path, body))
    with Library.open(address) as library:
        assert library.albums() == []


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("postgresql://ann:secret@nas/photos", "postgresql+psycopg://ann@nas/photos"),
        ("postgres://ann@nas:5433/photos", "postgresql+psycopg://ann@nas:5433/photos"),
        (
            "postgresql+psycopg://ann@nas/photos?password=secret&sslmode=require",
            "postgresql+psycopg://ann@nas/photos?sslmode=require",
        ),
    ],
)
def test_a_password_is_never_shown(given, shown):
    assert show_address(read_address(given)) == shown


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("mysql://ann@nas/photos", "not in mysql"),
        ("postgresql://ann@nas", "names no database"),
        ("postgresql://ann:secret@nas:port/photos", "no address of a database"),
    ],
)
def test_other_addresses_are_refused(given, says):
    with pytest.raises(CatalogError, match=says) as refused:
        read_address(given)
    assert "secret" not in str(refused.value)


# -- what the server refuses


def refusal(url):
    with pytest.raises(CatalogError) as refused:
        Library.open(url)
    return str(refused.value)


def test_a_server_that_is_not_there_says_so(tmp_path):
    pytest.importorskip("psycopg", reason="needs psycopg: pip install 'phototag[cluster]'")
    said = refusal(f"postgresql+psycopg://ann:secret@/photos?host={tmp_path}")
    assert "cannot be opened" in said and "secret" not in said and "\n" not in said


def test_a_database_that_is_not_there_says_so(postgresql_server):
    said = refusal(postgresql_server.url("no_such_thing"))
    assert "There is no database" in said and "createdb" in said and "\n" not in said


def test_a_wrong_password_says_so_and_is_not_shown(postgresql_server, address):
    postgresql_server.execute("CREATE ROLE ann LOGIN PASSWORD 'right'")
    rules = postgresql_server.data / "pg_hba.conf"
    before = rules.read_text()
    try:
        rules.write_text("local all ann scram-sha-256\n" + before)
        postgresql_server.execute("SELECT pg_reload_conf()")
        url = make_url(address).set(username="ann", password="wrong")
        said = refusal(url.render_as_string(hide_password=False))
        assert "password authentication failed" in said and "PGPASSWORD" in said
        assert "wrong" not in said and "\n" not in said
    finally:
        rules.write_text(before)
        postgresql_server.execute("SELECT pg_reload_conf()")
        postgresql_server.execute("DROP ROLE ann")


def test_a_user_without_rights_says_so(postgresql_server, empty):
    postgresql_server.execute("CREATE ROLE guest LOGIN")
    try:
        said = refusal(make_url(empty).set(username="guest").render_as_string())
        assert "this user" in said and "\n" not in said
        Library.open(empty).close()
        said = refusal(make_url(empty).set(username="guest").render_as_string())
        assert "this user" in said and "\n" not in said
    finally:
        postgresql_server.execute("DROP ROLE guest")


def test_a_database_that_is_read_only_can_be_asked(postgresql_server, address):
    with Library.open(address) as library:
        put_photos(library, 1)
    name = make_url(address).database
    postgresql_server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with Library.open(address) as library:
        assert library.count() == 1
        with pytest.raises(CatalogError, match="is read-only here"):
            library.correct("/photos/00000.jpg", add=["dog"])


def test_a_connection_that_is_cut_says_so_and_the_next_command_goes_on(postgresql_server, address):
    with Library.open(address) as library:
        put_photos(library, 1)
        says = pytest.raises(CatalogError, match=r"closed by its server|cannot be reached any more")
        with says, library._catalog.write() as connection:
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            postgresql_server.execute(f"SELECT pg_terminate_backend({pid})")
            connection.execute(select(photos.c.id)).all()
        assert library.count() == 1, "the same library connects again"


def test_a_zero_byte_in_what_a_file_says_is_spelled_out_and_elsewhere_refused(address):
    with Library.open(address) as library:
        put_photos(library, 1)
        library.save([PhotoFacts(1, "h", 4, 3, Exif(camera="Pi\0xel"))], [], FINGERPRINTS)
        assert library.photo("/photos/00000.jpg").camera == r"Pi\x00xel"
        with pytest.raises(CatalogError, match="no text with a zero byte"):
            library.save([], [Outcome(1, "objects", (Tag("a\0b", 0.9),))], FINGERPRINTS)


def test_a_statement_that_takes_too_long_is_ended(address):
    catalog = database.open_catalog(read_address(address))
    ends = pytest.raises(dialects.TimeLimitReached)
    with ends, catalog.read() as connection, dialects.time_limit(connection, 0.05):
        connection.execute(select(func.pg_sleep(10)))
    with catalog.read() as connection:
        assert connection.scalar(select(func.count()).select_from(photos)) == 0
    catalog.close()


# -- transactions


def test_a_reader_sees_one_state_and_cannot_write(address):
    with Library.open(address) as library:
        put_photos(library, 2)
        count = select(func.count()).select_from(photos)
        with library._catalog.read() as connection:
            assert connection.scalar(count) == 2
            put_photos(library, 3, "/more")
            assert connection.scalar(count) == 2
        with pytest.raises(CatalogError, match="read-only"), library._catalog.read() as connection:
            connection.execute(photos.delete())


def test_savers_work_side_by_side_and_others_wait_for_them(address):
    with Library.open(address) as library:
        catalog = library._catalog
        order = []

        def change():
            with catalog.write():
                order.append("changed")

        with catalog.write(beside_others=True), catalog.write(beside_others=True):
            waiting = threading.Thread(target=change)
            waiting.start()
            time.sleep(0.3)
            order.append("saved")
        waiting.join(timeout=10)
        assert order == ["saved", "changed"]


def save_pages(url, seed, said):
    """Save the answers of all photos, in an order of one's own, with labels that others make as well."""
    import random

    chance = random.Random(seed)
    with Library.open(url) as library:
        ids = library.ids(sort="path")
        chance.shuffle(ids)
        for start in range(0, len(ids), 20):
            some = ids[start : start + 20]
            facts = [PhotoFacts(photo_id, f"hash {photo_id}", 40, 30) for photo_id in some]
            labels = [f"label {chance.randrange(40)}" for _ in range(4)]
            outcomes = [
                Outcome(photo_id, "objects", tuple(Tag(label, 0.9) for label in labels)) for photo_id in some
            ]
            try:
                library.save(facts, outcomes, FINGERPRINTS)
            except CatalogError as error:
                said.append(str(error))


def test_savers_of_the_same_photos_and_labels_never_wait_for_each_other_in_a_ring(postgresql_server, address):
    with Library.open(address) as library:
        put_photos(library, 200)
    said = []
    savers = [threading.Thread(target=save_pages, args=(address, seed, said)) for seed in range(4)]
    for saver in savers:
        saver.start()
    for saver in savers:
        saver.join()
    name = make_url(address).database
    assert said == []
    assert postgresql_server.execute(f"SELECT deadlocks FROM pg_stat_database WHERE datname = '{name}'") == [
        (0,)
    ]
    assert postgresql_server.execute("SELECT count(*), sum(answered) FROM photos", name) == [(200, 200)]
    assert postgresql_server.execute("SELECT count(*) FROM answers", name) == [(200,)]
    assert postgresql_server.execute("SELECT count(*) FROM tags", name) == [(800,)]


# -- plans


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    ("sort", "question", "index"),
    [
        ("taken", "^cat", "ix_photos_taken_sort"),
        ("taken", "smiling:all", "Index Cond: (least_smile >="),
        ("smile", "^cat", "ix_photos_least_smile"),
        ("relevance", "dog", "ix_photo_labels_rank"),
        ("path", "^cat", "uq_photos_root_id_path"),
    ],
)
def test_a_page_can_be_read_along_the_index_of_its_order(
    address, monkeypatch, sort, question, index, descending
):
    monkeypatch.setattr(search, "FEW", 1)
    with Library.open(address) as library:
        put_photos(library, 1)
        library.save([PhotoFacts(1, "h", 4, 3)], [Outcome(1, "objects", (Tag("dog", 0.9),))], FINGERPRINTS)
        query = parse([question], ["dog"])
        pages = []

        def note(connection, cursor, statement, parameters, *_):
            pages.append((statement, parameters))

        engine = library._catalog._engine
        event.listen(engine, "before_cursor_execute", note)
        with library._catalog.read() as connection:
            search.find_ids(connection, query, sort, 5, descending)
            event.remove(engine, "before_cursor_execute", note)
            for way in ("seqscan", "sort", "incremental_sort", "bitmapscan", "hashjoin", "mergejoin"):
                connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
            statement, parameters = pages[-1]
            plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars())
    assert index in plan and "Sort" not in plan, plan


def test_a_word_of_many_labels_is_asked_in_few_statements(address):
    labels = [f"animal {n}" for n in range(20)]
    with Library.open(address) as library:
        put_photos(library, 40)
        for photo_id in range(1, 41):
            tags = tuple(Tag(labels[(photo_id * n) % 20], 0.5 + photo_id / 100 - n / 10) for n in range(1, 4))
            facts = PhotoFacts(photo_id, f"h{photo_id}", 4, 3)
            library.save([facts], [Outcome(photo_id, "objects", tags)], FINGERPRINTS)
        query = parse(["animal"], labels, lambda word: labels)
        asked = []

        def note(connection, cursor, statement, *_):
            asked.append(statement)

        engine = library._catalog._engine
        with library._catalog.read() as connection:
            whole = search.find_ids(connection, query, "relevance", None, False)
            event.listen(engine, "before_cursor_execute", note)
            page = search.find_ids(connection, query, "relevance", 7, False)
            event.remove(engine, "before_cursor_execute", note)
    assert len(whole) > 30 and page == whole[:7]
    assert len(asked) <= 4


def test_the_driver_is_imported_only_when_a_server_is_asked(tmp_path):
    code = (
        "import sys; from phototag.library import Library; Library.open(sys.argv[1]).close(); "
        "print('psycopg' in sys.modules, 'sqlalchemy.dialects.postgresql' in sys.modules)"
    )
    env = os.environ | {"PYTHONPATH": os.fspath(REPOSITORY)}
    Library.open(tmp_path / "c.db").close()
    command = [sys.executable, "-c", code, os.fspath(tmp_path / "c.db")]
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.stdout == "False False\n", done.stderr


def test_the_lock_keys_are_numbers_that_a_server_takes():
    assert all(0 < key < 2**63 for key in (postgresql._WRITERS, postgresql._NAMES))

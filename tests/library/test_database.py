"""Opening the catalog: fresh, again, older, newer, damaged, foreign, locked, read-only, by two at once."""

import ast
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from phototag.errors import CatalogError, UsageError
from phototag.library import Library, database, dialects, schema
from phototag.library.tables import metadata
from tests.catalogs import ONLY_FILES

REPOSITORY = Path(__file__).parents[2]


def run(code, *args, **options):
    env = os.environ | {"PYTHONPATH": os.fspath(REPOSITORY)}
    return subprocess.run(
        [sys.executable, "-c", code, *map(os.fspath, args)],
        capture_output=True,
        text=True,
        env=env,
        **options,
    )


def test_head_is_the_newest_revision():
    assert ScriptDirectory(os.fspath(schema.migrations_folder())).get_heads() == [schema.HEAD]


def test_the_migrations_make_the_tables_that_the_statements_expect(tmp_path):
    Library.open(tmp_path / "c.db").close()
    with create_engine(f"sqlite:///{tmp_path / 'c.db'}").connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": False}
        )
        indices = [index for table in metadata.tables.values() for index in table.indexes]
        others = [index.name for index in indices if index._ddl_if]
        differences = [one for one in compare_metadata(context, metadata) if one[1].name not in others]
        assert differences == []
        for table in metadata.sorted_tables:
            (made,) = connection.exec_driver_sql(
                "SELECT sql FROM sqlite_master WHERE name = ?", (table.name,)
            ).one()
            assert ("WITHOUT ROWID" in made) == (table.dialect_options["sqlite"]["with_rowid"] is False), (
                table.name
            )
            for constraint in table.constraints:
                name = connection.dialect.identifier_preparer.format_constraint(constraint)
                assert f"CONSTRAINT {name} " in made, f"{name} is missing or unnamed"
            for foreign_key in table.foreign_keys:
                assert (f"{foreign_key.column.table.name} (id) ON DELETE CASCADE" in made) == (
                    foreign_key.ondelete == "CASCADE"
                )


def test_opening_a_catalog_again_does_not_import_alembic(tmp_path):
    Library.open(tmp_path / "c.db").close()
    code = (
        "import sys; from phototag.library import Library; Library.open(sys.argv[1]).close(); "
        "print('alembic' in sys.modules)"
    )
    assert run(code, tmp_path / "c.db").stdout == "False\n"
    assert run(code, tmp_path / "fresh.db").stdout == "True\n", "else this test shows nothing"


def test_the_catalog_of_the_environment_and_the_users_own(tmp_path, monkeypatch):
    monkeypatch.setenv("PHOTOTAG_DB", os.fspath(tmp_path / "named.db"))
    with Library.open() as library:
        assert library.path == tmp_path / "named.db"
    with Library.open(tmp_path / "given.db") as library:
        assert library.path == tmp_path / "given.db"
    monkeypatch.delenv("PHOTOTAG_DB")
    monkeypatch.setenv("XDG_DATA_HOME", os.fspath(tmp_path / "data"))
    monkeypatch.setenv("HOME", os.fspath(tmp_path))
    with Library.open() as library:
        assert library.path.name == "catalog.db" and library.path.parent.name == "phototag"
        assert tmp_path in library.path.parents


def newer_schema(tmp_path):
    """This schema and a next revision, as a later phototag would bring it."""
    folder = tmp_path / "migrations"
    shutil.copytree(schema.migrations_folder(), folder)
    (folder / "versions/9999_more.py").write_text(
        f"from alembic import op\nrevision = '9999'\ndown_revision = {schema.HEAD!r}\n"
        "def upgrade():\n    op.execute('ALTER TABLE photos ADD COLUMN stars INTEGER')\n"
    )
    return {"head": "9999", "migrations": folder}


def test_an_older_catalog_is_copied_aside_and_upgraded(tmp_path):
    path = tmp_path / "c.db"
    schema = newer_schema(tmp_path)
    with Library.open(path) as library:
        library.save_album("kept", "smiles", [], "")
        open_elsewhere = sqlite3.connect(path)  # so that the row is still in the write-ahead log
        open_elsewhere.execute("SELECT * FROM photos").fetchall()
    database.open_catalog(path, **schema).close()
    open_elsewhere.close()
    with sqlite3.connect(path) as upgraded, sqlite3.connect(tmp_path / "c.db.before-9999") as copy:
        assert "stars" in [row[1] for row in upgraded.execute("PRAGMA table_info(photos)")]
        assert "stars" not in [row[1] for row in copy.execute("PRAGMA table_info(photos)")]
        for connection in (upgraded, copy):
            assert connection.execute("SELECT name FROM albums").fetchall() == [("kept",)]
    database.open_catalog(path, **schema).close()
    assert not list(tmp_path.glob("*before-9999-2")), "no second copy"


def test_an_upgrade_that_fails_leaves_the_old_catalog(tmp_path):
    path = tmp_path / "c.db"
    Library.open(path).close()
    schema = newer_schema(tmp_path)
    with (schema["migrations"] / "versions/9999_more.py").open("a") as file:
        file.write("    raise RuntimeError('half done')\n")
    with pytest.raises(RuntimeError, match="half done"):
        database.open_catalog(path, **schema)
    Library.open(path).close()


def test_a_newer_catalog_is_refused(tmp_path):
    path = tmp_path / "c.db"
    database.open_catalog(path, **newer_schema(tmp_path)).close()
    with pytest.raises(
        CatalogError, match=r"made by a newer phototag \(schema 9999.*pip install --upgrade phototag"
    ):
        Library.open(path)


def test_what_is_no_catalog_is_refused_and_left_alone(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text(
        "my notes, long enough to be more than a header of an SQLite file is ever going to be, and then "
        "some more"
    )
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE photos (id)")
    for path, says in (
        (tmp_path, "is a folder"),
        (text, "not even an SQLite file"),
        (other, "of another program"),
    ):
        before = path.read_bytes() if path.is_file() else None
        with pytest.raises(CatalogError, match=says):
            Library.open(path)
        assert path.is_dir() or path.read_bytes() == before


@ONLY_FILES
def test_a_damaged_catalog_says_so(tmp_path, shelf):
    shelf.write(*[f"{n}.jpg" for n in range(500)])
    shelf.find()
    damaged = tmp_path / "damaged.db"
    with sqlite3.connect(shelf.db) as source, sqlite3.connect(damaged) as target:
        source.backup(target)
    data = bytearray(damaged.read_bytes())
    data[8192:] = b"\xff" * (len(data) - 8192)
    damaged.write_bytes(data)
    with pytest.raises(CatalogError, match="is damaged"), Library.open(damaged) as library:
        list(library.photos())


@ONLY_FILES
@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("CAST(x'ff61' AS TEXT)", "is damaged"),  # SQLite hands it over, Python cannot decode it
        ("'yesterday'", "cannot be understood"),
        ("x'00'", "cannot be understood"),
    ],
)
def test_values_that_phototag_never_wrote_say_so(value, says, shelf):
    shelf.write("a.jpg")
    shelf.find()
    with sqlite3.connect(shelf.db) as connection:
        connection.execute(f"UPDATE photos SET taken_at = {value}")
    with pytest.raises(CatalogError, match=says):
        list(shelf.library.photos())


@ONLY_FILES
def test_what_contradicts_itself_says_so(shelf):
    """As a damaged index does; here another program has made one of its own."""
    shelf.write("a.jpg", "b.jpg")
    shelf.find()
    with sqlite3.connect(shelf.db) as connection:
        connection.execute("CREATE UNIQUE INDEX foreign_index ON corrections (present)")
    with pytest.raises(CatalogError, match=r"contradicts itself .*UNIQUE.* bring back a backup"):
        shelf.library.correct([*shelf.library.paths()], add=["dog"])


@ONLY_FILES
def test_numbers_and_text_that_no_catalog_holds_are_the_askers_mistake(shelf):
    for ask in (
        lambda: list(shelf.library.photos(limit=10**30)),
        lambda: shelf.library.merge_groups([2**63, 2**64]),
        lambda: shelf.library.split_group(10**20),
    ):
        with pytest.raises(UsageError, match="type a smaller one"):
            ask()
    with pytest.raises(UsageError, match=r"caf\\udce9 is not valid text"):
        shelf.library.delete_album("caf\udce9")


def test_a_connection_that_writes_keeps_few_pages(tmp_path):
    """Else a scan would grow with the catalog."""
    database.open_catalog(tmp_path / "c.db").close()
    catalog = database.open_catalog(tmp_path / "c.db")
    sizes = []
    for transaction in (catalog.read, catalog.write, catalog.read):
        with transaction() as connection:
            sizes.append(connection.exec_driver_sql("PRAGMA cache_size").scalar())
    catalog.close()
    assert sizes == [-dialects.CACHE_KIB, -dialects.WRITING_CACHE_KIB, -dialects.WRITING_CACHE_KIB]


def test_a_catalog_that_is_only_to_be_read_is_not_made(tmp_path):
    with pytest.raises(
        CatalogError, match=r"There is no catalog at .*c\.db\. Make one: phototag scan FOLDER"
    ):
        Library.open(tmp_path / "deeper" / "c.db", create=False)
    assert list(tmp_path.iterdir()) == []
    Library.open(tmp_path / "c.db").close()
    Library.open(tmp_path / "c.db", create=False).close()


def test_a_catalog_is_for_its_owner_alone(tmp_path):
    with Library.open(tmp_path / "data" / "c.db") as library:
        library.known_labels()
        modes = {file.name: file.stat().st_mode & 0o777 for file in library.path.parent.iterdir()}
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert len(modes) > 1 and set(modes.values()) == {0o600}


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CatalogError, match="Cannot make the folder"):
        Library.open(tmp_path / "file" / "below" / "c.db")


@pytest.mark.parametrize("name", ["c.db", "c.SQLite", "c.sqlite3"])
def test_an_empty_file_that_is_called_a_catalog_becomes_one(tmp_path, name):
    (tmp_path / name).touch(0o644)
    with pytest.raises(CatalogError, match="There is no catalog at"):
        Library.open(tmp_path / name, create=False)
    with Library.open(tmp_path / name) as library:
        assert library.count() == 0
        assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize("name", ["notes.txt", "photo.jpg", "catalog", "c.db.bak"])
def test_an_empty_file_of_another_program_stays_as_it_is(tmp_path, name):
    file = tmp_path / name
    file.touch(0o644)
    Library.open(tmp_path / "c.db").close()
    with Library.open(tmp_path / "c.db") as library:
        for open_it in (lambda: Library.open(file), lambda: library.copy_to(file)):
            with pytest.raises(CatalogError, match=r"an empty file that phototag did not make.*--db .*\.db$"):
                open_it()
    assert (file.stat().st_size, file.stat().st_mode & 0o777) == (0, 0o644)


def test_what_a_crash_leaves_of_a_new_catalog_of_any_name_is_gone_on_with(tmp_path):
    code = (
        "import os, sys; from phototag.library import Library, database\n"
        "def crash(*_): os._exit(9)\n"
        "database.{0} = crash\n"
        "Library.open(sys.argv[1])"
    )
    env = os.environ | {"PYTHONPATH": os.fspath(REPOSITORY)}
    for number, step in enumerate(("_put_in_place", "version_of", "upgrade")):
        file = tmp_path / f"photos {number}"
        command = [sys.executable, "-c", code.format(step), os.fspath(file)]
        assert subprocess.run(command, env=env).returncode == 9
        with Library.open(file) as library:
            assert library.count() == 0


def test_a_catalog_is_made_in_place_of_no_log_and_a_name_too_long_leaves_nothing(tmp_path):
    Library.open(tmp_path / "c.db").close()
    for name, says in (("c.db-wal", "would be the log"), ("x" * 255, "cannot be opened")):
        with pytest.raises(CatalogError, match=says):
            Library.open(tmp_path / name)
    assert os.listdir(tmp_path) == ["c.db"]


def test_a_catalog_is_made_by_no_link_to_nothing_and_is_no_pipe(tmp_path):
    """A link to a disk that is not there must not become a second, empty catalog."""
    (tmp_path / "link.db").symlink_to(tmp_path / "disk.db")
    with pytest.raises(CatalogError, match=r"is a symbolic link to .*disk\.db, where nothing is"):
        Library.open(tmp_path / "link.db")
    assert not (tmp_path / "disk.db").exists()
    Library.open(tmp_path / "disk.db").close()
    Library.open(tmp_path / "link.db").close()
    os.mkfifo(tmp_path / "pipe.db")
    with pytest.raises(CatalogError, match="is not a file"):
        Library.open(tmp_path / "pipe.db")
    with Library.open(tmp_path / "disk.db") as library:  # noqa: SIM117
        with pytest.raises(CatalogError, match="There is no catalog at"):
            library.merge(tmp_path / "pipe.db")


AS_NOBODY = """
import os, sys
from phototag.library import Library
from phototag.errors import CatalogError
if os.getuid() == 0:
    os.setgid(65534); os.setuid(65534)
library = Library.open(sys.argv[1])
print(library.count(), [photo.path for photo in library.photos()])
try:
    library.correct(list(library.paths())[0], add=["dog"])
except CatalogError as error:
    print(error)
"""


@ONLY_FILES
def test_a_read_only_catalog_can_be_asked(shelf, open_folder):
    shelf.write("a.jpg")
    shelf.find()
    shelf.library.close()
    shutil.copy(shelf.db, open_folder / "catalog.db")
    os.chmod(open_folder / "catalog.db", 0o444)
    os.chmod(open_folder, 0o555)
    done = run(AS_NOBODY, open_folder / "catalog.db")
    os.chmod(open_folder, 0o755)
    assert done.stdout.startswith(f"1 ['{shelf.folder}/a.jpg']\n"), done.stderr
    assert "is read-only here" in done.stdout


def test_two_processes_may_make_the_catalog_at_once(tmp_path):
    code = (
        "import sys; from phototag.library import Library; "
        "library = Library.open(sys.argv[1]); print(library.count())"
    )
    env = os.environ | {"PYTHONPATH": os.fspath(REPOSITORY)}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, os.fspath(tmp_path / "c.db")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=env,
        )
        for _ in range(4)
    ]
    for process in started:
        out, err = process.communicate(timeout=60)
        assert (out, process.returncode) == ("0\n", 0), err


def test_a_path_with_special_characters(tmp_path):
    for name in ("100% sure?#.db", "with space.db", "ü.db", os.fsdecode(b"\xff.db")):
        with Library.open(tmp_path / name) as library:
            assert library.count() == 0
        assert (tmp_path / name).exists()


def test_sql_text_is_kept_in_dialects():
    """Elsewhere statements are built of the tables, so that another database may serve them."""
    sql = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|PRAGMA|CREATE|BEGIN)\s")
    found = []
    for path in sorted(Path(database.__file__).parent.glob("*.py")):
        if path.name not in ("dialects.py", "postgresql.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                is_text = (
                    isinstance(node, ast.Constant) and isinstance(node.value, str) and sql.match(node.value)
                )
                is_raw = isinstance(node, ast.Attribute) and node.attr in (
                    "exec_driver_sql",
                    "driver_connection",
                )
                if is_text or is_raw:
                    found.append(f"{path.name}:{node.lineno}")
    assert found == []

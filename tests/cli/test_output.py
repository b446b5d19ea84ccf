"""What every command shares: text that is safe on a terminal, tables on narrow ones, options that exclude
each other, and how a command ends."""

import csv
import io
import json
import os
import pty
import select
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing

import click
import pytest
from click.testing import CliRunner
from PIL import Image

from phototag.cli import COMMANDS, exits, main, output
from phototag.outputs import csv_cell, csv_line
from tests.conftest import ROOT

READING = {  # a command that only reads -> its arguments
    "query": [],
    "show": ["photo.jpg"],
    "highlights": ["smiles"],
    "why": ["photo.jpg"],
    "albums": [],
    "tags": [],
    "tag": ["photo.jpg", "+cat"],
    "status": [],
    "relocate": ["old", "new"],
    "forget": ["--missing"],
}


def run(*arguments, code=0, **options):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], **options)
    assert result.exit_code == code, (result.output, result.exception)
    return result


def process(*arguments, **options):
    """The program in a process of its own, with its output in hand."""
    environment = {**os.environ, **options.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-m", "phototag", *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def on_a_terminal(*arguments, columns=80, **environment):
    """What a terminal of so many columns shows of the program's stdout."""
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "phototag", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": str(columns), "TERM": "xterm", **environment},
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    shown, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline and select.select([ours], [], [], 60)[0]:
        try:
            some = os.read(ours, 65536)
        except OSError:  # Linux's way of saying that the other side is closed
            break
        if not some:
            break
        shown += some
    os.close(ours)
    assert running.wait(60) == 0
    return shown.decode().replace("\r\n", "\n")


def test_printable_text_can_do_nothing_to_a_terminal():
    hostile = "a\x1b[31mb\nc\u202ed\x9be\udcff\u2028f"
    shown = output.printable(hostile)
    assert shown == "a\\x1b[31mb\\nc\\u202ed\\x9be\\xff\\u2028f"
    assert output.printable(shown) == shown
    assert output.printable("grüße 日本 👩\u200d👧") == "grüße 日本 👩\u200d👧"
    assert output.printable_lines("one\x07\ntwo") == "one\\x07\ntwo"


@pytest.mark.parametrize("name", READING)
def test_a_command_that_reads_makes_no_catalog(name, tmp_path):
    db = tmp_path / "nowhere" / "catalog.db"
    result = run(name, *READING[name], "--db", db, code=1)
    assert result.stderr.count("\n") == 1, result.stderr
    assert f"There is no catalog at {db}" in result.stderr and "phototag scan FOLDER" in result.stderr
    assert not db.parent.exists()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_refuses_unknown_options_and_knows_the_common_ones(name):
    is_group = hasattr(main.get_command(click.Context(main), name), "commands")
    words = [] if is_group else ["photo.jpg", "+cat"]
    assert "No such option" in run(name, *words, "--jsno", code=2).stderr
    words = run(name, "--help").stdout
    assert "--quiet" in words and "--verbose" in words and "--traceback" not in words


def test_a_mistyped_option_is_no_label(own_copy):
    folder, catalog = own_copy
    result = run("tag", folder / "2015/cat.jpg", "+pet", "--jsno", "--db", catalog, code=2)
    assert "No such option '--jsno'" in result.stderr
    assert json.loads(run("query", "path:cat", "--json", "--db", catalog).stdout)["user_labels"] == []
    run("tag", folder / "2015/cat.jpg", "-vacation", "-quilt", "--db", catalog)


@pytest.mark.parametrize(
    "options",
    [
        ("--json", "--csv"),
        ("--csv", "--null"),
        ("--json", "--count"),
        ("--count", "--limit=3"),
        ("--count", "--sort=path"),
        ("--quiet", "--verbose"),
    ],
)
def test_contradictory_options_are_refused(options, scanned):
    result = run("query", *options, "--db", scanned[1], code=2)
    assert "exclude each other" in result.stderr and not result.stdout


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--out", "x", "--copy", "--hardlink"), "exclude each other"),
        (("--out", "x", "--no-gallery", "--places"), "exclude each other"),
        (("--copy",), "--copy needs --out DIR"),
        (("--preview",), "--preview needs --film FILE.mp4"),
    ],
)
def test_highlights_refuses_what_would_do_nothing(options, sentence, scanned, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sentence in run("highlights", "smiles", *options, "--db", scanned[1], code=2).stderr
    assert list(tmp_path.iterdir()) == []


def test_quiet_says_nothing_and_verbose_names_the_catalog(scanned):
    folder, catalog = scanned
    assert run("highlights", "smiles", "--dry-run", "-q", "--db", catalog).stderr == ""
    assert f"catalog: {catalog}" in run("query", "-v", "--db", catalog).stderr
    assert f"catalog: {catalog}" in run("-v", "query", "--db", catalog).stderr
    assert "not in the catalog" in run("show", folder / "no.jpg", "-q", "--db", catalog, code=1).stderr


def test_a_header_is_bold_only_where_colour_is_wanted(scanned):
    assert "\x1b[1m" in on_a_terminal("tags", "--db", scanned[1])
    assert "\x1b" not in on_a_terminal("tags", "--db", scanned[1], NO_COLOR="1")
    assert "\x1b" not in on_a_terminal("tags", "--db", scanned[1], TERM="dumb")


@pytest.mark.parametrize("columns", [100, 60, 40, 24])
def test_on_a_narrow_terminal_the_files_name_stays_readable(scanned, columns):
    lines = on_a_terminal("query", "smiling:all", "--db", scanned[1], columns=columns, NO_COLOR="1")
    lines = lines.splitlines()
    assert all(len(line) <= columns for line in lines)
    assert any(line.endswith("portrait-turned.jpg") for line in lines)


@pytest.mark.parametrize("columns", [60, 40, 24])
def test_on_a_narrow_terminal_what_a_row_is_about_stays_readable(scanned, columns):
    rows = {("weights", "list"): "coco-mobile-320", ("status", "--db", scanned[1]): "sharpness"}
    for command, name in rows.items():
        lines = on_a_terminal(*command, columns=columns, NO_COLOR="1").splitlines()
        row = next(line for line in lines if line.startswith(name))
        assert len(row) <= columns


def test_cells_that_a_spreadsheet_would_run_are_text(own_copy):
    folder, catalog = own_copy
    for label in ("=1+1", "@home", "+plus"):
        run("tag", folder / "2015/cat.jpg", f"+{label}", "--db", catalog)
    for start in (
        "=cmd",
        "+1",
        "-1",
        "@a",
        "\tx",
        "\rx",
        "\nx",
        "\uff1dcmd",
        "\uff0b1",
        "\uff0d1",
        "\uff20a",
    ):
        assert csv_cell(start) == "'" + start
    assert csv_cell("cat, =x") == "cat, =x" and csv_cell("") == ""
    # where semicolons, tabs or line ends begin a cell
    assert csv_cell("cat; -x") == "cat; '-x" and csv_cell("a;=b;c") == "a;'=b;c"
    assert csv_cell("a\t=b") == "a\t'=b" and csv_cell("a\r\n @b\n-c") == "a\r\n '@b\n'-c"
    assert csv_cell("2016-07-04 a=b e@f") == "2016-07-04 a=b e@f" and csv_cell(" =x") == " '=x"
    rows = list(csv.DictReader(io.StringIO(run("query", "path:cat", "--csv", "--db", catalog).stdout)))
    assert rows[0]["things"].startswith("'")


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_a_line_end_in_a_cell_begins_no_line_of_a_table(end):
    line = csv_line([f"holiday{end}=1+1", 3, None])
    assert line == f'"holiday{end}\'=1+1",3,\n'
    assert list(csv.reader(io.StringIO(line, newline=""))) == [[f"holiday{end}'=1+1", "3", ""]]


EVIL = "=1+1"


@pytest.mark.parametrize("command", [("query", "--csv"), ("export", "--csv")])
def test_no_column_of_a_table_is_a_formula(command, own_copy):
    folder, catalog = own_copy
    with closing(sqlite3.connect(catalog)) as connection:  # every text that a file or a person can state
        connection.execute("UPDATE photos SET camera = ?, taken_from = ?", (EVIL, EVIL))
        (place,) = connection.execute("SELECT id FROM photos WHERE path LIKE '%cat.jpg'").fetchone()
        connection.execute(
            "INSERT OR REPLACE INTO written (photo_id, sources, title, description, color_label) "
            "VALUES (?, '{}', ?, ?, ?)",
            (place, "\t=1+1", "@now\r=1+1", "-1"),
        )
        connection.commit()
    run("tag", folder / "2015/cat.jpg", "+@home", "--db", catalog)
    rows = list(csv.reader(io.StringIO(run(*command, "path:cat", "--db", catalog).stdout, newline="")))
    found = dict(zip(*rows, strict=True))
    numbers = ("latitude", "longitude")
    for column, cell in found.items():
        assert column in numbers or not cell.startswith(tuple("=+-@\t\r")), column
    assert found["title"] == "'\t'=1+1" and found["description"] == "'@now\r'=1+1"


def test_errors_and_arguments_cannot_command_the_terminal(scanned, tmp_path):
    evil = "\x1b]0;owned\x07"
    for arguments, code in [
        (["show", f"{evil}.jpg"], 1),
        (["why", f"{evil}.jpg"], 1),
        (["query", f"smiling:{evil}"], 0),
        (["query", f"person:{evil}"], 0),
        (["tag", f"{evil}.jpg#1", evil], 1),
        (["untag", f"{evil}.jpg#1"], 1),
        (["query", f"faces:{evil}"], 2),
        (["query", f"taken:{evil}"], 2),
        (["query", evil], 0),
        (["query", f"--{evil}"], 2),
        (["tag", "x.jpg", evil], 2),
        (["highlights", evil], None),
        (["albums", "show", evil], 1),
        (["albums", evil], 2),
        (["relocate", evil, str(tmp_path)], 1),
        (["weights", "path", evil], 2),
        (["weights", "import", evil], 1),
        ([evil], 2),
    ]:
        result = CliRunner().invoke(main, arguments, env={"PHOTOTAG_DB": str(scanned[1])})
        assert not set(result.output) & {"\x1b", "\x07"}, (arguments, result.output)
        assert code is None or result.exit_code == code, (arguments, result.output)


def test_labels_cannot_command_the_terminal(own_copy):
    folder, catalog = own_copy
    photo = folder / "2015/cat.jpg"
    run("tag", photo, "+\x1b[31mred\x07", "--db", catalog)
    for arguments in (["show", photo], ["tags"], ["query", "path:cat"], ["query", "--csv", "path:cat"]):
        if "--csv" not in arguments:  # a file for programs holds what is there
            assert "\x1b" not in run(*arguments, "--db", catalog).output
    assert "\x1b" not in on_a_terminal("query", "path:cat", "--db", catalog, NO_COLOR="1")


def test_the_last_net_calls_a_bug_a_bug(monkeypatch, capsys):
    def broken():
        raise ZeroDivisionError("division\x1b by zero")

    assert exits.run(broken, show_traceback=False) == 1
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1 and "this is a bug: ZeroDivisionError: division\\x1b by zero" in shown
    assert "test_output.py line" in shown and "--traceback" in shown
    assert exits.run(broken, show_traceback=True) == 1
    shown = capsys.readouterr().err
    assert "Traceback" in shown and "\x1b" not in shown


def test_what_the_system_refuses_is_a_sentence_and_no_bug(capsys):
    assert exits.run(lambda: os.listdir("/nowhere/at/all"), show_traceback=False) == 1
    assert capsys.readouterr().err == "phototag: /nowhere/at/all: No such file or directory\n"
    assert exits.run(lambda: (_ for _ in ()).throw(click.Abort()), show_traceback=False) == 1
    assert (
        capsys.readouterr().err
        == "phototag: nothing was done, for nobody said yes; --yes says it beforehand\n"
    )


def test_traceback_is_an_option_of_every_command(scanned):
    result = process("show", "nowhere.jpg", "--traceback", "--db", scanned[1], stdout=subprocess.PIPE)
    assert result.returncode == 1 and "Traceback" in result.stderr and "not in the catalog" in result.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["query", "--json"], ["tags"], ["--help"], ["query", "--help"]])
def test_a_full_disk_under_stdout_is_a_sentence(scanned, arguments):
    with open("/dev/full", "w") as full:
        result = process(*arguments, stdout=full, env={"PHOTOTAG_DB": str(scanned[1])})
    assert result.returncode == 1
    assert result.stderr == "phototag: the output cannot be written: No space left on device\n"


def test_a_closed_stdout_is_a_sentence_and_a_closed_pipe_is_silent(scanned):
    closed = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m phototag query --db "{scanned[1]}" >&-'],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert closed.returncode == 1 and closed.stderr.startswith("phototag: standard output is closed")
    ours, theirs = os.pipe()
    os.close(ours)
    result = process("query", "--json", "--db", scanned[1], stdout=theirs)
    os.close(theirs)
    assert result.returncode == 1 and result.stderr == ""


def test_stderr_may_be_closed_or_full(scanned):
    for end in ("2>&-", "2>/dev/full"):
        command = f'"{sys.executable}" -m phototag show nowhere.jpg --db "{scanned[1]}" {end}'
        assert subprocess.run(["sh", "-c", command], cwd=ROOT).returncode == 1


def test_the_catalog_is_for_its_owners_eyes_only(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (20, 20)).save(folder / "a.png")
    db = tmp_path / "new" / "catalog.db"
    old = os.umask(0o022)
    try:
        run("scan", folder, "--tagger", "sharpness", "--db", db)
    finally:
        os.umask(old)
    assert stat.S_IMODE(db.stat().st_mode) == 0o600
    assert stat.S_IMODE(db.parent.stat().st_mode) == 0o700


def test_offline_holds_for_fetching_too(tmp_path):
    environment = {"PHOTOTAG_WEIGHTS": str(tmp_path), "PHOTOTAG_OFFLINE": "1"}
    result = run("weights", "fetch", "coco-mobile", code=1, env=environment)
    assert "PHOTOTAG_OFFLINE is set" in result.stderr and list(tmp_path.iterdir()) == []


def test_json_keeps_names_that_are_no_text(tmp_path):
    text = CliRunner().invoke(click.command()(lambda: output.write_json({"path": "caf\udce9"}))).stdout
    assert json.loads(text)["path"] == "caf\udce9" and text.isascii()


@pytest.mark.parametrize("words", [["query", "--db", "c.db"], ["scan", "."], ["status"], ["albums"]])
def test_in_a_folder_that_is_gone_it_says_so(words, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    script = "import os, sys; os.rmdir(os.getcwd()); from phototag.__main__ import main; main()"
    command = [sys.executable, "-c", script, *words]
    done = subprocess.run(
        command, cwd=gone, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert "the folder that this was started in cannot be used (No such file or directory)" in done.stderr
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("how", ["<&-", "</dev/null", "<<< n"])
def test_where_nobody_says_yes_nothing_is_done(how, own_copy):
    catalog = own_copy[1]
    command = f"{sys.executable} -m phototag people --forget --db {catalog} {how}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr and "bug" not in done.stderr
    assert "nothing was done, for nobody said yes; --yes says it beforehand" in done.stderr


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-"])
def test_a_closed_stream_gives_its_number_to_no_file(closed, own_copy):
    """What a library in C writes to stderr would land in the file that has its number."""
    catalog = own_copy[1]
    script = (
        "import os, sys; from phototag.cli import exits\n"
        "sys.exit(exits.run(lambda: print(os.open(sys.argv[1], os.O_RDONLY)), show_traceback=False))"
    )
    command = f"exec {sys.executable} -c '{script}' {catalog} {closed}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and int(done.stdout) > 2
    command = f"exec {sys.executable} -m phototag status --db {catalog} {closed}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "15" in done.stdout
    with closing(sqlite3.connect(catalog)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)

"""Every option and argument of every command with values that nobody meant: an answer or one sentence, never
a traceback, and nothing that commands the terminal. The commands and what they take come from the program
itself, so that a new one is tried from its first day."""

import os
import random
import shutil
import signal
from contextlib import contextmanager

import click
import pytest
from click.testing import CliRunner
from PIL import Image

from phototag import Library, scan
from phototag.cli import main
from phototag.records import Member
from phototag.scanning import ScanOptions
from phototag.taggers import table
from tests import tiny

ODD = (
    *("", " ", "-", "--", "-1", "0", "1", "-0", "+1", "007", "1.5", "1,5", "1_000", "0x10", "1e3"),
    *("1e400", "-1e400", "1e-400", "nan", "inf", "-inf", "9" * 19, "9" * 30, "9" * 5000, "-" + "9" * 30),
    *("\uff11\uff12", "\u0663", "\u00b2", "\u2167", "true", "null", "{}", "[" * 3000, "(" * 300),
    *("0000-01-01", "0001-01-01", "9999-12-31", "99999-01-01", "2016-02-30", "2016..1999", "1999-", "-2016"),
    *("2016-13", "2016-06-31T25:61", "today", "12/31/2016", "31.12.2016", "2016-W53", "16:9", "0:0", "-1:1"),
    *("1:1e400", "9" * 30 + ":1", "x=y", "=", "*", "?", "%", "%s%n%d", "{0}", "${x}", "`x`", "'"),
    *('"', "\\", ";", "#", "#x", "#1", "a.png#1", "a.png#0", "a.png#-1", "a.png#" + "9" * 30),
    *(".", "..", "./", "~nobody", "a/../b", "near:91,181"),
    *("nowhere/at/all", "/dev/null", "/dev/full", "/dev/null/x", "photos", "photos/a.png", "photos/a.png/x"),
    *("notes.txt", "catalog.db", "catalog.db-wal", "empty", "x" * 255, "x" * 5000, "x/" * 3000),
    *("a\nb", "a\tb", "\r", "\x1b[31mred", "\x1b]0;owned\x07", "\x7f", "\x9b31m", "\u202eevil", "\u2028"),
    *("\u200b", "caf\udce9", "\ufeff", "e\u0301", "\U0001f468\u200d\U0001f469", "\U0010ffff"),
    *("://", "postgresql://", "postgresql://@:x/", "postgresql://127.0.0.1:1/x", "mysql://x/y", "sqlite:///x"),
    *("s3://", "s3://bucket", "gs://", "file:///etc/hostname", "http://127.0.0.1:1/x", "hdfs://x", "C:\\x"),
    *("smiling:", "smiling:all or", "not", "taken:99999", "faces:-1", "near:0,0", "near:nan,nan"),
    *("size:1e400MP", "sharp:nan", "rating:9", "path:", "has:", "or", "(", "a or (b", "person:", "text:\""),
)  # fmt: skip
HARMFUL = {chr(code) for code in (*range(32), *range(127, 160))} | {*"\u202e\u2028\u200b\ufeff"}
HARMFUL -= {"\n"}
SECONDS = 20  # after which a command hangs: each takes a fraction of one


def commands(command=main, path=()):
    """Every command with what leads to it."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), (*path, name))
    if path and (not isinstance(command, click.Group) or command.invoke_without_command):
        yield path, command


COMMANDS = {" ".join(path): command for path, command in commands()}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with two photos, a catalog of them, and files of others."""
    base = tmp_path_factory.mktemp("odd")
    (base / "photos").mkdir()
    for name, colour in (("a.png", "red"), ("b.png", "blue")):
        Image.new("RGB", (32, 24), colour).save(base / "photos" / name)
    (base / "notes.txt").write_text("somebody's\n")
    (base / "empty").touch()
    kept = dict(table.SPECS)
    table.SPECS["colour"] = tiny.SPEC
    try:
        with Library.open(base / "catalog.db") as library:
            scan(library, [base / "photos"], ScanOptions(taggers=("colour",)))
            photo = next(library.photos())
            library.correct(photo.path, add=["beach"])
            library.save_album("Best", "smiles", [Member(photo.photo_id, 1, "chosen", 0.5)], "red")
    finally:
        table.SPECS.clear()
        table.SPECS.update(kept)
    return base


@contextmanager
def within(seconds):
    def hang(number, frame):
        raise TimeoutError(f"still running after {seconds} seconds")

    before = signal.signal(signal.SIGALRM, hang)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def plain(param):
    """A value that is likely to be taken, so that the odd one beside it is what decides."""
    if isinstance(param.type, click.Choice):
        return param.type.choices[0]
    if isinstance(param.type, click.types.IntParamType | click.types.FloatParamType):
        return "1"
    if isinstance(param.type, click.Path):
        if param.opts[0] in ("--out", "--to", "--film", "--image", "--sheet", "--poster", "--filters"):
            return "made.png"
        if not param.type.file_okay:
            return "photos"
        return "photos/a.png" if param.name == "photo" else "notes.txt"
    return "beach"


def arguments_for(name, odd):
    """The words of a command line: `odd` (parameter -> value), and what is required beside it."""
    command, options, words = COMMANDS[name], [], []
    for param in command.params:
        if param not in odd and not param.required:
            continue
        value = odd.get(param, plain(param))
        if isinstance(param, click.Argument):
            words += [value] * (param.nargs if param.nargs > 1 else 1)
        elif param.is_flag:
            options.append(param.opts[0])
        else:
            options.append(f"{param.opts[0]}={value}")
    if name == "browse":
        options.append("--db=nowhere.db")
    if name == "scan" and not any("--tagger" in option for option in options):
        options.append("--tagger=sharpness")
    return [*name.split(), *options, *(["--"] if words else []), *words]


def may_serve(name, odd):
    """`browse` is given no catalog, and so never does."""
    ports = [value for param, value in odd.items() if param.name == "port"]
    return name == "demo" and not any(_is_no_port(port) for port in ports)


def _is_no_port(text):
    try:
        return not 0 <= int(text) < 65536
    except ValueError:
        return True


def attempt(name, odd, place, folder):
    """Run in `folder`, which becomes a copy of `place`."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(place, folder, symlinks=True)
    os.chdir(folder)
    words = arguments_for(name, odd)
    with within(SECONDS):
        result = CliRunner().invoke(main, words)
    said = result.output
    shown = [word if len(word) < 100 else f"{word[:40]}... ({len(word)} characters)" for word in words]
    assert result.exit_code in (0, 1, 2, 3), (shown, result.exit_code, result.exception, said[-2000:])
    assert "this is a bug" not in said and "Traceback" not in said, (shown, said[-2000:])
    assert "TimeoutError" not in said, (shown, "hangs")
    assert not (found := set(result.stderr) & HARMFUL), (shown, found, said[-2000:])
    if not {"--null", "-0", "--csv"} & {*words}:
        assert not (found := set(result.stdout) & HARMFUL - {"\t"}), (shown, found, said[-2000:])
    assert result.exit_code == 0 or result.stderr.strip(), (shown, "no word of what is wrong")
    assert (folder / "notes.txt").read_text() == "somebody's\n", shown
    for photo in ("a.png", "b.png"):
        before = (place / "photos" / photo).read_bytes()
        assert (folder / "photos" / photo).read_bytes() == before, (shown, photo)


def cases(name):
    for param in COMMANDS[name].params:
        if getattr(param, "is_flag", False):
            continue
        for value in ODD:
            if not may_serve(name, {param: value}):
                yield {param: value}


@pytest.fixture
def environment(monkeypatch, place):
    monkeypatch.chdir(place)
    monkeypatch.setenv("PHOTOTAG_DB", "catalog.db")
    monkeypatch.setenv("PHOTOTAG_WEIGHTS", "weights")
    monkeypatch.setenv("HOME", str(place))


@pytest.mark.parametrize("name", COMMANDS)
def test_odd_values_are_no_traceback(name, place, tmp_path, environment):
    rng, every = random.Random(name), list(cases(name))
    for odd in rng.sample(every, min(8, len(every))):
        attempt(name, odd, place, tmp_path / "copy")


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_every_odd_value_of_every_option(name, place, tmp_path, environment):
    for odd in cases(name):
        attempt(name, odd, place, tmp_path / "copy")


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_several_odd_values_at_once(name, place, tmp_path, environment):
    rng = random.Random(name)
    params = [param for param in COMMANDS[name].params if param.name != "traceback"]  # it asks for one
    for _ in range(100):
        chosen = rng.sample(params, min(len(params), rng.randint(1, 4)))
        odd = {param: rng.choice((*ODD, plain(param))) for param in chosen}
        if not may_serve(name, odd):
            attempt(name, odd, place, tmp_path / "copy")


VARIABLES = (
    *("PHOTOTAG_DB", "PHOTOTAG_WEIGHTS", "PHOTOTAG_OFFLINE", "PHOTOTAG_TRACEBACK", "HOME", "TMPDIR"),
    *("XDG_DATA_HOME", "XDG_CACHE_HOME", "COLUMNS", "TERM", "NO_COLOR", "LC_ALL", "AWS_ENDPOINT_URL"),
)
READING = (
    ["status"],
    ["query", "beach"],
    ["weights", "list"],
    ["weights", "import", "notes.txt"],
    ["show", "x"],
)


@pytest.mark.parametrize("variable", VARIABLES)
def test_odd_values_of_the_environment_are_no_traceback(variable, place, tmp_path, environment, monkeypatch):
    shutil.copytree(place, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    if "HOME" in variable:
        monkeypatch.delenv("PHOTOTAG_DB")
        monkeypatch.delenv("PHOTOTAG_WEIGHTS")
    for value in random.Random(variable).sample(ODD, 10):
        monkeypatch.setenv(variable, value)
        for words in READING:
            with within(SECONDS):
                result = CliRunner().invoke(main, words)
            shown = (variable, value[:60], words, result.output[-1000:])
            assert result.exit_code in (0, 1, 2), shown
            assert "this is a bug" not in result.output, shown
            assert variable == "PHOTOTAG_TRACEBACK" or "Traceback" not in result.output, shown
            assert not set(result.output) & HARMFUL, shown

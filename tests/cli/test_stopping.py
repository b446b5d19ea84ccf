"""Ctrl-C, SIGTERM and SIGHUP, at any moment of any command: the exit code is 128 + the signal's number, there
is no traceback, nothing half made is left, and the same command goes on."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.cli import interruption
from tests.cli.test_scan import content, pictures

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no signals for one process there")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# The program, with a signal sent to it as it begins to import a module.
AT_AN_IMPORT = """
import os, runpy, sys
wanted, number = sys.argv[1], int(sys.argv[2])
sys.argv[:] = ["phototag", *sys.argv[3:]]

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == wanted:
            os.kill(os.getpid(), number)

sys.meta_path.insert(0, Watch())
runpy.run_module("phototag", run_name="__main__", alter_sys=True)
"""

AT_THE_END = """
import atexit, os, sys
sys.argv[:] = ["phototag", "--version"]

class Last:
    def __del__(self, os=os):  # as late as it gets: while modules are cleared
        for number in (1, 2, 15):
            os.kill(os.getpid(), number)
        os.write(2, b"the end")

last = Last()
from phototag.__main__ import main
main()
"""


@pytest.mark.parametrize(
    ("module", "number"),
    [
        ("phototag.cli", signal.SIGINT),
        ("click", signal.SIGTERM),
        ("click.core", signal.SIGHUP),
        ("phototag.cli.query", signal.SIGINT),
        ("sqlalchemy", signal.SIGTERM),
        ("phototag.library.tables", signal.SIGINT),
        ("sqlite3", signal.SIGHUP),
    ],
)
def test_a_signal_during_any_import_ends_it_with_its_code_and_no_traceback(module, number, scanned):
    done = subprocess.run(
        [sys.executable, "-c", AT_AN_IMPORT, module, str(int(number)), "query", "cat", "--db", scanned[1]],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (128 + number, ""), done.stderr
    assert done.stderr.strip() in ("phototag: stopped", ""), done.stderr


@pytest.mark.parametrize("module", ["phototag.signals", "signal"])
def test_ctrl_c_before_signals_are_in_hand_shows_no_traceback(module):
    done = subprocess.run(
        [sys.executable, "-c", AT_AN_IMPORT, module, "2", "--version"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_signals_as_the_interpreter_ends_change_nothing():
    done = subprocess.run([sys.executable, "-c", AT_THE_END], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("phototag, version"), done.stderr
    assert done.stderr == "the end"


def test_a_signal_that_is_ignored_stays_ignored(scanned):
    """As with nohup."""
    script = "import signal, runpy, sys\nsignal.signal(1, signal.SIG_IGN)\n" + AT_AN_IMPORT
    done = subprocess.run(
        [sys.executable, "-c", script, "sqlite3", "1", "query", "cat", "--count", "--db", scanned[1]],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


def test_an_error_that_a_signal_caused_is_called_a_stop(scanned):
    """C code makes an error of its own of what the handler raised."""
    script = """
import os, signal
from phototag.cli import exits

def command():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(100):
            pass
    except SystemExit as error:
        raise ImportError("numpy.core.multiarray failed to import") from error

raise SystemExit(exits.run(command, show_traceback=False))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (143, "phototag: stopped\n")


def stop_while_it_decodes(base, number, module):
    process = interruption.start_scan(base / "photos", base / "catalog.db", module)
    interruption.wait_until_it_decodes(process)
    process.send_signal(number)
    began = time.monotonic()
    _, said = process.communicate(timeout=120)
    assert process.returncode == 128 + number, said
    assert "Traceback" not in said and "Stopp" in said
    assert interruption.count_answers(base / "catalog.db") is not None
    return time.monotonic() - began


def test_a_scan_stopped_while_it_decodes_leaves_nothing_and_goes_on(tmp_path):
    photos = tmp_path / "photos"
    interruption.make_slow_photos(photos, ("PNG: 63 MP",), samples=False)
    os.link(photos / "PNG.png", photos / "b.png")
    pictures(photos / "small", 9)
    before = set(tmp_path.rglob("*"))
    for number in SIGNALS:
        stop_while_it_decodes(tmp_path, number, "tests.tiny")
        assert interruption.find_left_behind(tmp_path, before) == []
    for db in ("catalog.db", "whole.db"):
        process = interruption.start_scan(photos, tmp_path / db, "tests.tiny")
        assert process.communicate(timeout=120) and process.returncode == 0
    assert content(tmp_path / "catalog.db") == content(tmp_path / "whole.db")
    assert len({row[0] for row in content(tmp_path / "whole.db") if row[3]}) == 11


@pytest.mark.slow
def test_a_scan_with_the_real_nets_stopped_at_any_moment(tmp_path):
    photos = tmp_path / "photos"
    interruption.make_slow_photos(photos)
    began = time.monotonic()
    process = interruption.start_scan(photos, tmp_path / "whole.db")
    process.communicate(timeout=600)
    length = time.monotonic() - began
    before = set(
        tmp_path.rglob("*")
    )  # with torch's own folder among the temporary ones, which any scan makes
    moments = [0.3, 0.6, *(length * n / 9 for n in range(1, 9))]
    for stopped in interruption.stop_again_and_again(photos, tmp_path / "catalog.db", moments):
        assert stopped.exit_code == 128 + stopped.signal, stopped
        assert "Traceback" not in stopped.said, stopped.said
        assert stopped.took_seconds < 4, stopped  # two, on a machine that has nothing else to do
        assert interruption.find_left_behind(tmp_path, before) == []
    interruption.start_scan(photos, tmp_path / "catalog.db").communicate(timeout=600)
    whole, resumed = content(tmp_path / "whole.db"), content(tmp_path / "catalog.db")
    assert [row[:7] for row in whole] == [row[:7] for row in resumed]
    # the nets' sums depend on which photos they see together
    assert [row[7] for row in whole] == pytest.approx([row[7] for row in resumed], abs=0.002, nan_ok=True)


SCAN_FROM_PYTHON = """
import sys, time
from phototag import Library, scan, signals
from phototag.taggers import table

def never_ready(device, options):
    print("begun", flush=True)
    time.sleep(30)

def look_long(device, options):
    def look(frames):
        print("begun", flush=True)
        time.sleep(30)
    return look

table.SPECS.clear()
table.SPECS["colour"] = table.TaggerSpec("colour", f"__main__:{sys.argv[1]}", version=1, summary="")
with signals.Unwinding(), Library.open(sys.argv[2]) as library:
    try:
        scan(library, [sys.argv[3]])
    finally:
        print("ended", flush=True)
        signals.leave(7)
"""


@pytest.mark.parametrize("tagger", ["never_ready", "look_long"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_in_a_scan_from_python_waits_for_no_net(tagger, number, tmp_path):
    pictures(tmp_path / "photos", 3)
    running = subprocess.Popen(
        [sys.executable, "-c", SCAN_FROM_PYTHON, tagger, tmp_path / "c.db", tmp_path / "photos"],
        cwd=interruption.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout.readline() == "begun\n"
    running.send_signal(number)
    began = time.monotonic()
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (7, "ended\n"), err
    assert time.monotonic() - began < 15  # half of what the tagger takes


def test_a_copy_that_is_stopped_leaves_no_file(own_copy, tmp_path):
    """The signal comes between any two rows."""
    script = """
import os, sys
from phototag.library import copy
pages, number = copy._pages, int(sys.argv.pop(1))

def stopped(*arguments):
    yield from pages(*arguments)
    os.kill(os.getpid(), number)

copy._pages = stopped
from phototag.__main__ import main
main()
"""
    target = tmp_path / "to" / "copy.db"
    for number in SIGNALS:
        words = [str(int(number)), "copy", "--db", own_copy[1], "--to", target]
        done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True)
        assert done.returncode == 128 + number and "Traceback" not in done.stderr, done.stderr
        assert not target.parent.exists() or os.listdir(target.parent) == []

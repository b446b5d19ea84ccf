"""`phototag browse` and `phototag demo` from the command line."""

import os
import signal
import subprocess
import sys
import time

import pytest

from phototag import Library


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "phototag", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"DISPLAY": ""},
    )


def test_the_address_comes_on_a_line_of_its_own_and_ctrl_c_ends_it_well(scanned):
    began = time.monotonic()
    process = start("browse", "smiling:all", "taken:2016", "--no-open", "--read-only", "--db", scanned[1])
    url = process.stdout.readline()
    assert time.monotonic() - began < 10
    assert url.startswith("http://127.0.0.1:") and "?key=" in url
    assert url.strip().endswith("&q=smiling%3Aall%20taken%3A2016")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "") and "Stopped" in err and "Traceback" not in err


@pytest.mark.skipif(os.name == "nt", reason="no such signals there")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_the_system_ends_shows_no_traceback(number, scanned):
    process = start("browse", "--no-open", "--read-only", "--db", scanned[1])
    assert process.stdout.readline().startswith("http://127.0.0.1:")
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (128 + number, "") and "Traceback" not in err


def test_a_question_that_is_not_understood_opens_nothing(scanned):
    process = start("browse", "faces:many", "--no-open", "--db", scanned[1])
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (2, "") and "faces:many" in err


def test_without_a_catalog_it_says_what_to_type(tmp_path):
    process = start("browse", "--no-open", "--db", tmp_path / "none.db")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (1, "") and "phototag scan FOLDER" in err
    assert not (tmp_path / "none.db").exists()


def test_no_other_address_is_offered(scanned):
    process = start("browse", "--host", "0.0.0.0", "--db", scanned[1])
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2 and "No such option" in err


@pytest.mark.slow
def test_the_demo_shows_the_sample_photos_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    process = start("demo", "--no-open")
    assert process.stdout.readline().startswith("http://127.0.0.1:")
    (catalog,) = tmp_path.glob("phototag-demo-*/catalog.db")
    with Library.open(catalog) as library:
        assert len(library.people()) == 3  # there is somebody to name
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0 and "15 photos" in err
    assert not any(path.name.startswith("phototag-demo-") for path in tmp_path.iterdir())

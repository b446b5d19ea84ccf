"""Nothing leaves this machine: every command, in a process in which each connection is written down."""

import os
import signal
import subprocess
import sys
import time
from urllib.parse import quote, urlsplit
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest
from PIL import Image

from phototag.cli import COMMANDS
from tests.several import run_several

# Runs before anything else in each process of the program; a connection to this machine itself is none.
WATCH = """
import os, sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.sendto"):
        place = arguments[-1]
        to = place[0] if isinstance(place, tuple) else ""
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        to = arguments[0]
    else:
        return
    to = to.decode() if isinstance(to, bytes) else str(to or "")
    if to and not to.startswith("127.") and to not in ("localhost", "::1"):
        with open(os.environ["CONNECTIONS"], "a") as log:
            print(event, to, sys.argv, file=log)
        raise OSError(101, "there is no network")

sys.addaudithook(watch)
"""


@pytest.fixture
def watched(tmp_path, monkeypatch):
    """The environment of processes that are watched, and the file of their connections."""
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(WATCH)
    log = tmp_path / "connections"
    path = os.pathsep.join([str(tmp_path / "watch"), os.environ.get("PYTHONPATH", "")])
    more = {"PYTHONPATH": path, "CONNECTIONS": str(log), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    return {**os.environ, **more, "PHOTOTAG_DB": str(tmp_path / "catalog.db"), "DISPLAY": ""}, log


def run(environment, *words):
    return subprocess.run(
        [sys.executable, "-m", "phototag", *map(str, words)], env=environment, capture_output=True, text=True
    )


def test_a_connection_would_be_seen(watched):
    environment, log = watched
    code = "import urllib.request; urllib.request.urlopen('https://example.org')"
    subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert "example.org" in log.read_text()


COVERED = {"browse", "demo", "train", "evaluate", "explain"}  # by other tests below, or by their parts


@pytest.mark.parametrize("offline", ["", pytest.param("1", marks=pytest.mark.slow)])
def test_no_command_asks_the_network(own_copy, watched, offline, tmp_path):
    """With PHOTOTAG_OFFLINE and without: the program's own weights are enough. One photo is new, so that nets
    are loaded."""
    folder, _ = own_copy
    with Image.open(folder / "2016" / "astronaut.jpg") as image:
        image.save(folder / "new.jpg", quality=80)
    environment, log = watched
    environment["PHOTOTAG_OFFLINE"] = offline
    cat = folder / "2015" / "cat.jpg"
    lines = [
        ("scan", folder),
        ("scan", folder, "--verify"),
        ("query", "smiling:all"),
        ("show", cat),
        ("tags",),
        ("tag", cat, "+tiger"),
        ("untag", cat, "+tiger"),
        ("undo",),
        ("duplicates",),
        ("people",),
        ("name", "1", "Anna"),
        ("highlights", "smiles", "--out", tmp_path / "album"),
        ("why", cat, "--theme", "smiles"),
        ("albums",),
        ("export", "--json"),
        ("status",),
        ("weights", "list"),
        ("weights", "verify"),
        ("relocate", folder, folder),
        ("forget", "--missing", "--dry-run"),
        ("merge", tmp_path / "catalog.db"),
        ("copy", "--to", tmp_path / "copy.db"),
        ("evaluate", "smilenet", "--help"),
    ]
    assert set(COMMANDS) - COVERED <= {words[0] for words in lines}
    for done in run_several(lines, environment=environment):
        assert done.code in (0, 3) or done.words[0] in ("name", "merge"), done
        assert "Traceback" not in done.stderr, done.stderr
    assert not log.exists(), log.read_text()


def test_weights_are_not_fetched_offline_and_it_is_said(watched):
    environment, log = watched
    done = run(environment | {"PHOTOTAG_OFFLINE": "1"}, "weights", "fetch", "coco-mobile")
    assert done.returncode == 1 and "PHOTOTAG_OFFLINE is set" in done.stderr
    assert not log.exists()


def test_weights_are_not_waited_for_where_there_is_no_network(watched, tmp_path):
    environment, log = watched
    more = {"PHOTOTAG_OFFLINE": "", "PHOTOTAG_WEIGHTS": str(tmp_path / "weights")}
    began = time.monotonic()
    done = run(environment | more, "weights", "fetch", "coco-mobile")
    assert done.returncode == 1 and done.stderr.count("\n") <= 3 and "Traceback" not in done.stderr
    assert log.exists() and time.monotonic() - began < 20


def visit_pages(url):
    opener = build_opener(HTTPCookieProcessor())
    page = opener.open(url, timeout=60).read().decode()
    assert "<html" in page
    base = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    grid = opener.open(Request(f"{base}/api/grid?q={quote('smiling:all')}"), timeout=60).read()
    assert grid
    return page


@pytest.mark.parametrize("command", ["browse", pytest.param("demo", marks=pytest.mark.slow)])
def test_a_server_asks_the_network_for_nothing_and_names_no_other_place(command, own_copy, watched):
    environment, log = watched
    process = subprocess.Popen(
        [sys.executable, "-m", "phototag", command, "--no-open"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        page = visit_pages(process.stdout.readline().strip())
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert "http://" not in page and "https://" not in page
    assert not log.exists(), log.read_text()
    assert process.returncode == 0

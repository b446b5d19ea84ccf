"""The engine of many machines, on a real Ray cluster of this one."""

import importlib.util
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from phototag import Library, Ray, scan
from phototag.engines.ray import translate
from phototag.errors import UsageError
from phototag.records import PhotoFile
from phototag.scanning import ScanOptions
from tests.conftest import SAMPLES

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="needs ray: pip install 'phototag[cluster]'"
)


@pytest.mark.parametrize(
    "wrong", [{"actors": 0}, {"actors": (3, 2)}, {"cpus_per_actor": 0}, {"photos_at": (("here", "/there"),)}]
)
def test_nonsense_is_a_usage_error(wrong):
    with pytest.raises(UsageError):
        Ray(**wrong)


def test_photos_lie_elsewhere_on_other_machines():
    file = PhotoFile("/home/ann/Photos", "2016/a.jpg", 1, 1)
    assert translate(file, (("/home/ann/Photos/", "/mnt/nas"),)).full_path() == "/mnt/nas/2016/a.jpg"
    assert translate(file, (("/home/ann", "/mnt"),)).full_path() == "/mnt/Photos/2016/a.jpg"
    assert translate(file, (("/home/ann/Photos/2016", "/x"),)).full_path() == "/x/a.jpg"
    assert translate(file, (("/home/an", "/x"),)) == file


@pytest.mark.parametrize("option", [["--actors", "2"], ["--address", "auto"], ["--photos-at", "/a=/b"]])
def test_options_of_a_cluster_need_the_engine(option, tmp_path):
    done = command("scan", *option, tmp_path, catalog=tmp_path / "c.db").wait_done()
    assert done.returncode == 2 and "--engine ray" in done.stderr


class Running(subprocess.Popen):
    def wait_done(self):
        out, err = self.communicate(timeout=300)
        return subprocess.CompletedProcess(self.args, self.returncode, out, err)


def command(*arguments, catalog):
    return Running(
        [sys.executable, "-m", "phototag", *map(str, arguments), "--db", str(catalog)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answers_of(catalog):
    """Every answer and tag, without the numbers of this catalog."""
    with sqlite3.connect(catalog) as connection:
        return sorted(
            connection.execute(
                "SELECT p.path, g.name, p.content_hash, a.error, l.name, t.position, round(t.score, 3),"
                " round(t.box_left, 3), round(t.box_top, 3) FROM answers a JOIN photos p ON p.id = a.photo_id"
                " JOIN taggers g ON g.id = a.tagger_id LEFT JOIN tags t ON t.answer_id = a.id"
                " LEFT JOIN labels l ON l.id = t.label_id"
            ),
            key=repr,
        )


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """(folder, what threads here answer): the sample photos three times, and one that is none."""
    folder = tmp_path_factory.mktemp("ray") / "photos"
    for copy in "abc":
        shutil.copytree(SAMPLES, folder / copy)
    (folder / "bad.jpg").write_bytes(b"no picture")
    with Library.open(folder.parent / "local.db") as library:
        scan(library, [folder], ScanOptions(taggers=("sharpness",)))
    return folder, answers_of(folder.parent / "local.db")


def actors_of(pid):
    """Process ids of the actors of a driver."""
    parents, names = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                names[int(entry.name)] = (entry / "cmdline").read_text()
            except OSError:  # it has ended
                continue

    def descends(other):
        while other and other != pid:
            other = parents.get(other)
        return other == pid

    return [other for other, name in names.items() if name.startswith("ray::MapWorker") and descends(other)]


@needs_ray
@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the actors in /proc")
def test_an_actor_is_killed_and_nothing_is_lost(photos, tmp_path):
    folder, expected = photos
    killed = []

    def kill_one(phase, done, total):
        if phase == "tag" and not killed:
            import ray

            assert ray.util.get_node_ip_address() == "127.0.0.1"  # nobody else reaches its ports
            killed.append(actors_of(os.getpid())[0])
            os.kill(killed[0], signal.SIGKILL)

    with Library.open(tmp_path / "c.db") as library:
        options = ScanOptions(taggers=("sharpness",), batch_size=2)
        report = scan(library, [folder], options, engine=Ray(actors=2), on_progress=kill_one)
    assert killed
    assert (report.tagged, report.unreadable, report.interrupted) == (45, 1, False)
    assert answers_of(tmp_path / "c.db") == expected


@needs_ray
@pytest.mark.slow
def test_an_interrupted_scan_goes_on(photos, tmp_path):
    folder, expected = photos
    catalog = tmp_path / "c.db"
    arguments = ("scan", folder, "--tagger", "sharpness", "--batch-size", 2, "--json")
    arguments += ("--engine", "ray", "--actors", 2)
    first = command(*arguments, catalog=catalog)
    for _ in range(1200):
        time.sleep(0.1)
        if first.poll() is not None or (catalog.exists() and tables_of(catalog) and answers_of(catalog)):
            break
    first.send_signal(signal.SIGINT)
    assert first.wait_done().returncode == 130
    some = answers_of(catalog)
    assert 0 < len(some) < len(expected)
    second = command(*arguments, catalog=catalog).wait_done()
    assert second.returncode == 3, second.stderr  # the file that is no picture
    assert 0 < json.loads(second.stdout)["tagged"] < 45
    assert answers_of(catalog) == expected


def tables_of(catalog):
    with sqlite3.connect(catalog) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")} & {"tags"}

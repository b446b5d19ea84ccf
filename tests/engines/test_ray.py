"""The engine of many machines, on a real Ray cluster of this one."""

import importlib.util
import json
import os
import pickle
import shutil
import signal
import sys
import time
from array import array
from dataclasses import replace

import pytest

from phototag import Library, Ray, scan
from phototag.engines.ray import _Actor, _Arguments, _make_pages, regroup, translate
from phototag.engines.work import Work
from phototag.errors import EngineError, TaggerBroken, UsageError
from phototag.pipeline import Batch
from phototag.records import Fingerprint, Job, Outcome, PhotoFacts, PhotoFile
from phototag.scanning import ScanOptions
from phototag.taggers import table
from phototag.taggers.fingerprints import compute_fingerprints
from phototag.version import __version__
from tests.conftest import SAMPLES
from tests.engines import taggers
from tests.engines.cluster import (
    ANSWERS,
    Cluster,
    Running,
    actors_of,
    answers_of,
    environment,
    has_answers,
    listening,
    tidy,
)

COPIES = "abc"  # of the sample photos
PHOTOS = 15 * len(COPIES)  # and one that is none
LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}

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
    done = Running("scan", *option, tmp_path, "--db", tmp_path / "c.db").wait_done()
    assert done.returncode == 2 and "--engine ray" in done.stderr


@pytest.mark.parametrize(
    ("photos", "batch_size", "actors", "sizes"),
    [
        (10, 4, 2, [4, 4, 2]),  # several pages for each actor, of a batch each
        (600, 16, 2, [32] * 18 + [24]),
        (10_000, 16, 2, [256] * 39 + [16]),
        (1000, 300, 1, [300] * 3 + [100]),
    ],
)
def test_pages_are_whole_batches(photos, batch_size, actors, sizes):
    ids = array("q", range(photos))
    pages = [array("q", row["ids"]) for row in _make_pages(ids, batch_size, actors)]
    assert [len(page) for page in pages] == sizes
    assert [number for page in pages for number in page] == [*ids]


def batch_of(*numbers):
    """As it is when the photos cannot be read."""
    jobs = [Job(number, PhotoFile("/photos", f"{number}.jpg", 1, 1), ("slow",)) for number in numbers]
    facts = [PhotoFacts(number, None) for number in numbers]
    return Batch(jobs, facts, [Outcome(number, "decode", error="no picture") for number in numbers])


def test_answers_come_in_the_batches_of_the_page():
    """However tagging threads shared the photos, and whatever others have saved meanwhile: begun anew, a
    page gives as many batches."""
    ids = array("q", range(11))
    shares = iter([batch_of(1), batch_of(2, 3), batch_of(8, 9), batch_of(10)])
    found = regroup(shares, [1, 2, 3, 8, 9, 10], ids, batch_size=3)
    assert next(found) == batch_of(1, 2) and next(shares) == batch_of(8, 9), "as soon as it is whole"
    rest = regroup([batch_of(1), batch_of(2, 3, 8), batch_of(9, 10)], [1, 2, 3, 8, 9, 10], ids, 3)
    assert [*rest] == [batch_of(1, 2), batch_of(3), batch_of(8), batch_of(9, 10)]
    assert [*regroup([], [], ids, 3)] == [batch_of()] * 4


@pytest.fixture(scope="module")
def test_taggers():
    """The table has those of tests/engines/taggers.py too."""
    before = dict(table.SPECS)
    taggers.register()
    yield
    table.SPECS.clear()
    table.SPECS.update(before)


def refusal(**differing):
    """What an actor says where its machine is not as that where the scan was started."""
    work = Work(
        taggers=("slow",),
        tagger_options={},
        fingerprints=compute_fingerprints(["slow"], {}),
        device="cpu",
        batch_size=4,
        workers=None,
        max_pixels=10**8,
        photos=1,
    )
    arguments = _Arguments(work, "nowhere.db", None, (), 1, __version__)
    if "fingerprints" in differing:
        arguments = replace(arguments, work=replace(work, **differing))
    else:
        arguments = replace(arguments, **differing)
    (row,) = _Actor(arguments)({"ids": [array("q", [1]).tobytes()]})
    return str(pickle.loads(row["answer"][0])[0])


def test_an_actor_refuses_where_it_would_answer_differently(test_taggers):
    assert "Install one version on all machines" in refusal(version="0.0")
    assert "'slow' has other weights or options" in refusal(fingerprints={"slow": Fingerprint("other")})


@pytest.fixture(scope="module")
def photos(tmp_path_factory, test_taggers):
    """(folder, what threads here answer): the sample photos some times, and one that is none."""
    folder = tmp_path_factory.mktemp("ray") / "photos"
    for copy in COPIES:
        shutil.copytree(SAMPLES, folder / copy)
    (folder / "bad.jpg").write_bytes(b"no picture")
    with Library.open(folder.parent / "local.db") as library:
        scan(library, [folder], ScanOptions(taggers=("slow",)))
    return folder, answers_of(folder.parent / "local.db")


@needs_ray
@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the actors in /proc")
def test_an_actor_is_killed_and_nothing_is_lost(photos, tmp_path, monkeypatch, capsys):
    """In a cluster of the scan's own, that nobody else reaches. Stdout stays for data."""
    folder, expected = photos
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    killed = []

    def kill_one(phase, done, total):
        if phase == "tag" and not killed:
            found = listening(os.getpid())
            assert found and found <= LOOPBACK
            killed.append(actors_of(os.getpid())[0])
            os.kill(killed[0], signal.SIGKILL)
            print("data")

    options = ScanOptions(taggers=("slow",), batch_size=2)
    with Library.open(tmp_path / "c.db") as library:
        report = scan(library, [folder], options, engine=Ray(actors=2), on_progress=kill_one)
    assert killed and capsys.readouterr().out == "data\n"
    assert (report.tagged, report.unreadable, report.interrupted) == (PHOTOS, 1, False)
    assert answers_of(tmp_path / "c.db") == expected


@pytest.fixture(scope="module")
def cluster(test_taggers):
    """Two raylets, the first of which this process is connected to."""
    before = dict(os.environ)
    started = Cluster(2, 1)
    import ray

    ray.init(started.address, log_to_driver=False)
    yield started
    ray.shutdown()
    started.shut_down()
    os.environ.clear()
    os.environ.update(before)


def scan_on(cluster, library, folder, *names, on_progress=None, **settings):
    options = ScanOptions(taggers=names, batch_size=2)
    engine = Ray(address=cluster.address, actors=2, **settings)
    return scan(library, [folder], options, engine=engine, on_progress=on_progress)


@needs_ray
@pytest.mark.slow
def test_a_machine_is_lost_and_nothing_else(photos, cluster, tmp_path):
    folder, expected = photos
    lost = []

    def lose_one(phase, done, total):
        if phase == "tag" and not lost:
            lost.append(cluster.others()[0])
            cluster.kill_raylet(lost[0])

    with Library.open(tmp_path / "c.db") as library:
        report = scan_on(cluster, library, folder, "slow", on_progress=lose_one)
    assert lost and (report.tagged, report.unreadable) == (PHOTOS, 1)
    assert answers_of(tmp_path / "c.db") == expected


@needs_ray
@pytest.mark.slow
def test_another_version_on_a_machine_is_refused(photos, cluster, tmp_path):
    refused = pytest.raises(EngineError, match="'other' has other weights or options")
    with Library.open(tmp_path / "c.db") as library, refused:
        scan_on(cluster, library, photos[0], "other")
    assert not has_answers(tmp_path / "c.db")


@needs_ray
@pytest.mark.slow
def test_a_broken_tagger_ends_the_scan(photos, cluster, tmp_path):
    with Library.open(tmp_path / "c.db") as library, pytest.raises(TaggerBroken, match="'broken' failed"):
        scan_on(cluster, library, photos[0], "broken")


@needs_ray
@pytest.mark.slow
def test_a_bad_photo_costs_one_answer(photos, cluster, tmp_path):
    with Library.open(tmp_path / "c.db") as library:
        report = scan_on(cluster, library, photos[0], "picky")
    picky = report.taggers["picky"]
    assert report.unreadable == 1
    assert (picky["failed"], picky["tagged"]) == (len(COPIES), PHOTOS - len(COPIES))


@needs_ray
@pytest.mark.slow
def test_photos_lie_elsewhere_for_the_actors(photos, cluster, tmp_path):
    folder, expected = photos
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(folder, elsewhere)
    (elsewhere / "a/2015").rename(elsewhere / "a/gone")
    with Library.open(tmp_path / "c.db") as library:
        report = scan_on(cluster, library, folder, "slow", photos_at=((str(folder), str(elsewhere)),))
        assert 1 < report.unreadable < PHOTOS / 2, "those of the folder that is not there"
        report = scan_on(cluster, library, folder, "slow", photos_at=((str(folder), str(folder)),))
        assert report.unreadable == 0 and 0 < report.tagged < PHOTOS
    assert answers_of(tmp_path / "c.db") == expected
    refused = pytest.raises(EngineError, match="has no folder /nowhere")
    with Library.open(tmp_path / "d.db") as library, refused:
        scan_on(cluster, library, folder, "slow", photos_at=((str(folder), "/nowhere"),))


class OnlyRead(Library):
    """Whose answers are saved by others."""

    def save(self, *arguments):
        raise AssertionError("the actors save")


@needs_ray
@pytest.mark.slow
def test_actors_save_in_a_catalog_on_a_server(photos, cluster, databases, tmp_path):
    folder, expected = photos
    catalog = tmp_path / "c.db"
    with OnlyRead.open(databases.address(catalog)) as library:
        report = scan_on(cluster, library, folder, "slow")
        assert (report.tagged, report.unreadable, report.taggers["slow"]["tagged"]) == (PHOTOS, 1, PHOTOS)
        assert scan_on(cluster, library, folder, "slow").tagged == 0
    assert tidy(databases.execute(catalog, ANSWERS)) == expected


@needs_ray
@pytest.mark.slow
def test_an_interrupted_scan_goes_on(photos, tmp_path):
    """Though a cluster of long ago has left its address. What is printed is JSON alone."""
    folder, expected = photos
    catalog = tmp_path / "c.db"
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray/ray_current_cluster").write_text("127.0.0.1:9")
    stale = {"RAY_TMPDIR": str(tmp_path), "RAY_ADDRESS": "127.0.0.1:9"}
    arguments = ("scan", folder, "--tagger", "slow", "--batch-size", 2, "--json", "--db", catalog)
    arguments += ("--engine", "ray", "--actors", 2)
    # so slow that it is not over before it is interrupted, however busy the machine
    first = Running(*arguments, **stale, PHOTOTAG_TEST_SLOW_SECONDS="0.5")
    while first.poll() is None and not has_answers(catalog):
        time.sleep(0.1)
    os.killpg(first.pid, signal.SIGINT)  # as a terminal does
    done = first.wait_done()
    assert done.returncode == 130, done.stderr
    assert json.loads(done.stdout or '{"interrupted": true}')["interrupted"]
    some = answers_of(catalog)
    assert 0 < len(some) < len(expected)
    second = Running(*arguments, **stale).wait_done()
    assert second.returncode == 3, second.stderr  # the file that is no picture
    assert 0 < json.loads(second.stdout)["tagged"] < PHOTOS
    assert "constructor" not in second.stderr and "RAY_" not in second.stderr
    assert answers_of(catalog) == expected

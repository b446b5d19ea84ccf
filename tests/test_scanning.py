"""A scan from Python: what is checked before anything slow, how it stops, and what it leaves alone."""

import os
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image

from phototag import Library, scan
from phototag.errors import PhototagError, TaggerBroken, UsageError
from phototag.library.jobs import JobCount
from phototag.records import Fingerprint, Tag
from phototag.scanning import ScanOptions, decode_fingerprint
from phototag.taggers import table
from phototag.taggers.fingerprints import compute_fingerprints
from tests import tiny


@pytest.fixture
def library(tmp_path):
    known = dict(table.SPECS)
    table.SPECS.clear()
    table.SPECS["colour"] = tiny.SPEC
    with Library.open(tmp_path / "c.db") as library:
        yield library
    table.SPECS.clear()
    table.SPECS.update(known)  # in their order: taggers run in it


def pictures(folder, count, side=24):
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(count)
    for i in range(count):
        Image.fromarray(rng.integers(0, 255, (side, side, 3), dtype=np.uint8)).save(folder / f"{i:04}.png")
    return folder


class NoNetwork(socket.socket):
    def connect(self, address):
        raise AssertionError(f"the network was asked: {address}")


@pytest.fixture
def no_network(monkeypatch):
    monkeypatch.setattr(socket, "socket", NoNetwork)
    monkeypatch.delenv("PHOTOTAG_OFFLINE")


def test_two_arguments_are_enough(library, tmp_path):
    report = scan(library, [pictures(tmp_path / "photos", 3)])
    assert (report.found, report.tagged, report.failed, report.interrupted) == (3, 3, 0, False)
    assert scan(library, [tmp_path / "photos"]).tagged == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"taggers": ("nose",)},
        {"tagger_options": {"nose": {}}},
        {"device": "toaster"},
        {"device": "cuda:x"},
        {"batch_size": 0},
        {"workers": -1},
        {"max_pixels": 0},
    ],
)
def test_wrong_options_are_refused_when_they_are_made(wrong, library):
    with pytest.raises(UsageError):
        ScanOptions(**wrong)


def test_paths_and_detectors_are_checked_before_the_network_is_asked(tmp_path, no_network, monkeypatch):
    monkeypatch.setenv("PHOTOTAG_WEIGHTS", str(tmp_path / "weights"))
    with Library.open(tmp_path / "c.db") as library:
        with pytest.raises(PhototagError, match="no file or folder"):
            scan(library, [tmp_path / "nowhere"])
        with pytest.raises(UsageError, match="no detector 'yolo'"):
            scan(library, [tmp_path], ScanOptions(detector="yolo"))


def test_where_nothing_is_pending_the_network_is_not_asked(own_copy, no_network, monkeypatch, tmp_path):
    monkeypatch.setenv("PHOTOTAG_WEIGHTS", str(tmp_path / "weights"))
    folder, catalog = own_copy
    with Library.open(catalog) as library:
        assert scan(library, [folder]).to_do == 0
        (tmp_path / "empty").mkdir()
        assert scan(library, [tmp_path / "empty"], ScanOptions(detector="coco-mobile")).found == 0


def test_a_stop_ends_walk_and_hashing_and_says_so(library, tmp_path):
    folder = pictures(tmp_path / "photos", 5)
    report = scan(library, [folder], should_stop=lambda: True)
    assert report.interrupted and report.tagged == 0
    assert scan(library, [folder]).tagged == 5
    for photo in folder.iterdir():  # other times: all have to be hashed
        os.utime(photo, (10**9, 10**9))
    phases = []
    report = scan(
        library,
        [folder],
        on_progress=lambda phase, done, total: phases.append(phase),
        should_stop=lambda: "hash" in phases,
    )
    assert report.interrupted and phases.count("hash") == 1


def test_a_stop_after_the_last_batch_interrupts_nothing(library, tmp_path):
    folder, done = pictures(tmp_path / "photos", 4), []
    report = scan(
        library,
        [folder],
        on_progress=lambda phase, number, total: done.append(number) if phase == "tag" else None,
        should_stop=lambda: done == [4],
    )
    assert report.tagged == 4 and not report.interrupted


def test_answers_saved_under_other_limits_are_compared_once(library, tmp_path):
    folder = pictures(tmp_path / "photos", 3)
    (folder / "bad.png").write_bytes(b"no picture")
    scan(library, [folder])
    fingerprints = compute_fingerprints(["colour"], {})
    fingerprints["decode"] = Fingerprint(decode_fingerprint(1000))
    assert library.count_jobs(None, fingerprints) == JobCount(1, {"colour": 1}, unmarked=3)
    assert scan(library, [folder], ScanOptions(max_pixels=1000)).unreadable == 1
    assert library.count_jobs(None, fingerprints) == JobCount(0, {"colour": 0}, unmarked=0)
    assert scan(library, [folder], ScanOptions(max_pixels=1000)).looked_at == 0


def load_endless(device, options):
    def tag(frames):
        time.sleep(20)
        raise AssertionError("nobody waits for this")

    return tag


def test_a_stop_gives_up_what_takes_too_long(library, tmp_path, monkeypatch):
    spec = table.TaggerSpec("colour", "tests.test_scanning:load_endless", 1, "sleeps")
    monkeypatch.setitem(table.SPECS, "colour", spec)
    began = time.monotonic()
    report = scan(
        library,
        [pictures(tmp_path / "photos", 4)],
        should_stop=lambda: any(thread.name.startswith("tag") for thread in threading.enumerate()),
    )
    assert report.interrupted and report.tagged == 0
    assert time.monotonic() - began < 5


def load_picky(device, options):
    def tag(frames):
        if any(frame.pixels.mean() > 200 for frame in frames):
            raise RuntimeError("too bright")
        return [[Tag("dark", 1.0)] for _ in frames]

    return tag


def load_broken(device, options):
    def tag(frames):
        raise RuntimeError("out of order")

    return tag


def test_two_bad_photos_of_two_do_not_block_a_scan_for_ever(library, tmp_path, monkeypatch):
    spec = table.TaggerSpec("colour", "tests.test_scanning:load_picky", 1, "the dark")
    monkeypatch.setitem(table.SPECS, "colour", spec)
    for name in ("a.png", "b.png"):
        Image.new("RGB", (30, 20), "white").save(tmp_path / name)
    report = scan(library, [tmp_path])
    assert [reason for _, _, reason in report.failures] == ["too bright"] * 2
    assert scan(library, [tmp_path]).to_do == 0
    spec = table.TaggerSpec("colour", "tests.test_scanning:load_broken", 2, "nothing")
    monkeypatch.setitem(table.SPECS, "colour", spec)
    with pytest.raises(TaggerBroken, match="out of order"):
        scan(library, [tmp_path])


def test_a_file_that_can_never_be_read_loads_no_net_at_every_scan(scanned, own_copy):
    folder, catalog = own_copy
    (folder / "empty.jpg").touch()
    code = (
        "import sys\nfrom phototag import Library, scan\n"
        f"with Library.open({str(catalog)!r}) as library: report = scan(library, [{str(folder)!r}])\n"
        "print(report.tagged, report.unreadable, report.failed, 'torch' in sys.modules)"
    )
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["0", "1", "1", "False"], done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into every folder")
def test_a_folder_that_cannot_be_read_is_counted(library, tmp_path):
    pictures(tmp_path / "closed", 1)
    (tmp_path / "closed").chmod(0)
    try:
        report = scan(library, [tmp_path])
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert report.unreadable_folders == 1

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch

from phototag.errors import UsageError, WeightsError
from phototag.weights import default_detector, manifest, store, thresholds

CONTENT = bytes(range(256)) * 4096  # a megabyte
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT under the manners the path names, and counts the bytes it sent."""

    sent = 0
    daemon_threads = True


class Manners(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_response(200)
        self.end_headers()

    def do_GET(self):
        manner = self.path.split("/")[1]
        if manner == "gone":
            self.send_error(404)
            return
        first = 0
        asked = self.headers.get("Range")
        if asked and manner != "no-range":
            first = int(asked.removeprefix("bytes=").rstrip("-"))
            if first >= len(CONTENT):
                self.send_error(416)
                return
            self.send_response(206)
        else:
            self.send_response(200)
        body = CONTENT[first:] if manner != "other" else b"<html>log in first</html>"
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if manner in ("truncated", "stall") and first == 0:
            body = body[: len(body) // 2]
        self.server.sent += len(body)  # first: the client may look as soon as it has the last byte
        half = len(body) // 2
        self.wfile.write(body[:half])
        self.wfile.flush()
        if manner == "slow":
            time.sleep(1)
        self.wfile.write(body[half:])
        self.wfile.flush()
        if manner == "stall" and first == 0:
            self.server.done.wait(5)

    def log_message(self, *words):
        pass


@pytest.fixture
def server():
    with Server(("127.0.0.1", 0), Manners) as running:
        running.done = threading.Event()
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()  # how soon it stops
        running.base = f"http://127.0.0.1:{running.server_port}"
        yield running
        running.done.set()
        running.shutdown()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PHOTOTAG_WEIGHTS", str(tmp_path / "weights"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "PHOTOTAG_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "weights"


def served(server, manner, starts=DIGEST[:8]):
    known = manifest.entry("coco-mobile")
    return replace(known, url=f"{server.base}/{manner}/w.pth", sha256_starts=starts)


def test_a_good_file_is_kept_and_its_whole_hash_recorded(server, folder):
    seen = []
    file = store.fetch(served(server, "good"), lambda done, total: seen.append((done, total)))
    assert file.read_bytes() == CONTENT and file.parent == folder
    assert seen[0] == (0, len(CONTENT)) and seen[-1] == (len(CONTENT), len(CONTENT))
    assert store.records()[file.name]["sha256"] == DIGEST
    assert store.present("coco-mobile") and store.verify("coco-mobile") == DIGEST
    assert store.checked("coco-mobile") == file
    assert not list(folder.glob("*.part"))


def test_a_truncated_file_is_refused_and_goes_on_where_it_stopped(server, folder):
    known = served(server, "truncated")
    with pytest.raises(
        WeightsError, match=r"ended after 524,288 of 1,048,576 bytes.*phototag weights fetch coco-mobile"
    ):
        store.fetch(known)
    assert not store.present("coco-mobile")
    server.sent = 0
    assert store.fetch(known).read_bytes() == CONTENT
    assert server.sent == len(CONTENT) // 2, "the first half was sent again"


def test_a_server_that_cannot_go_on_starts_again(server, folder):
    with pytest.raises(WeightsError):
        store.fetch(served(server, "truncated"))
    assert store.fetch(served(server, "no-range")).read_bytes() == CONTENT


def test_a_download_that_was_complete_but_not_renamed_is_taken(server, folder):
    folder.mkdir()
    known = served(server, "good")
    (folder / f"{known.file}.part").write_bytes(CONTENT)
    assert store.fetch(known).read_bytes() == CONTENT and server.sent == 0


def test_a_wrong_hash_is_refused_and_nothing_kept(server, folder):
    with pytest.raises(WeightsError, match=r"is not fasterrcnn_mobilenet.*not fb6a3cc7"):
        store.fetch(served(server, "good", starts="fb6a3cc7"))
    with pytest.raises(WeightsError, match="nothing was kept"):
        store.fetch(served(server, "other"))
    assert [file.name for file in folder.iterdir() if file.name[0] != "."] == []
    assert not store.present("coco-mobile")


def test_two_who_fetch_at_once_fetch_once(server, folder):
    known = served(server, "slow")
    with ThreadPoolExecutor(4) as threads:
        files = list(threads.map(lambda _: store.fetch(known), range(4)))
    assert {file.read_bytes() for file in files} == {CONTENT}
    assert server.sent == len(CONTENT) and store.verify("coco-mobile") == DIGEST


def test_who_waits_for_another_to_fetch_may_stop(server, folder):
    class Stopped(Exception):
        pass

    def stop(done, total):
        raise Stopped

    known = served(server, "slow")
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(store.fetch, known)
        while not server.sent:
            time.sleep(0.01)
        began = time.monotonic()
        with pytest.raises(Stopped):
            store.fetch(known, stop)
        assert time.monotonic() - began < 1
        assert first.result().read_bytes() == CONTENT


def test_no_record_is_lost_where_several_import_at_once(tmp_path, folder):
    names = ("coco-resnet50", "coco-mobile", "coco-mobile-320")
    mine = tmp_path / "mine.pth"
    mine.write_bytes(b"mine")
    with ThreadPoolExecutor(3) as threads:
        for _ in range(20):
            list(threads.map(lambda name: store.import_file(mine, own=name), names))
            assert all(store.path(name).name == f"own-{name}.pth" for name in names)
            list(threads.map(store.forget, names))
            assert store.records() == {}


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("PHOTOTAG_WEIGHTS", str(tmp_path / "file" / "below"))
    (tmp_path / "mine.pth").touch()
    with pytest.raises(WeightsError, match=r"cannot be written .* another folder with PHOTOTAG_WEIGHTS"):
        store.import_file(tmp_path / "mine.pth", own="coco-mobile")


def test_a_stall_ends_in_a_sentence(server, folder):
    began = time.monotonic()
    with pytest.raises(WeightsError, match=r"no data for 0.4 seconds, after 524,288 bytes; to go on"):
        store.fetch(served(server, "stall"), stall_seconds=0.4)
    assert time.monotonic() - began < 4
    assert store.fetch(served(server, "stall"), stall_seconds=2).read_bytes() == CONTENT


def test_no_server_and_no_such_file(server, folder):
    with pytest.raises(WeightsError, match="the server answered 404"):
        store.fetch(served(server, "gone"))
    with pytest.raises(WeightsError, match="cannot be reached"):
        store.fetch(replace(served(server, "good"), url="http://127.0.0.1:9/w.pth"))


def test_a_changed_file_is_refused_before_it_is_loaded(server, folder):
    file = store.fetch(served(server, "good"))
    store.checked("coco-mobile")
    content = bytearray(CONTENT)
    content[1000] ^= 1
    file.write_bytes(content)
    with pytest.raises(WeightsError, match="has changed since it came here"):
        store.checked("coco-mobile")
    file.write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsError, match="phototag weights fetch coco-mobile"):
        store.verify("coco-mobile")


def test_import_knows_files_by_their_hash(tmp_path, folder):
    stranger = tmp_path / "fasterrcnn_mobilenet_v3_large_fpn-fb6a3cc7.pth"
    stranger.write_bytes(CONTENT)
    with pytest.raises(WeightsError, match=r"is not coco-mobile's published file.*--own"):
        store.import_file(stranger)
    with pytest.raises(WeightsError, match="none of the files"):
        store.import_file(stranger.rename(tmp_path / "x.pth"))
    with pytest.raises(WeightsError, match="no such file"):
        store.import_file(tmp_path / "nothing.pth")
    with pytest.raises(WeightsError, match="safetensors file"):
        store.import_file(tmp_path / "x.pth", own="people-pets")
    assert not folder.exists()


def test_own_weights_go_before_the_published_and_can_be_forgotten(tmp_path, server, folder):
    published = store.fetch(served(server, "good"))
    mine = tmp_path / "mine.pth"
    mine.write_bytes(b"mine")
    assert store.import_file(mine, own="coco-mobile").name == "coco-mobile"
    assert store.path("coco-mobile").read_bytes() == b"mine" and store.records()["own-coco-mobile.pth"]["own"]
    store.path("coco-mobile").write_bytes(b"mina")
    with pytest.raises(WeightsError, match="import FILE --own coco-mobile"):
        store.checked("coco-mobile")
    assert store.use("coco-mobile") == published == store.path("coco-mobile")
    assert store.use("own-coco-mobile").read_bytes() == b"mina"
    with pytest.raises(UsageError, match="import FILE --own people-pets"):
        store.use("own-people-pets")
    store.forget("coco-mobile")
    assert store.path("coco-mobile") == published and store.present("coco-mobile")


def test_weights_are_put_over_no_file_that_phototag_did_not_put_there(tmp_path, server, folder):
    """PHOTOTAG_WEIGHTS may name a folder of others' models."""
    folder.mkdir(exist_ok=True)
    known = manifest.entry("coco-mobile")
    target, own = folder / known.file, folder / store.own_name(known)
    (tmp_path / "mine.pth").write_bytes(CONTENT)
    for file in (target, own):
        file.write_bytes(b"somebody's")
    for put in (
        lambda: store.fetch(served(server, "good")),
        lambda: store.import_file(tmp_path / "mine.pth", own="coco-mobile"),
    ):
        with pytest.raises(WeightsError, match="phototag did not put it there"):
            put()
    assert {file.read_bytes() for file in (target, own)} == {b"somebody's"}
    assert sorted(name for name in os.listdir(folder) if not name.endswith(".lock")) == sorted(
        [target.name, own.name]
    )
    own.unlink()
    own.symlink_to(tmp_path / "mine.pth")
    with pytest.raises(WeightsError, match="phototag did not put it there"):
        store.import_file(tmp_path / "mine.pth", own="coco-mobile")
    own.unlink()
    for _ in range(2):  # the second time it is ours
        store.import_file(tmp_path / "mine.pth", own="coco-mobile")
    (folder / store.RECORD).unlink()  # as the sentence about a damaged record says
    target.write_bytes(CONTENT)
    store.fetch(served(server, "good"))
    assert store.present("coco-mobile")


def test_what_is_missing_says_what_to_type(folder):
    assert "phototag weights fetch coco-resnet50 (167 MB)" in store.missing("coco-resnet50")
    with pytest.raises(WeightsError, match="fetch coco-mobile"):
        store.checked("coco-mobile")
    with pytest.raises(UsageError, match="there are coco-resnet50"):
        manifest.entry("nonsense")


def test_the_manifest_is_torchvisions():
    from phototag.taggers.objects import COCO

    for name, architecture in COCO.items():
        known = manifest.entry(name)
        assert known.url == architecture.weights_enum.url
        assert known.file == known.url.rsplit("/", 1)[1] and known.file.endswith(
            f"-{known.sha256_starts}.pth"
        )
        assert abs(known.megabytes - architecture.weights_enum.meta["_file_size"]) <= 1
    known = manifest.entries()
    assert set(default_detector.DETECTORS) == {name for name in known if known[name].tagger == "objects"}


def test_what_ships_is_what_the_manifest_says():
    for name, known in manifest.entries().items():
        if known.url is None and (manifest.SHIPPED / known.file).exists():
            assert store.sha256_of(manifest.SHIPPED / known.file) == known.sha256, name


def test_thresholds_are_read_from_the_head_of_the_file(folder, tmp_path):
    from safetensors.torch import save_file

    assert thresholds.read_thresholds("coco-mobile") is thresholds.read_thresholds("of-the-future") is None
    assert (
        thresholds.weights_name("people-pets") == "people-pets"
        and thresholds.read_thresholds("people-pets")["cat"] > 0.5
    )
    file = tmp_path / "mine.safetensors"
    told = {"detector": json.dumps({"labels": ["dog", "sofa"], "thresholds": {"dog": 0.6, "sofa": 0.7}})}
    save_file({"a": torch.zeros(3)}, file, metadata=told)
    store.import_file(file, own="people-pets")
    assert thresholds.weights_name("people-pets") == "own-people-pets"
    assert thresholds.read_thresholds("own-people-pets") == {"dog": 0.6, "couch": 0.7}
    assert thresholds.read_thresholds("people-pets")["cat"] > 0.6, "what ships keeps its own"


class TestChoosing:
    def put(self, name, folder):
        folder.mkdir(exist_ok=True)
        file = folder / manifest.entry(name).file
        file.write_bytes(CONTENT)
        record = folder / "record.json"
        told = json.loads(record.read_text()) if record.exists() else {}
        record.write_text(json.dumps(told | {file.name: {"sha256": DIGEST, "name": name, "own": False}}))

    def test_the_best_that_is_here(self, folder):
        self.put("coco-mobile-320", folder)
        ours = default_detector.Choice("everyday")
        assert default_detector.choose_detector("auto", "cpu", offline=False) == ours, (
            "it knows as many kinds"
        )
        assert default_detector.choose_detector("auto", "cuda:0", offline=True).detector == "coco-mobile-320"
        self.put("coco-mobile", folder)
        self.put("coco-resnet50", folder)
        assert default_detector.choose_detector("auto", "cpu", offline=True) == default_detector.Choice(
            "coco-mobile"
        )
        assert default_detector.choose_detector("auto", "cuda:0", offline=True) == default_detector.Choice(
            "coco-resnet50"
        )

    def test_what_a_person_taught_the_former_detector_stays_in_use(self, folder):
        folder.mkdir(exist_ok=True)
        file = folder / "mine.safetensors"
        file.write_bytes(CONTENT)
        store.import_file(file, own="people-pets")
        assert default_detector.choose_detector("auto", "cpu", offline=True).detector == "people-pets"
        store.import_file(file, own="everyday")
        assert default_detector.choose_detector("auto", "cpu", offline=True).detector == "everyday"

    def test_offline_a_gpu_goes_on_with_ours_and_says_what_would_improve_it(self, folder):
        chosen = default_detector.choose_detector("auto", "cuda:0", offline=True)
        assert chosen.detector == "everyday" and "phototag weights fetch coco-resnet50" in chosen.advice

    def test_without_a_network_it_takes_less_than_three_seconds(self, folder, monkeypatch):
        monkeypatch.setenv("https_proxy", "http://10.255.255.1:9")  # swallows what is sent to it
        began = time.monotonic()
        chosen = default_detector.fetch_detector(
            default_detector.choose_detector("auto", "cuda:0", offline=False),
            on_message=print,
            on_progress=print,
            should_stop=bool,
        )
        assert time.monotonic() - began < 3
        assert chosen.detector == "everyday" and chosen.advice.startswith("No network.")

    def test_a_detector_asked_for_by_name_is_never_replaced(self, folder):
        with pytest.raises(WeightsError, match="weights fetch coco-resnet50"):
            default_detector.choose_detector("coco-resnet50", "cpu", offline=True)
        with pytest.raises(UsageError, match="people-pets"):
            default_detector.choose_detector("yolo", "cpu", offline=True)

    def test_a_detector_that_has_to_be_fetched_is_here_or_an_error(self, server, folder, monkeypatch):
        def fetch():
            return default_detector.fetch_detector(
                default_detector.choose_detector("coco-mobile", "cpu", offline=False),
                on_message=print,
                on_progress=print,
                should_stop=bool,
            )

        monkeypatch.setitem(manifest.entries(), "coco-mobile", served(server, "gone"))
        with pytest.raises(WeightsError, match="404"):
            fetch()
        monkeypatch.setitem(manifest.entries(), "coco-mobile", served(server, "good"))
        assert fetch() == default_detector.Choice("coco-mobile") and store.present("coco-mobile")

    def test_nobody_waits_for_a_network_once_a_scan_is_stopped(self, monkeypatch):
        monkeypatch.setenv("https_proxy", "http://10.255.255.1:9")
        began = time.monotonic()
        assert not default_detector.reachable("https://phototag.invalid/w.pth", should_stop=lambda: True)
        assert time.monotonic() - began < 1

    def test_a_server_that_answers_is_reachable(self, server):
        assert default_detector.reachable(f"{server.base}/good/w.pth")
        assert not default_detector.reachable("http://127.0.0.1:9/w.pth")


def test_it_is_light():
    code = (
        "import sys, phototag.weights.default_detector as c; c.choose_detector('auto', 'cpu', offline=True);"
        "print([m for m in ('torch', 'numpy', 'PIL', 'click', 'safetensors') if m in sys.modules])"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )

"""From a checkpoint of torchvision's to answers: import, scan, ask, and scan again once a better
detector is here. The nets are torchvision's with random numbers, but for the biases that let them
say something; their files go by the manifest's rules."""

import json
import shutil
import sqlite3
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner

from phototag.cli import main
from phototag.taggers import objects
from phototag.weights import manifest, store, thresholds
from tests.conftest import SAMPLES


def run(*words, code=0):
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == code, (result.output, result.exception)
    return result


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PHOTOTAG_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("PHOTOTAG_DB", str(tmp_path / "c.db"))


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("2015/cat.jpg", "2015/coffee.jpg", "2016/rocket.jpg"):
        shutil.copy(SAMPLES / name, tmp_path / "photos")
    return tmp_path / "photos"


def published(name, says, tmp_path, monkeypatch):
    """A checkpoint of a net that sees `says` nearly everywhere, named and hashed as the manifest
    tells of the real one."""
    torch.manual_seed(0)
    net = objects.torchvisions(name)
    net.rpn.head.cls_logits.bias.data.fill_(3.0)
    net.roi_heads.box_predictor.cls_score.bias.data[
        objects.COCO[name].weights_enum.meta["categories"].index(says)
    ] = 7.0
    file = tmp_path / manifest.entry(name).file
    torch.save(net.state_dict(), file)
    monkeypatch.setitem(
        manifest.entries(), name, replace(manifest.entry(name), sha256_starts=store.sha256_of(file)[:8])
    )
    return file


def found_by(tmp_path):
    """Photo -> the name in front of the fingerprint of its `objects` answer, as any SQLite tool reads it."""
    with sqlite3.connect(tmp_path / "c.db") as connection:
        rows = connection.execute(
            "SELECT p.path, f.fingerprint FROM photos p JOIN answers a ON a.photo_id = p.id "
            "JOIN taggers t ON t.id = a.tagger_id JOIN fingerprints f ON f.id = a.fingerprint_id WHERE "
            "t.name = 'objects'"
        ).fetchall()
    return {path: fingerprint.split(":")[0] for path, fingerprint in rows}


def scan(where, *more):
    return json.loads(
        run("scan", where, "--offline", "--tagger", "objects", "--tagger", "kinds", "--json", *more).stdout
    )


@pytest.mark.slow
def test_from_a_checkpoint_to_answers_and_to_better_ones(photos, tmp_path, monkeypatch):
    assert scan(photos / "coffee.jpg", "--detector", "people-pets")["detector"] == "people-pets"
    assert scan(photos / "cat.jpg")["detector"] == "everyday", "what ships"
    assert found_by(tmp_path) == {"cat.jpg": "everyday", "coffee.jpg": "people-pets"}
    assert run("query", "dog", "--count").stdout.strip() == "0"

    status = json.loads(run("status", "--json").stdout)
    assert status["detectors"] == {"everyday": 1, "people-pets": 1}
    assert status["taggers"]["objects"]["done"] == 1 and status["taggers"]["objects"]["to_do"] == 1
    assert status["taggers"]["objects"]["weights"] == [manifest.entry("everyday").file]
    assert "Things found with everyday in 1 photo, people-pets in 1 photo." in run("status").stdout

    again = scan(photos)
    assert again["taggers"]["objects"]["tagged"] == 2, (
        "the one never seen, and the one that the lesser detector has seen"
    )
    assert again["taggers"]["kinds"]["tagged"] == 1, "no other answer is asked for again"
    assert set(found_by(tmp_path).values()) == {"everyday"}
    assert scan(photos)["tagged"] == 0

    file = published("coco-mobile-320", "dog", tmp_path, monkeypatch)
    assert run("weights", "import", file).stdout.strip() == str(store.path("coco-mobile-320"))
    assert scan(photos)["tagged"] == 0, "on a processor ours is better"
    scan(photos, "--detector", "coco-mobile-320")
    assert len(run("query", "dog").stdout.splitlines()) == 3

    run("weights", "import", published("coco-mobile", "kite", tmp_path, monkeypatch))
    told = run("scan", photos, "--offline", "--tagger", "objects").stdout
    assert "3 tagged" in told and "Things found with coco-mobile." in told
    assert set(found_by(tmp_path).values()) == {"coco-mobile"}
    assert len(run("query", "kite").stdout.splitlines()) == 3
    shown = run("show", photos / "coffee.jpg").stdout
    assert "found with coco-mobile\n" in shown and "kite" in shown and "dog" not in shown
    line = json.loads(run("query", "kite", "--json").stdout.splitlines()[0])
    assert line["detector"] == "coco-mobile" and {thing["label"] for thing in line["objects"]} == {"kite"}


def test_thresholds_are_those_of_the_weights_that_answered(photos, tmp_path, monkeypatch):
    """people-pets asks for more of a dog than COCO's default of one half; this net says dog with
    less than that."""
    file = published("coco-mobile-320", "dog", tmp_path, monkeypatch)
    state = torch.load(file, weights_only=True)
    state["roi_heads.box_predictor.cls_score.bias"][18] = 5.5  # e^5.5 against 90 others: about 0.73
    torch.save(state, file)
    monkeypatch.setitem(
        manifest.entries(),
        "coco-mobile-320",
        replace(manifest.entry("coco-mobile-320"), sha256_starts=store.sha256_of(file)[:8]),
    )
    run("weights", "import", file)
    scan(photos / "rocket.jpg", "--detector", "coco-mobile-320")
    (line,) = run("query", "--json").stdout.splitlines()
    assert (
        0.5
        < max(thing["score"] for thing in json.loads(line)["objects"])
        < thresholds.read_thresholds("people-pets")["dog"]
    )
    assert run("query", "dog", "--count").stdout.strip() == "1"
    assert "dog" in run("query", "--csv").stdout and "dog" in run("tags").stdout
    scan(photos / "cat.jpg", "--detector", "people-pets")
    assert run("query", "dog", "--count").stdout.strip() == "0", (
        "of two detectors the stricter threshold holds"
    )


def test_a_file_that_is_not_the_published_one_is_refused(tmp_path, monkeypatch):
    file = published("coco-mobile-320", "dog", tmp_path, monkeypatch)
    file.write_bytes(file.read_bytes()[:-1])
    assert "is not coco-mobile-320's published file" in run("weights", "import", file, code=1).stderr

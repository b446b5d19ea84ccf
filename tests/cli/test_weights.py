import json
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner

from phototag.cli.weights import weights
from phototag.errors import PhototagError
from phototag.nets.detector import checkpoint
from phototag.nets.detector import net as compact
from phototag.nets.smilenet import checkpoint as smilenet
from phototag.nets.smilenet.net import SmileNet
from phototag.smiling import SMILE_THRESHOLD
from phototag.taggers import table
from phototag.taggers.fingerprints import compute_fingerprints
from phototag.weights import manifest, store
from tests.conftest import SAMPLES


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PHOTOTAG_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


def run(*words):
    return CliRunner().invoke(weights, [str(word) for word in words])


def test_list_tells_what_is_here():
    plain = run("list")
    assert (
        plain.exit_code == 0
        and "coco-mobile" in plain.stdout
        and plain.stdout.split()[:2] == ["weights", "here"]
        and "BSD-3-Clause" in plain.stdout
    )
    rows = {row["name"]: row for row in json.loads(run("list", "--json").stdout)}
    assert set(rows) == set(manifest.entries())
    assert rows["coco-mobile"]["sha256"] is None and rows["coco-mobile"]["sha256_starts"] == "fb6a3cc7"


def test_own_weights_are_imported_listed_verified(tmp_path, folder):
    file = tmp_path / "detector.safetensors"
    torch.manual_seed(0)
    checkpoint.save(file, compact.build(("dog",)), checkpoint.Settings(("dog",), 96, 160))
    done = run("import", file, "--own", "people-pets", "--anyway")
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(store.path("people-pets")) == run("path", "people-pets").stdout.strip()
    assert run("path").stdout.strip() == str(folder)
    assert "your own file" in run("list").stdout
    told = run("verify", "people-pets")
    assert told.exit_code == 0 and told.stdout.startswith("people-pets: ok, ")
    (row,) = json.loads(run("verify", "people-pets", "--json").stdout)
    assert row["ok"] and row["sha256"] == store.sha256_of(file)
    store.path("people-pets").write_bytes(b"x")
    told = run("verify", "people-pets")
    assert told.exit_code == 1 and "has changed" in told.stderr and told.stdout == ""
    told = run("verify", "people-pets", "--json")
    (row,) = json.loads(told.stdout)
    assert told.exit_code == 1 and not row["ok"] and "has changed" in row["error"]


def test_a_file_that_is_no_detector_is_not_kept(tmp_path, folder):
    torch.save({"a": torch.zeros(2)}, tmp_path / "a.pth")
    refused = run("import", tmp_path / "a.pth", "--own", "coco-mobile-320")
    assert isinstance(refused.exception, PhototagError) and "not readable" in str(refused.exception)
    assert not store.present("coco-mobile-320")
    stranger = run("import", tmp_path / "a.pth")
    assert "none of the files in the manifest" in str(stranger.exception)


def test_unknown_names_are_usage_errors():
    for command in ("fetch", "path", "verify"):
        outcome = run(command, "yolo")
        assert "there are no weights 'yolo'" in str(outcome.exception) + outcome.stderr
    assert "ships with phototag" in str(run("fetch", "people-pets", "--force").exception)


@pytest.fixture
def faces(tmp_path):
    """A folder LABEL/*.png of real faces: the shipped net tells all of them."""
    from PIL import Image
    from skimage import data

    astronaut = Image.fromarray(data.astronaut()[40:200, 150:310]).convert("L")
    for label in ("happy", "neutral"):
        (tmp_path / "faces" / label).mkdir(parents=True)
    from phototag.taggers.smiles import largest_face_cutter

    serious = Image.fromarray(largest_face_cutter("cpu", 96)(SAMPLES / "2015" / "portrait-serious.jpg"))
    for i in range(4):
        astronaut.rotate(3 * i).save(tmp_path / "faces" / "happy" / f"a{i}_0001.png")
        serious.rotate(3 * i).save(tmp_path / "faces" / "neutral" / f"s{i}_0001.png")
    return tmp_path / "faces"


def test_own_smilenet_is_measured_used_and_left_again(tmp_path, folder, faces):
    net, calibration = smilenet.load(store.path("smilenet"))
    good, bad = tmp_path / "good.safetensors", tmp_path / "bad.safetensors"
    smilenet.save(good, net, replace(calibration, smile_threshold=0.7))
    torch.manual_seed(0)
    smilenet.save(bad, SmileNet(), calibration)
    before = compute_fingerprints(["faces", "sharpness", "smiles"], {})
    unmeasured = run("import", good, "--own", "smilenet")
    assert "--validate" in str(unmeasured.exception)
    worse = run("import", bad, "--own", "smilenet", "--validate", faces)
    assert "is worse than what it replaces" in str(worse.exception) and "--anyway" in str(worse.exception)
    assert store.path("smilenet").parent == manifest.SHIPPED
    done = run("import", good, "--own", "smilenet", "--validate", faces)
    assert done.exit_code == 0 and "smile AUC" in done.stderr, done.output
    assert "only 8 pictures: by so few, chance decides" in done.stderr
    assert store.path("smilenet").name == "own-smilenet.safetensors"
    after = compute_fingerprints(["faces", "sharpness", "smiles"], {})
    assert [name for name in after if str(after[name]) != str(before[name])] == ["smiles"]
    assert run("use", "smilenet").exit_code == 0
    again = compute_fingerprints(["faces", "sharpness", "smiles"], {})
    assert str(again["smiles"]) == str(before["smiles"])
    assert run("use", "own-smilenet").stdout.strip().endswith("own-smilenet.safetensors")


def test_scores_of_own_weights_are_read_at_their_own_threshold(tmp_path, folder):
    from dataclasses import replace as change

    from phototag.reading.decode import open_photo
    from phototag.records import Frame

    net, calibration = smilenet.load(store.path("smilenet"))
    photo = open_photo(SAMPLES / "2016" / "booth-one-serious.jpg", working_side=table.WORKING_SIDE)
    frame = Frame(0, photo.pixels, photo.width, photo.height)
    frame = change(frame, answers={"faces": tuple(table.load("faces", "cpu", {})([frame])[0])})

    def smiles():
        tags = table.load("smiles", "cpu", {})([frame])[0]
        return sorted(tag.score for tag in tags if tag.label == "smile")

    shipped = smiles()
    smilenet.save(tmp_path / "own.safetensors", net, replace(calibration, smile_threshold=0.9))
    assert run("import", tmp_path / "own.safetensors", "--own", "smilenet", "--anyway").exit_code == 0
    own = smiles()
    # the same order; what was at 0.9 is now where smiles begin
    assert all(a <= b for a, b in zip(own, shipped, strict=True))
    assert [s >= SMILE_THRESHOLD for s in own] == [s >= 0.9 for s in shipped]


def test_a_threshold_that_nothing_reaches_is_said(tmp_path, folder):
    net, calibration = smilenet.load(store.path("smilenet"))
    smilenet.save(tmp_path / "own.safetensors", net, replace(calibration, smile_threshold=1.0))
    done = run("import", tmp_path / "own.safetensors", "--own", "smilenet", "--anyway")
    assert done.exit_code == 0 and "counts from 1.00 on, so nearly none will" in done.stderr


def test_options_of_import_that_do_not_belong_together(tmp_path, faces):
    file = tmp_path / "x.safetensors"
    file.write_bytes(b"")
    assert run("import", file, "--validate", faces).exit_code == 2
    assert run("import", file, "--own", "smilenet", "--validate", faces, "--images", faces).exit_code == 2
    assert run("import", file, "--own", "detector", "--validate", faces).exit_code == 2

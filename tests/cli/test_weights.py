import json

import pytest
import torch
from click.testing import CliRunner

from phototag.cli.weights import weights
from phototag.errors import PhototagError
from phototag.nets.detector import checkpoint
from phototag.nets.detector import net as compact
from phototag.weights import manifest, store


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
        and plain.stdout.split()[:2] == ["weights", "MB"]
        and "BSD-3-Clause" in plain.stdout
    )
    rows = {row["name"]: row for row in json.loads(run("list", "--json").stdout)}
    assert set(rows) == set(manifest.entries())
    assert rows["coco-mobile"]["sha256"] is None and rows["coco-mobile"]["sha256_starts"] == "fb6a3cc7"


def test_own_weights_are_imported_listed_verified(tmp_path, folder):
    file = tmp_path / "detector.safetensors"
    torch.manual_seed(0)
    checkpoint.save(file, compact.build(("dog",)), checkpoint.Settings(("dog",), 96, 160))
    done = run("import", file, "--own", "people-pets")
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

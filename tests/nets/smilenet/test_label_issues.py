"""Wrong labels are found by classifiers that never saw the face, and left out by their hashes."""

import hashlib
import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from phototag.cli import main
from phototag.errors import PhototagError
from phototag.nets.smilenet import data, label_issues
from tests.cli.test_schemas import check


def test_labels_that_were_flipped_are_found_and_few_others():
    rng = torch.Generator().manual_seed(0)
    truth = torch.randint(0, 3, (600,), generator=rng)
    features = torch.randn(600, 12, generator=rng) + 4 * torch.eye(12)[truth]
    flipped = torch.rand(600, generator=rng) < 0.06
    labels = torch.where(flipped, (truth + 1) % 3, truth)
    said = label_issues.out_of_sample(features, labels, [f"person {i // 2}" for i in range(600)])
    issues = label_issues.confident_issues(said, labels)
    assert issues[flipped].float().mean() > 0.8 and issues[~flipped].float().mean() < 0.05


def test_nobody_is_confidently_what_no_face_is_labelled():
    said = torch.tensor([[0.1, 0.9, 0.0], [0.8, 0.2, 0.0], [0.05, 0.15, 0.8]])
    # label 2 belongs to no face: nothing says how sure one must be of it
    assert label_issues.confident_issues(said, torch.tensor([0, 0, 1])).tolist() == [True, False, False]
    assert label_issues.confident_issues(said, torch.tensor([0, 0, 2])).tolist() == [False, False, False]


@pytest.fixture
def faces(tmp_path):
    """60 pictures of 60 persons; a bright bar low is happy, high is sad; one of each is labelled wrong."""
    rng = np.random.default_rng(0)
    for label, row, other in (("happy", 34, 6), ("sad", 6, 34)):
        (tmp_path / "faces" / label).mkdir(parents=True)
        for i in range(30):
            pixels = rng.integers(40, 90, (48, 48), dtype=np.uint8)
            at = other if i == 7 else row
            pixels[at : at + 8, 8:40] = 230
            Image.fromarray(pixels).save(tmp_path / "faces" / label / f"{label}{i}_0001.png")
    return tmp_path / "faces"


def test_the_command_lists_them_and_training_leaves_them_out(faces, tmp_path):
    wrong = tmp_path / "wrong.txt"
    done = CliRunner().invoke(main, ["evaluate", "labels", str(faces), "--out", str(wrong), "--json"])
    assert done.exit_code == 0, done.output
    check("evaluate-labels", json.loads(done.stdout))
    found = {row["file"].rsplit("/", 1)[-1]: row for row in json.loads(done.stdout)}
    assert {"happy7_0001.png", "sad7_0001.png"} <= set(found) and len(found) < 10
    file = faces / "happy" / "happy7_0001.png"
    assert found[file.name]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    hashes = label_issues.read_hashes(wrong)
    assert hashes == {row["sha256"] for row in found.values()}
    assert len(data.read_faces(faces, 32, without=hashes)) == 60 - len(found)
    told = CliRunner().invoke(main, ["evaluate", "smilenet", str(faces), "--without", str(wrong), "--json"])
    assert json.loads(told.stdout)["n"] == 60 - len(found)


def test_lists_that_are_none_are_a_sentence(tmp_path):
    (tmp_path / "list.txt").write_text("# fine\n" + "a" * 64 + "  a word\n\nnonsense\n")
    with pytest.raises(PhototagError, match="line 4: 'nonsense' is no SHA-256"):
        label_issues.read_hashes(tmp_path / "list.txt")
    few = data.FaceSet(
        torch.zeros(3, 8, 8, dtype=torch.uint8), torch.eye(8)[:3], torch.zeros(3), list("abc"), {}
    )
    with pytest.raises(PhototagError, match="at least 10 persons"):
        label_issues.find_issues(None, few, 8)

"""What a person said with `phototag tag` is training data."""

import numpy as np
import pytest
from click.testing import CliRunner

from phototag import Library
from phototag.cli import main
from phototag.errors import PhototagError
from phototag.nets import corrected
from phototag.nets.detector import everyday
from phototag.nets.smilenet import checkpoint
from phototag.smiling import ANYONE, EVERYONE

LABELS = ("person", "cat", "dog", "tie")


def run(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def said(own_copy):
    """(folder, catalog) with the person's words in it."""
    folder, catalog = own_copy
    with Library.open(catalog) as library:
        library.correct(folder / "2016" / "astronaut.jpg", remove=[EVERYONE])
        library.correct(folder / "2016" / "booth-two.jpg", add=[EVERYONE])
        library.correct(folder / "2016" / "booth-one-serious.jpg", remove=[EVERYONE], add=["tie", "Ann"])
        library.correct(folder / "2015" / "cat.jpg", remove=["cat"])
        library.correct(folder / "2015" / "coffee.jpg", add=["dog"])
    return folder, catalog


def test_words_that_leave_open_which_face_is_meant_teach_nothing(said):
    with Library.open(said[1]) as library:
        words = {photo.path.rsplit("/", 1)[-1]: (photo, about) for photo, about in library.corrected()}
    assert len(words) == 5
    assert corrected.smiles_said(*words["astronaut.jpg"]) is False
    assert corrected.smiles_said(*words["booth-two.jpg"]) is True
    group = words["booth-one-serious.jpg"][0]
    assert corrected.smiles_said(group, {EVERYONE: False}) is None
    assert corrected.smiles_said(group, {ANYONE: True}) is None
    assert corrected.smiles_said(group, {ANYONE: False}) is False
    faces = corrected.read_faces(words.values(), 48)
    assert len(faces) == 3 and faces.smiles.tolist().count(1.0) == 2 and faces.emotions.sum() == 0
    assert len(set(faces.persons)) == 2  # the photo is the unit: its faces stay together
    with pytest.raises(PhototagError, match="no correction says"):
        corrected.read_faces([words["cat.jpg"]], 48)


def test_denied_boxes_go_and_added_things_get_their_surest_box(said, tmp_path):
    with Library.open(said[1]) as library:
        photos = corrected.read_photos(library.corrected(), LABELS, library.thresholds(), tmp_path / "c")
    # of coffee.jpg nobody knows where a dog is
    assert len(photos) == 2 and len(list((tmp_path / "c").iterdir())) == 2
    counted = sorted([LABELS[label - 1] for label in one.labels] for one in photos.photos)
    assert counted[0] == [] and counted[1].count("tie") == 1 and counted[1].count("person") >= 3
    for one in photos.photos:
        assert np.all(one.boxes <= [one.width, one.height] * 2)


def test_both_nets_learn_from_them(said, tmp_path):
    words = ("--from-corrections", "--db", said[1], "--epochs", "1", "--threads", "1")
    done = run(
        "train",
        "smilenet",
        *words,
        "--out",
        tmp_path / "s",
        "--size",
        "32",
        "--first-size",
        "32",
        "--batch",
        "2",
    )
    assert done.exit_code == 0, done.output
    assert "3 faces from your corrections" in done.stderr and "not calibrated" in done.stderr
    assert checkpoint.load(tmp_path / "s" / "smilenet.safetensors")[1].smile_threshold == 0.59
    done = run("train", "detector", *words, "--out", tmp_path / "d", "--size", "64", "--batch", "2")
    assert done.exit_code == 0, done.output
    assert "2 photos from your corrections" in done.stderr
    assert "cat" in everyday.load(tmp_path / "d" / "detector.safetensors")[1].labels


def test_nothing_to_learn_from_is_said(tmp_path):
    assert run("train", "smilenet", "--out", tmp_path / "o").exit_code == 2
    assert run("train", "detector", "--out", tmp_path / "o").exit_code == 2
    done = run("train", "smilenet", "--from-corrections", "--db", tmp_path / "no.db", "--out", tmp_path / "o")
    assert done.exit_code == 1 and not (tmp_path / "no.db").exists()

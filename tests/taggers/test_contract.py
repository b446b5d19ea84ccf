"""What every tagger in the table promises: an empty batch, mixed sizes, order, ranges, no faces at all."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from phototag.reading import decode
from phototag.records import Frame
from phototag.taggers import table
from phototag.taggers.fingerprints import compute_fingerprints
from tests.conftest import SAMPLES

RUNNABLE = [name for name, spec in table.SPECS.items() if spec.missing(spec.options) is None]


@pytest.fixture(scope="module")
def frames():
    """Real photos of several sizes, one without a face, one of a few pixels, each with all answers
    the taggers need."""
    names = ("2016/booth-one-serious.jpg", "2015/coffee.jpg", "2016/astronaut.jpg")
    pixels = [decode.open_photo(SAMPLES / name, working_side=table.WORKING_SIDE).pixels for name in names]
    pixels += [np.full((3, 5, 3), 90, np.uint8), np.zeros((40, 900, 3), np.uint8)]
    made = [Frame(i, array, array.shape[1], array.shape[0]) for i, array in enumerate(pixels)]
    for name in RUNNABLE:
        if any(name in spec.needs for spec in table.SPECS.values()):
            answers = table.load(name, "cpu", {})(made)
            made = [
                dataclasses.replace(f, answers={**f.answers, name: tuple(tags)})
                for f, tags in zip(made, answers, strict=True)
            ]
    return made


@pytest.mark.parametrize("name", RUNNABLE)
def test_the_contract_holds(name, frames):
    tagger = table.load(name, "cpu", {})
    assert tagger([]) == []
    together = tagger(frames)
    assert len(together) == len(frames)
    backwards = tagger(frames[::-1])[::-1]
    for frame, batched, turned in zip(frames, together, backwards, strict=True):
        (alone,) = tagger([frame])
        for other in (alone, turned):
            assert [tag.label for tag in batched] == [tag.label for tag in other]
            # bfloat16
            assert [tag.score for tag in batched] == pytest.approx([tag.score for tag in other], abs=0.03)


@pytest.mark.parametrize("name", RUNNABLE)
def test_several_threads_may_ask_at_once(name, frames):
    tagger = table.load(name, "cpu", {})
    frames = frames[:3]
    batches = [frames[i:] + frames[:i] for i in range(len(frames))]
    expected = {frame.photo_id: tags for frame, tags in zip(frames, tagger(frames), strict=True)}
    with ThreadPoolExecutor(3, initializer=lambda: torch.set_num_threads(1)) as pool:
        answers = list(pool.map(tagger, batches))
    for batch, answer in zip(batches, answers, strict=True):
        for frame, tags in zip(batch, answer, strict=True):
            alone = expected[frame.photo_id]
            assert [tag.label for tag in tags] == [tag.label for tag in alone]
            # bfloat16
            assert [tag.score for tag in tags] == pytest.approx([tag.score for tag in alone], abs=0.03)


@pytest.mark.parametrize("name", RUNNABLE)
def test_the_table_tells_the_truth(name):
    spec = table.SPECS[name]
    assert all(path.is_file() for path in spec.weights(spec.options))
    assert all(list(table.SPECS).index(need) < list(table.SPECS).index(name) for need in spec.needs)
    assert spec.summary


def test_a_fingerprint_changes_with_options_and_with_what_is_needed():
    names = table.with_needs(["smiles"])
    assert names == ["faces", "sharpness", "smiles"]
    one, same = compute_fingerprints(names, {}), compute_fingerprints(names, {})
    assert one == same
    other = compute_fingerprints(names, {"faces": {"min_face": 0.05}})
    assert all(one[name] != other[name] for name in names)


def test_smiles_tells_the_three_astronauts_apart(frames):
    answers = table.load("smiles", "cpu", {})(frames)
    assert all(tag.box for tags in answers for tag in tags), "it says nothing of the photo as a whole"
    smiles = [sorted(tag.score > 0.5 for tag in tags if tag.label == "smile") for tags in answers]
    assert smiles[:3] == [[False, True, True], [], [True]]


def test_sharpness_falls_with_blur():
    from PIL import Image, ImageFilter

    from phototag.taggers.sharpness import sharpness

    portrait = Image.open(SAMPLES / "2016/astronaut.jpg").convert("L")
    scores = [sharpness(portrait.filter(ImageFilter.GaussianBlur(radius))) for radius in (0, 1, 2, 4)]
    assert scores == sorted(scores, reverse=True) and scores[0] > 2 * scores[2]
    assert sharpness(Image.new("L", (100, 100), 128)) == 0


def test_the_smile_threshold_is_the_calibrated_one():
    from phototag.nets.smilenet.checkpoint import load
    from phototag.smiling import SMILE_THRESHOLD
    from phototag.taggers.smiles import WEIGHTS

    assert load(WEIGHTS)[1].smile_threshold == SMILE_THRESHOLD
    assert WEIGHTS.stat().st_size < 15e6

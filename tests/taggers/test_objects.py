import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from phototag.errors import WeightsError
from phototag.nets.detector import checkpoint, predict
from phototag.nets.detector import net as compact
from phototag.nets.detector.predict import Found
from phototag.records import Frame
from phototag.taggers import objects
from phototag.weights import store, thresholds

RNG = np.random.default_rng(0)


def frames(*sizes):
    return [Frame(i, RNG.integers(0, 255, (h, w, 3), dtype=np.uint8), w, h) for i, (h, w) in enumerate(sizes)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PHOTOTAG_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path


@pytest.fixture
def own_people_pets(folder):
    torch.manual_seed(0)
    settings = checkpoint.Settings(("person", "sofa", "boat"), 128, 256, {"person": 0.5, "sofa": 0.6})
    checkpoint.save(folder / "d.safetensors", compact.build(settings.labels), settings)
    store.import_file(folder / "d.safetensors", own="people-pets")


def coco_checkpoint(name, folder):
    """What torchvision's file would be, its numbers random: through the same door as the real one."""
    torch.manual_seed(0)
    known = objects.COCO[name]
    made = known.build(
        weights=None, weights_backbone=None, num_classes=len(known.weights_enum.meta["categories"])
    )
    file = folder / f"random-{name}.pth"
    torch.save(made.state_dict(), file)
    store.import_file(file, own=name)
    return made


def check_contract(tagger):
    batch = frames((60, 90), (90, 60), (300, 200), (60, 90), (1, 1), (20, 400))
    answers = tagger(batch)
    assert len(answers) == len(batch)
    for answer in answers:
        assert all(objects.FLOOR <= tag.score <= 1 and tag.box is not None for tag in answer)
        assert [tag.score for tag in answer] == sorted((tag.score for tag in answer), reverse=True)
    assert tagger([]) == []
    backwards = tagger(batch[::-1])[::-1]
    assert [[t.label for t in a] for a in backwards] == [[t.label for t in a] for a in answers]
    return answers


def test_our_detector_says_only_what_it_is_good_at(own_people_pets):
    tagger = objects.load("cpu", {"detector": "people-pets"})
    labels = {tag.label for answer in check_contract(tagger) for tag in answer}
    assert labels <= {"person", "couch"} and labels, (
        "boat has no threshold; sofa goes by the vocabulary's name"
    )


@pytest.mark.parametrize(
    "name",
    [
        "coco-mobile-320",
        pytest.param("coco-mobile", marks=pytest.mark.slow),
        pytest.param("coco-resnet50", marks=pytest.mark.slow),
    ],
)
def test_torchvisions_detectors_go_from_a_checkpoint_to_tags(name, folder):
    plain = coco_checkpoint(name, folder)
    tagger = objects.load("cpu", {"detector": name})
    assert tagger.detector.short_side == (320 if name.endswith("320") else 800)
    images = torch.randn(1, 3, 192, 256)
    with torch.inference_mode():
        theirs, ours = plain.eval().backbone.body(images), tagger.detector.net.backbone.body(images)
        for key, level in theirs.items():
            torch.testing.assert_close(ours[key], level, atol=1e-3, rtol=1e-3)
    assert len(tagger.detector.names) == 91 and sum(word is not None for word in tagger.detector.names) == 80
    if name == "coco-mobile-320":
        tagger.detector.net.rpn.score_thresh = 0.0  # a random net proposes nothing above torchvision's floor
        tagger.detector.net.roi_heads.score_thresh = 0.0
        found = tagger.detector([frame.pixels for frame in frames((60, 90))])[0]
        assert len(found.labels) and set(found.labels) <= set(tagger.detector.names)


def test_the_scores_are_torchvisions_own(folder):
    """Our resizing aside, a torchvision net answers through our door as it does through its own."""
    plain = coco_checkpoint("coco-mobile-320", folder).eval()
    asked = objects.detector("coco-mobile-320", floor=0.0)
    # in float: a random net's scores are one near tie
    asked.net.roi_heads.box_head = plain.roi_heads.box_head
    for net in (plain, asked.net):
        net.rpn.score_thresh, net.roi_heads.score_thresh = 0.0, 0.0
    pixels = RNG.integers(0, 255, (320, 448, 3), dtype=np.uint8)  # needs no resizing
    with torch.inference_mode():
        theirs = plain([torch.from_numpy(pixels).permute(2, 0, 1).float() / 255])[0]
    ours = asked([pixels])[0]
    known = [i for i, label in enumerate(theirs["labels"].tolist()) if asked.names[label] is not None]
    assert np.allclose(ours.scores, theirs["scores"].numpy()[known], atol=1e-4)
    assert np.allclose(ours.boxes * [448, 320, 448, 320], theirs["boxes"].numpy()[known], atol=0.5)


def test_damage_and_strangers_are_refused_in_a_sentence(folder, own_people_pets):
    with pytest.raises(WeightsError, match="phototag weights fetch coco-mobile"):
        objects.load("cpu", {"detector": "coco-mobile"})
    torch.save({"a": torch.zeros(3)}, folder / "a.pth")
    store.import_file(folder / "a.pth", own="coco-mobile-320")
    with pytest.raises(WeightsError, match="not readable as coco-mobile-320 weights"):
        objects.load("cpu", {"detector": "coco-mobile-320"})
    file = store.path("people-pets")
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(WeightsError, match="has changed since it came here"):
        objects.load("cpu", {"detector": "people-pets"})


class Bomb:
    def __reduce__(self):
        return print, ("this must never be printed",)


def test_a_checkpoint_that_would_run_code_is_refused(folder, capsys):
    torch.save({"a": Bomb()}, folder / "a.pth")
    store.import_file(folder / "a.pth", own="coco-mobile")
    with pytest.raises(WeightsError, match="not readable"):
        objects.load("cpu", {"detector": "coco-mobile"})
    assert "never" not in capsys.readouterr().out


def test_a_thing_boxed_twice_under_two_names_keeps_the_better_name():
    found = Found(
        np.array(
            [
                [0.1, 0.1, 0.5, 0.5],
                [0.11, 0.1, 0.5, 0.5],
                [0.1, 0.1, 0.5, 0.35],
                [0.6, 0.6, 0.9, 0.9],
                [0.6, 0.6, 0.9, 0.89],
            ]
        ),
        ("cat", "dog", "person", "tvmonitor", "tvmonitor"),
        np.array([0.6, 0.7, 0.5, 0.9, 0.4]),
    )
    assert [(tag.label, tag.score) for tag in objects.tags(found)] == [
        ("tv", 0.9),
        ("dog", 0.7),
        ("person", 0.5),
        ("tv", 0.4),
    ]


def test_a_batch_too_large_for_the_memory_is_halved(own_people_pets):
    """A device with room for two pictures at once."""
    net, settings = checkpoint.load(store.path("people-pets"))
    tagger = objects.Objects(predict.Detector(net, [None, *settings.labels], 128, 256, half=False))
    tagger.detector.batch = 8  # as on a GPU
    batch = frames(*[(60, 90)] * 5)
    before = tagger(batch)
    plain, sizes = tagger.detector.net.forward, []

    def forward(images, targets=None):
        sizes.append(len(images))
        if len(images) > 2:
            raise torch.OutOfMemoryError("full")
        return plain(images, targets)

    tagger.detector.net.forward = forward
    after = tagger(batch)
    assert sizes == [5, 2, 3, 1, 2]
    # scores of a random net nearly tie: their order may differ, little else
    for one, other in zip(after, before, strict=True):
        assert len(one) == pytest.approx(len(other), abs=3)
        assert np.allclose([t.score for t in one][:20], [t.score for t in other][:20], atol=0.02)


def test_thresholds_ship_inside_the_weights(own_people_pets):
    assert thresholds.read_thresholds("own-people-pets") == {"person": 0.5, "couch": 0.6}
    assert json.loads((store.folder() / "record.json").read_text())["own-people-pets.safetensors"]["own"]
    assert load_file(store.path("people-pets"))["roi_heads.box_head.fc7.weight"].dtype == torch.float16


@pytest.mark.gpu
def test_the_gpu_finds_the_same(own_people_pets):
    batch = frames((60, 90), (90, 60), (60, 90))
    here, there = (objects.load(device, {"detector": "people-pets"})(batch) for device in ("cpu", "cuda"))
    for one, other in zip(here, there, strict=True):
        assert abs(len(one) - len(other)) <= 2
        assert one[0].score == pytest.approx(other[0].score, abs=0.02)

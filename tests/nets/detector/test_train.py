from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open

from phototag.errors import PhototagError, WeightsError
from phototag.nets import backbone
from phototag.nets.detector import checkpoint, data, net, predict, train

PLAN = train.Plan(epochs=2, batch=2, first_size=64, size=96, jitter=(1.0,), whole_epochs=1, bf16=False)


@pytest.fixture
def photos(coco_file):
    return data.read_coco(coco_file, coco_file.parent)


class Stopped(Exception):
    pass


@pytest.mark.slow
def test_an_interrupted_training_ends_with_the_same_weights(photos, tmp_path):
    said: list[str] = []
    straight = train.train(photos, photos, tmp_path / "straight", PLAN, report=said.append)
    assert len(said) == 2 and "mean AP50" in said[1]
    assert {file.name for file in straight.parent.iterdir()} == {
        "checkpoint.pt",
        "log.csv",
        "curves.png",
        "detector.safetensors",
    }

    def stop(done: int, total: int) -> None:
        if done == 4:  # in the second epoch
            raise Stopped

    with pytest.raises(Stopped):
        train.train(photos, None, tmp_path / "broken", PLAN, report=said.append, progress=stop)
    resumed = train.train(photos, None, tmp_path / "broken", PLAN, report=said.append)
    one, two = (checkpoint.load(path)[0].state_dict() for path in (straight, resumed))
    assert all(torch.equal(one[name], two[name]) for name in one)

    with pytest.raises(PhototagError, match="epochs"):
        train.train(photos, None, tmp_path / "broken", replace(PLAN, epochs=3), report=said.append)


def test_starting_from_weights_keeps_what_labels_of_the_same_name_know(photos, tmp_path):
    torch.manual_seed(0)
    source = tmp_path / "source.safetensors"
    known = net.build(("blue", "green"))
    checkpoint.save(source, known, checkpoint.Settings(("blue", "green")))
    fresh = net.build(photos.names)
    train._adopt(fresh, photos.names, source)  # ("red", "blue")
    theirs, ours = known.roi_heads.box_predictor, fresh.roi_heads.box_predictor
    assert torch.allclose(ours.cls_score.weight[2], theirs.cls_score.weight[1], atol=1e-3)
    assert torch.allclose(ours.bbox_pred.weight[8:12], theirs.bbox_pred.weight[4:8], atol=1e-3)
    assert not torch.allclose(ours.cls_score.weight[1], theirs.cls_score.weight[2], atol=1e-3)


def test_a_training_starts_from_imagenet_and_moves_only_what_may_learn(photos, tmp_path):
    path = train.train(photos, None, tmp_path / "out", replace(PLAN, epochs=1), report=lambda line: None)
    moved, _ = checkpoint.read_weights(path)
    start = net.build(photos.names, imagenet=True).state_dict()
    assert torch.allclose(
        moved["backbone.body.conv_stem.weight"], start["backbone.body.conv_stem.weight"], atol=1e-3
    )
    assert torch.equal(
        moved["backbone.body.blocks.3.0.conv_pw.scale"], start["backbone.body.blocks.3.0.conv_pw.scale"]
    )
    difference = (
        moved["backbone.body.blocks.6.0.conv_pw.weight"]
        - start["backbone.body.blocks.6.0.conv_pw.weight"].half().float()
    )
    assert float(difference.abs().max()) > 0


def test_frozen_convolutions_answer_as_timms_backbone_does():
    import timm

    torch.manual_seed(0)
    plain = timm.create_model(backbone.BACKBONE, features_only=True, out_indices=(2, 3, 4))
    state = backbone.imagenet_state()
    plain.load_state_dict({name: state[name] for name in plain.state_dict()})
    frozen = net.build(("dog",), imagenet=True).backbone.body
    images = torch.randn(1, 3, 75, 98)  # odd sizes: the padding must fall on the same sides
    with torch.inference_mode():
        for ours, theirs in zip(frozen(images), plain.eval()(images), strict=True):
            torch.testing.assert_close(ours, theirs, atol=2e-3, rtol=2e-3)


def test_half_precision_inside_keeps_boxes_float():
    images = [torch.rand(3, 96, 128), torch.rand(3, 96, 128)]
    targets = [{"boxes": torch.tensor([[10.0, 10.0, 90.0, 80.0]]), "labels": torch.tensor([1])}] * 2
    losses = []
    for halved in (False, True):
        torch.manual_seed(0)
        made = net.build(("dog",), imagenet=True).train()
        if halved:
            predict.halve_inside(made, "cpu", torch.bfloat16)
        torch.manual_seed(1)
        told = made(images, targets)
        assert all(value.dtype == torch.float32 for value in told.values())
        sum(told.values()).backward()
        assert made.backbone.body.blocks[3][0].conv_dw.weight.grad is not None
        assert made.backbone.body.blocks[0][0].conv_dw.weight.grad is None
        losses.append({name: float(value.detach()) for name, value in told.items()})
    assert losses[0]["loss_objectness"] == pytest.approx(losses[1]["loss_objectness"], rel=0.05)


def test_weights_survive_the_disk_and_damage_is_refused(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "d.safetensors"
    settings = checkpoint.Settings(("dog", "cat", "boat"), 160, 256, {"dog": 0.5, "cat": 0.6})
    checkpoint.save(path, net.build(settings.labels), settings)
    assert path.stat().st_size < 25e6
    loaded, read = checkpoint.load(path)
    assert read == settings
    with safe_open(path, framework="pt") as archive:
        assert archive.get_tensor("roi_heads.box_head.fc6.weight").dtype == torch.float16
    assert not loaded.training
    assert predict.detector(path).names == (None, "dog", "cat", None)  # "boat" was not good enough to be said
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match=r"d\.safetensors"):
        checkpoint.load(path)


def test_answers_keep_their_order_whatever_the_sizes():
    torch.manual_seed(0)
    asked = predict.Detector(net.build(("dog",), box_score_thresh=0.0), [None, "dog"], 96, 160)
    rng = np.random.default_rng(0)
    pictures = [
        rng.integers(0, 255, (h, w, 3), dtype=np.uint8)
        for h, w in ((60, 90), (200, 50), (120, 180), (30, 30))
    ]
    together = asked(pictures, batch=3)
    for picture, answer in zip(pictures, together, strict=True):
        (alone,) = asked([picture])
        assert len(answer.labels) == len(alone.labels)
        # bfloat16 where the processor computes in it
        assert np.allclose(answer.scores, alone.scores, atol=5e-3)
    assert asked([]) == []

from dataclasses import replace

import pytest
import torch

from phototag.errors import PhototagError
from phototag.nets.detector import data, everyday, train_two_stage
from phototag.nets.detector.train_two_stage import Plan, train

PLAN = Plan(epochs=2, batch=4, sides=(1.0,), mirrored=True)
SMALL = everyday.Settings(("red", "blue", "green"), 200, 96, taught=2, seen=3, width=4, hidden=24)


def untaught():
    torch.manual_seed(0)
    net = everyday.build(SMALL).eval()
    for level in net.rpn.head.levels:
        level.objectness.bias.data.fill_(1.0)  # a net that was never taught proposes nothing
    return net


def test_the_judge_learns_and_nothing_else(coco_file, tmp_path):
    photos = data.read_coco(coco_file, coco_file.parent)
    merged, start, lines = data.renamed([photos], SMALL.labels), untaught(), []
    whole = train(merged, {"mine": photos}, start, SMALL, tmp_path / "whole", PLAN, lines.append)
    net, read = everyday.load(whole)
    assert read == SMALL and "mine AP50" in lines[-1] and "mine AP50" not in lines[-2]
    before = {
        name: value.half().float() if value.ndim > 1 else value for name, value in start.state_dict().items()
    }
    changed = {name for name, value in net.state_dict().items() if not torch.equal(value, before[name])}
    assert "roi_heads.kinds.weight" in changed and "roi_heads.features.weight" in changed
    assert all(name.startswith("roi_heads.") for name in changed)
    assert not any(name.startswith(("roi_heads.box_head", "roi_heads.seen")) for name in changed)

    again = train(merged, {}, start, SMALL, tmp_path / "whole", PLAN, lines.append)
    assert again == whole and lines[-1].startswith("resuming after epoch 2")
    with pytest.raises(PhototagError, match="other settings"):
        train(merged, {}, start, SMALL, tmp_path / "whole", replace(PLAN, rate=0.1), lines.append)
    with pytest.raises(PhototagError, match="at least 60 photos"):
        train(merged, {}, start, SMALL, tmp_path / "x", replace(PLAN, batch=60), lines.append)


def test_what_is_learned_on_is_what_is_asked_later(coco_file, tmp_path):
    photos = data.read_coco(coco_file, coco_file.parent)
    merged, net = data.renamed([photos], SMALL.labels), untaught()
    views = train_two_stage.gather(merged, net, SMALL, tmp_path / "e", PLAN)
    assert len(views) == 2 * len(photos) and [view.mirrored for view in views[:7]] == [False] * 6 + [True]
    logits, boxes = net.roi_heads(
        train_two_stage.Evidence(*(p.float() if p.is_floating_point() else p for p in views[0].known)),
        (96, 96),
    )
    truth = train_two_stage._truth(merged, views[0])
    torch.testing.assert_close(truth.boxes, torch.from_numpy(photos.photos[0].boxes))  # 96 x 72 as it is
    other = train_two_stage._truth(merged, views[6])
    torch.testing.assert_close(other.boxes[:, [0, 2]], 96 - truth.boxes[:, [2, 0]])
    assert torch.isfinite(logits).all() and boxes.shape[1] == views[0].known.boxes.shape[1]
    files = sorted((tmp_path / "e").iterdir())
    assert [file.name for file in files] == ["1-mirrored-0.pt", "1-plain-0.pt"]
    assert len(train_two_stage.gather(merged, net, SMALL, tmp_path / "e", PLAN)) == len(views)


def test_the_judge_is_told_the_same_in_training(coco_file, tmp_path):
    """In training, canvases of all shapes are one batch: boxes are given as shares."""
    photos = data.read_coco(coco_file, coco_file.parent)
    merged, net = data.renamed([photos], SMALL.labels), untaught()
    torch.nn.init.normal_(net.roi_heads.kinds.weight, std=0.1)
    torch.nn.init.normal_(net.roi_heads.edges.weight, std=0.5)
    views = train_two_stage.gather(merged, net, SMALL, tmp_path / "e", PLAN)
    told = train_two_stage._losses(net, merged, [views[0]])
    known = train_two_stage.Evidence(*(p.float() if p.is_floating_point() else p for p in views[0].known))
    logits, boxes = net.roi_heads(known, views[0].canvas_hw)
    alone = train_two_stage.losses(
        logits, boxes, known, [train_two_stage._truth(merged, views[0])], net.roi_heads.judged
    )
    for name, value in alone.items():
        assert float(told[name]) == pytest.approx(float(value), rel=1e-3)

import numpy as np
import pytest
import torch

from phototag.errors import WeightsError
from phototag.nets.detector import everyday, two_stage
from phototag.nets.detector.checkpoint import Settings, save
from phototag.nets.detector.net import build
from phototag.nets.detector.predict import Detector
from phototag.nets.detector.two_stage import Evidence, Truth

BOTH = torch.tensor([True, True])
SMALL = everyday.Settings(("red", "blue", "green"), 200, 96, taught=2, seen=3, width=4, hidden=24)


@pytest.fixture
def small():
    torch.manual_seed(0)
    net = everyday.build(SMALL).eval()
    for level in net.rpn.head.levels:
        level.objectness.bias.data.fill_(1.0)  # a net that was never taught proposes nothing
    return net


def evidence(count=5, kinds=2):
    torch.manual_seed(1)
    corner = torch.rand(1, count, 2) * 40
    boxes = torch.cat([corner, corner + 8 + torch.rand(1, count, 2) * 40], 2)
    real, opinion = (
        torch.ones(1, count, dtype=torch.bool),
        (torch.randn(1, count), torch.randn(1, count, kinds)),
    )
    return Evidence(boxes, real, *opinion, torch.randn(1, count, 7), torch.randn(1, 5))


def test_untrained_it_answers_as_the_first_stage_does(small):
    pictures = torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        first = small.evidence(pictures)
        logits, boxes = small.roi_heads(first, (64, 96))
    scores = first.objectness.sigmoid().unsqueeze(2) * first.kinds.sigmoid()
    torch.testing.assert_close(logits[..., :2].sigmoid(), scores, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(boxes, first.boxes)
    assert (logits[..., 2] == two_stage.UNSEEN).all(), "the first stage was never taught green"


def test_a_photo_is_answered_alike_in_any_company(small):
    for last in (small.roi_heads.kinds, small.roi_heads.edges, small.roi_heads.mix.answer):
        torch.nn.init.normal_(last.weight, std=0.3)
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (60, 90, 3), dtype=np.uint8) for _ in range(3)]
    pictures[1][:] = 127  # has fewer proposals, most likely
    detect = Detector(small, [None, *SMALL.labels], SMALL.short_side, SMALL.long_side)
    alone, together = detect(pictures, batch=1), detect(pictures, batch=3)
    for one, other in zip(alone, together, strict=True):
        assert one.labels == other.labels and len(one.labels)
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-4)
        # of a net that was never taught, scores tie: their boxes come in any order
        np.testing.assert_allclose(np.sort(one.boxes, 0), np.sort(other.boxes, 0), atol=1e-3)
        assert (one.boxes >= 0).all() and (one.boxes <= 1).all()


def test_a_photo_with_nothing_in_it(small):
    for level in small.rpn.head.levels:
        level.objectness.bias.data.fill_(-30.0)
    detect = Detector(small, [None, *SMALL.labels], SMALL.short_side, SMALL.long_side)
    found = detect([np.zeros((40, 60, 3), np.uint8)] * 2)
    assert [len(each.labels) for each in found] == [0, 0]


def test_losses_ask_for_what_people_drew():
    said = evidence()
    things = Truth(said.boxes[0, :2].clone(), torch.tensor([0, 1]), torch.tensor([False, True]))
    logits = torch.zeros(1, 5, 2, requires_grad=True)
    boxes = said.boxes.clone().requires_grad_()
    told = two_stage.losses(logits, boxes, said, [things], BOTH)
    told["kinds"].backward()
    assert logits.grad[0, 0, 0] < 0, "the first box is a thing of the first kind"
    assert logits.grad[0, 1, 1] == 0, "the second is nobody's business"
    assert logits.grad[0, 4, 0] > 0 and float(told["boxes"]) == pytest.approx(0, abs=1e-6)
    away = two_stage.losses(logits, boxes.detach() + 3, said, [things], BOTH)
    assert away["boxes"] > 0.1
    nothing = Truth(torch.zeros(0, 4), torch.zeros(0).long(), torch.zeros(0).bool())
    empty = two_stage.losses(logits, boxes, said, [nothing], BOTH)
    assert empty["kinds"] > 0 and empty["boxes"] == 0


def test_weights_come_back_as_they_went(small, tmp_path):
    path = tmp_path / "w.safetensors"
    settings = everyday.Settings(**{**SMALL.__dict__, "thresholds": {"blue": 0.4}})
    everyday.save(path, small, settings)
    net, read = everyday.load(path)
    assert read == settings and everyday.is_everyday(path)
    for name, value in small.state_dict().items():
        torch.testing.assert_close(net.state_dict()[name], value, atol=1e-3, rtol=1e-2)
    assert everyday.detector(path).names == (None, None, "blue", None)

    save(tmp_path / "compact.safetensors", build(("dog",)), Settings(("dog",)))
    assert not everyday.is_everyday(tmp_path / "compact.safetensors")
    with pytest.raises(WeightsError, match=r"compact\.safetensors"):
        everyday.load(tmp_path / "compact.safetensors")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(WeightsError, match=r"w\.safetensors"):
        everyday.load(path)


def test_of_kinds_that_nobody_labelled_the_first_stage_has_the_last_word(small):
    for last in (small.roi_heads.kinds, small.roi_heads.edges):
        torch.nn.init.normal_(last.weight, std=0.3)
    small.roi_heads.judged[1] = False
    logits, boxes, proposed = torch.zeros(2, 3), torch.full((2, 4), 9.0), torch.full((2, 4), 5.0)
    answer = small.roi_heads.answer(logits, boxes, proposed, (64, 96))
    left = [edges[0] for edges in answer["boxes"].tolist()]
    assert set(zip(answer["labels"].tolist(), left, strict=True)) == {(1, 9.0), (2, 5.0), (3, 9.0)}
    said = evidence()
    logits = torch.zeros(1, 5, 2, requires_grad=True)
    things = Truth(said.boxes[0, :2].clone(), torch.tensor([0, 1]), torch.tensor([False, False]))
    told = two_stage.losses(logits, said.boxes, said, [things], torch.tensor([True, False]))
    told["kinds"].backward()
    assert (logits.grad[..., 1] == 0).all() and (logits.grad[..., 0] != 0).all()


def test_kinds_are_added_to_what_is_known(small):
    torch.nn.init.normal_(small.roi_heads.kinds.weight)
    small.roi_heads.judged[:] = torch.tensor([True, False, False])
    net, settings = everyday.with_kinds(small, SMALL, ("green", "sofa"))
    assert settings.labels == ("red", "blue", "green", "couch")
    assert net.roi_heads.judged.tolist() == [True, False, True, True]
    assert torch.equal(net.roi_heads.kinds.weight[:3], small.roi_heads.kinds.weight)
    assert not net.roi_heads.kinds.weight[3].any()

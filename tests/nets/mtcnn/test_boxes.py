"""Box arithmetic against slow and plain versions of it."""

from __future__ import annotations

import pytest
import torch
from torchvision.ops import nms

from phototag.nets.mtcnn.boxes import nearest, peaks, shifted, squared, suppress_contained


def test_shifted_and_squared() -> None:
    boxes = torch.tensor([[10.0, 20.0, 30.0, 60.0]])
    assert shifted(boxes, torch.tensor([[0.1, -0.5, 0.0, 0.25]])).tolist() == [[12, 0, 30, 70]]
    assert squared(boxes).tolist() == [[0, 20, 40, 60]]


@pytest.mark.parametrize("seed", range(4))
def test_peaks_are_greedy_nms_within_a_level(seed: int) -> None:
    torch.manual_seed(seed)
    # smooth, as neighbouring windows are
    logits = torch.nn.functional.avg_pool2d(torch.randn(1, 42, 52), 3, 1)
    logits = logits.masked_fill(logits < 0.2, -torch.inf)
    cells = (logits > -torch.inf).nonzero()
    corners = cells[:, [2, 1]] * 2.0
    picks = nms(torch.cat([corners, corners + 12], dim=1), logits[tuple(cells.T)], 0.5)
    greedy = {tuple(cell) for cell in cells[picks].tolist()}
    found = {tuple(cell) for cell in peaks(logits, rounds=20).nonzero().tolist()}
    assert found == greedy
    few = {tuple(cell) for cell in peaks(logits).nonzero().tolist()}
    assert few <= greedy and len(few) >= 0.97 * len(greedy)


def test_peaks_of_nothing() -> None:
    assert not peaks(torch.full((2, 5, 7), -torch.inf)).any()
    alone = torch.full((1, 1, 1), 3.0)
    assert peaks(alone).all()


def plain(boxes: list[list[float]], scores: list[float], photos: list[int], threshold: float) -> list[int]:
    kept: list[int] = []
    for i in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        for k in kept:
            width = min(boxes[i][2], boxes[k][2]) - max(boxes[i][0], boxes[k][0])
            height = min(boxes[i][3], boxes[k][3]) - max(boxes[i][1], boxes[k][1])
            smaller = min((b[2] - b[0]) * (b[3] - b[1]) for b in (boxes[i], boxes[k]))
            if photos[i] == photos[k] and width > 0 and height > 0 and width * height > threshold * smaller:
                break
        else:
            kept.append(i)
    return kept


@pytest.mark.parametrize("seed", range(5))
def test_suppress_contained(seed: int) -> None:
    torch.manual_seed(seed)
    corners = torch.rand(60, 2) * 60
    boxes = torch.cat([corners, corners + 5 + torch.rand(60, 2) * 40], dim=1)
    scores, photos = torch.rand(60), torch.randint(0, 3, (60,))
    kept = suppress_contained(boxes, scores, photos, 0.7)
    assert kept.tolist() == plain(boxes.tolist(), scores.tolist(), photos.tolist(), 0.7)
    none = torch.zeros(0)
    assert suppress_contained(none.view(0, 4), none, none.long(), 0.7).tolist() == []


def test_nearest_stays_within_the_photo() -> None:
    boxes = torch.tensor(
        [[0.0, 0, 10, 10], [20, 20, 30, 30], [1, 1, 11, 11], [21, 21, 31, 31], [0, 0, 10, 10], [2, 2, 12, 12]]
    )
    photos = torch.tensor([0, 0, 0, 0, 1, 1])
    leaders = torch.tensor([4, 1, 0])  # of photo 1, 0, 0
    assert nearest(boxes, photos, torch.tensor([3, 5, 2]), leaders).tolist() == [1, 0, 2]
    assert nearest(boxes, photos, torch.tensor([], dtype=torch.long), leaders).tolist() == []

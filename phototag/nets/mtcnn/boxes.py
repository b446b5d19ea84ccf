"""Arithmetic on boxes: (N, 4) tensors of left, top, right, bottom pixel edges. Knows nothing of
nets or photos."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import box_iou


def shifted(boxes: Tensor, offsets: Tensor) -> Tensor:
    """Each edge moved by its offset, in units of the box's own width or height."""
    size = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)  # (N, 4)
    return boxes + offsets * size


def squared(boxes: Tensor) -> Tensor:
    """The square of the longer side about the same centre, which is what RNet and ONet were trained
    to look at."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).amax(dim=1, keepdim=True) / 2
    return torch.cat([centre - half, centre + half], dim=1)


def peaks(logits: Tensor, rounds: int = 4) -> Tensor:
    """Greedy non-maximum suppression on a grid: of neighbours (3 x 3) only the best stays, as a
    mask like `logits` (K, h, w), in which -inf means no candidate.

    Two 12-pixel windows overlap by more than IoU 0.5 exactly when they are neighbours: 2 cells
    apart, 8 of 12 columns are shared, 96 / 192. So this is the usual NMS within one level, in a few
    vectorised passes. Each round keeps what is best among its living neighbours and strikes those
    out; chains longer than `rounds` keep nothing more."""
    alive, kept = logits, torch.zeros_like(logits, dtype=torch.bool)
    for _ in range(rounds):
        best = (alive == _around(alive)) & (alive > -torch.inf)
        kept |= best
        alive = alive.masked_fill(_around(best.to(logits.dtype)) > 0, -torch.inf)
    return kept


def _around(grid: Tensor) -> Tensor:
    """The maximum of each 3 x 3 neighbourhood: slices, because max_pool2d of one channel is scalar code."""
    x = F.pad(grid, (1, 1, 1, 1), value=-torch.inf)
    x = torch.maximum(torch.maximum(x[:, :-2], x[:, 1:-1]), x[:, 2:])
    return torch.maximum(torch.maximum(x[:, :, :-2], x[:, :, 1:-1]), x[:, :, 2:])


def nearest(boxes: Tensor, photos: Tensor, some: Tensor, leaders: Tensor) -> Tensor:
    """For each of the boxes `some` (indices), the position in `leaders` (indices) of the one of its
    photo it overlaps most; there must be one."""
    found = torch.empty_like(some)
    for photo in photos[some].unique():
        mine, theirs = (photos[some] == photo).nonzero()[:, 0], (photos[leaders] == photo).nonzero()[:, 0]
        found[mine] = theirs[box_iou(boxes[some[mine]], boxes[leaders[theirs]]).argmax(dim=1)]
    return found


def suppress_contained(boxes: Tensor, scores: Tensor, photos: Tensor, threshold: float) -> Tensor:
    """Indices, best first, of boxes of which no better box of the same photo covers more than
    `threshold` of the smaller of the two: intersection over the smaller area, not over the union,
    so that a face inside a face goes."""
    order = scores.argsort(descending=True, stable=True)
    boxes, photos = boxes[order], photos[order]
    corner = torch.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - torch.maximum(
        boxes[:, None, :2], boxes[None, :, :2]
    )
    inner = corner.clamp(min=0).prod(dim=2)  # (N, N)
    area = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(dim=1)
    smaller = torch.minimum(area[:, None], area[None, :])
    covers = (inner > threshold * smaller) & (photos[:, None] == photos[None, :])
    covers = covers.triu(diagonal=1).float()  # row suppresses column: only the better one may
    keep = torch.ones_like(scores)
    # settles once the longest chain of suppressions is through, after 2 or 3 passes
    for _ in range(len(scores)):
        again = (keep @ covers == 0).float()
        if torch.equal(again, keep):
            break
        keep = again
    return order[keep > 0]

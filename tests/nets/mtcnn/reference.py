"""MTCNN as facenet_pytorch.MTCNN.detect computes it, on our nets: one photo at a time, every candidate
asked. It takes the reference's detours where they change the answer: levels by area averaging from
the whole photo, nominal instead of true scales, boxes rounded down to pixels, crops clipped at the
border instead of padded. So it shows that our nets and our arithmetic are the reference's, and what
is left between it and `FaceDetector` is what that does differently on purpose."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import batched_nms, nms

from phototag.nets.mtcnn.boxes import shifted, squared, suppress_contained
from phototag.nets.mtcnn.canvas import STRIDE, WINDOW
from phototag.nets.mtcnn.detect import (
    CROP_PX,
    FACTOR,
    FINAL_IOM,
    MIN_FACE_PX,
    REFINED_IOU,
    THRESHOLDS,
    Faces,
)
from phototag.nets.mtcnn.nets import CropNet, ProposalNet, load_nets

LOGITS = [math.log(threshold / (1 - threshold)) for threshold in THRESHOLDS]


@torch.inference_mode()
def detect(photo: np.ndarray, min_face_px: float = MIN_FACE_PX) -> Faces:
    """The faces of one (H, W, 3) uint8 RGB photo, best first."""
    pnet, rnet, onet = load_nets()
    pixels = torch.from_numpy(photo).permute(2, 0, 1)[None].float()  # (1, 3, H, W)
    boxes, logits = _propose(pnet, pixels, min_face_px)
    boxes, logits, answers = _ask(rnet, 1, boxes, pixels)
    picks = nms(_one_based(boxes), logits, REFINED_IOU)
    boxes = squared(shifted(boxes[picks], answers[picks]))
    boxes, logits, answers = _ask(onet, 2, boxes, pixels)
    sides = boxes[:, None, 2:] - boxes[:, None, :2]  # (N, 1, 2)
    points = answers[:, 4:].unflatten(1, (2, 5)).transpose(1, 2) * sides + boxes[:, None, :2]
    boxes = shifted(boxes, answers[:, :4])
    picks = suppress_contained(boxes, logits, torch.zeros(len(boxes), dtype=torch.long), FINAL_IOM)
    return Faces(boxes[picks], logits[picks].sigmoid(), points[picks])


def _propose(pnet: ProposalNet, pixels: Tensor, min_face_px: float) -> tuple[Tensor, Tensor]:
    """Candidates of all levels, (N, 4) pixel edges, and their logits (N,)."""
    height, width = pixels.shape[2:]
    levels = []
    scale = WINDOW / max(min_face_px, MIN_FACE_PX)
    while min(height, width) * scale >= WINDOW:
        level = F.interpolate(pixels, (int(height * scale + 1), int(width * scale + 1)), mode="area")
        even = level[:, :, : level.shape[2] // 2 * 2, : level.shape[3] // 2 * 2]
        found, features = pnet(even.contiguous(memory_format=torch.channels_last))  # (1, h, w)
        at = (found[0] > LOGITS[0]).nonzero()  # (N, 2) row, column
        corner = at.flip(1) * STRIDE
        windows = torch.cat([((corner + 1) / scale).floor() - 1, ((corner + WINDOW) / scale).floor()], 1)
        # the reference's width, here alone, is a pixel short
        size = (windows[:, 2:] - windows[:, :2] - 1).repeat(1, 2)
        moved = windows + pnet.offsets(features[0][at.unbind(1)]) * size
        number = torch.full((len(at),), len(levels))
        levels.append((windows, moved, found[0][at.unbind(1)], number))
        scale *= FACTOR
    if not levels:
        return torch.zeros(0, 4), torch.zeros(0)
    windows, moved, logits, numbers = (torch.cat(parts) for parts in zip(*levels, strict=True))
    picks = batched_nms(_one_based(windows), logits, numbers, 0.5)
    return squared(moved[picks]), logits[picks]


def _ask(net: CropNet, stage: int, boxes: Tensor, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of the boxes those that pass the stage, their new logits, and what else the net says of them."""
    side = CROP_PX[stage]
    crops = [_clipped_crop(pixels, box, side) for box in boxes.tolist()]
    pixels = torch.stack(crops) if crops else torch.zeros(0, 3, side, side)
    answers = net(pixels.contiguous(memory_format=torch.channels_last))
    passing = answers[:, 0] > LOGITS[stage]
    return boxes[passing], answers[passing, 0], answers[passing, 1:]


def _clipped_crop(pixels: Tensor, box: Sequence[float], side: int) -> Tensor:
    """(3, side, side): in whole pixels inside the photo, by area averaging."""
    height, width = pixels.shape[2:]
    left, top = (max(math.trunc(edge + 1), 1) - 1 for edge in box[:2])
    right, bottom = min(math.trunc(box[2]), width), min(math.trunc(box[3]), height)
    if left >= right or top >= bottom:
        return torch.zeros(3, side, side)
    return F.interpolate(pixels[:, :, top:bottom, left:right], size=(side, side), mode="area")[0]


def _one_based(boxes: Tensor) -> Tensor:
    """Left and top as the reference counts them, in whose IoU boxes are a pixel smaller than they are."""
    return boxes + boxes.new_tensor([1, 1, 0, 0])

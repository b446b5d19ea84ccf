"""Asking a Faster R-CNN about pictures of mixed sizes: `Detector`. Must not know where pictures
come from or where answers go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torchvision.models.detection import FasterRCNN

from phototag.nets.detector.checkpoint import load
from phototag.nets.detector.net import NoResize
from phototag.nets.detector.suppress import merge_boxes
from phototag.nets.device import half_precision, halving, send
from phototag.nets.inference import optimize_for_inference
from phototag.nets.pixels import shrunk

RAW = 400  # boxes of a photo before overlapping ones are merged; crowds have some 200


GPU_BATCH = 8  # photos at once


class NoResizeChannelsLast(NoResize):
    """The same, in the memory layout that convolutions like best."""

    def batch_images(self, images, size_divisible=32):
        return super().batch_images(images, size_divisible).contiguous(memory_format=torch.channels_last)


def halve_inside(net: FasterRCNN, device: str, dtype: torch.dtype) -> None:
    """Let the three costly parts compute in half precision and answer in float. Anchors and boxes
    stay float throughout: in bfloat16 an edge at pixel 300 would be off by two."""

    def wrap(part: nn.Module) -> None:
        plain = part.forward

        def forward(inputs):
            with torch.autocast(device, dtype):
                return _float(plain(inputs))

        part.forward = forward

    for part in (net.backbone, net.rpn.head, net.roi_heads.box_head):
        wrap(part)


def _in_half(part: nn.Module, dtype: torch.dtype) -> None:
    """Once and for all: autocast would cast the weights again for every photo, which costs as much
    as it saves."""
    plain = part.to(dtype).forward
    part.forward = lambda inputs: plain(inputs.to(dtype)).float()


def _float(value):
    if isinstance(value, torch.Tensor):
        return value.float()
    if isinstance(value, Mapping):
        return {name: _float(inner) for name, inner in value.items()}
    return type(value)(_float(inner) for inner in value)


def working_size(width: int, height: int, short_side: int, long_side: int) -> tuple[int, int]:
    """The (width, height) a picture is looked at: its short side as asked unless that makes the
    long side too long."""
    scale = min(short_side / min(width, height), long_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def resized(pixels: np.ndarray, size_wh: tuple[int, int]) -> torch.Tensor:
    """(H, W, 3) uint8 -> (3, h, w) float 0..1."""
    return torch.from_numpy(shrunk(pixels, size_wh).copy()).permute(2, 0, 1).float() / 255


@dataclass(frozen=True)
class Found:
    """Things in one picture, best first: `boxes` (N, 4) left, top, right, bottom as fractions;
    `scores` (N,)."""

    boxes: np.ndarray
    labels: tuple[str, ...]
    scores: np.ndarray


def disable_nms(net: FasterRCNN) -> FasterRCNN:
    """Let the net give every box above its floor, doubles too."""
    net.roi_heads.nms_thresh, net.roi_heads.detections_per_img = 1.0, RAW
    return net


class Detector:
    """A Faster R-CNN, the names of its outputs (None for those never to be said) and the size it
    looks at. `batch` photos are looked at together: a processor likes them one by one, for its
    cache; a GPU halves what does not fit."""

    def __init__(
        self,
        net: FasterRCNN,
        names: Sequence[str | None],
        short_side: int,
        long_side: int,
        device: str | torch.device = "cpu",
        half: bool | None = None,
        merge: bool = True,
    ) -> None:
        """`names[0]` is the background's. `half`: compute in half precision where that is faster
        (unless said: on a GPU). `merge`: by our rules (phototag.nets.detector.suppress) and not
        by the net's own NMS."""
        self.device = torch.device(device)
        self.net = optimize_for_inference(net, self.device)
        self.merge = merge
        if merge:
            disable_nms(self.net)
        self.net.transform = NoResizeChannelsLast(0, 0, net.transform.image_mean, net.transform.image_std)
        self.batch = 1 if self.device.type == "cpu" else GPU_BATCH
        if half is None:
            half = self.device.type == "cuda"
        dtype = half_precision(self.device) if half else None
        if dtype == torch.float16:
            halve_inside(self.net, self.device.type, dtype)
        elif dtype == torch.bfloat16:
            # Only the box head. The rest turns near ties round, and then it is another proposal
            # that counts: of 186 boxes on 12 photos the pyramid's bfloat16 changed 3, the body's
            # last four stages' 10.
            heads: Any = self.net.roi_heads  # torch knows no types of attributes
            _in_half(heads.box_head, dtype)
        self.names, self.short_side, self.long_side = tuple(names), short_side, long_side

    @torch.inference_mode()
    def __call__(self, pictures: Sequence[np.ndarray], batch: int | None = None) -> list[Found]:
        """(H, W, 3) uint8 each, any mix of sizes -> what was found in each, same order. Only
        pictures that are padded to the same size are looked at together, so that a photo's answer
        does not depend on its neighbours."""
        batch = batch or self.batch
        sizes = [working_size(p.shape[1], p.shape[0], self.short_side, self.long_side) for p in pictures]
        alike: dict[tuple[int, int], list[int]] = {}
        for i, (width, height) in enumerate(sizes):
            # 32: what torchvision pads to
            alike.setdefault((-(-width // 32), -(-height // 32)), []).append(i)
        found: dict[int, Found] = {}
        for group in alike.values():
            for first in range(0, len(group), batch):
                part = group[first : first + batch]
                images = [resized(pictures[i], sizes[i]) for i in part]
                found |= zip(part, halving(self._ask, images), strict=True)
        return [found[i] for i in range(len(pictures))]

    def _ask(self, images: Sequence[torch.Tensor]) -> list[Found]:
        answers = self.net([send(image, self.device) for image in images])
        return [self._read(answer, image.shape[-2:]) for answer, image in zip(answers, images, strict=True)]

    def _read(self, answer: Mapping[str, torch.Tensor], size_hw: Sequence[int]) -> Found:
        height, width = size_hw
        if self.merge:
            merged = merge_boxes(answer["boxes"], answer["labels"], answer["scores"])
            answer = dict(zip(("boxes", "labels", "scores"), merged, strict=True))
        labels, least = answer["labels"].tolist(), self.net.roi_heads.score_thresh
        said = [label < len(self.names) and self.names[label] is not None for label in labels]
        keep = [i for i, score in enumerate(answer["scores"].tolist()) if said[i] and score >= least]
        scale = np.array([width, height, width, height], np.float32)
        boxes = answer["boxes"].float().cpu().numpy()[keep] / scale  # (N, 4)
        return Found(
            boxes.clip(0, 1),
            tuple(self.names[labels[i]] for i in keep),
            answer["scores"].float().cpu().numpy()[keep],
        )


def detector(path: Path, device: str | torch.device = "cpu") -> Detector:
    """The compact detector in the file, ready to be asked; says only the labels with a threshold
    when any has one."""
    net, settings = load(path)
    said = [
        label if label in settings.thresholds or not settings.thresholds else None
        for label in settings.labels
    ]
    return Detector(net, [None, *said], settings.short_side, settings.long_side, device)

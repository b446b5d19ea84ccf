"""The `objects` tagger: things with boxes, by one of five Faster R-CNNs behind one interface (Ren
et al. 2015): our own two, and torchvision's three with COCO weights.

Scores are raw, down to FLOOR; thresholds apply when asking. A thing boxed twice under two names
keeps the better one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchvision.models import detection

from phototag.errors import WeightsError
from phototag.nets.detector import everyday, predict
from phototag.nets.detector.predict import Detector, Found
from phototag.nets.detector.roi_align import RoIAlign
from phototag.nets.device import pick_device
from phototag.query.vocabulary import canonical
from phototag.records import Box, Frame, Tag
from phototag.weights import store

FLOOR = 0.1  # below, nine of ten boxes are wrong and none would ever be asked for
LAST_LAYER = "roi_heads.box_predictor.bbox_pred.bias"  # of all three
# IoU of two boxes of different names: a rider and a horse stay below, a dog called cat and dog does
# not
SAME_THING = 0.75


@dataclass(frozen=True)
class Architecture:
    """One of torchvision's: how to build it, whose `meta` names its outputs, the sides (pixels) it
    was trained to look at, and the strides of the maps that boxes are read from (MobileNet's second
    map is as coarse as its first and never chosen)."""

    build: Any
    weights_enum: Any
    short_side: int
    long_side: int
    strides: tuple[int, ...] = (32,)


COCO = {
    "coco-resnet50": Architecture(
        detection.fasterrcnn_resnet50_fpn_v2,
        detection.FasterRCNN_ResNet50_FPN_V2_Weights.COCO_V1,
        800,
        1333,
        (4, 8, 16, 32),
    ),
    "coco-mobile": Architecture(
        detection.fasterrcnn_mobilenet_v3_large_fpn,
        detection.FasterRCNN_MobileNet_V3_Large_FPN_Weights.COCO_V1,
        800,
        1333,
    ),
    "coco-mobile-320": Architecture(
        detection.fasterrcnn_mobilenet_v3_large_320_fpn,
        detection.FasterRCNN_MobileNet_V3_Large_320_FPN_Weights.COCO_V1,
        320,
        640,
    ),
}


def detector(
    name: str, device: str | torch.device = "cpu", floor: float = FLOOR, file: Path | None = None
) -> Detector:
    """The named detector on its checked weights, or those in `file`; it finds things down to the
    score `floor`. Raises WeightsError."""
    file = file or store.checked(name)
    if name in COCO:
        return _coco(name, file, device, floor)
    made = (everyday if everyday.is_everyday(file) else predict).detector(file, device)
    made.net.roi_heads.score_thresh = floor
    return made


def _coco(name: str, file: Path, device: str | torch.device, floor: float) -> Detector:
    known = COCO[name]
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
        if LAST_LAYER not in state:
            raise KeyError(LAST_LAYER)  # before a net is made for it
        net = torchvisions(name, floor)
        net.load_state_dict(state)
    except Exception as error:  # a damaged archive fails in the ways of zip, pickle and torch
        raise WeightsError(
            f"{file}: not readable as {name} weights ({type(error).__name__}); type: phototag weights "
            f"fetch {name}"
        ) from error
    names = [
        None if word in ("__background__", "N/A") else word for word in known.weights_enum.meta["categories"]
    ]
    return quick(name, net, names, device)


def torchvisions(name: str, floor: float = FLOOR) -> detection.FasterRCNN:
    """The named architecture as torchvision builds it, its numbers random."""
    known = COCO[name]
    categories = known.weights_enum.meta["categories"]
    return known.build(
        weights=None, weights_backbone=None, num_classes=len(categories), box_score_thresh=floor
    )


def quick(
    name: str, net: detection.FasterRCNN, names: Sequence[str | None], device: str | torch.device = "cpu"
) -> Detector:
    """A detector on torchvision's net of this name that answers as it does, in less time. Up to a
    thousand proposals go through a box head of 14 million numbers: in half precision where that is
    faster, which for our own small head gains too little for the near ties (one box in fifty) that
    it turns round."""
    known = COCO[name]
    made = Detector(net, names, known.short_side, known.long_side, device, half=True, merge=False)
    made.net.roi_heads.box_roi_pool = RoIAlign(known.strides)
    return made


class Objects:
    """A batch of frames in, for each its things with boxes, best first."""

    def __init__(self, asked: Detector) -> None:
        self.detector = asked

    def __call__(self, frames: Sequence[Frame]) -> list[list[Tag]]:
        found = self.detector([frame.pixels for frame in frames])
        return [tags(things) for things in found]


def tags(things: Found) -> list[Tag]:
    """Tags under the names of the vocabulary, without second names for the same thing."""
    made: list[Tag] = []
    for i in np.argsort(-things.scores, kind="stable"):
        box = Box.clipped(*things.boxes[i].tolist())
        label = canonical(things.labels[i])
        if box is None or any(tag.label != label and tag.box.iou(box) > SAME_THING for tag in made):
            continue
        made.append(Tag(label, min(1.0, float(things.scores[i])), box))
    return made


def load(device: str, options: Mapping[str, Any]) -> Objects:
    """The tagger for the table; `options["detector"]` is a name of the manifest. Raises WeightsError."""
    return Objects(detector(options["detector"], pick_device(device)))

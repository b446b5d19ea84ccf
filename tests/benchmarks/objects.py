"""Time per photo of people-pets on one core, and its ratio to torchvision's fasterrcnn_mobilenet_v3_large_320_fpn on the same
photos in the same run:

    python -m tests.benchmarks.objects sample_photos

Torchvision's net runs with random numbers where its weights are not here: it proposes about as much and takes as long. Photos
are decoded and shrunk to the program's working size beforehand. Rounds alternate between the two, so that whatever else the
machine does hits both.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from phototag import weights
from phototag.detector import net as compact
from phototag.detector.net import Detector
from phototag.taggers import objects

WORKING_SIDE = 1333  # pixels of the long side, as the program decodes photos
ROUNDS = 5


def ours() -> Detector:
    if weights.present("people-pets"):
        return objects.detector("people-pets")
    print("people-pets: no weights here, random numbers instead")
    torch.manual_seed(0)
    return Detector(compact.build(tuple("abcdefghijklmnopqrst")), [None, *"abcdefghijklmnopqrst"], 320, 512)


def theirs() -> Detector:
    if weights.present("coco-mobile-320"):
        return objects.detector("coco-mobile-320")
    print("coco-mobile-320: no weights here, random numbers instead")
    torch.manual_seed(0)
    known = objects.COCO["coco-mobile-320"]
    net = known.build(weights=None, weights_backbone=None, num_classes=91, box_score_thresh=objects.FLOOR)
    return Detector(net, [None] * 91, known.short_side, known.long_side)


def main(folder: str) -> None:
    torch.set_num_threads(1)
    files = sorted(file for file in Path(folder).rglob("*") if file.suffix.lower() in (".jpg", ".jpeg", ".png"))[:48]
    pictures = []
    for file in files:
        with Image.open(file) as opened:
            upright = ImageOps.exif_transpose(opened).convert("RGB")
            upright.thumbnail((WORKING_SIDE, WORKING_SIDE))
            pictures.append(np.asarray(upright))
    detectors = {"people-pets": ours(), "coco-mobile-320": theirs()}
    times: dict[str, list[float]] = {name: [] for name in detectors}
    for number in range(ROUNDS + 1):
        for name, detector in detectors.items():
            began = time.perf_counter()
            detector(pictures)
            if number:  # the first round sets up
                times[name].append((time.perf_counter() - began) / len(pictures) * 1000)
    best = {name: float(np.median(taken)) for name, taken in times.items()}
    print(f"{len(pictures)} photos, one core, median of {ROUNDS} rounds")
    for name, taken in best.items():
        print(f"{name:16} {taken:7.1f} ms per photo  ({min(times[name]):.1f} to {max(times[name]):.1f})")
    print(f"people-pets takes {best['people-pets'] / best['coco-mobile-320']:.2f} times coco-mobile-320's time")


if __name__ == "__main__":
    main(*sys.argv[1:])

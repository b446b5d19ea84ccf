"""The detectors of things beside torchvision's Faster R-CNN as it comes, eager and one by one: the same weights, the same
preprocessing, photos of many shapes; our batches, memory layout and RoIAlign against its own.

    python -m tests.benchmarks.objects sample_photos

prints the time per photo of people-pets on one core, and its ratio to torchvision's fasterrcnn_mobilenet_v3_large_320_fpn on the
same photos in the same run. A torchvision net whose weights are not here runs with random numbers: it proposes about as much and
takes as long. Photos are decoded and shrunk to the program's working size beforehand.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torchvision.models.detection import FasterRCNN
from torchvision.ops import MultiScaleRoIAlign

from phototag import weights
from phototag.detector import net as compact
from phototag.detector.net import Detector, Found, resized, working_size
from phototag.detector.roi import BINS, SAMPLES
from phototag.images import open_photo
from phototag.taggers import WORKING_SIDE, objects
from tests.benchmarks import Figure, Plan, alternate, photos, ratio, tell

PHOTOS = {"people-pets": 12, "coco-mobile": 6}  # detector -> how many; coco-mobile takes a second for each


def figures(plan: Plan = Plan()) -> list[Figure]:
    files = sorted(photos.folder(plan.cache, "12mp").iterdir())
    found = []
    for name, count in PHOTOS.items():
        pictures = [open_photo(file, working_side=WORKING_SIDE).pixels for file in files[: plan.photos or count]]
        ours, theirs = detector(name), OneByOne(name)
        sides = alternate(partial(theirs, pictures), partial(ours, pictures), plan.rounds)
        found.append(ratio(f"objects, {name}, torchvision one by one / ours", sides, 1.5, "higher"))
        if weights.present(name):
            found += likeness(name, ours(pictures), theirs(pictures))
    return found


def detector(name: str) -> Detector:
    """The named one; with random numbers where its weights are not here."""
    if weights.present(name):
        return objects.detector(name)
    tell(f"{name}: no weights here, random numbers instead")
    torch.manual_seed(0)
    known = objects.COCO[name]
    net = known.build(weights=None, weights_backbone=None, num_classes=91, box_score_thresh=objects.FLOOR)
    return Detector(net, [None] * 91, known.short_side, known.long_side)


class OneByOne:
    """A detector's numbers in a net as torchvision builds it and runs it: contiguous, its own RoIAlign, a photo at a time."""

    def __init__(self, name: str) -> None:
        self._ours = detector(name)
        self._net = self._built(name).eval()
        self._net.load_state_dict(self._ours.net.state_dict())
        self._net.transform = self._ours.net.transform  # what is compared is how nets run, not who resizes better

    def _built(self, name: str) -> FasterRCNN:
        if name in objects.COCO:
            build = objects.COCO[name].build
            return build(weights=None, weights_backbone=None, num_classes=91, box_score_thresh=objects.FLOOR)
        pool = self._ours.net.roi_heads.box_roi_pool
        own = MultiScaleRoIAlign(
            pool.featmap_names, BINS, SAMPLES, canonical_scale=pool.canonical_scale, canonical_level=pool.canonical_level
        )
        return compact.build(self._ours.names[1:], box_roi_pool=own, box_score_thresh=objects.FLOOR)

    @torch.inference_mode()
    def __call__(self, pictures: Sequence[np.ndarray]) -> list[Found]:
        found = []
        for picture in pictures:
            size = working_size(picture.shape[1], picture.shape[0], self._ours.short_side, self._ours.long_side)
            (answer,) = self._net([resized(picture, size)])
            found.append(self._ours._read(answer, size[::-1]))
        return found


def likeness(name: str, ours: list[Found], theirs: list[Found]) -> list[Figure]:
    """How far the two disagree on the same photos: over all of torchvision's boxes, ours of the same label with the best IoU."""
    overlaps, differences = [], []
    for mine, other in zip(ours, theirs, strict=True):
        for box, label, score in zip(other.boxes, other.labels, other.scores, strict=True):
            mine_of_it = zip(mine.boxes, mine.labels, mine.scores, strict=True)
            same = [(_iou(box, b), abs(s - score)) for b, word, s in mine_of_it if word == label]
            overlap, difference = max(same, default=(0.0, 1.0))
            overlaps.append(overlap)
            differences.append(difference)
    tell(f"{name}: {len(overlaps)} boxes of torchvision, {sum(len(one.labels) for one in ours)} of ours")
    return [
        Figure(f"objects, {name}, least IoU of ours with torchvision's boxes", min(overlaps, default=1.0), 0.99, "", "higher"),
        Figure(f"objects, {name}, greatest difference of scores", float(max(differences, default=0.0)), 0.01, ""),
    ]


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    inner = np.clip(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0, None).prod()
    return float(inner / ((one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod() - inner))


def main(folder: str) -> None:
    torch.set_num_threads(1)
    files = sorted(file for file in Path(folder).rglob("*") if file.suffix.lower() in (".jpg", ".jpeg", ".png"))[:48]
    pictures = []
    for file in files:
        with Image.open(file) as opened:
            upright = ImageOps.exif_transpose(opened).convert("RGB")
            upright.thumbnail((WORKING_SIDE, WORKING_SIDE))
            pictures.append(np.asarray(upright))
    ours, theirs = detector("people-pets"), detector("coco-mobile-320")
    sides = alternate(lambda: ours(pictures), lambda: theirs(pictures))
    print(f"{len(pictures)} photos, one core, median of 5 rounds")
    for name, side in zip(("people-pets", "coco-mobile-320"), sides, strict=True):
        print(f"{name:16} {side.cpu / len(pictures) * 1000:7.1f} ms of CPU per photo")
    print(f"people-pets takes {sides[0].cpu / sides[1].cpu:.2f} times coco-mobile-320's time")


if __name__ == "__main__":
    main(*sys.argv[1:])

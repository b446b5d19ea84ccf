"""The detector that ships beside the one before it, the net it starts from, and torchvision's smallest
architecture (for its time alone, with random numbers), on the same photos with boxes:

    python -m tests.benchmarks.detectors annotations.json images yolox_nano.onnx

One Markdown table, as in phototag/weights/everyday.md. AP50 is the mean over the kinds that a net
knows, and over those that all know; words are those from which on each net is believed. CPU time is
per photo, the photos as they come, resizing included, decoding not. One core."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from phototag.cli.evaluate_objects import _detector
from phototag.nets.detector import data, evaluate, photo_precision
from phototag.nets.detector.predict import Detector, Found
from phototag.query.terms import DEFAULT_SCORE
from phototag.query.vocabulary import canonical
from phototag.taggers import objects
from phototag.weights.thresholds import read_thresholds, weights_name
from tests.benchmarks.objects import detector_of, net_of

FLOOR = 0.02  # the unlikely answers belong to a precision-recall curve
TIMED_ONLY = 32  # photos for the net that is only timed


@dataclass
class Row:
    """One net: AP50 by kind, words of each photo, CPU milliseconds per photo."""

    name: str
    found: list[Found]
    ap50: dict[str, float]
    words: photo_precision.Scores
    thresholds: dict[str, float]
    milliseconds: float


def rows(photos: data.Photos, teacher: Path) -> Iterator[Row]:
    device = torch.device("cpu")
    for name, detector, weights in (
        ("people-pets", "people-pets", None),
        ("YOLOX-Nano alone", "everyday", teacher),
        ("everyday", "everyday", None),
    ):
        asked = _detector(detector, weights, device, FLOOR)
        found, milliseconds = _timed(asked, photos)
        measured = evaluate.measure(found, photos, [label for label in asked.names if label])
        words = [{tag.label: tag.score for tag in reversed(objects.tags(things))} for things in found]
        thresholds = {} if weights else read_thresholds(weights_name(detector)) or {}
        ap50 = {canonical(label): row["AP50"] for label, row in measured["per_class"].items()}
        yield Row(name, found, ap50, words, thresholds, milliseconds)


def _timed(detector: Detector, photos: data.Photos) -> tuple[list[Found], float]:
    # the first answers pay for setting up
    evaluate.predict(detector, data.Photos(photos.photos[:2], photos.names))
    began = time.process_time()
    found, _ = evaluate.predict(detector, photos)
    # opening these small pictures is part of it, for all alike
    return found, (time.process_time() - began) / len(photos) * 1000


def main(annotations: str, images: str, teacher: str) -> None:
    torch.set_num_threads(1)
    source = Path(annotations)
    photos = data.read_coco(source, Path(images), "val" if data.has_splits(source) else None)
    measured = list(rows(photos, Path(teacher)))
    common = set.intersection(*({*row.ap50} for row in measured))
    print(f"{len(photos)} photos; kinds that all know: {', '.join(sorted(common))}\n")
    print("| net | kinds | AP50 of them | AP50 of what all know | eight kinds: precision | recall | CPU ms |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for row in measured:
        worth = photo_precision.as_dict(
            photo_precision.measure(row.words, photos, row.thresholds, DEFAULT_SCORE)
        )["watched"]
        print(
            f"| {row.name} | {len(row.ap50)} | {np.mean([*row.ap50.values()]):.3f} "
            f"| {np.mean([row.ap50[kind] for kind in common]):.3f} "
            f"| {worth['precision']:.3f} | {worth['recall']:.3f} | {row.milliseconds:.0f} |"
        )
    some = data.Photos(photos.photos[:TIMED_ONLY], photos.names)
    _, milliseconds = _timed(detector_of("coco-mobile-320", net_of("coco-mobile-320")), some)
    print(f"| coco-mobile-320, random numbers | | | | | | {milliseconds:.0f} |")


if __name__ == "__main__":
    main(*sys.argv[1:])

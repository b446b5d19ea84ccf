"""From the weights of a training to the weights that ship: which labels may be said, and from which score on.

    python -m phototag.nets.detector.publish runs/mine/detector.safetensors annotations.json photos
    people-pets.safetensors

A label ships when it reaches AP50 >= 0.4 on validation photos; its threshold is the lowest score,
but not below 0.85, from which on nine of ten boxes said are right. Prints the figures of the model
card, and the hash for the manifest."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

from phototag.nets.detector import evaluate
from phototag.nets.detector.checkpoint import load, save
from phototag.nets.detector.data import Photos, read_coco
from phototag.nets.detector.predict import Detector

LEAST_AP50 = 0.4
LEAST_BOXES = 20  # of a label in the validation photos; AP of fewer is a lottery
PRECISION = 0.9
# Every validation photo has an animal in it, most photos of a library have none: from this score
# on, none of the animal-free pictures in sample_photos gets a box (a rocket on its tower scores
# 0.83 as a horse).
LEAST_THRESHOLD = 0.85
CAUTIOUS = 0.9  # the threshold of a label that never gets so precise


def publish(
    source: Path,
    validation: Photos,
    target: Path,
    short_side: int | None = None,
    long_side: int | None = None,
) -> dict:
    """Write `source` to `target` with thresholds for the labels that are good enough; sides in
    pixels, those of the training unless given. -> the measures, with `thresholds` {label:
    {threshold, precision, recall}}."""
    net, settings = load(source)
    settings = replace(
        settings, short_side=short_side or settings.short_side, long_side=long_side or settings.long_side
    )
    detect = Detector(net, [None, *settings.labels], settings.short_side, settings.long_side)
    found, _ = evaluate.predict(detect, validation)
    measured = evaluate.measure(found, validation, settings.labels)
    good = [
        name
        for name, row in measured["per_class"].items()
        if row["AP50"] >= LEAST_AP50 and row["boxes"] >= LEAST_BOXES
    ]
    chosen = evaluate.choose_thresholds(found, validation, good, PRECISION, LEAST_THRESHOLD)
    save(
        target,
        net,
        replace(
            settings,
            thresholds={name: chosen.get(name, {"threshold": CAUTIOUS})["threshold"] for name in good},
        ),
    )
    if good:
        measured["mean AP50 of what ships"] = sum(measured["per_class"][name]["AP50"] for name in good) / len(
            good
        )
    return measured | {"thresholds": chosen, "sha256": hashlib.sha256(target.read_bytes()).hexdigest()}


def main(source: str, annotations: str, images: str, target: str, *sides: str) -> None:
    validation = read_coco(Path(annotations), Path(images), "val")
    print(json.dumps(publish(Path(source), validation, Path(target), *map(int, sides)), indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""From the weights of a training of the everyday detector to the weights that ship: which labels
may be said, and from which score on.

    python -m phototag.nets.detector.publish_two_stage runs/mine/detector.safetensors everyday.safetensors \\
        annotations.json photos [annotations.json photos ...]

Of the photos that are called by a word, at least PRECISION show the thing, on the validation photos
of all the sets, most of which show none (`photo_precision.choose`). A label that people boxed there
ships when it reaches AP50 >= LEAST_AP50; labels that nobody boxed ship with the threshold of all
labels together, but for those in LEFT_OUT. Prints the thresholds and the hash for the manifest.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from phototag.nets.detector import data, evaluate, everyday, photo_precision
from phototag.nets.detector.predict import Detector, Found
from phototag.query.vocabulary import canonical

PRECISION = 0.975  # chosen on these photos, so a little less is to be expected elsewhere
LEAST_AP50 = 0.4
LEAST_BOXES = 20  # of a label in the validation photos; AP of fewer is a lottery
LOWEST = 0.35
UNSEEN_LOWEST = 0.5  # of labels that no person boxed in the validation photos
# On validation photos, which show none, what the first stage calls so below this score is a dog, a
# sheep or a falcon.
WILD, WILD_LOWEST = frozenset({"bear", "elephant", "giraffe", "zebra"}), 0.95
# Kinds of which YOLOX-Nano knows next to nothing, so that the word is mostly wrong.
LEFT_OUT = frozenset({"hair drier", "toaster"})


def publish(source: Path, target: Path, sets: Sequence[data.Photos]) -> dict:
    """Write `source` to `target` with thresholds. -> thresholds, what the words are worth, and the hash."""
    net, settings = everyday.load(source)
    detect = Detector(net, [None, *settings.labels], settings.short_side, settings.long_side)
    photos = data.joined(sets)
    found, _ = evaluate.predict(detect, photos)
    measured = evaluate.measure(found, photos, settings.labels)["per_class"]
    poor = {
        canonical(name)
        for name, row in measured.items()
        if row["AP50"] < LEAST_AP50 and row["boxes"] >= LEAST_BOXES
    }
    scores = [best_scores(things) for things in found]
    good = [label for label in settings.labels if label not in LEFT_OUT and canonical(label) not in poor]
    thresholds = photo_precision.choose(scores, photos, good, PRECISION, LOWEST)
    boxed = {canonical(name) for name in photos.names}
    for label in good:
        if canonical(label) not in boxed:
            lowest = WILD_LOWEST if label in WILD else UNSEEN_LOWEST
            thresholds[label] = max(thresholds[label], lowest)
    everyday.save(target, net, replace(settings, thresholds=thresholds))
    by_name = {canonical(label): score for label, score in thresholds.items()}
    words = photo_precision.measure(scores, photos, by_name, default=2.0)
    return {
        "thresholds": thresholds,
        "left out": sorted(poor | LEFT_OUT),
        "words": photo_precision.as_dict(words),
        "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
    }


def best_scores(things: Found) -> dict[str, float]:
    best: dict[str, float] = {}
    for name, score in zip(things.labels, things.scores.tolist(), strict=True):
        best[canonical(name)] = max(score, best.get(canonical(name), 0.0))
    return best


def main(source: str, target: str, *pairs: str) -> None:
    sets = [
        data.read_coco(Path(annotations), Path(images), "val")
        for annotations, images in zip(pairs[::2], pairs[1::2], strict=True)
    ]
    print(json.dumps(publish(Path(source), Path(target), sets), indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:])

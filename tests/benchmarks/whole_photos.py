"""Smiles on whole photos, from the file to the tag: photos of PASCAL VOC 2012 go through decoding,
the face tagger, sharpness and the smile tagger as in a scan, and the faces of whole_photos.csv are
compared with what one of us saw in them:

    python -m tests.benchmarks.whole_photos images

The list names clear smiles (yes), clear other faces (no), and faces with closed mouths
(closed-mouth): these eight were taken for clear other faces at first, and put aside on a second
look at what earlier weights had called smiles, so the accuracy on clear faces flatters a little.
They are counted apart. SmileNet has seen none of the photos."""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from phototag.nets.smilenet.evaluate import area_under_curve
from phototag.reading.decode import open_photo
from phototag.records import Box, Frame
from phototag.smiling import SMILE_THRESHOLD
from phototag.taggers import table

LABELS = Path(__file__).with_suffix(".csv")
SAME_FACE = 0.4  # IoU of the listed box and the one found


def main(images: str) -> None:
    listed: dict[str, list[tuple[Box, str]]] = defaultdict(list)
    with LABELS.open(newline="") as lines:
        for row in csv.DictReader(lines):
            edges = (float(row[edge]) for edge in ("left", "top", "right", "bottom"))
            listed[row["file"]].append((Box(*edges), row["smiling"]))
    running = {name: table.load(name, "auto", {}) for name in table.with_needs(["smiles"])}
    smiles: dict[str, list[float]] = defaultdict(list)
    lost = 0
    for name, faces in listed.items():
        photo = open_photo(Path(images, name), working_side=table.WORKING_SIDE)
        answers: dict = {}
        for tagger, ask in running.items():
            answers[tagger] = ask([Frame(0, photo.pixels, photo.width, photo.height, answers)])[0]
        found = [tag for tag in answers["smiles"] if tag.label == "smile"]
        for box, label in faces:
            best = max(found, key=lambda tag: tag.box.iou(box), default=None)
            if best is None or best.box.iou(box) < SAME_FACE:
                lost += 1
            else:
                smiles[label].append(best.score)
    clear = smiles["yes"] + smiles["no"]
    truth = [1] * len(smiles["yes"]) + [0] * len(smiles["no"])
    missed = sum(score < SMILE_THRESHOLD for score in smiles["yes"])
    false = sum(score >= SMILE_THRESHOLD for score in smiles["no"])
    print(f"{len(listed)} photos; {lost} of {sum(map(len, listed.values()))} listed faces were not found")
    print(
        f"clear faces: {len(clear)}, accuracy {1 - (missed + false) / len(clear):.3f} at {SMILE_THRESHOLD}",
        end="",
    )
    print(
        f" ({missed} of {len(smiles['yes'])} smiles missed, {false} of {len(smiles['no'])} others "
        "called smiles)"
    )
    print(f"AUC {area_under_curve(np.array(clear), np.array(truth)):.4f}")
    doubtful = smiles["closed-mouth"]
    print(
        f"closed-mouth: {sum(score >= SMILE_THRESHOLD for score in doubtful)} of {len(doubtful)} called "
        "smiles"
    )


if __name__ == "__main__":
    main(sys.argv[1])

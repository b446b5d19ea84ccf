"""Precision and recall of the kinds tagger's animal words on photos with boxes, and its time per
photo on one core:

    python -m tests.benchmarks.kinds annotations.json images

The figures of phototag/weights/kinds.md.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from phototag.nets.detector.data import read_coco
from phototag.records import Frame, Tag
from phototag.taggers.kinds import BATCH, Kinds, canvas

WORDS = ("cat", "dog", "horse", "cow", "sheep")


def main(annotations: str, images: str) -> None:
    torch.set_num_threads(1)
    photos = read_coco(Path(annotations), Path(images), "val")
    frames = []
    for i, photo in enumerate(photos.photos):
        with Image.open(photo.file) as opened:
            pixels = np.asarray(opened.convert("RGB"))
        frames.append(Frame(i, pixels, photo.width, photo.height))
    tagger = Kinds("cpu")
    alike = sorted(frames, key=lambda frame: canvas(frame.width, frame.height))
    _milliseconds(tagger, frames[:64], [])  # the first answers pay for setting up
    answers = []
    mixed, of_one_shape = _milliseconds(tagger, frames, answers), _milliseconds(tagger, alike, [])
    said = [{tag.label for tag in tags} for tags in answers]
    truth = [{photos.names[label - 1] for label in photo.labels} for photo in photos.photos]
    print(
        f"{len(frames)} photos, on one core {of_one_shape:.1f} ms of CPU each in batches of one shape, "
        f"{mixed:.1f} as they come"
    )
    print("word    photos  precision  recall")
    for word in WORDS:
        right = sum(word in a and word in t for a, t in zip(said, truth, strict=True))
        given, there = sum(word in a for a in said), sum(word in t for t in truth)
        print(f"{word:7} {there:6} {right / max(1, given):10.3f} {right / max(1, there):7.3f}")
    print("all words given:", dict(Counter(word for words in said for word in words).most_common()))


def _milliseconds(tagger: Kinds, frames: list[Frame], answers: list[list[Tag]]) -> float:
    """CPU time per photo, the median over the batches; what the tagger says is added to `answers`."""
    times = []
    for first in range(0, len(frames), BATCH):
        part = frames[first : first + BATCH]
        began = time.process_time()
        answers += tagger(part)
        times.append((time.process_time() - began) / len(part))
    return float(np.median(times)) * 1000


if __name__ == "__main__":
    main(*sys.argv[1:])

"""How good a detector is on photos with boxes: the COCO metric, and the thresholds that a stated
precision asks for.

Owns the measures. Must not know the training loop nor which detector it measures: `detect` is any
callable from pictures to `Found`s."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from phototag.errors import PhototagError
from phototag.nets.detector.data import Photos
from phototag.nets.detector.predict import Found
from phototag.query.vocabulary import canonical
from phototag.reading.images import open_picture

Detect = Callable[[Sequence[np.ndarray]], list[Found]]


def predict(detect: Detect, photos: Photos, batch: int = 16) -> tuple[list[Found], float]:
    """-> what was found in each photo, and the milliseconds per photo, decoding not included."""
    found: list[Found] = []
    seconds = 0.0
    for first in range(0, len(photos), batch):
        pictures = []
        for photo in photos.photos[first : first + batch]:
            with open_picture(photo.file) as opened:
                pictures.append(np.asarray(opened.convert("RGB")))
        began = time.perf_counter()
        found += detect(pictures)
        seconds += time.perf_counter() - began
    return found, seconds / max(1, len(photos)) * 1000


def measure(found: Sequence[Found], photos: Photos, known: Sequence[str]) -> dict:
    """-> n, AP (mean over IoU 0.50 to 0.95), AP50, per_class {label: {AP, AP50, boxes}} over the
    labels that are both `known` to the detector and in the photos, and `left_out`, the labels of
    the photos that it does not know. Labels go by the photos' names; other names of the same thing
    (sofa, couch) count as equal."""
    try:
        from faster_coco_eval import COCO, COCOeval_faster
    except ImportError as error:
        raise PhototagError(
            "measuring detectors needs faster-coco-eval; type: pip install 'phototag[train]'"
        ) from error
    counts = photos.count()
    understood = {canonical(name) for name in known}
    measured = [name for name in photos.names if canonical(name) in understood and counts[name]]
    left_out = [name for name in photos.names if canonical(name) not in understood and counts[name]]
    if not measured:
        raise PhototagError(f"the detector knows none of the labels in these photos ({', '.join(left_out)})")
    number = {canonical(name): i for i, name in enumerate(measured, 1)}
    truth: dict[str, list[Any]] = {
        "images": [
            {"id": i, "width": photo.width, "height": photo.height}
            for i, photo in enumerate(photos.photos, 1)
        ],
        "categories": [{"id": i, "name": name} for i, name in enumerate(measured, 1)],
        "annotations": [],
    }
    answers = []
    for i, (photo, things) in enumerate(zip(photos.photos, found, strict=True), 1):
        for edges, label, crowd in zip(
            photo.boxes.tolist(), photo.labels.tolist(), photo.crowds.tolist(), strict=True
        ):
            name = canonical(photos.names[label - 1])
            if name in number:
                box = _with_size(edges)
                truth["annotations"].append({
                    "id": len(truth["annotations"]) + 1, "image_id": i, "category_id": number[name],
                    "bbox": box, "area": box[2] * box[3], "iscrowd": int(crowd),
                })  # fmt: skip
        scale = np.array([photo.width, photo.height] * 2)
        for edges, said, score in zip(things.boxes * scale, things.labels, things.scores, strict=True):
            name = canonical(said)
            if name in number:
                box = _with_size(edges.tolist())
                answers.append(
                    {"image_id": i, "category_id": number[name], "bbox": box, "score": float(score)}
                )
    precision = np.zeros((10, 101, len(measured), 1, 3))
    if answers:
        reference = COCO(truth, print_function=_silent)
        run = COCOeval_faster(reference, reference.loadRes(answers), "bbox", print_function=_silent)
        run.evaluate()
        run.accumulate()
        precision = run.eval["precision"]  # (IoU, recall, class, area, detections)
    per_class = {}
    for k, name in enumerate(measured):
        curve = precision[:, :, k, 0, -1]
        per_class[name] = {"AP": float(curve.mean()), "AP50": float(curve[0].mean()), "boxes": counts[name]}
    return {
        "n": len(photos),
        "AP": float(np.mean([row["AP"] for row in per_class.values()])),
        "AP50": float(np.mean([row["AP50"] for row in per_class.values()])),
        "per_class": per_class,
        "left_out": left_out,
    }


def choose_thresholds(
    found: Sequence[Found], photos: Photos, labels: Sequence[str], precision: float = 0.9, lowest: float = 0.3
) -> dict[str, dict[str, float]]:
    """For each label the lowest score from which on at least `precision` of the boxes said are
    right (IoU 0.5, each true box counted once) -> {label: {threshold, precision, recall}}. A label
    that never gets there is absent."""
    chosen = {}
    for name in labels:
        scores, right, there = _matches(found, photos, name)
        order = np.argsort(-scores)
        running = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
        enough = np.flatnonzero((running >= precision) & (scores[order] >= lowest))
        if len(enough) and there:
            last = enough[-1]
            chosen[name] = {
                "threshold": float(scores[order][last]),
                "precision": float(running[last]),
                "recall": float(right[order][: last + 1].sum() / there),
            }
    return chosen


def _matches(found: Sequence[Found], photos: Photos, name: str) -> tuple[np.ndarray, np.ndarray, int]:
    """-> scores (M,) of all boxes said to be `name`, whether each is right (M,), and how many true
    ones there are."""
    scores, right, there = [], [], 0
    for photo, things in zip(photos.photos, found, strict=True):
        mine = np.array([photos.names[label - 1] == name for label in photo.labels], bool) & ~photo.crowds
        open_boxes = [list(map(float, edges)) for edges in photo.boxes[mine]]
        there += len(open_boxes)
        scale = np.array([photo.width, photo.height] * 2)
        said = [i for i, label in enumerate(things.labels) if label == name]
        for i in sorted(said, key=lambda i: -things.scores[i]):
            overlaps = [_iou((things.boxes[i] * scale).tolist(), edges) for edges in open_boxes]
            hit = bool(overlaps) and max(overlaps) >= 0.5
            if hit:
                del open_boxes[int(np.argmax(overlaps))]
            scores.append(float(things.scores[i]))
            right.append(hit)
    return np.array(scores), np.array(right, bool), there


def _iou(a: Sequence[float], b: Sequence[float]) -> float:
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if across <= 0 or down <= 0:
        return 0.0
    inner = across * down
    return inner / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inner)


def _with_size(edges: Sequence[float]) -> list[float]:
    return [edges[0], edges[1], edges[2] - edges[0], edges[3] - edges[1]]


def _silent(*words: object) -> None:
    """The library tells its progress on stdout, which is for data."""

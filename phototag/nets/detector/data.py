"""Photos with boxes: reading COCO files, splitting them, and the views of them that training sees.

Owns labels as numbers (1 is the first; 0 is the background). Must not know the net or the training loop.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from phototag.errors import PhototagError, UnreadablePhoto
from phototag.inputs import LARGEST_DOCUMENT_BYTES, read_input
from phototag.nets.training import is_held_out
from phototag.query.vocabulary import canonical
from phototag.reading.images import open_picture

LONGEST_SIDE = 1_000_000  # pixels: longer is no photo's
LONGEST_NAME = 4096  # characters, as of a path
MIN_SIDE = 4.0  # pixels of a view; what is smaller cannot be recognised, only guessed
MIN_VISIBLE = 0.25  # of a box's area; less of a thing left in a crop is not called by its name


@dataclass(frozen=True)
class LabelledPhoto:
    """`boxes` (N, 4) float32 left, top, right, bottom in pixels; `labels` (N,) int64, from 1;
    `crowds` (N,) bool marks boxes around many things at once."""

    file: Path
    width: int
    height: int
    boxes: np.ndarray
    labels: np.ndarray
    crowds: np.ndarray


@dataclass(frozen=True)
class Photos:
    photos: list[LabelledPhoto]
    names: tuple[str, ...]  # label 1 is names[0]

    def __len__(self) -> int:
        return len(self.photos)

    def count(self) -> Counter[str]:
        """Label -> boxes."""
        return Counter(self.names[label - 1] for photo in self.photos for label in photo.labels)


def joined(sets: Sequence[Photos]) -> Photos:
    """The photos of all sets; labels of the same name are one."""
    return renamed(sets, tuple(dict.fromkeys(name for photos in sets for name in photos.names)))


def renamed(sets: Sequence[Photos], kinds: Sequence[str]) -> Photos:
    """The photos of all sets, their labels counted in `kinds`; names of the same thing (sofa,
    couch) are one."""
    number = {canonical(name): i for i, name in enumerate(kinds, 1)}
    together = []
    for photos in sets:
        numbers = np.array([0, *(number[canonical(name)] for name in photos.names)], np.int64)
        together += [replace(photo, labels=numbers[photo.labels]) for photo in photos.photos]
    return Photos(together, tuple(kinds))


def has_splits(annotations: Path) -> bool:
    """Whether the file says of any photo whether it is for training or validation."""
    records = _read_json(annotations).get("images")
    return isinstance(records, list) and any(
        isinstance(record, dict) and "split" in record for record in records
    )


def _read_json(annotations: Path) -> dict:
    try:
        document = json.loads(read_input(annotations, LARGEST_DOCUMENT_BYTES))
    except OSError as error:
        raise PhototagError(f"{annotations}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise PhototagError(f"{annotations}: expected a COCO file, but it is no JSON ({error})") from error
    if not isinstance(document, dict):
        raise PhototagError(f"{annotations}: expected a COCO file with images, categories and annotations")
    return document


def read_coco(annotations: Path, images: Path, split: str | None = None) -> Photos:
    """The photos of a COCO file with their boxes. `split` keeps the photos whose record says so
    ("train", "val"); in a file without splits every tenth photo, by hash of its name, is "val".
    Raises PhototagError."""
    document = _read_json(annotations)
    try:
        categories = sorted(document["categories"], key=lambda category: category["id"])
        number = {category["id"]: i for i, category in enumerate(categories, 1)}
        names = tuple(str(category["name"]) for category in categories)
        records = {record["id"]: record for record in document["images"]}
        boxes: dict[object, list[tuple[list[float], int, bool]]] = {key: [] for key in records}
        for record in records.values():
            if not isinstance(record["file_name"], str) or len(record["file_name"]) > LONGEST_NAME:
                raise ValueError(f"file_name must be a file's name, not {record['file_name']!r:.60}")
            for side in (record["width"], record["height"]):
                if type(side) is not int or not 0 < side <= LONGEST_SIDE:
                    raise ValueError(f"width and height must be pixels, not {side!r:.60}")
        for annotation in document["annotations"]:
            x, y, w, h = (float(edge) for edge in annotation["bbox"])
            if not all(abs(edge) <= LONGEST_SIDE for edge in (x, y, w, h)):  # nor NaN
                raise ValueError(f"bbox must be four numbers, not {annotation['bbox']!r:.60}")
            if w > 0 and h > 0:
                told_of = (
                    [x, y, x + w, y + h],
                    number[annotation["category_id"]],
                    bool(annotation.get("iscrowd")),
                )
                boxes[annotation["image_id"]].append(told_of)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise PhototagError(
            f"{annotations}: expected a COCO file with images, categories and annotations "
            f"({type(error).__name__}: {error!s:.200})"
        ) from error
    splits = any("split" in record for record in records.values())
    photos = []
    for key, record in records.items():
        belongs = record.get("split") if splits else ("val" if is_held_out(record["file_name"]) else "train")
        if split is not None and belongs != split:
            continue
        file = images / record["file_name"]
        if "\0" in record["file_name"] or not os.path.isfile(file):
            raise PhototagError(
                f"{file}: named in {annotations} but not there; give the folder of the photos with --images"
            )
        edges, labels, crowds = zip(*boxes[key], strict=True) if boxes[key] else ((), (), ())
        arrays = (
            np.array(edges, np.float32).reshape(-1, 4),
            np.array(labels, np.int64),
            np.array(crowds, bool),
        )
        photos.append(LabelledPhoto(file, record["width"], record["height"], *arrays))
    if not photos:
        raise PhototagError(f"{annotations}: no photos{f' of the split {split!r}' if split else ''} in it")
    return Photos(photos, names)


@dataclass(frozen=True)
class Views:
    """How training looks at photos. `zoom` is the range of sizes of a photo against fitting the
    canvas whole."""

    zoom: tuple[float, float] = (0.7, 1.7)
    aspect: float = 0.15  # log range: 1.16 wider or taller
    colour: float = 0.3
    mosaic: float = 0.3  # share of views made of four photos


def view(
    photos: Photos, index: int, canvas_wh: tuple[int, int], rng: np.random.Generator, views: Views = Views()
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One training view of photo `index`, or of it and three others -> pixels (H, W, 3) uint8,
    boxes (N, 4), labels (N,)."""
    width, height = canvas_wh
    canvas = np.full((height, width, 3), 127, np.uint8)
    if rng.random() < views.mosaic:
        x, y = int(width * rng.uniform(0.35, 0.65)), int(height * rng.uniform(0.35, 0.65))
        parts = [(0, 0, x, y), (x, 0, width, y), (0, y, x, height), (x, y, width, height)]
        chosen = [index, *rng.integers(len(photos), size=3)]
        zoom = (max(1.0, views.zoom[0]), views.zoom[1])  # a quarter of the canvas is small enough already
    else:
        parts, chosen, zoom = [(0, 0, width, height)], [index], views.zoom
    boxes, labels = [], []
    for part, which in zip(parts, chosen, strict=True):
        edges, kinds = _place(photos.photos[which], canvas, part, zoom, views, rng)
        boxes.append(edges)
        labels.append(kinds)
    edges, kinds = np.concatenate(boxes), np.concatenate(labels)
    # the crop missed everything: look at the whole photo
    if not len(kinds) and len(photos.photos[index].labels):
        canvas[:] = 127
        edges, kinds = _place(photos.photos[index], canvas, (0, 0, width, height), (1.0, 1.0), views, rng)
    return _recolour(canvas, views.colour, rng), edges, kinds


def _place(
    photo: LabelledPhoto,
    canvas: np.ndarray,
    part: tuple[int, int, int, int],
    zoom: tuple[float, float],
    views: Views,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Put a randomly scaled, cropped and mirrored photo into a part of the canvas -> its boxes and
    labels there."""
    left, top, right, bottom = part
    wide, high = right - left, bottom - top
    try:
        with open_picture(photo.file) as opened:
            picture = opened.convert("RGB")
    except (OSError, SyntaxError, ValueError, UnreadablePhoto) as error:
        raise PhototagError(
            f"{photo.file}: cannot be read ({error}); repair it or take it out of the annotations"
        ) from error
    if picture.size != (photo.width, photo.height):
        raise PhototagError(
            f"{photo.file}: is {picture.size}, its annotations say {(photo.width, photo.height)}"
        )
    scale = min(wide / photo.width, high / photo.height) * math.exp(
        rng.uniform(math.log(zoom[0]), math.log(zoom[1]))
    )
    stretch = math.exp(rng.uniform(-views.aspect, views.aspect) / 2)
    across, down = scale * stretch, scale / stretch
    # The photo's corner on the canvas: anywhere that hides nothing where it fits, anywhere that
    # leaves no gap where not.
    x, y = (
        rng.uniform(min(0.0, gap), max(0.0, gap))
        for gap in (wide - photo.width * across, high - photo.height * down)
    )
    seen = (
        max(0, round(x)),
        max(0, round(y)),
        min(wide, round(x + photo.width * across)),
        min(high, round(y + photo.height * down)),
    )
    source = (
        max(0.0, (seen[0] - x) / across), max(0.0, (seen[1] - y) / down),
        min(photo.width, (seen[2] - x) / across), min(photo.height, (seen[3] - y) / down),
    )  # fmt: skip
    piece = np.asarray(
        picture.resize((seen[2] - seen[0], seen[3] - seen[1]), Image.Resampling.BILINEAR, box=source)
    )
    boxes = photo.boxes * np.array([across, down, across, down], np.float32) + np.array(
        [x, y, x, y], np.float32
    )
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    boxes = boxes.clip(np.array([seen[0], seen[1]] * 2), np.array([seen[2], seen[3]] * 2))
    sides = boxes[:, 2:] - boxes[:, :2]
    keep = (sides.min(1) >= MIN_SIDE) & (sides.prod(1) >= MIN_VISIBLE * area) & ~photo.crowds
    boxes, labels = boxes[keep], photo.labels[keep]
    if rng.random() < 0.5:
        piece = piece[:, ::-1]
        boxes[:, [0, 2]] = seen[0] + seen[2] - boxes[:, [2, 0]]
    canvas[top + seen[1] : top + seen[3], left + seen[0] : left + seen[2]] = piece
    return (boxes + np.array([left, top, left, top])).astype(np.float32), labels


def _recolour(pixels: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Light, contrast, saturation and white balance: all linear, so one matrix does them."""
    bright, contrast, saturation = (math.exp(rng.uniform(-strength, strength)) for _ in range(3))
    if strength and rng.random() < 0.05:
        saturation = 0.0  # old photos
    balance = np.exp(rng.uniform(-strength / 3, strength / 3, 3)) * bright
    grey = np.array([0.299, 0.587, 0.114])
    matrix = contrast * (saturation * np.eye(3) + (1 - saturation) * np.outer(np.ones(3), grey)) * balance
    bias = 127 * (1 - contrast)
    return (
        (pixels.astype(np.float32) @ matrix.T.astype(np.float32) + np.float32(bias))
        .clip(0, 255)
        .astype(np.uint8)
    )

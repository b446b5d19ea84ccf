"""The faces tagger: one tag per face, with the probability that it is one, its box and five landmarks.
MTCNN finds what may be a face; FacenessNet, which sees more of what is around it, has the last word."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from phototag.errors import PhototagError, UnreadablePhoto
from phototag.nets.detector.data import Photos
from phototag.nets.device import halving, pick_device
from phototag.nets.faceness.candidates import Truth
from phototag.nets.faceness.evaluate import Seen
from phototag.nets.faceness.predict import FacenessJudge, cut
from phototag.nets.mtcnn.detect import FaceDetector, Faces
from phototag.reading.decode import open_photo
from phototag.records import Box, Frame, Tag
from phototag.taggers import table
from phototag.taggers.sharpness import tag_sharpness
from phototag.weights import store


def load(device: str, options: Mapping[str, Any]) -> FacesTagger:
    """The tagger on `device` (see pick_device). Option `min_face`: the smallest face looked for, as
    a fraction of the photo's long side. Raises WeightsError, UsageError."""
    return FacesTagger(pick_device(device), float(options["min_face"]))


class FacesTagger:
    """Frames in, for each its faces, best first. What FacenessNet takes for none is among them, with
    its low score."""

    def __init__(self, device: torch.device, min_face: float, weights: Path | None = None) -> None:
        """`weights`: of FacenessNet, instead of those in use."""
        self._detector = FaceDetector(device)
        self._judge = FacenessJudge(weights or store.checked("faceness"), device)
        self._min_face = min_face

    def __call__(self, frames: Sequence[Frame]) -> list[list[Tag]]:
        return halving(self._tag, frames)

    def detect(self, frames: Sequence[Frame]) -> list[list[Tag]]:
        """The detector's answers alone, with its own scores."""
        photos = [frame.pixels for frame in frames]
        found = self._detector.detect(photos, [self._min_face * max(photo.shape[:2]) for photo in photos])
        return [_tags(faces, *photo.shape[:2]) for faces, photo in zip(found, photos, strict=True)]

    def judge(self, frames: Sequence[Frame], found: Sequence[Sequence[Tag]]) -> list[list[Tag]]:
        """The detector's tags of each frame with the probability that each is a face. All are asked at
        once: one crop alone costs twice what one of many does."""
        crops = [
            cut(frame.pixels, [tag.box for tag in tags if tag.box])
            for frame, tags in zip(frames, found, strict=True)
        ]
        before = [tag.score for tags in found for tag in tags]
        scores = iter(self._judge.scores(np.concatenate(crops), before) if before else ())
        return [
            sorted((tag._replace(score=next(scores)) for tag in tags), key=_surest_first) for tags in found
        ]

    def _tag(self, frames: Sequence[Frame]) -> list[list[Tag]]:
        return self.judge(frames, self.detect(frames))


def _surest_first(tag: Tag) -> float:
    return -tag.score


def _tags(faces: Faces, height: int, width: int) -> list[Tag]:
    size = torch.tensor([width, height], dtype=torch.float32)
    tags = []
    rows = zip(
        (faces.boxes / size.repeat(2)).tolist(),
        faces.scores.tolist(),
        (faces.points / size).tolist(),
        strict=True,
    )
    for edges, score, points in rows:
        box = Box.clipped(*edges)
        if box is not None:  # None: regressed to nothing, or out of the picture
            tags.append(Tag("face", score, box, tuple((x, y) for x, y in points)))
    return tags


def look_at(
    photos: Photos,
    truths: Sequence[Truth],
    device: str,
    weights: Path | None = None,
    on_photo: Callable[[], object] | None = None,
) -> tuple[list[Seen], float | None]:
    """For measuring: what the detector alone and this tagger say of labelled photos, looked at as in a
    scan, and the milliseconds of processor time that FacenessNet's opinion takes for each box (None: there
    was no box). Raises PhototagError where a photo cannot be read."""
    tagger = FacesTagger(pick_device(device), table.SPECS["faces"].options["min_face"], weights)
    seen, seconds, boxes = [], 0.0, 0
    for photo, truth in zip(photos.photos, truths, strict=True):
        try:
            opened = open_photo(photo.file, working_side=table.WORKING_SIDE, for_taggers=True)
        except UnreadablePhoto as error:
            raise PhototagError(f"{photo.file}: {error}") from error
        frame = Frame(0, opened.pixels, opened.width, opened.height)
        (alone,) = tagger.detect([frame])
        began = time.process_time()
        (judged,) = tagger.judge([frame], [alone])
        seconds, boxes = seconds + time.process_time() - began, boxes + len(alone)
        (sharpness,) = tag_sharpness([replace(frame, answers={"faces": tuple(alone)})])
        seen.append(Seen(photo.file.name, truth, alone, judged, sharpness))
        if on_photo:
            on_photo()
    return seen, 1000 * seconds / boxes if boxes else None

"""The faces tagger: one tag per face, with the detector's probability, its box and five landmarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from phototag.nets.device import halving, pick_device
from phototag.nets.mtcnn.detect import FaceDetector, Faces
from phototag.records import Box, Frame, Tag


def load(device: str, options: Mapping[str, Any]) -> FacesTagger:
    """The tagger on `device` (see pick_device). Option `min_face`: the smallest face looked for, as
    a fraction of the photo's long side. Raises WeightsError, UsageError."""
    return FacesTagger(pick_device(device), float(options["min_face"]))


class FacesTagger:
    """Frames in, for each its faces, best first."""

    def __init__(self, device: torch.device, min_face: float) -> None:
        self._detector = FaceDetector(device)
        self._min_face = min_face

    def __call__(self, frames: Sequence[Frame]) -> list[list[Tag]]:
        return halving(self._tag, frames)

    def _tag(self, frames: Sequence[Frame]) -> list[list[Tag]]:
        photos = [frame.pixels for frame in frames]
        found = self._detector.detect(photos, [self._min_face * max(photo.shape[:2]) for photo in photos])
        return [_tags(faces, *photo.shape[:2]) for faces, photo in zip(found, photos, strict=True)]


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

"""Cuts faces out so that eyes, nose and mouth always lie at the same places: unaligned, six of a
hundred pairs more are told wrongly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from phototag.nets.identity.net import SIDE

# Where the landmarks of MTCNN (left eye, right eye, nose, left and right corner of the mouth, as
# seen in the picture) lie in the crops that the network was trained on, in pixels.
LANDMARKS = np.array([(46.8, 45.3), (102.3, 45.0), (75.2, 77.8), (50.3, 104.2), (98.1, 104.3)])

Pixels = np.ndarray[Any, Any]


def cut_face(pixels: Pixels, landmarks: Sequence[tuple[float, float]]) -> Pixels:
    """(H, W, 3) uint8 RGB and five (x, y) as fractions of it -> (150, 150, 3) uint8. What lies
    outside the picture is black. Raises ValueError where the landmarks lie on one point."""
    height, width = pixels.shape[:2]
    found = np.array(landmarks, np.float64) * (width, height)  # (5, 2) pixels
    matrix = similarity(LANDMARKS, found)  # from the crop to the picture
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))  # pixels of the picture for one of the crop
    reduce = int(scale)
    if reduce >= 2:  # a large face is averaged first: sampling it would alias
        left, top, right, bottom = _bounds(matrix, width, height)
        if right - left < reduce or bottom - top < reduce:
            raise ValueError("the face lies outside the picture")
        image = Image.fromarray(pixels[top:bottom, left:right]).reduce(reduce)
        matrix = np.array(
            [[1 / reduce, 0, -left / reduce], [0, 1 / reduce, -top / reduce], [0, 0, 1]]
        ) @ np.vstack((matrix, (0, 0, 1)))
    else:
        image = Image.fromarray(pixels)
    cut = image.transform(
        (SIDE, SIDE), Image.Transform.AFFINE, tuple(matrix[:2].ravel()), Image.Resampling.BILINEAR
    )
    return np.asarray(cut)


def similarity(source: Pixels, target: Pixels) -> Pixels:
    """The (2, 3) matrix of turning, scaling and moving that brings points (N, 2) closest to others,
    in the sense of least squares (Umeyama 1991, without mirroring). Raises ValueError where all
    points are one."""
    source_mean, target_mean = source.mean(0), target.mean(0)
    a, b = source - source_mean, target - target_mean
    spread = float((a**2).sum())
    along = float((a * b).sum()) / spread
    across = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / spread
    if not np.isfinite([along, across]).all() or np.hypot(along, across) < 1e-6:
        raise ValueError("landmarks that lie on one point give no direction")
    turn = np.array([[along, -across], [across, along]])
    return np.hstack((turn, (target_mean - turn @ source_mean)[:, None]))


def _bounds(matrix: Pixels, width: int, height: int) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of the part of the picture that the crop shows, a pixel wider."""
    corners = np.array([(x, y, 1) for x in (0, SIDE) for y in (0, SIDE)], np.float64) @ matrix.T
    low, high = np.floor(corners.min(0)) - 1, np.ceil(corners.max(0)) + 1
    left, top = (int(min(max(v, 0), end)) for v, end in zip(low, (width, height), strict=True))
    right, bottom = (int(min(max(v, 0), end)) for v, end in zip(high, (width, height), strict=True))
    return left, top, right, bottom

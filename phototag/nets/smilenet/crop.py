"""From a photo to the face crop that SmileNet sees: the one preprocessing for training, evaluation
and tagging."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
import torch
from PIL import Image

from phototag.records import Box

# A square whose side is this many times the mean side of the face detector's box, centred on the
# box and moved down by SHIFT sides. FER2013's faces were cut by another detector; these two put
# MTCNN's boxes where FER's borders are, by `phototag evaluate framing FERPLUS.npz`, which prints
# both and how faces cut with other margins are read (weights/smilenet.md).
MARGIN = 1.07
SHIFT = 0.0
# smaller rolls are within what training's rotation covers; leave the pixels alone
ROLL_DEADBAND_DEGREES = 8.0


class FaceSquare(NamedTuple):
    """Where a face crop lies in a photo: its centre and side in pixels, and the angle in degrees by
    which it is turned, clockwise as the viewer sees it."""

    centre_x: float
    centre_y: float
    side: float
    roll: float


def place_square(
    width: int,
    height: int,
    box: Box,
    points: tuple[tuple[float, float], ...] = (),
    margin: float = MARGIN,
) -> FaceSquare:
    """The square around the detector's box in a photo of that size, turned by the line between the
    eyes (`points[0]` and `points[1]`, fractions of the photo) where that is far from level."""
    side = margin * (box.width * width + box.height * height) / 2
    centre_x = (box.left + box.right) / 2 * width
    centre_y = (box.top + box.bottom) / 2 * height + SHIFT * side
    roll = 0.0
    if len(points) >= 2:
        (left_x, left_y), (right_x, right_y) = points[:2]
        roll = math.degrees(math.atan2((right_y - left_y) * height, (right_x - left_x) * width))
        # beyond 90 the landmarks are wrong, not the head
        if abs(roll) < ROLL_DEADBAND_DEGREES or abs(roll) > 90:
            roll = 0.0
    return FaceSquare(centre_x, centre_y, side, roll)


def cut_face(
    pixels: np.ndarray,
    box: Box,
    points: tuple[tuple[float, float], ...] = (),
    size: int = 96,
    margin: float = MARGIN,
    mode: Literal["L", "RGB"] = "L",
    turn: float = 0.0,
) -> np.ndarray:
    """One face as a net wants it: `pixels` (H, W, 3) or (H, W) uint8 -> (size, size) uint8 grey, or
    with mode "RGB" (size, size, 3).

    The square of `place_square`, turned so that the head is upright, or leans by `turn` degrees against
    the clock, anti-aliased on the way down, the border repeated where it leaves the photo.
    """
    height, width = pixels.shape[:2]
    centre_x, centre_y, side, roll = place_square(width, height, box, points, margin)
    roll += turn
    # A turned square needs its diagonal; the turn happens after shrinking, where it costs microseconds.
    reach = side * (math.sqrt(2) if roll else 1.0)
    working = round(size * (math.sqrt(2) if roll else 1.0))
    left, top = centre_x - reach / 2, centre_y - reach / 2
    x0, y0 = math.floor(left), math.floor(top)
    x1, y1 = max(math.ceil(left + reach), x0 + 1), max(math.ceil(top + reach), y0 + 1)
    inner = pixels[max(y0, 0) : max(min(y1, height), 1), max(x0, 0) : max(min(x1, width), 1)]
    pads = ((max(-y0, 0), max(y1 - height, 0)), (max(-x0, 0), max(x1 - width, 0)))
    if any(any(pad) for pad in pads):
        inner = np.pad(inner, (*pads, (0, 0))[: inner.ndim], mode="edge")
    crop = Image.fromarray(np.ascontiguousarray(inner)).convert(mode)
    region = (left - x0, top - y0, min(left - x0 + reach, crop.width), min(top - y0 + reach, crop.height))
    crop = crop.resize((working, working), Image.Resampling.BILINEAR, box=region)
    if roll:
        crop = crop.rotate(roll, Image.Resampling.BILINEAR)
        edge = (working - size) // 2
        crop = crop.crop((edge, edge, edge + size, edge + size))
    return np.asarray(crop)


def whole_face(picture: Image.Image, size: int = 96) -> np.ndarray:
    """A picture that already is a face crop (a dataset's) -> (size, size) uint8 grey."""
    return np.asarray(picture.convert("L").resize((size, size), Image.Resampling.BILINEAR))


def normalise(crops: torch.Tensor) -> torch.Tensor:
    """(B, S, S) or (B, 1, S, S) uint8 or float 0..255 -> (B, 1, S, S) float32, every face with mean 0 and
    standard deviation 1, so that exposure and contrast say nothing."""
    faces = crops.float()
    if faces.ndim == 3:
        faces = faces.unsqueeze(1)  # (B, 1, S, S)
    mean = faces.mean(dim=(2, 3), keepdim=True)
    # a flat crop stays flat instead of becoming noise
    spread = faces.std(dim=(2, 3), keepdim=True).clamp_min(8.0)
    return (faces - mean) / spread

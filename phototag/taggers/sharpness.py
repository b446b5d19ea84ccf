"""How sharp: of the whole photo and of each face. No net: the share of contrast that lives in the
finest details."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from phototag.records import Frame, Tag
from phototag.taggers.table import Tagger

FACE_SIDE = 112  # pixels a face is shrunk to: detail beyond what SmileNet sees must not count
PHOTO_SIDE = 640  # long side: a photo is looked at as a whole, sensor noise averaged away
FULL = 0.22  # ratio at which a face or photo is as sharp as it needs to be; measured on sharp portraits


def sharpness(grey: Image.Image) -> float:
    """Contrast of what a one-pixel blur removes, over all contrast, 0 to 1. Flat pictures are not sharp."""
    pixels = np.asarray(grey, np.float32)
    spread = float(pixels.std())
    if min(pixels.shape) < 8 or spread < 2.0:
        return 0.0
    detail = pixels - np.asarray(grey.filter(ImageFilter.GaussianBlur(1.0)), np.float32)
    return min(1.0, float(detail.std()) / spread / FULL)


def _shrunk(pixels: np.ndarray, side: int) -> Image.Image:
    grey = Image.fromarray(np.ascontiguousarray(pixels)).convert("L")
    scale = side / max(grey.size)
    if scale < 1:  # never up: an upscaled picture would pass for a blurred one
        grey = grey.resize(
            (max(1, round(grey.width * scale)), max(1, round(grey.height * scale))), Image.Resampling.BOX
        )
    return grey


def load(device: str, options: Mapping[str, Any]) -> Tagger:
    """The tagger for the table; it needs no net, so the device does not matter."""
    return tag_sharpness


def tag_sharpness(frames: Sequence[Frame]) -> list[list[Tag]]:
    """For each frame a tag without a box, of the whole photo, and one with the box of each face."""
    return [_tags(frame) for frame in frames]


def _tags(frame: Frame) -> list[Tag]:
    height, width = frame.pixels.shape[:2]
    tags = [Tag("sharpness", sharpness(_shrunk(frame.pixels, PHOTO_SIDE)))]
    for face in frame.answers.get("faces", ()):
        if face.box:
            left, top, right, bottom = face.box.pixels(width, height)
            cut = _shrunk(frame.pixels[top:bottom, left:right], FACE_SIDE)
            tags.append(Tag("sharpness", sharpness(cut), face.box))
    return tags

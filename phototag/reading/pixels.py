"""From what a decoder gives to upright 8-bit sRGB: modes, transparency, shrinking."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageCms

from phototag.reading.colour import to_srgb

# Hamming weighs half as many pixels as bicubic. After DCT scaling to 1.3 times the size and more it
# is 39 dB or better against a full decode (bicubic 44); at 1.125 times it blurs, with 34 dB, what
# bicubic keeps, with 38. (tests/benchmarks: decode)
RESAMPLE, RESAMPLE_LITTLE, LITTLE = Image.Resampling.HAMMING, Image.Resampling.BICUBIC, 1.25
# Formats without DCT scaling average whole blocks of pixels down to three times the size first: as
# good, and faster.
REDUCING_GAP = 3.0
# A wider or taller picture is looked at in tiles: see phototag.taggers.tiles.
LONGEST_RATIO, ORDINARY_RATIO = 3.0, 1.5
LONGEST_SIDES = 8  # of the working side: beyond some 12:1 even the short side shrinks
BAND_ROWS = 256  # brought to 8 bits at a time: a picture of floats is not copied as a whole
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def fit_inside(size_wh: tuple[int, int], long_side: int) -> tuple[int, int]:
    scale = min(1.0, long_side / max(size_wh))
    return max(1, round(size_wh[0] * scale)), max(1, round(size_wh[1] * scale))


def working_size(size_wh: tuple[int, int], long_side: int) -> tuple[int, int]:
    """The size at which taggers look: at most `long_side`; of a picture beyond LONGEST_RATIO the short
    side is as long as an ordinary photo's."""
    long, short = max(size_wh), min(size_wh)
    if long > LONGEST_RATIO * short:
        long_side = max(
            long_side, min(LONGEST_SIDES * long_side, round(long_side / ORDINARY_RATIO * long / short))
        )
    return fit_inside(size_wh, long_side)


def to_averageable(image: Image.Image, *, ignore_alpha: bool = False) -> Image.Image:
    """The same picture in a mode whose pixels can be averaged: not palette indices, not single
    bits, not 16 bits. `ignore_alpha`: its fourth channel is no transparency; one that is zero
    everywhere is none in any case, but padding that a program left behind."""
    if image.mode == "F" or image.mode.startswith("I"):
        return _to_8_bit(image)
    if image.has_transparency_data and image.mode not in ("LA", "RGBA"):
        image = image.convert("RGBA")
    if image.mode in ("LA", "RGBA") and (ignore_alpha or not image.getchannel("A").getbbox()):
        return image.convert("L" if image.mode == "LA" else "RGB")
    if image.mode in ("1", "P"):
        return image.convert("L" if image.mode == "1" else "RGB")
    return image


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Scale by the range that the numbers plainly belong to: 0 to 1 (floats), 8 bits, 16 bits, or
    their own."""
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        low, high = 0.0, 65535.0
    else:
        ends = [(float(band.min()), float(band.max())) for band in map(_finite, _bands(values)) if band.size]
        low, largest = min(0.0, *(least for least, _ in ends)), max(most for _, most in ends)
        ranges = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
        high = next((top for top in ranges if low == 0 and largest <= top), largest)
    factor = 255.0 / max(high - low, float(np.finfo(np.float32).tiny))
    scaled = np.empty(values.shape, np.uint8)
    for band, out in zip(_bands(values), _bands(scaled), strict=True):
        out[:] = np.clip((_finite(band) - low) * factor + 0.5, 0, 255).astype(np.uint8)
    return Image.fromarray(scaled)


def _bands(values: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    return [values[top : top + BAND_ROWS] for top in range(0, len(values), BAND_ROWS)]


def _finite(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.nan_to_num(values.astype(np.float32), posinf=0.0, neginf=0.0)


def to_rgb(image: Image.Image, size_wh: tuple[int, int], profile: bytes = b"") -> Image.Image:
    """Shrink first: colours of fewer pixels have to be converted. Transparent parts become white,
    as on paper. `profile`: the ICC profile that says what its numbers mean."""
    if image.size != size_wh:
        little = max(image.size) < LITTLE * max(size_wh)
        image = image.resize(size_wh, RESAMPLE_LITTLE if little else RESAMPLE, reducing_gap=REDUCING_GAP)
    if image.mode in ("LA", "RGBA"):
        paper = Image.new("RGBA", image.size, "white")
        grey = image.mode == "LA"
        image = Image.alpha_composite(paper, image.convert("RGBA")).convert("L" if grey else "RGB")
    if image.mode == "L" and profile[16:20] == b"RGB ":  # a profile of code points; grey is a colour too
        image = image.convert("RGB")
    transform = to_srgb(profile, image.mode)
    if transform is not None:
        return ImageCms.applyTransform(image, transform) or image
    return image if image.mode == "RGB" else image.convert("RGB")


def invert(image: Image.Image) -> Image.Image:
    """The picture of a negative."""
    return ImageChops.invert(image)

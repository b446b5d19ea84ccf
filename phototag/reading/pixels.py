"""From what a decoder gives to upright 8-bit sRGB: modes, transparency, shrinking."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from PIL import Image, ImageCms

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
BAND_ROWS = 256  # converted at a time
LARGEST = 1e30  # of floats: the difference of two is still a number
Conversion = Callable[[Image.Image], Image.Image]  # of some rows of a picture
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Banded(ABC):
    """A picture that is decoded some rows at a time, from above to below; otherwise as Pillow's. `image`: the
    same, opened and not decoded."""

    image: Image.Image

    @property
    def mode(self) -> str:
        return self.image.mode

    @property
    def format(self) -> str | None:
        return self.image.format

    @property
    def info(self) -> dict[str | tuple[int, int], Any]:
        return self.image.info

    @property
    def size(self) -> tuple[int, int]:
        return self.image.size

    @property
    def has_transparency_data(self) -> bool:
        return self.image.has_transparency_data

    @abstractmethod
    def bands(self) -> Iterator[Image.Image]:
        """Some rows each, as wide as the picture. Raises EOFError, OSError, RuntimeError or ValueError of
        damage."""


Picture = Image.Image | Banded


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


def shrink(image: Picture, size_wh: tuple[int, int], *, ignore_alpha: bool = False) -> Image.Image:
    """The picture at this size (never larger), in 8 bits and opaque: "RGB", "L", or whatever else of
    that kind its file has. Transparent parts become white, as on paper. `ignore_alpha`: its fourth
    channel is no transparency; one that is zero everywhere is none in any case, but padding that a
    program left behind.

    What has to be converted before it can be averaged is converted by bands of rows, each shrunk by
    whole blocks at once: no copy of the whole picture is made."""
    resample = RESAMPLE_LITTLE if max(image.size) < LITTLE * max(size_wh) else RESAMPLE
    convert = _conversion(image, ignore_alpha)
    if convert is None and isinstance(image, Image.Image):
        if image.size == size_wh:
            return image
        return image.resize(size_wh, resample, reducing_gap=REDUCING_GAP)
    width, height = image.size
    block_wh = (
        max(1, int(width / size_wh[0] / REDUCING_GAP)),
        max(1, int(height / size_wh[1] / REDUCING_GAP)),
    )
    reduced = _reduce(image, convert, block_wh)
    if reduced.size == size_wh:
        return reduced
    inside = (0.0, 0.0, width / block_wh[0], height / block_wh[1])  # of the last blocks
    return reduced.resize(size_wh, resample, box=inside)


def _reduce(image: Picture, convert: Conversion | None, block_wh: tuple[int, int]) -> Image.Image:
    """The converted picture, of each block of pixels the mean."""
    width, height = -(-image.size[0] // block_wh[0]), -(-image.size[1] // block_wh[1])
    reduced: Image.Image | None = None
    top = 0
    bands = _bands(image, block_wh[1])
    for part in _in_multiples(map(convert, bands) if convert else bands, block_wh[1]):
        if block_wh != (1, 1):
            part = part.reduce(block_wh)
        if reduced is None:
            reduced = Image.new(part.mode, (width, height))
        reduced.paste(part, (0, top))
        top += part.height
    assert reduced is not None  # a picture has rows
    return reduced


def _in_multiples(bands: Iterator[Image.Image], multiple: int) -> Iterator[Image.Image]:
    """The same rows, at a time as many as a multiple of a number, but for the last."""
    left: Image.Image | None = None
    for band in bands:
        if left is not None:
            band, left = _stack(left, band), None
        even = band.height - band.height % multiple
        if even < band.height:
            left = band.crop((0, even, band.width, band.height))
            band = band.crop((0, 0, band.width, even))
        if even:
            yield band
    if left is not None:
        yield left


def _stack(above: Image.Image, below: Image.Image) -> Image.Image:
    both = Image.new(above.mode, (above.width, above.height + below.height))
    both.paste(above, (0, 0))
    both.paste(below, (0, above.height))
    return both


def _bands(image: Picture, multiple: int = 1) -> Iterator[Image.Image]:
    """The picture's rows, BAND_ROWS or a little more at a time, as many as a multiple of a number; of one
    that is decoded some at a time, as they come."""
    if not isinstance(image, Image.Image):
        yield from image.bands()
        return
    rows = -(-BAND_ROWS // multiple) * multiple
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height)))


def _conversion(image: Picture, ignore_alpha: bool) -> Conversion | None:
    """What brings rows of this picture into a mode whose pixels can be averaged: not palette indices,
    not single bits, not 16 bits, nor colours of what cannot be seen. None where they are."""
    if image.mode == "F" or image.mode.startswith("I"):
        low, factor = _range(image)
        clear = image.info.get("transparency")
        return partial(_to_8_bit, low=low, factor=factor, clear=clear if isinstance(clear, int) else None)
    if image.has_transparency_data:
        is_padding = image.format != "GIF" and not any(_alpha(band).getbbox() for band in _bands(image))
        hidden = ignore_alpha or is_padding
        return _without_alpha if hidden else _on_paper
    if image.mode in ("1", "P"):
        return partial(Image.Image.convert, mode="L" if image.mode == "1" else "RGB")
    return None


def _alpha(band: Image.Image) -> Image.Image:
    return (band if band.mode in ("LA", "RGBA") else band.convert("RGBA")).getchannel("A")


def _without_alpha(band: Image.Image) -> Image.Image:
    if band.mode not in ("LA", "RGBA"):
        band = band.convert("RGBA")
    return band.convert("L" if band.mode == "LA" else "RGB")


def _on_paper(band: Image.Image) -> Image.Image:
    paper = Image.new("RGBA", band.size, "white")
    return Image.alpha_composite(paper, band.convert("RGBA")).convert("L" if band.mode == "LA" else "RGB")


def _range(image: Picture) -> tuple[float, float]:
    """What black is, and what to multiply the rest with, by the range that the numbers plainly belong
    to: 0 to 1 (floats), 8 bits, 16 bits, or their own."""
    if image.mode.startswith("I;16"):
        low, high = 0.0, 65535.0
    else:
        ends = [(float(values.min()), float(values.max())) for values in map(_numbers, _bands(image))]
        low, largest = min(0.0, *(least for least, _ in ends)), max(most for _, most in ends)
        ranges = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
        high = next((top for top in ranges if low == 0 and largest <= top), largest)
    return low, 255.0 / max(high - low, float(np.finfo(np.float32).tiny))


def _to_8_bit(band: Image.Image, low: float, factor: float, clear: int | None) -> Image.Image:
    """`clear`: the number that stands for what is transparent."""
    numbers = _numbers(band)
    values = np.clip((numbers - low) * factor + 0.5, 0, 255).astype(np.uint8)
    if clear is not None:
        values[numbers == clear] = 255
    return Image.fromarray(values)


def _numbers(band: Image.Image) -> np.ndarray[Any, Any]:
    """(H, W) float32, all finite."""
    numbers = np.nan_to_num(np.asarray(band).astype(np.float32), posinf=0.0, neginf=0.0)
    return np.clip(numbers, -LARGEST, LARGEST)


def to_rgb(image: Image.Image, profile: bytes = b"") -> Image.Image:
    """The opaque picture as sRGB. `profile`: the ICC profile that says what its numbers mean."""
    if image.mode == "L" and profile[16:20] == b"RGB ":  # a profile of code points; grey is a colour too
        image = image.convert("RGB")
    transform = to_srgb(profile, image.mode)
    if transform is not None:
        return ImageCms.applyTransform(image, transform) or image
    return image if image.mode == "RGB" else image.convert("RGB")

"""From what a decoder gives to upright 8-bit sRGB: modes, colour profiles, transparency, shrinking."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import (
    AvifImagePlugin,  # noqa: F401
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    ImageCms,
    JpegImagePlugin,  # noqa: F401
    MpoImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)

# Hamming weighs half as many pixels as bicubic. After DCT scaling to 1.3 times the size and more it
# is 39 dB or better against a full decode (bicubic 44); at 1.125 times it blurs, with 34 dB, what
# bicubic keeps, with 38. (tests/benchmarks: decode)
RESAMPLE, RESAMPLE_LITTLE, LITTLE = Image.Resampling.HAMMING, Image.Resampling.BICUBIC, 1.25


# Formats without DCT scaling average whole blocks of pixels down to three times the size first: as
# good, and faster.
REDUCING_GAP = 3.0


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


def to_averageable(image: Image.Image) -> Image.Image:
    """The same picture in a mode whose pixels can be averaged: not palette indices, not single
    bits, not 16 bits."""
    if image.mode == "F" or image.mode.startswith("I"):
        return _to_8_bit(image)
    if image.has_transparency_data and image.mode not in ("LA", "RGBA"):
        return image.convert("RGBA")
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
        values = np.nan_to_num(values.astype(np.float32), posinf=0.0, neginf=0.0)
        low, largest = min(float(values.min()), 0.0), float(values.max())
        ranges = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
        high = next((top for top in ranges if low == 0 and largest <= top), largest)
    scaled = (values.astype(np.float32) - low) * (255.0 / max(high - low, np.finfo(np.float32).tiny))
    return Image.fromarray(np.clip(scaled + 0.5, 0, 255).astype(np.uint8))


def to_rgb(image: Image.Image, size_wh: tuple[int, int]) -> Image.Image:
    """Shrink first: colours of fewer pixels have to be converted. Transparent parts become white,
    as on paper."""
    profile = image.info.get("icc_profile")
    if image.size != size_wh:
        little = max(image.size) < LITTLE * max(size_wh)
        image = image.resize(size_wh, RESAMPLE_LITTLE if little else RESAMPLE, reducing_gap=REDUCING_GAP)
    if image.mode in ("LA", "RGBA"):
        paper = Image.new("RGBA", image.size, "white")
        grey = image.mode == "LA"
        image = Image.alpha_composite(paper, image.convert("RGBA")).convert("L" if grey else "RGB")
    transform = _to_srgb(profile if isinstance(profile, bytes) else b"", image.mode)
    if transform is not None:
        return ImageCms.applyTransform(image, transform) or image
    return image if image.mode == "RGB" else image.convert("RGB")


@lru_cache(maxsize=16)  # a library's photos come from a handful of cameras and programs
def _to_srgb(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """How to bring the colours of an embedded ICC profile to sRGB; None where they are sRGB
    already, or the profile is absent, damaged or made for other channels: then the plain conversion
    is the best guess there is."""
    try:
        if mode == "LAB":
            source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        elif profile:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "srgb" in ImageCms.getProfileDescription(source).lower():
                return None
        else:
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except Exception:
        return None

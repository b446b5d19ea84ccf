"""Opens camera RAW files with LibRaw: the preview that the camera put in, or else the sensor's
pixels at half size.

Decodes no JPEG: a preview is handed over as bytes, and `decode.py` reads it like any other JPEG.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from phototag.errors import UnreadablePhoto
from phototag.reading import images
from phototag.reading.files import check_size
from phototag.reading.formats import is_installed

LIBRAW_FLIPS = {3: 3, 5: 8, 6: 6}  # LibRaw's name for a turn -> EXIF's


@dataclass(frozen=True, slots=True)
class RawPhoto:
    """What was found in a RAW file. `size_wh` is the sensor's, in pixels, before turning;
    `orientation` is EXIF's number. Either `preview` is a JPEG, or `half_size_pixels` is (H, W, 3)
    uint8 RGB, upright."""

    size_wh: tuple[int, int]
    orientation: int
    exif: Image.Exif | None
    preview: bytes | None
    half_size_pixels: np.ndarray[Any, Any] | None

    @property
    def upright_wh(self) -> tuple[int, int]:
        return self.size_wh[::-1] if self.orientation >= 5 else self.size_wh

    def lies_as_the_sensor(self, preview_wh: tuple[int, int]) -> bool:
        """Whether the preview is as wide or as tall as the sensor: then the camera has not turned it."""
        return (preview_wh[0] < preview_wh[1]) == (self.size_wh[0] < self.size_wh[1])


def develop(data: bytes, sizing: Callable[[tuple[int, int]], tuple[int, int]], max_pixels: int) -> RawPhoto:
    """The preview where it is at least as large as is wanted: it has the camera's own
    colours and costs a hundredth of developing. Raises UnreadablePhoto where rawpy is not installed
    or the picture is too large, and whatever LibRaw raises."""
    if not is_installed("raw"):
        raise UnreadablePhoto("a RAW photo needs one more package: pip install 'phototag[raw]'")
    import rawpy

    with rawpy.imread(io.BytesIO(data)) as opened:
        size_wh = opened.sizes.width, opened.sizes.height
        check_size(size_wh, max_pixels)
        preview = _preview(opened, max(sizing(size_wh)))
        pixels = None if preview else opened.postprocess(half_size=True, use_camera_wb=True, output_bps=8)
        orientation = LIBRAW_FLIPS.get(opened.sizes.flip, 1)
    return RawPhoto(size_wh, orientation, images.tiff_exif(data), preview, pixels)


def _preview(opened: Any, smallest_side: int) -> bytes | None:
    import rawpy

    try:
        thumbnail = opened.extract_thumb()
        if thumbnail.format != rawpy.ThumbFormat.JPEG:
            return None
        opened = images.open_bytes(thumbnail.data)
        return thumbnail.data if max(opened.image.size) >= smallest_side else None
    except Exception:  # no preview, or one that cannot be read: there is still the sensor's data
        return None

"""Reading less of a progressive JPEG that is to be shrunk anyway. Owns no picture; knows Pillow and the markers of a JPEG.

A progressive JPEG sends its coefficients in rounds (ITU-T T.81, annex G), the last bit of the brightness at the very end: a third
of the file, and what takes longest to decode, for a difference that averaging several pixels into one mostly undoes:

    brightness, coarse | colours | ... second to last bit | ... | last bit of the brightness | end
                                                                `-- left out
"""

from __future__ import annotations

import io
import re

from PIL import Image

from phototag.reading.jpeg import MARKER, first_pixels

END = b"\xff\xd9"
# A scan of component 1 alone; coefficients 1 to 63, from the second to last bit to the last.
LAST_BIT = re.compile(rb"\xff\xda\x00\x08\x01\x01.\x01\x3f\x10", re.DOTALL)
# Pillow gives quantisation tables row by row; DCT scaling to a half uses four by four of the eight by eight coefficients. The
# last bit is worth one step. At quality 85 the coarsest of them is 9: the picture comes within 0.7 dB of what it is with that
# bit. At quality 75 it is 15, and 3.6 dB of 46 would be lost.
USED_AT_A_HALF = [row * 8 + column for row in range(4) for column in range(4)]
COARSEST_STEP = 10


class CutShort(io.BytesIO):
    """A JPEG that ends at `end`, without a copy of its bytes: of a large photo they are as many as a tenth of its pixels.
    A read of all there is stops before the end marker, which the next one gives."""

    def __init__(self, data: bytes, end: int) -> None:
        super().__init__(data)
        self._end = end

    def read(self, size: int | None = -1) -> bytes:
        left = self._end - self.tell()
        if left == 0:
            self.seek(len(END), io.SEEK_CUR)
            return END
        return super().read(left if size is None or size < 0 else min(size, left)) if left > 0 else b""

    def getvalue(self) -> bytes:
        return super().getvalue()[: self._end] + END


def without_last_bit(image: Image.Image, data: bytes) -> CutShort | None:
    """The JPEG `data`, of which `image` is the opened picture, without the last scan; None where that is not of the kind that
    can be spared, or the file does not reach its end from marker to marker: decoding all of it will say why."""
    if image.format != "JPEG" or not image.info.get("progressive"):
        return None
    number, _, _, table = image.layer[0]  # type: ignore[attr-defined]
    steps = image.quantization.get(table)  # type: ignore[attr-defined]
    if number != 1 or steps is None or max(steps[i] for i in USED_AT_A_HALF) > COARSEST_STEP:
        return None
    start = _last_scan(data)
    return CutShort(data, start) if start and LAST_BIT.match(data, start) else None


def _last_scan(data: bytes) -> int | None:
    """Where the last of several scans begins."""
    start, position, in_pixels = None, first_pixels(data), True
    while marker := MARKER.search(data, position):
        if not in_pixels and data[position : marker.start()].strip(b"\xff"):
            return None
        if marker[1] == b"\xd9":
            return start
        in_pixels = marker[1] == b"\xda"
        if in_pixels:
            start = marker.start()
        position = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
    return None

"""The first frame of a large WebP or AVIF. Their decoders give the whole frame as bytes, which Pillow copies
into a picture of its own; here only some rows at a time are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from PIL import AvifImagePlugin, Image, WebPImagePlugin

from phototag.reading.pixels import BAND_ROWS, Banded


class OneFrame(Banded):
    """`image` is not to be decoded after."""

    image: AvifImagePlugin.AvifImageFile | WebPImagePlugin.WebPImageFile

    def __init__(self, image: AvifImagePlugin.AvifImageFile | WebPImagePlugin.WebPImageFile) -> None:
        self.image = image
        self._rows: memoryview | None = None

    @property
    def is_upright(self) -> bool:
        """Pillow turns neither format."""
        return True

    def bands(self) -> Iterator[Image.Image]:
        width, height = self.size
        if self._rows is None:
            self._rows = memoryview(self._decode())
        raw_mode = getattr(self.image, "rawmode", self.mode)
        row_bytes = width * len(raw_mode)
        for top in range(0, height, BAND_ROWS):
            rows = min(BAND_ROWS, height - top)
            part = self._rows[top * row_bytes : (top + rows) * row_bytes]
            yield Image.frombytes(self.mode, (width, rows), part, "raw", raw_mode)

    def _decode(self) -> bytes:
        decoder: Any = self.image._decoder
        if isinstance(self.image, AvifImagePlugin.AvifImageFile):
            return bytes(decoder.get_frame(0)[0])
        found = decoder.get_next()
        if found is None:
            raise EOFError
        return bytes(found[0])

"""A large TIFF some rows at a time: the whole picture is never in memory, and damage late in it costs no more
than what came before. libtiff decodes the strips or tiles, some of them as a TIFF of their own, so that each
pixel is what it would be in the whole picture."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from phototag.reading import samples, tiff
from phototag.reading.pixels import Banded

JPEG = 7
READ = samples.UNPACKED | {JPEG}  # compressions whose strips do not depend on each other
GROUP_BYTES = 4 << 20  # decoded at a time


@dataclass(frozen=True)
class Rows(Banded):
    """`data`: a file whose first page it is; `pieces`: where its strips or tiles stand, and their bytes;
    `is_upright`: Pillow would not turn it."""

    image: Image.Image
    data: bytes
    page: tiff.Page
    pieces: list[tuple[int, int]]
    is_upright: bool
    group_bytes: int = GROUP_BYTES

    def bands(self) -> Iterator[Image.Image]:
        groups = list(self._groups())
        if any(place + size > len(self.data) for places, _, _ in groups for place, size in places):
            raise EOFError
        for places, rows, height in groups:
            part = samples.TiffFile(io.BytesIO(tiff.cut_out(self.data, self.page, places, rows, height)))
            part.load()
            if part.mode != self.mode or part.size != (self.page.size_wh[0], rows):
                raise ValueError("a strip or tile of another kind")
            yield part

    def check(self) -> None:
        """Decodes all of it and keeps none. Raises as `bands` does."""
        for _ in self.bands():
            pass

    def _groups(self) -> Iterator[tuple[list[tuple[int, int]], int, int]]:
        """(where the strips or tiles stand, how many rows of the picture they are, how high each is)."""
        page = self.page
        width, height = samples.piece_wh(page)
        row_bytes, all_rows = samples.bytes_of_row(page, width), page.size_wh[1]
        across = -(-page.size_wh[0] // width)
        is_packed = page.compression != samples.NONE
        if not is_packed and not page.tile_wh and row_bytes * height > self.group_bytes:
            some = max(1, self.group_bytes // row_bytes)
            for number, (place, _) in enumerate(self.pieces):
                here = min(height, all_rows - number * height)
                for row in range(0, here, some):
                    rows = min(some, here - row)
                    yield [(place + row * row_bytes, rows * row_bytes)], rows, rows
            return
        together = max(1, self.group_bytes // (row_bytes * height * across))
        for top in range(0, all_rows, together * height):
            rows = min(together * height, all_rows - top)
            first = top // height * across
            places = self.pieces[first : first + -(-rows // height) * across]
            if not is_packed:
                heights = [
                    height if page.tile_wh else min(height, rows - n * height) for n in range(len(places))
                ]
                places = [(place, h * row_bytes) for (place, _), h in zip(places, heights, strict=True)]
            yield places, rows, height


def find_rows(data: bytes, image: Image.Image, group_bytes: int = GROUP_BYTES) -> Rows | None:
    """The first page of a file some rows at a time; None where it has to be decoded as a whole. `image`: the
    same page, opened and not decoded."""
    found = tiff.find_photo(data)
    if found is None or not isinstance(image, samples.TiffFile):
        return None
    page = found[1]
    if page.compression not in READ or page.planes != 1 or len(set(page.bits)) != 1:
        return None
    if page.photometric == samples.YCBCR and page.compression != JPEG:  # pixels may share their colours
        return None
    is_upright = page.orientation == 1
    try:
        pieces = tiff.find_pieces(data, page)
        # Pillow believes XMP, too
        is_upright = is_upright and image.getexif().get(tiff.ORIENTATION, 1) not in range(2, 9)
    except (ValueError, struct.error):  # libtiff can do without
        return None
    except Exception:  # damaged EXIF costs the EXIF, not the picture
        return None
    width, height = samples.piece_wh(page)
    if samples.bytes_of_row(page, width) < 1 or image.size not in (page.size_wh, page.size_wh[::-1]):
        return None
    number = -(-page.size_wh[0] // width) * -(-page.size_wh[1] // height)
    if len(pieces) != number or not all(size for _, size in pieces):
        return None
    return Rows(image, data, page, pieces, is_upright, group_bytes)

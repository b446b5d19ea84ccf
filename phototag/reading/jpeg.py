"""Whether a picture that was decoded without complaint is whole. Decoders guess rather than fail
where pixels are missing; phototag reports the file instead. Knows JPEG and PNG, whose decoders are
silent; the others complain."""

from __future__ import annotations

import hashlib
import io
import re
import zlib

from PIL import Image

GREY = 128  # what libjpeg paints where a JPEG's data has ended
# A JPEG's next marker after compressed pixels, in which 00 or a restart follows FF. More FF may
# stand before it: a pattern that takes those along searches ten times as long.
MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")


def jpeg_ends_early(image: Image.Image, data: bytes) -> bool:
    """Whether a decoded JPEG lacks data at its end, of which libjpeg only warns, to nobody: it then
    paints grey blocks.

    Without an end marker the file is cut or was filled up with zeros. With one too early, the last
    block is grey; but grey may be real, so decode again with noise before the end marker: a
    complete picture never reads it."""
    start = first_pixels(data)
    if data.rfind(b"\xff\xd9") < start:
        return True
    if image.mode not in ("L", "RGB"):
        return False
    corner = image.crop((max(image.width - 2, 0), max(image.height - 2, 0), image.width, image.height))
    if any(value != (GREY, GREY) for value in _extrema(corner)):
        return False
    end = MARKER.search(data, start)
    if end is None:
        return True
    noise = hashlib.shake_256(b"noise").digest(4096).replace(b"\xff", b"\xfe")
    again = Image.open(io.BytesIO(data[: end.start()] + noise + data[end.start() :]), formats=("JPEG",))
    again.draft(None, image.size)
    again.load()
    return again.tobytes() != image.tobytes()


def first_pixels(data: bytes) -> int:
    """Where a JPEG's first compressed pixels begin. Segments before it may hold whole JPEGs of their own."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        if data[position + 1] == 0xFF:  # padding
            position += 1
            continue
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        position += 2 + length
        if marker == 0xDA:
            break
    return position


def png_is_intact(data: bytes) -> bool:
    """Whether the checksums of a PNG's pixel data fit. Pillow does not look at them, and shows garbage."""
    position = 8
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        name, end = data[position + 4 : position + 8], position + 8 + length
        if name == b"IDAT" and zlib.crc32(memoryview(data)[position + 4 : end]) != int.from_bytes(
            data[end : end + 4], "big"
        ):
            return False
        position = end + 4
    return True


def _extrema(image: Image.Image) -> tuple[tuple[int, int], ...]:
    extrema = image.getextrema()
    return extrema if isinstance(extrema[0], tuple) else (extrema,)  # type: ignore[return-value]

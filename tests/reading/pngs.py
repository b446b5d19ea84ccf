"""PNGs of every kind of pixel (W3C PNG, third edition), and BMPs."""

import struct
import zlib

import numpy as np

from tests.bad_files import png_chunk

GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
# first column, first row, columns and rows from one to the next
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def write(numbers, colour, bits=8, chunks=(), interlaced=False):
    """`numbers`: (H, W) or (H, W, samples); `chunks`: (name, contents) before the pixels."""
    height, width = numbers.shape[:2]
    numbers = numbers.reshape(height, width, -1)
    parts = [numbers]
    if interlaced:
        parts = [numbers[y::down, x::across] for x, y, across, down in PASSES]
    body = b"".join(_rows(part, bits) for part in parts if part.size)
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced)
    every = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(body)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(name, contents) for name, contents in every)


def _rows(numbers, bits):
    rows = numbers.reshape(len(numbers), -1)
    if bits == 16:
        packed = rows.astype(">u2").view(np.uint8)
    elif bits == 8:
        packed = rows.astype(np.uint8)
    else:
        single = (rows[..., None] >> np.arange(bits - 1, -1, -1)) & 1
        packed = np.packbits(single.astype(np.uint8).reshape(len(rows), -1), axis=1)
    return np.hstack([np.zeros((len(packed), 1), np.uint8), packed]).tobytes()


def bmp(numbers, bits, *, top_down=False, header_bytes=40, compression=0, masks=b"", palette=b""):
    """A BMP of these numbers, (H, W, bytes of a pixel)."""
    height, width = numbers.shape[:2]
    rows = np.ascontiguousarray(numbers if top_down else numbers[::-1]).reshape(height, -1).view(np.uint8)
    body = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4))).tobytes()
    head = struct.pack(
        "<IiiHHIIiiII",
        *(header_bytes, width, -height if top_down else height, 1, bits),
        *(compression, len(body), 0, 0, len(palette) // 4, 0),
    )
    if header_bytes > 40:
        head, masks = (head + masks + b"BGRs").ljust(header_bytes, b"\0"), b""
    start = 14 + len(head) + len(masks) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + head + masks + palette + body

"""The chunks of a WebP: how large its picture is, and how many of its bytes are pixels.

Source: the WebP container specification, RFC 9649."""

from __future__ import annotations

import struct
from collections.abc import Iterator

PIXELS, MOST_CHUNKS = (b"VP8 ", b"VP8L", b"ALPH", b"ANMF"), 10_000


def find_size(data: bytes) -> tuple[int, int] | None:
    """Width and height; None where the file does not say."""
    if data[12:16] == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if data[12:16] == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if data[12:16] == b"VP8 ":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    return None


def pixel_bytes(data: bytes) -> int:
    """All bytes but those of notes, as far as the file makes sense."""
    notes = sum(end - start + 8 for name, start, end in chunks(data) if name not in PIXELS)
    return max(len(data) - notes, 0)


def chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(name, start and end of its body) of the first MOST_CHUNKS; the last may end behind the file."""
    position = 12
    for _ in range(MOST_CHUNKS):
        if position + 8 > len(data):
            return
        name, size = struct.unpack_from("<4sI", data, position)
        yield name, position + 8, position + 8 + size
        position += 8 + size + size % 2


def notes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, body) of what in a WebP is no picture. Pillow gives notes only where the header's flags announce
    them, which some programs forget to set."""
    for name, start, end in chunks(data):
        if name in (b"EXIF", b"XMP ") and end <= len(data):
            yield name, data[start:end]

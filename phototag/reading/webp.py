"""The chunks of a WebP: how large its picture is, and how many of its bytes are pixels.

Source: the WebP container specification, RFC 9649."""

from __future__ import annotations

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
    position, notes = 12, 0
    for _ in range(MOST_CHUNKS):
        if position + 8 > len(data):
            break
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        notes += size + 8 if data[position : position + 4] not in PIXELS else 0
        position += 8 + size + size % 2
    return max(len(data) - notes, 0)

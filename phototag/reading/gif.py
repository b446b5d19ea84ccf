"""What stands before the first picture of a GIF, counted: Pillow goes through it block by block, in Python.

Source: GIF89a."""

from __future__ import annotations

# Blocks of at most 255 bytes, and bytes that mean nothing: an XMP packet is some hundred blocks.
MOST_BLOCKS = 100_000
EXTENSION, PICTURE, TRAILER = 0x21, 0x2C, 0x3B


def check_notes(data: bytes) -> None:
    """Raises ValueError where there is no end of notes. Passes over what is damaged."""
    if len(data) < 13:
        return
    position = 13 + (3 * (2 << (data[10] & 7)) if data[10] & 0x80 else 0)
    blocks = 0
    while position < len(data) and data[position] not in (PICTURE, TRAILER):
        blocks += 1
        if data[position] == EXTENSION:
            position += 2
            while position < len(data) and (length := data[position]):
                position += 1 + length
                blocks += 1
                if blocks > MOST_BLOCKS:
                    break
        position += 1
        if blocks > MOST_BLOCKS:
            raise ValueError("no end of notes before the picture")

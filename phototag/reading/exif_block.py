"""A block of Exif as bytes. Exif 3.0 (CIPA DC-008, 2023) has texts in UTF-8, as a type of their own that
Pillow passes over; to it they become what they were before."""

from __future__ import annotations

import struct

HEAD = b"Exif\0\0"
UTF_8, ASCII = 129, 2
EXIF_FOLDER, GPS_FOLDER = 0x8769, 0x8825  # tags that say where the folders within the first are
MOST_ENTRIES = 1_000


def with_known_types(block: bytes) -> bytes:
    """The block, with or without its head, with texts in UTF-8 as texts; the same object where there are
    none."""
    start = len(HEAD) if block.startswith(HEAD) else 0
    order = {b"II": "<", b"MM": ">"}.get(block[start : start + 2])
    if order is None:
        return block
    changed = bytearray(block)
    try:
        (first,) = struct.unpack_from(order + "I", block, start + 4)
        for folder in _rename(changed, order, start, first):
            _rename(changed, order, start, folder)
    except struct.error:  # damaged; as far as it goes
        pass
    return bytes(changed) if changed != block else block


def _rename(block: bytearray, order: str, start: int, folder: int) -> list[int]:
    """Where the folders within this one are."""
    (count,) = struct.unpack_from(order + "H", block, start + folder)
    within = []
    for entry in range(min(count, MOST_ENTRIES)):
        at = start + folder + 2 + 12 * entry
        tag, kind, _, value = struct.unpack_from(order + "HHII", block, at)
        if kind == UTF_8:
            struct.pack_into(order + "H", block, at + 2, ASCII)
        if tag in (EXIF_FOLDER, GPS_FOLDER):
            within.append(value)
    return within

"""Reads what IPTC-IIM (version 4.2) says of a photo. Pure; standard library only."""

from __future__ import annotations

from collections.abc import Mapping

# Record 2, datasets 55 and 60: when the picture, not this file of it, came to be.
DATE_CREATED, TIME_CREATED = (2, 55), (2, 60)
MARKER = 0x1C
EXTENDED = 0x8000  # a length of more than two bytes; no text that we read has one


def parse_iptc(block: bytes) -> dict[tuple[int, int], bytes]:
    """(record, dataset) -> its first value, as far as the block holds together."""
    found: dict[tuple[int, int], bytes] = {}
    position = 0
    while position + 5 <= len(block) and block[position] == MARKER:
        length = int.from_bytes(block[position + 3 : position + 5], "big")
        end = position + 5 + length
        if length & EXTENDED or end > len(block):
            break
        found.setdefault((block[position + 1], block[position + 2]), block[position + 5 : end])
        position = end
    return found


def date_of(datasets: Mapping[tuple[int, int], bytes]) -> str:
    """`YYYYMMDD`, a blank, and `HHMMSS±HHMM` where the time is stated; unknown parts are zeros."""
    stated = (datasets.get(name, b"").decode("latin-1").strip("\0 ") for name in (DATE_CREATED, TIME_CREATED))
    return " ".join(stated).strip()

"""Reads what IPTC-IIM (version 4.2) says of a photo. Pure; standard library only."""

from __future__ import annotations

from collections.abc import Mapping

# Record 2, datasets 55 and 60: when the picture, not this file of it, came to be.
DATE_CREATED, TIME_CREATED = (2, 55), (2, 60)


def date_of(datasets: Mapping[tuple[int, int], object]) -> str:
    """`YYYYMMDD`, a blank, and `HHMMSS±HHMM` where the time is stated; unknown parts are zeros."""
    return f"{_text(datasets.get(DATE_CREATED))} {_text(datasets.get(TIME_CREATED))}".strip()


def _text(value: object) -> str:
    if isinstance(value, list):  # a dataset may be repeated
        value = value[0] if value else None
    return value.decode("latin-1").strip("\0 ") if isinstance(value, bytes) else ""

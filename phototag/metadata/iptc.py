"""Reads what IPTC-IIM (version 4.2) says of a photo. Pure; standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from phototag.metadata.record import (
    LEVEL,
    MOST_KEYWORDS,
    TITLE_LENGTH,
    Metadata,
    clean,
    clean_keyword,
    clean_lines,
)

# Of record 2, when the picture, not this file of it, came to be; and when it was digitized.
CREATED, DIGITIZED = ((2, 55), (2, 60)), ((2, 62), (2, 63))
OBJECT_NAME, KEYWORDS, HEADLINE, CAPTION = (2, 5), (2, 25), (2, 105), (2, 120)
CHARACTER_SET, UTF_8 = (1, 90), b"\x1b%G"
MARKER = 0x1C
EXTENDED = 0x8000  # a length of more than two bytes; no text that we read has one

Datasets = Mapping[tuple[int, int], Sequence[bytes]]


def parse_iptc(block: bytes) -> dict[tuple[int, int], list[bytes]]:
    """(record, dataset) -> its values, as far as the block holds together."""
    found: dict[tuple[int, int], list[bytes]] = {}
    position = number = 0
    while position + 5 <= len(block) and block[position] == MARKER and number < 10 * MOST_KEYWORDS:
        length = int.from_bytes(block[position + 3 : position + 5], "big")
        end = position + 5 + length
        if length & EXTENDED or end > len(block):
            break
        values = found.setdefault((block[position + 1], block[position + 2]), [])
        values.append(block[position + 5 : end])
        position, number = end, number + 1
    return found


def read_iptc(datasets: Datasets) -> Metadata:
    """What the datasets say."""

    def texts(name: tuple[int, int]) -> list[str]:
        return [_decode(value, datasets) for value in datasets.get(name, ())]

    keywords = (clean_keyword([text.replace(LEVEL, "/")]) for text in texts(KEYWORDS))
    return Metadata(
        dates=_dates(datasets, CREATED),
        digitized=_dates(datasets, DIGITIZED),
        title=clean(next(iter([*texts(OBJECT_NAME), *texts(HEADLINE)]), None), TITLE_LENGTH),
        description=clean_lines(next(iter(texts(CAPTION)), None)),
        keywords=tuple(dict.fromkeys(one for one in keywords if one))[:MOST_KEYWORDS],
    )


def _dates(datasets: Datasets, names: tuple[tuple[int, int], tuple[int, int]]) -> tuple[str, ...]:
    """`YYYYMMDD`, a blank, and `HHMMSS±HHMM` where the time is stated; unknown parts are zeros."""
    stated = (next(iter(datasets.get(name, ())), b"").decode("latin-1").strip("\0 ") for name in names)
    date = " ".join(stated).strip()
    return (date,) if date else ()


def _decode(value: bytes, datasets: Datasets) -> str:
    """UTF-8 where the block says so; many programs write it and do not say so."""
    if UTF_8 in datasets.get(CHARACTER_SET, ()):
        return value.decode("utf-8", "replace")
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace")

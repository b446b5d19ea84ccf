"""When a photo was taken, as the columns of `photos` have it."""

from __future__ import annotations

from datetime import datetime

from phototag.reading.dates import file_date, parse_text, sort_key
from phototag.records import Exif, Precision, date_text

COLUMNS = ("taken_at", "taken_from", "utc_offset_minutes", "taken_sort")
Values = tuple[str | None, str | None, int | None, int | None]
UNKNOWN: Values = (None, None, None, None)


def columns_of(exif: Exif) -> Values:
    """The values of COLUMNS."""
    if exif.taken_at is None:
        return UNKNOWN
    at, offset = exif.taken_at.replace(tzinfo=None), exif.utc_offset_minutes
    return date_text(at, exif.taken_precision), exif.taken_from or "file", offset, sort_key(at, offset)


def columns_of_file(mtime_ns: int) -> Values:
    """The same of a file whose photo was not asked yet."""
    moment = file_date(mtime_ns / 1_000_000_000)
    return columns_of(Exif(moment.middle, "file")) if moment else UNKNOWN


def read(text: str | None) -> tuple[datetime | None, Precision]:
    """The middle of what a stored date may mean, and how much of it is known."""
    if text is None:
        return None, "second"
    moment = parse_text(text)
    return moment.middle, moment.precision

"""Periods as people type them: a year, a month or a day. Pure; standard library only."""

from __future__ import annotations

import re
from datetime import date, timedelta


def read_period(text: str) -> tuple[date, date | None]:
    """The first day of `2016`, `2016-06` or `2016-06-24`, and the first day after it (None after the
    last year that dates know). Raises ValueError for anything else.

    >>> read_period("2016-02")
    (datetime.date(2016, 2, 1), datetime.date(2016, 3, 1))
    """
    match = re.fullmatch(r"([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2}))?)?", text)
    if match is None:
        raise ValueError(f"{text!r} is no date")
    year, month, day = (None if part is None else int(part) for part in match.groups())
    try:
        first = date(year or 0, 1 if month is None else month, 1 if day is None else day)
    except ValueError:
        raise ValueError(f"{text!r} is no date") from None
    try:
        if day is not None:
            return first, first + timedelta(days=1)
        if month is None:
            return first, date(first.year + 1, 1, 1)
        return first, date(first.year + month // 12, month % 12 + 1, 1)
    except (ValueError, OverflowError):
        return first, None


def last_day(text: str) -> date:
    """The last day of a period. Raises ValueError where it is none."""
    _, after = read_period(text)
    return date.max if after is None else after - timedelta(days=1)

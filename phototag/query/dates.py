"""Periods as people type them: a year, a season, a month or a day, also as seen from today. Pure;
standard library only."""

from __future__ import annotations

import re
from datetime import date, timedelta

# First month of each season of three, as meteorologists count them in the north. Winter is none of them: it
# lies in two years, and nobody can tell which two 2016-winter means.
SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9}
_RELATIVE = "today, yesterday, this-week, last-week, this-month, last-month, this-year or last-year"


def read_period(text: str, today: date | None = None) -> tuple[date, date | None]:
    """The first day of `2016`, `2016-summer`, `2016-06`, `2016-06-24` or `last-month`, and the first day
    after it (None after the last year that dates know). Weeks begin on Monday. Raises ValueError for
    anything else.

    >>> read_period("2016-02")
    (datetime.date(2016, 2, 1), datetime.date(2016, 3, 1))
    >>> read_period("last-month", today=date(2016, 3, 31))
    (datetime.date(2016, 2, 1), datetime.date(2016, 3, 1))
    """
    word = text.casefold()
    if season := re.fullmatch(r"([0-9]{4})-([a-z]+)", word):
        return _season(int(season[1]), season[2], text)
    if re.fullmatch(r"[a-z]+(-[a-z]+)?", word):
        return _relative(word, today or date.today())
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


def _season(year: int, season: str, text: str) -> tuple[date, date]:
    if season == "winter":
        raise ValueError(f"a winter lies in two years; type {year}-12..{year + 1}-02")
    if season not in SEASONS or year == 0:
        raise ValueError(f"{text!r} is no date")
    month = SEASONS[season]
    return date(year, month, 1), date(year, month + 3, 1)


def _relative(word: str, today: date) -> tuple[date, date]:
    day = timedelta(days=1)
    monday, month = today - today.weekday() * day, today.replace(day=1)
    month_before = (month - day).replace(day=1)
    periods = {
        "today": (today, today + day),
        "yesterday": (today - day, today),
        "this-week": (monday, monday + 7 * day),
        "last-week": (monday - 7 * day, monday),
        "this-month": (month, (month + 31 * day).replace(day=1)),
        "last-month": (month_before, month),
        "this-year": (date(today.year, 1, 1), date(today.year + 1, 1, 1)),
        "last-year": (date(today.year - 1, 1, 1), date(today.year, 1, 1)),
    }
    if word not in periods:
        raise ValueError(f"{word!r} is no date; words for one are {_RELATIVE}")
    return periods[word]


def read_day_of_year(text: str, today: date | None = None) -> str:
    """`06-24`, as that is or from `today`. Raises ValueError.

    >>> read_day_of_year("6-4")
    '06-04'
    """
    if text.casefold() == "today":
        return f"{today or date.today():%m-%d}"
    match = re.fullmatch(r"([0-9]{1,2})-([0-9]{1,2})", text)
    try:
        month, day = (int(match[1]), int(match[2])) if match else (0, 0)
        return f"{date(2000, month, day):%m-%d}"  # a year that has a 29 February
    except ValueError:
        raise ValueError(f"{text!r} is no day of a year") from None


def last_day(text: str) -> date:
    """The last day of a period. Raises ValueError where it is none."""
    _, after = read_period(text)
    return date.max if after is None else after - timedelta(days=1)

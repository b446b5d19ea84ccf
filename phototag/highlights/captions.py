"""Dates, places and titles as people read them, the same on every machine: no locale is asked."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from phototag.reading.dates import sort_key
from phototag.records import Photo

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


GUESSED = " (file date)"


def day(taken: datetime | None) -> str:
    """`14 May 2016`."""
    return f"{taken.day} {MONTHS[taken.month - 1]} {taken.year}" if taken else "undated"


def is_told(photo: Photo) -> bool:
    """Whether somebody or something told when it was taken. The date of a file often says only when it was
    copied."""
    return photo.taken_at is not None and not photo.date_is_guessed


def instant(photo: Photo) -> datetime | None:
    """When it was taken, in UTC (no tzinfo): what photos of several time zones are ordered by. A date that
    states no zone is taken to be in this machine's."""
    if photo.taken_at is None:
        return None
    return datetime(1970, 1, 1) + timedelta(seconds=sort_key(photo.taken_at, photo.utc_offset_minutes))


def day_of(photo: Photo) -> str:
    """When it was taken, to the day, as far as that is known: `14 May 2016`, `May 2016`, `2016`; with
    `(file date)` behind it where nothing better is known."""
    if photo.taken_at is None:
        return "undated"
    coarse = {
        "year": f"{photo.taken_at.year}",
        "month": f"{MONTHS[photo.taken_at.month - 1]} {photo.taken_at.year}",
    }
    return coarse.get(photo.taken_precision, day(photo.taken_at)) + ("" if is_told(photo) else GUESSED)


def moment_of(photo: Photo) -> str:
    """The same with the time, where it is known: `14 May 2016, 18:30`."""
    if photo.taken_at is None or photo.taken_precision not in ("minute", "second"):
        return day_of(photo)
    return f"{day(photo.taken_at)}, {photo.taken_at:%H:%M}{'' if is_told(photo) else GUESSED}"


def who(photo: Photo) -> str | None:
    """`Anna`, `Anna and Ben`, `Anna, Ben and Carla`: who is surely in it, by name; None where nobody is."""
    names = [each.person.name for each in photo.persons if each.certain]
    if len(names) < 2:
        return names[0] if names else None
    return f"{', '.join(names[:-1])} and {names[-1]}"


def subject(photo: Photo) -> str | None:
    """What a person said of it: its title, or its description, or their own labels."""
    return photo.written.title or photo.written.description or ", ".join(photo.user_labels) or None


def month(photo: Photo) -> str:
    """`May 2016`, as far as that is known."""
    if photo.taken_at is None:
        return "Undated"
    if photo.taken_precision == "year":
        return f"{photo.taken_at.year}"
    return f"{MONTHS[photo.taken_at.month - 1]} {photo.taken_at.year}"


def place(photo: Photo) -> str | None:
    """`Rome, Italy` where it is known; else `48.14° N, 11.58° E`: two decimals are about a kilometre, the
    town and not the door."""
    if photo.places:
        return ", ".join(dict.fromkeys((photo.places[0], photo.places[-1])))
    if photo.latitude is None or photo.longitude is None:
        return None
    north, east = ("N" if photo.latitude >= 0 else "S"), ("E" if photo.longitude >= 0 else "W")
    return f"{abs(photo.latitude):.2f}° {north}, {abs(photo.longitude):.2f}° {east}"


def span(photos: Sequence[Photo]) -> str:
    """From the first to the last day: `3 May to 24 December 2016`; empty where nothing is dated."""
    days = _dates(photos)
    if not days:
        return ""
    first, last = days[0], days[-1]
    if first.date() == last.date():
        return day(last)
    if first.year != last.year:
        return f"{day(first)} to {day(last)}"
    return f"{first.day} {MONTHS[first.month - 1]} to {day(last)}"


def period(first: date | None, last: date | None, photos: Sequence[Photo]) -> str:
    """What a title says of the time: `2016`, `June 2016`, `14 May 2016`, `June to August 2016`,
    `2014 to 2016`. `first` and `last` are what was asked for (both included); without them, the
    years of the photos."""
    if first is None or last is None:
        days = _dates(photos)
        if not days:
            return ""
        first, last = first or date(days[0].year, 1, 1), last or date(days[-1].year, 12, 31)
    whole_years = (first.month, first.day) == (1, 1) and (last.month, last.day) == (12, 31)
    if whole_years:
        return f"{first.year}" if first.year == last.year else f"{first.year} to {last.year}"
    if first == last:
        return f"{first.day} {MONTHS[first.month - 1]} {first.year}"
    if first.day == 1 and (last + timedelta(days=1)).day == 1:  # whole months
        start, end = MONTHS[first.month - 1], f"{MONTHS[last.month - 1]} {last.year}"
        if (first.year, first.month) == (last.year, last.month):
            return end
        return f"{start} to {end}" if first.year == last.year else f"{start} {first.year} to {end}"
    start = f"{first.day} {MONTHS[first.month - 1]}" + ("" if first.year == last.year else f" {first.year}")
    return f"{start} to {last.day} {MONTHS[last.month - 1]} {last.year}"


def _dates(photos: Sequence[Photo]) -> list[datetime]:
    """In order; those that were told, where there are any."""
    dated = [photo for photo in photos if photo.taken_at]
    told = [photo for photo in dated if is_told(photo)]
    return sorted(photo.taken_at for photo in told or dated if photo.taken_at)


JOINERS = "\u200c\u200d"
MOST_NAMES = 6  # on a line of text


def enumerate_names(names: Sequence[str]) -> str:
    """`Anna`, `Anna and Ben`, `Anna, Ben and 3 others`; empty where there are none."""
    shown = [visible(name) for name in names[:MOST_NAMES]]
    if len(names) > MOST_NAMES:
        shown[-1:] = [f"{len(names) - MOST_NAMES + 1} others"]
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def visible(text: str) -> str:
    """Control characters, direction marks and undecodable bytes as a replacement mark: none may
    act, or break UTF-8. What joins the letters of Persian, Hindi and emoji stays."""
    return "".join(
        "\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in JOINERS else c
        for c in text
    )

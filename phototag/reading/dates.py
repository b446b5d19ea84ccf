"""Dates as people, cameras and programs write them: what is stated is kept, what is not is not invented.

A date is a `Moment` with its precision: a print of which only "July 1993" is known has a year and a
month, and no day. Pure; standard library only."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from phototag.records import DATE_LENGTHS, FILE_DATE_MARK, Precision, date_text

FIRST_PHOTOGRAPH = 1826  # Niepce's; scans of old prints carry the print's date
FIRST_DIGITAL_YEAR = 1990  # names made by cameras and phones state no earlier one
LARGEST_OFFSET_MINUTES = 14 * 60  # Kiritimati; no place on Earth is further from UTC
# What clocks say that were never set: the epochs of the Macintosh, Unix, DOS and GPS. A clock that
# counts from one and is shown in local time is off by a time zone.
EPOCHS = (datetime(1904, 1, 1), datetime(1970, 1, 1), datetime(1980, 1, 1), datetime(1980, 1, 6))
ZONE = timedelta(hours=14)
# Seconds since 1970 that say "no time" where programs or file systems had none to give.
NO_FILE_TIMES = (2**31 - 1, 2**32 - 1)
# What programs make of no date at all, to the second: PHP of zeros, OLE of 0.
NO_DATES = (datetime(1999, 11, 30), datetime(1899, 12, 30))
# Cameras whose battery ran out start from the 1st of January of some year, a family of cheap ones from
# another day.
DEFAULT_CLOCK, OTHER_DEFAULTS = timedelta(days=1), (datetime(2002, 12, 8, 12),)
# Receivers count weeks up to 1024: older ones say a day so long ago, or twice that.
GPS_ROLLOVER = timedelta(weeks=1024)


@dataclass(frozen=True, slots=True)
class Moment:
    """A date as far as it is known. `start` is the earliest second it may mean, in local wall time
    (no tzinfo); `offset_minutes` from UTC is there only where it is stated."""

    start: datetime
    precision: Precision = "second"
    offset_minutes: int | None = None

    @property
    def end(self) -> datetime:
        """The first second that it cannot mean."""
        start = self.start
        if self.precision == "year":
            return start.replace(year=start.year + 1)
        if self.precision == "month":
            return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
        return start + timedelta(**{f"{self.precision}s": 1})

    @property
    def middle(self) -> datetime:
        """The middle of what it may mean; the moment itself where the second is known."""
        if self.precision == "second":
            return self.start
        return (self.start + (self.end - self.start) / 2).replace(microsecond=0)

    @property
    def text(self) -> str:
        """The known part in ISO 8601, with a blank before the time: 1993, 1993-07, 1993-07-04 10:30."""
        return date_text(self.start, self.precision)


def parse_text(text: str) -> Moment:
    """The moment of a `Moment.text`. Raises ValueError."""
    for precision, length in DATE_LENGTHS.items():
        if len(text) == length:
            return Moment(datetime.fromisoformat(text + "0001-01-01 00:00:00"[length:]), precision)
    raise ValueError(f"not a date: {text!r}")


# -- dates in metadata

_SEPARATOR = r"[:\-./_]"
# Signs of other scripts that stand for these; figures of any script are figures.
_SIGNS = str.maketrans({"\u2212": "-", "年": "-", "月": "-", "日": " ", "년": "-", "월": "-", "일": " "})
# Zeros and blanks stand for what is unknown: "1993:07:00", "1993:07:  ", "1993:00:00 00:00:00". Of
# a day, no colon may follow but one before a whole time ("1993:07:04:10:30:00"): in "1993:07:  00:00:00"
# the zeros are the time.
_DATE = re.compile(
    rf"""(?P<year>\d{{4}})(?!\d)
    (?:{_SEPARATOR}\s?(?P<month>\d{{1,2}}|\s{{0,2}})(?!\d)
      (?:{_SEPARATOR}\s?(?P<day>\d{{1,2}}(?:(?![\d:])|(?=:\d\d:\d\d:\d\d))|\s{{0,2}}))?
    )?
    (?:[Tt\s:,_]*(?P<time>\S.*))?""",
    re.VERBOSE,
)
_COMPACT = re.compile(
    r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)(?:[Tt\s]?(?P<time>(?:\d{4,6}(?!\d)|\d\d:).*))?"
)
# As people write it. Which of two numbers is the month is only known where the other can be none, or
# where dots say so.
_DAY_FIRST = re.compile(
    r"(?P<first>\d{1,2})(?P<by>[.:/-])(?P<second>\d{1,2})(?P=by)(?P<year>\d{4})(?:[\sT,]+(?P<time>\d.*))?"
)
# With the month's name: of a letter's head (RFC 5322) or of C's asctime.
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAME = r"(?P<month>[A-Za-z]{3,9})\.?"
_NAMED_MONTH = (
    re.compile(
        rf"(?:[^\W\d]{{2,9}}\.?,?\s+)?(?P<day>\d{{1,2}})\.?[\s-]+{_MONTH_NAME}[\s,-]+(?P<year>\d{{4}})"
        r"(?:,?\s+(?P<time>\d.*))?"
    ),
    re.compile(
        rf"(?:[^\W\d]{{2,9}}\.?,?\s+)?{_MONTH_NAME}\s+(?P<day>\d{{1,2}}),?\s+"
        r"(?:(?P<earlier_time>\d\d?:\S+(?:\s+[AaPp][Mm])?)(?:\s+[A-Z]{3,5})?\s+)?(?P<year>\d{4})"
        r"(?:,?\s+(?:at\s+)?(?P<time>\d.*))?"
    ),
    re.compile(rf"{_MONTH_NAME},?\s+(?P<year>\d{{4}})(?P<day>)(?P<time>)"),
)
# Between the earliest and the latest that it may be, or the one and the other.
_BETWEEN = re.compile(
    r"\s*(?:[-–—/;,+&]|\.\.|(?<!\w)(?:to|or|and|bis|oder|und|ou|et)(?!\w))\s*", re.IGNORECASE
)
_FOUR_DIGITS, RANGE_LENGTH = re.compile(r"(?<!\d)\d{4}(?!\d)"), 60  # characters; longer ones are none
# The 1990s, 199X of the Extended Date/Time Format (ISO 8601-2), and from a year on.
_NOT_ONE_YEAR = re.compile(
    r"\d{3}(?:0\s?(?:s|'s|er|es)(?!\w)|[xXuU?*_-]).*|\d{4}\s*(?:/|\.\.).?\.?", re.DOTALL
)
_BEFORE = (
    r"(?:ca|circa|c|about|around|approx(?:imately)?|abt|est|etwa|um|vers|env(?:iron)?)(?!\w)\.?\s*|[~≈]\s*"
)
_ABOUT = re.compile(
    rf"(?:{_BEFORE})(?P<before>.*)|(?P<behind>.*?\d)\s*(?:[~%]|\(?(?:ca|circa|approx)\.?\)?)",
    re.IGNORECASE | re.DOTALL,
)
_DOUBTED = re.compile(r"(.*?\d)\s*(?:\?|\(\?\))", re.DOTALL)
# An hour alone is not enough: minutes follow. Without something between them all have two digits.
_TIME = re.compile(
    r"""(?:(?P<hour>\d{1,2})(?:(?P<by>[:.h_-])\s?(?P<minute>\d{1,2})(?:(?:(?P=by)|m)\s?(?P<second>\d{1,2}))?)
      |(?P<hour_2>\d\d)(?P<minute_2>\d\d)(?P<second_2>\d\d)?)
    (?:[.,]\d*)?(?!\d)
    (?:\s*(?P<half>[AaPp]\.?[Mm]\.?)(?!\w))?
    (?:\s*(?P<zone>(?:UTC|GMT)?[+-]\d{1,2}:?(?:\d\d)?|Z|z|UTC|GMT)(?!\w))?""",
    re.VERBOSE,
)
_OFFSET = re.compile(r"([+-])(\d{1,2}):?(\d\d)?")


def parse_date(text: str, now: datetime | None = None) -> Moment | None:
    """What `text` states of a moment, from the year on: `YYYY:MM:DD hh:mm:ss` of Exif (CIPA
    DC-008), the forms of ISO 8601 and XMP, those of IPTC (`YYYYMMDD`), with any of the later fields
    missing, blank or zero. None where it is no date, or one that cannot be: the 31st of June, a
    year before photography, a clock never set."""
    text = " ".join(text.split("\0")[0].split("\n"))
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_SIGNS)
    text = text.strip("\ufeff \t\r'\"[]")
    if found := _ABOUT.fullmatch(text):
        about = _parse_one(found["before"] or found["behind"] or "", now)
        return _coarser(about) if about else None
    if found := _DOUBTED.fullmatch(text):
        doubted = _parse_one(found[1], now)
        return doubted if doubted is None or doubted.precision == "year" else _coarser(doubted)
    if _NOT_ONE_YEAR.fullmatch(text):
        return None
    if len(text) <= RANGE_LENGTH and len(_FOUR_DIGITS.findall(text)) > 1:
        for between in _BETWEEN.finditer(text):
            first = _parse_one(text[: between.start()], now)
            last = first and _parse_one(text[between.end() :], now)
            if first and last and first.start < last.start:
                return _covering(first, last)
    return _parse_one(text, now)


def _parse_one(text: str, now: datetime | None) -> Moment | None:
    """The same of a text that states one moment."""
    text = text.strip()
    if found := _COMPACT.fullmatch(text) or _DATE.fullmatch(text):
        year, month, day = (_number(found[name]) for name in ("year", "month", "day"))
    elif found := _DAY_FIRST.fullmatch(text):
        year, month, day = _day_first(found)
    elif found := next(filter(None, (one.fullmatch(text) for one in _NAMED_MONTH)), None):
        name = found["month"].lower()
        months = [number for number, month in enumerate(MONTHS, 1) if name.startswith(month)]
        if not months:
            return None
        year, month, day = int(found["year"]), months[0], _number(found["day"])
    else:
        return None
    stated = found.groupdict()
    time, zone = _time(stated["time"] or stated.get("earlier_time") or "")
    if not month:
        known: Precision = "year"
    elif not day:
        known = "month"
    else:
        known = "day" if time is None else "minute" if time[2] is None else "second"
    hour, minute, second = time if time and known in ("minute", "second") else (0, 0, 0)
    try:
        start = datetime(year, month or 1, (month and day) or 1, hour, minute, second or 0)
    except ValueError:
        return None
    moment = Moment(start, known, zone if known in ("minute", "second") else None)
    return moment if is_plausible(moment, now) else None


def _coarser(moment: Moment) -> Moment | None:
    """What is known of a moment that may be the one before or after as well; None of a year."""
    if moment.precision == "year":
        return None
    if moment.precision == "month":
        return Moment(moment.start.replace(month=1), "year")
    return Moment(datetime(moment.start.year, moment.start.month, 1), "month")


def _covering(first: Moment, last: Moment) -> Moment | None:
    """What both have in common: the day, the month or the year; None where they have none."""
    start, end = first.start, last.start
    if start.year != end.year:
        return None
    if "year" in (first.precision, last.precision) or start.month != end.month:
        return Moment(datetime(start.year, 1, 1), "year")
    if "month" in (first.precision, last.precision) or start.day != end.day:
        return Moment(datetime(start.year, start.month, 1), "month")
    return Moment(datetime(start.year, start.month, start.day), "day")


def is_plausible(moment: Moment, now: datetime | None = None) -> bool:
    """Whether a photo can have been taken then: after the first one, not next year, and not when a clock says
    that was never set."""
    latest = (now or datetime.now()).year + 1  # a clock may run ahead of ours, hardly by a year
    if not FIRST_PHOTOGRAPH <= moment.start.year <= latest:
        return False
    return moment.precision in ("year", "month") or not is_unset_clock(moment.start)


def local_moment(instant: datetime) -> Moment | None:
    """An instant with its zone, as the catalog keeps dates: in local wall time, which is this machine's
    where the place is not known. None where no photo can have been taken then."""
    try:
        local = instant.astimezone()
    except (ValueError, OverflowError, OSError):
        return None
    offset = local.utcoffset() or timedelta()
    moment = Moment(local.replace(tzinfo=None, microsecond=0), "second", round(offset.total_seconds() / 60))
    return moment if is_plausible(moment) else None


def is_unset_clock(moment: datetime) -> bool:
    return moment in NO_DATES or any(abs(moment - epoch) <= ZONE for epoch in EPOCHS)


def is_default_clock(moment: Moment, gps: Moment | None) -> bool:
    """Whether a camera's clock stood at its maker's default, most often the 1st of January, while GPS
    knew another day."""
    if gps is None or moment.precision in ("year", "month"):
        return False
    tolerance = DEFAULT_CLOCK + ZONE
    since = (moment.start - start for start in (datetime(moment.start.year, 1, 1), *OTHER_DEFAULTS))
    if not any(timedelta() <= one < DEFAULT_CLOCK for one in since):
        return False
    # the satellites' own clock is wrong where it is late by whole rounds of it
    return all(abs(moment.start - gps.start - rounds * GPS_ROLLOVER) > tolerance for rounds in range(3))


def parse_offset(text: str) -> int | None:
    """Minutes from UTC of `+02:00`, `-0930`, `+2` or `Z`; None for what is no offset."""
    text = text.strip()
    if text in ("Z", "z", "UTC", "GMT"):
        return 0
    text = text.removeprefix("UTC").removeprefix("GMT")
    if not (found := _OFFSET.fullmatch(text)):
        return None
    hours, minutes = int(found[2]), int(found[3] or 0)
    total = hours * 60 + minutes
    if minutes >= 60 or total > LARGEST_OFFSET_MINUTES:
        return None
    return -total if found[1] == "-" else total


def _day_first(found: re.Match[str]) -> tuple[int, int, int]:
    """Year, month and day; 0 for what is not sure."""
    year, first, second = int(found["year"]), int(found["first"]), int(found["second"])
    if found["by"] == "." or first > 12 or first == second:
        return year, second, first
    if second > 12:
        return year, first, second
    return year, 0, 0


def _number(text: str | None) -> int:
    return int(text) if text and text.strip() else 0


def _time(text: str) -> tuple[tuple[int, int, int | None] | None, int | None]:
    """(hour, minute, second) as far as they are stated and can be, and the offset in minutes. Midnight may be
    hour 24 of the day that is named, a leap second is counted with the one before."""
    if not (found := _TIME.match(text.strip())):
        return None, None
    hour = int(found["hour"] or found["hour_2"])
    minute = int(found["minute"] or found["minute_2"])
    seconds = found["second"] or found["second_2"]
    second = int(seconds) if seconds else None
    if half := (found["half"] or "").lower()[:1]:
        if not 1 <= hour <= (12 if half == "a" else 23):
            return None, None
        hour = hour % 12 + (12 if half == "p" else 0)  # 18:30 PM is said of 18:30
    hour = 0 if hour == 24 else hour
    second = 59 if second == 60 else second
    if hour > 23 or minute > 59 or (second or 0) > 59:
        return None, None
    return (hour, minute, second), parse_offset(found["zone"] or "")


# -- the date of the file


def file_date(mtime: float, now: datetime | None = None) -> Moment | None:
    """The file's own date, seconds since 1970; None for times that copying programs and file
    systems write for want of one."""
    if mtime <= 1 or round(mtime) in NO_FILE_TIMES:
        return None
    try:
        start = datetime.fromtimestamp(mtime).replace(microsecond=0)
    except (ValueError, OverflowError, OSError):  # some file systems hold dates beyond the year 9999
        return None
    if start > (now or datetime.now()) + timedelta(days=1) or is_unset_clock(start):
        return None
    return Moment(start) if start.year >= FIRST_PHOTOGRAPH else None


# -- dates in file names

# The same separator, or none, between all parts.
_DAY = r"(?P<year>(?:19|20)\d\d)(?P<by>[-._]?)(?P<month>\d\d)(?P=by)(?P<day>\d\d)"
_CLOCK = (
    r"(?P<hour>\d\d|\d(?=[-.:]))(?:h(?P<minute_h>\d\d)m|(?P<at>[-._: ]?)(?P<minute>\d\d)(?P=at))"
    r"(?P<second>\d\d)"
)
_SPACED_CLOCK = r"(?P<hour>\d\d?)[.:](?P<minute>\d\d)[.:](?P<second>\d\d)"
# Macs put narrow blanks before PM, and halves of the day of other languages before the hour.
_HALF = r"(?:[ _\u00a0\u202f]?(?P<half>[AP])\.?[ \u00a0\u202f]?M\b\.?)?"
_HALF_BEFORE = r"(?:(?P<morning>오전|上午|午前)|(?P<afternoon>오후|下午|午後))?[ \u00a0\u202f]?"


@dataclass(frozen=True, slots=True)
class NamePattern:
    """How one family of programs names its files. `utc`: the name states UTC, not local time."""

    by: str
    pattern: re.Pattern[str]
    utc: bool = False
    earliest: int = FIRST_DIGITAL_YEAR


def _pattern(by: str, pattern: str, *, utc: bool = False, earliest: int = FIRST_DIGITAL_YEAR) -> NamePattern:
    # Not in the middle of a word or of a longer number.
    compiled = re.compile(rf"(?<![0-9A-Za-z]){pattern}(?!\d)", re.IGNORECASE)
    return NamePattern(by, compiled, utc, earliest)


# The first that fits is taken. A bare number is never a date: 20161224.jpg may be a counter.
NAME_PATTERNS = (
    _pattern("Pixel phones", rf"PXL_{_DAY}_{_CLOCK}(?:\d{{3}})?", utc=True),
    _pattern("OneDrive on an iPhone", rf"{_DAY}_{_CLOCK}\d{{3}}_iOS", utc=True),
    _pattern("WhatsApp", rf"(?:IMG|VID|STK|DOC)-{_DAY}-WA\d{{4,}}"),
    _pattern("WhatsApp on a computer", rf"WhatsApp[ -](?:Image|Video)[ -]{_DAY}[ -]at[ -]{_CLOCK}{_HALF}"),
    _pattern("Signal", rf"signal-(?:attachment-)?{_DAY}-{_CLOCK}(?:-?\d{{3}})?"),
    _pattern("Telegram", rf"photo[_@]{_DAY}[ _]{_CLOCK}"),
    _pattern(
        "Telegram on a computer",
        rf"photo_\d+@(?P<day>\d\d)-(?P<month>\d\d)-(?P<year>20\d\d)_{_CLOCK}",
    ),
    _pattern("Windows phones", rf"WP_{_DAY}_{_CLOCK}"),
    _pattern("Windows phones, with a counter", rf"WP_{_DAY}_\d{{3}}"),
    _pattern(
        "phones, drones",
        r"(?:IMG|VID|MVIMG|PANO|BURST|DSC|TRIM|SAVE|PHOTO|C360|B612|Snapchat|Snow|DJI)[-_]?"
        rf"{_DAY}[-_T]?{_CLOCK}(?:\d{{3}})?",
    ),
    _pattern(
        "screenshots",
        rf"Screen[ _-]?shots?[ _-](?:from )?{_DAY}(?:[ _-]at[ _-]|[-_ ])?{_CLOCK}{_HALF}",
    ),
    _pattern(
        "screenshots of a Mac in other languages",
        rf"[^\W\d]+ ?{_DAY} (?:\S{{1,5}} ){{0,2}}?{_HALF_BEFORE}{_SPACED_CLOCK}{_HALF}",
    ),
    _pattern("programs, in UTC", rf"{_DAY}T{_CLOCK}Z(?![A-Za-z])", utc=True),
    _pattern("Samsung phones, album folders, Dropbox, Lightroom", rf"{_DAY}[ _T-]{_CLOCK}(?:\d{{3}})?"),
    _pattern(
        "people",
        r"(?P<year>(?:18|19|20)\d\d)(?P<by>[-._])(?P<month>\d\d)(?P=by)(?P<day>\d\d)(?![-._]?\d{5})",
        earliest=FIRST_PHOTOGRAPH,
    ),
)


def name_date(name: str, now: datetime | None = None) -> Moment | None:
    """The complete date that a file's name states, local time; None where it states none for sure."""
    now = now or datetime.now()
    name = unicodedata.normalize("NFC", name)
    if FILE_DATE_MARK in name:
        return None
    for known in NAME_PATTERNS:
        if (found := known.pattern.search(name)) and (moment := _named(found.groupdict(), known, now)):
            return moment
    return None


def _named(fields: dict[str, str | None], known: NamePattern, now: datetime) -> Moment | None:
    try:
        day = date(int(fields["year"] or 0), int(fields["month"] or 0), int(fields["day"] or 0))
    except ValueError:
        return None
    if day.year < known.earliest or day > now.date() + timedelta(days=1):
        return None
    start = datetime(day.year, day.month, day.day)
    if fields.get("hour") is None:
        return Moment(start, "day")
    half = fields.get("half") or (fields.get("morning") and "A") or (fields.get("afternoon") and "P")
    minute = fields["minute"] or fields.get("minute_h")
    stated = f"{fields['hour']}:{minute}:{fields['second']}" + (f" {half}M" if half else "")
    time, _ = _time(stated)
    if time is None:
        return Moment(start, "day")
    start = start.replace(hour=time[0], minute=time[1], second=time[2] or 0)
    if not known.utc:
        return Moment(start)
    return local_moment(start.replace(tzinfo=UTC))


# -- which of several dates


def first_date(
    sources: Iterable[tuple[str, Callable[[], Moment | None]]],
) -> tuple[Moment | None, str | None]:
    """The first source, most trustworthy first, that knows a date, and its name. Later ones are not asked."""
    for name, find in sources:
        if moment := find():
            return moment, name
    return None, None


def sort_key(at: datetime, offset_minutes: int | None) -> int:
    """Seconds since 1970 by which photos are sorted: the instant. A date that states no offset is taken
    to be in this machine's zone."""
    if offset_minutes is None:
        try:
            return round(at.timestamp())
        except (ValueError, OverflowError, OSError):  # systems that know no dates before 1970
            offset_minutes = 0
    return round((at - datetime(1970, 1, 1)).total_seconds()) - 60 * offset_minutes

"""Where a photo was taken, from the GPS tags of Exif as programs really write them: three rationals of
which some are undefined (0/0), one decimal number, text, whole words for the hemisphere, a sign
besides it. Pure; standard library only.

Source: Exif 2.32 (CIPA DC-008), 4.6.6."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

LATITUDE_REF, LATITUDE, LONGITUDE_REF, LONGITUDE = 1, 2, 3, 4
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?(?:\s*/\s*\d+)?")
# Commas between degrees, minutes and seconds, not before decimals: `48,51,29`, `48,51.5N`, `48,51N`.
_WITH_COMMAS = re.compile(
    r"[-+]?\d+,\d+,\d+(\.\d+)?\s*[A-Za-z]?|[-+]?\d{1,3},\d+\.\d+\s*[A-Za-z]?|\d{1,3},[0-5]?\d\s*[NSEWnsew]"
)
NOWHERE_DEGREES = 0.001  # some 100 m
_LETTER = re.compile(r"(?<![^\W\d_])(north|south|east|west|[nsew])(?![^\W\d_])", re.IGNORECASE)


def find_place(gps: Mapping[int, Any]) -> tuple[float | None, float | None]:
    """Latitude and longitude in signed degrees; (None, None) where they are not stated, or make no
    sense."""
    return place_of(stated_place(gps))


def stated_place(gps: Mapping[int, Any]) -> tuple[Any, Any, Any, Any] | None:
    """Latitude, its hemisphere, longitude, its hemisphere, as they are written."""
    names = LATITUDE, LATITUDE_REF, LONGITUDE, LONGITUDE_REF
    latitude, latitude_ref, longitude, longitude_ref = map(gps.get, names)
    return (latitude, latitude_ref, longitude, longitude_ref) if gps else None


def place_of(stated: tuple[Any, Any, Any, Any] | None) -> tuple[float | None, float | None]:
    """The same of latitude, its hemisphere, longitude, its hemisphere, as programs write them."""
    if stated is None:
        return None, None
    latitude = parse_degrees(stated[0], stated[1], "NS", 90)
    longitude = parse_degrees(stated[2], stated[3], "EW", 180)
    # (0, 0), give or take what was rounded, is what a receiver without a fix writes; nobody is there.
    if latitude is None or longitude is None or max(abs(latitude), abs(longitude)) < NOWHERE_DEGREES:
        return None, None
    return latitude, longitude


def parse_degrees(value: Any, ref: Any, letters: str, limit: int) -> float | None:
    """Degrees, minutes, seconds as signed degrees. Without a hemisphere a number without a sign would
    be a guess: None."""
    text = _text(value)
    letter = _hemisphere(_text(ref), letters) or _hemisphere(text, letters)
    parts = _parts_of_text(text) if text else _parts(value)
    if not parts or math.isnan(parts[0]) or len(parts) > 3:
        return None
    negative = math.copysign(1, parts[0]) < 0
    parts = [abs(parts[0]), *(0.0 if math.isnan(part) else part for part in parts[1:])]
    # Where seconds are undefined the minutes still stand, and so on.
    if not all(math.isfinite(part) for part in parts) or any(not 0 <= part <= 60 for part in parts[1:]):
        return None
    degrees = sum(part / 60**power for power, part in enumerate(parts))
    if degrees > limit or not (letter or negative):
        return None
    return -degrees if negative or letter == letters[1] else degrees


def _hemisphere(text: str, letters: str) -> str | None:
    found = _LETTER.search(text)
    letter = found[1][0].upper() if found else ""
    return letter if letter in tuple(letters) else None


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return value.split("\0")[0].strip() if isinstance(value, str) else ""


def _parts_of_text(text: str) -> list[float]:
    """Of `48,51.5N` (XMP), `48° 51' 29.5"`, `48.858`, `48/1 51/1 295/10`."""
    text = text[:200]
    if _WITH_COMMAS.fullmatch(text):
        text = text.replace(",", " ")
    return [_number(found.replace(",", ".")) for found in _NUMBER.findall(text)]


def _number(text: str) -> float:
    above, slash, below = text.partition("/")
    try:
        return float(above) / float(below) if slash else float(above)
    except ZeroDivisionError:
        return math.nan


def _parts(value: Any) -> list[float]:
    values: Sequence[Any] = value if isinstance(value, tuple | list) else (value,)
    parts = []
    for part in values:
        if isinstance(part, tuple) and len(part) == 2:  # a rational as two numbers
            part = part[0] / part[1] if part[1] else math.nan
        try:
            parts.append(float(part))
        except ZeroDivisionError:
            parts.append(math.nan)
        except (TypeError, ValueError, OverflowError):
            return []
    return parts

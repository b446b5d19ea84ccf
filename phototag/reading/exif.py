"""What a photo's EXIF says, made sense of: date, place, camera, orientation. Nonsense is dropped
field by field, and damaged EXIF never costs the picture. Knows nothing of pixels; takes any mapping
with `get_ifd`, as Pillow's `Exif`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from phototag.reading.place import find_place
from phototag.records import Exif

# Tag numbers of the Exif 2.32 standard (CIPA DC-008).
MAKE, MODEL, ORIENTATION, DATE_TIME = 0x010F, 0x0110, 0x0112, 0x0132
EXIF_FOLDER, GPS_FOLDER = 0x8769, 0x8825
# (date, its offset from UTC), most trustworthy first: when it was taken, when it was scanned, when
# it was last saved.
DATE_TAGS = ((0x9003, 0x9011), (0x9004, 0x9012), (DATE_TIME, 0x9010))

FIRST_PHOTOGRAPH = 1826  # Niepce's; scans of old prints carry the print's date
# What cameras write whose clock was never set: the epochs of Unix, DOS and the Macintosh.
UNSET_CLOCKS = {datetime(1970, 1, 1), datetime(1980, 1, 1), datetime(1904, 1, 1)}
LARGEST_OFFSET_MINUTES = 14 * 60  # Kiritimati; no place on Earth is further from UTC
CAMERA_LENGTH = 80  # the longest real names are about 50 letters; more is garbage

_DATE = re.compile(r"(\d{4})[:\-./](\d\d)[:\-./](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")


def parse_exif(raw: Any, mtime: float | None) -> Exif:
    """The record of a Pillow `Exif` (or None, where there is none). `mtime`, seconds, is the file's own date,
    the fallback for photos that do not say when they were taken."""
    top = _folder(raw, None)
    inner = _folder(raw, EXIF_FOLDER)
    taken_at, offset = _date({**top, **inner})
    taken_from = "exif" if taken_at else None
    if taken_at is None and mtime is not None:
        taken_at = _file_date(mtime)
        taken_from = "file" if taken_at else None
    latitude, longitude = find_place(_folder(raw, GPS_FOLDER))
    return Exif(taken_at, taken_from, offset, latitude, longitude, _camera(top), orientation(top))


def orientation(top: Mapping[int, Any]) -> int:
    """How the stored picture must be turned to stand upright, 1 to 8; 1 where the tag is absent or
    nonsense."""
    value = top.get(ORIENTATION)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _folder(raw: Any, number: int | None) -> dict[int, Any]:
    if raw is None:
        return {}
    try:
        source = raw if number is None else raw.get_ifd(number)
        names = list(source)
    except Exception:  # damaged in any of the ways a binary format can be
        return {}
    values = {}
    for name in names:
        try:
            values[name] = source[name]
        except Exception:  # Pillow decodes an entry when asked for it
            continue
    return values


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str):
        return ""
    return " ".join("".join(char if char.isprintable() else " " for char in value.split("\0")[0]).split())


def _date(tags: Mapping[int, Any]) -> tuple[datetime | None, int | None]:
    for date_tag, offset_tag in DATE_TAGS:
        if not (match := _DATE.match(_text(tags.get(date_tag)))):
            continue
        try:
            moment = datetime(*map(int, match.groups()))  # type: ignore[arg-type]
        except ValueError:  # 0000:00:00, the 31st of June
            continue
        # A clock may run ahead of ours by a time zone, hardly by a year.
        if FIRST_PHOTOGRAPH <= moment.year <= datetime.now().year + 1 and moment not in UNSET_CLOCKS:
            return moment, _offset(_text(tags.get(offset_tag)))
    return None, None


def _offset(text: str) -> int | None:
    if not (match := _OFFSET.fullmatch(text)):
        return None
    minutes = int(match[2]) * 60 + int(match[3])
    if minutes > LARGEST_OFFSET_MINUTES or int(match[3]) >= 60:
        return None
    return -minutes if match[1] == "-" else minutes


def _file_date(mtime: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(mtime).replace(microsecond=0)
    except (ValueError, OverflowError, OSError):  # some file systems hold dates beyond the year 9999
        return None


def _camera(top: Mapping[int, Any]) -> str | None:
    """Make and model, the make only once: "Canon" + "Canon EOS 5D", "NIKON CORPORATION" + "NIKON D70"."""
    make, model = _text(top.get(MAKE)), _text(top.get(MODEL))
    first = model.split(" ")[0].lower()
    if not (first and first in make.lower().split()) and not model.lower().startswith(make.lower()):
        model = f"{make} {model}".strip()
    return (model or make)[:CAMERA_LENGTH] or None

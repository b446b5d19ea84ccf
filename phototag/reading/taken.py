"""When a photo was taken: asks everything that may know, most trustworthy first. A guess is never
told as a fact: the answer names its source.

    exif        DateTimeOriginal of Exif
    xmp         an XMP packet in the file
    iptc        IPTC-IIM in the file
    text        a text chunk of a PNG, or Exif in a second segment
    sidecar     an XMP file beside the photo, or a JSON file as ExifTool and osxphotos write it
    takeout     a JSON file of Google Takeout beside the photo
    digitized   DateTimeDigitized of Exif, or the same of XMP and IPTC: when a print was scanned
    gps         GPS date and time of Exif, UTC
    name        the file's name, as phones and messengers make them
    modified    DateTime of Exif, ModifyDate of XMP, tIME of a PNG: when it was last saved
    file        the file's own date: when it was copied, restored, unpacked
"""

from __future__ import annotations

import email.utils
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, timedelta
from typing import Any

from phototag.metadata.beside import Beside
from phototag.reading.dates import (
    Moment,
    file_date,
    first_date,
    is_default_clock,
    is_plausible,
    local_moment,
    name_date,
    parse_date,
    parse_offset,
)
from phototag.reading.embedded import Embedded

# What a date comes from, as a person reads it; of the camera's own date nothing is said.
SOURCE_SENTENCES: Mapping[str, str] = {
    "xmp": "XMP",
    "iptc": "IPTC",
    "text": "text in the file",
    "sidecar": "sidecar",
    "takeout": "Google Takeout",
    "digitized": "when it was digitized",
    "gps": "GPS",
    "name": "the file's name",
    "modified": "when it was last saved",
    "file": "file date: a guess; nothing says when it was taken",
}

# Tag numbers of Exif 2.32 (CIPA DC-008): the date, and its offset from UTC.
ORIGINAL, DIGITIZED, MODIFIED = (0x9003, 0x9011), (0x9004, 0x9012), (0x0132, 0x9010)
GPS_TIME, GPS_DATE = 0x07, 0x1D
# Keys of PNG text: the recommended one (PNG 1.2, 4.2.3.1), and ImageMagick's for Exif it took over.
# In lower case: programs spell them in several ways.
TEXT_KEYS = (
    *("exif:datetimeoriginal", "creation time", "creation_time", "creationtime", "datetimeoriginal"),
    *("photoshop:datecreated", "xmp:createdate", "iptc:datecreated"),
)

Tags = Mapping[int, Any]


def find_taken(
    exif: Tags,
    gps: Tags,
    embedded: Embedded,
    path: str,
    mtime: float | None,
    beside: Sequence[Beside] = (),
) -> tuple[Moment | None, str | None]:
    """When the photo was taken, and who says so; (None, None) where nobody knows. `exif`: tag ->
    value, of the first image and of the Exif folder together; `gps`: of the GPS folder. `path`: of
    the photo, for its name; `mtime`: the file's own date, seconds since 1970; `beside`: what files
    beside it say."""
    satellites = _gps_date(gps)

    def exif_date(tags: Tags, numbers: tuple[int, int]) -> Callable[[], Moment | None]:
        return lambda: _unless_default(_exif_date(tags, numbers), satellites)

    return first_date(
        (
            ("exif", exif_date(exif, ORIGINAL)),
            ("xmp", lambda: _first_date(embedded.xmp.dates)),
            ("iptc", lambda: _first_date(embedded.iptc.dates)),
            ("text", lambda: _text_date(embedded.text)),
            ("text", lambda: _first(_exif_date(tags, ORIGINAL) for tags in embedded.further_exif)),
            ("sidecar", lambda: _first_date(date for one in beside for date in one.metadata.dates)),
            ("takeout", lambda: _first(local_moment(one.instant) for one in beside if one.instant)),
            ("digitized", exif_date(exif, DIGITIZED)),
            ("digitized", lambda: _first_date([*embedded.xmp.digitized, *embedded.iptc.digitized])),
            ("digitized", lambda: _first_date(date for one in beside for date in one.metadata.digitized)),
            ("gps", lambda: satellites),
            ("name", lambda: name_date(os.path.basename(path))),
            ("modified", exif_date(exif, MODIFIED)),
            ("modified", lambda: _first_date(embedded.xmp.modified)),
            ("modified", lambda: local_moment(embedded.saved) if embedded.saved else None),
            ("file", lambda: None if mtime is None else file_date(mtime)),
        )
    )


def _first(moments: Any) -> Moment | None:
    return next((moment for moment in moments if moment is not None), None)


def _first_date(texts: Iterable[str]) -> Moment | None:
    return _first(parse_date(text) for text in texts)


def _exif_date(tags: Tags, numbers: tuple[int, int]) -> Moment | None:
    date_tag, offset_tag = numbers
    moment = parse_date(ascii_text(tags.get(date_tag)))
    offset = parse_offset(ascii_text(tags.get(offset_tag)))
    if moment and offset is not None and moment.precision in ("minute", "second"):
        return Moment(moment.start, moment.precision, offset)
    return moment


def _unless_default(moment: Moment | None, gps: Moment | None) -> Moment | None:
    return None if moment and is_default_clock(moment, gps) else moment


def _gps_date(tags: Tags) -> Moment | None:
    """In UTC, as satellites tell it; shown in this machine's local time."""
    day = parse_date(ascii_text(tags.get(GPS_DATE)))
    if day is None or day.precision in ("year", "month"):
        return None
    midnight = day.start.replace(hour=0, minute=0, second=0)
    try:
        parts = [float(part) for part in tags[GPS_TIME]]
        hours, minutes, seconds = (
            0.0 if index and math.isnan(part) else part for index, part in enumerate(parts)
        )
        # a leap second is counted with the one before
        time = timedelta(hours=hours, minutes=minutes, seconds=59 if int(seconds) == 60 else int(seconds))
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return Moment(midnight, "day")
    if not timedelta() <= time < timedelta(days=1):
        return Moment(midnight, "day")
    return local_moment((midnight + time).replace(tzinfo=UTC))


def _text_date(text: Mapping[str, str]) -> Moment | None:
    stated_by_key = {key.lower(): stated for key, stated in text.items()}
    for key in TEXT_KEYS:
        if not (stated := stated_by_key.get(key)):
            continue
        if moment := parse_date(stated) or _mail_date(stated):
            return moment
    return None


def _mail_date(text: str) -> Moment | None:
    """RFC 1123, which PNG recommends: Sat, 24 Dec 2016 18:30:12 +0100."""
    try:
        stated = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    offset = stated.utcoffset()
    moment = Moment(
        stated.replace(tzinfo=None), "second", None if offset is None else round(offset.total_seconds() / 60)
    )
    return moment if is_plausible(moment) else None


def ascii_text(value: Any) -> str:
    """By the standard ASCII; of other text UTF-8 in practice, which Pillow gives as Latin-1."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str):
        return ""
    if not value.isascii():
        with suppress(UnicodeError):  # it is Latin-1, or was text already
            value = value.encode("latin-1").decode("utf-8")
    return value

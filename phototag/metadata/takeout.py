"""Reads the JSON files that Google Takeout puts beside photos. Owns their names; pure, standard library
only."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from phototag.metadata.record import Metadata, clean_lines, clean_person

MAX_BYTES = 1024 * 1024  # real ones have some kilobytes
# Takeout cuts the names of its files: 46 characters stay before the ending.
NAME_LENGTH = 46
SUPPLEMENT = ".supplemental-metadata"  # since 2024
# What Google Photos adds to the name of an edited copy, which shares the JSON of the original.
EDITED = (
    "-edited",
    "-bearbeitet",
    "-modifié",
    "-editado",
    "-modificato",
    "-bewerkt",
    "-edytowane",
    "-編集済み",
)
_NUMBERED = re.compile(r"(?P<stem>.*)(?P<number>\(\d{1,4}\))")


class NotTakeout(ValueError):
    """A file that is none of Takeout's, or a damaged one; the message says why."""


def json_names(photo: str) -> Iterator[str]:
    """The names under which Takeout may have put the JSON of the photo of this name, the likeliest first."""
    stem, dot, extension = photo.rpartition(".")
    if not dot:
        stem, extension = photo, ""
    number = ""
    if found := _NUMBERED.fullmatch(stem):
        stem, number = found["stem"], found["number"]
    stems = [stem, *(stem.removesuffix(edited) for edited in EDITED if stem.endswith(edited))]
    seen = set()
    for name in stems:
        whole = f"{name}{dot}{extension}"
        for full in (whole, whole + SUPPLEMENT):
            candidate = f"{full[:NAME_LENGTH]}{number}.json"
            if candidate not in seen:
                seen.add(candidate)
                yield candidate


def parse_takeout(data: bytes) -> dict[str, Any]:
    """The document. Raises NotTakeout."""
    if len(data) > MAX_BYTES:
        raise NotTakeout(f"it is larger than {MAX_BYTES:,} bytes")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NotTakeout(f"it is no JSON ({error})") from error
    if not isinstance(document, dict) or "photoTakenTime" not in document:
        raise NotTakeout("it is no JSON of Google Takeout")
    return document


def taken_time(document: dict[str, Any]) -> datetime | None:
    """When the photo was taken, in UTC; None where it does not say."""
    try:
        seconds = int(document["photoTakenTime"]["timestamp"])
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None


def read_takeout(document: dict[str, Any]) -> Metadata:
    """What the document says beside the time. Who is in the photo belongs to it as a whole: Takeout gives
    no places of faces. The place that Google shows goes before the camera's: people correct it there."""
    people = document.get("people")
    names = [one.get("name") for one in people if isinstance(one, dict)] if isinstance(people, list) else []
    return Metadata(
        place=_place(document.get("geoData")) or _place(document.get("geoDataExif")),
        description=clean_lines(document.get("description")),
        persons=tuple(dict.fromkeys(name for one in names if (name := clean_person(one)))),
        is_favorite=document.get("favorited") is True,
    )


def _place(stated: Any) -> tuple[float, str, float, str] | None:
    """0, 0 is what Takeout writes where it knows no place."""
    if not isinstance(stated, dict):
        return None
    latitude, longitude = stated.get("latitude"), stated.get("longitude")
    if not isinstance(latitude, int | float) or not isinstance(longitude, int | float):
        return None
    if not latitude and not longitude:
        return None
    return abs(latitude), "NS"[latitude < 0], abs(longitude), "EW"[longitude < 0]

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
# Takeout cuts the names of its files: 46 characters stay before the ending, at times 47 or 51; of a
# picture, 47 before its own.
NAME_LENGTH, LONGER_NAMES, STEM_LENGTHS = 46, (47, 51), (46, 47)
SUPPLEMENT = ".supplemental-metadata"  # since 2024
# What Google Photos adds to the name of an edited copy, which shares the JSON of the original, in its
# languages. The names here are in lower case and NFC.
EDITED = (
    *("-edited", "-bearbeitet", "-modifié", "-modifiée", "-editado", "-editada", "-ha editado"),
    *("-modificato", "-modificata", "-modificado", "-modificada", "-bewerkt", "-edytowane", "-edytowany"),
    *("-redigerad", "-redigerat", "-redigeret", "-redigert", "-muokattu", "-upraveno", "-editat"),
    *(
        "-düzenlendi",
        "-szerkesztett",
        "-szerkesztve",
        "-diedit",
        "-изменено",
        "-измененный",
        "-отредактировано",
    ),
    *("-змінено", "-відредаговано", "-επεξεργασμένο", "-編集済み", "-已修改", "-已编辑", "-已編輯"),
    *("-수정됨", "-편집됨"),
)
_NUMBERED = re.compile(r"(?P<stem>.*)(?P<number>\(\d{1,4}\))(?P<rest>(?:-\w+)?)")


class NotTakeout(ValueError):
    """A file that is none of Takeout's, or a damaged one; the message says why."""


def json_names(photo: str) -> Iterator[str]:
    """The names under which Takeout may have put the JSON of the photo of this name, which is in lower case
    and NFC; the likeliest first."""
    stem, dot, extension = photo.rpartition(".")
    if not dot:
        stem, extension = photo, ""
    seen = set()
    for base, number in _unnumbered(stem):
        for name in (base, *_unedited(base)):
            whole = f"{name}{dot}{extension}"
            for full in _cut(whole):
                candidate = f"{full}{number}.json"
                if candidate not in seen:
                    seen.add(candidate)
                    yield candidate


def _unnumbered(stem: str) -> Iterator[tuple[str, str]]:
    """The stem without its number, which may stand before what marks an edited copy, and the number; then as
    it is, for photos that were called so before."""
    if found := _NUMBERED.fullmatch(stem):
        yield found["stem"] + found["rest"], found["number"]
    yield stem, ""


def _unedited(stem: str) -> Iterator[str]:
    """The stem of the original, where this is that of an edited copy, whose name may be cut too."""
    for edited in EDITED:
        if stem.endswith(edited):
            yield stem.removesuffix(edited)
        elif len(stem) in STEM_LENGTHS:
            for length in range(len(edited) - 1, 1, -1):
                if stem.endswith(edited[:length]):
                    yield stem[:-length]
                    break


def _cut(whole: str) -> Iterator[str]:
    """A photo's name and what Takeout adds to it, as far as it may have been kept."""
    full = whole + SUPPLEMENT
    yield from (whole[:NAME_LENGTH], full[:NAME_LENGTH])
    # At what length it cuts has changed over the years, and differs where a number follows.
    yield from (whole[:length] for length in LONGER_NAMES)
    yield from (full[:length] for length in range(len(full), len(whole), -1))


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
    if (not latitude and not longitude) or not (abs(latitude) <= 90 and abs(longitude) <= 180):
        return None
    return abs(latitude), "NS"[latitude < 0], abs(longitude), "EW"[longitude < 0]

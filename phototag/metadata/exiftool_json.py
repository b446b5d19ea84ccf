"""Reads JSON files beside photos in the form that ExifTool prints with -json: osxphotos writes them
(`--sidecar json`: names with their groups, `--sidecar exiftool`: without). Pure; standard library
only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from phototag.metadata.record import (
    LEVEL,
    MOST_REGIONS,
    TITLE_LENGTH,
    Metadata,
    Region,
    clean,
    clean_keyword,
    clean_lines,
    clean_person,
    make_region,
    persons_of_keywords,
    read_rating,
    without_repeats,
    without_twins,
)

MAX_BYTES = 1024 * 1024
# Most trustworthy first; a zone stands in the date itself, or apart.
DATES = (("DateTimeOriginal", "OffsetTimeOriginal"), ("DateCreated", ""), ("CreateDate", "OffsetTime"))
DIGITIZED = (("DateTimeDigitized", "OffsetTimeDigitized"), ("DigitalCreationDate", ""))


class NotExiftool(ValueError):
    """A file that is none of ExifTool's form; the message says why."""


def parse_exiftool(data: bytes) -> dict[str, Any]:
    """Name of a tag without its group -> value; of several the first. Raises NotExiftool."""
    if len(data) > MAX_BYTES:
        raise NotExiftool(f"it is larger than {MAX_BYTES:,} bytes")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NotExiftool(f"it is no JSON ({error})") from error
    if not isinstance(document, list) or len(document) != 1 or not isinstance(document[0], dict):
        raise NotExiftool("it is no JSON of one photo, as ExifTool prints it")
    if "SourceFile" not in document[0]:
        raise NotExiftool("it is no JSON of ExifTool")
    found: dict[str, Any] = {}
    for key, value in document[0].items():
        found.setdefault(key.rpartition(":")[2], value)
    return found


def read_exiftool(tags: Mapping[str, Any]) -> Metadata:
    """What the tags say."""
    keywords = [clean_keyword(text.split("/")) for text in _texts(tags.get("TagsList"))]
    keywords += [clean_keyword(text.split("|")) for text in _texts(tags.get("HierarchicalSubject"))]
    for name in ("Subject", "Keywords"):
        keywords += [clean_keyword([text.replace(LEVEL, "/")]) for text in _texts(tags.get(name))]
    kept = [one for one in keywords if one]
    regions = without_twins(_regions(tags))
    stated = (clean_person(name) for name in _texts(tags.get("PersonInImage")))
    persons = tuple(dict.fromkeys([*filter(None, stated), *persons_of_keywords(kept)]))
    all_names = [*persons, *(region.name for region in regions)]
    return Metadata(
        dates=_dates(tags, DATES),
        digitized=_dates(tags, DIGITIZED),
        place=_place(tags),
        rating=read_rating(tags.get("Rating")),
        color_label=clean(tags.get("Label")),
        title=clean(_first(tags, "Title", "ObjectName"), TITLE_LENGTH),
        description=clean_lines(_first(tags, "Description", "ImageDescription", "Caption-Abstract")),
        keywords=without_repeats(kept, all_names),
        regions=regions,
        persons=persons,
    )


def _first(tags: Mapping[str, Any], *names: str) -> object:
    return next((value for name in names if isinstance(value := tags.get(name), str) and value), None)


def _dates(tags: Mapping[str, Any], names: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    found = []
    for name, offset in names:
        date, zone = tags.get(name), tags.get(offset)
        if isinstance(date, str) and date:
            is_apart = isinstance(zone, str) and not any(mark in date[10:] for mark in "+-Zz")
            found.append(f"{date}{zone}" if is_apart else date)
    return tuple(found)


def _place(tags: Mapping[str, Any]) -> tuple[Any, Any, Any, Any] | None:
    latitude, longitude = tags.get("GPSLatitude"), tags.get("GPSLongitude")
    if latitude is None or longitude is None:
        return None
    return latitude, tags.get("GPSLatitudeRef"), longitude, tags.get("GPSLongitudeRef")


def _texts(value: object) -> list[str]:
    """One value, or a list of them."""
    values = value if isinstance(value, list) else [value]
    return [str(one) for one in values if isinstance(one, str | int | float) and not isinstance(one, bool)]


def _regions(tags: Mapping[str, Any]) -> Iterator[Region]:
    """As lists that belong together, or, printed with -struct, as structures."""
    names, kinds = _texts(tags.get("RegionName")), _texts(tags.get("RegionType"))
    areas = [_numbers(tags.get(f"RegionArea{side}")) for side in "XYWH"]
    applied_wh = _size(tags.get("RegionAppliedToDimensionsW"), tags.get("RegionAppliedToDimensionsH"))
    for number, name in enumerate(names[:MOST_REGIONS]):
        is_face = number >= len(kinds) or kinds[number].casefold() == "face"
        if is_face and all(number < len(values) for values in areas):
            x, y, width, height = (values[number] for values in areas)
            if region := _around(name, x, y, width, height, applied_wh):
                yield region
    for name, rectangle in zip(
        _texts(tags.get("RegionPersonDisplayName")), _texts(tags.get("RegionRectangle")), strict=False
    ):
        sides = _numbers(rectangle.split(","))
        if len(sides) == 4:
            left, top, width, height = sides
            if region := make_region(name, (left, top, left + width, top + height)):
                yield region
    info = tags.get("RegionInfo")
    if not isinstance(info, dict):
        return
    applied = info.get("AppliedToDimensions")
    applied_wh = _size(applied.get("W"), applied.get("H")) if isinstance(applied, dict) else None
    listed = info.get("RegionList")
    for one in listed[:MOST_REGIONS] if isinstance(listed, list) else ():
        area = one.get("Area") if isinstance(one, dict) else None
        if not isinstance(area, dict) or str(one.get("Type") or "Face").casefold() != "face":
            continue
        sides = _numbers([area.get(side) for side in "XYWH"])
        if len(sides) != 4:
            continue
        x, y, width, height = sides
        if region := _around(one.get("Name"), x, y, width, height, applied_wh):
            yield region


def _around(
    name: object, x: float, y: float, width: float, height: float, applied_wh: tuple[float, float] | None
) -> Region | None:
    """The region of this middle and size."""
    return make_region(name, (x - width / 2, y - height / 2, x + width / 2, y + height / 2), applied_wh)


def _size(width: object, height: object) -> tuple[float, float] | None:
    sides = _numbers([width, height])
    return (sides[0], sides[1]) if len(sides) == 2 and min(sides) > 0 else None


def _numbers(value: Any) -> list[float]:
    """One number, or a list of them; fewer where one is none."""
    found = []
    for one in value if isinstance(value, list) else [value]:
        try:
            found.append(float(one))
        except (TypeError, ValueError, OverflowError):
            continue
    return found

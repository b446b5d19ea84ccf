"""Reads the `.picasa.ini` that Picasa keeps in each folder: stars, captions, keywords, faces with
names. Pure; standard library only.

Source: Franz Buchinger's description of the file, in the public domain. A face is `rect64(...)`: left,
top, right, bottom of the stored picture, each as a 16-bit fraction, in hexadecimal without leading
zeros."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from phototag.metadata.record import (
    LEVEL,
    MOST_KEYWORDS,
    Metadata,
    clean_keyword,
    clean_lines,
    make_region,
    without_twins,
)

NAMES = (".picasa.ini", "Picasa.ini")  # today's, and before version 3
MAX_BYTES = 8 * 1024 * 1024  # some hundred bytes for each photo of a folder
MOST_SECTIONS = 100_000
_FACE = re.compile(r"rect64\(([0-9A-Fa-f]{1,16})\)\s*,\s*([0-9A-Za-z_]+)")
_CONTACTS = frozenset({"contacts", "contacts2"})
NOBODY = "ffffffffffffffff"  # a face that nobody has named


class NotPicasa(ValueError):
    """A file that is none of Picasa's; the message says why."""


@dataclass(frozen=True, slots=True)
class PicasaFolder:
    """`persons`: id -> name; `photos`: file name in lower case -> what is said of it."""

    persons: Mapping[str, str] = field(default_factory=dict)
    photos: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def parse_picasa(data: bytes) -> PicasaFolder:
    """The sections of the file. Raises NotPicasa."""
    if len(data) > MAX_BYTES:
        raise NotPicasa(f"it is larger than {MAX_BYTES:,} bytes")
    persons: dict[str, str] = {}
    photos: dict[str, dict[str, str]] = {}
    section: dict[str, str] = {}
    is_contacts = False
    for line in _text(data).splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            name = line[1:-1].casefold()
            is_contacts = name in _CONTACTS
            if len(photos) >= MOST_SECTIONS:
                raise NotPicasa(f"it has more than {MOST_SECTIONS:,} sections")
            section = {} if is_contacts else photos.setdefault(name, {})
            continue
        key, equals, value = line.partition("=")
        if not equals:
            continue
        if is_contacts:  # ID=NAME;;  or, of an older one, ID=USER_lh,NUMBER, which is no name
            person = value.split(";")[0].strip()
            if person and "_lh," not in person:
                persons.setdefault(key.strip().casefold(), person)
        else:
            section.setdefault(key.strip().casefold(), value.strip())
    return PicasaFolder(persons, photos)


def read_picasa(folder: PicasaFolder, photo: str) -> Metadata | None:
    """What is said of the photo of this file name; None where it is not mentioned."""
    said = folder.photos.get(photo.casefold())
    if not said:
        return None
    regions = []
    for rectangle, person in _FACE.findall(said.get("faces", "")):
        if person.casefold() == NOBODY:
            continue
        digits = rectangle.rjust(16, "0")
        edges = [int(digits[i : i + 4], 16) / 65535 for i in range(0, 16, 4)]
        if region := make_region(folder.persons.get(person.casefold()), edges):
            regions.append(region)
    keywords = (clean_keyword([word.replace(LEVEL, "/")]) for word in said.get("keywords", "").split(","))
    return Metadata(
        description=clean_lines(said.get("caption")),
        keywords=tuple(dict.fromkeys(one for one in keywords if one))[:MOST_KEYWORDS],
        regions=without_twins(regions),
        is_favorite=said.get("star", "").casefold() == "yes",
    )


def _text(data: bytes) -> str:
    """UTF-8 in newer versions; whatever Windows was set to in older ones."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")

"""What one file, a photo or one beside it, says about a photo: the record that every reader of this
package makes. Texts are foreign: they are cleaned and cut here, and never trusted further on."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from phototag.records import Box

NAME_LENGTH, TITLE_LENGTH, TEXT_LENGTH = 200, 500, 10_000  # characters; longer ones are cut
MOST_KEYWORDS, MOST_REGIONS = 1000, 500  # of one photo; real ones have dozens
LEVEL = "|"  # between the levels of a keyword: Places|Italy|Rome
OWN_ROOT = "phototag"  # the level below which phototag exports what it has found itself
PEOPLE = f"people{LEVEL}"
# What programs call a face that nobody has named.
NOBODY = frozenset({"unknown", "_unknown_", "unconfirmed", "unnamed", "ignored"})
SAME_FACE_IOU = 0.5  # from this on two boxes are of one face


@dataclass(frozen=True, slots=True)
class Region:
    """A named face. `box` lies in the frame of the stored picture, before it is turned upright;
    `applied_wh`: the size in pixels of the picture that it was drawn on, where that is stated."""

    name: str
    box: Box
    applied_wh: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Metadata:
    """What one file says. None and empty: it does not say.

    `dates`: as written, most trustworthy first; `digitized`: when a scan was made; `modified`: when the
    file was last saved. `place`: latitude, its
    hemisphere, longitude, its hemisphere, as written. `rating`: 1 to 5 stars, 0 for a photo whose stars
    were taken away, -1 for a rejected one. `keywords`: levels apart by LEVEL. `persons`: who is named
    without a place in the picture. `extension`: the only one of files of this name to which all this
    belongs."""

    dates: tuple[str, ...] = ()
    digitized: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    place: tuple[Any, Any, Any, Any] | None = None
    rating: int | None = None
    color_label: str | None = None
    title: str | None = None
    description: str | None = None
    keywords: tuple[str, ...] = ()
    regions: tuple[Region, ...] = ()
    persons: tuple[str, ...] = ()
    is_favorite: bool = False
    extension: str | None = None


NOTHING = Metadata()


def clean(text: object, length: int = NAME_LENGTH) -> str | None:
    """The text on one line, in NFC, without what no text has; None where nothing is left."""
    if not isinstance(text, str):
        return None
    return _clean_short(text, length) if len(text) <= NAME_LENGTH else _clean(text, length)


def _clean(text: str, length: int) -> str | None:
    kept = text[: 4 * length]
    if not kept.isprintable():
        kept = "".join(map(_visible, kept))
    kept = " ".join(kept.split())[:length].strip()
    return (kept if kept.isascii() else unicodedata.normalize("NFC", kept)) or None


# Keywords and names come again in photo after photo, in several fields of each.
_clean_short = lru_cache(4096)(_clean)


def clean_lines(text: object) -> str | None:
    """The same of a text of several lines."""
    if not isinstance(text, str):
        return None
    lines = text[:TEXT_LENGTH].replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(clean(line, TEXT_LENGTH) or "" for line in lines).strip() or None


def _visible(character: str) -> str:
    """Without control characters, half characters, and marks that turn the direction of writing."""
    if character in "\u200c\u200d" or character.isprintable():  # joiners are part of words and emoji
        return character
    return " " if unicodedata.category(character) in ("Cc", "Zl", "Zp", "Zs") else ""


def clean_keyword(levels: Iterable[object]) -> str | None:
    """One keyword of these levels, the broadest first."""
    kept = [level for one in levels if (level := clean(one))]
    return LEVEL.join(kept)[: 4 * NAME_LENGTH] or None


def clean_person(name: object) -> str | None:
    """A person's name; None for what programs write where nobody has a name."""
    kept = clean(name)
    return None if kept is None or kept.casefold() in NOBODY else kept


def read_rating(value: object) -> int | None:
    """Stars, -1 to 5; None for what are none."""
    try:
        stars = float(value)  # type: ignore[arg-type]  # whatever cannot be a number raises
    except (TypeError, ValueError, OverflowError):
        return None
    return round(stars) if -1 <= stars <= 5 else None


def percent_rating(value: object) -> int | None:
    """Stars of a rating in percent, as Windows writes it: 1, 25, 50, 75, 99."""
    try:
        percent = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    if not 0 <= percent <= 100:
        return None
    return 0 if percent == 0 else min(5, 1 + round(percent / 25))


def make_region(
    name: object, edges: Sequence[float], applied_wh: tuple[float, float] | None = None
) -> Region | None:
    """A region of left, top, right, bottom as fractions; None where nobody is named or nothing of it
    lies in the picture."""
    person = clean_person(name)
    if person is None or not all(map(math.isfinite, edges)):
        return None
    box = Box.clipped(*edges)
    return Region(person, box, applied_wh) if box else None


def without_twins(regions: Iterable[Region]) -> tuple[Region, ...]:
    """Each face once: programs write the same ones in two or three schemas."""
    kept: list[Region] = []
    for region in regions:
        if len(kept) >= MOST_REGIONS:
            break
        if not any(region.box.iou(other.box) >= SAME_FACE_IOU for other in kept):
            kept.append(region)
    return tuple(kept)


def without_repeats(keywords: Iterable[str], persons: Iterable[str] = ()) -> tuple[str, ...]:
    """Each keyword once. Programs write the levels of `Places|Italy|Rome` flat besides, and the names
    of persons as keywords; what phototag has exported itself says nothing new."""
    found = dict.fromkeys(keywords)
    names = {name.casefold() for name in persons}
    leveled = [one.casefold() for one in found if LEVEL in one]
    flat = {level for one in leveled for level in (*one.split(LEVEL), one.replace(LEVEL, "/"))}
    kept = []
    for one in found:
        levels = one.casefold().split(LEVEL)
        is_repeated = len(levels) == 1 and (levels[0] in flat or levels[0] in names)
        if is_own(one) or is_repeated or is_about_a_person(one):
            continue
        kept.append(one)
    return tuple(kept[:MOST_KEYWORDS])


def is_own(keyword: str) -> bool:
    """Whether phototag has exported the keyword, or the root of all that it exports."""
    return keyword.casefold().partition(LEVEL)[0] == OWN_ROOT


def persons_of_keywords(keywords: Iterable[str]) -> tuple[str, ...]:
    """The names in keywords of the form People|NAME, People|GROUP|NAME."""
    found = []
    for one in keywords:
        if is_about_a_person(one) and (name := clean_person(one.rpartition(LEVEL)[2])):
            found.append(name)
    return tuple(found)


def is_about_a_person(keyword: str) -> bool:
    """Whether a keyword only says who is in the photo, or that nobody knows: digiKam's tags of faces."""
    return keyword[: len(PEOPLE)].casefold() == PEOPLE

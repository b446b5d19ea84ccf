"""Which of several files, and which of several fields, is believed of a photo. Sidecars go before what
the photo's own file says: that is where programs write who leave photos alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from phototag.metadata.record import MOST_KEYWORDS, NOTHING, Metadata, without_repeats, without_twins
from phototag.records import Box, NamedPerson, Written

T = TypeVar("T")

EMBEDDED = "embedded"
FAVORITE = "favorite"  # the keyword of a photo with Picasa's star or Google's heart
SAME_SHAPE = 0.03  # by how much the ratio of the sides of a picture may differ, as it is rounded


def join_fields(said: Sequence[Metadata]) -> Metadata:
    """What one file says in several schemas, the most trustworthy first. Keywords and regions are
    brought together: programs that know only some of them write only those."""
    first = [one for one in said if one != NOTHING]
    if len(first) <= 1:
        return first[0] if first else NOTHING
    regions = without_twins(region for one in first for region in one.regions)
    persons = tuple(dict.fromkeys(name for one in first for name in one.persons))
    names = [*persons, *(region.name for region in regions)]
    return Metadata(
        dates=tuple(date for one in first for date in one.dates),
        digitized=tuple(date for one in first for date in one.digitized),
        place=next((one.place for one in first if one.place), None),
        rating=next((one.rating for one in first if one.rating is not None), None),
        color_label=next((one.color_label for one in first if one.color_label), None),
        title=next((one.title for one in first if one.title), None),
        description=next((one.description for one in first if one.description), None),
        keywords=without_repeats((word for one in first for word in one.keywords), names),
        regions=regions,
        persons=persons,
        is_favorite=any(one.is_favorite for one in first),
    )


def resolve(
    said: Sequence[tuple[str, Metadata]], stored_wh: tuple[int, int] | None, orientation: int
) -> Written:
    """What is believed of a photo. `said`: (source, what it says), the most trustworthy first; of each
    field the first that says something counts. `stored_wh`: the size of the stored picture, before
    `orientation` (of Exif, 1 to 8) turns it upright; None where it is not known."""
    rating, rating_from = _first((source, one.rating) for source, one in said)
    color_label, color_from = _first((source, one.color_label) for source, one in said)
    title, title_from = _first((source, one.title) for source, one in said)
    description, description_from = _first((source, one.description) for source, one in said)
    keywords, keywords_from = _first((source, one.keywords or None) for source, one in said)
    favorite_from = next((source for source, one in said if one.is_favorite), None)
    if favorite_from:
        keywords = tuple(dict.fromkeys((*(keywords or ()), FAVORITE)))[:MOST_KEYWORDS]
    sources = {
        "rating": rating_from if rating else None,  # 0: somebody took the stars away
        "color_label": color_from,
        "title": title_from,
        "description": description_from,
        "keywords": keywords_from or favorite_from,
    }
    return Written(
        rating=rating or None,
        color_label=color_label,
        title=title,
        description=description,
        keywords=keywords or (),
        persons=_persons(said, stored_wh, orientation),
        sources={name: source for name, source in sources.items() if source},
    )


def _first(said: Iterable[tuple[str, T | None]]) -> tuple[T | None, str | None]:
    """The first that says something, and its source."""
    return next(((value, source) for source, value in said if value is not None), (None, None))


def _persons(
    said: Sequence[tuple[str, Metadata]], stored_wh: tuple[int, int] | None, orientation: int
) -> tuple[NamedPerson, ...]:
    """Faces with names, then those who are named without a place in the picture; each once."""
    regions, regions_from = _first((source, one.regions or None) for source, one in said)
    names, names_from = _first((source, one.persons or None) for source, one in said)
    found: list[NamedPerson] = []
    unplaced: list[tuple[str, str | None]] = []
    for region in regions or ():
        turn = _needed_turn(region.applied_wh, stored_wh, orientation)
        if turn is None:
            unplaced.append((region.name, regions_from))
        else:
            found.append(NamedPerson(region.name, regions_from or "", turn_upright(region.box, turn)))
    unplaced += [(name, names_from) for name in names or ()]
    known = {one.name.casefold() for one in found}
    for name, source in unplaced:
        if name.casefold() not in known:
            known.add(name.casefold())
            found.append(NamedPerson(name, source or ""))
    return tuple(found)


def _needed_turn(
    applied_wh: tuple[float, float] | None, stored_wh: tuple[int, int] | None, orientation: int
) -> int | None:
    """By which orientation a region has to be turned: regions lie in the stored picture (Metadata
    Working Group), but a program that turned it first states the upright size. None where the picture
    has another shape than it had then: it was cropped since."""
    if applied_wh is None or stored_wh is None:
        return orientation
    applied, stored = applied_wh[0] / applied_wh[1], stored_wh[0] / stored_wh[1]
    if abs(applied / stored - 1) <= SAME_SHAPE:
        return orientation
    if orientation >= 5 and abs(applied * stored - 1) <= SAME_SHAPE:
        return 1
    return None


def turn_upright(box: Box, orientation: int) -> Box:
    """A box of the stored picture, in the picture that is turned by this orientation of Exif."""
    left, top, right, bottom = box
    match orientation:
        case 2:
            return Box(1 - right, top, 1 - left, bottom)
        case 3:
            return Box(1 - right, 1 - bottom, 1 - left, 1 - top)
        case 4:
            return Box(left, 1 - bottom, right, 1 - top)
        case 5:
            return Box(top, left, bottom, right)
        case 6:
            return Box(1 - bottom, left, 1 - top, right)
        case 7:
            return Box(1 - bottom, 1 - right, 1 - top, 1 - left)
        case 8:
            return Box(top, 1 - right, bottom, 1 - left)
    return box

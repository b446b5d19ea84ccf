"""What phototag has added to a sidecar: the ledger that it keeps inside, so that `--remove` takes away
that and nothing else. Pure; standard library only.

The ledger lies in the sidecar and not in the catalog: it moves with the photo, holds for whichever
catalog exports next, and outlives all of them. Where another program drops it, what it listed counts
as that program's, and stays."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from phototag.metadata.xmp import RDF
from phototag.records import Box

NAMESPACE = "urn:phototag:xmp:1/"  # XMP asks for a name that ends in / or #
PROPERTY = "ledger"
KEY = f"{{{NAMESPACE}}}{PROPERTY}"
# Programs that write a sidecar anew round the numbers of a region.
SAME_REGION_IOU = 0.9


# What stands in a keyword's level for the character that would part it: they look alike, and part nothing.
LOOKALIKE = {"/": "\u2215", "|": "\u2223"}


@dataclass(frozen=True, slots=True)
class OwnRegion:
    """A region as it was written: `box` in the frame of the stored picture."""

    name: str
    box: Box

    def is_same(self, name: str, box: Box) -> bool:
        return fold(name) == fold(self.name) and box.iou(self.box) >= SAME_REGION_IOU


@dataclass(frozen=True, slots=True)
class Ledger:
    """What was not there before. `is_new_file`: the sidecar itself. `begun`: properties, by their usual
    names. `words`: of dc:subject; `carried`: keywords of the photo's own file, by their levels, that were
    written so that the sidecar does not hide them; `persons`: of Iptc4xmpExt:PersonInImage.
    `orientation`: the value of tiff:Orientation. `date`: the value that xmp:MetadataDate was given,
    `date_before`: the one that another program had given it."""

    is_new_file: bool = False
    begun: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    carried: tuple[tuple[str, ...], ...] = ()
    persons: tuple[str, ...] = ()
    regions: tuple[OwnRegion, ...] = ()
    orientation: str | None = None
    date: str | None = None
    date_before: str | None = None

    def carried_texts(self, separator: str) -> set[str]:
        """The carried keywords as they stand in a field whose levels this parts."""
        return {join_levels(levels, separator) for levels in self.carried}

    def as_text(self) -> str:
        """JSON on one line: a plain text outlives programs that write structures their own way."""
        regions = [[one.name, *(round(edge, 6) for edge in one.box)] for one in self.regions]
        told = {
            "version": 1,
            "new_file": self.is_new_file,
            "begun": list(self.begun),
            "words": list(self.words),
            "carried": [list(levels) for levels in self.carried],
            "persons": list(self.persons),
            "regions": regions,
            "orientation": self.orientation,
            "date": self.date,
            "date_before": self.date_before,
        }
        return json.dumps({key: value for key, value in told.items() if value}, ensure_ascii=False)


NOTHING_ADDED = Ledger()


def read_ledger(packet: Element) -> Ledger:
    """The ledger in a packet, as `xmp.parse_xmp` gives it."""
    text = None
    for description in packet.iter(f"{{{RDF}}}Description"):  # a program may have made it an attribute
        text = text or description.get(KEY) or description.findtext(KEY)
    return parse_ledger(text)


def parse_ledger(text: str | None) -> Ledger:
    """An empty one where there is none, or where it says what no ledger of ours says."""
    try:
        return _read(json.loads(text)) if text else NOTHING_ADDED
    except (ValueError, TypeError, AttributeError, RecursionError):
        return NOTHING_ADDED


def _read(told: dict[str, Any]) -> Ledger:
    def texts(key: str) -> tuple[str, ...]:
        found = told.get(key, ())
        if not isinstance(found, list | tuple) or not all(isinstance(one, str) for one in found):
            raise ValueError(f"{key} is no list of texts")
        return tuple(found)

    def text(key: str) -> str | None:
        found = told.get(key)
        if found is not None and not isinstance(found, str):
            raise ValueError(f"{key} is no text")
        return found

    return Ledger(
        is_new_file=told.get("new_file") is True,
        begun=texts("begun"),
        words=texts("words"),
        carried=tuple(tuple(map(str, levels)) for levels in told.get("carried", ())),
        persons=texts("persons"),
        regions=tuple(OwnRegion(str(name), Box(*edges)) for name, *edges in told.get("regions", ())),
        orientation=text("orientation"),
        date=text("date"),
        date_before=text("date_before"),
    )


def join_levels(levels: Iterable[str], separator: str) -> str:
    return separator.join(level.replace(separator, LOOKALIKE[separator]) for level in levels)


def fold(text: str) -> str:
    """What is the same for every way of spelling a word: case, spaces, accents of one or two characters."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())

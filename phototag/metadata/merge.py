"""What phototag has to say of a photo, merged into an XMP sidecar: nothing of another program's changes,
and all of ours can be taken away again. Pure: bytes in, bytes out; needs lxml.

Which keywords are ours is told by their root, which flat words and regions by the ledger in the file
(see ledger.py). Programs read the first keyword field that they know and no other (Immich: digiKam's,
then Lightroom's): so where a person's keywords stand in some of the fields, none is begun beside them,
which would hide theirs. The same holds for the two forms of regions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

from phototag.metadata import ledger as ledgers
from phototag.metadata.ledger import Ledger, OwnRegion, fold, join_levels
from phototag.metadata.packet import EMPTY, LEDGER, Packet, items_of
from phototag.metadata.region_list import MicrosoftRegions, MwgRegions, RegionForm
from phototag.metadata.xmp import parse_xmp
from phototag.records import Box

ROOT = "phototag"  # the level under which all keywords of ours stand
FLAT = "dc:subject"
# field -> (its list, what parts the levels of a keyword)
HIERARCHICAL = {
    "digiKam:TagsList": ("rdf:Seq", "/"),
    "lr:hierarchicalSubject": ("rdf:Bag", "|"),
    "MicrosoftPhoto:LastKeywordXMP": ("rdf:Bag", "/"),
}
PERSONS, ORIENTATION, DATE = "Iptc4xmpExt:PersonInImage", "tiff:Orientation", "xmp:MetadataDate"
DESCRIPTION = "rdf:Description"
SAME_FACE_IOU = 0.5  # from here on a region is of the face that a foreign one is of
UNCHANGED_IOU = 0.999  # the same region, written with six digits
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Keyword:
    """`levels` below the root, the broadest first; `flat`: what it is called without them."""

    levels: tuple[str, ...]
    flat: str


@dataclass(frozen=True, slots=True)
class NamedFace:
    """`box`: in fractions of the stored picture, before its orientation is applied."""

    name: str
    box: Box


@dataclass(frozen=True, slots=True)
class PhotoWords:
    """What is to be said of a photo. `orientation`: Exif's number, for files that state none. `faces`: None
    leaves whatever is said of faces and persons as it is. `stored_wh`: size of the stored picture in
    pixels. `carried`: the levels of each keyword in the photo's own file; many programs read keywords
    from the sidecar alone where it has some, and would no longer show these. `persons`: who is in the
    photo beside the `faces`."""

    keywords: tuple[Keyword, ...] = ()
    orientation: int | None = None
    faces: tuple[NamedFace, ...] | None = None
    stored_wh: tuple[int, int] | None = None
    carried: tuple[tuple[str, ...], ...] = ()
    persons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What a field holds, before and after, as a person reads it; '' where it is not there."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Merged:
    """`data`: what the sidecar is to hold; None where nothing would be left of it. Without `changes` it is
    as it should be. `notes`: what was left alone, and why."""

    data: bytes | None
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()


def merge(data: bytes | None, words: PhotoWords, *, now: str) -> Merged:
    """The sidecar with these words in place of what phototag said in it before. `data`: None where there
    is no sidecar yet. `now`: for xmp:MetadataDate, in ISO 8601. Raises NotXmp for bytes that are no XMP."""
    return _Merging(data, now).merge(words)


def remove(data: bytes, *, now: str) -> Merged:
    """The sidecar without what phototag had added. Raises NotXmp."""
    return _Merging(data, now).remove()


def stated_extension(data: bytes) -> str | None:
    """The ending of the only file that the sidecar belongs to, where it says so, as Lightroom's do that
    stand beside a RAW and a JPEG. Raises NotXmp."""
    return Packet(data).text("photoshop:SidecarForExtension")


class _Merging:
    def __init__(self, data: bytes | None, now: str) -> None:
        self._before, self._now = data, now
        self._packet = Packet(EMPTY if data is None else data)
        self._ledger = Ledger(is_new_file=True) if data is None else ledgers.read_ledger(parse_xmp(data))
        self._begun = set(self._ledger.begun)
        self._changes: list[Change] = []
        self._notes: list[str] = []

    def merge(self, words: PhotoWords) -> Merged:
        before = self._ledger
        self._say_keywords(words.keywords, words.carried)
        if words.faces is not None:
            self._say_faces(words.faces, words.persons, words.stored_wh)
        if not self._says_something():
            self._take_orientation_away()
        elif words.orientation is not None:
            self._say_orientation(str(words.orientation))
        return self._finish(before)

    def remove(self) -> Merged:
        before = self._ledger
        self._say_keywords((), ())
        self._say_faces((), (), None)
        self._take_orientation_away()
        return self._finish(before)

    # -- keywords

    def _say_keywords(self, keywords: Iterable[Keyword], carried: Iterable[tuple[str, ...]]) -> None:
        cleaned = [
            Keyword(tuple(map(clean, keyword.levels)), clean(keyword.flat))
            for keyword in keywords
            if clean(keyword.flat) and all(map(clean, keyword.levels))
        ]
        fields = [field for field in HIERARCHICAL if self._foreign(field)]
        has_foreign = bool(fields) or bool(self._foreign_words())
        kept: list[tuple[str, ...]] = []
        if cleaned and not has_foreign:
            kept = [levels for one in carried if (levels := tuple(filter(None, map(clean, one))))]
        for field, (container, separator) in HIERARCHICAL.items():
            wanted: list[str] = []
            if field in fields or not has_foreign:
                paths = [(ROOT, *keyword.levels) for keyword in cleaned] + kept
                wanted = [join_levels(levels, separator) for levels in paths]
            self._set_list(field, container, wanted, partial(self._is_own, separator))
        flat = [keyword.flat for keyword in cleaned] + [levels[-1] for levels in kept]
        added = self._set_list(FLAT, "rdf:Bag", flat, self._ledger.words.__contains__)
        self._ledger = replace(self._ledger, words=tuple(added), carried=tuple(kept))

    def _is_own(self, separator: str, text: str) -> bool:
        return is_rooted(text, separator) or text in self._ledger.carried_texts(separator)

    def _foreign(self, field: str) -> list[str]:
        separator = HIERARCHICAL[field][1]
        return [text for text in self._texts(field) if not self._is_own(separator, text)]

    def _foreign_words(self) -> list[str]:
        return [text for text in self._texts(FLAT) if text not in self._ledger.words]

    def _texts(self, field: str) -> list[str]:
        found = self._packet.find(field)
        items = None if found is None else items_of(found)
        return [] if items is None else [_text(item) for item in items if isinstance(item.tag, str)]

    def _set_list(
        self, field: str, container: str, wanted: Iterable[str], is_ours: Callable[[str], bool]
    ) -> list[str]:
        """Makes the items of ours in a list those that are wanted and nobody else has; returns them. Of
        a flat word that stands there twice only one is ours: a person may have written the other."""
        packet = self._packet
        before = self._texts(field)
        foreign = {fold(text) for text in before if not is_ours(text)}
        by_key = {fold(text): text for text in reversed(list(wanted))}
        mine = [text for key, text in reversed(by_key.items()) if key not in foreign]
        if not mine and not any(map(is_ours, before)):
            return []
        found = packet.find(field)
        items = None if found is None else items_of(found)
        if not packet.holds(field):
            self._begun.discard(field)
        elif items is None:
            self._notes.append(f"{field} is no list, and was left alone")
            return []
        there: set[str] = set()
        if items is not None:
            for item in list(items):
                if not isinstance(item.tag, str) or not is_ours(_text(item)):
                    continue
                key = fold(_text(item))
                is_repeated = key in there
                there.add(key)
                if is_repeated and field not in HIERARCHICAL:
                    continue
                if is_repeated or key not in by_key or key in foreign:
                    packet.remove(item)
        new = [packet.make("rdf:li", text=text) for text in mine if fold(text) not in there]
        if items is not None:
            for item in new:
                packet.attach(items, item)
        elif new:
            packet.begin(packet.make(field, packet.make(container, *new)))
            self._begun.add(field)
        if items is not None and field in self._begun and not len(items):
            packet.remove(found)
            self._begun.discard(field)
        self._note(field, before, self._texts(field))
        return mine

    # -- faces

    def _say_faces(
        self, faces: Iterable[NamedFace], others: Iterable[str], stored_wh: tuple[int, int] | None
    ) -> None:
        named = [
            OwnRegion(name, box)
            for face in faces
            if (name := clean(face.name)) and (box := Box.clipped(*(round(edge, 6) for edge in face.box)))
        ]
        forms: list[RegionForm] = [MwgRegions(self._packet), MicrosoftRegions(self._packet)]
        listed = {form: form.regions() for form in forms}
        ours = {
            form: [
                one for one in regions if any(own.is_same(one.name, one.box) for own in self._ledger.regions)
            ]
            for form, regions in listed.items()
        }
        foreign = [one for form in forms for one in listed[form] if one not in ours[form] and one.is_face]
        wanted = [
            region
            for region in named
            if not any(region.box.iou(other.box) > SAME_FACE_IOU for other in foreign)
        ]
        if any(form.is_turned(stored_wh) for form in forms):
            self._notes.append("its face regions belong to a picture that lies otherwise; none was added")
            wanted = []
        with_foreign = [form for form in forms if form.count() > len(ours[form])]
        written: set[int] = set()
        for form in forms:
            here = wanted if not with_foreign or form in with_foreign else []
            before = [_shown(one.name, one.box) for one in listed[form]]
            kept = []
            for one in ours[form]:
                same = [
                    region
                    for region in here
                    if region.name == one.name
                    and region.box.iou(one.box) >= UNCHANGED_IOU
                    and region not in kept
                ]
                if same:
                    kept.append(same[0])
                else:
                    self._packet.remove(one.item)
            new = [region for region in here if region not in kept]
            try:
                if new and (begun := form.add(new, stored_wh)):
                    self._begun.add(begun)
            except ValueError as error:
                self._notes.append(f"{error}; no region was added to it")
                new = []
            form.remove_begun(self._begun)
            written |= {id(region) for region in [*kept, *new]}
            self._note(form.PROPERTY, before, [_shown(one.name, one.box) for one in form.regions()])
        for form in forms:
            if not form.is_there():
                self._begun -= {form.PROPERTY, form.LIST}
        names = [*(region.name for region in named), *(name for one in others if (name := clean(one)))]
        persons = self._set_list(PERSONS, "rdf:Bag", names, self._ledger.persons.__contains__)
        self._ledger = replace(
            self._ledger,
            regions=tuple(region for region in wanted if id(region) in written),
            persons=tuple(persons),
        )

    # -- the rest

    def _say_orientation(self, value: str) -> None:
        known = self._packet.text(ORIENTATION)
        if known is None and not self._packet.holds(ORIENTATION):
            self._packet.set_text(ORIENTATION, value)
            self._note(ORIENTATION, [], [value])
            self._ledger = replace(self._ledger, orientation=value)
        elif self._ledger.orientation is not None and known == self._ledger.orientation != value:
            self._packet.set_text(ORIENTATION, value)
            self._note(ORIENTATION, [known], [value])
            self._ledger = replace(self._ledger, orientation=value)

    def _take_orientation_away(self) -> None:
        if self._ledger.orientation is None:
            return
        if self._packet.text(ORIENTATION) == self._ledger.orientation:
            self._packet.remove_text(ORIENTATION)
            self._note(ORIENTATION, [self._ledger.orientation], [])
        self._ledger = replace(self._ledger, orientation=None)

    def _finish(self, before: Ledger) -> Merged:
        if self._packet.has_begun_description:
            self._begun.add(DESCRIPTION)
        now = replace(self._ledger, begun=tuple(sorted(self._begun)))
        if not self._changes and now == before:
            return Merged(self._before, (), tuple(self._notes))
        if not self._changes:
            self._changes.append(Change(LEDGER, before.as_text(), now.as_text()))
        return self._with_ledger(now) if self._says_something() else self._without_ledger(now)

    def _says_something(self) -> bool:
        """Whether a keyword, a person or a region of ours is in the file."""
        own = self._ledger
        rooted = (
            is_rooted(text, separator)
            for field, (_, separator) in HIERARCHICAL.items()
            for text in self._texts(field)
        )
        return bool(own.words or own.persons or own.regions) or any(rooted)

    def _with_ledger(self, ledger: Ledger) -> Merged:
        packet = self._packet
        date = packet.text(DATE)
        is_ours = date is not None and date == ledger.date
        ledger = replace(ledger, date=self._now, date_before=ledger.date_before if is_ours else date)
        packet.set_text(DATE, self._now)
        if packet.has_begun_description:  # which it had to, where the date was the first to be added
            ledger = replace(ledger, begun=tuple(sorted({*ledger.begun, DESCRIPTION})))
        packet.set_text(LEDGER, ledger.as_text())
        return Merged(packet.as_bytes(), tuple(self._changes), tuple(self._notes))

    def _without_ledger(self, ledger: Ledger) -> Merged:
        packet = self._packet
        if ledger.date is not None and packet.text(DATE) == ledger.date:
            if ledger.date_before is None:
                packet.remove_text(DATE)
            else:
                packet.set_text(DATE, ledger.date_before)
        if packet.holds(LEDGER):
            packet.remove_text(LEDGER)
            if DESCRIPTION in ledger.begun:
                packet.remove_emptied_descriptions()
        is_gone = ledger.is_new_file and packet.is_empty()
        return Merged(None if is_gone else packet.as_bytes(), tuple(self._changes), tuple(self._notes))

    def _note(self, field: str, before: list[str], after: list[str]) -> None:
        if before != after:
            self._changes.append(Change(field, ", ".join(before), ", ".join(after)))


def clean(text: str) -> str:
    """The text on one line, in NFC, without what XML cannot hold."""
    return " ".join(_NOT_XML.sub("", unicodedata.normalize("NFC", text)).split())


def is_rooted(text: str, separator: str) -> bool:
    """Whether the keyword stands under the root of ours."""
    root = text.partition(separator)[0]
    return fold(root) == ROOT


def _text(item: object) -> str:
    return "".join(item.itertext()).strip()  # type: ignore[attr-defined]  # an element of lxml


def _shown(name: str, box: Box) -> str:
    return f"{name or '?'} ({', '.join(f'{edge:.3f}' for edge in box)})"

"""Who is who in a photo: what nets see of its faces, joined with what is said of them. Pure;
standard library only.

A face is said to be somebody by a person's own word, by the metadata that another program wrote, or
by the grouping of likenesses, and they are believed in this order. Whatever is said carries a box,
and belongs to the face that overlaps it: so it holds for whatever net finds the face, and for one
that no net finds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal, TypeVar

from phototag.records import Box, Face, Person, PersonInPhoto

SAME_FACE = 0.5  # IoU from which on two boxes are of one face, as is usual for detectors
# Other programs cut faces closer or wider than our detector does: a box of theirs belongs to the
# face that it overlaps best, from this IoU on.
SAME_REGION = 0.3


class WordKind(StrEnum):
    """What a person says of a face."""

    PERSON = "person"
    NOT_PERSON = "not_person"
    SMILING = "smiling"
    NOT_SMILING = "not_smiling"
    NOT_A_FACE = "not_a_face"
    FACE = "face"  # that it is one: added by hand


# What is said of a face -> what was said before and cannot stand beside it, whoever it names.
CONTRADICTED: Mapping[WordKind, frozenset[WordKind]] = {
    WordKind.PERSON: frozenset({WordKind.PERSON, WordKind.NOT_A_FACE}),
    WordKind.NOT_PERSON: frozenset(),
    WordKind.SMILING: frozenset({WordKind.SMILING, WordKind.NOT_SMILING, WordKind.NOT_A_FACE}),
    WordKind.NOT_SMILING: frozenset({WordKind.SMILING, WordKind.NOT_SMILING, WordKind.NOT_A_FACE}),
    WordKind.FACE: frozenset({WordKind.FACE, WordKind.NOT_A_FACE}),
    WordKind.NOT_A_FACE: frozenset(WordKind),
}


@dataclass(frozen=True, slots=True)
class FaceWord:
    """A person's own word about the face in `box`, a fraction of the upright photo as it is now.
    `person`: of PERSON and NOT_PERSON."""

    kind: WordKind
    box: Box
    person: Person | None = None


@dataclass(frozen=True, slots=True)
class Region:
    """A named face that another program wrote into the photo's sidecar or into the photo."""

    box: Box
    person: Person
    source: Literal["sidecar", "embedded"]


@dataclass(frozen=True, slots=True)
class Grouped:
    """The name of the group that the face in `box` belongs to. `certain`: whether the grouping is
    sure of it."""

    box: Box
    person: Person
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Mention:
    """A person named in the photo's metadata without a box."""

    person: Person
    source: Literal["sidecar", "embedded"]


@dataclass(frozen=True, slots=True)
class Said:
    """All that is said of one photo's faces beside what nets see. `words`: the oldest first."""

    words: Sequence[FaceWord] = ()
    regions: Sequence[Region] = ()
    groups: Sequence[Grouped] = ()
    mentions: Sequence[Mention] = ()


NOTHING_SAID = Said()


@dataclass(frozen=True, slots=True)
class Resolved:
    """`faces`: each with its number, its person and the word about its smile; `denied`: what nets
    took for a face, and a person says is none. A number stays with its face when another is denied."""

    faces: tuple[Face, ...]
    denied: tuple[Face, ...] = ()


@dataclass(slots=True)
class _Word:
    """What all words about one face come to."""

    box: Box
    person: Person | None = None
    not_persons: tuple[Person, ...] = ()
    smiles: bool | None = None
    is_face: bool | None = None  # False: no face; True: the person speaks of it as of a face

    def add(self, word: FaceWord) -> None:
        """A later word goes before earlier ones that contradict it."""
        match word.kind:
            case WordKind.PERSON:
                self.person, self.is_face = word.person, True
                self.not_persons = tuple(one for one in self.not_persons if one != word.person)
            case WordKind.NOT_PERSON if word.person is not None:
                self.person = None if self.person == word.person else self.person
                self.not_persons = (*(one for one in self.not_persons if one != word.person), word.person)
            case WordKind.SMILING | WordKind.NOT_SMILING:
                self.smiles, self.is_face = word.kind is WordKind.SMILING, True
            case WordKind.FACE:
                self.is_face = True
            case WordKind.NOT_A_FACE:
                self.person, self.smiles, self.is_face = None, None, False


def resolve(faces: Sequence[Face], said: Said = NOTHING_SAID) -> Resolved:
    """The faces that nets see, each with what is said of it, and those that no net sees behind them.
    `faces`: as `smiling.join_faces` gives them."""
    if not (said.words or said.regions or said.groups):
        return Resolved(tuple(faces))
    words = _gather(said.words, faces)
    found, denied = [], []
    for face, word in _pair(faces, words, SAME_FACE):
        if face is None:
            assert word is not None
            if word.is_face:
                found.append(_obey(Face(word.box, 1.0, is_added=True), word))
        elif word is None:
            found.append(face)
        elif word.is_face is False:
            denied.append(face)
        else:
            found.append(_obey(face, word))
    regions = [one for one in said.regions if not any(one.box.iou(face.box) >= SAME_FACE for face in denied)]
    for source in ("sidecar", "embedded"):
        found = _name_by_regions(found, [one for one in regions if one.source == source])
    found = _name_by_groups(found, said.groups)
    last = max((face.number for face in faces), default=0)
    numbered = []
    for face in found:
        if not face.number:
            last += 1
            face = replace(face, number=last)
        numbered.append(face)
    return Resolved(tuple(numbered), tuple(denied))


def find_persons(
    faces: Sequence[Face], can_tell_smile: Sequence[bool], mentions: Iterable[Mention] = ()
) -> list[PersonInPhoto]:
    """Who is in the photo, one row each, in the order of the faces. `faces`: resolved ones;
    `can_tell_smile`: of which of them a smile can be told."""
    found: dict[Person, PersonInPhoto] = {}
    for face, can_tell in zip(faces, can_tell_smile, strict=True):
        if face.person is None or face.person_source is None:
            continue
        smile = face.smile if can_tell else None
        before = found.get(face.person)
        if before is None:
            found[face.person] = PersonInPhoto(
                face.person, 1, smile, face.person_source, face.is_person_certain
            )
        else:
            smiles = [one for one in (smile, before.smile) if one is not None]
            found[face.person] = replace(before, faces=before.faces + 1, smile=max(smiles, default=None))
    for mention in mentions:
        found.setdefault(mention.person, PersonInPhoto(mention.person, 0, None, mention.source, True))
    return list(found.values())


def turn_box(box: Box, seen_at: int, now: int) -> Box:
    """The same part of a photo whose EXIF orientation was `seen_at` and is `now` (1 to 8, Exif 2.32
    4.6.4 A), both times as fractions of the upright photo."""
    if seen_at == now:
        return box
    corners = [(box.left, box.top), (box.right, box.bottom)]
    # back to the stored picture, then upright; turning by a quarter is undone by turning the other way
    for orientation in ({6: 8, 8: 6}.get(seen_at, seen_at), now):
        corners = [_turn(x, y, orientation) for x, y in corners]
    (x1, y1), (x2, y2) = corners
    return Box.clipped(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)) or box


def _turn(x: float, y: float, orientation: int) -> tuple[float, float]:
    """Where a point of the stored picture is in the upright one."""
    if orientation >= 5:
        x, y = y, x
    if orientation in (2, 3, 6, 7):
        x = 1 - x
    if orientation in (3, 4, 7, 8):
        y = 1 - y
    return x, y


def _gather(words: Sequence[FaceWord], faces: Sequence[Face]) -> list[_Word]:
    """The words, those about one face in one. Words with the very box of a face are about that one."""
    boxes = {face.box for face in faces}
    gathered: list[_Word] = []
    for word in words:
        near = [
            (word.box.iou(one.box), one)
            for one in gathered
            if one.box == word.box or not (one.box in boxes and word.box in boxes)
        ]
        overlap, nearest = max(near, key=_overlap, default=(0.0, None))
        if nearest is None or overlap < SAME_FACE:
            nearest = _Word(word.box)
            gathered.append(nearest)
        elif nearest.box not in boxes:
            nearest.box = word.box
        nearest.add(word)
    return gathered


def _obey(face: Face, word: _Word) -> Face:
    smile = face.smile if word.smiles is None else float(word.smiles)
    return replace(
        face,
        smile=smile,
        smile_word=word.smiles,
        person=word.person,
        person_source="word" if word.person else None,
        not_persons=word.not_persons,
        is_vouched=bool(word.is_face),
    )


def _name_by_regions(faces: list[Face], regions: Sequence[Region]) -> list[Face]:
    """Programs write one face more than once, in several forms: one person is once in a photo."""
    named = {face.person for face in faces if face.person}
    found = []
    for face, region in _pair(faces, regions, SAME_REGION):
        if region is None or region.person in named:
            found += [face] if face else []
        elif face and (face.person or region.person in face.not_persons):
            found.append(face)
        else:
            named.add(region.person)
            face = face or Face(region.box, 1.0, is_added=True)
            found.append(replace(face, person=region.person, person_source=region.source))
    return found


def _name_by_groups(faces: list[Face], groups: Sequence[Grouped]) -> list[Face]:
    """One person is once in a photo, unless somebody says otherwise."""
    named = {face.person for face in faces if face.person}
    found = []
    for face, group in _pair(faces, groups, SAME_FACE):
        if face is None:
            continue
        if group and not face.person and group.person not in named | {*face.not_persons}:
            named.add(group.person)
            face = replace(face, person=group.person, person_source="group", is_person_certain=group.certain)
        found.append(face)
    return found


T = TypeVar("T", _Word, Region, Grouped)


def _pair(faces: Sequence[Face], others: Sequence[T], least_iou: float) -> list[tuple[Face | None, T | None]]:
    """Every face with what is said of it, the best overlaps first, each once; then what belongs to
    no face. In the order of the faces."""
    overlaps = [
        (face.box.iou(other.box), i, j) for i, face in enumerate(faces) for j, other in enumerate(others)
    ]
    overlaps.sort(key=lambda one: (-one[0], one[1], one[2]))
    of_face: dict[int, int] = {}
    taken: set[int] = set()
    for iou, i, j in overlaps:
        if iou < least_iou:
            break
        if i not in of_face and j not in taken:
            of_face[i] = j
            taken.add(j)
    pairs: list[tuple[Face | None, T | None]] = [
        (face, others[of_face[i]] if i in of_face else None) for i, face in enumerate(faces)
    ]
    return pairs + [(None, other) for j, other in enumerate(others) if j not in taken]


def _overlap(pair: tuple[float, _Word]) -> float:
    return pair[0]

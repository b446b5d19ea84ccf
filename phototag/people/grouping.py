"""Groups faces into persons: greedy average linkage on the graph of near neighbours, with what is
known to be apart.

Average linkage merges two groups when the mean of all distances between their faces is small; one
chance likeness does not join two families. Two faces of one photo are two persons, and whatever a
person said holds: faces with one name are one group, faces with two names never are, and a face
that is not Anna is in no group of hers."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from phototag.people.neighbours import UNIT, find_pairs

Array = np.ndarray[Any, Any]

# Euclidean distances between embeddings of length 1. One wrong merge spoils a person's album, so they
# are strict. Chosen on half of the persons of the expressions set, checked on the other half:
# `phototag evaluate people` prints what they give.
NEAR = 0.40  # pairs further apart count as MISSING
MISSING = 1.0  # the distance of a pair that was not near
MERGE = 0.325  # mean distance up to which two groups are one person
JOIN_MARGIN = 0.035  # a new face joins a group only where the next one is this much further

# Which faces may make a group; the others only join one.
MIN_SIDE_PX = 40.0  # of a face in its photo: from fewer pixels persons are told apart less surely
MIN_SCORE = 0.95  # of the face detector, as phototag.smiling asks it
MIN_SHARPNESS = 0.25  # likewise

ALONE = -1


def is_eligible(score: float, side_px: float, sharpness: float | None) -> bool:
    """Whether a face is sure, large and sharp enough to make a group. `score`: the face detector's;
    `side_px`: the root of the area of its box; `sharpness`: None where nobody looked."""
    sharp = sharpness is None or sharpness >= MIN_SHARPNESS
    return score >= MIN_SCORE and side_px >= MIN_SIDE_PX and sharp


@dataclass(frozen=True, slots=True)
class Face:
    """A face to be grouped. `key` orders faces whatever order they come in (a content hash and a
    place); `photo` says which of them are in one photo. `name`: a person's word; `not_names`: whom
    a person said it is not. `eligible`: sure, sharp and large enough to make a group; others only
    join one."""

    key: str
    photo: object
    name: str | None = None
    not_names: frozenset[str] = frozenset()
    eligible: bool = True


@dataclass(slots=True)
class _Group:
    members: list[int]
    photos: set[object]
    name: str | None = None
    not_names: frozenset[str] = frozenset()
    # other group -> [sum of distances, number of pairs] of the near pairs between the two
    links: dict[int, list[int]] = field(default_factory=dict)


def group_faces(embeddings: Array, faces: Sequence[Face]) -> list[int]:
    """The number of each face's group, from 0 on, ALONE for a face on its own. `embeddings`: (N, D),
    row for row of `faces`. The same faces give the same groups in whatever order they come."""
    order = sorted(range(len(faces)), key=lambda index: faces[index].key)
    ordered = [faces[index] for index in order]
    vectors = np.asarray(embeddings, np.float32)[order]
    labels = _number(_Linkage(vectors, ordered).run(), ordered)
    _join_the_others(vectors, ordered, labels)
    result = [ALONE] * len(faces)
    for place, index in enumerate(order):
        result[index] = labels[place]
    return result


class _Linkage:
    """Merges groups, the nearest two first, until no two are near enough."""

    def __init__(self, vectors: Array, faces: Sequence[Face]) -> None:
        eligible = [index for index, face in enumerate(faces) if face.eligible or face.name]
        self.groups = {
            index: _Group([index], {faces[index].photo}, faces[index].name, faces[index].not_names)
            for index in eligible
        }
        # A person may look different as a child: groups of one name stay apart here and get one number
        # in the end. But together they have each photo once.
        self.photos_of: dict[str, set[object]] = {}
        for group in self.groups.values():
            if group.name:
                self.photos_of.setdefault(group.name, set()).update(group.photos)
        self.heap: list[tuple[float, int, int]] = []
        for first, second, distance in zip(
            *(column.tolist() for column in find_pairs(vectors[eligible], NEAR)), strict=True
        ):
            a, b = eligible[first], eligible[second]
            self.groups[a].links[b] = self.groups[b].links[a] = [distance, 1]
            self._propose(a, b)

    def run(self) -> list[_Group]:
        while self.heap:
            mean, a, b = heapq.heappop(self.heap)
            one, other = self.groups.get(a), self.groups.get(b)
            if one is None or other is None or b not in one.links:
                continue
            # Since it was proposed, either may have grown.
            if mean == _mean(one, other, one.links[b]) and self._may_merge(one, other):
                self._merge(a, b)
        return list(self.groups.values())

    def _propose(self, a: int, b: int) -> None:
        mean = _mean(self.groups[a], self.groups[b], self.groups[a].links[b])
        if mean <= MERGE * UNIT:
            heapq.heappush(self.heap, (mean, min(a, b), max(a, b)))

    def _may_merge(self, one: _Group, other: _Group) -> bool:
        if one.name and other.name and one.name != other.name:
            return False
        if one.name in other.not_names or other.name in one.not_names:
            return False
        if not one.photos.isdisjoint(other.photos):
            return False
        named, unnamed = (one, other) if one.name else (other, one)
        return bool(unnamed.name) or not named.name or unnamed.photos.isdisjoint(self.photos_of[named.name])

    def _merge(self, a: int, b: int) -> None:
        """Group `b` becomes part of `a`; pairs with the neighbours of both get a new mean."""
        one, other = self.groups[a], self.groups.pop(b)
        one.members += other.members
        one.photos |= other.photos
        one.name = one.name or other.name
        one.not_names |= other.not_names
        if one.name:
            self.photos_of[one.name] |= one.photos
        del one.links[b], other.links[a]
        for neighbour, link in other.links.items():
            kept = one.links.setdefault(neighbour, [0, 0])
            kept[0] += link[0]
            kept[1] += link[1]
            back = self.groups[neighbour].links
            del back[b]
            back[a] = kept
        for neighbour in one.links:
            self._propose(a, neighbour)


def _mean(one: _Group, other: _Group, link: Sequence[int]) -> float:
    """The mean distance between the faces of two groups, in millionths."""
    pairs = len(one.members) * len(other.members)
    return (link[0] + (pairs - link[1]) * MISSING * UNIT) / pairs


def _number(groups: Collection[_Group], faces: Sequence[Face]) -> list[int]:
    """The number of each face's group: the largest first; a group is two faces, or one that has a name."""
    persons: dict[str | int, list[int]] = {}
    for group in groups:
        persons.setdefault(group.name or min(group.members), []).extend(group.members)
    real = [members for person, members in persons.items() if len(members) > 1 or isinstance(person, str)]
    real.sort(key=lambda members: (-len(members), min(members)))
    labels = [ALONE] * len(faces)
    for number, members in enumerate(real):
        for member in members:
            labels[member] = number
    return labels


def _join_the_others(vectors: Array, faces: Sequence[Face], labels: list[int]) -> None:
    """Faces too small or blurred to make a group join the one they surely belong to."""
    waiting = [index for index, face in enumerate(faces) if not face.eligible and not face.name]
    members = [index for index, label in enumerate(labels) if label != ALONE]
    found = join_groups(
        vectors[waiting],
        [faces[index] for index in waiting],
        vectors[members],
        [faces[index] for index in members],
        [labels[index] for index in members],
    )
    for index, label in zip(waiting, found, strict=True):
        labels[index] = label


def join_groups(
    embeddings: Array,
    faces: Sequence[Face],
    known_embeddings: Array,
    known_faces: Sequence[Face],
    known_groups: Sequence[int],
) -> list[int]:
    """For each new face, of `embeddings` (N, D), the known group that it joins: the one whose mean
    distance is at most MERGE and JOIN_MARGIN below that of the next; ALONE where there is none, to
    wait for the next grouping. A face joins no group that has another face of its photo, or a name
    that it was said not to be."""
    if not len(faces) or not len(known_faces):
        return [ALONE] * len(faces)
    numbers = sorted(set(known_groups) - {ALONE})
    if not numbers:
        return [ALONE] * len(faces)
    place = {number: index for index, number in enumerate(numbers)}
    sums, counts = np.zeros((len(numbers), embeddings.shape[1])), np.zeros(len(numbers))
    squares = np.zeros(len(numbers))
    photos: list[set[object]] = [set() for _ in numbers]
    names: list[set[str]] = [set() for _ in numbers]
    for vector, face, number in zip(
        np.asarray(known_embeddings, np.float64), known_faces, known_groups, strict=True
    ):
        if number == ALONE:
            continue
        at = place[number]
        sums[at] += vector
        squares[at] += vector @ vector
        counts[at] += 1
        photos[at].add(face.photo)
        names[at] |= {face.name} if face.name else set()
    result = []
    # In the order of their keys: two new faces of one photo do not both join a group.
    found: dict[int, int] = {}
    new = np.asarray(embeddings, np.float64)
    for index in sorted(range(len(faces)), key=lambda i: faces[i].key):
        face, vector = faces[index], new[index]
        # The root of the mean squared distance to a group's faces needs only their sums; it is at
        # least the mean.
        means = np.sqrt(np.maximum(vector @ vector - 2 * (sums @ vector) / counts + squares / counts, 0))
        best, *others = np.argsort(means, kind="stable")[:2]
        clear = not others or means[others[0]] - means[best] >= JOIN_MARGIN
        barred = face.photo in photos[best] or names[best] & face.not_names
        if means[best] <= MERGE and clear and not barred:
            found[index] = numbers[best]
            photos[best].add(face.photo)
    result = [found.get(index, ALONE) for index in range(len(faces))]
    return result


def keep_numbers(groups: Sequence[int], before: Mapping[int, int]) -> list[int]:
    """Renumbers `groups` so that each keeps the number that most of its faces had. `before`: face
    (index) -> its number at the last grouping. New groups get new numbers, above all that were ever
    used."""
    overlaps: dict[tuple[int, int], int] = {}
    for index, group in enumerate(groups):
        if group != ALONE and before.get(index, ALONE) != ALONE:
            overlaps[group, before[index]] = overlaps.get((group, before[index]), 0) + 1
    renamed: dict[int, int] = {}
    taken: set[int] = set()
    for (group, old), _ in sorted(overlaps.items(), key=lambda item: (-item[1], item[0][1], item[0][0])):
        if group not in renamed and old not in taken:
            renamed[group] = old
            taken.add(old)
    following = max(before.values(), default=ALONE) + 1
    for group in sorted(set(groups) - {ALONE} - renamed.keys()):
        renamed[group] = following
        following += 1
    return [renamed.get(group, ALONE) for group in groups]

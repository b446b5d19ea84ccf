"""Groups faces into persons: average linkage, with what is known to be apart.

Two groups become one where the mean of the squared distances between their faces is small; one chance
likeness does not join two families. Two faces of one photo are two persons, and whatever a person said
holds: faces with one name are one group, faces with two names never are, and a face that is not Anna is
in no group of hers.

The mean squared distance of two groups follows from the means of their embeddings, so that no table of
distances is kept. In each round all pairs of groups that are each other's nearest become one. As merging
never brings a group nearer to a third one than both its parts were, and whom a part must not join the
whole must not either, that gives the same groups as merging the nearest pair of all, one by one (Bruynooghe
1977; Murtagh 1983)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Progress = Callable[[int, int], None]  # groups looked at, of how many

# Roots of mean squared Euclidean distances between embeddings of length 1. One wrong merge spoils a
# person's album, so they are strict. Chosen on half of the persons of the expressions set, checked on
# the other half: `phototag evaluate people` prints what they give.
MERGE = 0.335  # up to which two groups are one person
SUGGEST = 0.37  # up to which two groups may be one person, for somebody to look at
# Of a group's photos: two groups that share no more are one person, of whom a mirror, a picture on the wall
# or a collage shows a second face. That one stays out; else a single such photo would part all others.
MOST_SHARED = 0.1
JOIN_MARGIN = 0.035  # a new face joins a group only where the next one is this much further

ROWS = 512  # groups at a time: beside 50,000 others a block of distances takes 100 MB

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
    photos: dict[object, int]  # photo -> the member in it
    total: Array  # the sum of the embeddings
    squares: float  # the sum of their squared lengths
    name: str | None = None
    not_names: frozenset[str] = frozenset()


def group_faces(
    embeddings: Array, faces: Sequence[Face], *, merge: float = MERGE, on_progress: Progress | None = None
) -> list[int]:
    """The number of each face's group, from 0 on, ALONE for a face on its own. `embeddings`: (N, D),
    row for row of `faces`. The same faces give the same groups in whatever order they come."""
    order = sorted(range(len(faces)), key=lambda index: faces[index].key)
    ordered = [faces[index] for index in order]
    vectors = np.asarray(embeddings, np.float32)[order]
    labels = _number(_Linkage(vectors, ordered, merge).run(on_progress), ordered)
    _join_the_others(vectors, ordered, labels)
    result = [ALONE] * len(faces)
    for place, index in enumerate(order):
        result[index] = labels[place]
    return result


class _Linkage:
    """Merges groups that are each other's nearest, until no two are near enough."""

    def __init__(self, vectors: Array, faces: Sequence[Face], merge: float) -> None:
        self.merge, self.vectors = merge, vectors
        self.groups: list[_Group] = []
        self.done: list[_Group] = []  # nobody is near them
        # A person may look different as a child: groups of one name stay apart here and get one number
        # in the end. But together they have each photo once.
        self.photos_of: dict[str, set[object]] = {}
        for index, face in enumerate(faces):
            if not (face.eligible or face.name):
                continue
            total = vectors[index].astype(np.float64)
            photos = {face.photo: index}
            self.groups.append(
                _Group([index], photos, total, float(total @ total), face.name, face.not_names)
            )
            if face.name:
                self.photos_of.setdefault(face.name, set()).add(face.photo)

    def run(self, on_progress: Progress | None = None) -> list[_Group]:
        while self.groups:
            nearest = self._find_nearest(on_progress)
            absorbed = set()
            for _, place, other in _mutual_pairs(nearest):
                # photos of a name may have grown by a merge before
                if self._may_merge(self.groups[place], self.groups[other]):
                    self._merge(self.groups[place], self.groups[other])
                    absorbed.add(other)
            # Who has nobody near now never will.
            self.done += [group for group, found in zip(self.groups, nearest, strict=True) if found is None]
            self.groups = [
                group
                for place, group in enumerate(self.groups)
                if nearest[place] is not None and place not in absorbed
            ]
        return self.done

    def _find_nearest(self, on_progress: Progress | None) -> list[tuple[float, int] | None]:
        """For each group the mean squared distance and the place of the nearest that it may join; None
        where none is near enough. Of equally near ones the first."""
        counts = np.array([len(group.members) for group in self.groups])
        means = np.stack([group.total for group in self.groups]) / counts[:, None]
        squares = np.array([group.squares for group in self.groups]) / counts
        centres, lengths = means.astype(np.float32), squares.astype(np.float32)  # (G, D), (G,)
        found: list[tuple[float, int] | None] = []
        for start in range(0, len(centres), ROWS):
            if on_progress:
                on_progress(start, len(centres))
            block = centres[start : start + ROWS] @ centres.T  # (rows, G)
            block *= -2
            block += lengths
            block += lengths[start : start + ROWS, None]
            for row, distances in enumerate(block):
                found.append(self._nearest_allowed(start + row, distances))
        return found

    def _nearest_allowed(self, place: int, distances: Array) -> tuple[float, int] | None:
        distances[place] = np.inf
        group = self.groups[place]
        while True:
            other = int(distances.argmin())
            distance = float(distances[other])
            if distance > self.merge**2:
                return None
            if self._may_merge(group, self.groups[other]):
                return distance, other
            distances[other] = np.inf

    def _may_merge(self, one: _Group, other: _Group) -> bool:
        if one.name and other.name and one.name != other.name:
            return False
        if one.name in other.not_names or other.name in one.not_names:
            return False
        kept, giving = _in_order_of_rank(one, other)
        photos = self._photos_of(kept)
        if giving.photos.keys().isdisjoint(photos):
            return True
        most = MOST_SHARED * len(giving.members)
        return not giving.name and most >= 1 and len(giving.photos.keys() & photos) <= most

    def _photos_of(self, group: _Group) -> AbstractSet[object]:
        """Those in which the group's person is known to be."""
        return self.photos_of[group.name] if group.name else group.photos.keys()

    def _merge(self, one: _Group, other: _Group) -> None:
        """`other` becomes part of `one`, without faces of photos in which the person is already."""
        kept, giving = _in_order_of_rank(one, other)
        for photo in giving.photos.keys() & self._photos_of(kept):
            self._put_out(giving, photo)
        one.members += other.members
        one.photos |= other.photos
        one.total = one.total + other.total
        one.squares += other.squares
        one.name = one.name or other.name
        one.not_names |= other.not_names
        if one.name:
            self.photos_of[one.name] |= one.photos.keys()

    def _put_out(self, group: _Group, photo: object) -> None:
        """The face of this photo leaves the group, and is on its own."""
        index = group.photos.pop(photo)
        vector = self.vectors[index].astype(np.float64)
        group.members.remove(index)
        group.total = group.total - vector
        group.squares -= float(vector @ vector)
        self.done.append(_Group([index], {photo: index}, vector, float(vector @ vector)))


def _in_order_of_rank(one: _Group, other: _Group) -> tuple[_Group, _Group]:
    """The one whose faces stay where both are in a photo: that which has a name, then the larger."""
    if bool(one.name) != bool(other.name):
        return (one, other) if one.name else (other, one)
    return (one, other) if len(one.members) >= len(other.members) else (other, one)


def _mutual_pairs(nearest: Sequence[tuple[float, int] | None]) -> list[tuple[float, int, int]]:
    """(distance, one, other) of all that are each other's nearest, the nearest first. At least one where
    anybody has a nearest: the last digit of a distance may depend on the side it was measured from."""
    pairs = sorted(
        (found[0], min(place, found[1]), max(place, found[1]))
        for place, found in enumerate(nearest)
        if found is not None
    )
    chosen = Counter((one, other) for _, one, other in pairs)
    mutual = {(one, other): distance for distance, one, other in pairs if chosen[one, other] == 2}
    return [(distance, *pair) for pair, distance in mutual.items()] or pairs[:1]


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
        best = int(means.argmin())
        next_best = np.delete(means, best).min(initial=np.inf)
        clear = next_best - means[best] >= JOIN_MARGIN
        barred = face.photo in photos[best] or names[best] & face.not_names
        if means[best] <= MERGE and clear and not barred:
            found[index] = numbers[best]
            photos[best].add(face.photo)
    result = [found.get(index, ALONE) for index in range(len(faces))]
    return result


def keep_numbers(groups: Sequence[int], before: Mapping[int, int], used: int = ALONE) -> list[int]:
    """Renumbers `groups` so that each keeps the number that most of its faces had. `before`: face
    (index) -> its number at the last grouping. New groups get new numbers, above all that were ever
    used, of which `used` is the last."""
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
    following = max(used, *before.values(), ALONE) + 1
    for group in sorted(set(groups) - {ALONE} - renamed.keys()):
        renamed[group] = following
        following += 1
    return [renamed.get(group, ALONE) for group in groups]

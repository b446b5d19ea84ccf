import itertools
from collections import Counter
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from phototag.people import grouping
from phototag.people.grouping import (
    ALONE,
    JOIN_MARGIN,
    MERGE,
    Face,
    group_faces,
    join_groups,
    keep_numbers,
)


def persons(*counts, spread=0.15, size=16, seed=0):
    """Faces of so many persons: points around centres that lie well apart."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(len(counts), size))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    rows = [
        centre + random.normal(scale=spread / size**0.5, size=(n, size))
        for centre, n in zip(centres, counts, strict=True)
    ]
    return np.concatenate(rows).astype(np.float32)


def faces(number, **changes):
    return [Face(f"{index:04}", index, **changes) for index in range(number)]


def together(groups):
    """The sets of faces that are one group, whatever their numbers."""
    numbers = set(groups) - {ALONE}
    return {frozenset(i for i, g in enumerate(groups) if g == number) for number in numbers}


def brute_force(embeddings, given):
    """Average linkage as in the textbook, over all squared distances, for photos without names."""
    distances = ((embeddings[:, None].astype(np.float64) - embeddings[None]) ** 2).sum(2)
    groups = [{index} for index in range(len(embeddings))]
    while True:
        best = min(
            (
                (distances[np.ix_(sorted(a), sorted(b))].mean(), min(a), min(b), a, b)
                for a, b in itertools.combinations(groups, 2)
                if not {given[i].photo for i in a} & {given[i].photo for i in b}
            ),
            default=None,
            key=lambda found: found[:3],
        )
        if best is None or best[0] > MERGE**2:
            return {frozenset(group) for group in groups if len(group) > 1}
        groups = [group for group in groups if group not in best[3:]] + [best[3] | best[4]]


def test_persons_are_found():
    embeddings = persons(5, 3, 2, 1)
    assert together(group_faces(embeddings, faces(11))) == {
        frozenset(range(5)),
        frozenset(range(5, 8)),
        frozenset(range(8, 10)),
    }


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 24), st.integers(1, 4))
def test_as_the_textbook_says(seed, number, in_a_photo):
    random = np.random.default_rng(seed)
    embeddings = random.normal(scale=0.2, size=(number, 4)).astype(np.float32)
    given_faces = [replace(face, photo=index // in_a_photo) for index, face in enumerate(faces(number))]
    assert together(group_faces(embeddings, given_faces)) == brute_force(embeddings, given_faces)


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_does_not_matter(random):
    embeddings = persons(6, 5, 4, 1, 1, spread=0.25)
    known = [
        replace(face, name={0: "Anna", 7: "Ben"}.get(index), eligible=index % 5 > 0)
        for index, face in enumerate(faces(17))
    ]
    shuffled = list(range(17))
    random.shuffle(shuffled)
    found = group_faces(embeddings[shuffled], [known[index] for index in shuffled])
    back = [found[shuffled.index(index)] for index in range(17)]
    assert back == group_faces(embeddings, known)


def test_two_faces_of_one_photo_are_two_persons():
    embeddings = persons(4)
    known = faces(4)
    known[1] = replace(known[1], photo=0)
    found = group_faces(embeddings, known)
    assert found[0] != found[1] and ALONE not in found[2:]


def test_what_a_person_said_holds():
    embeddings = persons(4, 4)
    known = faces(8)
    apart = [replace(face, name={0: "Anna", 1: "Ben"}.get(index)) for index, face in enumerate(known)]
    found = group_faces(embeddings, apart)
    assert found[0] != found[1], "alike as they are, they have two names"
    one = [replace(face, name="Anna" if index in (0, 4) else None) for index, face in enumerate(known)]
    assert len(set(group_faces(embeddings, one))) == 1, "one name makes one person of two groups"
    barred = [replace(face, name="Anna" if index == 0 else None) for index, face in enumerate(known)]
    barred[3] = replace(barred[3], not_names=frozenset({"Anna"}))
    found = group_faces(embeddings, barred)
    assert found[3] != found[0]


def test_small_and_blurred_faces_join_but_make_no_groups():
    embeddings = persons(4, 3)
    known = [replace(face, eligible=index not in (3, 4, 5, 6)) for index, face in enumerate(faces(7))]
    found = group_faces(embeddings, known)
    assert found[3] == found[0] and found[4:] == [ALONE] * 3


def test_a_named_face_is_a_group_on_its_own():
    assert group_faces(persons(1, 1), [Face("a", 1, name="Anna"), Face("b", 2)]) == [0, ALONE]


def test_a_new_face_waits_where_two_groups_are_as_near():
    known = np.array([[0.0, 0], [0.01, 0], [0.3, 0], [0.31, 0]])
    new = np.array([[0.02, 0], [0.155 + JOIN_MARGIN / 4, 0]])
    found = join_groups(new, [Face("x", 10), Face("y", 11)], known, faces(4), [3, 3, 8, 8])
    assert found == [3, ALONE]


def test_of_two_new_faces_of_a_photo_one_joins():
    known = np.array([[0.0, 0], [0.01, 0]])
    new = np.array([[0.02, 0], [0.03, 0]])
    assert join_groups(new, [Face("x", 9), Face("y", 9)], known, faces(2), [0, 0]) == [0, ALONE]
    assert join_groups(new[:1], [Face("x", 1)], known, faces(2), [0, 0]) == [ALONE]
    assert join_groups(new, faces(2), known[:0], [], []) == [ALONE, ALONE]


def test_groups_keep_their_numbers():
    assert keep_numbers([0, 0, 0, 1, 1, ALONE], {0: 7, 1: 7, 3: 2, 4: 2}) == [7, 7, 7, 2, 2, ALONE]
    assert keep_numbers([0, 0, 1, 1], {0: 5, 1: 5, 2: 5, 3: 5}) == [5, 5, 6, 6], (
        "of a group that fell apart, one keeps it"
    )
    assert keep_numbers([0, 1], {}) == [0, 1]


def test_equal_faces_are_one_group_over_blocks(monkeypatch):
    monkeypatch.setattr(grouping, "ROWS", 3)
    embeddings = np.repeat(persons(1, 1, 1), 5, axis=0)
    assert group_faces(embeddings, faces(15)) == [0] * 5 + [1] * 5 + [2] * 5


def test_progress_is_told():
    told = []
    group_faces(persons(3, 3), faces(6), on_progress=lambda done, total: told.append((done, total)))
    assert told[0] == (0, 6) and all(done <= total for done, total in told)


def test_groups_of_one_name_have_each_photo_once():
    """Anna as a child and as a woman are two groups of one name; a photo of the child beside her
    sister is one too."""
    embeddings = persons(3, 3)
    known = [replace(face, name="Anna" if index in (0, 3) else None) for index, face in enumerate(faces(6))]
    known[5] = replace(known[5], photo=known[1].photo)
    found = group_faces(embeddings, known)
    assert found[0] == found[3] and (found[1] == found[0]) != (found[5] == found[0])


def test_one_mirror_does_not_part_a_person():
    """Two kinds of light make forty faces of one person two crowds; she is twice in one photo, once in each:
    one of the two stays out."""
    random = np.random.default_rng(3)
    embeddings = random.normal(scale=0.01, size=(40, 8))
    embeddings[20:, 0] += 0.25
    known = faces(40)
    known[39] = replace(known[39], photo=known[0].photo)
    found = group_faces(embeddings, known)
    assert sorted(Counter(found).items()) == [(ALONE, 1), (0, 39)]
    assert ALONE in (found[0], found[39])
    named = [replace(face, name="Anna" if index in (0, 39) else None) for index, face in enumerate(known)]
    assert group_faces(embeddings, named) == [0] * 40, "unless both have her name"


def test_who_is_often_beside_a_double_is_somebody_else():
    random = np.random.default_rng(3)
    embeddings = random.normal(scale=0.01, size=(40, 8))
    embeddings[20:, 0] += 0.25
    twins = [
        replace(face, photo=index % 20 if index % 20 < 4 else index) for index, face in enumerate(faces(40))
    ]
    assert group_faces(embeddings, twins) == [0] * 20 + [1] * 20

"""How well faces are grouped, where it is known who is who."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from phototag.people.grouping import ALONE

Array = np.ndarray[Any, Any]

ROWS = 512  # of the matrix of all distances at a time


@dataclass(frozen=True, slots=True)
class Agreement:
    """Groups beside the truth, 0 to 1. Of all pairs of faces in one group `pair_precision` are of one
    person; of all pairs of one person `pair_recall` are in one group. `b_cubed_f`: the same face by face
    (Bagga and Baldwin 1998): the harmonic mean of the mean share of a face's group that is its person,
    and of the mean share of its person that is in its group. None where there is no pair to ask about."""

    pair_precision: float | None
    pair_recall: float | None
    b_cubed_f: float


def measure_groups(groups: Sequence[int], persons: Sequence[str]) -> Agreement:
    """`groups`: of each face its group, ALONE for one on its own; `persons`: whose face it is."""
    # each lonely face is a group of its own
    named = [group if group != ALONE else -2 - index for index, group in enumerate(groups)]
    in_group, of_person = Counter(named), Counter(persons)
    both = Counter(zip(named, persons, strict=True))
    right, grouped, true = (_pairs(counts.values()) for counts in (both, in_group, of_person))
    precision = sum(n * n / in_group[group] for (group, _), n in both.items()) / len(persons)
    recall = sum(n * n / of_person[person] for (_, person), n in both.items()) / len(persons)
    return Agreement(
        right / grouped if grouped else None,
        right / true if true else None,
        2 * precision * recall / (precision + recall),
    )


def true_accept_rate(embeddings: Array, persons: Sequence[str], false_accept_rate: float) -> float | None:
    """The share of pairs of one person (TAR) that lie nearer than the distance within which this share of
    pairs of two persons (FAR) lies. `embeddings`: (N, D). None where one of the two kinds is missing."""
    vectors = np.asarray(embeddings, np.float32)
    who = np.unique(np.asarray(list(persons)), return_inverse=True)[1]
    same, different = [], []
    for start in range(0, len(vectors), ROWS):
        rows = slice(start, start + ROWS)
        products = vectors[rows] @ vectors.T  # (rows, N); length 1, so that more is nearer
        later = np.arange(len(vectors))[None, :] > np.arange(start, start + len(products))[:, None]
        is_same = who[rows, None] == who[None, :]
        same.append(products[later & is_same])
        different.append(products[later & ~is_same])
    right, wrong = np.concatenate(same or [np.empty(0)]), np.concatenate(different or [np.empty(0)])
    if not len(right) or not len(wrong):
        return None
    allowed = int(false_accept_rate * len(wrong))
    at = np.partition(wrong, len(wrong) - 1 - allowed)[len(wrong) - 1 - allowed]
    return float((right > at).mean())


def _pairs(counts: Iterable[int]) -> int:
    return sum(n * (n - 1) // 2 for n in counts)

"""How groups are held against the truth, by hand."""

import numpy as np
import pytest

from phototag.people.grouping import ALONE
from phototag.people.measure import measure_groups, true_accept_rate


def test_all_right_and_nothing_grouped():
    assert measure_groups([0, 0, 1, ALONE], ["a", "a", "b", "c"]) == measure_groups([5, 5, ALONE, 9], "aabc")
    found = measure_groups([0, 0, 1, 1], "aabb")
    assert (found.pair_precision, found.pair_recall, found.b_cubed_f) == (1, 1, 1)
    nothing = measure_groups([ALONE, ALONE], "ab")
    assert (nothing.pair_precision, nothing.pair_recall, nothing.b_cubed_f) == (None, None, 1)


def test_one_wrong_face():
    """Three of a and one of b in one group: 3 of 6 pairs are right, and all of a's are there."""
    found = measure_groups([0, 0, 0, 0], "aaab")
    assert (found.pair_precision, found.pair_recall) == (0.5, 1)
    precision, recall = (3 * 3 / 4 + 1 / 4) / 4, 1
    assert found.b_cubed_f == pytest.approx(2 * precision * recall / (precision + recall))


def test_an_undetected_face_costs_recall():
    assert measure_groups([0, 0, ALONE], "aaa").pair_recall == pytest.approx(1 / 3)


def test_true_accept_rate_of_all_pairs():
    vectors = np.random.default_rng(0).normal(size=(700, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    persons = [str(index // 7) for index in range(700)]
    first, second = np.triu_indices(700, 1)
    products = np.einsum("nd,nd->n", vectors[first], vectors[second])
    same = np.array([persons[i] == persons[j] for i, j in zip(first, second, strict=True)])
    wrong = np.sort(products[~same])[::-1]
    expected = (products[same] > wrong[int(0.01 * len(wrong))]).mean()
    assert true_accept_rate(vectors, persons, 0.01) == pytest.approx(expected, abs=1e-3)
    assert true_accept_rate(vectors[:2], "ab", 0.01) is None

"""Words, not boxes: of the photos that are called `dog`, how many show one, and of those that show
one, how many are called so?

Owns that measure and the thresholds chosen by it. Photos without the thing count as well as those
with it: a word is wrong as easily there. Boxes that the annotators call difficult, or crowds, make
the word right, but nobody need find them. Must not know the training loop nor which detector it
measures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from phototag.nets.detector.data import Photos
from phototag.query.vocabulary import canonical

Scores = list[dict[str, float]]  # of each photo: label -> its best score
WATCHED = (
    "cat",
    "dog",
    "horse",
    "sheep",
    "cow",
    "person",
    "car",
    "bicycle",
)  # what libraries are asked about most


@dataclass(frozen=True)
class Called:
    """Of the photos called so (`called`), `right` show one; of those that show one (`shown`),
    `found` are called so."""

    called: int
    right: int
    shown: int
    found: int

    @property
    def precision(self) -> float | None:
        return self.right / self.called if self.called else None

    @property
    def recall(self) -> float | None:
        return self.found / self.shown if self.shown else None

    def __add__(self, other: Called) -> Called:
        return Called(
            self.called + other.called,
            self.right + other.right,
            self.shown + other.shown,
            self.found + other.found,
        )


NONE = Called(0, 0, 0, 0)


def measure(
    scores: Scores, photos: Photos, thresholds: Mapping[str, float], default: float
) -> dict[str, Called]:
    """Label of the photos -> what its word is worth when said from its threshold on, `default`
    where it has none."""
    return {
        canonical(name): _called(*_column(scores, photos, name), thresholds.get(canonical(name), default))
        for name in photos.names
    }


def as_dict(measured: Mapping[str, Called]) -> dict[str, object]:
    """For JSON: each label, all of them pooled, and the watched ones pooled."""
    rows: dict[str, object] = {name: _row(called) for name, called in measured.items() if called != NONE}
    watched = [measured[name] for name in WATCHED if name in measured]
    return {
        "per_class": rows,
        "pooled": _row(sum(measured.values(), NONE)),
        "watched": {"labels": [name for name in WATCHED if name in measured], **_row(sum(watched, NONE))},
    }


def _row(called: Called) -> dict[str, object]:
    return {
        "called": called.called,
        "right": called.right,
        "precision": called.precision,
        "shown": called.shown,
        "found": called.found,
        "recall": called.recall,
    }


def _column(scores: Scores, photos: Photos, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """-> of each photo: the label's best score (N,), whether it shows one (N,), whether one that is
    to be found (N,)."""
    number = photos.names.index(name) + 1
    here = [photo.labels == number for photo in photos.photos]
    return (
        np.array([each.get(canonical(name), 0.0) for each in scores]),
        np.array([bool(mine.any()) for mine in here]),
        np.array(
            [bool((mine & ~photo.crowds).any()) for mine, photo in zip(here, photos.photos, strict=True)]
        ),
    )


def _called(said: np.ndarray, there: np.ndarray, wanted: np.ndarray, threshold: float) -> Called:
    called = said >= threshold
    return Called(
        int(called.sum()), int((called & there).sum()), int(wanted.sum()), int((called & wanted).sum())
    )


def choose(
    scores: Scores,
    photos: Photos,
    labels: Sequence[str],
    precision: float = 0.95,
    lowest: float = 0.3,
    weight: float = 10.0,
) -> dict[str, float]:
    """For each of the detector's `labels` the lowest score from which on at least `precision` of
    the photos called so show one, as far as that can be told: to the photos called so are added
    `weight` more that are right as often as those of all labels together, so that five lucky photos
    decide nothing. A label that no photo was looked through for gets the pooled threshold."""
    steps = np.round(np.arange(lowest, 0.96, 0.01), 2)
    columns = {canonical(name): _column(scores, photos, name)[:2] for name in photos.names}

    def counts(said: np.ndarray, there: np.ndarray) -> np.ndarray:
        return np.array([[(called := said >= step).sum(), (called & there).sum()] for step in steps], float)

    mine = {name: counts(*column) for name, column in columns.items()}
    pooled = sum(mine.values())  # (steps, 2): called so, right
    usual = (pooled[:, 1] + weight * precision) / (
        pooled[:, 0] + weight
    )  # where nothing is called, nothing is known
    return {
        label: _lowest(steps, mine.get(canonical(label), np.zeros_like(pooled)), usual, precision, weight)
        for label in labels
    }


def _lowest(steps: np.ndarray, mine: np.ndarray, usual: np.ndarray, precision: float, weight: float) -> float:
    """The first step from which on the estimate never falls below `precision` again, or the last."""
    estimate = (mine[:, 1] + weight * usual) / (mine[:, 0] + weight)
    short = np.flatnonzero(estimate < precision)
    first = 0 if not len(short) else int(short[-1]) + 1
    return float(steps[min(first, len(steps) - 1)])

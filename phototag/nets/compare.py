"""Weights beside those that they are to replace: both measured on the same labelled pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from phototag.errors import PhototagError
from phototag.nets.detector import evaluate as detector_measures
from phototag.nets.detector.data import Photos
from phototag.nets.detector.predict import Detector
from phototag.nets.smilenet import checkpoint
from phototag.nets.smilenet import evaluate as smile_measures
from phototag.nets.smilenet.data import FaceSet
from phototag.nets.smilenet.net import fuse
from phototag.query.vocabulary import canonical

# By so much a figure may be lower without being worse: one face or box in a thousand is chance.
TOLERANCE = 0.001


@dataclass(frozen=True)
class Figure:
    """One measure of both; higher is better."""

    name: str
    new: float
    old: float

    @property
    def worse(self) -> bool:
        return self.new < self.old - TOLERANCE


@dataclass(frozen=True)
class Comparison:
    """`count` labelled faces or photos, and the measures on them."""

    count: int
    figures: tuple[Figure, ...]

    @property
    def worse(self) -> list[Figure]:
        return [figure for figure in self.figures if figure.worse]


def compare_smilenets(new: Path, old: Path, read: Callable[[int], FaceSet]) -> Comparison:
    """SmileNet weights on labelled faces: smiles told right at each one's own threshold, their AUC,
    and emotions told right. `read`: side in pixels -> the faces. Raises WeightsError, PhototagError."""
    both = []
    for file in (new, old):
        net, calibration = checkpoint.load(file)
        faces = read(calibration.size)
        answers = smile_measures.predict(fuse(net), faces.images, calibration.size)
        both.append(smile_measures.measure(answers, faces, calibration))
    new_one, old_one = both
    if new_one["smile_auc"] is None:
        raise PhototagError("to compare, the labelled faces must be of both kinds: some that smile, some not")
    figures = [
        Figure("smiles told right", new_one["smile_accuracy"], old_one["smile_accuracy"]),
        Figure("smile AUC", new_one["smile_auc"], old_one["smile_auc"]),
    ]
    if new_one["accuracy"] is not None:
        figures.append(Figure("emotions told right", new_one["accuracy"], old_one["accuracy"]))
    return Comparison(new_one["n"], tuple(figures))


def compare_detectors(new: Detector, old: Detector, photos: Photos) -> Comparison:
    """Detectors on photos with boxes: the AP50 of every label of the photos that the old one knows;
    where the new one does not know it, 0. Both should find things far below any threshold."""
    measured = []
    for detector in (new, old):
        found, _ = detector_measures.predict(detector, photos)
        measured.append(detector_measures.measure(found, photos, [name for name in detector.names if name]))
    new_one, old_one = measured
    mine = {canonical(name): row["AP50"] for name, row in new_one["per_class"].items()}
    figures = [
        Figure(f"AP50 {name}", mine.get(canonical(name), 0.0), row["AP50"])
        for name, row in old_one["per_class"].items()
    ]
    mean = Figure(
        "mean AP50",
        sum(figure.new for figure in figures) / len(figures),
        sum(figure.old for figure in figures) / len(figures),
    )
    return Comparison(len(photos), (mean, *figures))

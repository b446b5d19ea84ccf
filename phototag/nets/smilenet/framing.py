"""How faces must be cut from photos so that they look like the faces SmileNet was trained on: what
MARGIN, SHIFT and the turning by the eyes in phototag.nets.smilenet.crop come from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from phototag.nets.mtcnn.detect import FaceDetector
from phototag.nets.smilenet.checkpoint import Calibration
from phototag.nets.smilenet.crop import cut_face
from phototag.nets.smilenet.data import FaceSet
from phototag.nets.smilenet.evaluate import measure as measure_answers
from phototag.nets.smilenet.evaluate import predict
from phototag.nets.smilenet.net import SmileNet
from phototag.records import Box
from phototag.smiling import MIN_SCORE

# pixels: a face as large as in a portrait, with room for a box larger than the dataset's crop
FACE, CANVAS = 160, 256
MARGINS = (0.95, 1.0, 1.07, 1.15, 1.25)
PHOTOS_AT_ONCE = 64

Quartiles = tuple[float, float, float]


@dataclass(frozen=True)
class Cut:
    """How well SmileNet reads faces cut in one way."""

    cut: str
    accuracy: float
    smile_accuracy: float
    smile_auc: float | None


@dataclass(frozen=True)
class Framing:
    """Of `faces` staged faces `found` were found again. `side`: the dataset's side over the box's;
    `shift`: how far its middle lies below the box's, in sides; both as quartiles."""

    faces: int
    found: int
    side: Quartiles
    shift: Quartiles
    cuts: list[Cut]


def stage(face: np.ndarray) -> np.ndarray:
    """(S, S) uint8 grey -> (CANVAS, CANVAS, 3): the face in the middle, its border pixels repeated
    around it."""
    large = np.asarray(Image.fromarray(face).resize((FACE, FACE), Image.Resampling.BICUBIC))
    edge = (CANVAS - FACE) // 2
    return np.repeat(np.pad(large, edge, mode="edge")[:, :, None], 3, axis=2)


def find(faces: torch.Tensor) -> list[tuple[Box, tuple[tuple[float, float], ...]] | None]:
    """(N, S, S) uint8 -> box and landmarks of the surest face in each staged picture; None where
    there is none."""
    detector, found = FaceDetector("cpu"), []
    for part in faces.split(PHOTOS_AT_ONCE):
        for answer in detector.detect([stage(face) for face in part.numpy()], FACE / 3):
            sure = len(answer.scores) and float(answer.scores[0]) >= MIN_SCORE
            box = Box.clipped(*(answer.boxes[0] / CANVAS).tolist()) if sure else None
            points = tuple((x, y) for x, y in (answer.points[0] / CANVAS).tolist()) if box else ()
            found.append((box, points) if box else None)
    return found


def measure(net: SmileNet, calibration: Calibration, faces: FaceSet) -> Framing:
    """Stage the faces, find them again, cut them with every margin and ask the net of each cut."""
    answers = find(faces.images)
    seen = faces.subset(torch.tensor([answer is not None for answer in answers]))
    boxes = [answer for answer in answers if answer is not None]
    sides = np.array([(box.width + box.height) / 2 for box, _ in boxes])
    middles = np.array([(box.top + box.bottom) / 2 for box, _ in boxes])

    def ask(name: str, crops: torch.Tensor) -> Cut:
        found = measure_answers(predict(net, crops, calibration.size), seen, calibration)
        return Cut(name, found["accuracy"], found["smile_accuracy"], found["smile_auc"])

    cuts = [ask("as in the dataset", seen.images)]
    for turned in (True, False):
        for margin in MARGINS:
            crops = [
                cut_face(stage(face), box, points if turned else (), calibration.size, margin)
                for face, (box, points) in zip(seen.images.numpy(), boxes, strict=True)
            ]
            name = f"margin {margin:.2f}" + (", turned" if turned else "")
            cuts.append(ask(name, torch.from_numpy(np.stack(crops))))
    return Framing(
        len(faces),
        len(boxes),
        _quartiles(FACE / CANVAS / sides),
        _quartiles((0.5 - middles) / (FACE / CANVAS)),
        cuts,
    )


def _quartiles(values: np.ndarray) -> Quartiles:
    low, middle, high = np.percentile(values, (25, 50, 75)).tolist()
    return low, middle, high

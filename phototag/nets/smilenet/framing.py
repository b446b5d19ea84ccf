"""How faces must be cut from photos so that they look like the faces SmileNet was trained on: what
MARGIN, SHIFT and the turning by the eyes in phototag.nets.smilenet.net come from.

    python -m phototag.nets.smilenet.framing ferplus_valid.npz expressions.csv

Dataset faces are put into a wider canvas, as if they were photos, and found again by our own face
detector. Printed are where their borders lie relative to the detector's boxes, and, for several
margins, with and without turning, how well SmileNet reads what is cut out, beside the dataset's own
framing. Of labelled files only the held-out persons are looked at."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from phototag.nets.mtcnn.detect import FaceDetector
from phototag.nets.smilenet import checkpoint, crop, data, evaluate, net
from phototag.records import Box
from phototag.smiling import MIN_SCORE

# pixels: a face as large as in a portrait, with room for a box larger than the dataset's crop
FACE, CANVAS = 160, 256
MARGINS = (0.95, 1.0, 1.07, 1.15, 1.25)
PHOTOS_AT_ONCE = 64


def staged(face: np.ndarray) -> np.ndarray:
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
        for answer in detector.detect([staged(face) for face in part.numpy()], FACE / 3):
            box = Box.clipped(*(answer.boxes[0] / CANVAS).tolist()) if len(answer.scores) else None
            sure = box is not None and float(answer.scores[0]) >= MIN_SCORE
            found.append((box, tuple(map(tuple, (answer.points[0] / CANVAS).tolist()))) if sure else None)
    return found


def main(*sources: str) -> None:
    smilenet, calibration = checkpoint.load(Path(__file__).parents[2] / "weights" / "smilenet.safetensors")
    net.fuse(smilenet)
    for source in map(Path, sources):
        faces = data.read_faces(source, calibration.size)
        if source.suffix != ".npz":
            faces = data.split_persons(faces)[1]
        found = find(faces.images)
        seen = torch.tensor([one is not None for one in found])
        faces, boxes = faces.subset(seen), [one for one in found if one is not None]
        sides = np.array([(box.width + box.height) / 2 for box, _ in boxes])
        middles = np.array([(box.top + box.bottom) / 2 for box, _ in boxes])
        margin, shift = FACE / CANVAS / sides, (0.5 - middles) / (FACE / CANVAS)
        print(f"{source.name}: found again {len(boxes)} of {len(seen)} faces")
        print(
            f"  the dataset's side / the box's: median {np.median(margin):.2f} (quartiles {_quartiles(margin)})"
        )
        print(
            f"  the dataset's middle below the box's, in sides: median {np.median(shift):+.2f} (quartiles {_quartiles(shift)})"
        )
        print("  cut                 emotion  smile accuracy  smile AUC")
        _row("as in the dataset", smilenet, faces, faces.images, calibration)
        for turned in (True, False):
            for side in MARGINS:
                crops = [
                    crop.cut_face(staged(face), box, points if turned else (), calibration.size, side)
                    for face, (box, points) in zip(faces.images.numpy(), boxes, strict=True)
                ]
                name = f"margin {side:.2f}" + (", turned" if turned else "")
                _row(name, smilenet, faces, torch.from_numpy(np.stack(crops)), calibration)


def _quartiles(values: np.ndarray) -> str:
    return "{:.2f} to {:.2f}".format(*np.percentile(values, (25, 75)))


def _row(
    name: str,
    smilenet: net.SmileNet,
    faces: data.FaceSet,
    crops: torch.Tensor,
    calibration: checkpoint.Calibration,
) -> None:
    told = evaluate.measure(evaluate.predict(smilenet, crops, calibration.size), faces, calibration)
    print(f"  {name:18} {told['accuracy']:8.3f} {told['smile_accuracy']:15.3f} {told['smile_auc']:10.4f}")


if __name__ == "__main__":
    main(*sys.argv[1:])

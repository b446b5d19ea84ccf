"""SmileNet's second look at the faces of a few chosen photos, made hard on purpose: coarse, and leaning to
either side.

A smile that is one is seen in spite of that; a mouth that talks, bared teeth or a doubtful smile are less
often taken for one. A scan does without it: it would cost seven times as much, and only albums need smiles
that are sure. `weights/smilenet.md` has what it is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from phototag.errors import UnreadablePhoto
from phototag.nets.smilenet.checkpoint import load as load_net
from phototag.nets.smilenet.crop import cut_face, normalise
from phototag.nets.smilenet.evaluate import move_threshold, smile_probability
from phototag.nets.smilenet.net import fuse
from phototag.reading.decode import open_photo
from phototag.records import Face, Photo
from phototag.smiling import SMILE_THRESHOLD
from phototag.taggers.table import WORKING_SIDE
from phototag.weights import store

WIDER = 1.25  # the square's side in sides of the face's box, so that a leaning chin stays in; 1.07 in a scan
SIDE = 96  # pixels that the net sees
COARSE_SIDE = 32  # pixels of the whole square
TURNS = (-15.0, 0.0, 15.0)  # degrees that the face leans


def second_look() -> Callable[[Photo, Sequence[Face]], list[float] | None]:
    """A function that gives the smile of each of a photo's faces, 0 to 1, as seen now; None where the photo
    cannot be read any more. The net is loaded once it is needed. Raises WeightsError then."""
    loaded: list[Callable[[np.ndarray], list[float]]] = []

    def look(photo: Photo, faces: Sequence[Face]) -> list[float] | None:
        try:
            pixels = open_photo(photo.path, working_side=WORKING_SIDE, for_taggers=True).pixels
        except UnreadablePhoto:
            return None
        if not loaded:
            weights = store.checked("smilenet")
            loaded.append(_net(weights, weights.stat().st_mtime_ns))
        crops = [crop for face in faces for crop in _views(pixels, face)]
        return loaded[0](np.stack(crops)) if crops else []

    return look


def _views(pixels: np.ndarray, face: Face) -> list[np.ndarray]:
    """The face (S, S) as it is looked at again, once for each of TURNS."""
    views = []
    for turn in TURNS:
        coarse = cut_face(pixels, face.box, face.points, size=COARSE_SIDE, margin=WIDER, turn=turn)
        views.append(np.asarray(Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BILINEAR)))
    return views


@lru_cache(maxsize=1)
def _net(weights: Path, mtime_ns: int) -> Callable[[np.ndarray], list[float]]:
    """Kept for the next album, since who tries terms and themes chooses often. `mtime_ns`: of the file."""
    net, calibration = load_net(weights)
    net = fuse(net)

    @torch.inference_mode()
    def smiles(crops: np.ndarray) -> list[float]:
        """(N T, S, S) uint8 -> smiles (N,), each the mean of its views and their mirror images."""
        both = np.concatenate([crops, crops[:, :, ::-1]])  # (2 N T, S, S)
        _, logits = net(normalise(torch.from_numpy(both.copy())))
        said = smile_probability(logits.float(), calibration)
        said = move_threshold(said, calibration.smile_threshold, SMILE_THRESHOLD)
        return [float(smile) for smile in said.reshape(2, -1, len(TURNS)).mean(dim=(0, 2))]

    return smiles

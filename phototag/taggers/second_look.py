"""SmileNet's second look at the faces of a few chosen photos: cut a little wider, and mirrored.

A smile that is one holds in both looks; a racing cyclist's bared teeth under a helmet do less. A scan does
without it: it would cost three times as much, and only albums need smiles that are sure.
`weights/smilenet.md` has what it is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

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

WIDER = 1.25  # the square's side in sides of the face's box; 1.07 at the first look


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
            loaded.append(_net())
        crops = [cut_face(pixels, face.box, face.points, margin=WIDER) for face in faces]
        return loaded[0](np.stack(crops)) if crops else []

    return look


def _net() -> Callable[[np.ndarray], list[float]]:
    net, calibration = load_net(store.checked("smilenet"))
    net = fuse(net)

    @torch.inference_mode()
    def smiles(crops: np.ndarray) -> list[float]:
        """(N, S, S) uint8 -> smiles (N,), each the mean of the face and its mirror image."""
        both = np.concatenate([crops, crops[:, :, ::-1]])  # (2 N, S, S)
        _, logits = net(normalise(torch.from_numpy(both.copy())))
        said = smile_probability(logits.float(), calibration)
        one, mirrored = move_threshold(said, calibration.smile_threshold, SMILE_THRESHOLD).chunk(2)
        return [float(smile) for smile in (one + mirrored) / 2]

    return smiles

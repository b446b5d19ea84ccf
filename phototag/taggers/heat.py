"""What in a photo speaks for its faces' smiles, or for a thing in it: the nets that answered are asked once
more, with gradients. For `phototag why --heatmap` and the photo's page in the browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from phototag.errors import PhototagError
from phototag.records import Photo
from phototag.smiling import eligible

if TYPE_CHECKING:
    from phototag.nets.heatmap import Spot


@dataclass(frozen=True)
class Heat:
    """`pixels` (H, W, 3) uint8 of the photo, the `spots` that were asked about, and what they show."""

    pixels: np.ndarray
    spots: list[Spot]
    title: str


def find_heat(photo: Photo, thing: str | None = None) -> Heat:
    """The heat of each eligible face's smile; with `thing`, of the surest thing of this name instead.
    Raises PhototagError where there is none, UnreadablePhoto."""
    from phototag.reading.decode import open_photo
    from phototag.taggers.table import WORKING_SIDE

    pixels = open_photo(photo.path, working_side=WORKING_SIDE).pixels
    if thing is not None:
        return Heat(pixels, [_find_thing(photo, pixels, thing)], f"what speaks for: {thing}")
    return Heat(pixels, _find_smiles(photo, pixels), "what speaks for a smile")


def _find_thing(photo: Photo, pixels: np.ndarray, thing: str) -> Spot:
    from phototag.nets import heatmap
    from phototag.taggers.objects import detector
    from phototag.weights.default_detector import OURS

    name = (photo.detector or OURS).removeprefix("own-")
    spot = heatmap.thing_heat(detector(name), pixels, thing)
    if spot is None:
        raise PhototagError(f"{name} finds no {thing} in {photo.path}; see what it finds: phototag show")
    return spot


def _find_smiles(photo: Photo, pixels: np.ndarray) -> list[Spot]:
    from phototag.nets import heatmap
    from phototag.nets.smilenet.checkpoint import load
    from phototag.weights import store

    faces = [face for face, good in zip(photo.faces, eligible(photo.faces), strict=True) if good]
    if not faces:
        raise PhototagError(
            f"in {photo.path} no face is large, sharp and whole enough to tell a smile; "
            "for a thing add --thing NAME"
        )
    net, calibration = load(store.checked("smilenet"))
    return [
        heatmap.Spot(
            face.box,
            "smile" if face.smile is None else f"smile {face.smile:.2f}",
            heatmap.smile_heat(net, calibration.size, pixels, face),
        )
        for face in faces
    ]

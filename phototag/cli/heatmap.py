"""`phototag why PHOTO --heatmap`: the heat of each eligible face's smile, or of a thing."""

from __future__ import annotations

from pathlib import Path

from phototag.errors import PhototagError
from phototag.outputs import save_picture
from phototag.records import Photo
from phototag.smiling import eligible


def draw_heatmap(photo: Photo, target: Path, thing: str | None, *, force: bool = False) -> str:
    """Write the picture with its heat to `target` and return what it shows, in words. `thing`: heat of
    the surest thing of this name, instead of the smiles. Raises PhototagError, UnreadablePhoto."""
    from phototag.nets import heatmap
    from phototag.reading.decode import open_photo
    from phototag.taggers.table import WORKING_SIDE

    pixels = open_photo(photo.path, working_side=WORKING_SIDE).pixels
    if thing is not None:
        from phototag.taggers.objects import detector
        from phototag.weights.default_detector import OURS

        name = (photo.detector or OURS).removeprefix("own-")
        spot = heatmap.thing_heat(detector(name), pixels, thing)
        if spot is None:
            raise PhototagError(f"{name} finds no {thing} in {photo.path}; see what it finds: phototag show")
        spots, title = [spot], f"what speaks for: {thing}"
    else:
        from phototag.nets.smilenet.checkpoint import load
        from phototag.weights import store

        faces = [face for face, good in zip(photo.faces, eligible(photo.faces), strict=True) if good]
        if not faces:
            raise PhototagError(
                f"in {photo.path} no face is large, sharp and whole enough to tell a smile; "
                "for a thing add --thing NAME"
            )
        net, calibration = load(store.checked("smilenet"))
        spots = [
            heatmap.Spot(
                face.box,
                "smile" if face.smile is None else f"smile {face.smile:.2f}",
                heatmap.smile_heat(net, calibration.size, pixels, face),
            )
            for face in faces
        ]
        title = "what speaks for a smile"
    save_picture(heatmap.draw(pixels, spots, title), target, force=force)
    return title

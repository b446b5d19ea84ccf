"""Opens a chosen photo's pixels, for gallery, sheet and film alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from phototag.errors import PhototagError, UnreadablePhoto
from phototag.records import Photo

if TYPE_CHECKING:
    import numpy as np


def open_chosen(photo: Photo, working_side: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """(H, W, 3) uint8, upright, sRGB, the long side at most `working_side` pixels.
    Raises PhototagError where the photo went away or broke since it was chosen."""
    from phototag.reading import decode

    try:
        return decode.open_photo(photo.path, working_side=working_side).pixels
    except UnreadablePhoto as error:
        raise gone(photo, error) from error


def gone(photo: Photo, error: UnreadablePhoto) -> PhototagError:
    """What to say of a photo that went away or broke since it was chosen."""
    return PhototagError(
        f"{photo.path} was chosen, but cannot be opened any more: {error}. Scan again, then retry"
    )

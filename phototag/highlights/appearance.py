"""What choosing measures on the pixels themselves, in small: a perceptual hash of the picture, and its
exposure. Only candidates are opened, so that ten thousand of them cost seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from phototag.errors import UnreadablePhoto
from phototag.records import Face, Photo

if TYPE_CHECKING:
    import numpy as np

SIDE = 320  # long side in pixels: JPEG decodes straight to about this size, and a fingerprint uses 32 of them
# A face or scene is lit when its brightest twentieth (eyes, teeth, highlights: the same on dark
# skin and light, which its mean is not) reaches LIT of 255, and lost at UNLIT. It is burnt out by
# the share of its pixels that are BURNT: fully so at a third.
UNLIT, LIT = 30.0, 110.0
BURNT, BURNT_SHARE = 250, 1 / 3
FACE_SHARE = 0.7  # of the exposure, where there are faces: a backlit face is a bad photo of a good sky

HASHED_SIDE = 32  # pixels: enough for the eight lowest frequencies, few enough to forget noise

# Bits of 64 in which two perceptual hashes may differ. Of all pairs of 700 unrelated photos (Pascal
# VOC), none was within 12 bits, 0.02 % within 16, 0.6 % within 20. The same photo shifted and
# turned as a hand does moves by 4 bits (median) at 1 % of its side, 8 at 2 %, 18 at 4 %. Saving
# again, scaling and light retouching change up to 4.
SIMILAR_BITS = 16
SIMILAR_BITS_SAME_FACES = 20  # people moved, but as many faces stand about where they stood
SAME_BITS = 4
SAME_PLACE = 0.25  # IoU from which a face stands where it stood


@dataclass(frozen=True, slots=True)
class Appearance:
    """`fingerprint` is a 64-bit perceptual hash; `exposure` is 0 (black or burnt out) to 1."""

    fingerprint: int
    exposure: float


def measure_appearance(photo: Photo, faces: Sequence[Face]) -> Appearance | None:
    """Open the photo in small. None where it cannot be read any more, or is another picture than
    the one that was scanned."""
    from phototag.reading import decode

    try:
        decoded = decode.open_photo(photo.path, working_side=SIDE)
    except UnreadablePhoto:
        return None
    if decoded.content_hash != photo.content_hash:
        return None
    return Appearance(perceptual_hash(decoded.pixels), exposure(decoded.pixels, faces))


def perceptual_hash(pixels: np.ndarray) -> int:
    """64 bits of (H, W, 3) uint8: which of the 8 x 8 lowest frequencies of the photo, grey and 32 x 32 small,
    are above their median. Similar pictures differ in few bits.

    "pHash" as Neal Krawetz describes it (hackerfactor.com, "Looks Like It", 2011), the first frequency
    included: the same bits as `imagehash.phash`."""
    import numpy as np
    from PIL import Image

    grey = Image.fromarray(pixels).convert("L").resize((HASHED_SIDE, HASHED_SIDE), Image.Resampling.LANCZOS)
    frequency, position = np.ogrid[:8, :HASHED_SIDE]
    cosines = np.cos(np.pi * frequency * (2 * position + 1) / (2 * HASHED_SIDE))  # (8, 32), a DCT-II
    low = cosines @ np.asarray(grey, dtype=np.float64) @ cosines.T  # (8, 8)
    bits = np.packbits(low > np.median(low))
    return int.from_bytes(bits.tobytes(), "big")


def exposure(pixels: np.ndarray, faces: Sequence[Face]) -> float:
    """0 to 1 from (H, W, 3) uint8: how well lit the scene is and, above all, the worst lit of the
    eligible faces."""
    luma = pixels @ [0.299, 0.587, 0.114]  # (H, W)
    height, width = luma.shape
    whole = _lit(luma)
    if not faces:
        return whole
    parts = []
    for face in faces:
        left, top, right, bottom = face.box.pixels(width, height)
        parts.append(_lit(luma[top:bottom, left:right]))
    return FACE_SHARE * min(parts) + (1 - FACE_SHARE) * whole


def _lit(luma: np.ndarray) -> float:
    import numpy as np

    dark = (float(np.percentile(luma, 95)) - UNLIT) / (LIT - UNLIT)
    burnt = float((luma >= BURNT).mean()) / BURNT_SHARE
    return min(1.0, max(0.0, dark)) * max(0.0, 1 - burnt)


def bits_apart(one: Appearance, other: Appearance) -> int:
    return (one.fingerprint ^ other.fingerprint).bit_count()


def same_faces(one: Sequence[Face], other: Sequence[Face]) -> bool:
    """As many faces, at least one, each about where one of the other photo is."""
    if len(one) != len(other) or not one:
        return False
    left = list(other)
    for face in one:
        best = max(left, key=lambda candidate: face.box.iou(candidate.box))
        if face.box.iou(best.box) < SAME_PLACE:
            return False
        left.remove(best)
    return True

"""How good a photo is, as signals of 0 to 1 and their weighted mean. Pure: reads records, opens no
file. What needs the pixels (exposure) is passed in by whoever has looked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from phototag.records import Face, Photo, Tag

# A face whose side is this share of the photo's is as large as it needs to be: a head-and-shoulders portrait.
FULL_FACE = 0.25
# A face this far (in its own heights) from the border is well placed; nearer it looks cut.
FULL_MARGIN = 0.5
# `group_size` is 1 - GROUP_LEFT to the power of the smiling faces: 0.4 for one, 0.64 for two, 0.92 for five.
GROUP_LEFT = 0.6
# Resolution is 0 at the first (pixels show on a phone) and 1 from the second on (no screen shows more).
LEAST_MEGAPIXELS, FULL_MEGAPIXELS = 0.3, 8.0


def megapixels(photo: Photo) -> float | None:
    return photo.width * photo.height / 1e6 if photo.width and photo.height else None


def measure(photo: Photo, faces: Sequence[Face], labels: Sequence[str] = ()) -> dict[str, float]:
    """The signals that the catalog alone can tell. `faces` are the eligible ones; `labels` what
    the theme is about. A signal that does not exist for this photo is absent, never 0."""
    signals: dict[str, float] = {}
    smiles = [face.smile for face in faces if face.smile is not None]
    if smiles:
        signals["smile"] = min(smiles)
        signals["group_size"] = 1 - GROUP_LEFT ** len(smiles)
    if faces:
        signals["face_size"] = min(
            1.0, sorted(face.box.area**0.5 for face in faces)[len(faces) // 2] / FULL_FACE
        )
        signals["face_place"] = sum(_place(face) for face in faces) / len(faces)
    sharp = [face.sharpness for face in faces if face.sharpness is not None]
    if sharp:
        signals["face_sharpness"] = min(sharp)
    if labels:
        things = [tag for tag in photo.objects if tag.label in labels]
        kinds = [tag.score for tag in photo.kinds if tag.label in labels]
        if things or kinds:
            signals["subject"] = max([_presence(tag) for tag in things] + [0.5 * score for score in kinds])
    if photo.sharpness is not None:
        signals["sharpness"] = photo.sharpness
    size = megapixels(photo)
    if size is not None:
        signals["resolution"] = _ramp(
            math.log(size / LEAST_MEGAPIXELS) / math.log(FULL_MEGAPIXELS / LEAST_MEGAPIXELS)
        )
    return signals


def _place(face: Face) -> float:
    """1 where the face has room on every side, 0 at the border."""
    box = face.box
    across = min(box.left, 1 - box.right) / box.width
    down = min(box.top, 1 - box.bottom) / box.height
    return _ramp(min(across, down) / FULL_MARGIN)


def _presence(tag: Tag) -> float:
    """How sure and how large: half for being there at all, the rest grows to a quarter of the picture."""
    if tag.box is None:
        return 0.5 * tag.score
    return tag.score * (0.5 + 0.5 * min(1.0, math.sqrt(tag.box.area) / 0.5))


def _ramp(value: float) -> float:
    return min(1.0, max(0.0, value))


def mean(signals: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Weighted mean over the signals that exist, 0 to 1; 0 where none does."""
    total = sum(weight for name, weight in weights.items() if name in signals)
    return (
        sum(weight * signals[name] for name, weight in weights.items() if name in signals) / total
        if total
        else 0.0
    )


def bound(signals: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """What the score can be at most while nobody has looked at the exposure. Never below `mean`
    with any exposure, or with none: other signals are at most 1, so adding one of 1 cannot lower
    their mean."""
    return mean({**signals, "exposure": 1.0}, weights)

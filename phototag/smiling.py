"""Who counts and whether everyone smiles: the fact this program exists for, as pure functions over faces.

Three-valued: yes, no, cannot tell (no eligible face). It is the minimum over eligible faces, never
the mean or the maximum: one person who does not smile settles it, and a blurred passer-by neither
vetoes nor approves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from phototag.records import Face, Tag

# Thresholds on what SmileNet and the face detector say. The smile threshold is the calibrated one
# that ships with the weights (a test holds the two equal); how it was chosen is in
# phototag/weights/smilenet.md.
SMILE_THRESHOLD = 0.59
MIN_SCORE = 0.95  # below it MTCNN's boxes are knees, patterns and backs of heads more often than faces
# of the largest whole face: parents and children in one picture differ less, bystanders more
MIN_RELATIVE_SIZE = 0.4
MIN_SHARPNESS = 0.25  # the sharpness tagger's score below which a smile cannot be seen
MIN_RELATIVE_SHARPNESS = 0.4  # of the sharpest candidate: who is out of focus was not the subject
LANDMARK_MARGIN = 0.06  # of the face's size: an eye or mouth corner nearer to the border means a cut face


def join_faces(answers: Mapping[str, Sequence[Tag]]) -> list[Face]:
    """Faces with all that was said of them, joined by their box, in the order the face tagger gave
    them. `answers`: tagger name -> tags, of which `faces`, `sharpness` and `smiles` are read."""
    sharpness = {tag.box: tag.score for tag in answers.get("sharpness", ()) if tag.box}
    smiles: dict = {}
    emotions: dict = {}
    for tag in answers.get("smiles", ()):
        if tag.box and tag.label == "smile":
            smiles[tag.box] = tag.score
        elif tag.box:
            emotions.setdefault(tag.box, {})[tag.label] = tag.score
    return [
        Face(
            tag.box,
            tag.score,
            tag.points,
            smiles.get(tag.box),
            emotions.get(tag.box, {}),
            sharpness.get(tag.box),
        )
        for tag in answers.get("faces", ())
        if tag.box
    ]


def cut_by_border(face: Face) -> bool:
    """Whether the photo's border cuts through the face (hair or ears beyond it do not matter)."""
    box = face.box
    touches = box.left <= 0 or box.top <= 0 or box.right >= 1 or box.bottom >= 1
    if not face.points:
        return touches
    across, down = LANDMARK_MARGIN * box.width, LANDMARK_MARGIN * box.height
    return touches and not all(across <= x <= 1 - across and down <= y <= 1 - down for x, y in face.points)


def eligible(faces: Sequence[Face]) -> list[bool]:
    """Which faces have a say, in order. A face counts when the detector is sure of it, the border
    does not cut it, and next to the largest and the sharpest of those it is neither tiny nor
    blurred. Sizes are compared by area's square root."""
    sure = [face.score >= MIN_SCORE and not cut_by_border(face) for face in faces]
    size = [face.box.area**0.5 for face in faces]
    sharp = [1.0 if face.sharpness is None else face.sharpness for face in faces]
    largest = max((s for s, good in zip(size, sure, strict=True) if good), default=0.0)
    near = [good and s >= MIN_RELATIVE_SIZE * largest for s, good in zip(size, sure, strict=True)]
    sharpest = max((s for s, good in zip(sharp, near, strict=True) if good), default=0.0)
    floor = max(MIN_SHARPNESS, MIN_RELATIVE_SHARPNESS * sharpest)
    return [good and s >= floor for s, good in zip(sharp, near, strict=True)]


def smiles_of_eligible(faces: Sequence[Face]) -> list[float]:
    """Smile probabilities of the faces that have a say and were looked at."""
    return [
        face.smile
        for face, good in zip(faces, eligible(faces), strict=True)
        if good and face.smile is not None
    ]


def everyone_smiling(faces: Sequence[Face], threshold: float = SMILE_THRESHOLD) -> bool | None:
    """True, False, or None when nobody has a say."""
    smiles = smiles_of_eligible(faces)
    return min(smiles) >= threshold if smiles else None

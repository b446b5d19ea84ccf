"""Who counts and whether everyone smiles: the fact this program exists for, as pure functions over faces.

Three-valued: yes, no, cannot tell (no eligible face). It is the minimum over eligible faces, never
the mean or the maximum: one person who does not smile settles it, and a blurred passer-by neither
vetoes nor approves. A person's own word goes before what was seen.

The catalog stores what `decide` answers. Whoever changes the rules raises RULES_VERSION: every
catalog then decides again, from the scores it has, when it is opened next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from phototag.records import Face, Tag

RULES_VERSION = 2  # 2: counts faces, too

# The two labels under which a person says whether everyone, or anyone, smiles. No tagger says them.
EVERYONE, ANYONE = "everyone smiling", "anyone smiling"

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


class Rule(StrEnum):
    """What a face must fulfil to be eligible, in the order in which it is asked."""

    SEEN = "no net has seen it"
    CERTAIN = "the detector is not sure that it is a face"
    WHOLE = "the photo's border cuts it"
    LARGE = "it is small beside the largest face"
    SHARP = "it is not sharp"


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a face is eligible, and if not, by which rule: `failed` is the first that it fails,
    `value` what it has and `threshold` what it would need.

    SEEN: nothing is measured. CERTAIN: the detector's score. WHOLE: the distance of the landmark
    nearest to the border, as a share of the face's size; None where the face has no landmarks.
    LARGE: its side as a share of the largest face's. SHARP: its sharpness."""

    failed: Rule | None = None
    value: float | None = None
    threshold: float | None = None

    @property
    def eligible(self) -> bool:
        return self.failed is None


@dataclass(slots=True)
class _Seen:
    """What taggers say of one face."""

    smile: float | None = None
    sharpness: float | None = None
    emotions: dict[str, float] = field(default_factory=dict)
    said: dict[str, float] = field(default_factory=dict)


def join_faces(answers: Mapping[str, Sequence[Tag]]) -> list[Face]:
    """Faces with all that was said of them, joined by their box, in the order the face tagger gave
    them. `answers`: tagger name -> tags; whichever tagger says something with a face's box says it
    of that face."""
    found = [(tag.box, tag) for tag in answers.get("faces", ()) if tag.box]
    seen = {box: _Seen() for box, _ in found}
    for tagger, tags in answers.items():
        if tagger in ("faces", "identity"):  # what identity says is for phototag.people
            continue
        for label, score, box, _, _ in tags:
            face = seen.get(box) if box else None
            if face is None:
                continue
            if tagger == "sharpness":
                face.sharpness = score
            elif tagger != "smiles":
                face.said[label] = max(score, face.said.get(label, 0.0))
            elif label == "smile":
                face.smile = score
            else:
                face.emotions[label] = score
    return [
        Face(
            box,
            tag.score,
            tag.points,
            smile=seen[box].smile,
            emotions=seen[box].emotions,
            sharpness=seen[box].sharpness,
            said=seen[box].said,
            number=number,
        )
        for number, (box, tag) in enumerate(found, 1)
    ]


def judge(faces: Sequence[Face]) -> list[Judgement]:
    """Which faces are eligible, in order, and why the others are not. A face is eligible when the
    detector is sure of it, the border does not cut it, and next to the largest and the sharpest of
    those it is neither tiny nor blurred. Sizes are compared by area's square root. A face on whose
    smile there is a person's word is eligible whatever it looks like."""
    judged = [_judge_alone(face) for face in faces]
    largest = max(
        (_side(face) for face, seen in zip(faces, judged, strict=True) if seen.eligible), default=0.0
    )
    for i, face in enumerate(faces):
        if _is_in_question(face, judged[i]) and _side(face) < MIN_RELATIVE_SIZE * largest:
            judged[i] = Judgement(Rule.LARGE, _side(face) / largest, MIN_RELATIVE_SIZE)
    sharpest = max(
        (_sharpness(face) for face, seen in zip(faces, judged, strict=True) if seen.eligible), default=0.0
    )
    needed = max(MIN_SHARPNESS, MIN_RELATIVE_SHARPNESS * sharpest)
    for i, face in enumerate(faces):
        if _is_in_question(face, judged[i]) and _sharpness(face) < needed:
            judged[i] = Judgement(Rule.SHARP, _sharpness(face), needed)
    return judged


def eligible(faces: Sequence[Face]) -> list[bool]:
    """Which faces are eligible, in order; see `judge`."""
    return [seen.eligible for seen in judge(faces)]


def count(faces: Sequence[Face]) -> tuple[int, int]:
    """How many of them are certainly faces, and how many of these are eligible."""
    judged = judge(faces)
    certain = sum(seen.failed is not Rule.CERTAIN for seen in judged)
    return certain, sum(seen.eligible for seen in judged)


def can_tell_smiles(faces: Sequence[Face]) -> list[bool]:
    """Of which faces it can be told, each by itself, whether they smile: also of those that are
    small beside others."""
    return [seen.failed in (None, Rule.LARGE) for seen in judge(faces)]


def decide(
    faces: Sequence[Face], words: Mapping[str, bool] | None = None
) -> tuple[float | None, float | None]:
    """The least and the greatest smile probability among the eligible faces, None and None where
    nobody's smile can be told. `words`: the person's own word, EVERYONE or ANYONE -> whether it is
    so; it counts as a smile of 1 or 0. Everyone smiles where the least smile reaches the threshold."""
    counting = [face for face, good in zip(faces, eligible(faces), strict=True) if good]
    smiles = [float(face.smile) for face in counting if face.smile is not None]
    least, greatest = (min(smiles), max(smiles)) if smiles else (None, None)
    if any(face.is_added and face.smile is None for face in counting):
        # Nobody knows how it looks: what it would change cannot be told.
        least = least if least is not None and least < SMILE_THRESHOLD else None
        greatest = greatest if greatest is not None and greatest >= SMILE_THRESHOLD else None
    everyone, anyone = (words or {}).get(EVERYONE), (words or {}).get(ANYONE)
    if anyone is True:
        greatest = 1.0
    if everyone is True:
        least = greatest = 1.0
    if everyone is False:
        least = 0.0
    if anyone is False:
        least = greatest = 0.0
    return least, greatest


def everyone_smiles(least_smile: float | None, threshold: float = SMILE_THRESHOLD) -> bool | None:
    """True, False, or None where it cannot be told."""
    return None if least_smile is None else least_smile >= threshold


def reserved(label: str) -> str | None:
    """EVERYONE or ANYONE where the label is one of them in whatever case, else None."""
    label = " ".join(label.casefold().split())
    return label if label in (EVERYONE, ANYONE) else None


def contradicted(word: str, holds: bool) -> str | None:
    """The other word that cannot stand beside this one: everyone cannot smile where nobody does."""
    if (word, holds) == (EVERYONE, True):
        return ANYONE
    return EVERYONE if (word, holds) == (ANYONE, False) else None


def _judge_alone(face: Face) -> Judgement:
    """By the rules that look at nothing but the face itself."""
    if face.smile_word is not None:
        return Judgement()
    if face.is_added and not face.is_vouched:
        return Judgement(Rule.SEEN)
    if face.score < MIN_SCORE and not face.is_vouched:
        return Judgement(Rule.CERTAIN, face.score, MIN_SCORE)
    box = face.box
    if box.left > 0 and box.top > 0 and box.right < 1 and box.bottom < 1:
        return Judgement()
    if not face.points:  # of a face that a person drew, its box is all there is
        return Judgement() if face.is_added else Judgement(Rule.WHOLE)
    # hair or ears beyond the border do not matter, eyes and mouth do
    distance = min(
        min(x / box.width, (1 - x) / box.width, y / box.height, (1 - y) / box.height) for x, y in face.points
    )
    return Judgement() if distance >= LANDMARK_MARGIN else Judgement(Rule.WHOLE, distance, LANDMARK_MARGIN)


def _is_in_question(face: Face, judged: Judgement) -> bool:
    """Whether the face is eligible so far, by its looks and not by a person's word."""
    return judged.eligible and face.smile_word is None


def _side(face: Face) -> float:
    return float(face.box.area**0.5)


def _sharpness(face: Face) -> float:
    return 1.0 if face.sharpness is None else face.sharpness

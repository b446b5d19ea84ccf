"""How `show` and `why` tell which faces are eligible, and which face failed which rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from phototag.cli.output import printable
from phototag.records import Face, Photo
from phototag.smiling import ANYONE, EVERYONE, SMILE_THRESHOLD, Judgement, Rule, judge

# What each rule measures.
_MEASURED = {
    Rule.CERTAIN: "score",
    Rule.WHOLE: "distance of its nearest landmark from the border, in its own size,",
    Rule.LARGE: "side, beside the largest face's,",
    Rule.SHARP: "sharpness",
}


def explain_faces(faces: Sequence[Face], smile_threshold: float = SMILE_THRESHOLD) -> list[str]:
    """A line for each face: its smile beside the threshold, or the rule by which it is not eligible."""
    return [
        f"face {face.number}{tell_person(face)}: {_explain(face, judged, smile_threshold)}"
        for face, judged in zip(faces, judge(faces), strict=True)
    ]


def tell_person(face: Face) -> str:
    """` (Anna)`; nothing for a face without a name."""
    if face.person is None:
        return ""
    doubt = "" if face.is_person_certain else "perhaps "
    return f" ({doubt}{printable(face.person.name)})"


def _explain(face: Face, judged: Judgement, smile_threshold: float) -> str:
    if not judged.eligible:
        return not_eligible(judged)
    if face.smile_word is not None:
        return f"{'smiles' if face.smile_word else 'does not smile'} (you say so)"
    if face.smile is None:
        return "its smile has not been looked at yet"
    verb = "smiles" if face.smile >= smile_threshold else "does not smile"
    return f"{verb} ({face.smile:.3f}, a smile from {smile_threshold:.3f} on)"


def not_eligible(judged: Judgement) -> str:
    """Why a face does not count, with its number and the one it would need."""
    assert judged.failed is not None
    text = f"does not count: {judged.failed}"
    if judged.value is None:
        return text
    return f"{text} ({_MEASURED[judged.failed]} {judged.value:.3f}, needed {judged.threshold:.3f})"


def faces_dict(faces: Sequence[Face], smile_threshold: float = SMILE_THRESHOLD) -> list[dict[str, Any]]:
    """The same for scripts. `failed_rule` is null for an eligible face."""
    return [
        {
            "number": face.number,
            "person": face.person.name if face.person else None,
            "eligible": judged.eligible,
            "failed_rule": judged.failed.name.lower() if judged.failed else None,
            "value": _rounded(judged.value),
            "threshold": _rounded(judged.threshold),
            "smile": _rounded(face.smile),
            "smile_word": face.smile_word,
            "smile_threshold": smile_threshold,
        }
        for face, judged in zip(faces, judge(faces), strict=True)
    ]


def tell_smile_words(photo: Photo) -> list[str]:
    """What the user says of smiles in this photo, a sentence each."""
    sentences = {
        (EVERYONE, True): "everyone smiles",
        (EVERYONE, False): "not everyone smiles",
        (ANYONE, True): "someone smiles",
        (ANYONE, False): "nobody smiles",
    }
    return [sentences[word, holds] for word, holds in photo.smile_words.items()]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)

"""What can be asked: one dataclass for each kind of term, and the query that holds them. Pure;
standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from phototag.smiling import SMILE_THRESHOLD

DEFAULT_SCORE = 0.5  # where a label is as likely right as wrong: the usual line for detectors and classifiers


# What SmileNet calls an emotion -> how people ask for it.
EMOTIONS: Mapping[str, tuple[str, ...]] = {
    "neutral": ("neutral",),
    "happiness": ("happy", "happiness"),
    "surprise": ("surprised", "surprise"),
    "sadness": ("sad", "sadness"),
    "anger": ("angry", "anger"),
    "disgust": ("disgusted", "disgust"),
    "fear": ("afraid", "scared", "fearful", "fear"),
    "contempt": ("contemptuous", "contempt"),
}


@dataclass(frozen=True, slots=True)
class LabelTerm:
    """Some one of `labels` with at least `score`; None: with the query's own threshold for each
    label. An emotion is the likeliest one of some face."""

    labels: tuple[str, ...]
    score: float | None = None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class FacesTerm:
    """Between `least` and `most` faces, both included; None leaves that side open."""

    least: int | None
    most: int | None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class SmilingTerm:
    """`who` of the eligible faces smile: all, any, none; 'unknown' where nobody's smile can be told."""

    who: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class TakenTerm:
    """Taken on `since` or later and before `until`; None leaves that side open."""

    since: date | None
    until: date | None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class PathTerm:
    """The absolute path contains `text`, upper and lower case being the same."""

    text: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class CameraTerm:
    """The camera's name contains `text`, upper and lower case being the same."""

    text: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class StateTerm:
    """'untagged': no tagger has answered yet; 'failed': some tagger, or the decoding, failed;
    'missing': the file is gone. Only a query with a 'missing' term finds missing photos."""

    state: str
    negated: bool = False


Term = LabelTerm | FacesTerm | SmilingTerm | TakenTerm | PathTerm | CameraTerm | StateTerm


@dataclass(frozen=True, slots=True)
class Query:
    """Terms that must all hold; none: every photo. `thresholds` (label -> least score) go before
    `default_score`, and a term's own score goes before both."""

    terms: tuple[Term, ...] = ()
    default_score: float = DEFAULT_SCORE
    thresholds: Mapping[str, float] = field(default_factory=dict)
    smile_threshold: float = SMILE_THRESHOLD

    @property
    def has_label(self) -> bool:
        """Whether some thing is asked for, so that sorting by relevance means something."""
        return any(isinstance(term, LabelTerm) and not term.negated for term in self.terms)

    def least_score(self, term: LabelTerm, label: str) -> float:
        """The score from which on `label` counts in this term."""
        return term.score if term.score is not None else self.thresholds.get(label, self.default_score)

"""What is said of each photo when an album is chosen: one named reason and the numbers behind it.
Pure records and the sentences a person reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from phototag.errors import TooFewPhotos
from phototag.highlights import captions
from phototag.highlights.theme import Theme
from phototag.records import Face, Photo


class Reason(Enum):
    """Why a photo is in an album or is not; the words a person reads. The order is that in which
    they are asked."""

    CHOSEN = "chosen"
    BEST_OF_BURST = "chosen, the best of several shots of one moment"
    MISSING = "its file is gone"
    UNREADABLE = "it cannot be read, or has changed since the scan"
    DUPLICATE = "the same file is there twice"
    GUESSED_DATE = "its date is only the file's; --guessed-dates takes such photos too"
    NO_PLACE = "it is not known where it was taken"
    AT_HOME = "it was taken near home"
    EXCLUDED = "it shows what the theme keeps out"
    TOO_SMALL = "it has too few pixels"
    NO_FACES = "no face was found"
    NOBODY_COUNTS = "no face is large, sharp and whole enough to tell"
    UNKNOWN = "its faces have not been looked at"
    NOT_SMILING = "not everyone smiles"
    NOT_SURE = "everyone seems to smile, but not surely enough"
    PICTURED = "a face that counts is on a screen, a page or a poster"
    TOO_FEW_FACES = "it has too few faces"
    TOO_MANY_FACES = "it has too many faces"
    LACKS_LABEL = "it shows nothing that the theme is about"
    BLURRED = "it is not sharp enough"
    EXPOSURE = "it is too dark or burnt out"
    BURST = "another shot of the same moment is better"
    SAME_PICTURE = "the same picture is in the album already"
    WEAK = "its score is below the theme's lowest"
    YEAR_FULL = "its year has its share already"
    DAY_FULL = "its day has its share already"
    EVENT_FULL = "its event has its share already"
    CROWDED_OUT = "others are better, or from times less shown"

    @property
    def kept(self) -> bool:
        return self in (Reason.CHOSEN, Reason.BEST_OF_BURST)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one photo. `numbers` are those the decision rests on, by names such as
    eligible_faces; `signals` what its score is made of; `faces` the eligible ones; `other` the photo that
    was preferred to it; `who` keys of the persons in it, as far as they are known."""

    photo: Photo
    reason: Reason
    numbers: Mapping[str, float] = field(default_factory=dict)
    signals: Mapping[str, float] = field(default_factory=dict)
    other: Photo | None = None
    faces: tuple[Face, ...] = ()
    who: frozenset[str] = frozenset()

    @property
    def score(self) -> float:
        return self.numbers.get("score", 0.0)

    def sentence(self) -> str:
        """Why a chosen photo was chosen, for its caption. Says only what the numbers hold."""
        parts = []
        smiles = [face.smile for face in self.faces if face.smile is not None]
        # anybody below it does not visibly smile, whatever the theme asks for
        if smiles and min(smiles) >= 0.5:
            parts.append({1: "one smile", 2: "both smile"}.get(len(smiles), f"all {len(smiles)} smile"))
        if self.numbers.get("shots", 1) > 1:
            parts.append(f"best of {self.numbers['shots']:.0f} shots")
        return ", ".join(parts) or f"score {self.score:.2f}"


@dataclass(frozen=True, slots=True)
class Choice:
    """Verdicts for every photo given, in order of time; `kept` are those of the album."""

    theme: Theme
    verdicts: tuple[Verdict, ...]

    @property
    def kept(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if verdict.reason.kept)

    def counts(self) -> dict[Reason, int]:
        """Photos by reason, in the order of the reasons; they add up to the input."""
        counted = Counter(verdict.reason for verdict in self.verdicts)
        return {reason: counted[reason] for reason in Reason if counted[reason]}

    def bursts(self) -> dict[int, list[Photo]]:
        """The other shots of a moment, in order of time, by the id of the photo that was preferred
        to them."""
        found: dict[int, list[Photo]] = {}
        for verdict in self.verdicts:
            if verdict.reason is Reason.BURST and verdict.other is not None:
                found.setdefault(verdict.other.photo_id, []).append(verdict.photo)
        return found

    def require_minimum(self, least: int) -> None:
        """Raises TooFewPhotos where fewer than `least` were chosen: an album is never padded."""
        if len(self.kept) >= least:
            return
        found = len(self.verdicts)
        if not found:
            raise TooFewPhotos(
                f"no photo to choose from for {self.theme.title!r}; try other dates or terms, or scan "
                "more photos"
            )
        counts = ", ".join(
            f"{number} × {reason.value}" for reason, number in self.counts().items() if not reason.kept
        )
        raise TooFewPhotos(
            f"only {len(self.kept)} of {found} photo{'s' * (found != 1)} "
            f"{'suits' if len(self.kept) == 1 else 'suit'} "
            f"{self.theme.title!r}, which wants at least {least}: {counts or 'nothing else was found'}. "
            f"Ask for a longer time, or copy the theme, loosen it and use --theme FILE"
        )


def order(photo: Photo) -> tuple[bool, datetime, str, str]:
    """By time, undated last; ties by content, so that the order of scanning never matters."""
    taken = captions.instant(photo)
    return (taken is None, taken or datetime.min, photo.content_hash or "", photo.path)

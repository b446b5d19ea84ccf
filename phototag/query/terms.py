"""What can be asked: one dataclass and one row of TERMS for each kind of term, and the query that
holds them. Pure; standard library only.

To add a kind of term: a dataclass here with a `read`, its row in TERMS, and its condition in
phototag/library/terms.py. `phototag query --help` lists it by itself."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from phototag.errors import UsageError
from phototag.query.dates import read_day_of_year, read_period
from phototag.reading.formats import HEIC_EXTENSIONS, RAW_EXTENSIONS
from phototag.smiling import SMILE_THRESHOLD

DEFAULT_SCORE = 0.5  # where a label is as likely right as wrong: the usual line for detectors and classifiers
SMILING = ("all", "any", "none", "unknown")
PERSONS = ("any", "none", "unknown")
STATES = ("untagged", "failed", "missing", "duplicates")
# What a type is called -> the extensions of its files.
TYPES: Mapping[str, Collection[str]] = {
    "jpeg": ("jpg", "jpeg", "jpe", "jfif", "mpo"),
    "png": ("png", "apng"),
    "tiff": ("tif", "tiff"),
    "webp": ("webp",),
    "gif": ("gif",),
    "bmp": ("bmp", "dib"),
    "avif": ("avif",),
    "heic": HEIC_EXTENSIONS,
    "raw": RAW_EXTENSIONS,
}
SIZE_UNITS: Mapping[str, tuple[float, str]] = {
    "mp": (1e6, "pixels"),
    "kb": (1e3, "bytes"),
    "mb": (1e6, "bytes"),
    "gb": (1e9, "bytes"),
}
FARTHEST_KM = 1000  # beyond, a circle on a flat map is none on the globe


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


# Those told well enough to be said as a fact: of the others more than half are missed on persons that
# SmileNet never saw (phototag/weights/smilenet.md).
RELIABLE_EMOTIONS = frozenset({"neutral", "happiness"})


@dataclass(frozen=True, slots=True)
class LabelTerm:
    """At least one of `labels` with at least `score`; None: with the query's own threshold for each
    label. An emotion is the likeliest one of some face."""

    labels: tuple[str, ...]
    score: float | None = None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class SmilingTerm:
    """`who` of the eligible faces smile: all, any, none; 'unknown' where it cannot be told whether
    everyone does."""

    who: str
    negated: bool = False

    @staticmethod
    def read(value: str, negated: bool = False) -> SmilingTerm | SmilingPersonTerm:
        """A word of SMILING means that; all others are names."""
        who = value.casefold()
        return SmilingTerm(who, negated) if who in SMILING else SmilingPersonTerm(value, negated)


@dataclass(frozen=True, slots=True)
class SmilingPersonTerm:
    """The person of this name, whatever its case, is in the photo and smiles."""

    name: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class PersonTerm:
    """The person of this name, whatever its case, is in the photo."""

    name: str
    negated: bool = False

    @staticmethod
    def read(value: str, negated: bool = False) -> PersonTerm | NamedTerm:
        """A word of PERSONS means that; all others are names."""
        who = value.casefold()
        return NamedTerm(who, negated) if who in PERSONS else PersonTerm(value, negated)


@dataclass(frozen=True, slots=True)
class NamedTerm:
    """'any': somebody in the photo has a name; 'none': nobody has; 'unknown': some face has none."""

    who: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class FacesTerm:
    """Between `least` and `most` faces, both included; None leaves that side open. `any_face`: also those
    that do not count for "is everyone smiling", small, blurred or cut as they are."""

    least: int | None
    most: int | None
    any_face: bool = False
    negated: bool = False

    @classmethod
    def read_any(cls, value: str, negated: bool = False) -> FacesTerm:
        """Raises ValueError."""
        return replace(cls.read(value, negated), any_face=True)

    @classmethod
    def read(cls, value: str, negated: bool = False) -> FacesTerm:
        """Raises ValueError."""
        least, most = (cls._number(end) if end else None for end in _ends(value))
        if (least is None and most is None) or (least is not None and most is not None and least > most):
            raise ValueError("it fits no number of faces")
        return cls(least, most, negated=negated)

    @staticmethod
    def _number(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,6}", text):
            raise ValueError(f"{text!r} is no number of faces")
        return int(text)


@dataclass(frozen=True, slots=True)
class TakenTerm:
    """Taken on `since` or later and before `until`; None leaves that side open."""

    since: date | None
    until: date | None
    negated: bool = False

    @classmethod
    def read(cls, value: str, negated: bool = False) -> TakenTerm:
        """Raises ValueError."""
        first, last = _ends(value)
        since = read_period(first)[0] if first else None
        until = read_period(last)[1] if last else None
        if (not first and not last) or (since and until and since >= until):
            raise ValueError("it fits no date")
        return cls(since, until, negated)


@dataclass(frozen=True, slots=True)
class DayTerm:
    """Taken in any year on a day from `first` to `last` ('06-24', both included), which may reach over New
    Year."""

    first: str
    last: str
    negated: bool = False

    @classmethod
    def read(cls, value: str, negated: bool = False) -> DayTerm:
        """Raises ValueError."""
        first, last = (read_day_of_year(end) for end in _ends(value))
        return cls(first, last, negated)


@dataclass(frozen=True, slots=True)
class PathTerm:
    """The absolute path contains `text`, upper and lower case being the same."""

    text: str
    negated: bool = False

    @classmethod
    def read(cls, value: str, negated: bool = False) -> PathTerm:
        return cls(value, negated)


@dataclass(frozen=True, slots=True)
class CameraTerm:
    """The camera's name contains `text`, upper and lower case being the same."""

    text: str
    negated: bool = False

    @classmethod
    def read(cls, value: str, negated: bool = False) -> CameraTerm:
        return cls(value, negated)


@dataclass(frozen=True, slots=True)
class SharpTerm:
    """The sharpness of the whole photo (0 to 1) is at least `least` and at most `most`; None leaves that
    side open."""

    least: float | None
    most: float | None
    negated: bool = False

    @classmethod
    def read(cls, value: str, negated: bool = False) -> SharpTerm:
        """Raises ValueError."""
        least, most = (cls._score(end) if end else None for end in _ends(value))
        if (least is None and most is None) or (least is not None and most is not None and least > most):
            raise ValueError("it fits no sharpness")
        return cls(least, most, negated)

    @staticmethod
    def _score(text: str) -> float:
        score = read_number(text)
        if not 0 <= score <= 1:
            raise ValueError(f"{text} is no sharpness: it goes from 0 to 1")
        return score


@dataclass(frozen=True, slots=True)
class TypeTerm:
    """The file's name ends in one of `extensions` (lower case, without the dot)."""

    extensions: tuple[str, ...]
    negated: bool = False

    @classmethod
    def read(cls, value: str, negated: bool = False) -> TypeTerm:
        """Raises ValueError."""
        name = value.casefold().removeprefix(".")
        extensions = TYPES.get(name) or next((names for names in TYPES.values() if name in names), None)
        if extensions is None:
            close = difflib.get_close_matches(name, TYPES, n=1)
            raise ValueError(
                f"it is no type of picture. Did you mean type:{close[0]}?"
                if close
                else f"the types are {', '.join(TYPES)}"
            )
        return cls(tuple(sorted(extensions)), negated)


@dataclass(frozen=True, slots=True)
class SizeTerm:
    """At least `least` and at most `most` pixels (`unit` 'pixels') or bytes ('bytes'); None leaves that
    side open. A single value means about that much."""

    unit: str
    least: float | None
    most: float | None
    negated: bool = False

    @classmethod
    def read(cls, value: str, negated: bool = False) -> SizeTerm:
        """Raises ValueError."""
        first, last = _ends(value)
        ends = [_quantity(end, SIZE_UNITS) if end else None for end in (first, last)]
        units = {end[1] for end in ends if end}
        if len(units) > 1:
            raise ValueError("its ends are of different units")
        least, most = (end[0] if end else None for end in ends)
        if not units or (least is not None and most is not None and least > most):
            raise ValueError("it fits no size")
        if ".." not in value and least is not None and most is not None:
            least, most = 0.95 * least, 1.05 * most
        return cls(units.pop(), least, most, negated)


@dataclass(frozen=True, slots=True)
class NearTerm:
    """Taken at most `radius_km` from this place, in degrees (north and east positive)."""

    latitude: float
    longitude: float
    radius_km: float
    negated: bool = False

    @classmethod
    def read(cls, value: str, negated: bool = False) -> NearTerm:
        """Raises ValueError."""
        parts = [part.strip() for part in value.split(",")]
        if len(parts) != 3:
            raise ValueError("it takes latitude, longitude and a distance")
        latitude, longitude = read_number(parts[0]), read_number(parts[1])
        if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
            raise ValueError(f"{parts[0]},{parts[1]} is no place on the earth")
        radius_km = _quantity(parts[2], {"km": (1.0, "km"), "m": (0.001, "km"), "mi": (1.609344, "km")})[0]
        if not 0 < radius_km <= FARTHEST_KM:
            raise ValueError(f"the distance goes up to {FARTHEST_KM} km")
        return cls(latitude, longitude, radius_km, negated)


@dataclass(frozen=True, slots=True)
class PlaceTerm:
    """Taken in the town or country of this name (folded), in any language that the gazetteer knows."""

    name: str
    negated: bool = False

    @classmethod
    def read(cls, value: str, negated: bool = False) -> PlaceTerm:
        return cls(fold(" ".join(value.split())), negated)


@dataclass(frozen=True, slots=True)
class RatingTerm:
    """Between `least` and `most` stars, as another program gave them (1 to 5, both included; -1: rejected).
    None for both: nobody has given any."""

    least: int | None
    most: int | None
    negated: bool = False

    @classmethod
    def read(cls, value: str, negated: bool = False) -> RatingTerm:
        """Raises ValueError."""
        if value in ("none", "rejected"):
            stars = -1 if value == "rejected" else None
            return cls(stars, stars, negated)
        first, last = _ends(value)
        if not (first or last) or not all(re.fullmatch("[1-5]?", end) for end in (first, last)):
            raise ValueError("stars go from 1 to 5")
        least, most = int(first or 1), int(last or 5)
        if least > most:
            raise ValueError("it fits no number of stars")
        return cls(least, most, negated)


@dataclass(frozen=True, slots=True)
class KeywordTerm:
    """Another program gave the photo a keyword that is `levels` (folded, the broadest first), or lies
    below them, or has them as its last ones: Places/Italy/Rome for Italy, Places/Italy and Rome."""

    levels: tuple[str, ...]
    negated: bool = False

    @classmethod
    def read(cls, value: str, negated: bool = False) -> KeywordTerm:
        """Raises ValueError."""
        levels = tuple(fold(" ".join(level.split())) for level in re.split(r"[/|]", value))
        if not all(levels):
            raise ValueError("a level of the keyword is empty")
        return cls(levels, negated)

    def is_in(self, keyword: str) -> bool:
        """Whether this keyword, with '|' between its levels, is one that is asked for."""
        folded = fold(keyword)
        if self.levels[-1] not in folded:  # most of some thousand keywords end here
            return False
        # A slash may be a level's own, where a program knows no levels: AC/DC.
        found = re.split(r"[/|]", folded)
        number = len(self.levels)
        return any(tuple(found[i : i + number]) == self.levels for i in range(len(found) - number + 1))


@dataclass(frozen=True, slots=True)
class TextTerm:
    """The title or the description contains `text` (folded)."""

    text: str
    negated: bool = False

    @classmethod
    def read(cls, value: str, negated: bool = False) -> TextTerm:
        return cls(fold(" ".join(value.split())), negated)


@dataclass(frozen=True, slots=True)
class StateTerm:
    """'untagged': no tagger has answered yet; 'failed': some tagger, or the decoding, failed;
    'missing': the file is gone; 'duplicates': another file has the very same bytes. Only a query with a
    'missing' term finds missing photos."""

    state: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class AnyTerm:
    """At least one of `choices` holds; a choice is terms that must all hold."""

    choices: tuple[tuple[Term, ...], ...]
    negated: bool = False


Term = (
    AnyTerm
    | LabelTerm
    | SmilingTerm
    | SmilingPersonTerm
    | PersonTerm
    | NamedTerm
    | FacesTerm
    | TakenTerm
    | DayTerm
    | PathTerm
    | CameraTerm
    | PlaceTerm
    | NearTerm
    | SharpTerm
    | TypeTerm
    | SizeTerm
    | RatingTerm
    | KeywordTerm
    | TextTerm
    | StateTerm
)


@dataclass(frozen=True, slots=True)
class TermKind:
    """How a kind of term is written: `read` makes it from the text after `KEY:`, `read_quoted` from a
    text in quotes, where these make a difference. `examples` are shown when that text is not understood,
    and `help` is its lines in `phototag query --help`: what one types, and what that finds."""

    read: Callable[[str, bool], Term]
    examples: str
    help: tuple[str, str]
    read_quoted: Callable[[str, bool], Term] | None = None
    is_label: bool = False  # the key alone, or with a score behind it, asks for the label of that name


# What stands before the colon -> the kind of term.
TERMS: Mapping[str, TermKind] = {
    "smiling": TermKind(
        SmilingTerm.read,
        "smiling:all or smiling:Anna",
        ("smiling:all", "everyone smiles (any, none, unknown); smiling:Anna: Anna does"),
        SmilingPersonTerm,
    ),
    "person": TermKind(
        PersonTerm.read,
        "person:Anna",
        (
            "person:Anna",
            "Anna is in it (any: someone who has a name, none: nobody, unknown: a nameless face)",
        ),
        PersonTerm,
        is_label=True,
    ),
    "faces": TermKind(
        FacesTerm.read,
        "faces:2, faces:1..3 or faces:2..",
        ("faces:2..", "two faces that count, or more (2, 1..3, ..1)"),
    ),
    "faces-any": TermKind(
        FacesTerm.read_any,
        "faces-any:2, faces-any:1..3 or faces-any:2..",
        ("faces-any:2..", "the same with small, blurred and cut faces"),
    ),
    "taken": TermKind(
        TakenTerm.read,
        "taken:2016, taken:2016-06..2016-08 or taken:2016-06-24..",
        ("taken:2016", "2016-06, 2016-06-24, 2016-06..2016-08, 2016-summer, last-month, yesterday"),
    ),
    "day": TermKind(
        DayTerm.read, "day:06-24 or day:12-24..12-26", ("day:06-24", "this day of any year; also day:today")
    ),
    "path": TermKind(PathTerm.read, "path:Italy", ("path:Italy", "part of the path")),
    "camera": TermKind(CameraTerm.read, "camera:Pixel", ('camera:"Pixel"', "part of the camera's name")),
    "place": TermKind(PlaceTerm.read, "place:Rome", ("place:Rome", "the town or country where it was taken")),
    "near": TermKind(
        NearTerm.read, "near:41.9,12.5,10km", ("near:41.9,12.5,10km", "taken within 10 km of this place")
    ),
    "sharp": TermKind(
        SharpTerm.read,
        "sharp:0.5.. or sharp:..0.3",
        ("sharp:..0.3", "blurry ones; sharpness goes from 0 to 1"),
    ),
    "type": TermKind(TypeTerm.read, "type:raw", ("type:raw", f"the kind of file ({', '.join(TYPES)})")),
    "size": TermKind(
        SizeTerm.read, "size:20MP.. or size:..500kB", ("size:20MP..", "megapixels; size:..500kB for the file")
    ),
    "rating": TermKind(
        RatingTerm.read,
        "rating:4.., rating:5 or rating:none",
        ("rating:4..", "stars given in other programs (5, 1..3, none, rejected)"),
    ),
    "keyword": TermKind(
        KeywordTerm.read,
        "keyword:beach or keyword:Places/Italy",
        ("keyword:beach", "a keyword given in other programs; keyword:Places/Italy"),
    ),
    "text": TermKind(
        TextTerm.read, 'text:"first day"', ('text:"first day"', "part of the title or the description")
    ),
}

# The terms without a key, as `phototag query --help` lists them.
LABEL_HELP = (
    ('dog   "potted plant"', "a thing, a kind of photo, your own label; dog:0.8 asks for a score of 0.8"),
    ("^cat", "not; stands before any term"),
    ("happy", "someone looks it; neutral too. Others (sad, angry ...) are not reliable"),
)
STATE_HELP = (
    ("untagged failed missing", "not looked at yet, not readable, gone from the disk"),
    ("duplicates", "the same file twice; phototag duplicates groups them"),
)


@dataclass(frozen=True, slots=True)
class UnknownWord:
    """A word that no photo has and that means nothing here, or the name of nobody; `near`: what could be
    asked instead."""

    word: str
    near: tuple[str, ...] = ()
    is_name: bool = False

    def __str__(self) -> str:
        if self.is_name:
            hint = (
                f"Did you mean {' or '.join(self.near)}?"
                if self.near
                else "phototag tag PHOTO#1 NAME names one."
            )
            return f"No face has the name {self.word!r}. {hint}"
        hint = (
            f"Did you mean {' or '.join(self.near)}?" if self.near else "See which there are: phototag tags."
        )
        return f"No photo has the label {self.word!r}. {hint}"


@dataclass(frozen=True, slots=True)
class Query:
    """Terms that must all hold; none: every photo. `thresholds` (label -> least score) go before
    `default_score`, and a term's own score goes before both. `unknown_words`: those asked for in vain."""

    terms: tuple[Term, ...] = ()
    default_score: float = DEFAULT_SCORE
    thresholds: Mapping[str, float] = field(default_factory=dict)
    smile_threshold: float = SMILE_THRESHOLD
    unknown_words: tuple[UnknownWord, ...] = ()

    def require_known_words(self) -> None:
        """For what changes or makes something: raises UsageError where a word is unknown."""
        if self.unknown_words:
            raise UsageError(" ".join(map(str, self.unknown_words)))

    def every_term(self) -> Iterator[Term]:
        """The terms, and those inside them."""
        return _every_term(self.terms)

    @property
    def has_label(self) -> bool:
        """Whether some thing is asked for, so that sorting by relevance means something."""
        return any(isinstance(term, LabelTerm) and not term.negated for term in self.terms)

    def least_score(self, term: LabelTerm, label: str) -> float:
        """The score from which on `label` counts in this term."""
        return term.score if term.score is not None else self.thresholds.get(label, self.default_score)


def fold(text: str) -> str:
    """What is the same for every spelling of a word: upper and lower case, and letters with accents as one
    character or as two (file names and texts of a Mac)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def is_found(label: str, score: float, thresholds: Mapping[str, float]) -> bool:
    """Whether a question for this label alone finds what shows it with this score."""
    return score >= thresholds.get(label, DEFAULT_SCORE)


def _ends(value: str) -> tuple[str, str]:
    """The two ends of `1..3`; a value without dots is both."""
    first, dots, last = value.partition("..")
    return first, last if dots else first


def read_number(text: str) -> float:
    """A plain decimal number. Raises ValueError, also for what float() takes besides."""
    if not re.fullmatch(r"[+-]?[0-9]{1,15}([.][0-9]{0,15})?|[+-]?[.][0-9]{1,15}", text.strip()):
        raise ValueError(f"{text!r} is no number")
    return float(text)


def _quantity(text: str, units: Mapping[str, tuple[float, str]]) -> tuple[float, str]:
    """`20MP`: its value in the unit's base, and what the base is. Raises ValueError."""
    match = re.fullmatch(r"(.*?)\s*([A-Za-z]+)", text.strip())
    unit = units.get(match[2].casefold()) if match else None
    if match is None or unit is None:
        raise ValueError(f"{text!r} lacks a unit ({', '.join(units)})")
    value = read_number(match[1])
    if value < 0:
        raise ValueError(f"{text!r} is less than nothing")
    return value * unit[0], unit[1]


def _every_term(terms: Iterable[Term]) -> Iterator[Term]:
    for term in terms:
        yield term
        if isinstance(term, AnyTerm):
            for choice in term.choices:
                yield from _every_term(choice)

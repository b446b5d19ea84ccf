"""A theme: the rules by which photos are chosen, read from a small TOML file that a person can copy
and change. Knows how a rule is written, not what it does. A mistake in a file is told with its
place; an unknown key is a mistake."""

from __future__ import annotations

import dataclasses
import errno
import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from phototag.errors import UsageError
from phototag.smiling import SMILE_THRESHOLD

# What a score can be made of; each signal is 0 to 1 and described where it is measured, in signals.py.
SIGNALS = (
    "smile",
    "group_size",
    "face_size",
    "face_place",
    "face_sharpness",
    "subject",
    "sharpness",
    "exposure",
    "resolution",
)


MOODS = ("calm", "warm", "bright")  # of the music that the program composes for a film


def _number(lowest: float, highest: float, default: float) -> Any:
    return field(default=default, metadata={"range": (lowest, highest)})


@dataclass(frozen=True)
class Qualify:
    """What a photo must have to be a candidate at all."""

    everyone_smiling: bool = False
    # the least smiling face's, when everyone_smiling is asked for
    smile: float = _number(0, 1, SMILE_THRESHOLD)
    # the same at the second look, which is taken where more is asked for than what counts as a smile
    smile_again: float = _number(0, 1, 0.0)
    min_faces: int = _number(0, 1000, 0)  # eligible faces, as smiling.eligible counts them
    max_faces: int = _number(0, 1000, 1000)
    min_face_sharpness: float = _number(0, 1, 0.0)
    min_sharpness: float = _number(0, 1, 0.0)
    labels: tuple[str, ...] = ()  # at least one of these things must be in it
    label_score: float = _number(0, 1, 0.6)
    min_megapixels: float = _number(0, 1000, 0.0)
    # how far from home it must be taken; home is where photos were taken on most days
    min_km_from_home: float = _number(0, 20_000, 0.0)


@dataclass(frozen=True)
class Exclude:
    """What keeps a photo out whatever else it has."""

    labels: tuple[str, ...] = ()  # the user's own words, things and kinds alike
    label_score: float = _number(0, 1, 0.5)
    min_exposure: float = _number(0, 1, 0.0)


@dataclass(frozen=True)
class Count:
    minimum: int = _number(1, 10_000, 3)  # with fewer the theme refuses
    maximum: int = _number(1, 10_000, 60)
    lowest_score: float = _number(0, 1, 0.0)  # better a shorter album than a weak photo


@dataclass(frozen=True)
class Spread:
    """How photos are kept apart. `bucket_decay`: what a score is still worth once its time bucket
    has its even share; `group_decay`: the same for each photo of as many people at the same event. 1
    switches either off."""

    buckets: int = _number(1, 1000, 12)
    bucket_decay: float = _number(0.05, 1, 0.5)
    group_decay: float = _number(0.05, 1, 0.9)
    day_share: float = _number(0.01, 1, 0.2)
    event_share: float = _number(0.01, 1, 0.2)
    event_gap_hours: float = _number(0.1, 1000, 4.0)
    most_per_year: int = _number(0, 10_000, 0)  # 0: as many as there are


@dataclass(frozen=True)
class Film:
    seconds_per_photo: float = _number(0.5, 30, 3.0)
    shortest_seconds: float = _number(1, 3600, 20.0)
    longest_seconds: float = _number(1, 3600, 120.0)
    mood: str = field(default="warm", metadata={"one_of": MOODS})  # of the music
    align_faces: bool = False  # show the face of the album's person in the same place in every photo


@dataclass(frozen=True)
class Theme:
    """`weights` maps signals to what they weigh; those that a photo lacks do not count against it.
    `persons`: whom the album is of; their faces alone are judged then. No file says it: whoever asks does."""

    name: str
    title: str
    summary: str = ""
    qualify: Qualify = Qualify()
    exclude: Exclude = Exclude()
    weights: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({"sharpness": 1.0}))
    count: Count = Count()
    spread: Spread = Spread()
    film: Film = Film()
    persons: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()  # what is always asked, in the words of phototag query


LARGEST_BYTES = 100_000  # of a theme file: those that ship have 2,000
LONGEST_TITLE = 200  # characters: twice what a title card can show

SECTIONS = {"qualify": Qualify, "exclude": Exclude, "count": Count, "spread": Spread, "film": Film}


def names() -> list[str]:
    """The themes that ship, in alphabetical order."""
    folder = resources.files("phototag.highlights") / "themes"
    return sorted(
        entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")
    )


def load(name: str) -> Theme:
    """A theme that ships. Raises UsageError when there is none of that name."""
    if name not in names():
        raise UsageError(
            f"there is no theme {name!r}; there are {', '.join(names())}, and --theme FILE for one of "
            "your own"
        )
    text = (resources.files("phototag.highlights") / "themes" / f"{name}.toml").read_text(encoding="utf-8")
    return parse(text, name, f"theme {name}")


def read(path: Path) -> Theme:
    """A user's own theme file, named after the file. Raises UsageError with the file and the place
    of the mistake."""
    try:
        if not path.is_file():
            raise FileNotFoundError(errno.ENOENT, "there is no such file")
        with path.open("rb") as file:
            text = file.read(LARGEST_BYTES + 1).decode("utf-8")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path, or bytes that are no text
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"cannot read the theme file {path}: {reason}") from error
    if len(text) > LARGEST_BYTES:
        raise UsageError(f"{path} is larger than any theme: {LARGEST_BYTES:,} bytes at most")
    return parse(text, re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "theme", str(path))


def parse(text: str, name: str, where: str) -> Theme:
    """TOML text to Theme; `where` names it in errors."""
    try:
        document = tomllib.loads(text)
    except RecursionError as error:
        raise UsageError(f"{where} is not valid TOML: it is nested too deeply") from error
    except ValueError as error:  # TOMLDecodeError, and what Python says of numbers of thousands of digits
        raise UsageError(f"{where} is not valid TOML: {error}") from error
    known = {"title", "summary", "terms", "score", *SECTIONS}
    _refuse_unknown(document, known, where, "at the top")
    for key in ("title", "summary"):
        if not isinstance(document.get(key, ""), str):
            raise UsageError(f"{where}: {key} must be text in quotes")
    if not document.get("title", "").strip():
        raise UsageError(f'{where}: a theme needs a title, such as title = "Smiles"')
    if len(document["title"]) > LONGEST_TITLE or not is_one_line(document["title"]):
        raise UsageError(f"{where}: the title must be one line of at most {LONGEST_TITLE} characters")
    sections = {
        key: _section(document.get(key, {}), kind, f"{where}: [{key}]") for key, kind in SECTIONS.items()
    }
    theme = Theme(
        name,
        document["title"],
        document.get("summary", ""),
        weights=_weights(document, where),
        terms=_words(document.get("terms", []), f"{where}: terms"),
        **sections,
    )
    if theme.count.minimum > theme.count.maximum:
        raise UsageError(
            f"{where}: [count] minimum {theme.count.minimum} is more than maximum {theme.count.maximum}"
        )
    if theme.film.shortest_seconds > theme.film.longest_seconds:
        raise UsageError(f"{where}: [film] shortest_seconds is more than longest_seconds")
    return theme


def is_one_line(text: str) -> bool:
    """Whether the text holds no line breaks, control characters or broken characters."""
    return not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in text)


def _weights(document: Mapping[str, Any], where: str) -> Mapping[str, float]:
    weights = document.get("score", {})
    if not isinstance(weights, dict):
        raise UsageError(f"{where}: score must be a table, [score]")
    _refuse_unknown(weights, SIGNALS, where, "in [score]")
    for key, value in weights.items():
        _check_number(value, (0, 100), f"{where}: [score] {key}")
    if not any(weights.values()):
        raise UsageError(f"{where}: [score] must give at least one of {', '.join(SIGNALS)} a weight above 0")
    return MappingProxyType({key: float(weights[key]) for key in SIGNALS if weights.get(key)})


def _section(values: Any, kind: type, where: str) -> Any:
    if not isinstance(values, dict):
        raise UsageError(f"{where} must be a table")
    fields = {each.name: each for each in dataclasses.fields(kind)}
    _refuse_unknown(values, fields, where, "in it")
    made = {}
    for key, value in values.items():
        default = fields[key].default
        if isinstance(default, bool):
            if not isinstance(value, bool):
                raise UsageError(f"{where} {key} must be true or false")
        elif isinstance(default, tuple):
            value = _words(value, f"{where} {key}")
        elif isinstance(default, str):
            choices = fields[key].metadata["one_of"]
            if value not in choices:
                raise UsageError(f"{where} {key} must be one of {', '.join(choices)}, not {_brief(value)}")
        else:
            _check_number(
                value, fields[key].metadata["range"], f"{where} {key}", whole=isinstance(default, int)
            )
        made[key] = value
    return kind(**made)


def _words(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise UsageError(f'{where} must be a list of words, such as ["dog", "cat"]')
    return tuple(value)


def _check_number(value: Any, allowed: tuple[float, float], where: str, whole: bool = False) -> None:
    good = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not good or not allowed[0] <= value <= allowed[1]:
        kind = "a whole number" if whole else "a number"
        raise UsageError(f"{where} must be {kind} from {allowed[0]} to {allowed[1]}, not {_brief(value)}")


def _brief(value: Any) -> str:
    """What was given, in a few characters: Python refuses to write out numbers of thousands of digits."""
    if isinstance(value, int) and value.bit_length() > 64:
        return "such a large one"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def _refuse_unknown(given: Mapping[str, Any], known: Any, where: str, place: str) -> None:
    for key in given:
        if key not in known:
            raise UsageError(
                f"{where}: nothing is called {_brief(key)} {place}; there is {', '.join(sorted(known))}"
            )

"""The query language: text -> `Query`. Pure; knows no database, standard library only.

A query is a list of terms that must all hold. Whatever a term asks, `^` before it asks for the
opposite, and the opposite is the complement: `^dog` is every photo that `dog` does not find."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta

from phototag.errors import UsageError
from phototag.query.terms import (
    DEFAULT_SCORE,
    EMOTIONS,
    CameraTerm,
    FacesTerm,
    LabelTerm,
    PathTerm,
    Query,
    SmilingTerm,
    StateTerm,
    TakenTerm,
    Term,
)
from phototag.smiling import SMILE_THRESHOLD

_EMOTION_OF = {word: emotion for emotion, words in EMOTIONS.items() for word in words}

SMILING = ("all", "any", "none", "unknown")
STATES = ("untagged", "failed", "missing")
KEYS = ("faces", "smiling", "taken", "path", "camera")
UNDERSTOOD = (
    'A term is a label (dog, "potted plant", dog:0.8), faces:2.., smiling:all, happy, taken:2016-06, path:TEXT, camera:TEXT, '
    "untagged, failed or missing; ^ before a term means not."
)


Synonyms = Mapping[str, Collection[str]] | Callable[[str], Collection[str] | None]


def parse(
    terms: Sequence[str],
    known_labels: Collection[str] = (),
    synonyms: Synonyms | None = None,
    *,
    default_score: float = DEFAULT_SCORE,
    thresholds: Mapping[str, float] | None = None,
    smile_threshold: float = SMILE_THRESHOLD,
) -> Query:
    """The query that these terms ask, one term per string as a shell hands them over.

    `known_labels`: those of the catalog; a label that is not among them is a mistake, unless there
    are none at all. `synonyms`: word -> the labels it stands for (`animal` -> dog, cat ...), none
    for a word without meaning. Raises UsageError with what is understood and the nearest label."""
    vocabulary = _Vocabulary(known_labels, synonyms)
    return Query(
        tuple(_term(text, vocabulary) for text in terms),
        default_score,
        dict(thresholds or {}),
        smile_threshold,
    )


def split(text: str) -> list[str]:
    """The terms in one line, as in a theme file: apart at blanks, except inside double quotes,
    which stay for `parse`.

    >>> split('dog "potted plant" ^camera:"Pixel 3"')
    ['dog', '"potted plant"', '^camera:"Pixel 3"']
    """
    if text.count('"') % 2:
        raise UsageError(f"a quotation mark is not closed in: {text}")
    return re.findall(r'(?:[^\s"]|"[^"]*")+', text)


class _Vocabulary:
    """The labels one may ask for, whatever their case."""

    def __init__(self, known: Iterable[str], synonyms: Synonyms | None) -> None:
        self._spellings: dict[str, list[str]] = {}
        for label in known:
            self._spellings.setdefault(label.casefold(), []).append(label)
        self._words = synonyms if isinstance(synonyms, Mapping) else {}
        self._expand = synonyms if callable(synonyms) else lambda word: self._words.get(word, ())

    def labels(self, word: str) -> tuple[str, ...]:
        """The known labels that a word stands for, in a stable order; none where it is unknown."""
        found = set(self._spellings.get(word.casefold(), ()))
        for label in self._expand(word.casefold()) or ():
            found.update(self._spellings.get(label.casefold(), ()))
        return tuple(sorted(found))

    def is_word(self, word: str) -> bool:
        """Whether the word means something, even if no photo shows it yet."""
        return bool(self.labels(word) or self._expand(word.casefold()))

    @property
    def is_empty(self) -> bool:
        return not self._spellings

    def nearest(self, word: str) -> str | None:
        words = [*self._spellings, *self._words, *_EMOTION_OF, *STATES]
        close = difflib.get_close_matches(word.casefold(), words, n=1, cutoff=0.6)
        return self._spellings.get(close[0], close)[0] if close else None


def _term(text: str, vocabulary: _Vocabulary) -> Term:
    negated = text.startswith("^")
    body = text[1:] if negated else text
    if not body.strip():
        raise UsageError(f"There is nothing to look for in {text!r}. {UNDERSTOOD}")
    if body in STATES:
        return StateTerm(body, negated)
    key, colon, value = body.partition(":")
    if colon and key in KEYS:
        return _keyed(key, _unquoted(value), text, negated)
    if body in KEYS:
        raise UsageError(f"{text!r} lacks what to look for; type for example {_example(body)}. {UNDERSTOOD}")
    return _label(body, vocabulary, text, negated)


def _label(body: str, vocabulary: _Vocabulary, text: str, negated: bool) -> LabelTerm:
    word, score = _unquoted(body).strip(), None
    if not vocabulary.is_word(word):  # a label may itself end in :0.8, hence this order
        name, colon, number = body.rpartition(":")
        if colon and name:
            close = difflib.get_close_matches(name, KEYS, n=1)
            hint = f" Did you mean {close[0]}:{number}?" if close else ""
            try:
                score = float(number)
            except ValueError:
                raise UsageError(f"{text!r} is not understood.{hint} {UNDERSTOOD}") from None
            if not 0 <= score <= 1:
                raise UsageError(
                    f"the score in {text!r} must lie between 0 and 1; type for example {name}:0.8.{hint}"
                )
            word = _unquoted(name).strip()
    if not word:
        raise UsageError(f"There is nothing to look for in {text!r}. {UNDERSTOOD}")
    emotion = _EMOTION_OF.get(word.casefold())
    if emotion and body[0] != '"':
        # Being the likeliest of eight emotions is the condition; it needs no further threshold.
        labels = dict.fromkeys((emotion, *vocabulary.labels(word)))
        return LabelTerm(tuple(labels), 0.0 if score is None else score, negated)
    labels = vocabulary.labels(word)
    if not labels and not vocabulary.is_empty and not vocabulary.is_word(word):
        nearest = vocabulary.nearest(word)
        hint = f"Did you mean {nearest}?" if nearest else "See which there are: phototag tags."
        raise UsageError(f"No photo has the label {word!r}. {hint} {UNDERSTOOD}")
    return LabelTerm(labels or (word,), score, negated)


def _keyed(key: str, value: str, text: str, negated: bool) -> Term:
    if not value:
        raise UsageError(f"{text!r} lacks what to look for; type for example {_example(key)}")
    if key == "path":
        return PathTerm(value, negated)
    if key == "camera":
        return CameraTerm(value, negated)
    if key == "smiling":
        if value not in SMILING:
            close = difflib.get_close_matches(value, SMILING, n=1)
            hint = f" Did you mean smiling:{close[0]}?" if close else ""
            raise UsageError(f"{text!r} is not understood: smiling: takes all, any, none or unknown.{hint}")
        return SmilingTerm(value, negated)
    first, dots, last = value.partition("..")
    if not dots:
        last = first
    if key == "faces":
        least, most = (_whole_number(end, text) if end else None for end in (first, last))
        if (least is None and most is None) or (least is not None and most is not None and least > most):
            raise UsageError(f"{text!r} fits no number of faces; type for example {_example(key)}")
        return FacesTerm(least, most, negated)
    since = _period(first, text)[0] if first else None
    until = _period(last, text)[1] if last else None
    if (not first and not last) or (since and until and since >= until):
        raise UsageError(f"{text!r} fits no date; type for example {_example(key)}")
    return TakenTerm(since, until, negated)


def _whole_number(text: str, term: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise UsageError(
            f"{term!r} is not understood: {text!r} is no number of faces; type for example {_example('faces')}"
        )
    return int(text)


def _period(text: str, term: str) -> tuple[date, date | None]:
    """The first day of a year, month or day, and the first day after it (None after the last year
    that dates know)."""
    match = re.fullmatch(r"([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2}))?)?", text)
    try:
        if not match:
            raise ValueError
        year, month, day = (int(part) if part else None for part in match.groups())
        first = date(year, month or 1, day or 1)
        try:
            if day:
                return first, first + timedelta(days=1)
            if month:
                return first, date(year + month // 12, month % 12 + 1, 1)
            return first, date(year + 1, 1, 1)
        except (ValueError, OverflowError):
            return first, None
    except ValueError:
        raise UsageError(
            f"{term!r} is not understood: {text!r} is no date; type for example {_example('taken')}"
        ) from None


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] == '"' else text


def _example(key: str) -> str:
    return {
        "faces": "faces:2, faces:1..3 or faces:2..",
        "smiling": "smiling:all",
        "taken": "taken:2016, taken:2016-06..2016-08 or taken:2016-06-24..",
        "path": "path:Italy",
        "camera": "camera:Pixel",
    }[key]

"""The query language: text -> `Query`. Pure; knows no database, standard library only.

A query is a list of terms that must all hold. Whatever a term asks, `^` before it asks for the
opposite, and the opposite is the complement: `^dog` is every photo that `dog` does not find."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from phototag.errors import UsageError
from phototag.query.terms import (
    DEFAULT_SCORE,
    EMOTIONS,
    STATES,
    TERMS,
    LabelTerm,
    Query,
    StateTerm,
    Term,
    fold,
)
from phototag.smiling import ANYONE, EVERYONE, SMILE_THRESHOLD, reserved

_EMOTION_OF = {word: emotion for emotion, words in EMOTIONS.items() for word in words}

# What `phototag tag` takes as a person's word on who smiles -> how to ask for it.
SMILING_INSTEAD = {EVERYONE: "smiling:all", ANYONE: "smiling:any"}

UNDERSTOOD = (
    'A term is a label (dog, "potted plant", dog:0.8), faces:2.., smiling:all, happy, taken:2016-06, '
    "path:TEXT, "
    "camera:TEXT, untagged, failed or missing; ^ before a term means not."
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
            self._spellings.setdefault(fold(label), []).append(label)
        self._words = synonyms if isinstance(synonyms, Mapping) else {}
        self._expand = synonyms if callable(synonyms) else lambda word: self._words.get(word, ())

    def labels(self, word: str) -> tuple[str, ...]:
        """The known labels that a word stands for, in a stable order; none where it is unknown."""
        found = set(self._spellings.get(fold(word), ()))
        for label in self._expand(fold(word)) or ():
            found.update(self._spellings.get(fold(label), ()))
        return tuple(sorted(found))

    def is_word(self, word: str) -> bool:
        """Whether the word means something, even if no photo shows it yet."""
        return bool(self.labels(word) or self._expand(fold(word)))

    @property
    def is_empty(self) -> bool:
        return not self._spellings

    def nearest(self, word: str) -> str | None:
        words = [*self._spellings, *self._words, *_EMOTION_OF, *STATES]
        close = difflib.get_close_matches(fold(word), words, n=1, cutoff=0.6)
        return self._spellings.get(close[0], close)[0] if close else None


def _term(text: str, vocabulary: _Vocabulary) -> Term:
    negated = text.startswith("^")
    body = text[1:] if negated else text
    if not body.strip():
        raise UsageError(f"There is nothing to look for in {text!r}. {UNDERSTOOD}")
    if body in STATES:
        return StateTerm(body, negated)
    key, colon, value = body.partition(":")
    if colon and key in TERMS:
        return _keyed(key, _unquoted(value), text, negated)
    if body in TERMS:
        raise UsageError(
            f"{text!r} lacks what to look for; type for example {TERMS[body].examples}. {UNDERSTOOD}"
        )
    return _label(body, vocabulary, text, negated)


def _label(body: str, vocabulary: _Vocabulary, text: str, negated: bool) -> LabelTerm:
    word, score = _unquoted(body).strip(), None
    if not vocabulary.is_word(word):  # a label may itself end in :0.8, hence this order
        name, colon, number = body.rpartition(":")
        if colon and name:
            close = difflib.get_close_matches(name, TERMS, n=1)
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
    emotion = _EMOTION_OF.get(fold(word))
    if emotion and body[0] != '"':
        # Being the likeliest of eight emotions is the condition; it needs no further threshold.
        same = dict.fromkeys((emotion, *vocabulary.labels(word)))
        return LabelTerm(tuple(same), 0.0 if score is None else score, negated)
    labels = vocabulary.labels(word)
    if said := reserved(word):
        raise UsageError(f"Who smiles is no label; type {SMILING_INSTEAD[said]}. {UNDERSTOOD}")
    if not labels and not vocabulary.is_empty and not vocabulary.is_word(word):
        nearest = vocabulary.nearest(word)
        hint = f"Did you mean {nearest}?" if nearest else "See which there are: phototag tags."
        raise UsageError(f"No photo has the label {word!r}. {hint} {UNDERSTOOD}")
    return LabelTerm(labels or (word,), score, negated)


def _keyed(key: str, value: str, text: str, negated: bool) -> Term:
    kind = TERMS[key]
    if not value:
        raise UsageError(f"{text!r} lacks what to look for; type for example {kind.examples}")
    try:
        return kind.read(value, negated)
    except ValueError as error:
        example = "" if str(error).endswith("?") else f"; type for example {kind.examples}"
        raise UsageError(f"{text!r} is not understood: {error}{example}") from None


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] == '"' else text

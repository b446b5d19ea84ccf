"""The query language: text -> `Query`. Pure; knows no database, standard library only.

    query  = terms { "or" terms }
    terms  = term { term }
    term   = [ "^" ] ( "(" query ")" | label | key:value | state )

Terms side by side must all hold; `or` binds less than that. Whatever a term asks, `^` before it asks for
the opposite, and the opposite is the complement: `^dog` is every photo that `dog` does not find."""

from __future__ import annotations

import difflib
import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from phototag.errors import UsageError
from phototag.query.related import related
from phototag.query.terms import (
    DEFAULT_SCORE,
    EMOTIONS,
    PERSONS,
    SMILING,
    STATES,
    TERMS,
    AnyTerm,
    LabelTerm,
    PersonTerm,
    Query,
    SmilingPersonTerm,
    StateTerm,
    Term,
    UnknownWord,
    fold,
)
from phototag.smiling import ANYONE, EVERYONE, SMILE_THRESHOLD, reserved

_EMOTION_OF = {word: emotion for emotion, words in EMOTIONS.items() for word in words}

# What `phototag tag` takes as a person's word on who smiles -> how to ask for it.
SMILING_INSTEAD = {EVERYONE: "smiling:all", ANYONE: "smiling:any"}

UNDERSTOOD = (
    'A term is a label (dog, "potted plant", dog:0.8), faces:2.., smiling:all, person:Anna, happy, '
    "taken:2016-06, path:TEXT, camera:TEXT, untagged, failed or missing; ^ before a term means not, or "
    "between terms means either."
)
# Least likeness (difflib) of a word to a known one that is taken for a slip of the fingers: puppt is one
# of puppy; sunset is none of disgust (0.62).
SLIP = 0.75
# What makes several terms of one string, unless quoted: an `or`; a key, and a second one behind a blank.
_OR = r"(?:^|.*\s)or(?:\s|$)"
_KEY = rf"\^?(?:{'|'.join(map(re.escape, TERMS))}):"
_LINE = re.compile(rf'(?:{_OR}|{_KEY}.*\s{_KEY})(?=(?:[^"]*"[^"]*")*[^"]*$)', re.DOTALL)
DEEPEST = 50  # groups in groups; nobody types more, and each takes a level of Python's stack

Synonyms = Mapping[str, Collection[str]] | Callable[[str], Collection[str] | None]


def parse(
    terms: Sequence[str],
    known_labels: Collection[str] = (),
    synonyms: Synonyms | None = None,
    *,
    default_score: float = DEFAULT_SCORE,
    thresholds: Mapping[str, float] | None = None,
    smile_threshold: float = SMILE_THRESHOLD,
    known_persons: Callable[[], Collection[str]] = frozenset,
) -> Query:
    """The query that these terms ask, one term per string as a shell hands them over; a string that opens
    a group, holds an `or`, or has a `key:` and a second one, may be a whole line.

    `known_labels`: those of the catalog; a label that is not among them finds nothing, and is one of the
    query's `unknown_words`, unless there are none at all. `synonyms`: word -> the labels it stands for
    (`animal` -> dog, cat ...), none for a word without meaning. `known_persons`: asked where a name stands;
    one that is not among them is unknown too. Raises UsageError with what is understood for what is no
    question."""
    vocabulary = _Vocabulary(known_labels, synonyms, known_persons)
    words = deque(piece for text in terms for piece in _pieces(text))
    found = _choices(words, vocabulary, 0)
    if words:
        raise UsageError(f"a ) closes nothing in: {' '.join(terms)}")
    return Query(
        tuple(found), default_score, dict(thresholds or {}), smile_threshold, tuple(vocabulary.unknown_words)
    )


def group(terms: Sequence[str]) -> list[str]:
    """The terms as one, so that they can stand beside others: in parentheses where an `or` is among them."""
    pieces = [piece for text in terms for piece in _pieces(text)]
    return ["(", *pieces, ")"] if any(piece.casefold() == "or" for piece in pieces) else list(terms)


def split(text: str) -> list[str]:
    """The terms in one line, as in a theme file: apart at blanks, except inside double quotes,
    which stay for `parse`.

    >>> split('dog "potted plant" ^camera:"Pixel 3"')
    ['dog', '"potted plant"', '^camera:"Pixel 3"']
    """
    if text.count('"') % 2:
        raise UsageError(f"a quotation mark is not closed in: {text}")
    return re.findall(r'(?:[^\s"]|"[^"]*")+', text)


def _pieces(text: str) -> list[str]:
    """A term, with the parentheses around it apart; the pieces of a whole line. Parentheses inside a term
    are its own: path:Photos(1)."""
    is_line = text.startswith(("(", "^(")) or _LINE.match(text)
    before: list[str] = []
    after: list[str] = []
    words = split(text) if is_line and re.search(r"\s", text) else [text]
    if len(words) > 1:
        return [piece for word in words for piece in _pieces(word)]
    word = words[0] if words else text
    while word.startswith(("(", "^(")):
        opening, word = word[: word.index("(") + 1], word[word.index("(") + 1 :]
        before.append(opening)
    while word.endswith(")") and word.count(")") > word.count("("):
        word = word[:-1]
        after.append(")")
    return [*before, *([word] if word or not before + after else []), *after]


def _choices(words: deque[str], vocabulary: _Vocabulary, depth: int) -> list[Term]:
    """Reads terms up to the end, or up to the `)` that closes the group; what they ask, as terms that
    must all hold. `depth`: groups around them."""
    if depth > DEEPEST:
        raise UsageError(f"more than {DEEPEST} ( are open at once")
    choices: list[list[Term]] = [[]]
    while words and words[0] != ")":
        word = words.popleft()
        if word.casefold() == "or":
            if not choices[-1]:
                raise UsageError(f"or stands between two terms, as in: dog or cat. {UNDERSTOOD}")
            choices.append([])
        elif word in ("(", "^("):
            inside = _choices(words, vocabulary, depth + 1)
            if not words:
                raise UsageError(f"a ( is not closed. {UNDERSTOOD}")
            words.popleft()
            if not inside:
                raise UsageError(f"There is nothing between ( and ). {UNDERSTOOD}")
            choices[-1] += [_opposite(inside)] if word == "^(" else inside
        else:
            choices[-1].append(_term(word, vocabulary))
    if len(choices) == 1:
        return choices[0]
    if not choices[-1]:
        raise UsageError(f"or stands between two terms, as in: dog or cat. {UNDERSTOOD}")
    return [_either(choices)]


def _either(choices: Sequence[Sequence[Term]]) -> Term:
    """At least one choice holds. Labels alone are one term, so that their index is one, and a question for
    them is sorted by relevance."""
    labels = [
        term for choice in choices for term in choice if isinstance(term, LabelTerm) and not term.negated
    ]
    if len(labels) == sum(map(len, choices)) == len(choices) and len({term.score for term in labels}) == 1:
        names = dict.fromkeys(name for term in labels for name in term.labels)
        return replace(labels[0], labels=tuple(names))
    return AnyTerm(tuple(tuple(choice) for choice in choices))


def _opposite(terms: Sequence[Term]) -> Term:
    if len(terms) == 1:
        return replace(terms[0], negated=not terms[0].negated)
    return AnyTerm((tuple(terms),), negated=True)


class _Vocabulary:
    """The labels and persons one may ask for, whatever their case. `unknown_words`: those asked for in
    vain, each with known words near it."""

    def __init__(
        self, known: Iterable[str], synonyms: Synonyms | None, known_persons: Callable[[], Collection[str]]
    ) -> None:
        self._known_persons = known_persons
        self.unknown_words: list[UnknownWord] = []
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

    def note_unknown(self, word: str) -> None:
        self.unknown_words.append(UnknownWord(word, tuple(self._near(word))))

    def check_name(self, key: str, name: str, reserved_words: Sequence[str]) -> None:
        """Notes a name that nobody has. Raises ValueError for what is rather a slip in a reserved word."""
        spellings = {fold(known): known for known in self._known_persons()}
        if fold(name) in spellings:
            return
        if close := difflib.get_close_matches(name, reserved_words, n=1, cutoff=SLIP):
            raise ValueError(
                f"{key}: takes {', '.join(reserved_words)} or a name. Did you mean {key}:{close[0]}?"
            )
        # whoever has the word among their names, else whose name is spelled much like it
        near = [known for folded, known in spellings.items() if fold(name) in folded.split()]
        near = near or [
            spellings[folded] for folded in difflib.get_close_matches(fold(name), spellings, n=1, cutoff=SLIP)
        ]
        self.unknown_words.append(
            UnknownWord(name, tuple(f"{key}:{_quoted(one)}" for one in near[:3]), is_name=True)
        )

    def _near(self, word: str) -> list[str]:
        """Near in meaning; else what was probably meant to be typed."""
        if found := [near for near in related(fold(word)) if ":" in near or self.labels(near)]:
            return found
        words = [*self._spellings, *self._words, *_EMOTION_OF, *STATES]
        close = difflib.get_close_matches(fold(word), words, n=1, cutoff=SLIP)
        return [self._spellings.get(near, [near])[0] for near in close]


def _term(text: str, vocabulary: _Vocabulary) -> Term:
    negated = text.startswith("^")
    body = text[1:] if negated else text
    if not body.strip():
        raise UsageError(f"There is nothing to look for in {text!r}. {UNDERSTOOD}")
    if body in STATES:
        return StateTerm(body, negated)
    key, colon, value = body.partition(":")
    if colon and key in TERMS and not (TERMS[key].is_label and _is_score(value)):
        return _keyed(key, value, text, negated, vocabulary)
    if body in TERMS and not (TERMS[body].is_label or vocabulary.labels(body) or related(fold(body))):
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
        vocabulary.note_unknown(word)
    return LabelTerm(labels or (word,), score, negated)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if " " in name or '"' in name else name


def _keyed(key: str, value: str, text: str, negated: bool, vocabulary: _Vocabulary) -> Term:
    kind = TERMS[key]
    is_quoted = value[:1] == '"'
    read = kind.read_quoted if kind.read_quoted and is_quoted else kind.read
    value = _unquoted(value)
    if not value:
        raise UsageError(f"{text!r} lacks what to look for; type for example {kind.examples}")
    try:
        term = read(value, negated)
        if isinstance(term, PersonTerm | SmilingPersonTerm):
            words = PERSONS if key == "person" else SMILING
            vocabulary.check_name(key, term.name, () if is_quoted else words)
        return term
    except ValueError as error:
        example = "" if str(error).endswith("?") else f"; type for example {kind.examples}"
        raise UsageError(f"{text!r} is not understood: {error}{example}") from None


def _is_score(text: str) -> bool:
    return re.fullmatch(r"[0-9]*\.?[0-9]+", text) is not None


def _unquoted(text: str) -> str:
    """What stands in quotes; a quotation mark within is written twice."""
    return text[1:-1].replace('""', '"') if len(text) >= 2 and text[0] == text[-1] == '"' else text

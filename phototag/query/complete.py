"""What may be meant by a question that is half typed. Pure; standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from phototag.query.terms import EMOTIONS, PERSONS, RELIABLE_EMOTIONS, SMILING, STATES, TERMS, fold

MOST = 12  # completions: what a list under a search box shows
# What stands after a key is nearly always one of these, whatever is in the catalog.
VALUES: Mapping[str, Sequence[str]] = {
    "smiling": SMILING,
    "person": PERSONS,
    "faces": ("0", "1", "2", "2..", "3.."),
}


@dataclass(frozen=True, slots=True)
class Completion:
    """A term that takes the place of what is typed, and a note on it: `42 photos`, or what it finds."""

    term: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Completions:
    """`choices` for the characters from `start` to `end` of the text."""

    start: int
    end: int
    choices: tuple[Completion, ...]


def complete(
    text: str, at: int, labels: Iterable[tuple[str, int]], values: Mapping[str, Iterable[str]]
) -> Completions:
    """What the word that the cursor `at` stands in or behind may become. `labels`: (label, number of
    photos; 0 where it is not known), the most frequent first. `values`: key -> what may stand after it.

    >>> complete("smiling:all do", 14, [("dog", 3), ("door", 1)], {}).choices[0]
    Completion(term='dog', note='3 photos')
    """
    start, end = _word_around(text, at)
    typed = text[start:at]
    key, colon, value = typed.partition(":")
    if colon and key in TERMS:
        kinds = [*VALUES.get(key, ()), *values.get(key, ())]
        found: Iterator[Completion] = (
            Completion(f"{key}:{quoted(each)}") for each in _ranked(kinds, value.lstrip('"'))
        )
    else:
        found = _words(typed.lstrip('"'), labels)
    choices = dict.fromkeys(choice for choice, _ in zip(found, range(MOST), strict=False))
    return Completions(start, end, tuple(choices))


def quoted(text: str) -> str:
    """A label or a value as a term takes it.

    >>> quoted("potted plant")
    '"potted plant"'
    >>> quoted('6" lens')
    '"6"" lens"'
    """
    special = any(letter.isspace() or letter in ':^()"' for letter in text)
    if not special and text and fold(text) not in ("or", *STATES):
        return text
    return '"' + text.replace('"', '""') + '"'


def _word_around(text: str, at: int) -> tuple[int, int]:
    """Where the word begins and ends: blanks end it, except within double quotes; signs before it are not
    of it."""
    start, inside = 0, False
    for place, letter in enumerate(text[:at]):
        if letter == '"':
            inside = not inside
        elif not inside and (letter.isspace() or (letter in "(^" and place == start)):
            start = place + 1
    end = at
    while end < len(text) and (inside or not (text[end].isspace() or text[end] == ")")):
        inside ^= text[end] == '"'
        end += 1
    return start, end


def _words(typed: str, labels: Iterable[tuple[str, int]]) -> Iterator[Completion]:
    counts = dict(labels)
    names = _ranked(counts, typed)
    notes = {f"{key}:": kind.help[1] for key, kind in TERMS.items()}
    keys = [key for key in notes if typed and key.startswith(fold(typed))]
    words = [asked for emotion, asks in EMOTIONS.items() if emotion in RELIABLE_EMOTIONS for asked in asks]
    as_labels = [key for key in keys if TERMS[key[:-1]].is_label]
    for key in keys:
        if key not in as_labels:
            yield Completion(key, notes[key])
    if not typed:
        yield from (Completion("smiling:all", TERMS["smiling"].help[1]), Completion("faces:2.."))
    for label in names:
        if label in EMOTIONS:
            continue
        number = counts[label]
        yield Completion(quoted(label), f"{number:,} photo{'s' * (number != 1)}" if number else "")
    for key in as_labels:  # behind the label, which is asked for more often
        yield Completion(key, notes[key])
    for word in [*words, *STATES]:
        if typed and word.startswith(fold(typed)):
            yield Completion(word)


def _ranked(names: Iterable[str], typed: str) -> list[str]:
    """Those that begin so, then those of which a later word does, each in the order given."""
    typed = fold(typed)
    begin = [name for name in names if fold(name).startswith(typed)]
    later = [name for name in names if f" {typed}" in fold(name) and not fold(name).startswith(typed)]
    return begin + later

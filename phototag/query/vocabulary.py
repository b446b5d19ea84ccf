"""Which labels a word stands for: synonyms, plurals and broader words, from vocabulary.toml. Light:
knows no tagger and no database."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

VOCABULARY_FILE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class Vocabulary:
    """`called`: label -> its other names; `label_of`: other name -> label; `contains`: broader word
    -> what belongs to it."""

    called: dict[str, tuple[str, ...]]
    label_of: dict[str, str]
    contains: dict[str, tuple[str, ...]]
    labels: frozenset[str]


@cache
def vocabulary() -> Vocabulary:
    document = tomllib.loads(VOCABULARY_FILE.read_text(encoding="utf-8"))
    called = {label: tuple(names) for label, names in document["called"].items()}
    contains = {word: tuple(members) for word, members in document["contains"].items()}
    labels = {member for members in contains.values() for member in members if member not in contains} | set(
        called
    )
    return Vocabulary(
        called,
        {name: label for label, names in called.items() for name in names},
        contains,
        frozenset(labels),
    )


def canonical(label: str) -> str:
    """The one name a thing goes by, whatever a dataset calls it: tvmonitor -> tv. Unknown labels
    come back as they are."""
    return vocabulary().label_of.get(label, label)


def expand(word: str) -> set[str] | None:
    """Every label that `word` stands for, itself and other names of the same things included; None
    for a word that means nothing here. Case and regular plurals do not matter: `Puppies` finds
    dogs."""
    found = _find(word)
    return None if found is None else _below(found)


def _find(word: str) -> str | None:
    known = vocabulary()
    for form in _forms(" ".join(word.casefold().split())):
        if form in known.contains or form in known.labels:
            return form
        if form in known.label_of:
            return known.label_of[form]
    return None


def _forms(word: str) -> list[str]:
    """The word, then what it may be the plural of."""
    forms = [word]
    for ending, singulars in (("ies", ("y",)), ("ves", ("f", "fe")), ("es", ("",)), ("s", ("",))):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            forms += [word.removesuffix(ending) + singular for singular in singulars]
    return forms


def _below(word: str) -> set[str]:
    known = vocabulary()
    words, waiting = set(), [word]
    while waiting:
        one = waiting.pop()
        if one not in words:
            words.add(one)
            waiting += known.contains.get(one, ())
    return words | {name for label in words for name in known.called.get(label, ())}

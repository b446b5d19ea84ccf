"""The one way to ask: what a person types, in the words of this catalog, as a `Query`. The command
line and Python both come through here, so both find the same photos."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from phototag.errors import UsageError
from phototag.query.parse import parse, split
from phototag.query.terms import Query
from phototag.query.vocabulary import expand


class Askable(Protocol):
    """What asking needs to know of a catalog: the labels that its photos have, the score from which
    on a label counts where it is not DEFAULT_SCORE, and who is in its photos."""

    def known_labels(self) -> Collection[str]: ...

    def thresholds(self) -> Mapping[str, float]: ...

    def known_persons(self) -> Collection[str]: ...


def ask(library: Askable, text: str | Sequence[str]) -> Query:
    """The query that `text` asks of this catalog: a line such as `smiling:all taken:2016 animal`, or
    its terms one by one, as a shell hands them over.

    Words stand for the labels that they mean (`animal` for dogs and cats), and a label counts from
    the score on that its weights state. Raises UsageError with what is understood."""
    terms = split(text) if isinstance(text, str) else text
    return parse(
        terms,
        library.known_labels(),
        expand,
        thresholds=library.thresholds(),
        known_persons=library.known_persons,
    )


def find_mistake(library: Askable, text: str) -> tuple[int, int] | None:
    """Where the first term of a line begins and ends that is not understood by itself; None where each is,
    or where a quotation mark is not closed."""
    for match in re.finditer(r'(?:[^\s"]|"[^"]*")+', text):
        word = match.group().strip("()")
        if word in ("", "^") or word.casefold() == "or":
            continue
        try:
            ask(library, [word])
        except UsageError:
            return match.span()
    return None

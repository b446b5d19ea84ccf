"""Questions as the page changes them: a term is added to a question or taken out of it again. It works
on the text, so that the rest stays as the person wrote it."""

from __future__ import annotations

import re

TERM = re.compile(r'(?:[^\s"]|"[^"]*")+')
QUOTED = re.compile(r'"[^"]*"')


def is_required(question: str, term: str) -> bool:
    """Whether the question says of every photo that it has to meet this term."""
    return set(TERM.findall(term)) <= set(_required(question))


def toggle(question: str, term: str) -> str:
    """The question with this term, or without it where every photo has to meet it already."""
    if is_required(question, term):
        taken_out = TERM.findall(term)
        return " ".join(each for each in TERM.findall(question) if each not in taken_out)
    return f"{f'( {question} )' if _has_either(question) else question} {term}".strip()


def _required(question: str) -> list[str]:
    """The terms that can be taken out alone: none in brackets, none beside an `or`."""
    if _has_either(question):
        return []
    return [term for term, depth in _with_depth(question) if not depth and not re.search("[()]", _bare(term))]


def _has_either(question: str) -> bool:
    return any(not depth and term.lower() == "or" for term, depth in _with_depth(question))


def _with_depth(question: str) -> list[tuple[str, int]]:
    """Every term with the number of brackets that are open before it."""
    found, depth = [], 0
    for term in TERM.findall(question):
        found.append((term, depth))
        depth += _bare(term).count("(") - _bare(term).count(")")
    return found


def _bare(term: str) -> str:
    return QUOTED.sub("", term)

"""Asking a catalog of a million photos: what a person waits for the first page and for a count, for
every kind of question of the README."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from phototag.library import Library
from phototag.query.parse import parse, split
from phototag.query.terms import Query
from phototag.query.vocabulary import expand
from phototag.weights.default_detector import OURS
from phototag.weights.thresholds import read_thresholds
from tests.benchmarks import Figure, Plan, alternate, catalog, tell

PAGE = 50  # photos
PAGE_MS = 20  # a page that takes longer is waited for
COUNT_MS = 100

# README's table of terms, row by row, and what the tour and the help ask.
QUESTIONS = (
    "dog", '"potted plant"', "dog:0.8", "^cat", "animal",
    "smiling:all", "smiling:any", "smiling:none", "smiling:unknown",
    "happy", "sad", "angry", "surprised", "neutral",
    "faces:2..", "faces:2", "faces:1..3", "faces:..1",
    "taken:2016", "taken:2016-06", "taken:2016-06-24", "taken:2016-06..2016-08", "taken:2016-07..",
    "path:Italy", 'camera:"Pixel"', "untagged", "failed", "missing",
    "grandma", "smiling:all taken:2016", "smiling:all faces:3.. taken:2016", "dog ^person",
    "cat smiling:all path:Italy",
)  # fmt: skip
SORTED = (("", "taken"), ("", "path"), ("smiling:all", "smile"), ("smiling:all", "path"), ("dog", "taken"))
COUNTED = ("", "dog", "^cat", "smiling:all", "taken:2016")


def figures(plan: Plan = Plan()) -> list[Figure]:
    file = catalog.catalog(plan.cache, plan.photos or catalog.PHOTOS)
    thresholds = read_thresholds(OURS) or {}
    with Library.open(file) as library:
        pages = [(text, None) for text in QUESTIONS] + list(SORTED)
        found = [first_page(library, text, sort, thresholds, plan.rounds) for text, sort in pages]
        return found + [count(library, text, thresholds, plan.rounds) for text in COUNTED]


def first_page(
    library: Library, text: str, sort: str | None, thresholds: Mapping[str, float], rounds: int
) -> Figure:
    """As the command asks it with --json: the known labels, the question, the first page with all
    that is known of each photo."""

    def ask() -> None:
        asked = read(text, library.known_labels(), thresholds)
        order = sort or ("relevance" if asked.has_label else "taken")
        list(library.photos(asked, sort=order, limit=PAGE))

    seconds, _ = alternate(ask, lambda: None, rounds)
    name = f"query {text or '(everything)'}" + (f" --sort {sort}" if sort else "")
    tell(f"{name}: {seconds}")
    return Figure(name, seconds.cpu * 1000, PAGE_MS, "ms")


def count(library: Library, text: str, thresholds: Mapping[str, float], rounds: int) -> Figure:
    asked = read(text, library.known_labels(), thresholds)
    seconds, _ = alternate(lambda: library.count(asked), lambda: None, rounds)
    name = f"query {text or '(everything)'} --count"
    tell(f"{name}: {seconds}")
    return Figure(name, seconds.cpu * 1000, COUNT_MS, "ms")


def read(text: str, known: Sequence[str], thresholds: Mapping[str, float]) -> Query:
    return parse(split(text), known, expand, thresholds=thresholds)

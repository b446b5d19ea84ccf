"""Asking a catalog of a million photos: the first page beside SQL that a person would write by hand
for that one question with Python's sqlite3, on the same file and with the same answer; and every
kind of question of the README, warm."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from phototag.cli.query import things
from phototag.library import Library
from phototag.query.parse import parse, split
from phototag.query.terms import DEFAULT_SCORE, Query
from phototag.query.vocabulary import expand
from phototag.smiling import SMILE_THRESHOLD
from phototag.weights.default_detector import OURS
from phototag.weights.thresholds import thresholds as thresholds_of
from tests.benchmarks import Figure, Plan, alternate, by_hand, catalog, ratio, tell

REPEATS = 10  # pages in one measured run: one takes a few milliseconds

# README's table of terms, row by row, and what the tour and the help ask.
QUESTIONS = (
    "dog", '"potted plant"', "dog:0.8", "^cat", "animal",
    "smiling:all", "smiling:any", "smiling:none", "smiling:unknown",
    "happy", "sad", "angry", "surprised", "neutral",
    "faces:2..", "faces:2", "faces:1..3", "faces:..1",
    "taken:2016", "taken:2016-06", "taken:2016-06-24", "taken:2016-06..2016-08", "taken:2016-07..",
    "path:Italy", 'camera:"Pixel"', "untagged", "failed", "missing",
    "grandma", "smiling:all taken:2016", "smiling:all faces:3.. taken:2016", "dog ^person", "cat smiling:all path:Italy",
)  # fmt: skip
SORTED = (("", "taken"), ("", "path"), ("smiling:all", "smile"), ("smiling:all", "path"), ("dog", "taken"))


def figures(plan: Plan = Plan()) -> list[Figure]:
    file = catalog.catalog(plan.cache, plan.photos or catalog.PHOTOS)
    thresholds = thresholds_of(OURS)
    found = []
    with Library.open(file) as library, closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA cache_size = -65536")  # as ours
        known = {"smile": SMILE_THRESHOLD, "dog": thresholds.get("dog", DEFAULT_SCORE)}
        for what, ours, hand in (
            ("rows", ours_shown, by_hand.shown),
            ("records", ours_records, by_hand.records),
        ):
            for question, sql in by_hand.QUESTIONS.items():
                asked = _parse(question, library.known_labels(), thresholds)

                def mine(ours=ours, asked=asked) -> list:
                    return ours(library, asked, thresholds)

                def theirs(hand=hand, sql=sql) -> list:
                    return hand(connection, sql, known, thresholds)

                if mine() != theirs():
                    raise AssertionError(f"not the same answer to {question!r}, hence nothing to compare")
                sides = alternate(_repeat(mine), _repeat(theirs), plan.rounds)
                name = f"query {question or '(everything)'}, first page as {what} / by hand"
                found.append(ratio(name, sides, 1.6))
        found += [_milliseconds(library, text, None, thresholds, plan.rounds) for text in QUESTIONS]
        found += [_milliseconds(library, text, sort, thresholds, plan.rounds) for text, sort in SORTED]
        found += [
            _count(library, text, thresholds, plan.rounds)
            for text in ("", "dog", "^cat", "smiling:all", "taken:2016")
        ]
    return found


def _parse(text: str, known: Sequence[str], thresholds: dict[str, float]) -> Query:
    return parse(split(text), known, expand, thresholds=thresholds)


def _repeat(run: Callable[[], Any]) -> Callable[[], None]:
    def several() -> None:
        for _ in range(REPEATS):
            run()

    return several


def _milliseconds(
    library: Library, text: str, sort: str | None, thresholds: dict[str, float], rounds: int
) -> Figure:
    """As the command asks it with --json: the known labels, the question, the first page with all
    that is known of each photo."""

    def ask() -> None:
        asked = _parse(text, library.known_labels(), thresholds)
        list(library.photos(asked, sort=sort or _order(asked), limit=by_hand.PAGE))

    seconds, _ = alternate(ask, lambda: None, rounds)
    name = f"query {text}{' by ' if text else 'everything by '}{sort}" if sort else f"query {text}"
    tell(f"{name}: {seconds}")
    return Figure(name, seconds.cpu * 1000, 100, "ms")


def _count(library: Library, text: str, thresholds: dict[str, float], rounds: int) -> Figure:
    asked = _parse(text, library.known_labels(), thresholds)
    seconds, _ = alternate(lambda: library.count(asked), lambda: None, rounds)
    tell(f"query --count {text}: {seconds}")
    return Figure(f"query --count {text}".rstrip(), seconds.cpu * 1000, None, "ms")


def _order(asked: Query) -> str:
    return "relevance" if asked.has_label else "taken"


def ours_shown(library: Library, asked: Query, thresholds: dict[str, float]) -> list[tuple]:
    """What a row of `phototag query` shows."""
    return [
        (
            line.taken_at.isoformat(" ", "minutes") if line.taken_at else "-",
            line.everyone_smiling,
            line.faces,
            line.error or things(line, lambda detector: thresholds),
            line.path,
        )
        for line in library.lines(asked, sort=_order(asked), limit=by_hand.PAGE)
    ]


def ours_records(library: Library, asked: Query, thresholds: dict[str, float]) -> list[tuple]:
    """All that the catalog knows, as far as it is compared: a path, and of each face and thing what
    was said of it."""
    return [
        (
            photo.path,
            photo.taken_at.isoformat(" ") if photo.taken_at else None,
            [(face.box.left, face.points, face.smile, face.emotion) for face in photo.faces],
            [(tag.label, tag.score, tag.box.left) for tag in photo.objects],
            [(tag.label, tag.score) for tag in photo.kinds],
            list(photo.user_labels),
            dict(photo.errors),
        )
        for photo in library.photos(asked, sort=_order(asked), limit=by_hand.PAGE)
    ]

"""Asking a catalog of a million photos: the first page beside SQL that a person would write by hand for that one question with
Python's sqlite3, on the same file and with the same answer; and every kind of question of the README, warm."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from phototag import weights
from phototag.cli.query import things
from phototag.library import Library
from phototag.query import DEFAULT_SCORE, Query, parse, split
from phototag.smiling import SMILE_THRESHOLD
from phototag.vocabulary import expand
from phototag.weights.choose import OURS
from tests.benchmarks import Figure, Plan, alternate, catalog, ratio, tell

PAGE = 50  # photos
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


@dataclass(frozen=True)
class ByHand:
    """The same question in SQL: conditions on photos `p`, and the order."""

    where: str
    order: str = "p.taken_at, p.id"
    tables: str = "photos p"


BY_HAND = {
    "": ByHand("p.missing_since IS NULL"),
    "dog": ByHand(
        "k.label_id = (SELECT id FROM labels WHERE name = 'dog') AND k.score >= :dog AND p.missing_since IS NULL",
        "k.rank DESC, k.photo_id DESC",
        "photo_labels k JOIN photos p ON p.id = k.photo_id",
    ),
    "smiling:all taken:2016": ByHand(
        "p.everyone_smiling >= :smile AND p.taken_at >= '2016-01-01' AND p.taken_at < '2017-01-01' AND p.missing_since IS NULL",
        tables="photos p INDEXED BY ix_photos_taken_at",
    ),
    "faces:2.. camera:Pixel": ByHand(
        "p.faces >= 2 AND p.camera LIKE '%Pixel%' AND p.missing_since IS NULL", tables="photos p INDEXED BY ix_photos_taken_at"
    ),
    "failed": ByHand("p.failed > 0 AND p.missing_since IS NULL"),
}


def figures(plan: Plan = Plan()) -> list[Figure]:
    file = catalog.catalog(plan.cache, plan.photos or catalog.PHOTOS)
    thresholds = weights.thresholds(OURS)
    found = []
    with Library.open(file) as library, closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA cache_size = -65536")  # as ours
        known = {"smile": SMILE_THRESHOLD, "dog": thresholds.get("dog", DEFAULT_SCORE)}
        for what, ours, by_hand in (("rows", ours_shown, shown), ("records", ours_records, records)):
            for question, sql in BY_HAND.items():
                asked = _parse(question, library.known_labels(), thresholds)

                def mine(ours=ours, asked=asked) -> list:
                    return ours(library, asked, thresholds)

                def theirs(by_hand=by_hand, sql=sql) -> list:
                    return by_hand(connection, sql, known, thresholds)

                if mine() != theirs():
                    raise AssertionError(f"not the same answer to {question!r}, hence nothing to compare")
                sides = alternate(_repeat(mine), _repeat(theirs), plan.rounds)
                name = f"query {question or '(everything)'}, first page as {what} / by hand"
                found.append(ratio(name, sides, 1.6))
        found += [_milliseconds(library, text, None, thresholds, plan.rounds) for text in QUESTIONS]
        found += [_milliseconds(library, text, sort, thresholds, plan.rounds) for text, sort in SORTED]
        found += [_count(library, text, thresholds, plan.rounds) for text in ("", "dog", "^cat", "smiling:all", "taken:2016")]
    return found


def _parse(text: str, known: Sequence[str], thresholds: dict[str, float]) -> Query:
    return parse(split(text), known, expand, thresholds=thresholds)


def _repeat(run: Callable[[], Any]) -> Callable[[], None]:
    def several() -> None:
        for _ in range(REPEATS):
            run()

    return several


def _milliseconds(library: Library, text: str, sort: str | None, thresholds: dict[str, float], rounds: int) -> Figure:
    """As the command asks it: the known labels, the question, the first page of photos with all there is to know of each."""

    def ask() -> None:
        asked = _parse(text, library.known_labels(), thresholds)
        list(library.photos(asked, sort=sort or ("relevance" if asked.has_label else "taken"), limit=PAGE))

    seconds, _ = alternate(ask, lambda: None, rounds)
    name = f"query {text}{' by ' if text else 'everything by '}{sort}" if sort else f"query {text}"
    tell(f"{name}: {seconds}")
    return Figure(name, seconds.cpu * 1000, 100, "ms")


def _count(library: Library, text: str, thresholds: dict[str, float], rounds: int) -> Figure:
    asked = _parse(text, library.known_labels(), thresholds)
    seconds, _ = alternate(lambda: library.count(asked), lambda: None, rounds)
    tell(f"query --count {text}: {seconds}")
    return Figure(f"query --count {text}".rstrip(), seconds.cpu * 1000, None, "ms")


# -- ours


def _photos(library: Library, asked: Query):
    return library.photos(asked, sort="relevance" if asked.has_label else "taken", limit=PAGE)


def ours_shown(library: Library, asked: Query, thresholds: dict[str, float]) -> list[tuple]:
    """What a row of `phototag query` shows."""
    return [
        (
            photo.taken_at.strftime("%Y-%m-%d %H:%M") if photo.taken_at else "-",
            photo.everyone_smiling,
            len(photo.faces),
            next(iter(photo.errors.values()), "") or things(photo, thresholds),
            photo.path,
        )
        for photo in _photos(library, asked)
    ]


def ours_records(library: Library, asked: Query, thresholds: dict[str, float]) -> list[tuple]:
    """All that the catalog knows, as far as it is compared: a path, and of each face and thing what was said of it."""
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
        for photo in _photos(library, asked)
    ]


# -- by hand


def _page(connection: sqlite3.Connection, sql: ByHand, known: dict[str, Any]) -> list[tuple]:
    return connection.execute(
        "SELECT p.id, p.taken_at, p.everyone_smiling, p.faces, r.path || '/' || p.path, p.failed "
        f"FROM {sql.tables} JOIN roots r ON r.id = p.root_id WHERE {sql.where} ORDER BY {sql.order} LIMIT {PAGE}",
        known,
    ).fetchall()


def _by_photo(connection: sqlite3.Connection, statement: str, ids: list[int]) -> dict[int, list[tuple]]:
    found: dict[int, list[tuple]] = {}
    for photo_id, *row in connection.execute(statement.format(",".join("?" * len(ids))), ids):
        found.setdefault(photo_id, []).append(tuple(row))
    return found


_CORRECTIONS = (
    "SELECT c.photo_id, l.name, c.present FROM corrections c JOIN labels l ON l.id = c.label_id WHERE c.photo_id IN ({}) "
    "ORDER BY c.photo_id, l.name"
)
_ERRORS = (
    "SELECT a.photo_id, g.name, a.error FROM answers a JOIN taggers g ON g.id = a.tagger_id WHERE a.photo_id IN ({}) "
    "AND a.error IS NOT NULL ORDER BY a.id"
)
_THINGS = (
    "SELECT a.photo_id, l.name, t.score, t.box_left IS NOT NULL FROM answers a CROSS JOIN tags t ON t.answer_id = a.id "
    "CROSS JOIN labels l ON l.id = t.label_id WHERE a.photo_id IN ({}) "
    "AND a.tagger_id IN (SELECT id FROM taggers WHERE name IN ('objects', 'kinds')) ORDER BY a.photo_id, a.tagger_id, t.position"
)
_TAGS = (
    "SELECT a.photo_id, g.name, l.name, t.score, t.box_left, t.box_top, t.box_right, t.box_bottom, t.points FROM answers a "
    "CROSS JOIN taggers g ON g.id = a.tagger_id CROSS JOIN tags t ON t.answer_id = a.id "
    "CROSS JOIN labels l ON l.id = t.label_id WHERE a.photo_id IN ({}) ORDER BY a.photo_id, a.tagger_id, t.position"
)


def shown(connection: sqlite3.Connection, sql: ByHand, known: dict[str, Any], thresholds: dict[str, float]) -> list[tuple]:
    """Only what is shown is read."""
    page = _page(connection, sql, known)
    ids = [row[0] for row in page]
    seen, corrections = _by_photo(connection, _THINGS, ids), _by_photo(connection, _CORRECTIONS, ids)
    errors = _by_photo(connection, _ERRORS, [row[0] for row in page if row[5]]) if any(row[5] for row in page) else {}
    found = []
    for photo_id, taken_at, smile, faces, path, failed in page:
        said = dict(corrections.get(photo_id, ()))
        counts: dict[str, int] = {}
        kinds = []
        for label, score, boxed in sorted(seen.get(photo_id, ()), key=lambda row: -row[1] if row[2] else 1):
            if said.get(label) == 0:
                continue
            if not boxed:
                kinds.append(label)
            elif score >= thresholds.get(label, DEFAULT_SCORE):
                counts[label] = counts.get(label, 0) + 1
        words = [label for label, here in said.items() if here]
        words += [f"{n} {label}" if n > 1 else label for label, n in counts.items()]
        words += [label for label in kinds if label not in counts]
        text = errors[photo_id][0][1] if failed else ", ".join(dict.fromkeys(words[:3])) or "-"
        smiling = None if smile is None else smile >= known["smile"]
        found.append((taken_at[:16] if taken_at else "-", smiling, faces or 0, text, path))
    return found


def records(connection: sqlite3.Connection, sql: ByHand, known: dict[str, Any], thresholds: dict[str, float]) -> list[tuple]:
    """All tags are read, and what was said of a face is put together by its box."""
    page = _page(connection, sql, known)
    ids = [row[0] for row in page]
    tags, corrections = _by_photo(connection, _TAGS, ids), _by_photo(connection, _CORRECTIONS, ids)
    errors = _by_photo(connection, _ERRORS, [row[0] for row in page if row[5]]) if any(row[5] for row in page) else {}
    found = []
    for photo_id, taken_at, _, _, path, _ in page:
        said = dict(corrections.get(photo_id, ()))
        faces, objects, kinds, smiles, feelings = [], [], [], {}, {}
        for tagger, label, score, *box, points in tags.get(photo_id, ()):
            key = tuple(box)
            if tagger == "faces":
                faces.append((key, tuple(map(tuple, json.loads(points)))))
            elif tagger == "smiles":
                if label == "smile":
                    smiles[key] = score
                elif box[0] is not None and score > feelings.get(key, ("", -1.0))[1]:
                    feelings[key] = label, score
            elif tagger != "sharpness" and said.get(label) != 0:
                if box[0] is None:
                    kinds.append((label, score))
                else:
                    objects.append((label, score, box[0]))
        told = [(key[0], points, smiles.get(key), feelings[key][0] if key in feelings else None) for key, points in faces]
        words = [label for label, here in said.items() if here]
        found.append((path, taken_at, told, objects, kinds, words, dict(errors.get(photo_id, ()))))
    return found

"""SQL that a person would write by hand for one question each, with Python's sqlite3 and the
catalog's tables: what `query` is compared with. Owns no figure."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from phototag.query.terms import DEFAULT_SCORE

PAGE = 50  # photos


@dataclass(frozen=True)
class ByHand:
    """The same question in SQL: conditions on photos `p`, and the order."""

    where: str
    order: str = "p.taken_at, p.id"
    tables: str = "photos p"


QUESTIONS = {
    "": ByHand("p.missing_since IS NULL"),
    "dog": ByHand(
        "k.label_id = (SELECT id FROM labels WHERE name = 'dog') AND k.score >= :dog AND p.missing_since IS NULL",
        "k.rank DESC, k.photo_id DESC",
        "photo_labels k JOIN photos p ON p.id = k.photo_id",
    ),
    "smiling:all taken:2016": ByHand(
        "p.least_smile >= :smile AND p.taken_at >= '2016-01-01' AND p.taken_at < '2017-01-01' AND p.missing_since IS NULL",
        tables="photos p INDEXED BY ix_photos_taken_at",
    ),
    "faces:2.. camera:Pixel": ByHand(
        "p.faces >= 2 AND p.camera LIKE '%Pixel%' AND p.missing_since IS NULL",
        tables="photos p INDEXED BY ix_photos_taken_at",
    ),
    "failed": ByHand("p.failed > 0 AND p.missing_since IS NULL"),
}


def _page(connection: sqlite3.Connection, sql: ByHand, known: dict[str, Any]) -> list[tuple]:
    return connection.execute(
        "SELECT p.id, p.taken_at, p.least_smile, p.faces, r.path || '/' || p.path, p.failed "
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


def shown(
    connection: sqlite3.Connection, sql: ByHand, known: dict[str, Any], thresholds: dict[str, float]
) -> list[tuple]:
    """Only what is shown is read."""
    page = _page(connection, sql, known)
    ids = [row[0] for row in page]
    seen, corrections = _by_photo(connection, _THINGS, ids), _by_photo(connection, _CORRECTIONS, ids)
    errors = (
        _by_photo(connection, _ERRORS, [row[0] for row in page if row[5]])
        if any(row[5] for row in page)
        else {}
    )
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


def records(
    connection: sqlite3.Connection, sql: ByHand, known: dict[str, Any], thresholds: dict[str, float]
) -> list[tuple]:
    """All tags are read, and what was said of a face is put together by its box."""
    page = _page(connection, sql, known)
    ids = [row[0] for row in page]
    tags, corrections = _by_photo(connection, _TAGS, ids), _by_photo(connection, _CORRECTIONS, ids)
    errors = (
        _by_photo(connection, _ERRORS, [row[0] for row in page if row[5]])
        if any(row[5] for row in page)
        else {}
    )
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
        told = [
            (key[0], points, smiles.get(key), feelings[key][0] if key in feelings else None)
            for key, points in faces
        ]
        words = [label for label, here in said.items() if here]
        found.append((path, taken_at, told, objects, kinds, words, dict(errors.get(photo_id, ()))))
    return found

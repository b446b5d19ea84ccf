"""Rows of answers and tags as records, in bulk."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection

from phototag.library.database import ask
from phototag.records import Box, Tag

OBJECTS = "(SELECT id FROM taggers WHERE name = 'objects')"
CHUNK = 500  # ids in one statement: few statements, and far below SQLite's limit of 32,766 parameters


@dataclass(frozen=True, slots=True)
class Answer:
    """One tagger's stored answer about one photo."""

    answer_id: int
    fingerprint: str
    content_hash: str | None
    error: str | None
    tags: tuple[Tag, ...]


def edition_of(fingerprint: str) -> str | None:
    """The name of the weights, where a fingerprint begins with one."""
    name, colon, _ = fingerprint.partition(":")
    return name if colon else None


def chunks(ids: Iterable[int], size: int = CHUNK) -> Iterator[list[int]]:
    source = iter(ids)
    while chunk := list(islice(source, size)):
        yield chunk


def marks(values: Collection) -> str:
    """As many `?` as there are values."""
    return ",".join("?" * len(values))


def hashes(connection: Connection, photo_ids: list[int]) -> dict[int, str | None]:
    """Photo id -> content hash."""
    return {
        photo_id: content_hash
        for some in chunks(photo_ids)
        for photo_id, content_hash in ask(
            connection, f"SELECT id, content_hash FROM photos WHERE id IN ({marks(some)})", some
        )
    }


def load_answers(connection: Connection, photo_ids: Iterable[int]) -> dict[int, dict[str, Answer]]:
    """Photo id -> tagger name -> answer, in the order in which they were given. Three statements
    per CHUNK photos."""
    found: dict[int, dict[str, Answer]] = {}
    for ids in chunks(photo_ids):
        heads = ask(
            connection,
            "SELECT a.id, a.photo_id, g.name, f.fingerprint, a.content_hash, a.error FROM answers a "
            "JOIN taggers g ON g.id = a.tagger_id JOIN fingerprints f ON f.id = a.fingerprint_id "
            f"WHERE a.photo_id IN ({marks(ids)}) ORDER BY a.id",
            ids,
        )
        tags = load_tags(connection, ids)
        for answer_id, photo_id, tagger, fingerprint, content_hash, error in heads:
            answer = Answer(
                answer_id, fingerprint, content_hash, error, tuple(tags.get(photo_id, {}).get(tagger, ()))
            )
            found.setdefault(photo_id, {})[tagger] = answer
    return found


def load_tags(connection: Connection, photo_ids: list[int]) -> dict[int, dict[str, list[Tag]]]:
    """Photo id -> tagger name -> tags in order, of all answers about these photos that have any.
    Taggers come in the order in which the catalog met them."""
    taggers = dict(ask(connection, "SELECT id, name FROM taggers").fetchall())
    rows = ask(
        connection,
        "SELECT a.photo_id, a.tagger_id, l.name, t.score, t.box_left, t.box_top, t.box_right, t.box_bottom, t.points "
        "FROM answers a CROSS JOIN tags t ON t.answer_id = a.id CROSS JOIN labels l ON l.id = t.label_id "
        f"WHERE a.photo_id IN ({marks(photo_ids)}) ORDER BY a.photo_id, a.tagger_id, t.position",
        photo_ids,
    )
    found: dict[int, dict[str, list[Tag]]] = {}
    boxes: dict[tuple, Box] = {}  # ten tags say something of the same face
    last_photo = last_tagger = None
    for photo_id, tagger_id, label, score, left, top, right, bottom, points in rows:
        if photo_id != last_photo or tagger_id != last_tagger:
            tags = found.setdefault(photo_id, {})[taggers[tagger_id]] = []
            last_photo, last_tagger = photo_id, tagger_id
        box = None
        if left is not None:
            edges = left, top, right, bottom
            box = boxes.get(edges)
            if box is None:
                box = boxes[edges] = Box(*edges)
        corners = tuple([(x, y) for x, y in json.loads(points)]) if points else ()
        tags.append(Tag(label, score, box, corners))
    return found


# photo id, label, score, whether it has a box, whether `objects` said it
Thing = tuple[int, str, float, bool, bool]


def load_things(
    connection: Connection, photo_ids: list[int], without: Collection[str]
) -> dict[int, list[Thing]]:
    """Photo id -> every tag by taggers other than `without`. Answers are read from their index alone."""
    asked = [
        number for number, name in ask(connection, "SELECT id, name FROM taggers") if name not in without
    ]
    rows = ask(
        connection,
        f"SELECT a.photo_id, l.name, t.score, t.box_left IS NOT NULL, a.tagger_id = {OBJECTS} FROM answers a "
        "CROSS JOIN tags t ON t.answer_id = a.id CROSS JOIN labels l ON l.id = t.label_id "
        f"WHERE a.photo_id IN ({marks(photo_ids)}) AND a.tagger_id IN ({marks(asked)}) "
        "ORDER BY a.photo_id, a.tagger_id, t.position",
        (*photo_ids, *asked),
    )
    found: dict[int, list[Thing]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    return found


def load_detectors(
    connection: Connection, looked_at: Collection[int], others: Collection[int] = ()
) -> dict[int, str | None]:
    """Photo id -> whose weights looked for its objects. Somebody did in the photos `looked_at`:
    where there is but one to name, as in most catalogs, only the `others` have to be asked."""
    known = known_detectors(connection)
    found = dict.fromkeys(looked_at, *known) if len(known) == 1 else {}
    asked = [*others] if len(known) == 1 else [*looked_at, *others]
    if asked:
        rows = ask(
            connection,
            "SELECT a.photo_id, f.fingerprint FROM answers a JOIN fingerprints f ON f.id = a.fingerprint_id "
            f"WHERE a.error IS NULL AND a.tagger_id = {OBJECTS} AND a.photo_id IN ({marks(asked)})",
            asked,
        )
        found |= {photo_id: edition_of(fingerprint) for photo_id, fingerprint in rows}
    return found


def known_detectors(connection: Connection) -> set[str | None]:
    """Whose weights looked for objects in any photo; None stands for those without a name."""
    rows = ask(
        connection,
        "SELECT fingerprint FROM fingerprints f WHERE EXISTS (SELECT 1 FROM answers a WHERE a.fingerprint_id = f.id "
        f"AND a.tagger_id = {OBJECTS})",
    )
    return {edition_of(fingerprint) for (fingerprint,) in rows}


def load_errors(connection: Connection, photo_ids: list[int]) -> dict[int, dict[str, str]]:
    """Photo id -> tagger name -> error, in the order in which they were met."""
    found: dict[int, dict[str, str]] = {}
    if photo_ids:
        for photo_id, tagger, error in ask(
            connection,
            "SELECT a.photo_id, g.name, a.error FROM answers a JOIN taggers g ON g.id = a.tagger_id "
            f"WHERE a.photo_id IN ({marks(photo_ids)}) AND a.error IS NOT NULL ORDER BY a.id",
            photo_ids,
        ):
            found.setdefault(photo_id, {})[tagger] = error
    return found


def tag_row(answer_id: int, position: int, label_id: int, tag: Tag) -> tuple:
    """The values of INSERT_TAG. Numbers are kept to the last bit: a face's box is a key. They
    become plain floats: SQLite would take a NumPy float32 for a run of bytes."""
    points = json.dumps([(float(x), float(y)) for x, y in tag.points]) if tag.points else None
    score = float(tag.score)
    if (box := tag.box) is None:
        return answer_id, position, label_id, score, None, None, None, None, points
    edges = float(box.left), float(box.top), float(box.right), float(box.bottom)
    return answer_id, position, label_id, score, *edges, points


INSERT_TAG = (
    "INSERT INTO tags (answer_id, position, label_id, score, box_left, box_top, box_right, box_bottom, points) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def load_answers_heads(connection: Connection, photo_ids: list[int]) -> dict[int, dict[str, Answer]]:
    """As `load_answers`, without the tags."""
    found: dict[int, dict[str, Answer]] = {}
    for photo_id, tagger, *rest in ask(
        connection,
        "SELECT a.photo_id, g.name, a.id, f.fingerprint, a.content_hash, a.error FROM answers a "
        "JOIN taggers g ON g.id = a.tagger_id JOIN fingerprints f ON f.id = a.fingerprint_id "
        f"WHERE a.photo_id IN ({marks(photo_ids)})",
        photo_ids,
    ):
        found.setdefault(photo_id, {})[tagger] = Answer(*rest, ())
    return found

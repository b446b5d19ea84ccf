"""Rows of answers and tags as records, in bulk."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, TypeVar

from sqlalchemy import BindParameter, Connection, bindparam, insert, select, update

from phototag.library.dialects import is_on_server, lock_names
from phototag.library.tables import answers, labels, taggers, tags
from phototag.library.tables import fingerprints as fingerprint_rows
from phototag.records import Box, Fingerprint, Tag

T = TypeVar("T")
CHUNK = 500  # ids in one statement: few statements, and far below SQLite's limit of 32,766 parameters
ANSWERS = 10_000  # the same, of answers: some of each photo
IDS: BindParameter[Sequence[int]] = bindparam("ids", expanding=True)

_HEADS = (
    select(
        answers.c.photo_id,
        taggers.c.name,
        answers.c.id,
        fingerprint_rows.c.fingerprint,
        answers.c.content_hash,
        answers.c.error,
        fingerprint_rows.c.weights_name,
    )
    .select_from(answers.join(taggers).join(fingerprint_rows))
    .where(answers.c.photo_id.in_(IDS))
    .order_by(answers.c.id)
)
_EDGES = tags.c.box_left, tags.c.box_top, tags.c.box_right, tags.c.box_bottom
_TAGS_OF_TAGGERS = (
    select(answers.c.photo_id, answers.c.tagger_id, labels.c.name, tags.c.score, *_EDGES)
    .select_from(answers.join(tags).join(labels))
    .where(answers.c.photo_id.in_(IDS), answers.c.tagger_id.in_(bindparam("taggers", expanding=True)))
    .order_by(answers.c.photo_id, answers.c.tagger_id, tags.c.position)
)
_HEADS_OF_PAGE = (
    select(
        answers.c.id,
        answers.c.photo_id,
        taggers.c.name,
        answers.c.error,
        fingerprint_rows.c.weights_name,
    )
    .select_from(answers.join(taggers).join(fingerprint_rows))
    .where(answers.c.photo_id.in_(IDS))
    .order_by(answers.c.tagger_id)
)
_TAGS_OF_ANSWERS = (
    select(tags.c.answer_id, labels.c.name, tags.c.score, *_EDGES, tags.c.points)
    .select_from(tags.join(labels))
    .where(tags.c.answer_id.in_(IDS))
    .order_by(tags.c.answer_id, tags.c.position)
)
_TAGGERS = select(taggers.c.id, taggers.c.name)
_FINGERPRINTS = select(fingerprint_rows).where(
    fingerprint_rows.c.fingerprint.in_(bindparam("texts", expanding=True))
)
_INSERT_FINGERPRINT = insert(fingerprint_rows).returning(fingerprint_rows.c.id)


@dataclass(frozen=True, slots=True)
class Answer:
    """One tagger's stored answer about one photo."""

    answer_id: int
    fingerprint: str
    content_hash: str | None
    error: str | None
    weights_name: str | None = None
    tags: tuple[Tag, ...] = ()


class Shown(NamedTuple):
    """What taggers say of one photo, each by tagger name: tags in order, taggers in the order in which the
    catalog met them; errors, in the order in which they came; names of weights, where there is a choice."""

    tags: dict[str, list[Tag]]
    errors: dict[str, str]
    weights_names: dict[str, str]


class TagRow(NamedTuple):
    """A tag as a line about a photo needs it. `box` is the four edges, None for what is said of the
    whole photo."""

    tagger: str
    label: str
    score: float
    box: tuple[float, float, float, float] | None


def chunks(ids: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    source = iter(ids)
    while chunk := list(islice(source, size)):
        yield chunk


def load_answers(
    connection: Connection, photo_ids: Iterable[int], *, with_tags: bool = True
) -> dict[int, dict[str, Answer]]:
    """Photo id -> tagger name -> answer, in the order in which they were given. Three statements
    per CHUNK photos; one where no tags are asked for."""
    found: dict[int, dict[str, Answer]] = {}
    for ids in chunks(photo_ids):
        said = load_tags(connection, ids) if with_tags else {}
        for photo_id, tagger, answer_id, fingerprint, content_hash, error, weights_name in connection.execute(
            _HEADS, {"ids": ids}
        ):
            its_tags = tuple(said.get(photo_id, {}).get(tagger, ()))
            found.setdefault(photo_id, {})[tagger] = Answer(
                answer_id, fingerprint, content_hash, error, weights_name, its_tags
            )
    return found


def load_tags(
    connection: Connection, photo_ids: Iterable[int], only: Collection[str] | None = None
) -> dict[int, dict[str, list[Tag]]]:
    """Photo id -> tagger name -> tags in order, of all answers about these photos that have any, or
    of those by the taggers `only`. Taggers come in the order in which the catalog met them."""
    shown = load_shown(connection, photo_ids, only)
    return {photo_id: its.tags for photo_id, its in shown.items() if its.tags}


def load_shown(
    connection: Connection, photo_ids: Iterable[int], only: Collection[str] | None = None
) -> dict[int, Shown]:
    """Photo id -> all that taggers, or those of `only`, say of the photo. Two statements per CHUNK photos."""
    found: dict[int, Shown] = {}
    for ids in chunks(photo_ids):
        rows = connection.execute(_HEADS_OF_PAGE, {"ids": ids}).all()
        if only is not None:
            rows = [row for row in rows if row.name in only]
        tags_of = _load_tags_of(connection, [row.id for row in rows])
        found |= {photo_id: Shown({}, {}, {}) for photo_id in ids}
        failed = []
        for answer_id, photo_id, tagger, error, weights_name in rows:
            if error is not None:
                failed.append((answer_id, photo_id, tagger, error))
            elif weights_name is not None:
                found[photo_id].weights_names[tagger] = weights_name
            if answer_id in tags_of:
                found[photo_id].tags[tagger] = tags_of[answer_id]
        for _, photo_id, tagger, error in sorted(failed):
            found[photo_id].errors[tagger] = error
    return found


def _load_tags_of(connection: Connection, answer_ids: Iterable[int]) -> dict[int, list[Tag]]:
    """Answer -> its tags in order; without answers that have none."""
    found: dict[int, list[Tag]] = {}
    boxes: dict[tuple[float, float, float, float], Box] = {}  # ten tags say something of the same face
    for ids in chunks(answer_ids, ANSWERS):
        rows = connection.execute(_TAGS_OF_ANSWERS, {"ids": ids}).all()
        for answer_id, label, score, left, top, right, bottom, points in rows:
            box = None
            if left is not None:
                edges = left, top, right, bottom
                box = boxes.get(edges)
                if box is None:
                    box = boxes[edges] = Box(*edges)
            corners = tuple([(x, y) for x, y in json.loads(points)]) if points else ()
            tag = Tag(label, score, box, corners)
            if answer_id in found:
                found[answer_id].append(tag)
            else:
                found[answer_id] = [tag]
    return found


def load_tag_rows(
    connection: Connection, photo_ids: list[int], without: Collection[str]
) -> dict[int, list[TagRow]]:
    """Photo id -> every tag by taggers other than `without`, in order."""
    names = {number: name for number, name in connection.execute(_TAGGERS) if name not in without}
    rows = connection.execute(_TAGS_OF_TAGGERS, {"ids": photo_ids, "taggers": [*names]})
    found: dict[int, list[TagRow]] = {}
    for photo_id, tagger_id, label, score, left, top, right, bottom in rows.all():
        box = None if left is None else (left, top, right, bottom)
        found.setdefault(photo_id, []).append(TagRow(names[tagger_id], label, score, box))
    return found


def ensure_fingerprints(connection: Connection, wanted: Iterable[Fingerprint]) -> dict[str, int]:
    """Text -> id, with new rows for those that have none; to be called with the write lock held."""
    by_text = {one.text: one for one in wanted}

    def find() -> dict[str, int]:
        rows = connection.execute(_FINGERPRINTS, {"texts": [*by_text]})
        return {row.fingerprint: row.id for row in rows}

    ids = find()
    if is_on_server(connection) and by_text.keys() - ids.keys():
        lock_names(connection)  # another may have made them meanwhile
        ids = find()
    for text in sorted(by_text.keys() - ids.keys()):
        ids[text] = connection.execute(_INSERT_FINGERPRINT, _fingerprint_row(by_text[text])).scalar_one()
    return ids


def find_outdated(connection: Connection, fingerprints: Iterable[Fingerprint]) -> list[Fingerprint]:
    """Those that have a row which says otherwise of their weights."""
    by_text = {one.text: _fingerprint_row(one) for one in fingerprints if one.weights_name}
    rows = connection.execute(_FINGERPRINTS, {"texts": [*by_text]})
    known = {row.fingerprint: row for row in rows}
    return [
        one
        for one in fingerprints
        if one.text in known
        and (known[one.text].weights_name, known[one.text].thresholds)
        != (by_text[one.text]["weights_name"], by_text[one.text]["thresholds"])
    ]


def update_weights(connection: Connection, fingerprints: Iterable[Fingerprint]) -> None:
    """Write what the weights of these fingerprints state, which have rows."""
    for one in fingerprints:
        row = _fingerprint_row(one)
        connection.execute(
            update(fingerprint_rows)
            .where(fingerprint_rows.c.fingerprint == one.text)
            .values(weights_name=row["weights_name"], thresholds=row["thresholds"])
        )


def _fingerprint_row(fingerprint: Fingerprint) -> dict[str, str | None]:
    stated = fingerprint.thresholds
    return {
        "fingerprint": fingerprint.text,
        "weights_name": fingerprint.weights_name,
        "thresholds": json.dumps(dict(stated), sort_keys=True) if stated is not None else None,
    }

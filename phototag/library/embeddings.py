"""Embeddings of faces: whether they are wanted, reading them, removing them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, func, insert, select, update

from phototag.library.dialects import ordered_join
from phototag.library.face_words import IDENTITY
from phototag.library.tables import answers, embeddings, meta, photos, taggers, tags
from phototag.records import Box

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]

TAGGER, SHARPNESS = "identity", "sharpness"
SIZE = 128  # numbers of an embedding
WANTED = "people"  # in `meta`: that a person asked for embeddings to be made

_OF_TAGGER = answers.c.tagger_id == select(taggers.c.id).where(taggers.c.name == TAGGER).scalar_subquery()
# Numbers of two nets mean nothing to each other: those of the fingerprint with the most answers are read.
_FINGERPRINT = (
    select(answers.c.fingerprint_id)
    .where(_OF_TAGGER, answers.c.error.is_(None))
    .group_by(answers.c.fingerprint_id)
    .order_by(func.count().desc(), answers.c.fingerprint_id.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class EmbeddedFace:
    """A face that has an embedding. `identity`: what its photo shows, see face_words; `sharpness`: None
    where nobody looked; `taken_sort`: seconds since 1970."""

    photo_id: int
    box: Box
    score: float
    side_px: float
    sharpness: float | None
    identity: str
    taken_sort: int | None


def is_wanted(connection: Connection) -> bool:
    return connection.scalar(select(meta.c.value).where(meta.c.key == WANTED)) is not None


def want(connection: Connection) -> None:
    if not is_wanted(connection):
        connection.execute(insert(meta).values(key=WANTED, value="1"))


def load(connection: Connection, photo_ids: Sequence[int] | None = None) -> tuple[list[EmbeddedFace], Array]:
    """All faces that have an embedding, those of these photos where given, by photo; and row for row the
    embeddings (N, 128), half floats."""
    import numpy as np  # only here: questions need none of it

    fingerprint = connection.scalar(_FINGERPRINT)
    box = tags.c.box_left, tags.c.box_top, tags.c.box_right, tags.c.box_bottom
    is_asked = [answers.c.photo_id.in_(photo_ids)] if photo_ids is not None else []
    sharp = {
        (photo_id, *edges): score
        for photo_id, score, *edges in connection.execute(
            select(answers.c.photo_id, tags.c.score, *box)
            .select_from(answers.join(tags))
            .where(
                answers.c.tagger_id
                == select(taggers.c.id).where(taggers.c.name == SHARPNESS).scalar_subquery(),
                tags.c.box_left.is_not(None),
                *is_asked,
            )
        )
    }
    of_answers = ordered_join(answers, embeddings, embeddings.c.answer_id == answers.c.id)
    rows = connection.execute(
        select(
            answers.c.photo_id,
            *box,
            tags.c.score,
            embeddings.c.numbers,
            photos.c.width,
            photos.c.height,
            IDENTITY,
            photos.c.taken_sort,
        )
        .select_from(
            of_answers.join(
                tags,
                (tags.c.answer_id == embeddings.c.answer_id) & (tags.c.position == embeddings.c.position),
            ).join(photos, photos.c.id == answers.c.photo_id)
        )
        .where(_OF_TAGGER, answers.c.fingerprint_id == fingerprint, *is_asked)
        .order_by(answers.c.photo_id, embeddings.c.position)
    )
    faces, numbers = [], []
    for photo_id, left, top, right, bottom, score, embedding, width, height, identity, taken_sort in rows:
        edges = Box(left, top, right, bottom)
        side_px = (edges.area * (width or 0) * (height or 0)) ** 0.5
        sharpness = sharp.get((photo_id, *edges))
        faces.append(EmbeddedFace(photo_id, edges, score, side_px, sharpness, identity or "", taken_sort))
        numbers.append(embedding)
    return faces, np.frombuffer(b"".join(numbers), "<f2").reshape(len(faces), SIZE)


def last_answer(connection: Connection) -> int:
    """The number of the last answer with embeddings: another one wherever a scan has looked at faces."""
    return connection.scalar(select(func.max(embeddings.c.answer_id))) or 0


def count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(embeddings)) or 0


def remove_all(connection: Connection) -> None:
    """Every embedding, and that they are wanted. To be called where the database does not check foreign
    keys."""
    mine = select(answers.c.id).where(_OF_TAGGER)
    for column, condition in (
        (photos.c.answered, answers.c.error.is_(None)),
        (photos.c.failed, answers.c.error.is_not(None)),
    ):
        spoken_of = select(answers.c.photo_id).where(_OF_TAGGER, condition)
        # whoever wants them again finds that they are lacking
        values = {column: column - 1, photos.c.complete_for: None}
        connection.execute(update(photos).where(photos.c.id.in_(spoken_of)).values(values))
    for table in (embeddings, tags):
        connection.execute(delete(table).where(table.c.answer_id.in_(mine)))
    connection.execute(delete(answers).where(_OF_TAGGER))
    connection.execute(delete(embeddings))
    connection.execute(delete(meta).where(meta.c.key == WANTED))

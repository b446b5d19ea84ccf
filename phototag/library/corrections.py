"""The photos about which the user said something, with what they said: what trainings learn from."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select

from phototag.library import photos
from phototag.library.summaries import corrections_of
from phototag.library.tables import corrections
from phototag.library.tables import photos as photo_rows
from phototag.records import Photo
from phototag.smiling import SMILE_THRESHOLD

_CORRECTED = (
    select(corrections.c.photo_id)
    .distinct()
    .join(photo_rows, photo_rows.c.id == corrections.c.photo_id)
    .where(photo_rows.c.missing_since.is_(None))
    .order_by(corrections.c.photo_id)
)


def find(connection: Connection) -> list[int]:
    """The photos that are there and about which the user said something, in the order of their ids."""
    return list(connection.execute(_CORRECTED).scalars())


def load(connection: Connection, ids: list[int]) -> list[tuple[Photo, Mapping[str, bool]]]:
    """Each with what they said: label -> whether it is so."""
    said = corrections_of(connection, ids)
    return [(photo, said[photo.photo_id]) for photo in photos.load(connection, ids, SMILE_THRESHOLD)]

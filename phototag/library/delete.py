"""Rows that go for good."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, delete, select

from phototag.library.answers import chunks
from phototag.library.tables import answers, embeddings, metadata, photos, tags


def delete_photos(connection: Connection, photo_ids: Collection[int]) -> None:
    """The rows of these photos, and all rows that belong to them."""
    belonging = [
        table for table in reversed(metadata.sorted_tables) if "photo_id" in table.c and table is not answers
    ]
    for ids in chunks(photo_ids):
        its_answers = select(answers.c.id).where(answers.c.photo_id.in_(ids))
        for table in (tags, embeddings):
            connection.execute(delete(table).where(table.c.answer_id.in_(its_answers)))
        for table in (answers, *belonging):
            connection.execute(delete(table).where(table.c.photo_id.in_(ids)))
        connection.execute(delete(photos).where(photos.c.id.in_(ids)))

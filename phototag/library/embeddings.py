"""Embeddings of faces: whether they are wanted, reading them, removing them."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from phototag.library.tables import meta

WANTED = "people"  # in `meta`: that a person asked for embeddings to be made


def is_wanted(connection: Connection) -> bool:
    return connection.scalar(select(meta.c.value).where(meta.c.key == WANTED)) is not None


def want(connection: Connection) -> None:
    if not is_wanted(connection):
        connection.execute(insert(meta).values(key=WANTED, value="1"))

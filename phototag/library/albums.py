"""Albums that were chosen, with the reason of each member."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from phototag.errors import CatalogError
from phototag.records import Member


@dataclass(frozen=True, slots=True)
class Album:
    """An album in the catalog. `query`: the question it answers, as text; `created_at`: UTC."""

    name: str
    theme: str
    query: str
    created_at: datetime
    photos: int


def save(connection: Connection, name: str, theme: str, members: Sequence[Member], query: str) -> None:
    """Store an album; one of the same name is replaced."""
    connection.exec_driver_sql("DELETE FROM albums WHERE name = ?", (name,))
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    album_id = connection.exec_driver_sql(
        "INSERT INTO albums (name, theme, query, created_at) VALUES (?, ?, ?, ?)",
        (name, theme, query, now),
    ).lastrowid
    if members:
        connection.exec_driver_sql(
            "INSERT INTO album_photos (album_id, position, photo_id, reason, score) VALUES (?, ?, ?, ?, ?)",
            [(album_id, one.position, one.photo_id, one.reason, float(one.score)) for one in members],
        )


def find_all(connection: Connection) -> list[Album]:
    """Every album, by name."""
    rows = connection.exec_driver_sql(
        "SELECT name, theme, query, created_at, (SELECT count(*) FROM album_photos m WHERE m.album_id = c.id) "
        "FROM albums c ORDER BY name"
    )
    return [
        Album(name, theme, query, datetime.fromisoformat(at), photos)
        for name, theme, query, at, photos in rows
    ]


def find(connection: Connection, name: str) -> tuple[Album, list[Member]]:
    """One album and its members in order. Raises CatalogError where there is none of this name."""
    albums = {album.name: album for album in find_all(connection)}
    if name not in albums:
        known = ", ".join(albums) or "none yet; make one: phototag highlights smiles"
        raise CatalogError(f"There is no album {name!r}. There are: {known}")
    rows = connection.exec_driver_sql(
        "SELECT m.photo_id, m.position, m.reason, m.score FROM album_photos m JOIN albums c ON c.id = m.album_id "
        "WHERE c.name = ? ORDER BY m.position",
        (name,),
    )
    return albums[name], [Member(*row) for row in rows]

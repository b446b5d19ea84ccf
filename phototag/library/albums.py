"""Albums that were chosen, with the reason of each member."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, func, insert, select

from phototag.errors import CatalogError
from phototag.library.tables import album_photos, albums
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
    connection.execute(delete(albums).where(albums.c.name == name))
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    album = insert(albums).values(name=name, theme=theme, query=query, created_at=now)
    album_id = connection.scalars(album.returning(albums.c.id)).one()
    rows = [
        {
            "album_id": album_id,
            "position": member.position,
            "photo_id": member.photo_id,
            "reason": member.reason,
            "score": float(member.score),
        }
        for member in members
    ]
    if rows:
        connection.execute(insert(album_photos), rows)


def find_all(connection: Connection) -> list[Album]:
    """Every album, by name."""
    photos = select(func.count()).where(album_photos.c.album_id == albums.c.id).scalar_subquery()
    columns = albums.c.name, albums.c.theme, albums.c.query, albums.c.created_at
    rows = connection.execute(select(*columns, photos).order_by(albums.c.name))
    return [
        Album(name, theme, query, datetime.fromisoformat(created_at), number)
        for name, theme, query, created_at, number in rows
    ]


def find(connection: Connection, name: str) -> tuple[Album, list[Member]]:
    """One album and its members in order. Raises CatalogError where there is none of this name."""
    known = {album.name: album for album in find_all(connection)}
    if name not in known:
        raise _no_album(name, known)
    columns = album_photos.c.photo_id, album_photos.c.position, album_photos.c.reason, album_photos.c.score
    rows = connection.execute(
        select(*columns)
        .select_from(album_photos.join(albums))
        .where(albums.c.name == name)
        .order_by(album_photos.c.position)
    )
    return known[name], [Member(*row) for row in rows]


def remove(connection: Connection, name: str) -> None:
    """Forget an album. Raises CatalogError where there is none of this name."""
    if not connection.execute(delete(albums).where(albums.c.name == name)).rowcount:
        raise _no_album(name, [album.name for album in find_all(connection)])


def _no_album(name: str, known: Iterable[str]) -> CatalogError:
    names = ", ".join(known) or "none yet; make one: phototag highlights smiles"
    return CatalogError(f"There is no album {name!r}. There are: {names}")

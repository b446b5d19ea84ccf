"""A person's words about a photo whose file is gone, while a copy of it is there: they are told of the
copy too, or nobody would see them again."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, insert, or_, select, update

from phototag.library import summaries
from phototag.library.answers import chunks
from phototag.library.tables import album_photos, corrections, photos

_SAID = select(corrections.c.label_id, corrections.c.present)


def hand_over(connection: Connection, leaving: Collection[int]) -> None:
    """Give what a person said of these photos, whose files are gone or which are to be forgotten, to a copy
    of the same bytes or compressed pixels whose file is there, where nothing else was said of it; and their
    places in albums. The words of a photo that comes back are still there."""
    copies = _find_copies(connection, leaving)
    if not copies:
        return
    for photo_id, copy_id in copies.items():
        own_albums = select(album_photos.c.album_id).where(album_photos.c.photo_id == copy_id)
        connection.execute(
            update(album_photos)
            .where(album_photos.c.photo_id == photo_id, album_photos.c.album_id.not_in(own_albums))
            .values(photo_id=copy_id)
        )
    told = {
        (copy_id, label_id): present
        for photo_id, copy_id in copies.items()
        for label_id, present in connection.execute(_SAID.where(corrections.c.photo_id == photo_id))
    }
    receivers = sorted({copy_id for copy_id, _ in told})
    known: set[tuple[int, int]] = set()
    for ids in chunks(receivers):
        here = corrections.c.photo_id.in_(ids)
        rows = connection.execute(select(corrections.c.photo_id, corrections.c.label_id).where(here))
        known |= {(photo_id, label_id) for photo_id, label_id in rows}
    new = [
        {"photo_id": copy_id, "label_id": label_id, "present": present}
        for (copy_id, label_id), present in told.items()
        if (copy_id, label_id) not in known
    ]
    if new:
        receivers = sorted({row["photo_id"] for row in new})
        summaries.forget(connection, receivers)
        connection.execute(insert(corrections), new)
        summaries.compute_again(connection, receivers)


def _find_copies(connection: Connection, leaving: Collection[int]) -> dict[int, int]:
    """Of these photos those of which something was said -> a copy that stays: rather one of the same bytes,
    rather the eldest."""
    spoken_of = {
        photo_id
        for table in (corrections, album_photos)
        for ids in chunks(leaving)
        for photo_id in connection.scalars(select(table.c.photo_id).where(table.c.photo_id.in_(ids)))
    }
    gone = {*leaving}
    found: dict[int, int] = {}
    columns = photos.c.id, photos.c.content_hash, photos.c.pixel_hash
    for ids in chunks(spoken_of):
        rows = connection.execute(select(*columns).where(photos.c.id.in_(ids))).all()
        contents = {row.content_hash for row in rows if row.content_hash}
        pixels = {row.pixel_hash for row in rows if row.pixel_hash}
        same = select(*columns).where(
            photos.c.missing_since.is_(None),
            or_(photos.c.content_hash.in_(contents), photos.c.pixel_hash.in_(pixels)),
        )
        by_content: dict[str | None, int] = {}
        by_pixels: dict[str | None, int] = {}
        for copy in connection.execute(same.order_by(photos.c.id)):
            if copy.id not in gone:
                by_content.setdefault(copy.content_hash, copy.id)
                by_pixels.setdefault(copy.pixel_hash, copy.id)
        for row in rows:
            copy_id = by_content.get(row.content_hash) if row.content_hash else None
            if copy_id is None and row.pixel_hash:
                copy_id = by_pixels.get(row.pixel_hash)
            if copy_id is not None:
                found[row.id] = copy_id
    return found

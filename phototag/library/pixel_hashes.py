"""The hashes of compressed pixels that a photo's row lacks because an earlier phototag stored it: by
them a photo is known that another program has renamed and written into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import ColumnElement, func, or_, select

from phototag.library import photo_updates
from phototag.library.database import Catalog
from phototag.library.jobs import PAGE
from phototag.library.paths import join, places_of, to_path
from phototag.library.tables import photos

# Other formats have no such hash; photos without one would be read again at every scan.
ENDINGS = ("jpg", "jpeg", "jpe", "mpo", "png", "webp", "gif", "tif", "tiff", "dng", "heic", "heif", "avif")

_LACKING = (
    photos.c.pixel_hash.is_(None),
    photos.c.content_hash.is_not(None),
    photos.c.missing_since.is_(None),
    photos.c.failed == 0,
    or_(*(photos.c.path.ilike(f"%.{ending}") for ending in ENDINGS)),
)


def count_lacking(catalog: Catalog, scope: Sequence[str] | None) -> int:
    """How many photos that are there have no hash of their pixels, and could have."""
    with catalog.read() as connection:
        return sum(
            connection.scalar(select(func.count()).where(place.within(photos), *_LACKING)) or 0
            for place in places_of(connection, scope)
        )


def find_lacking(catalog: Catalog, scope: Sequence[str] | None) -> Iterator[list[tuple[int, str, str]]]:
    """(photo id, absolute path, content hash) of these photos, some hundred at a time."""
    columns = photos.c.id, photos.c.path, photos.c.content_hash
    with catalog.read() as connection:
        places = places_of(connection, scope)
    for place in places:
        after: ColumnElement[bool] = photos.c.id > 0
        while True:
            statement = select(*columns).where(place.within(photos), after, *_LACKING)
            with catalog.read() as connection:
                rows = connection.execute(statement.order_by(photos.c.id).limit(PAGE)).all()
            yield [(photo_id, join(place.root, to_path(path)), known) for photo_id, path, known in rows]
            if len(rows) < PAGE:
                break
            after = photos.c.id > rows[-1].id


def save(catalog: Catalog, found: Mapping[int, tuple[str, str]]) -> None:
    """Photo id -> the content hash of the bytes that were read, and the hash of the pixels in them; it is
    kept where the photo's bytes are still those."""
    if not found:
        return
    with catalog.write() as connection:
        known = photo_updates.find_known(connection, found)
        pixels = {
            photo_id: pixel_hash
            for photo_id, (content_hash, pixel_hash) in found.items()
            if photo_id in known and known[photo_id].content_hash == content_hash
        }
        photo_updates.learn_pixels(connection, pixels)

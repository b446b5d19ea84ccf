"""What photos look like, in 64 bits each: measured elsewhere, kept here while its bytes are the
same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from phototag.library.answers import IDS, chunks
from phototag.library.dialects import executemany, insert_or_update
from phototag.library.tables import perceptual_hashes, photos

_KEPT = (
    select(perceptual_hashes.c.photo_id, perceptual_hashes.c.bits)
    .select_from(perceptual_hashes.join(photos))
    .where(perceptual_hashes.c.photo_id.in_(IDS), perceptual_hashes.c.content_hash == photos.c.content_hash)
)
_SAVE = insert_or_update(perceptual_hashes, "photo_id")
# Databases know signed numbers of 64 bits alone.
_HALF, _WHOLE = 1 << 63, 1 << 64


def load(connection: Connection, photo_ids: Sequence[int]) -> dict[int, int]:
    """Photo id -> 64 bits, where they were measured of the bytes that the photo has now."""
    return {
        photo_id: bits % _WHOLE
        for ids in chunks(photo_ids)
        for photo_id, bits in connection.execute(_KEPT, {"ids": ids})
    }


def save(connection: Connection, hashes: Mapping[int, tuple[str, int]]) -> None:
    """`hashes`: photo id -> (content hash of what was looked at, 64 bits)."""
    rows = [
        {"photo_id": photo_id, "content_hash": content_hash, "bits": bits - _WHOLE if bits >= _HALF else bits}
        for photo_id, (content_hash, bits) in hashes.items()
    ]
    executemany(connection, _SAVE, rows)

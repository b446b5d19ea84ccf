"""A folder of photos that has moved as a whole."""

from __future__ import annotations

import os

from sqlalchemy import Connection, bindparam, delete, exists, select, update

from phototag.errors import CatalogError
from phototag.library import folder_stamps
from phototag.library.paths import Place, ensure_root, join, places_of, roots_of, to_path, to_text, under
from phototag.library.tables import photos, roots

_UPDATE = update(photos).where(photos.c.id == bindparam("photo"))


def relocate(connection: Connection, old: str, new: str) -> int:
    """See Library.relocate. Both folders absolute."""
    if not os.path.isdir(new):
        raise CatalogError(f"There is no folder {new}. Move the photos first, then tell the catalog.")
    moving = {
        photo_id: below
        for place in places_of(connection, [old])
        for photo_id, path in _photos_in(connection, place)
        if (below := under(old, join(place.root, to_path(path)))) is not None
    }
    if not moving:
        known = ", ".join(roots_of(connection)) or "none yet"
        raise CatalogError(f"The catalog knows no photos in {old}. It knows these folders: {known}")
    # Out of the way first, since the new folder may overlap the old one; no path begins with '/'.
    connection.execute(
        _UPDATE.values(path=bindparam("new_path")),
        [{"photo": photo_id, "new_path": f"/{photo_id}"} for photo_id in moving],
    )
    target = ensure_root(connection, new)
    prefix = f"{target.path}/" if target.path else ""
    paths = {photo_id: to_text(prefix + below) for photo_id, below in moving.items()}
    occupied = {path for _, path in _photos_in(connection, target)}
    if collision := next((path for path in paths.values() if path in occupied), None):
        raise CatalogError(
            f"The catalog already knows {join(target.root, to_path(collision))}: {new} was scanned after "
            "the move. Nothing was changed; there is nothing left to do but to scan again."
        )
    connection.execute(
        # copied to another disk, all files have new ctimes, which tell nothing
        _UPDATE.values(root_id=target.root_id, path=bindparam("new_path"), missing_since=None, ctime_ns=None),
        [{"photo": photo_id, "new_path": path} for photo_id, path in paths.items()],
    )
    is_used = exists().where(photos.c.root_id == roots.c.id)
    connection.execute(delete(roots).where(~is_used))
    folder_stamps.forget(connection)
    return len(moving)


def _photos_in(connection: Connection, place: Place) -> list[tuple[int, str]]:
    rows = connection.execute(select(photos.c.id, photos.c.path).where(place.within(photos)))
    return [(photo_id, path) for photo_id, path in rows]

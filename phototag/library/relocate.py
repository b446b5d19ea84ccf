"""A folder of photos that has moved as a whole."""

from __future__ import annotations

import os

from sqlalchemy import Connection, bindparam, delete, exists, select, update

from phototag.errors import CatalogError
from phototag.library import folder_stamps, summaries
from phototag.library.answers import chunks
from phototag.library.delete import delete_photos
from phototag.library.paths import Place, ensure_root, join, places_of, roots_of, to_path, to_text, under
from phototag.library.tables import album_photos, corrections, metadata, photos, roots
from phototag.storage.anywhere import is_folder

_UPDATE = update(photos).where(photos.c.id == bindparam("photo"))


def relocate(connection: Connection, old: str, new: str, *, keep_ctimes: bool = False) -> int:
    """See Library.relocate. Both folders absolute. `keep_ctimes`: the files are the same ones; copies
    have new ctimes, which tell nothing."""
    if not is_folder(new):
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
    occupied = {path: photo_id for photo_id, path in _photos_in(connection, target)}
    doubled = {photo_id: occupied[path] for photo_id, path in paths.items() if path in occupied}
    for photo_id in doubled:
        if os.path.lexists(join(old, moving[photo_id])):  # an address never does: its objects stay
            raise CatalogError(
                f"The catalog already knows {join(new, moving[photo_id])}, and {join(old, moving[photo_id])} "
                f"is still there: {new} is a copy. Nothing was changed."
            )
    gone = _merge(connection, doubled)
    values = {"root_id": target.root_id, "path": bindparam("new_path"), "missing_since": None}
    if not keep_ctimes:
        values["ctime_ns"] = None
    rows = [{"photo": photo_id, "new_path": path} for photo_id, path in paths.items() if photo_id not in gone]
    if rows:
        connection.execute(_UPDATE.values(values), rows)
    forget_empty_roots(connection)
    folder_stamps.forget(connection)
    return len(moving)


def forget_empty_roots(connection: Connection) -> None:
    """Roots of which no photo is known any more, and what was seen in them. It may be called where the
    database does not check foreign keys, and so deletes no rows of itself."""
    is_empty = ~exists().where(photos.c.root_id == roots.c.id)
    for table in metadata.sorted_tables:
        if "root_id" in table.c and table is not photos:
            connection.execute(delete(table).where(table.c.root_id.in_(select(roots.c.id).where(is_empty))))
    connection.execute(delete(roots).where(is_empty))


def _merge(connection: Connection, doubled: dict[int, int]) -> set[int]:
    """Make one row of each pair of a photo in the old place and the same one in the new place, which was
    scanned after the move. Where the new one has answers it stays, with what a person said of the old one
    and has not contradicted since; else the old one does. Returns the old ones that are no more."""
    answered = {
        photo_id
        for ids in chunks(doubled.values())
        for photo_id in connection.scalars(
            select(photos.c.id).where(photos.c.id.in_(ids), photos.c.answered > 0)
        )
    }
    leaving = {old: new for old, new in doubled.items() if new in answered}
    staying = {new: old for old, new in doubled.items() if new not in answered}
    pairs = leaving | staying  # row that goes -> row that stays
    if not pairs:
        return set()
    summaries.forget(connection, [*pairs, *pairs.values()])
    spoken_of = {
        photo_id
        for table in (corrections, album_photos)
        for ids in chunks(pairs)
        for photo_id in connection.scalars(select(table.c.photo_id).where(table.c.photo_id.in_(ids)))
    }
    for going, keeping in pairs.items():
        if going not in spoken_of:
            continue
        if going in staying:  # the newer words are those of the row that goes
            said = select(corrections.c.label_id).where(corrections.c.photo_id == going)
            connection.execute(
                delete(corrections).where(corrections.c.photo_id == keeping, corrections.c.label_id.in_(said))
            )
        _hand_over(connection, going, keeping)
    delete_photos(connection, [*pairs])
    summaries.compute_again(connection, [*pairs.values()])
    return set(leaving)


def _hand_over(connection: Connection, going: int, keeping: int) -> None:
    """A person's words and albums of one photo, where the other has no own."""
    for table, column in ((corrections, corrections.c.label_id), (album_photos, album_photos.c.album_id)):
        own = select(column).where(table.c.photo_id == keeping)
        connection.execute(
            update(table).where(table.c.photo_id == going, column.not_in(own)).values(photo_id=keeping)
        )


def _photos_in(connection: Connection, place: Place) -> list[tuple[int, str]]:
    rows = connection.execute(select(photos.c.id, photos.c.path).where(place.within(photos)))
    return [(photo_id, path) for photo_id, path in rows]

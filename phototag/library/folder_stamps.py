"""The folders that the last complete scan walked, each with its stamp: what the next one finds as
it was, it need not compare.

A row with a stamp says that the known photos of the folder itself were brought in line with a
listing made under that stamp, and that each of its subfolders that a walk looks into has a row. A
row without one says: look again. Whatever is in doubt loses its stamp or its row, which costs no
more than a look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, bindparam, delete, func, select

from phototag.library.database import Catalog
from phototag.library.dialects import indexed_by, insert_or_update
from phototag.library.paths import join, place_of, places_of, roots_of, to_path, to_text
from phototag.library.tables import folders, photos
from phototag.records import FolderStamp

_Key = tuple[int, str]  # root id, path as stored
_DELETE = delete(folders).where(folders.c.root_id == bindparam("root"), folders.c.path == bindparam("folder"))


def find(catalog: Catalog, scope: Sequence[str]) -> dict[str, FolderStamp | None]:
    """Absolute path -> stamp of the known folders here and below."""
    with catalog.read() as connection:
        roots = {root_id: root for root, root_id in roots_of(connection).items()}
        rows = _rows(connection, scope)
    return {join(roots[root_id], to_path(path)): stamp for (root_id, path), stamp in rows.items()}


def save(
    catalog: Catalog,
    scope: Sequence[str],
    stamps: Mapping[str, FolderStamp | None],
    entered: Iterable[str] = (),
    *,
    always: bool,
) -> None:
    """The folders of `scope` are these now. `entered`: folders that were not walked and that got a
    photo by name. Writes what differs: nothing where nothing does. Stamps that only say more of the
    same, as of folders that were too young last time for their times to be trusted, are no reason
    to write unless `always`: a scan in which nothing is new writes no row."""
    with catalog.read() as connection:
        roots = roots_of(connection)
        before = _rows(connection, scope)
    walked = _by_key(roots, stamps)
    changed = {key: stamp for key, stamp in walked.items() if key not in before or before[key] != stamp}
    changed |= _by_key(roots, dict.fromkeys(entered))
    gone = before.keys() - walked.keys()
    # Listings that are as they were, under times that can be trusted now.
    only_more = all(
        (old := before.get(key)) and stamp and old.listing == stamp.listing and old.time is None
        for key, stamp in changed.items()
    )
    if not gone and (not changed or (only_more and not always)):
        return
    with catalog.write() as connection:
        if gone:
            connection.execute(_DELETE, [{"root": root_id, "folder": path} for root_id, path in gone])
        # Another scan may have dissolved a root into another meanwhile.
        still = {*roots_of(connection).values()}
        rows = [
            {
                "root_id": root_id,
                "path": path,
                "listing": stamp.listing if stamp else None,
                "listed_time": stamp.time if stamp else None,
            }
            for (root_id, path), stamp in changed.items()
            if root_id in still
        ]
        if rows:
            connection.execute(insert_or_update(folders, "root_id", "path"), rows)


def are_all(
    catalog: Catalog,
    scope: Sequence[str],
    stamps: Mapping[str, FolderStamp | None],
    unchanged: Mapping[str, int],
) -> bool:
    """Whether the unchanged folders are all that were walked, all that are known in `scope`, and
    hold all its photos."""
    if not unchanged.keys() >= {*scope, *stamps} or not find(catalog, scope).keys() <= unchanged.keys():
        return False
    total = 0
    with catalog.read() as connection:
        for place in places_of(connection, scope):
            # Two counts, each from an index alone.
            every = select(func.count()).select_from(photos).where(place.within(photos))
            missing = indexed_by(
                every.where(photos.c.missing_since.is_not(None)), photos, "ix_photos_missing"
            )
            total += (connection.scalar(every) or 0) - (connection.scalar(missing) or 0)
    return total == sum(unchanged.values())


def forget(connection: Connection) -> None:
    """The catalog's paths change in other ways than by a walk: the next one lists every folder."""
    connection.execute(delete(folders))


def _rows(connection: Connection, scope: Sequence[str]) -> dict[_Key, FolderStamp | None]:
    found: dict[_Key, FolderStamp | None] = {}
    columns = folders.c.root_id, folders.c.path, folders.c.listing, folders.c.listed_time
    for place in places_of(connection, scope):
        for root_id, path, listing, time in connection.execute(select(*columns).where(place.within(folders))):
            found[root_id, path] = FolderStamp(listing, time) if listing else None
    return found


def _by_key(
    roots: dict[str, int], stamps: Mapping[str, FolderStamp | None]
) -> dict[_Key, FolderStamp | None]:
    return {
        (place.root_id, to_text(place.path)): stamp
        for folder, stamp in stamps.items()
        if (place := place_of(roots, folder))
    }

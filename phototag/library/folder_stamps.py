"""The folders that the last complete scan walked, each with its stamp: what the next one finds as
it was, it need not compare.

A stamp is the walk's own text for a folder as it was ((`phototag.reading.walk`)); nobody else looks
into it. A row with one says that the known photos of the folder itself were brought in line with a
listing made under that stamp, and that each of its subfolders that a walk looks into has a row. A
row without one says: look again. Whatever is in doubt loses its stamp or its row, which costs no
more than a look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection

from phototag.library.database import Catalog, ask, put
from phototag.library.paths import join, place_of, places_of, roots_of, to_path, to_text

_Rows = dict[tuple[int, str], str | None]  # root id, path as stored -> stamp


def find(catalog: Catalog, scope: Sequence[str]) -> dict[str, str | None]:
    """Absolute path -> stamp of the known folders here and below."""
    with catalog.read() as connection:
        roots = {root_id: root for root, root_id in roots_of(connection).items()}
        rows = _rows(connection, scope)
    return {join(roots[root_id], to_path(path)): stamp for (root_id, path), stamp in rows.items()}


def remember(
    catalog: Catalog,
    scope: Sequence[str],
    stamps: Mapping[str, str | None],
    entered: Iterable[str],
    *,
    learn: bool,
    dry_run: bool,
) -> None:
    """The folders of `scope` are these now. `entered`: folders that were not walked and that got a
    photo by name. Writes what differs: nothing where nothing does. Stamps that only say more of the
    same, as of folders that were too young last time for their times to be trusted, are no reason
    to write unless `learn`: a scan in which nothing is new writes no row."""
    with catalog.read() as connection:
        roots = roots_of(connection)
        before = _rows(connection, scope)
    walked: _Rows = {}
    for folder, stamp in stamps.items():
        if place := place_of(roots, folder):
            walked[place.root_id, to_text(place.path)] = stamp
    changed = [(*key, stamp) for key, stamp in walked.items() if key not in before or before[key] != stamp]
    changed += [
        (place.root_id, to_text(place.path), None) for folder in entered if (place := place_of(roots, folder))
    ]
    gone = [key for key in before if key not in walked]
    # A listing that is as it was, under a time that can be trusted now.
    learned = all(
        (old := before.get((root_id, path))) and f"{stamp} ".startswith(f"{old} ")
        for root_id, path, stamp in changed
    )
    if dry_run or not (gone or (changed and (learn or not learned))):
        return
    with catalog.write() as connection:
        for statement, rows in (
            ("DELETE FROM folders WHERE root_id = ? AND path = ?", gone),
            # A root may have been dissolved into another meanwhile, by another scan.
            (
                "INSERT INTO folders (root_id, path, listing, listed_time) SELECT ?1, ?2, ?3, ?4 FROM roots WHERE id = ?1 "
                "ON CONFLICT (root_id, path) DO UPDATE SET listing = excluded.listing, listed_time = excluded.listed_time",
                [(root_id, path, *_columns(stamp)) for root_id, path, stamp in changed],
            ),
        ):
            put(connection, statement, rows)


def are_all(
    catalog: Catalog, scope: Sequence[str], stamps: Mapping[str, str | None], unchanged: Mapping[str, int]
) -> bool:
    """Whether the unchanged folders are all that were walked, all that are known in `scope`, and
    hold all its photos."""
    if not unchanged.keys() >= {*scope, *stamps} or not find(catalog, scope).keys() <= unchanged.keys():
        return False
    photos = 0
    with catalog.read() as connection:
        for place in places_of(connection, scope):
            within, values = place.condition()
            (total,) = ask(connection, f"SELECT count(*) FROM photos p WHERE {within}", values).fetchone()
            missing = f"SELECT count(*) FROM photos p INDEXED BY ix_photos_missing WHERE p.missing_since IS NOT NULL AND {within}"
            photos += total - ask(connection, missing, values).fetchone()[0]
    return photos == sum(unchanged.values())


def forget(connection: Connection) -> None:
    """The catalog's paths change in other ways than by a walk: the next one lists every folder."""
    connection.exec_driver_sql("DELETE FROM folders")


def _rows(connection: Connection, scope: Sequence[str]) -> _Rows:
    rows: _Rows = {}
    for place in places_of(connection, scope):
        within, values = place.condition()
        for root_id, path, listing, time in ask(
            connection, f"SELECT root_id, path, listing, listed_time FROM folders p WHERE {within}", values
        ):
            rows[root_id, path] = f"{listing} {time}" if listing and time else listing
    return rows


def _columns(stamp: str | None) -> tuple[str | None, str | None]:
    """A stamp as the columns `listing` and `listed_time`."""
    listing, _, time = (stamp or "").partition(" ")
    return listing or None, time or None

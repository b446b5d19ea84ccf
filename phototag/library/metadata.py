"""Which photos' metadata are to be read, and what was read of them.

A photo's metadata are due when its bytes are new, when it has moved, when a file beside it was added,
changed or removed, and when the rules of reading are new. Then its file and those beside it are read as
a whole, without decoding pixels, so that nothing of what one of them said before can stay behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from sqlalchemy import Connection, bindparam, delete, insert, literal_column, select, update

from phototag.library import summaries, taken, written
from phototag.library.answers import chunks
from phototag.library.database import Catalog
from phototag.library.dialects import executemany, indexed_by, insert_rows
from phototag.library.names import escape_surrogates
from phototag.library.paths import Place, place_of, places_of, roots_of, to_path, to_text
from phototag.library.tables import meta, photos, sidecars
from phototag.metadata.beside import Sidecar, changed_names, index_names, sidecar_names
from phototag.metadata.picasa import NAMES as FOLDER_WIDE
from phototag.records import Job, PhotoFile, Reread

# Raise it when dates or metadata are read better: then those of all known photos are read once more.
RULES_VERSION = 3
RULES = "metadata_rules"  # in `meta`
PAGE = 256  # photos read between two transactions
FOLDERS = 100  # compared between two transactions

_UPDATE_FACTS = (
    update(photos)
    .where(photos.c.id == bindparam("photo"))
    .values({name: bindparam(f"new_{name}") for name in (*taken.COLUMNS, "latitude", "longitude", "camera")})
)
# A literal: SQLite uses a partial index only where the statement shows its condition.
_IS_DUE = photos.c.metadata_due == literal_column("1")
_MAKE_DUE = update(photos).where(photos.c.id == bindparam("photo")).values(metadata_due=literal_column("1"))
_DELETE_SIDECAR = delete(sidecars).where(
    sidecars.c.root_id == bindparam("root"),
    sidecars.c.folder == bindparam("in_folder"),
    sidecars.c.name == bindparam("called"),
)


def note_rules(catalog: Catalog) -> None:
    """Where the catalog's metadata were read by other rules than today's, all are due again."""
    statement = select(meta.c.value).where(meta.c.key == RULES)
    with catalog.read() as connection:
        if connection.scalar(statement) == str(RULES_VERSION):
            return
    with catalog.write() as connection:
        if connection.scalar(statement) == str(RULES_VERSION):  # another process was faster
            return
        connection.execute(update(photos).where(photos.c.metadata_due == 0).values(metadata_due=1))
        connection.execute(delete(meta).where(meta.c.key == RULES))
        connection.execute(insert(meta).values(key=RULES, value=str(RULES_VERSION)))


def make_due(connection: Connection, scope: Sequence[str]) -> None:
    """The metadata of all photos of these folders and files are due."""
    for place in places_of(connection, scope):
        here = place.within(photos), photos.c.metadata_due == 0
        connection.execute(update(photos).where(*here).values(metadata_due=1))


def watch(catalog: Catalog, listed: Mapping[str, Sequence[Sidecar]]) -> None:
    """These files lie beside photos now; `listed`: absolute folder -> all such files in it. The metadata
    of photos of which one may speak that is new, changed or gone are due."""
    waiting = iter(listed.items())
    while some := list(islice(waiting, FOLDERS)):
        with catalog.read() as connection:
            changes = [change for folder, now in some if (change := _compare(connection, folder, now))]
        if changes:
            with catalog.write() as connection:
                for place, now, changed in changes:
                    _store_change(connection, place, now, changed)


def _compare(
    connection: Connection, folder: str, now: Sequence[Sidecar]
) -> tuple[Place, Sequence[Sidecar], set[str]] | None:
    place = place_of(roots_of(connection), folder)
    if place is None:
        return None
    before = _known_in(connection, place)
    changed = changed_names(before, now)
    return (place, now, changed) if changed else None


def _known_in(connection: Connection, place: Place) -> dict[str, tuple[int, int]]:
    columns = sidecars.c.name, sidecars.c.size_bytes, sidecars.c.mtime_ns
    here = sidecars.c.root_id == place.root_id, sidecars.c.folder == to_text(place.path)
    return {
        to_path(name): (size_bytes, mtime_ns)
        for name, size_bytes, mtime_ns in connection.execute(select(*columns).where(*here))
    }


def _store_change(connection: Connection, place: Place, now: Sequence[Sidecar], changed: set[str]) -> None:
    prefix = f"{place.path}/" if place.path else ""
    in_folder = select(photos.c.id, photos.c.path).where(place.within(photos), photos.c.metadata_due == 0)
    due, changed_index = [], index_names(changed)
    for photo_id, path in connection.execute(in_folder).all():
        name = to_path(path)[len(prefix) :]
        if "/" not in name and (changed & {*FOLDER_WIDE} or sidecar_names(name, changed_index)):
            due.append({"photo": photo_id})
    executemany(connection, _MAKE_DUE, due)
    folder = to_text(place.path)
    rows = [{"root": place.root_id, "in_folder": folder, "called": to_text(name)} for name in changed]
    executemany(connection, _DELETE_SIDECAR, rows)
    insert_rows(
        connection,
        sidecars,
        [
            (place.root_id, folder, to_text(one.name), one.size_bytes, one.mtime_ns)
            for one in now
            if one.name in changed
        ],
    )


def sidecars_of(connection: Connection, root_id: int, paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Stored path of a photo -> the names of the files beside it that may speak of it; without photos
    that have none."""
    folders = {path.rpartition("/")[0] for path in paths}
    listed: dict[str, list[str]] = {}
    for some in chunks(sorted(folders)):
        here = sidecars.c.root_id == root_id, sidecars.c.folder.in_(some)
        for folder, name in connection.execute(select(sidecars.c.folder, sidecars.c.name).where(*here)):
            listed.setdefault(folder, []).append(to_path(name))
    names = {folder: index_names(its) for folder, its in listed.items()}
    found = {}
    for path in paths if names else ():
        folder, _, name = path.rpartition("/")
        if folder in names and (its := sidecar_names(to_path(name), names[folder])):
            found[path] = tuple(its)
    return found


def due(catalog: Catalog, scope: Sequence[str] | None) -> Iterator[list[Job]]:
    """The photos whose metadata are due and whose bytes were read before, page by page, as jobs without
    taggers. Photos that nobody has read yet have theirs read when they are decoded."""
    with catalog.read() as connection:
        places = places_of(connection, scope)
    columns = photos.c.id, photos.c.path, photos.c.size_bytes, photos.c.mtime_ns
    for place in places:
        after = 0
        while True:
            statement = (
                select(*columns)
                .where(_IS_DUE, place.within(photos), photos.c.id > after)
                .where(photos.c.missing_since.is_(None), photos.c.content_hash.is_not(None))
                .order_by(photos.c.id)
                .limit(PAGE)
            )
            with catalog.read() as connection:
                rows = connection.execute(indexed_by(statement, photos, "ix_photos_metadata_due")).all()
                beside = sidecars_of(connection, place.root_id, [row.path for row in rows])
            if not rows:
                break
            yield [
                Job(
                    row.id,
                    PhotoFile(place.root, to_path(row.path), row.size_bytes, row.mtime_ns),
                    (),
                    sidecars=beside.get(row.path, ()),
                )
                for row in rows
            ]
            after = rows[-1].id


def count_due(catalog: Catalog, scope: Sequence[str] | None) -> int:
    """How many photos `due` gives."""
    total = 0
    with catalog.read() as connection:
        for place in places_of(connection, scope):
            statement = select(photos.c.id).where(_IS_DUE, place.within(photos))
            statement = statement.where(photos.c.missing_since.is_(None), photos.c.content_hash.is_not(None))
            statement = indexed_by(statement, photos, "ix_photos_metadata_due")
            total += len(connection.scalars(statement).all())
    return total


def save(connection: Connection, read: Sequence[Reread]) -> None:
    """Store what was read of these photos. Those whose file could not be read keep what they have, and
    stay due."""
    found = {one.photo_id: one for one in read if one.exif is not None and one.written is not None}
    for ids in chunks(found):
        known = connection.scalars(select(photos.c.id).where(photos.c.id.in_(ids))).all()
        some = {photo_id: found[photo_id] for photo_id in known}
        summaries.forget(connection, known)
        written.store(connection, {i: one.written for i, one in some.items() if one.written is not None})
        executemany(connection, _UPDATE_FACTS, [_facts_row(one) for one in some.values()])
        summaries.compute_again(connection, known)


def _facts_row(one: Reread) -> dict[str, object]:
    exif = one.exif
    assert exif is not None
    date = taken.columns_of(exif)
    return {
        "photo": one.photo_id,
        **{f"new_{name}": value for name, value in zip(taken.COLUMNS, date, strict=True)},
        "new_latitude": exif.latitude,
        "new_longitude": exif.longitude,
        "new_camera": escape_surrogates(exif.camera) if exif.camera else None,
    }

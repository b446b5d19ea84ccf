"""The towns and countries where photos were taken: found once for each position, kept for questions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select

from phototag.library.answers import CHUNK, IDS
from phototag.library.database import Catalog
from phototag.library.dialects import executemany, insert_or_skip, insert_or_update
from phototag.library.names import escape_surrogates
from phototag.library.tables import located_photos, photo_places, photos, place_names, places
from phototag.query.terms import fold
from phototag.records import NamedPlace

HOME_DEGREES = 0.1  # 11 km from south to north
PlacesOf = Callable[[float, float], Sequence[NamedPlace]]

_AT = located_photos.c
_IS_OLD = or_(
    _AT.photo_id.is_(None),
    _AT.latitude != photos.c.latitude,
    _AT.longitude != photos.c.longitude,
    _AT.gazetteer != bindparam("gazetteer"),
)
_UNPLACED = (
    select(photos.c.id, photos.c.latitude, photos.c.longitude)
    .select_from(photos.outerjoin(located_photos))
    .where(photos.c.latitude.is_not(None), photos.c.longitude.is_not(None), _IS_OLD)
    .order_by(photos.c.id)
)
# Placed once, and without a position since.
_STRAYS = select(_AT.photo_id).select_from(located_photos.join(photos)).where(photos.c.latitude.is_(None))
_FORGET = delete(located_photos).where(_AT.photo_id == bindparam("photo"))
_FORGET_PLACES = delete(photo_places).where(photo_places.c.photo_id == bindparam("photo"))
_INSERT = insert(photo_places)
_REMEMBER = insert_or_update(located_photos, "photo_id")
_INSERT_NAME = insert_or_skip(place_names, "name_key", "place_id")
_POSITIONS_BY_DAY = select(
    photos.c.latitude, photos.c.longitude, func.substr(photos.c.taken_at, 1, 10)
).where(photos.c.latitude.is_not(None), photos.c.longitude.is_not(None), photos.c.taken_at.is_not(None))
_OF_PHOTOS = (
    select(photo_places.c.photo_id, places.c.name)
    .select_from(photo_places.join(places))
    .where(photo_places.c.photo_id.in_(IDS))
    .order_by(photo_places.c.photo_id, photo_places.c.position)
)


def find(
    catalog: Catalog,
    gazetteer: str,
    places_of: Callable[[], PlacesOf],
    on_progress: Callable[[int, int], None] | None = None,
) -> int:
    """Find the places of all photos whose position is new, or was placed by another gazetteer; how many.

    `gazetteer`: its version. `places_of()` loads it, and is called only where there is something to find;
    what it gives takes latitude and longitude in degrees. `on_progress(photos done, photos in all)`. In
    batches: what an interruption leaves is found by the next scan."""
    with catalog.read() as connection:
        rows = connection.execute(_UNPLACED, {"gazetteer": gazetteer}).all()
        strays = connection.scalars(_STRAYS).all()
    if strays:
        with catalog.write() as connection:
            executemany(connection, _FORGET_PLACES, [{"photo": photo_id} for photo_id in strays])
            executemany(connection, _FORGET, [{"photo": photo_id} for photo_id in strays])
    if not rows:
        return 0
    find_places = places_of()
    for start in range(0, len(rows), CHUNK):
        batch = [
            (row.id, row.latitude, row.longitude, find_places(row.latitude, row.longitude))
            for row in rows[start : start + CHUNK]
        ]
        with catalog.write() as connection:
            _save(connection, gazetteer, batch)
        if on_progress:
            on_progress(start + len(batch), len(rows))
    return len(rows)


def load(connection: Connection, photo_ids: Sequence[int]) -> dict[int, list[str]]:
    """Photo id -> what its places are called, the one to name first first; the country last."""
    found: dict[int, list[str]] = {}
    if photo_ids:
        for photo_id, name in connection.execute(_OF_PHOTOS, {"ids": photo_ids}):
            found.setdefault(photo_id, []).append(name)
    return found


def are_known(connection: Connection) -> bool:
    """Whether some photo's place is."""
    return connection.execute(select(places.c.id).limit(1)).first() is not None


def find_home(connection: Connection) -> tuple[float, float] | None:
    """The middle of the square of about ten kilometres in which photos were taken on most days; of several
    such the one with most photos."""
    rows = connection.execute(_POSITIONS_BY_DAY).all()
    days: dict[tuple[int, int], set[str]] = defaultdict(set)
    positions: dict[tuple[int, int], list[tuple[float, float]]] = defaultdict(list)
    for latitude, longitude, day in rows:
        square = round(latitude / HOME_DEGREES), round(longitude / HOME_DEGREES)
        days[square].add(day)
        positions[square].append((latitude, longitude))
    if not days:
        return None
    home = max(days, key=lambda square: (len(days[square]), len(positions[square]), square))
    found = positions[home]
    return sum(lat for lat, _ in found) / len(found), sum(lon for _, lon in found) / len(found)


def _save(
    connection: Connection,
    gazetteer: str,
    batch: Sequence[tuple[int, float, float, Sequence[NamedPlace]]],
) -> None:
    ids = _ensure(connection, {place.code: place for _, _, _, found in batch for place in found}.values())
    executemany(connection, _FORGET_PLACES, [{"photo": photo_id} for photo_id, *_ in batch])
    executemany(
        connection,
        _INSERT,
        [
            {"place_id": ids[place.code], "photo_id": photo_id, "position": position}
            for photo_id, _, _, found in batch
            for position, place in enumerate(found)
        ],
    )
    executemany(
        connection,
        _REMEMBER,
        [
            {"photo_id": photo_id, "latitude": latitude, "longitude": longitude, "gazetteer": gazetteer}
            for photo_id, latitude, longitude, _ in batch
        ],
    )


def _ensure(connection: Connection, found: Iterable[NamedPlace]) -> dict[str, int]:
    """Code -> id; stores those that are new, and their names."""
    by_code = {place.code: place for place in found}
    known = select(places.c.code, places.c.id).where(places.c.code.in_(list(by_code)))
    ids = {code: place_id for code, place_id in connection.execute(known)}
    new = [place for code, place in by_code.items() if code not in ids]
    for place in new:
        row = {"code": place.code, "name": place.name, "country": place.country}
        ids[place.code] = connection.execute(insert(places).values(row).returning(places.c.id)).scalar_one()
    names = [
        {"name_key": fold(escape_surrogates(name)), "place_id": ids[place.code]}
        for place in new
        for name in place.names
    ]
    executemany(connection, _INSERT_NAME, names)
    return ids

"""Rows -> `Photo` records, in bulk: a handful of statements for hundreds of photos."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import TypeVar

from sqlalchemy import Connection

from phototag.library.answers import load_detectors, load_errors, load_tags, load_things, marks
from phototag.library.database import Catalog, ask
from phototag.library.paths import join, roots_of, to_path
from phototag.library.summaries import corrections_of
from phototag.records import Photo, PhotoLine, Tag
from phototag.smiling import join_faces

# The first photos come at once, then more at a time: a page is small, a catalog is long.
FIRST, NEXT = 64, 256
T = TypeVar("T")
Load = Callable[[Connection, list[int]], Iterable[T]]
ABOUT_FACES = frozenset({"faces", "smiles", "sharpness"})


def stream(catalog: Catalog, find: Callable[[Connection], list[int]], load: Load[T]) -> Iterator[T]:
    """What `load` makes of the photos that `find` finds, in that order. Nothing stays open between
    two of them, so the caller may write meanwhile."""
    with catalog.read() as connection:
        ids = find(connection)
        first = list(load(connection, ids[:FIRST]))
    return chain(first, _rest(catalog, ids, load))


def _rest(catalog: Catalog, ids: list[int], load: Load[T]) -> Iterator[T]:
    for start in range(FIRST, len(ids), NEXT):
        with catalog.read() as connection:
            found = list(load(connection, ids[start : start + NEXT]))
        yield from found


def load(connection: Connection, ids: list[int], smile_threshold: float) -> list[Photo]:
    """These photos, in this order; ids that no photo has are left out."""
    rows = ask(
        connection,
        "SELECT p.id, r.path, p.path, p.size_bytes, p.width, p.height, p.content_hash, p.taken_at, p.taken_from, p.latitude, "
        "p.longitude, p.camera, p.missing_since, p.least_smile, p.failed FROM photos p JOIN roots r ON r.id = p.root_id "
        f"WHERE p.id IN ({marks(ids)})",
        ids,
    ).fetchall()
    seen, corrections = load_tags(connection, ids), corrections_of(connection, ids)
    looked_at = [photo_id for photo_id, tags in seen.items() if "objects" in tags]
    detectors = load_detectors(connection, looked_at, set(ids).difference(looked_at))
    errors = load_errors(connection, [row[0] for row in rows if row[-1]])
    found = {}
    for row in rows:
        photo_id = row[0]
        known = (
            seen.get(photo_id, {}),
            corrections.get(photo_id, {}),
            errors.get(photo_id, {}),
            detectors.get(photo_id),
        )
        found[photo_id] = _photo(row, *known, smile_threshold)
    return [found[photo_id] for photo_id in ids if photo_id in found]


def load_lines(connection: Connection, ids: list[int], smile_threshold: float) -> list[PhotoLine]:
    """The same of these photos, as far as a line tells it."""
    rows = ask(
        connection,
        "SELECT id, root_id, path, taken_at, width, height, least_smile, faces, failed FROM photos "
        f"WHERE id IN ({marks(ids)})",
        ids,
    ).fetchall()
    roots = {root_id: root for root, root_id in roots_of(connection).items()}
    seen, corrections = load_things(connection, ids, ABOUT_FACES), corrections_of(connection, ids)
    detectors = load_detectors(connection, {tag[0] for tags in seen.values() for tag in tags if tag[4]})
    errors = load_errors(connection, [row[0] for row in rows if row[-1]])
    found = {}
    for photo_id, root_id, path, taken_at, width, height, least_smile, faces, _ in rows:
        said = corrections.get(photo_id)
        tags = seen.get(photo_id, ())
        if said:
            tags = [tag for tag in tags if said.get(tag[1], True)]
        things = tuple([tag[1:3] for tag in tags if tag[3]])
        found[photo_id] = PhotoLine(
            photo_id,
            join(roots[root_id], to_path(path)),
            datetime.fromisoformat(taken_at) if taken_at else None,
            width,
            height,
            None if least_smile is None else least_smile >= smile_threshold,
            faces or 0,
            things,
            tuple([tag[1] for tag in tags if not tag[3]]),
            tuple([label for label, present in said.items() if present]) if said else (),
            next(iter(errors[photo_id].values())) if photo_id in errors else None,
            detectors.get(photo_id) if things else None,
        )
    return [found[photo_id] for photo_id in ids if photo_id in found]


def load_paths(connection: Connection, ids: list[int]) -> list[str]:
    """The absolute paths of these photos, in this order."""
    roots = {root_id: root for root, root_id in roots_of(connection).items()}
    rows = ask(connection, f"SELECT id, root_id, path FROM photos WHERE id IN ({marks(ids)})", ids)
    by_id = {photo_id: join(roots[root_id], to_path(path)) for photo_id, root_id, path in rows}
    return [by_id[photo_id] for photo_id in ids if photo_id in by_id]


def _photo(
    row,
    seen: Mapping[str, Sequence[Tag]],
    said: Mapping[str, bool],
    errors: Mapping[str, str],
    detector: str | None,
    smile_threshold: float,
) -> Photo:
    (
        photo_id,
        root,
        path,
        size_bytes,
        width,
        height,
        content_hash,
        taken_at,
        *facts,
        missing_since,
        least_smile,
        _,
    ) = row
    objects, kinds = [], []
    for name, tags in seen.items():
        if name not in ABOUT_FACES:  # also of taggers that this file has never heard of
            for tag in tags:
                if not said or said.get(tag.label, True):
                    (objects if tag.box else kinds).append(tag)
    return Photo(
        photo_id,
        join(to_path(root), to_path(path)),
        size_bytes,
        width,
        height,
        content_hash,
        datetime.fromisoformat(taken_at) if taken_at else None,
        *facts,
        datetime.fromisoformat(missing_since) if missing_since else None,
        None if least_smile is None else least_smile >= smile_threshold,
        tuple(objects),
        tuple(kinds),
        tuple(join_faces(seen)) if "faces" in seen else (),
        _whole(seen["sharpness"]) if "sharpness" in seen else None,
        tuple([label for label, present in said.items() if present]) if said else (),
        errors,
        detector,
    )


def _whole(tags: Sequence[Tag]) -> float | None:
    """What is said of the whole photo."""
    return next((tag.score for tag in tags if tag.box is None), None)

"""A library's folder that was renamed or moved as a whole, recognised by what is in it."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from phototag.errors import CatalogError
from phototag.library.database import Catalog
from phototag.library.moves import HashFile
from phototag.library.paths import (
    containing_folder,
    is_surely_gone,
    join,
    places_of,
    roots_of,
    to_path,
    under,
)
from phototag.library.tables import photos
from phototag.records import PhotoFile
from phototag.storage.anywhere import may_exist

CANDIDATES = 5  # folders of similar names in which it is looked for: other moved roots may be among them
PROBES = 40  # photos of a root by which its new place is looked for
HASHED = 8  # of those, how many are compared byte by byte
LEAST_SHARE = 0.5  # of the root's photos, found at their places in the new folder with their sizes


@dataclass(frozen=True, slots=True)
class MovedRoot:
    """The root `old` is the folder `new` now. `photos`: how many were found there. `has_ctimes`: the
    files are the same ones, not copies, so that the times at which they changed still tell."""

    old: str
    new: str
    photos: int
    has_ctimes: bool


@dataclass(frozen=True, slots=True)
class _Known:
    size_bytes: int
    mtime_ns: int
    ctime_ns: int | None
    content_hash: str | None


def find(
    catalog: Catalog, walked: Sequence[str], new: Sequence[PhotoFile], hash_file: HashFile
) -> list[MovedRoot]:
    """The roots that are gone, and of whose photos at least half lie in the same order in another
    folder, among the `new` files of the `walked` folders. Raises CatalogError where a root may as well
    be on a disk that is not connected: only the person knows."""
    if not new:
        return []
    with catalog.read() as connection:
        gone = [root for root in roots_of(connection) if not may_exist(root)]
    gone = [root for root in gone if containing_folder(walked, root) is None]
    if not gone:
        return []
    files = {file.full_path(): file for file in new}
    by_name: dict[str, list[str]] = {}
    for path in files:
        by_name.setdefault(os.path.basename(path), []).append(path)
    found = []
    for root in gone:
        known = _load(catalog, root)
        moved = _find(root, known, walked, files, by_name, hash_file) if known else None
        if moved is None:
            continue
        if not moved.has_ctimes and not is_surely_gone(root):
            raise CatalogError(
                f"The photos of {root}, which is not there now, are in {moved.new}. Nothing was changed. "
                "If it is a copy, connect the other disk and scan again; if that folder was moved, type: "
                f"phototag relocate {shlex.quote(root)} {shlex.quote(moved.new)}"
            )
        found.append(moved)
    return found


def _load(catalog: Catalog, root: str) -> dict[str, _Known]:
    """Of the photos that were there when last looked for: path below the root -> what is known."""
    columns = photos.c.path, photos.c.size_bytes, photos.c.mtime_ns, photos.c.ctime_ns, photos.c.content_hash
    with catalog.read() as connection:
        return {
            to_path(path): _Known(*row)
            for place in places_of(connection, [root])
            for path, *row in connection.execute(
                select(*columns).where(place.within(photos), photos.c.missing_since.is_(None))
            )
        }


def _find(
    root: str,
    known: Mapping[str, _Known],
    walked: Sequence[str],
    files: Mapping[str, PhotoFile],
    by_name: Mapping[str, Sequence[str]],
    hash_file: HashFile,
) -> MovedRoot | None:
    probes = sorted(known)[:: max(len(known) // PROBES, 1)]
    votes: Counter[str] = Counter()
    for below in probes:
        tail = os.sep + below.replace("/", os.sep)
        votes.update(
            path[: -len(tail)] for path in by_name.get(below.rpartition("/")[2], ()) if path.endswith(tail)
        )
    for folder, _ in votes.most_common(CANDIDATES):
        there = {
            below for below, photo in known.items() if _is_there(join(folder, below), photo, walked, files)
        }
        if len(there) < LEAST_SHARE * len(known):
            continue
        same = [below for below in probes if below in there and join(folder, below) in files]
        if not same or not _have_same_bytes(
            folder, same[:: max(len(same) // HASHED, 1)], known, files, hash_file
        ):
            continue
        has_ctimes = all(
            known[below].ctime_ns and known[below].ctime_ns == files[join(folder, below)].ctime_ns
            for below in same
        )
        return MovedRoot(root, folder, len(there), has_ctimes)
    return None


def _is_there(path: str, known: _Known, walked: Sequence[str], files: Mapping[str, PhotoFile]) -> bool:
    if file := files.get(path):
        return file.size_bytes == known.size_bytes
    return containing_folder(walked, path) is None and os.path.lexists(path)


def _have_same_bytes(
    folder: str,
    sample: Sequence[str],
    known: Mapping[str, _Known],
    files: Mapping[str, PhotoFile],
    hash_file: HashFile,
) -> bool:
    for below in sample:
        file, photo = files[join(folder, below)], known[below]
        if photo.content_hash is None:
            if file.mtime_ns != photo.mtime_ns:
                return False
        elif hash_file(file) != photo.content_hash:
            return False
    return True


def say_moved(moved: MovedRoot) -> str:
    """One line for the person."""
    number = f"{moved.photos:,} photos" if moved.photos != 1 else "1 photo"
    return f"{moved.old} is {moved.new} now, with {number}: recognised, not looked at again."


def move_known(known: Mapping[str, tuple[object, ...]], moved: MovedRoot) -> dict[str, str]:
    """Absolute path of each known photo -> its path in the new folder."""
    places = {}
    for path in known:
        below = under(moved.old, path)
        if below is not None:
            places[path] = join(moved.new, below)
    return places

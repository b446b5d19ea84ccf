"""Where folders lie in the catalog: absolute path <-> root and path below it, and how a path is
stored as text.

No root lies inside another.

SQLite's text is Unicode; a file name is bytes. A byte that is not UTF-8 (Python shows it as a
surrogate) is stored as one character of Unicode's private use: 0xE9 as U+10F7E9. A name that really
contains such a character has its bytes stored that way too, so nothing is ambiguous. What is stored
stays text: it sorts, is unique, and LIKE finds the rest of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, insert, or_, select, update

from phototag.library.tables import photos
from phototag.library.tables import roots as root_rows
from phototag.storage.address import absolute, is_remote


@dataclass(frozen=True, slots=True)
class Place:
    """A folder or file: `path` ('/' between its parts, '' for the root itself) below a root of the
    catalog."""

    root_id: int
    root: str  # as Python spells it, not as it is stored
    path: str

    @property
    def absolute(self) -> str:
        return join(self.root, self.path)

    def within(self, table: Table) -> ColumnElement[bool]:
        """Holds for the rows of photos or folders that lie here or below."""
        here = table.c.root_id == self.root_id
        if not self.path:
            return here
        path = to_text(self.path)
        # Between 'x' and 'x0' ('0' is the character after '/') lie 'x' itself, all that begins with
        # 'x/', and names such as 'x-1'. Written as a range first, so that the index on (root_id,
        # path) bounds the search.
        inside = or_(table.c.path == path, table.c.path > path + "/")
        return and_(here, table.c.path >= path, table.c.path < path + "0", inside)


def roots_of(connection: Connection) -> dict[str, int]:
    """Absolute path of each root -> its id, in the order of the paths of the photos below."""
    rows = connection.execute(select(root_rows.c.path, root_rows.c.id))
    ids = {to_path(path): root_id for path, root_id in rows}
    return {root: ids[root] for root in sorted(ids, key=_sort_key)}


def _sort_key(folder: str) -> str:
    """Sorts folders as the photos below them sort: `/a-b/1.jpg` comes before `/a/1.jpg`."""
    return to_text(join(folder, "-"))[:-1]


def place_of(roots: dict[str, int], path: str) -> Place | None:
    """Where an absolute path lies, None outside all roots."""
    for root, root_id in roots.items():
        if (below := under(root, path)) is not None:
            return Place(root_id, root, below)
    return None


def places_of(connection: Connection, scope: Sequence[str] | None) -> list[Place]:
    """The disjoint places that hold the photos of these folders and files, in order; of all roots
    where scope is None."""
    roots = roots_of(connection)
    if scope is None:
        return [Place(root_id, root, "") for root, root_id in roots.items()]
    places = {}
    for path in outermost(scope):
        if place := place_of(roots, path):
            places[place.absolute] = place
        for root, root_id in roots.items():
            if under(path, root):
                places[root] = Place(root_id, root, "")
    return [places[path] for path in sorted(places, key=_sort_key)]


def outermost(paths: Sequence[str]) -> list[str]:
    """Absolute paths without those that lie inside another of them, in order."""
    found: list[str] = []
    # In the order of their parts a folder stands right before all that it holds.
    for path in sorted({absolute(path) for path in paths}, key=_parts):
        if not found or under(found[-1], path) is None:
            found.append(path)
    return found


def _parts(path: str) -> list[str]:
    return path.split(os.sep)


def containing_folder(folders: Iterable[str], path: str) -> str | None:
    """The first of these folders that is the path or holds it."""
    return next((folder for folder in folders if under(folder, path) is not None), None)


def holds_something(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    except OSError:
        return False


# Where systems mount disks: a folder that is gone from there may come back.
MOUNTED = ("/media", "/mnt", "/run/media", "/Volumes")


def is_surely_gone(folder: str) -> bool:
    """Whether a folder was renamed, moved or deleted, as against on a disk that is not connected: what
    it lay in is there and holds something, and is no place where disks come and go."""
    return (
        not is_remote(folder)
        and not os.path.lexists(folder)
        and holds_something(os.path.dirname(folder))
        and containing_folder(MOUNTED, folder) is None
    )


def as_known(roots: Iterable[str], path: str) -> str:
    """The absolute path, by the name under which the catalog knows its root: the same folder has several
    where a link leads to it, and where upper and lower case are the same."""
    known: dict[tuple[int, int], str] = {}
    if is_remote(path):
        return path
    for root in roots:
        if path == root or under(root, path) is not None:
            return path
        with suppress(OSError, ValueError):
            found = os.stat(root)
            if found.st_ino:  # some network disks have none
                known[found.st_dev, found.st_ino] = root
    folder = path
    while known:
        with suppress(OSError, ValueError):
            found = os.stat(folder)
            if root := known.get((found.st_dev, found.st_ino), ""):
                return join(root, under(folder, path) or "")
        folder, before = os.path.dirname(folder), folder
        if folder == before:
            break
    return path


def ensure_root(connection: Connection, folder: str) -> Place:
    """Where the folder lies, making it a root where it lies in none. Roots that lie inside it are
    dissolved into it: a photo has one row whatever folder was scanned first."""
    roots = roots_of(connection)
    if place := place_of(roots, folder):
        return place
    statement = insert(root_rows).values(path=to_text(folder)).returning(root_rows.c.id)
    root_id = connection.scalars(statement).one()
    for inner, inner_id in roots.items():
        if below := under(folder, inner):
            moved = {"root_id": root_id, "path": to_text(below) + "/" + photos.c.path}
            connection.execute(update(photos).where(photos.c.root_id == inner_id).values(moved))
            connection.execute(delete(root_rows).where(root_rows.c.id == inner_id))
    return Place(root_id, folder, "")


_BYTE = 0x10F700  # U+10F780 to U+10F7FF stand for the bytes 0x80 to 0xFF; ASCII is always valid


_UNSTORABLE = re.compile("[\ud800-\udfff\U0010f780-\U0010f7ff]")


_STORED_BYTE = re.compile("[\U0010f780-\U0010f7ff]")


def to_text(path: str) -> str:
    """How a path, as os.fsdecode gives it, is stored."""
    if path.isascii() or not _UNSTORABLE.search(path):
        return path
    text = os.fsencode(path).decode("utf-8", "surrogateescape")
    text = _STORED_BYTE.sub(lambda found: found[0].encode().decode("ascii", "surrogateescape"), text)
    return "".join(chr(_BYTE + ord(char) - 0xDC00) if "\udc80" <= char <= "\udcff" else char for char in text)


def to_path(text: str) -> str:
    """The path that was stored as `text`."""
    if text.isascii() or not _STORED_BYTE.search(text):
        return text
    parts = (bytes([ord(char) - _BYTE]) if _STORED_BYTE.match(char) else char.encode() for char in text)
    return os.fsdecode(b"".join(parts))


def under(folder: str, path: str) -> str | None:
    """`path` relative to `folder` with `/` between its parts; '' for the folder itself, None
    outside it. Both absolute."""
    if path == folder:
        return ""
    inside = folder if folder.endswith(os.sep) else folder + os.sep
    return path[len(inside) :].replace(os.sep, "/") if path.startswith(inside) else None


def join(folder: str, path: str) -> str:
    """The absolute path of what `under` gave."""
    if not path:
        return folder
    inside = folder if folder.endswith(os.sep) else folder + os.sep
    return inside + (path if os.sep == "/" else path.replace("/", os.sep))

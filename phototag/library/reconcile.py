"""Brings the catalog's photos in line with the files that are there: new, changed, moved, missing.

In the order of the walk each file is compared with the row of its path; where nothing changed,
nothing is written, and where the walk knows every folder as it was, no row is even read. Files
whose path is new are stored at once unless they may be known under another path (some known photo
has their size): these wait, with the changed ones, until the walk has ended and it is certain which
known files are gone. Then they are hashed: a photo whose file is gone lends its row, with all that
is known of it, to the path where its content now is."""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Connection

from phototag.library import folder_stamps, photo_updates
from phototag.library.answers import hashes
from phototag.library.database import Catalog, ask
from phototag.library.paths import (
    containing_folder,
    ensure_root,
    holds_something,
    join,
    outermost,
    place_of,
    places_of,
    roots_of,
    to_path,
    to_text,
    under,
)
from phototag.library.save import Saver
from phototag.library.terms import MISSING
from phototag.records import PhotoFile

# new files in one transaction: some 10 ms of work and a megabyte; more at a time would be no faster
INSERTS = 1000
HASHES = 64  # files hashed between two transactions: what Ctrl-C can cost


@dataclass(frozen=True)
class Reconciled:
    """Counts of photos. `found` = `new` + `changed` + `unchanged` + `moved`; `duplicates` of the
    new ones have the bytes of another photo, and its answers. `missing`: newly gone. `unavailable`:
    one sentence for each folder that looks unmounted, where nothing was changed."""

    found: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    moved: int = 0
    missing: int = 0
    duplicates: int = 0
    unavailable: tuple[str, ...] = ()


# A known photo: path as stored, id, size_bytes, mtime_ns. A bare tuple: there may be a million.
_Known = tuple[str, int, int, int]


@dataclass(slots=True)
class _Area:
    """A folder that is one root, or will be, with the known photos below it that the walk has not met yet."""

    folder: str
    unmet: dict[str, _Known] = field(default_factory=dict)


@dataclass(slots=True)
class _Waiting:
    """A file to be hashed. `row` is the photo that has its path, None where the path is new."""

    file: PhotoFile
    folder: str
    path: str
    row: int | None = None
    content_hash: str | None = None
    hashed: bool = False


class Reconciliation:
    """One run of `Library.reconcile`."""

    def __init__(
        self,
        catalog: Catalog,
        saver: Saver,
        hash_file: Callable[[PhotoFile], str | None],
        *,
        dry_run: bool,
        learn: bool,
    ) -> None:
        self._catalog = catalog
        self._saver = saver
        self._hash_file = hash_file
        self._dry_run = dry_run
        self._learn = learn
        self._counts: Counter[str] = Counter()
        self._folders: list[str] = []
        self._present: list[str] = []  # of these
        self._loaded = False
        self._missing: set[int] = set()  # photos that were missing before this run
        self._areas: list[_Area] = []
        # Roots of the catalog inside the folders that are walked: area, what paths there begin
        # with, known photos.
        self._inner: dict[str, tuple[_Area, str, int]] = {}
        # folders of which nothing can be said: unreadable, or empty as if unmounted
        self._closed: list[str] = []
        # roots of the walk that held a file, and folders with photos that were not listed
        self._walked: set[str] = set()
        self._entered: set[str] = set()  # folders outside the walk that got a photo, given by name
        self._fresh: list[_Waiting] = []
        self._suspects: list[_Waiting] = []  # new paths with the size of a known photo
        self._touched: dict[int, _Waiting] = {}  # known paths with another size or time, by photo id
        # known photos that the walk did not meet -> whether that makes them newly missing
        self._gone: dict[int, bool] = {}
        self._returned: set[int] = set()  # missing photos that are back, unchanged
        self._taken: set[int] = set()  # rows that moved to another path
        self._now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")

    def run(
        self,
        roots: Sequence[str],
        files: Iterable[PhotoFile],
        unreadable: Sequence[tuple[str, str]],
        stamps: Mapping[str, str | None],
        unchanged: Mapping[str, int],
    ) -> Reconciled:
        self._folders = outermost(roots)
        absent = {folder for folder in self._folders if not os.path.isdir(folder)}
        self._present = present = [folder for folder in self._folders if folder not in absent]
        with _no_collector():
            self._walk(files)
            if not (absent or unreadable or self._loaded) and folder_stamps.are_all(
                self._catalog, present, stamps, unchanged
            ):
                self._remember(stamps)
                photos = sum(unchanged.values())
                return Reconciled(found=photos, unchanged=photos)
            if not self._loaded:
                self._load()
        doubtful = self._keep(unchanged)
        self._store_fresh()
        empty = {
            folder for folder in present if not any(under(folder, root) is not None for root in self._walked)
        }
        guarded = self._find_gone(empty, [path for path, _ in unreadable])
        self._settle([*self._suspects, *self._touched.values()])
        missing = self._mark()
        # Folders that look unmounted were left as the catalog knows them, whatever their listing said.
        trusted = {
            folder: None if folder in doubtful or containing_folder(guarded, folder) else stamp
            for folder, stamp in stamps.items()
        }
        self._remember(trusted)
        counts = self._counts
        counts["unchanged"] = counts["found"] - counts["new"] - counts["changed"] - counts["moved"]
        sentences = [
            f"There is no folder {folder} now: is its disk mounted? Nothing was changed."
            for folder in sorted(absent)
        ]
        sentences += [_sentence(folder, known) for folder, known in sorted(guarded.items())]
        return Reconciled(**counts, missing=missing, unavailable=tuple(sentences))

    # -- the walk

    def _load(self) -> None:
        """Read the known photos below the folders of the walk."""
        self._loaded = True
        with self._catalog.read() as connection:
            self._missing = {photo_id for (photo_id,) in ask(connection, MISSING.sql)}
            roots = roots_of(connection)
            for folder in self._present:
                home = place_of(roots, folder)
                area = self._area(home.root if home else folder)
                for place in places_of(connection, [folder]):
                    within, values = place.condition()
                    below = under(area.folder, place.root)
                    rows = ask(
                        connection,
                        f"SELECT p.path, p.id, p.size_bytes, p.mtime_ns FROM photos p WHERE {within}",
                        values,
                    )
                    # This line and the walk's loop are all that a scan costs where nothing is new:
                    # hence so plain.
                    if below:
                        known = {f"{below}/{to_path(row[0])}": row for row in rows}
                        self._inner[place.root] = area, f"{below}/", len(known)
                    else:
                        known = {row[0] if row[0].isascii() else to_path(row[0]): row for row in rows}
                    area.unmet = area.unmet | known if area.unmet else known

    def _area(self, folder: str) -> _Area:
        for area in self._areas:
            if under(area.folder, folder) is not None:
                return area
        self._areas.append(_Area(folder))
        return self._areas[-1]

    def _home(self, root: str) -> tuple[_Area, str]:
        """The area of a root of the walk, and what stands before its paths there. A root that was
        not loaded is the folder of a file given by name."""
        for area in self._areas:
            if (below := under(area.folder, root)) is not None:
                return area, f"{below}/" if below else ""
        with self._catalog.read() as connection:
            home = place_of(roots_of(connection), root)
        return self._area(home.root if home else root), f"{home.path}/" if home and home.path else ""

    def _look_up(self, absolute: str) -> _Known | None:
        """The row of one file that lies in no folder of the walk."""
        with self._catalog.read() as connection:
            if not (place := place_of(roots_of(connection), absolute)):
                return None
            return connection.exec_driver_sql(
                "SELECT path, id, size_bytes, mtime_ns FROM photos WHERE root_id = ? AND path = ?",
                (place.root_id, to_text(place.path)),
            ).one_or_none()

    def _walk(self, files: Iterable[PhotoFile]) -> None:
        """Compare every file with the row of its path. The rows are read when the first file comes:
        of a walk in which all is as it was, none does."""
        walked, found = None, 0
        for file in files:
            root, path, size_bytes, mtime_ns = file
            if root != walked:
                if not self._loaded:
                    self._load()
                walked, missing = root, self._missing
                self._walked.add(root)
                area, prefix = self._home(root)
                unmet = area.unmet
                loaded = any(under(folder, root) is not None for folder in self._folders)
            found += 1
            if prefix:
                path = prefix + path
            known = unmet.pop(path, None)
            if not loaded:
                known = self._look_up(join(area.folder, path))
                if known is None:
                    self._entered.add(root)
            if known is None:
                self._fresh.append(_Waiting(file, area.folder, path))
                if len(self._fresh) >= INSERTS:
                    self._store_fresh()
            elif known[3] != mtime_ns or known[2] != size_bytes:
                self._touched[known[1]] = _Waiting(file, area.folder, path, known[1])
            elif missing and known[1] in missing:
                self._returned.add(known[1])
        self._counts["found"] = found

    def _keep(self, unchanged: Mapping[str, int]) -> set[str]:
        """The known photos of unchanged folders are there, as they were. Returns folders that have
        another number of them."""
        doubtful = set()
        for area in self._areas:
            trusted = {
                below: folder for folder in unchanged if (below := under(area.folder, folder)) is not None
            }
            kept = dict.fromkeys(trusted, 0)
            for path, (_, photo_id, _, _) in list(area.unmet.items()) if trusted else ():
                if (below := path.rpartition("/")[0]) in kept and photo_id not in self._missing:
                    kept[below] += 1
                    del area.unmet[path]
            self._counts["found"] += sum(kept.values())
            self._walked.update(trusted[below] for below, photos in kept.items() if photos)
            doubtful |= {folder for below, folder in trusted.items() if kept[below] != unchanged[folder]}
        return doubtful

    def _store_fresh(self) -> None:
        """Store the new paths, but for those whose file may be one that is known under another path."""
        fresh, self._fresh = self._fresh, []
        if not fresh:
            return
        with self._catalog.read() as connection:
            sizes = photo_updates.hashed_sizes(connection, {waiting.file.size_bytes for waiting in fresh})
        self._suspects += (waiting for waiting in fresh if waiting.file.size_bytes in sizes)
        fresh = [waiting for waiting in fresh if waiting.file.size_bytes not in sizes]
        self._counts["new"] += len(fresh)
        if fresh and not self._dry_run:
            with self._catalog.write() as connection:
                places = {
                    folder: ensure_root(connection, folder)
                    for folder in {waiting.folder for waiting in fresh}
                }
                # the last may hold the first
                places = {folder: ensure_root(connection, folder) for folder in places}
                photo_updates.insert(connection, [(places[one.folder], one.path, one.file) for one in fresh])

    # -- after the walk

    def _find_gone(self, empty: set[str], unreadable: list[str]) -> dict[str, int]:
        """Fills `_gone` with the known photos whose files are gone. Returns, for folders that look
        unmounted, how many photos are known there: these are left as they are."""
        guarded: Counter[str] = Counter()
        silent = [
            root
            for root, (area, below, known) in self._inner.items()
            if known and known == sum(path.startswith(below) for path in area.unmet)
        ]
        self._closed = [*unreadable, *empty]
        for area in self._areas:
            for path, (_, photo_id, _, _) in area.unmet.items():
                is_missing = photo_id in self._missing
                absolute = join(area.folder, path)
                if folder := containing_folder(self._closed, absolute):
                    if folder in empty:
                        guarded[folder] += not is_missing
                # Nothing of a root that lies inside the walk was met: it may be a disk that is not
                # mounted. Its photos may have moved to where the walk found them, but nothing says
                # that the others are missing.
                elif folder := containing_folder(silent, absolute):
                    guarded[folder] += not is_missing
                    self._gone[photo_id] = False
                else:
                    self._gone[photo_id] = not is_missing
            area.unmet = {}
        return +guarded

    def _settle(self, waiting: Sequence[_Waiting]) -> None:
        """Find out what became of each file that waits: hash it, compare, give it its row."""
        for start in range(0, len(waiting), HASHES):
            chunk = waiting[start : start + HASHES]
            with self._catalog.read() as connection:
                known = hashes(connection, [one.row for one in chunk if one.row is not None])
            for one in chunk:
                if one.row is None or known.get(one.row) is not None:
                    self._hash(one)
            with self._catalog.read() if self._dry_run else self._catalog.write() as connection:
                for one in chunk:
                    self._counts[self._give_row(connection, one)] += 1

    def _hash(self, waiting: _Waiting) -> str | None:
        if not waiting.hashed:
            waiting.content_hash, waiting.hashed = self._hash_file(waiting.file), True
        return waiting.content_hash

    def _give_row(self, connection: Connection, waiting: _Waiting) -> str:
        """Returns under which name the file is counted."""
        row, new_hash = waiting.row, waiting.content_hash
        if row is not None:
            self._touched.pop(row, None)
            old_hash = hashes(connection, [row]).get(row)
            if new_hash is None or old_hash is None or new_hash == old_hash:
                if not self._dry_run:
                    photo_updates.update_file(connection, row, waiting.file)
                    if new_hash is None and old_hash is not None:
                        photo_updates.forget_hash(connection, row)
                return "unchanged" if new_hash is not None else "changed"
        if same := self._same_content(connection, waiting):
            photo_id, is_free = same
            if is_free:
                self._move(connection, photo_id, waiting)
                return "moved"
        twin = same[0] if same else None
        if row is None:
            self._counts["duplicates"] += twin is not None
        if not self._dry_run:
            stored_hash = None
            if row is None:
                place = ensure_root(connection, waiting.folder)
                photo_updates.insert(connection, [(place, waiting.path, waiting.file)])
                row, stored_hash = photo_updates.find(connection, place, waiting.path)
            if stored_hash is None or stored_hash != new_hash:  # else another scan was faster
                photo_updates.change_content(connection, row, waiting.file, new_hash, twin, self._saver)
        return "new" if waiting.row is None else "changed"

    def _same_content(self, connection: Connection, waiting: _Waiting) -> tuple[int, bool] | None:
        """A photo with the bytes of this file, and whether its own file is gone. Of several rather
        one that is free, and one of the same name."""
        if waiting.content_hash is None:
            return None
        best, best_rank = None, -1
        name = waiting.path.rpartition("/")[2]
        for photo_id, root, path, is_missing in connection.exec_driver_sql(
            "SELECT p.id, r.path, p.path, p.missing_since IS NOT NULL FROM photos p JOIN roots r ON r.id = p.root_id "
            "WHERE p.content_hash = ? ORDER BY p.id",
            (waiting.content_hash,),
        ).all():
            if photo_id == waiting.row:
                continue
            root, path = to_path(root), to_path(path)
            is_free = self._is_free(photo_id, root, path, waiting.content_hash, bool(is_missing))
            rank = 2 * is_free + (path.rpartition("/")[2] == name)
            if rank > best_rank:
                best, best_rank = (photo_id, is_free), rank
        return best

    def _is_free(self, photo_id: int, root: str, path: str, content_hash: str, is_missing: bool) -> bool:
        """Whether a photo's content is no longer at its path."""
        if photo_id in self._taken or photo_id in self._returned:
            return False
        if photo_id in self._touched:
            now = self._hash(self._touched[photo_id])
            return now is not None and now != content_hash
        if photo_id in self._gone or is_missing:
            return True
        # A folder without anything in it is where a disk was mounted.
        absolute = join(root, path)
        return (
            not os.path.lexists(absolute)
            and not containing_folder(self._closed, absolute)
            and holds_something(root)
        )

    def _move(self, connection: Connection, photo_id: int, waiting: _Waiting) -> None:
        """Give a free row to the file's path. A row that is at that path goes where the free one
        was: it may be free too."""
        displaced = waiting.row
        self._taken.add(photo_id)
        was_gone = self._gone.pop(photo_id, None)
        if other := self._touched.pop(photo_id, None):
            other.row = displaced
            if displaced is not None:
                self._touched[displaced] = other
        elif displaced is not None:
            self._gone[displaced] = was_gone is not False
        if self._dry_run:
            return
        photo_updates.move(connection, photo_id, ensure_root(connection, waiting.folder), waiting.path)
        photo_updates.update_file(connection, photo_id, waiting.file)

    def _remember(self, stamps: Mapping[str, str | None]) -> None:
        folder_stamps.remember(
            self._catalog, self._present, stamps, self._entered, learn=self._learn, dry_run=self._dry_run
        )

    def _mark(self) -> int:
        """Write down which photos are missing and which are back; returns how many are newly missing."""
        missing = [photo_id for photo_id, is_new in self._gone.items() if is_new]
        if not self._dry_run and (missing or self._returned):
            with self._catalog.write() as connection:
                photo_updates.mark_missing(connection, missing, self._now)
                photo_updates.mark_present(connection, self._returned)
        return len(missing)


@contextmanager
def _no_collector() -> Iterator[None]:
    """Python's collector of cycles stands still: it would go through the known photos again and
    again (a quarter of the time of a scan in which nothing is new), and they hold no cycles."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _sentence(folder: str, photos: int) -> str:
    known = f"the catalog knows {photos:,} there" if photos else "so it cannot be scanned"
    return f"No photo is left in {folder}, but {known}: is its disk mounted? Nothing was changed."

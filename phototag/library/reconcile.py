"""Brings the catalog's photos in line with the files that are there: new, changed, moved, missing.

Three steps, each in a module of its own: `diff` compares the walk with the known photos, `moves`
decides by their bytes what became of the files that differ, `photo_updates` writes it down. Where
the walk found every folder as it was, no row is even read. A dry run leaves out the last step."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain

from sqlalchemy import select

from phototag.library import copies, folder_stamps, metadata, moved_roots, photo_updates
from phototag.library.database import Catalog
from phototag.library.diff import Diff, Gone, KnownPhoto, find_gone
from phototag.library.moves import (
    NOTHING_KNOWN,
    Change,
    HashFile,
    Moved,
    New,
    ReadFacts,
    Resolver,
    Rewritten,
    Same,
)
from phototag.library.paths import (
    containing_folder,
    holds_something,
    is_surely_gone,
    join,
    outermost,
    places_of,
    to_path,
    under,
)
from phototag.library.relocate import forget_empty_roots, relocate
from phototag.library.tables import photos
from phototag.metadata.beside import Sidecar
from phototag.records import FolderStamp, PhotoFile
from phototag.storage.address import is_remote
from phototag.storage.anywhere import may_exist

# new files in one transaction: some 10 ms of work and a megabyte; more at a time would be no faster
INSERTS = 1000
HASHES = 64  # files hashed between two transactions: what Ctrl-C can cost


@dataclass(frozen=True)
class Reconciled:
    """Counts of photos. `found` = `new` + `changed` + `unchanged` + `moved`; `duplicates` of the
    new ones have the bytes of another photo, and its answers. `unchanged` are those too of which only
    the metadata is other. `missing`: newly gone. `unavailable`:
    one sentence for each folder that looks unmounted, where nothing was changed. `relocated`: one for
    each root that was recognised in another place as a whole; its photos count as `unchanged`."""

    found: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    moved: int = 0
    missing: int = 0
    duplicates: int = 0
    unavailable: tuple[str, ...] = ()
    relocated: tuple[str, ...] = ()


def reconcile(
    catalog: Catalog,
    roots: Sequence[str],
    files: Iterable[PhotoFile],
    hash_file: HashFile,
    read_facts: ReadFacts | None,
    *,
    unreadable: Sequence[tuple[str, str]],
    stamps: Mapping[str, FolderStamp | None],
    unchanged: Mapping[str, int],
    sidecars: Mapping[str, Sequence[Sidecar]],
    always_save_stamps: bool,
    dry_run: bool,
    verify: bool,
) -> Reconciled:
    """See Library.reconcile."""
    walked = outermost(roots)
    folders = [folder for folder in walked if is_remote(folder) or os.path.isdir(folder)]
    absent = [folder for folder in walked if folder not in folders]

    files = iter(files)
    first = next(files, None)
    # Without a file the walk has ended: the folders are as they were, or there are none.
    is_same = first is None and not (absent or unreadable)
    if is_same and folder_stamps.are_all(catalog, folders, stamps, unchanged):
        if not dry_run:
            folder_stamps.save(catalog, folders, stamps, always=always_save_stamps)
        total = sum(unchanged.values())
        return Reconciled(found=total, unchanged=total)

    known, numbers = _load_known(catalog, folders)
    diff = Diff(known)
    _compare(catalog, diff, files if first is None else chain([first], files), folders, verify)
    relocated = _relocate_moved(catalog, diff, walked, hash_file, dry_run)
    doubtful = diff.add_unchanged(unchanged)
    closed = [path for path, _ in unreadable]
    empty = [folder for folder in folders if not any(under(folder, root) is not None for root in diff.roots)]
    silent = _find_silent(folders, numbers, diff)
    gone = find_gone(diff.unseen, unreadable=closed, empty=empty, silent=silent)

    suspects, fresh = _part_new(catalog, diff.new)
    edited: list[PhotoFile] = []
    if (
        fresh
        and read_facts
        and _may_be_edited(catalog, [*gone.photos, *(one.photo_id for one in diff.touched)])
    ):
        edited, fresh = fresh, []
    shut = [*closed, *empty]
    resolver = Resolver(
        suspects,
        diff.touched,
        gone,
        diff.returned,
        shut,
        hash_file,
        read_facts,
        unhashed=edited,
        fill_pixels=True,
    )
    counts = Counter(found=diff.found, new=len(fresh))
    if not dry_run:
        _store(catalog, fresh, folders)
    for changes in _resolve(catalog, resolver):
        counts.update(name for change in changes for name in _count_as(change))
        if not dry_run:
            with catalog.write() as connection:
                photo_updates.apply(connection, changes, folders)
    missing = [photo_id for photo_id, is_newly_missing in resolver.gone.items() if is_newly_missing]
    if not dry_run:
        _mark(catalog, missing, diff.returned)
        _store_ctimes(catalog, diff.untimed)
        metadata.watch(catalog, sidecars)  # before the stamps, by which nobody would look again
        stamps = _trusted(stamps, doubtful, gone)
        entered = {file.root for file in diff.new if containing_folder(folders, file.root) is None}
        folder_stamps.save(catalog, folders, stamps, entered, always=always_save_stamps)
        if counts["moved"]:  # perhaps all that lay in some root
            with catalog.write() as connection:
                forget_empty_roots(connection)
    counts["unchanged"] = counts["found"] - counts["new"] - counts["changed"] - counts["moved"]
    return Reconciled(
        **counts, missing=len(missing), unavailable=_sentences(absent, gone), relocated=relocated
    )


def _load_known(catalog: Catalog, scope: Sequence[str]) -> tuple[dict[str, KnownPhoto], Counter[str]]:
    """The photos known in these folders and files, by absolute path; and how many in each root."""
    known: dict[str, KnownPhoto] = {}
    numbers: Counter[str] = Counter()
    names = "path", "id", "size_bytes", "mtime_ns", "ctime_ns", "missing_since"
    columns = [photos.c[name] for name in names]
    with catalog.read() as connection:
        for place in places_of(connection, scope):
            before, inside = len(known), join(place.root, "-")[:-1]
            for path, *photo in connection.execute(select(*columns).where(place.within(photos))):
                known[inside + to_path(path)] = tuple(photo)
            numbers[place.root] += len(known) - before
    return known, numbers


def _find_silent(folders: Sequence[str], numbers: Mapping[str, int], diff: Diff) -> list[str]:
    """The roots inside the walked folders of whose known photos the walk met none."""
    return [
        root
        for root, number in numbers.items()
        if number
        and containing_folder(folders, root) not in (None, root)
        and number == sum(under(root, path) is not None for path in diff.unseen)
    ]


def _compare(
    catalog: Catalog, diff: Diff, files: Iterable[PhotoFile], folders: Sequence[str], verify: bool
) -> None:
    """Add the files to the diff. Those that were given by name and lie in none of the folders come
    last, when it is known which photos to look up for them."""
    named: list[PhotoFile] = []

    def in_folders() -> Iterator[PhotoFile]:
        root, is_inside = None, False
        for file in files:
            if file.root != root:
                root, is_inside = file.root, containing_folder(folders, file.root) is not None
            if is_inside:
                yield file
            else:
                named.append(file)

    diff.add(in_folders(), verify)
    if named:
        known, _ = _load_known(catalog, [file.full_path() for file in named])
        diff.unseen |= known
        diff.add(named, verify)


def _relocate_moved(
    catalog: Catalog, diff: Diff, walked: Sequence[str], hash_file: HashFile, dry_run: bool
) -> tuple[str, ...]:
    """Take over the roots that were renamed or moved as a whole into the walked folders: their photos
    are compared with the files there. Returns what is to be said of them."""
    moved = moved_roots.find(catalog, walked, diff.new, hash_file)
    for one in moved:
        known, _ = _load_known(catalog, [one.old])
        places = moved_roots.move_known(known, one)
        for path, place in places.items():
            photo_id, size_bytes, mtime_ns, ctime_ns, missing_since = known[path]
            if containing_folder(walked, place) is not None:
                ctime_ns = ctime_ns if one.has_ctimes else None
                diff.unseen[place] = photo_id, size_bytes, mtime_ns, ctime_ns, missing_since
        if not dry_run:
            with catalog.write() as connection:
                relocate(connection, one.old, one.new, keep_ctimes=one.has_ctimes)
    if moved:
        files, diff.new = diff.new, []
        diff.found -= len(files)
        diff.add(files)
    return tuple(moved_roots.say_moved(one) for one in moved)


def _part_new(catalog: Catalog, new: Sequence[PhotoFile]) -> tuple[list[PhotoFile], list[PhotoFile]]:
    """Of files at new paths, those that may be known under another path (some known photo has their
    size), and the others."""
    with catalog.read() as connection:
        sizes = photo_updates.find_hashed_sizes(connection, {file.size_bytes for file in new})
    suspects = [file for file in new if file.size_bytes in sizes]
    return suspects, [file for file in new if file.size_bytes not in sizes]


def _may_be_edited(catalog: Catalog, leaving: Sequence[int]) -> bool:
    """Whether a new file may be a photo that was renamed and written anew: some photo of known pixels is
    gone, or is one of `leaving`, whose paths hold other files now or none, or lies in a folder that is no
    more, or in one that other things are in still."""
    with catalog.read() as connection:
        return photo_updates.is_any_gone_with_pixels(connection, leaving) or any(
            place.path == ""
            and (path := photo_updates.find_any_with_pixels(connection, place)) is not None
            and (is_surely_gone(place.root) or _has_left(place.root, path))
            for place in places_of(connection, None)
        )


def _has_left(root: str, path: str) -> bool:
    """Whether a photo is gone from a folder that is there: a disk that is not connected leaves it empty."""
    return not may_exist(join(root, path)) and holds_something(root)


def _store(catalog: Catalog, files: Sequence[PhotoFile], folders: Sequence[str]) -> None:
    for start in range(0, len(files), INSERTS):
        some = files[start : start + INSERTS]
        with catalog.write() as connection:
            places = photo_updates.ensure_places(connection, {file.root for file in some}, folders)
            photo_updates.insert_files(connection, some, places)


def _resolve(catalog: Catalog, resolver: Resolver) -> Iterator[list[Change]]:
    """What became of each candidate, as many at a time as are written down together."""
    for start in range(0, len(resolver.candidates), HASHES):
        some = resolver.candidates[start : start + HASHES]
        with catalog.read() as connection:
            ids = [one.photo_id for one in some if one.photo_id is not None]
            known = photo_updates.find_known(connection, ids)
        resolver.hash_candidates(some, known)
        with catalog.read() as connection:
            twins = photo_updates.find_twins(
                connection, {one.content_hash for one in some if one.content_hash}
            )
        resolver.read_pixels(some, known, twins)
        pixels = {one.facts.pixel_hash for one in some if one.facts and one.facts.pixel_hash}
        with catalog.read() as connection:
            pixel_twins = photo_updates.find_pixel_twins(connection, pixels)
        yield [
            resolver.resolve(
                one,
                known.get(one.photo_id or 0, NOTHING_KNOWN),
                twins.get(one.content_hash or "", ()),
                pixel_twins.get((one.facts and one.facts.pixel_hash) or "", ()),
            )
            for one in some
        ]


def _count_as(change: Change) -> tuple[str, ...]:
    match change:
        case New(is_duplicate=is_duplicate):
            return ("new", "duplicates") if is_duplicate else ("new",)
        case Moved() | Rewritten(is_moved=True, is_turned=False):
            return ("moved",)
        case Same() | Rewritten(is_turned=False):
            return ()
        case _:
            return ("changed",)


def _mark(catalog: Catalog, missing: Sequence[int], returned: set[int]) -> None:
    if missing or returned:
        with catalog.write() as connection:
            photo_updates.mark_missing(connection, missing, f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}")
            photo_updates.mark_present(connection, returned)
            copies.hand_over(connection, missing)


def _store_ctimes(catalog: Catalog, ctimes_ns: Mapping[int, int]) -> None:
    """Those of photos that an earlier version stored, or that were relocated."""
    ids = sorted(ctimes_ns)
    for start in range(0, len(ids), INSERTS):
        with catalog.write() as connection:
            photo_updates.set_ctimes(connection, {i: ctimes_ns[i] for i in ids[start : start + INSERTS]})


def _trusted(
    stamps: Mapping[str, FolderStamp | None], doubtful: set[str], gone: Gone
) -> dict[str, FolderStamp | None]:
    """Folders that look unmounted were left as the catalog knows them, whatever their listing said."""
    distrusted = {f for f in stamps if f in doubtful or containing_folder(gone.unmounted, f)}
    return {folder: None if folder in distrusted else stamp for folder, stamp in stamps.items()}


def _sentences(absent: Sequence[str], gone: Gone) -> tuple[str, ...]:
    """What is to be said of folders that look unmounted."""
    sentences = [f"There is no folder {folder} now: is its disk mounted?" for folder in absent]
    sentences += [
        f"No photo is left in {folder}, but the catalog knows {number:,} there: is its disk mounted?"
        for folder, number in sorted(gone.unmounted.items())
    ]
    return tuple(f"{sentence} Nothing was changed." for sentence in sentences)

"""Walks folders and yields a `PhotoFile` for every photo, by its ending. Decodes
nothing, knows no database; standard library only. It opens no file but those whose name asks for an
extra that is not installed: what they are their first bytes decide."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from phototag.errors import PhototagError
from phototag.metadata.beside import Sidecar, may_be_sidecar
from phototag.metadata.picasa import NAMES as PICASA_FILES
from phototag.reading.folders import (
    OUTPUT_NAMES,
    holds_no_photos,
    is_own_output,
    is_skipped_folder,
    rules_hash,
)
from phototag.reading.formats import SNIFFED_BYTES, sniff, supported_extensions
from phototag.records import FolderStamp, PhotoFile
from phototag.storage import remote
from phototag.storage.address import absolute, is_remote

# A file that comes within this time of a folder's last change may leave the folder's time as it is:
# FAT counts two seconds.
DOUBTFUL_NS = 2_000_000_000
PICASA_FILE = PICASA_FILES[0]  # the hidden one
PROGRESS_EVERY = 100  # photos of a folder: some milliseconds
NOT_A_NAME = "not a name of a file"  # of keys of objects, which may be anything
WALK_VERSION = 3  # raise it when a walk finds other photos in the same folders: then all are listed again

# Endings that are counted one by one; names may be anything.
LONGEST_ENDING, MOST_ENDINGS, OTHER_ENDING = 16, 200, "other"

_Entry = os.DirEntry[str] | remote.Entry
_File = tuple[str, int, int, int]  # of a folder: name, size_bytes, mtime_ns, ctime_ns


@dataclass(frozen=True, slots=True)
class _Link:
    """A symbolic link, put off until all that is really there has been seen."""

    root: str
    path: str
    target: str


class Walk(Iterator[PhotoFile]):
    """Iterates once over the photos under some paths, folder by folder, each folder's names in the
    order of their bytes.

    `skipped` counts what was left out, by reason; `other_endings` the files that are no photos by
    their names, by ending; `needs_extra` counts photos that wait for an extra of phototag; `errors`
    lists (absolute path, reason) of folders and files that could not be looked at: nothing may be
    concluded about what lies below them. `roots` are the folders that are walked as a whole (a file
    given by name stands under its folder, but says nothing of its neighbours). All of them are
    complete when the iteration has ended.

    `sidecars`: absolute folder -> the files in it that may speak of its photos, of folders that are
    not as they were. They are part of what is seen of a folder.

    `stamps`: absolute folder -> what was seen of it, None where that says too little.
    Given to a later walk as `known`, they spare the photos that the folders still hold: a folder in
    which each name, size and time is as it was is named in `unchanged`, with its number of photos,
    and yields none. A `fast` walk does not even list a folder whose own time is as it was: these
    are in `unlisted` too. `on_progress` hears from time to time how many photos were seen; what it
    raises ends the walk."""

    def __init__(
        self,
        paths: Sequence[str | Path],
        *,
        follow_symlinks: bool = False,
        extensions: Collection[str] | None = None,
        known: Mapping[str, FolderStamp | None] | None = None,
        fast: bool = False,
        on_progress: Callable[[int], None] | None = None,
    ) -> None:
        self.skipped: Counter[str] = Counter()
        self.other_endings: Counter[str] = Counter()
        self.needs_extra: Counter[str] = Counter()
        self.errors: list[tuple[str, str]] = []
        self.stamps: dict[str, FolderStamp | None] = {}
        self.sidecars: dict[str, list[Sidecar]] = {}
        self.unchanged: dict[str, int] = {}
        self.unlisted: list[str] = []
        self._follow = follow_symlinks
        self._extras = supported_extensions(extensions)
        self._readable = frozenset(name for name, extra in self._extras.items() if extra is None)
        self._rules = rules_hash(WALK_VERSION, follow_symlinks, sorted(self._readable))
        self._known = known or {}
        self._fast = fast
        self._subfolders: dict[str, list[str]] = {}
        for folder in self._known if fast else ():
            parent, name = os.path.split(folder)
            self._subfolders.setdefault(parent, []).append(name)
        self._on_progress = on_progress
        self._photos = 0
        self._links = 0
        self._folders_seen: set[tuple[int, int]] = set()
        self._linked_files: set[str] = set()
        self._links_to_folders: list[_Link] = []
        self._links_to_files: list[_Link] = []
        # In the order of their parts an outer folder stands before the inner ones, whatever was typed first.
        named = sorted({absolute(path) for path in paths}, key=lambda path: os.fsencode(path).split(b"/"))
        folders = check_paths(named)
        self.roots = tuple(path for path in named if folders[path])
        self._files = chain.from_iterable(self._walk([path for path in named if not folders[path]]))

    def __iter__(self) -> Iterator[PhotoFile]:
        return self._files  # itself, not `self`: a call of __next__ for each of 100,000 files would be felt

    def __next__(self) -> PhotoFile:
        return next(self._files)

    @property
    def skipped_photos(self) -> int:
        """Photos (not folders, not other files) that were found but cannot be read without an extra."""
        return self.needs_extra.total()

    def _walk(self, single_files: list[str]) -> Iterator[Iterator[PhotoFile]]:
        """The photos by folder. Each folder's have to be taken before the next is asked for."""
        for root in self.roots:
            yield from self._tree(root, "")
        while self._links_to_folders:  # may grow meanwhile: a linked folder can hold links
            link = self._links_to_folders.pop(0)
            yield from self._tree(link.root, link.path)
        for link in self._links_to_files:
            yield self._file(link.root, link.path, link.target)
        for path in single_files:
            root, name = os.path.split(path)
            if self._is_readable(name, path):
                self._list_beside(root)
                yield self._file(root, name, path)

    def _list_beside(self, folder: str) -> None:
        """What lies beside a photo that was given by name."""
        if folder in self.sidecars or folder in self.unchanged:
            return
        beside: list[_Entry]
        try:
            if is_remote(folder):
                listed = remote.list_folder(folder).entries
                beside = [entry for entry in listed.values() if may_be_sidecar(entry.name)]
            else:
                with os.scandir(folder) as listing:
                    beside = [entry for entry in listing if may_be_sidecar(entry.name)]
        except OSError:  # a folder that may not be listed
            return
        self.sidecars[folder] = self._look_beside([("", 0, 0, 0)], beside)

    def _tree(self, root: str, start: str) -> Iterator[Iterator[PhotoFile]]:
        """The photos of one folder of `root` and of those below it."""
        stack = [start]
        while stack:
            self._report(0)
            below: list[str] = []
            folder = self._remote_folder if is_remote(root) else self._folder
            yield folder(root, stack.pop(), below)
            stack.extend(reversed(below))

    def _folder(self, root: str, relative: str, below: list[str]) -> Iterator[PhotoFile]:
        """The photos in this folder itself; its subfolders go to `below`."""
        folder = os.path.join(root, *relative.split("/")) if relative else root
        self.stamps.setdefault(folder, None)
        try:
            opened = _open(folder)
        except OSError as error:
            self._fail(folder, error)
            return
        try:
            now_ns = time.time_ns()
            status = os.stat(opened)  # before the listing: what comes after it changes the time
            identity = status.st_dev, status.st_ino
            if identity in self._folders_seen:
                self.skipped["folder seen before"] += 1
                return
            before = self._known.get(folder)
            time_now = f"{status.st_mtime_ns} {status.st_ino} {self._rules}"
            if self._fast and before is not None and before.time == time_now:
                self._folders_seen.add(identity)
                self.unlisted.append(folder)
                self._keep(folder, before)
                names = _in_order_of_bytes(self._subfolders.get(folder, ()))
                below += (
                    f"{relative}/{name}" if relative else name
                    for name in names
                    if not is_skipped_folder(folder, name)
                )
                return
            with os.scandir(opened) as listing:
                entries = {entry.name: entry for entry in listing}
            if relative and is_own_output(folder, entries):
                self.skipped["folder made by phototag"] += 1
                empty = self.stamps[folder] = FolderStamp(_digest_of([]))
                if before is not None and before.listing == empty.listing:
                    self._keep(folder, empty)
                return
            self._folders_seen.add(identity)
            doubts, waiting = len(self.errors) + self._links, self.skipped_photos
            beside: list[_Entry] = []
            files = list(self._entries(root, relative, folder, entries, below, beside))
            sidecars = self._look_beside(files, beside) if beside else []
        except OSError as error:
            self._fail(folder, error)
            return
        finally:
            _close(opened)
        now = FolderStamp(_digest_of(files, sidecars))
        self.sidecars[folder] = sidecars
        if doubts < len(self.errors) + self._links:  # links lead to what no listing of this folder tells
            yield from self._give(root, relative, files)
            return
        # The time tells too little where an extra is wanted (and advised each time), or where a
        # file's text decides.
        if (
            status.st_mtime_ns < now_ns - DOUBTFUL_NS
            and waiting == self.skipped_photos
            and not entries.keys() & OUTPUT_NAMES
        ):
            now = now._replace(time=time_now)
        self.stamps[folder] = now
        if before is not None and before.listing == now.listing:
            self._keep(folder, now)
            del self.sidecars[folder]
        else:
            yield from self._give(root, relative, files)

    def _remote_folder(self, root: str, relative: str, below: list[str]) -> Iterator[PhotoFile]:
        """The same of a folder on remote storage, where folders have no times of their own."""
        folder = f"{root}/{relative}" if relative else root
        self.stamps.setdefault(folder, None)
        beside: list[_Entry] = []
        try:
            entries, odd = remote.list_folder(folder)
            if relative and is_own_output(folder, entries):
                self.skipped["folder made by phototag"] += 1
                self.stamps[folder] = FolderStamp(_digest_of([]))
                return
        except OSError as error:
            self._fail(folder, error)
            return
        if odd:
            self.skipped[NOT_A_NAME] += odd
        files = list(self._entries(root, relative, folder, entries, below, beside))
        sidecars = self._look_beside(files, beside) if beside else []
        before, now = self._known.get(folder), FolderStamp(_digest_of(files, sidecars))
        self.stamps[folder], self.sidecars[folder] = now, sidecars
        if before is not None and before.listing == now.listing:
            self._keep(folder, now)
            del self.sidecars[folder]
        else:
            yield from self._give(root, relative, files)

    def _keep(self, folder: str, stamp: FolderStamp) -> None:
        self.stamps[folder], self.unchanged[folder] = stamp, stamp.photos
        self._photos += stamp.photos

    def _report(self, more: int) -> None:
        if self._on_progress is not None:
            self._on_progress(self._photos + more)

    def _give(self, root: str, relative: str, files: list[_File]) -> Iterator[PhotoFile]:
        prefix = f"{relative}/" if relative else ""
        for number, (name, size_bytes, mtime_ns, ctime_ns) in enumerate(files, 1):
            yield PhotoFile(root, prefix + name, size_bytes, mtime_ns, ctime_ns)
            if not number % PROGRESS_EVERY:
                self._report(number)
        self._photos += len(files)

    def _entries(
        self,
        root: str,
        relative: str,
        folder: str,
        entries: Mapping[str, _Entry],
        below: list[str],
        beside: list[_Entry],
    ) -> Iterator[_File]:
        """The photos among what was listed; subfolders go to `below`, files that may speak of photos to
        `beside`. This loop is the cost of every rescan: see tests/benchmarks."""
        prefix = f"{relative}/" if relative else ""
        readable = self._readable
        for name in _in_order_of_bytes(entries):
            entry = entries[name]
            if name[0] == ".":  # also the ._name.jpg in which a Mac keeps a file's resource fork
                if name == PICASA_FILE:
                    beside.append(entry)
                else:
                    self.skipped["hidden"] += 1
            elif entry.is_file(follow_symlinks=False):
                suffix = name[name.rfind(".") + 1 :]
                known = suffix in readable or suffix.lower() in readable
                if not known and may_be_sidecar(name):
                    beside.append(entry)
                    continue
                if not known and not self._is_readable(name, os.path.join(folder, name)):
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:  # deleted since the folder was listed
                    continue
                except OSError as error:
                    self._fail(os.path.join(folder, name), error)
                    continue
                yield name, status.st_size, status.st_mtime_ns, max(status.st_ctime_ns, 0)
            elif entry.is_symlink():
                self._put_off(root, prefix + name, os.path.join(folder, name), entry)
            elif not entry.is_dir(follow_symlinks=False):
                self.skipped["not a regular file"] += 1
            elif is_skipped_folder(folder, name):
                self.skipped["folder of another program"] += 1
            else:
                below.append(prefix + name)

    def _look_beside(self, photos: list[_File], beside: list[_Entry]) -> list[Sidecar]:
        """Size and time of the files beside photos. Where there is no photo, they are files like others."""
        found = []
        for entry in beside:
            if not photos:
                self.skipped["not a photo"] += 1
                self._count_ending(entry.name[entry.name.rfind(".") + 1 :].lower())
                continue
            with suppress(OSError):  # deleted since the folder was listed
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    found.append(Sidecar(entry.name, status.st_size, status.st_mtime_ns))
        return found

    def _fail(self, path: str, error: OSError) -> None:
        self.errors.append((path, error.strerror or str(error)))

    def _is_readable(self, name: str, path: str) -> bool:
        """Whether this is a photo that can be read here, by its name, or by its first bytes where the
        name says that an extra is needed; counts it where it is not."""
        ending = name[name.rfind(".") + 1 :].lower() if "." in name else ""
        if ending in self._readable:
            return True
        extra = self._extras.get(ending)
        if extra is None:
            self.skipped["not a photo"] += 1
            self._count_ending(ending)
        elif _sniff_file(path) in (None, "TIFF", "HEIF"):
            self.needs_extra[extra] += 1
        else:
            return True
        return False

    def _count_ending(self, ending: str) -> None:
        known = ending in self.other_endings
        if not known and (len(ending) > LONGEST_ENDING or len(self.other_endings) >= MOST_ENDINGS):
            ending = OTHER_ENDING
        self.other_endings[ending] += 1

    def _put_off(self, root: str, path: str, target: str, entry: _Entry) -> None:
        if self._follow or entry.name[entry.name.rfind(".") + 1 :].lower() in self._extras:
            self._links += 1
        link = _Link(root, path, target)
        try:
            to_folder = entry.is_dir()
        except OSError:  # a link to itself
            to_folder = False
        if not to_folder:
            if self._is_readable(entry.name, target):
                self._links_to_files.append(link)
        elif self._follow and not holds_no_photos(entry.name):
            self._links_to_folders.append(link)
        else:
            self.skipped["link to a folder"] += 1

    def _file(self, root: str, path: str, target: str) -> Iterator[PhotoFile]:
        """The file that `target` names or links to, unless it was seen under its own or another name."""
        if is_remote(target):
            entry = remote.look_at(target)
            if entry is not None and entry.status is not None:
                at = entry.status
                yield PhotoFile(root, path, at.st_size, at.st_mtime_ns, at.st_ctime_ns)
            return
        real = os.path.realpath(target)
        folder, name = os.path.split(real)
        try:
            status, around = os.stat(real), os.stat(folder)
        except OSError:
            self.skipped["broken link"] += 1
            return
        walked = (around.st_dev, around.st_ino) in self._folders_seen and name[0] != "."
        if not stat.S_ISREG(status.st_mode):
            self.skipped["not a regular file"] += 1
        elif real in self._linked_files or (walked and name[name.rfind(".") + 1 :].lower() in self._readable):
            self.skipped["file seen before"] += 1
        else:
            self._linked_files.add(real)
            yield PhotoFile(root, path, status.st_size, status.st_mtime_ns, max(status.st_ctime_ns, 0))


def check_paths(paths: Sequence[str | Path]) -> dict[str, bool]:
    """The absolute paths of these, each with whether it is a folder. Raises PhototagError where one of
    them is not there."""
    folders = {}
    for path in map(absolute, paths):
        if is_remote(path):
            entry = remote.look_at(path)
            if entry is None:
                raise PhototagError(f"There is nothing at {path}. Check the spelling.")
            folders[path] = entry.is_dir()
        elif not os.path.lexists(path):
            raise PhototagError(f"There is no file or folder {path}. Check the spelling, or mount its disk.")
        else:
            folders[path] = os.path.isdir(path)
    return folders


def _sniff_file(path: str) -> str | None:
    """The format of a file by its first bytes, None where it cannot be opened."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError:
        return None
    try:
        return sniff(os.read(descriptor, SNIFFED_BYTES))
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _digest_of(files: list[_File], sidecars: Sequence[Sidecar] = ()) -> str:
    """The number of photos in a folder, and a hash of their names, sizes and times, and of the files that
    may speak of them."""
    listing = "\0".join([f"{name}/{size}/{mtime}/{ctime}" for name, size, mtime, ctime in files])
    if sidecars:
        listing += "\0\0" + "\0".join([f"{name}/{size}/{mtime}" for name, size, mtime in sidecars])
    return f"{len(files)}-{hashlib.blake2b(os.fsencode(listing), digest_size=16).hexdigest()}"


def _open(folder: str) -> str | int:
    """The folder as os.stat and os.scandir take it. Looking up a file in an open folder costs a
    fifth less than by its whole path; Windows knows no open folders, and lists sizes and times
    along with the names."""
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY) if os.scandir in os.supports_fd else folder


def _close(opened: str | int) -> None:
    if isinstance(opened, int):
        os.close(opened)


def _in_order_of_bytes(names: Collection[str]) -> list[str]:
    """The order of a file system that knows no languages: the same on every machine."""
    return sorted(names) if "".join(names).isascii() else sorted(names, key=os.fsencode)

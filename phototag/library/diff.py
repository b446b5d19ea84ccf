"""What a walk found, compared with what the catalog knows. Pure: reads no file and no row.

Photos are identified by their absolute paths here. Which file has become which photo is decided by
their bytes, in `moves`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from phototag.library.paths import containing_folder, join
from phototag.records import PhotoFile
from phototag.storage.address import is_remote

# A photo of the catalog, and its file as it was when last seen: photo id, size in bytes, mtime in ns,
# ctime in ns (None where it was never seen), missing since. A bare tuple: there may be a million, and
# Python's collector of cycles lets those be.
KnownPhoto = tuple[int, int, int, int | None, str | None]


class Touched(NamedTuple):
    """A known photo and the file at its path, which has another size or time, or is to be verified."""

    photo_id: int
    file: PhotoFile


@dataclass(slots=True)
class Diff:
    """Made of the photos known where the walk goes, as `unseen`, by absolute path; each file that is
    added takes one away.

    `found`: photos that are there. `new`: files at paths that no photo has. `returned`: ids of
    missing photos whose files are there as they were. `untimed`: photo ids -> the ctime of their
    files, which was never seen before and tells nothing yet. `roots`: folders in which files were found."""

    unseen: dict[str, KnownPhoto]
    found: int = 0
    new: list[PhotoFile] = field(default_factory=list)
    touched: list[Touched] = field(default_factory=list)
    returned: set[int] = field(default_factory=set)
    untimed: dict[int, int] = field(default_factory=dict)
    roots: set[str] = field(default_factory=set)

    def add(self, files: Iterable[PhotoFile], verify: bool = False) -> None:
        """Compare files that were found with the photos at their paths. `verify`: all that are known are
        touched.

        The ctime tells of programs that write a photo anew and put its time back. Where it is 0, the
        file system has none."""
        walked, before, unseen, found = None, "", self.unseen, 0
        for file in files:  # this loop is what a scan costs where little is new
            root, path, size_bytes, mtime_ns, ctime_ns = file
            if root != walked:
                walked, before = root, join(root, "-")[:-1]
                self.roots.add(root)
            found += 1
            photo = unseen.pop(before + (path if os.sep == "/" else path.replace("/", os.sep)), None)
            if photo is None:
                self.new.append(file)
                continue
            photo_id, known_bytes, known_ns, known_ctime_ns, missing_since = photo
            if (
                known_ns != mtime_ns
                or known_bytes != size_bytes
                or (known_ctime_ns != ctime_ns and known_ctime_ns and ctime_ns)
                or verify
            ):
                is_same = known_bytes == size_bytes and known_ctime_ns == ctime_ns != 0 and not verify
                if not (is_same and is_remote(root)):  # as its ETag says: the same object, put there again
                    self.touched.append(Touched(photo_id, file))
                    continue
            if known_ctime_ns is None and ctime_ns:
                self.untimed[photo_id] = ctime_ns
            if missing_since is not None:
                self.returned.add(photo_id)
        self.found += found

    def add_unchanged(self, folders: Mapping[str, int]) -> set[str]:
        """The known photos of these folders (with their numbers of photos) are there as they were;
        the walk yielded none of them. Returns the folders of which the catalog knows another
        number."""
        kept = dict.fromkeys(folders, 0)
        for path, photo in list(self.unseen.items()) if folders else ():
            folder, missing_since = os.path.dirname(path), photo[4]
            if folder in kept and missing_since is None:
                kept[folder] += 1
                del self.unseen[path]
        self.found += sum(kept.values())
        self.roots.update(folder for folder, photos in kept.items() if photos)
        return {folder for folder, photos in folders.items() if kept[folder] != photos}


@dataclass(frozen=True, slots=True)
class Gone:
    """`photos`: those whose files are gone -> whether they are newly missing. `unmounted`: folders
    that look as if their disk were not there -> how many photos the catalog knows in them."""

    photos: Mapping[int, bool]
    unmounted: Mapping[str, int]


def find_gone(
    unseen: Mapping[str, KnownPhoto],
    *,
    unreadable: Sequence[str],
    empty: Sequence[str],
    silent: Sequence[str],
) -> Gone:
    """Judge the photos that the walk did not meet.

    Of what lies below `unreadable` paths and below `empty` folders (walked, and without any photo)
    nothing is said. `silent`: roots of the catalog inside the walk of which nothing was met. They
    may be disks that are not mounted: their photos may have moved to where the walk found them, but
    nothing says that the others are missing."""
    photos: dict[int, bool] = {}
    unmounted: Counter[str] = Counter()
    for path, (photo_id, _, _, _, missing_since) in unseen.items():
        if containing_folder(unreadable, path):
            continue
        if folder := containing_folder(empty, path):
            unmounted[folder] += missing_since is None
        elif folder := containing_folder(silent, path):
            unmounted[folder] += missing_since is None
            photos[photo_id] = False
        else:
            photos[photo_id] = missing_since is None
    return Gone(photos, +unmounted)

"""What a walk found, compared with what the catalog knows. Pure: reads no file and no row.

Photos are identified by their absolute paths here. Which file has become which photo is decided by
their bytes, in `moves`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from phototag.library.paths import containing_folder
from phototag.records import PhotoFile


class KnownPhoto(NamedTuple):
    """A photo of the catalog, and its file as it was when last seen."""

    photo_id: int
    size_bytes: int
    mtime_ns: int
    is_missing: bool


class Touched(NamedTuple):
    """A known photo and the file at its path, which has another size or time."""

    photo_id: int
    file: PhotoFile


@dataclass(slots=True)
class Diff:
    """Made of the photos known where the walk goes, as `unseen`, by absolute path; each file that is
    added takes one away.

    `found`: photos that are there. `new`: files at paths that no photo has. `returned`: ids of
    missing photos whose files are there as they were. `roots`: folders in which files were found."""

    unseen: dict[str, KnownPhoto]
    found: int = 0
    new: list[PhotoFile] = field(default_factory=list)
    touched: list[Touched] = field(default_factory=list)
    returned: set[int] = field(default_factory=set)
    roots: set[str] = field(default_factory=set)

    def add(self, files: Iterable[PhotoFile]) -> None:
        """Compare files that were found with the photos at their paths."""
        root, before = None, ""
        for file in files:
            if file.root != root:
                root = file.root
                before = root if root.endswith(os.sep) else root + os.sep
                self.roots.add(root)
            self.found += 1
            photo = self.unseen.pop(before + file.path, None)
            if photo is None:
                self.new.append(file)
            elif photo.mtime_ns != file.mtime_ns or photo.size_bytes != file.size_bytes:
                self.touched.append(Touched(photo.photo_id, file))
            elif photo.is_missing:
                self.returned.add(photo.photo_id)

    def add_unchanged(self, folders: Mapping[str, int]) -> set[str]:
        """The known photos of these folders (with their numbers of photos) are there as they were;
        the walk yielded none of them. Returns the folders of which the catalog knows another
        number."""
        kept = dict.fromkeys(folders, 0)
        for path, photo in list(self.unseen.items()) if folders else ():
            folder = os.path.dirname(path)
            if folder in kept and not photo.is_missing:
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
    for path, photo in unseen.items():
        if containing_folder(unreadable, path):
            continue
        if folder := containing_folder(empty, path):
            unmounted[folder] += not photo.is_missing
        elif folder := containing_folder(silent, path):
            unmounted[folder] += not photo.is_missing
            photos[photo.photo_id] = False
        else:
            photos[photo.photo_id] = not photo.is_missing
    return Gone(photos, +unmounted)

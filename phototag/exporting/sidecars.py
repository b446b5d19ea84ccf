"""Sidecars of many photos: brings each in line with what the catalog says, or takes away all that phototag
had added. Photos are never written, and nothing of another program's changes."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from phototag.errors import PhototagError
from phototag.exporting.sidecar_file import (
    Folder,
    SidecarError,
    SidecarState,
    Style,
    choose_sidecar,
    find_sidecars,
    read_sidecar,
    refuse_links,
    replace_sidecar,
)
from phototag.exporting.words import words_of
from phototag.library.library import Library, Question
from phototag.metadata import merge
from phototag.metadata.merge import Change, Merged
from phototag.metadata.packet import require_lxml
from phototag.metadata.xmp import NotXmp
from phototag.reading.folders import APPLE_LIBRARIES
from phototag.records import Photo
from phototag.storage.address import is_remote

Action = Literal["create", "change", "delete"]
FOLDERS_KEPT = 16  # listings in memory: a folder of photos, the one of its sidecars, and those around


@dataclass(frozen=True, slots=True)
class SidecarOptions:
    """`faces`: named faces too. `remove`: take away what was added, and add nothing. `style`: 'ext' for
    photo.jpg.xmp, 'stem' for photo.xmp; None takes a photo.xmp that is there, else photo.jpg.xmp.
    `folder`: where sidecars go instead of beside the photos, in the same folders as below the folder that
    was scanned. `min_score`: what things need beside their own thresholds. `dry_run` writes nothing."""

    faces: bool = False
    remove: bool = False
    style: Style | None = None
    folder: Path | None = None
    min_score: float = 0.0
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class SidecarChange:
    """What was done to one sidecar, or would be. `photo` and `sidecar`: absolute paths."""

    photo: str
    sidecar: str
    action: Action
    changes: tuple[Change, ...]


@dataclass(slots=True)
class SidecarReport:
    """Counts of photos, of sidecars by what was done to them, and what was not done: (path, reason) of
    sidecars that could not be written, and of parts of sidecars that were left alone (`notes`)."""

    photos: int = 0
    created: int = 0
    changed: int = 0
    deleted: int = 0
    unchanged: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    interrupted: bool = False


def export_sidecars(
    library: Library,
    question: Question = None,
    options: SidecarOptions = SidecarOptions(),
    *,
    on_change: Callable[[SidecarChange], None] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> SidecarReport:
    """Write into the sidecars of the photos that fit what phototag knows of them.

    `on_change` is told of each sidecar right after (with `dry_run`: instead of) its change; `on_progress`
    of (photos done, photos in all). After an exception, a kill or `should_stop` every sidecar is either as
    it was or as it should be, and the next export goes on. Raises UsageError for a question that is not
    understood, PhototagError where lxml is not installed or `folder` cannot be used."""
    require_lxml()
    query = library.ask(question)
    query.require_known_words()
    total = library.count(query)
    export = _Export(library, options)
    report = SidecarReport()
    for photo in library.photos(query, sort="path"):
        if should_stop is not None and should_stop():
            report.interrupted = True
            break
        export.one(photo, report, on_change)
        report.photos += 1
        if on_progress is not None:
            on_progress(report.photos, total)
    return report


class _Export:
    def __init__(self, library: Library, options: SidecarOptions) -> None:
        self._options = options
        self._thresholds = library.thresholds()
        self._roots = library.roots()
        self._now = datetime.now().astimezone().isoformat(timespec="seconds")
        self._folders: dict[str, Folder] = {}  # those listed last
        self._photo_of: dict[str, str] = {}  # sidecar below options.folder -> its photo
        if options.folder is not None and options.folder.exists() and not options.folder.is_dir():
            raise PhototagError(f"{options.folder} is not a folder; name one for --sidecar-dir")

    def one(
        self, photo: Photo, report: SidecarReport, on_change: Callable[[SidecarChange], None] | None
    ) -> None:
        changes = []
        try:
            path, emptied = self._sidecars(photo)
            if path is not None:
                changes.append(self._bring_in_line(photo, path, report))
            for other in emptied:
                changes.append(self._empty(photo, other, report))
        except _LeftAlone as error:
            report.failures.append((error.path, str(error)))
            return
        for change in filter(None, changes):
            _count(report, change.action)
            if on_change is not None:
                on_change(change)
        report.unchanged += not any(changes)

    def _sidecars(self, photo: Photo) -> tuple[str | None, list[str]]:
        """Where this photo's sidecar is, or will be, None with `remove`; and its other ones, from which
        what we have added is to be taken: a photo has its words in one place."""
        try:
            return self._find(photo)
        except SidecarError as error:
            raise _LeftAlone(photo.path, error) from error

    def _find(self, photo: Photo) -> tuple[str | None, list[str]]:
        options = self._options
        if is_remote(photo.path):
            raise SidecarError("it is on remote storage; sidecars are written beside local photos alone")
        folder, name = os.path.split(photo.path)
        photos = self._listed(folder)
        if name not in photos.names and not options.remove:
            raise SidecarError("the photo is not there; scan its folder again")
        if options.folder is None and not options.remove and _is_in_apples_library(folder):
            raise SidecarError(
                "it lies in a library of Apple's, which nobody else may write into; use --sidecar-dir"
            )
        where = photos if options.folder is None else self._listed(self._mirrored(folder))
        same_stem = photos.same_stem(name)
        found = [os.path.join(where.path, one) for one in find_sidecars(name, where.names, same_stem)]
        found = [path for path in found if not _belongs_to_another(path, name)]
        if options.remove:
            return None, found
        path = os.path.join(where.path, choose_sidecar(name, options.style, where.names, same_stem))
        if options.style is None and path not in found:  # it says that it is another photo's
            path = os.path.join(where.path, choose_sidecar(name, "ext", where.names, same_stem))
        if options.folder is not None and self._photo_of.setdefault(path, photo.path) != photo.path:
            raise SidecarError(
                f"{path} is the sidecar of {self._photo_of[path]}; export the two folders into two"
            )
        return path, [other for other in found if other != path]

    def _mirrored(self, folder: str) -> str:
        """The folder of --sidecar-dir for the photos of this one."""
        assert self._options.folder is not None
        for root in self._roots:
            below = os.path.relpath(folder, root)
            if below != os.pardir and not below.startswith(os.pardir + os.sep):
                base = os.path.abspath(self._options.folder)
                mirrored = os.path.normpath(os.path.join(base, below))
                refuse_links(mirrored, base)
                return mirrored
        raise SidecarError("the photo lies in no folder that was scanned")

    def _listed(self, folder: str) -> Folder:
        """Photos come by path, so that each folder is listed about once."""
        if folder not in self._folders:
            if len(self._folders) >= FOLDERS_KEPT:
                self._folders.clear()
            self._folders[folder] = Folder(folder)
        return self._folders[folder]

    def _bring_in_line(self, photo: Photo, path: str, report: SidecarReport) -> SidecarChange | None:
        options = self._options
        words = words_of(photo, self._thresholds, min_score=options.min_score, with_faces=options.faces)
        try:
            read = read_sidecar(path)
            merged = merge.merge(read.data, words, now=self._now)
            return self._write(photo, path, read, merged, report)
        except (SidecarError, NotXmp) as error:
            raise _LeftAlone(path, error) from error

    def _empty(self, photo: Photo, path: str, report: SidecarReport) -> SidecarChange | None:
        try:
            read = read_sidecar(path)
            merged = Merged(None) if read.data is None else merge.remove(read.data, now=self._now)
            return self._write(photo, path, read, merged, report)
        except (SidecarError, NotXmp) as error:
            if self._options.remove:
                raise _LeftAlone(path, error) from error
            return None  # it is not the one that is to be written

    def _write(
        self, photo: Photo, path: str, read: SidecarState, merged: Merged, report: SidecarReport
    ) -> SidecarChange | None:
        report.notes += [(path, note) for note in merged.notes]
        if not merged.changes:
            return None
        action: Action = "delete" if merged.data is None else "create" if read.data is None else "change"
        if not self._options.dry_run:
            if self._options.folder is not None:
                _make_folder(os.path.dirname(path))
            replace_sidecar(path, merged.data, read)
            names = self._listed(os.path.dirname(path)).names
            (names.discard if action == "delete" else names.add)(os.path.basename(path))
        return SidecarChange(photo.path, path, action, merged.changes)


class _LeftAlone(Exception):
    """A sidecar, or a photo, at `path` that was left as it is; the message says why."""

    def __init__(self, path: str, error: Exception) -> None:
        super().__init__(_sentence(error))
        self.path = path


def _is_in_apples_library(folder: str) -> bool:
    return any(part.lower().endswith(APPLE_LIBRARIES) for part in folder.split(os.sep))


def _belongs_to_another(sidecar: str, photo_name: str) -> bool:
    """Whether a sidecar says that it is not this photo's. One that cannot be read says nothing."""
    if os.path.basename(sidecar).lower().startswith(photo_name.lower()):
        return False
    try:
        data = read_sidecar(sidecar).data
        extension = merge.stated_extension(data) if data else None
    except (SidecarError, NotXmp):
        return False
    return extension is not None and not photo_name.lower().endswith("." + extension.lower())


def _make_folder(folder: str) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise SidecarError(f"the folder {folder} cannot be made: {error.strerror}") from error


def _sentence(error: Exception) -> str:
    return (
        f"it is no XMP that can be added to, and was left alone: {error}"
        if isinstance(error, NotXmp)
        else str(error)
    )


def _count(report: SidecarReport, action: Action) -> None:
    if action == "create":
        report.created += 1
    elif action == "change":
        report.changed += 1
    else:
        report.deleted += 1

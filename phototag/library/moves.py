"""Which file has become which photo, decided by bytes: for files whose size or time has changed,
and for new ones that may be known under another path. Reads files, but no row.

A photo whose content is no longer at its path lends its row, with all that is known of it, to the
path where that content now is. Where no photo has a file's bytes, its compressed pixels decide:
another program may have renamed a photo and written a caption into it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from phototag.library.diff import Gone, Touched
from phototag.library.paths import containing_folder, holds_something, is_surely_gone
from phototag.records import FileFacts, PhotoFile
from phototag.storage.anywhere import may_exist

HashFile = Callable[[PhotoFile], str | None]
ReadFacts = Callable[[PhotoFile], FileFacts | None]


@dataclass(frozen=True, slots=True)
class New:
    """A file that no known photo has become. `is_duplicate`: some photo has the same bytes."""

    file: PhotoFile
    content_hash: str | None
    is_duplicate: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """The photo's file has other bytes. `facts`: what they say of themselves, where they were asked."""

    photo_id: int
    file: PhotoFile
    content_hash: str
    facts: FileFacts | None = None


@dataclass(frozen=True, slots=True)
class Same:
    """The photo's file has the bytes that are known; its time is another. `pixel_hash`: where it was not
    known and was asked for."""

    photo_id: int
    file: PhotoFile
    pixel_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """The photo's file was touched. Its bytes cannot be read now, or never were."""

    photo_id: int
    file: PhotoFile


@dataclass(frozen=True, slots=True)
class Moved:
    """The photo is where this file is. A photo that had the path gets the former one."""

    photo_id: int
    file: PhotoFile


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The photo is where this file is, which has its compressed pixels and another name, other
    metadata or both. `is_moved`: to another path. `is_turned`: its orientation is another, so that the
    nets see another picture."""

    photo_id: int
    file: PhotoFile
    facts: FileFacts
    is_moved: bool
    is_turned: bool


Change = New | Changed | Same | Unread | Moved | Rewritten


@dataclass(frozen=True, slots=True)
class Twin:
    """A photo of the catalog with certain bytes or pixels: where it was when last seen."""

    photo_id: int
    root: str
    path: str  # absolute
    is_missing: bool
    orientation: int | None = None


class Known(NamedTuple):
    """What the catalog says of the bytes of a photo."""

    content_hash: str | None = None
    pixel_hash: str | None = None
    orientation: int | None = None


NOTHING_KNOWN = Known()


@dataclass(slots=True)
class Candidate:
    """A file whose bytes decide. `photo_id`: the photo that has its path, None where that is new."""

    file: PhotoFile
    photo_id: int | None = None
    content_hash: str | None = None
    is_hashed: bool = False
    facts: FileFacts | None = None
    is_read: bool = False


class Resolver:
    """Decides candidate by candidate. What it has decided counts for those that follow: a row is
    given away once, and a row that had to leave its path may be free for another file."""

    def __init__(
        self,
        new: Iterable[PhotoFile],
        touched: Iterable[Touched],
        gone: Gone,
        returned: set[int],
        closed: Sequence[str],
        hash_file: HashFile,
        read_facts: ReadFacts | None = None,
        unhashed: Iterable[PhotoFile] = (),
        fill_pixels: bool = False,
    ) -> None:
        """`closed`: folders and files of which nothing can be said. `unhashed`: new files which cannot
        have the bytes of a known photo, but may have its pixels. `fill_pixels`: of touched photos whose
        pixels have no hash yet, make one. The rest: as a `Diff` has it."""
        self._touched = {one.photo_id: Candidate(one.file, one.photo_id) for one in touched}
        self.candidates = [
            *(Candidate(file) for file in new),
            *self._touched.values(),
            *(Candidate(file, is_hashed=True) for file in unhashed),
        ]
        self._read_facts = read_facts
        self._fill_pixels = fill_pixels
        self.gone = dict(gone.photos)  # the photos whose file is gone -> whether they are newly missing
        self._returned = returned
        self._closed = closed
        self._hash_file = hash_file
        self._moved: set[int] = set()
        self._overwritten: set[int] = set()  # photos that have other bytes than the catalog said

    def hash_candidates(self, candidates: Iterable[Candidate], known: Mapping[int, Known]) -> None:
        """Hash their files. A known photo whose bytes were never read has nothing to be compared with."""
        for one in candidates:
            if one.photo_id is None or known.get(one.photo_id, NOTHING_KNOWN).content_hash is not None:
                self._hash(one)

    def read_pixels(
        self, candidates: Iterable[Candidate], known: Mapping[int, Known], bytes_known: Collection[str]
    ) -> None:
        """Read the pixels of those whose bytes are neither what their photo had nor among the
        `bytes_known`, and of those whose photo may have kept its pixels."""
        for one in candidates:
            before = known.get(one.photo_id or 0, NOTHING_KNOWN)
            if one.photo_id is not None and one.content_hash in (None, before.content_hash):
                if self._fill_pixels and one.content_hash and not before.pixel_hash:
                    self._read(one)
            elif before.pixel_hash or one.content_hash not in bytes_known:
                self._read(one)

    def resolve(
        self, one: Candidate, known: Known, twins: Sequence[Twin], pixel_twins: Sequence[Twin] = ()
    ) -> Change:
        """What has become of a hashed candidate. `known`: of the photo that has its path. `twins` and
        `pixel_twins`: the photos that have its bytes or its pixels, as the catalog says."""
        pixel_hash = one.facts.pixel_hash if one.facts else None
        if one.photo_id is not None:
            self._touched.pop(one.photo_id, None)
            if one.content_hash is None or known.content_hash is None:
                self._overwritten.add(one.photo_id)
                return Unread(one.photo_id, one.file)
            if one.content_hash == known.content_hash:
                return Same(one.photo_id, one.file, pixel_hash)
            if one.facts and pixel_hash and pixel_hash == known.pixel_hash:
                self._overwritten.add(one.photo_id)
                is_turned = one.facts.exif.orientation != known.orientation
                return Rewritten(one.photo_id, one.file, one.facts, is_moved=False, is_turned=is_turned)
        twins = [t for t in twins if t.photo_id != one.photo_id and t.photo_id not in self._overwritten]
        if free := [twin for twin in twins if self._is_free(twin, content_hash=one.content_hash)]:
            twin = _likeliest(free, one)
            self._give_row(twin, one)
            return Moved(twin.photo_id, one.file)
        if one.facts and pixel_hash and not twins:
            others = [twin for twin in pixel_twins if twin.photo_id not in self._overwritten]
            if free := [twin for twin in others if self._is_free(twin, pixel_hash=pixel_hash)]:
                twin = _likeliest(free, one)
                self._give_row(twin, one)
                self._overwritten.add(twin.photo_id)
                is_turned = one.facts.exif.orientation != twin.orientation
                return Rewritten(twin.photo_id, one.file, one.facts, is_moved=True, is_turned=is_turned)
        if one.photo_id is None:
            return New(one.file, one.content_hash, is_duplicate=bool(twins))
        assert one.content_hash is not None
        self._overwritten.add(one.photo_id)
        return Changed(one.photo_id, one.file, one.content_hash, one.facts)

    def _hash(self, one: Candidate) -> str | None:
        if not one.is_hashed:
            one.content_hash, one.is_hashed = self._hash_file(one.file), True
        return one.content_hash

    def _read(self, one: Candidate) -> FileFacts | None:
        if not one.is_read and self._read_facts is not None:
            one.facts, one.is_read = self._read_facts(one.file), True
        return one.facts

    def _is_free(self, twin: Twin, *, content_hash: str | None = None, pixel_hash: str | None = None) -> bool:
        """Whether a photo's bytes, or its pixels, are no longer at its path."""
        if twin.photo_id in self._moved or twin.photo_id in self._returned:
            return False
        if candidate := self._touched.get(twin.photo_id):
            if pixel_hash is not None:
                facts = self._read(candidate)
                return facts is not None and facts.pixel_hash != pixel_hash
            now = self._hash(candidate)
            return now is not None and now != content_hash
        if twin.photo_id in self.gone or twin.is_missing:
            return True
        # It lies outside the walk. A folder without anything in it is where a disk was mounted.
        return (
            not may_exist(twin.path)
            and not containing_folder(self._closed, twin.path)
            and (holds_something(twin.root) or is_surely_gone(twin.root))
        )

    def _give_row(self, twin: Twin, one: Candidate) -> None:
        """Give a free row to the candidate. A row that has its path goes where the free one was: it
        may be free too."""
        displaced = one.photo_id
        self._moved.add(twin.photo_id)
        was_newly_missing = self.gone.pop(twin.photo_id, True) or twin.is_missing
        if other := self._touched.pop(twin.photo_id, None):
            other.photo_id = displaced
            if displaced is not None:
                self._touched[displaced] = other
        elif displaced is not None:
            self.gone[displaced] = was_newly_missing


def _likeliest(free: Sequence[Twin], one: Candidate) -> Twin:
    """Of several rather the one of the same name, or of the same folder."""
    folder, name = os.path.split(one.file.full_path())
    for twin in free:
        if os.path.basename(twin.path) == name:
            return twin
    return next((twin for twin in free if os.path.dirname(twin.path) == folder), free[0])

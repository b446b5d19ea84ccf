"""Small pictures of photos, made when they are wished for, and kept in the user's cache folder.

Originals are never sent: what leaves is a WebP without any metadata, made by the one door for reading
pictures, which takes a stranger's file for what it may be."""

from __future__ import annotations

import io
import itertools
import os
import queue
import secrets
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from phototag.errors import UnreadablePhoto
from phototag.outputs import make_private_folder
from phototag.records import Box

SIDES = (320, 1600)  # pixels, the long side: a cell of the grid at two device pixels, and a full screen
FACE_SIDE = 160  # of one face with what is around it
FACE_MARGIN = 0.35  # of the face's size, on each side: hair and chin help to know somebody
QUALITY = {320: 78, 1600: 84, FACE_SIDE: 80}
LARGEST_BYTES = 2_000_000_000  # of the cache
KEPT_SHARE = 0.9  # of it stays when the least recently used go
WORKERS = 2  # threads that decode: a scan may be running beside
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
TOUCHED_AFTER_SECONDS = 3600.0  # a file's time says when it was last used, to the hour


@dataclass(frozen=True, slots=True)
class Wanted:
    """A picture of the photo at `path`, whose bytes have this hash as far as the catalog knows, with its long
    side of `side` pixels; of the face in `box` alone, where there is one. `heat`: the key of a heat map,
    which is kept here, but made by phototag.web.heat."""

    path: str
    content_hash: str | None
    side: int
    box: Box | None = None
    heat: str = ""


@dataclass(order=True)
class _Wish:
    order: int  # the newest first: what a person looks at now
    wanted: Wanted = field(compare=False)
    answer: Future[bytes] = field(compare=False)


class Thumbnails:
    """`find` at once, or `wish` for one: a future of the WebP's bytes, which may be cancelled."""

    def __init__(self, folder: Path, largest_bytes: int = LARGEST_BYTES) -> None:
        self._folder, self._largest_bytes = folder, largest_bytes
        self._wishes: queue.PriorityQueue[_Wish] = queue.PriorityQueue()
        self._numbers = itertools.count(0, -1)
        self._size_bytes: int | None = None
        self._lock = threading.Lock()
        for number in range(WORKERS):
            threading.Thread(target=self._work, name=f"thumbnail-{number}", daemon=True).start()

    def find(self, wanted: Wanted) -> bytes | None:
        """The picture, where it was made before."""
        if wanted.content_hash is None:
            return None
        file = self._file(wanted)
        try:
            data = file.read_bytes()
            if time.time() - file.stat().st_mtime > TOUCHED_AFTER_SECONDS:
                os.utime(file)
        except OSError:
            return None
        return data

    def wish(self, wanted: Wanted) -> Future[bytes]:
        """The picture, to be made. It fails with UnreadablePhoto."""
        wish = _Wish(next(self._numbers), wanted, Future())
        self._wishes.put(wish)
        return wish.answer

    def _work(self) -> None:
        while True:
            wish = self._wishes.get()
            if not wish.answer.set_running_or_notify_cancel():
                continue
            try:
                wish.answer.set_result(self._make(wish.wanted))
            except BaseException as error:
                wish.answer.set_exception(error)

    def _make(self, wanted: Wanted) -> bytes:
        from PIL import Image

        from phototag.reading.decode import open_photo

        decoded = open_photo(wanted.path, working_side=wanted.side if wanted.box is None else max(SIDES))
        picture = Image.fromarray(decoded.pixels)
        if wanted.box is not None:
            picture = picture.crop(_around(wanted.box, picture.size))
            picture.thumbnail((wanted.side, wanted.side))
        data = io.BytesIO()
        picture.save(data, "WEBP", quality=QUALITY[wanted.side], method=2)
        if decoded.content_hash == wanted.content_hash:  # else it has changed since the scan
            self.keep(wanted, data.getvalue())
        return data.getvalue()

    def keep(self, wanted: Wanted, data: bytes) -> None:
        """Written under another name first: who reads meanwhile sees all of it or nothing. A cache that
        cannot be written (a full disk) costs time, nothing else."""
        if wanted.content_hash is None:
            return
        file = self._file(wanted)
        temporary = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
        try:
            make_private_folder(file.parent)
            with os.fdopen(os.open(temporary, NEW_FILE, 0o600), "wb") as opened:
                opened.write(data)
            os.replace(temporary, file)
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            return
        with self._lock:
            if self._size_bytes is None:
                self._size_bytes = sum(size for _, size, _ in self._files())
            else:
                self._size_bytes += len(data)
            if self._size_bytes > self._largest_bytes:
                self._make_room()

    def _make_room(self) -> None:
        """Removes the least recently used."""
        left = sum(size for _, size, _ in self._files())
        for _, size, file in sorted(self._files()):
            if left <= self._largest_bytes * KEPT_SHARE:
                break
            with suppress(OSError):
                os.unlink(file)
                left -= size
        self._size_bytes = left

    def _files(self) -> list[tuple[float, int, str]]:
        """(time of the last use, size in bytes, path) of all there is."""
        found = []
        for folder, _, names in os.walk(self._folder):
            for name in names:
                with suppress(OSError):
                    status = os.stat(os.path.join(folder, name))
                    found.append((status.st_mtime, status.st_size, os.path.join(folder, name)))
        return found

    def _file(self, wanted: Wanted) -> Path:
        content_hash = wanted.content_hash or ""
        if not content_hash.isalnum():  # a catalog may come from a stranger
            raise UnreadablePhoto("the catalog's hash of it is none")
        edges = "".join(f"-{round(edge * 10_000)}" for edge in wanted.box or ())
        heat = f"-heat-{wanted.heat}" if wanted.heat else ""
        return self._folder / content_hash[:2] / f"{content_hash}-{wanted.side}{edges}{heat}.webp"


def _around(box: Box, size_wh: tuple[int, int]) -> tuple[int, int, int, int]:
    """The square around a face, with some margin, within the picture: left, top, right, bottom in pixels."""
    left, top, right, bottom = box.pixels(*size_wh)
    half = max(right - left, bottom - top) * (0.5 + FACE_MARGIN)
    x, y = (left + right) / 2, (top + bottom) / 2
    width, height = size_wh
    return (
        max(0, round(x - half)),
        max(0, round(y - half)),
        min(width, round(x + half)),
        min(height, round(y + half)),
    )

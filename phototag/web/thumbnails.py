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

SIDES = (320, 1600)  # pixels, the long side: a cell of the grid at two device pixels, and a full screen
QUALITY = {320: 78, 1600: 84}
LARGEST_BYTES = 2_000_000_000  # of the cache
KEPT_SHARE = 0.9  # of it stays when the least recently used go
WORKERS = 2  # threads that decode: a scan may be running beside
TOUCHED_AFTER_SECONDS = 3600.0  # a file's time says when it was last used, to the hour


@dataclass(order=True)
class _Wish:
    order: int  # the newest first: what a person looks at now
    path: str = field(compare=False)
    content_hash: str | None = field(compare=False)
    side: int = field(compare=False)
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

    def find(self, content_hash: str | None, side: int) -> bytes | None:
        """The picture, where it was made before."""
        if content_hash is None:
            return None
        file = self._file(content_hash, side)
        try:
            data = file.read_bytes()
            if time.time() - file.stat().st_mtime > TOUCHED_AFTER_SECONDS:
                os.utime(file)
        except OSError:
            return None
        return data

    def wish(self, path: str, content_hash: str | None, side: int) -> Future[bytes]:
        """The picture of the photo at `path`. It fails with UnreadablePhoto."""
        wish = _Wish(next(self._numbers), path, content_hash, side, Future())
        self._wishes.put(wish)
        return wish.answer

    def _work(self) -> None:
        while True:
            wish = self._wishes.get()
            if not wish.answer.set_running_or_notify_cancel():
                continue
            try:
                wish.answer.set_result(self._make(wish))
            except BaseException as error:
                wish.answer.set_exception(error)

    def _make(self, wish: _Wish) -> bytes:
        from PIL import Image

        from phototag.reading.decode import open_photo

        decoded = open_photo(wish.path, working_side=wish.side)
        data = io.BytesIO()
        Image.fromarray(decoded.pixels).save(data, "WEBP", quality=QUALITY[wish.side], method=2)
        if decoded.content_hash == wish.content_hash:  # else it has changed since the scan
            self._keep(wish.content_hash, wish.side, data.getvalue())
        return data.getvalue()

    def _keep(self, content_hash: str, side: int, data: bytes) -> None:
        """Written under another name first: who reads meanwhile sees all of it or nothing. A cache that
        cannot be written (a full disk) costs time, nothing else."""
        file = self._file(content_hash, side)
        temporary = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary.write_bytes(data)
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

    def _file(self, content_hash: str, side: int) -> Path:
        if not content_hash.isalnum():  # a catalog may come from a stranger
            raise UnreadablePhoto("the catalog's hash of it is none")
        return self._folder / content_hash[:2] / f"{content_hash}-{side}.webp"

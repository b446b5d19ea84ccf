"""Decodes ahead of the taggers in threads, with bounded memory."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from phototag.errors import UnreadablePhoto
from phototag.metadata.beside import Beside, Reader
from phototag.reading import exif
from phototag.reading.decode import DamagedPhoto, decode
from phototag.reading.embedded import NOTHING
from phototag.reading.files import MAX_PIXELS, read_file
from phototag.reading.pixel_hash import hash_pixels
from phototag.reading.pixels import working_size
from phototag.reading.written import find_written
from phototag.records import Frame, Job, PhotoFacts, Unreadable
from phototag.stopping import Stop

Looked = tuple[Job, PhotoFacts, Frame | Unreadable]


def frames(
    jobs: Iterable[Job],
    *,
    workers: int,
    ahead: int,
    working_side: int,
    max_pixels: int = MAX_PIXELS,
    stop: Stop | None = None,
    reader: Reader | None = None,
) -> Generator[Looked]:
    """Decode the photos of `jobs` in `workers` threads, at most `ahead` of them before they are
    asked for, and yield them in the order of the jobs. `reader` reads the files beside them. `jobs` is
    advanced only in the caller's thread. Closing the generator, or an exception, drops what is not yet
    begun and waits for the photos in hand; KeyboardInterrupt and SystemExit do not, and once `stop` says yes,
    it ends without those that take too long."""
    stop, reader = stop or Stop(), reader or Reader()
    waiting: deque[tuple[Job, Future[tuple[PhotoFacts, Frame | Unreadable]]]] = deque()
    pool = ThreadPoolExecutor(max(workers, 1), thread_name_prefix="decode")
    try:
        with stop.giving_up():
            for job in jobs:
                waiting.append((job, pool.submit(_frame, job, working_side, max_pixels, reader)))
                if len(waiting) >= max(ahead, 1):
                    job, future = waiting.popleft()
                    if not stop.wait_for(future):
                        return
                    yield job, *future.result()
            while waiting:
                job, future = waiting.popleft()
                if not stop.wait_for(future):
                    return
                yield job, *future.result()
    finally:
        if stop():
            for _, future in waiting:
                future.cancel()
            for _, future in waiting:
                if not future.cancelled():
                    stop.wait_for(future)
        pool.shutdown(wait=not stop.gave_up, cancel_futures=True)


def _frame(
    job: Job, working_side: int, max_pixels: int, reader: Reader
) -> tuple[PhotoFacts, Frame | Unreadable]:
    content_hash = pixel_hash = mtime = None
    path = ""
    beside: tuple[Beside, ...] = ()
    try:
        path = job.file.full_path()
        beside = reader.read(*os.path.split(path), job.sidecars)
        data, mtime = read_file(path, max_pixels)
        sizing = partial(working_size, long_side=working_side)
        content_hash, pixel_hash = hashlib.sha256(data).hexdigest(), hash_pixels(data)
        photo = decode(data, path, mtime, sizing, max_pixels, content_hash, beside)
    except (UnreadablePhoto, ValueError) as error:
        if isinstance(error, DamagedPhoto):
            said, written = error.exif, error.written
        else:
            said = exif.parse_exif(None, mtime, path, beside=beside)
            written = find_written({}, NOTHING, beside, None, 1)
        facts = PhotoFacts(job.photo_id, content_hash, exif=said, pixel_hash=pixel_hash, written=written)
        return facts, Unreadable(job.photo_id, str(error))
    facts = PhotoFacts(
        job.photo_id, content_hash, photo.width, photo.height, photo.exif, pixel_hash, photo.written
    )
    return facts, Frame(job.photo_id, photo.pixels, photo.width, photo.height, job.answers, photo.exif)

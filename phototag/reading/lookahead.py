"""Decodes ahead of the taggers in threads, with bounded memory."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from PIL import (
    AvifImagePlugin,  # noqa: F401
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    JpegImagePlugin,  # noqa: F401
    MpoImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)

from phototag.errors import UnreadablePhoto
from phototag.reading import exif
from phototag.reading.decode import _decode
from phototag.reading.files import MAX_PIXELS, read_file
from phototag.records import Frame, Job, PhotoFacts, Unreadable


def frames(
    jobs: Iterable[Job], *, workers: int, ahead: int, working_side: int, max_pixels: int = MAX_PIXELS
) -> Iterator[tuple[Job, PhotoFacts, Frame | Unreadable]]:
    """Decode the photos of `jobs` in `workers` threads, at most `ahead` of them before they are
    asked for, and yield them in the order of the jobs. `jobs` is advanced only in the caller's
    thread. Closing the generator, or an exception such as KeyboardInterrupt, drops what is not yet
    begun and waits for the photos in hand."""
    waiting: deque[tuple[Job, Future[tuple[PhotoFacts, Frame | Unreadable]]]] = deque()
    pool = ThreadPoolExecutor(max(workers, 1), thread_name_prefix="decode")
    try:
        for job in jobs:
            waiting.append((job, pool.submit(_frame, job, working_side, max_pixels)))
            if len(waiting) >= max(ahead, 1):
                job, future = waiting.popleft()
                yield job, *future.result()
        while waiting:
            job, future = waiting.popleft()
            yield job, *future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _frame(job: Job, working_side: int, max_pixels: int) -> tuple[PhotoFacts, Frame | Unreadable]:
    content_hash = mtime = None
    try:
        path = job.file.full_path()
        data, mtime = read_file(path, max_pixels)
        content_hash = hashlib.sha256(data).hexdigest()
        photo = _decode(data, path, mtime, working_side, max_pixels, content_hash)
    except (UnreadablePhoto, ValueError) as error:
        facts = PhotoFacts(job.photo_id, content_hash, exif=exif.understand(None, mtime))
        return facts, Unreadable(job.photo_id, str(error))
    facts = PhotoFacts(job.photo_id, content_hash, photo.width, photo.height, photo.exif)
    return facts, Frame(job.photo_id, photo.pixels, photo.width, photo.height, job.answers, photo.exif)

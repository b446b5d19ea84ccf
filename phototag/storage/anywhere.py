"""What is asked of a file wherever it is, by its absolute path or address."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from phototag.storage import remote
from phototag.storage.address import is_remote

COPIED_BYTES = 16 << 20  # in one request: most photos are smaller, and none has to lie in memory whole


def read_start(path: str, max_bytes: int) -> bytes:
    """The first bytes of a file, or all. Raises OSError; StorageError."""
    if is_remote(path):
        return remote.read_start(path, max_bytes)
    if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would be waited for
        raise OSError(None, "it is not a regular file")
    with open(path, "rb") as file:
        return file.read(max_bytes)


def copy_file(source: str, target: Path) -> None:
    """Copy a file's bytes, and its times where the disk takes them. Raises OSError; StorageError."""
    if not is_remote(source):
        shutil.copyfile(source, target)
        with suppress(OSError):  # a disk that knows no such times still holds the photo
            times = os.stat(source)
            os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))
        return
    with remote.open_object(source) as file, open(target, "wb") as copy:
        while chunk := file.read(COPIED_BYTES):
            copy.write(chunk)
    with suppress(OSError):
        os.utime(target, ns=(file.status.st_mtime_ns, file.status.st_mtime_ns))


def is_folder(path: str) -> bool:
    """Raises StorageError."""
    if is_remote(path):
        entry = remote.look_at(path)
        return entry is not None and entry.is_dir()
    return os.path.isdir(path)


def may_exist(path: str) -> bool:
    """Whether something is there. Remote storage is not asked: the last scan of it saw what it told of."""
    return is_remote(path) or os.path.lexists(path)

"""What is asked of a file wherever it is, by its absolute path or address."""

from __future__ import annotations

import os
import stat

from phototag.storage import remote
from phototag.storage.address import is_remote


def read_start(path: str, max_bytes: int) -> bytes:
    """The first bytes of a file, or all. Raises OSError; StorageError."""
    if is_remote(path):
        return remote.read_start(path, max_bytes)
    if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would be waited for
        raise OSError(None, "it is not a regular file")
    with open(path, "rb") as file:
        return file.read(max_bytes)


def is_folder(path: str) -> bool:
    """Raises StorageError."""
    if is_remote(path):
        entry = remote.look_at(path)
        return entry is not None and entry.is_dir()
    return os.path.isdir(path)


def may_exist(path: str) -> bool:
    """Whether something is there. Remote storage is not asked: the last scan of it saw what it told of."""
    return is_remote(path) or os.path.lexists(path)

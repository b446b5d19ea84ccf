"""Files that a person names to be read whole: annotations, tables, lists. Standard library alone."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

LARGEST_TABLE_BYTES = 256 << 20  # a line for each of some million photos
LARGEST_DOCUMENT_BYTES = 2 << 30  # COCO's own annotations of 118,000 photos are 450 MB


def read_input(path: Path, most_bytes: int = LARGEST_TABLE_BYTES) -> bytes:
    """All that is in a file, or comes out of a pipe. Raises OSError also for devices, which may have no end,
    and for what is longer than `most_bytes`: it would fill the memory."""
    with path.open("rb") as file:
        kind = os.fstat(file.fileno()).st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISFIFO(kind)):
            raise OSError(errno.EINVAL, "it is not a file", str(path))
        if (
            os.fstat(file.fileno()).st_size > most_bytes
            or len(data := file.read(most_bytes + 1)) > most_bytes
        ):
            raise OSError(errno.EFBIG, f"it is larger than {most_bytes:,} bytes", str(path))
    return data


def read_input_text(path: Path, most_bytes: int = LARGEST_TABLE_BYTES) -> str:
    """The same as UTF-8 text, its line ends as they are. Raises UnicodeDecodeError, which is a ValueError,
    beside OSError."""
    return read_input(path, most_bytes).decode("utf-8")

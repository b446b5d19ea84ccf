"""Reading .npz files that others made."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

LARGEST_BYTES = 4 << 30  # unpacked: two million small faces


def read_arrays(file: Path, names: Sequence[str]) -> list[Any]:
    """The arrays of these names. A small file may unpack to a thousand times its size: one of more than
    `LARGEST_BYTES` is refused before. Raises what zip, zlib and NumPy raise of damaged files."""
    with zipfile.ZipFile(file) as archive:
        unpacked_bytes = sum(archive.getinfo(f"{name}.npy").file_size for name in names)
    if unpacked_bytes > LARGEST_BYTES:
        raise ValueError(f"it unpacks to {unpacked_bytes:,} bytes")
    with np.load(file, allow_pickle=False) as archive:
        return [archive[name] for name in names]

"""Opening and reading files safely: regular ones only, up to a size that a photo can have. Owns the
sentence that says why one cannot be read."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Callable
from pathlib import Path

from PIL import UnidentifiedImageError

from phototag.errors import UnreadablePhoto

# Phones take 200 megapixels and stitched panoramas reach 250; 256 of them are 0.75 GB as RGB.
MAX_PIXELS = 256_000_000


# A file larger than its own pixels at four 16-bit channels, plus room for a video or previews
# inside it, is no photo.
BYTES_PER_PIXEL, ROOM_BYTES = 8, 256 * 1024 * 1024
HASHED_BYTES = 1 << 20  # at a time


def hash_file(path: str | Path, check: Callable[[], None] | None = None) -> str:
    """SHA-256 of the file's bytes in hex, without holding them in memory. `check` is called from time
    to time, and may raise. Raises UnreadablePhoto."""
    digest = hashlib.sha256()
    try:
        with _open_regular(path) as file:
            while chunk := file.read(HASHED_BYTES):
                digest.update(chunk)
                if check is not None:
                    check()
            return digest.hexdigest()
    except OSError as error:
        raise UnreadablePhoto(reason_for(error, b"")) from error


def _open_regular(path: str | Path) -> io.BufferedReader:
    """Opening a pipe would wait for its writer, opening a device may do anything: look before, and
    again after."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(None, "not a regular file")
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(None, "not a regular file")
    return os.fdopen(descriptor, "rb")


def read_file(path: str | Path, max_pixels: int) -> tuple[bytes, float]:
    """All bytes of the file, and its modification time."""
    try:
        with _open_regular(path) as file:
            status = os.fstat(file.fileno())
            if status.st_size > max_pixels * BYTES_PER_PIXEL + ROOM_BYTES:
                raise UnreadablePhoto(f"too large a file for a photo: {status.st_size:,} bytes")
            data = file.read()
    except (OSError, ValueError, MemoryError) as error:
        raise UnreadablePhoto(reason_for(error, b"")) from error
    if not data:
        raise UnreadablePhoto("the file is empty")
    if len(data) != status.st_size:
        raise UnreadablePhoto("the file changed while it was read; scan again")
    return data, status.st_mtime


def reason_for(error: BaseException, data: bytes) -> str:
    """Why a photo cannot be read, as one line without the path."""
    if isinstance(error, UnidentifiedImageError):
        return guess_content(data)
    if isinstance(error, MemoryError):
        return "not enough memory to decode it"
    if isinstance(error, FileNotFoundError):
        return "the file is gone"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    words = " ".join("".join(char if char.isprintable() else " " for char in str(error)).split())
    if "truncated" in words.lower() or isinstance(error, EOFError):
        return f"the file is cut short ({words})" if words else "the file is cut short"
    return f"the picture is damaged ({(words or type(error).__name__)[:120]})"


def guess_content(data: bytes) -> str:
    start = data[:512].lstrip().lower()
    if not data.strip(b"\0"):
        return "the file holds nothing but zeros: a copy that failed?"
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page, not a picture"
    if start.startswith(b"%pdf"):
        return "a PDF, not a picture"
    if b"<svg" in start:
        return "an SVG drawing, not a photo"
    return "not a picture, or one too damaged to recognise"


def check_size(size_wh: tuple[int, int], max_pixels: int) -> None:
    width, height = size_wh
    if width < 1 or height < 1:
        raise UnreadablePhoto("the picture has no pixels")
    if width * height > max_pixels:
        raise UnreadablePhoto(too_large(f"{width} x {height}", width * height, max_pixels))


def too_large(what: str, pixels: int, max_pixels: int) -> str:
    return (
        f"{what} is more than the limit of {max_pixels:,} pixels; "
        f"if it really is a photo, allow it with --max-pixels {pixels}"
    )

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
from phototag.reading.formats import RAW_EXTENSIONS, SNIFFED_BYTES, find_unread, sniff
from phototag.storage.address import is_remote
from phototag.storage.remote import RemoteFile, Status, open_object

# Phones take 200 megapixels and stitched panoramas reach 250; 256 of them are 0.75 GB as RGB.
MAX_PIXELS = 256_000_000


# A file larger than its own pixels at four 16-bit channels, plus room for a video or previews
# inside it, is no photo; of the formats that compress, one byte a pixel is plenty.
BYTES_PER_PIXEL, COMPRESSED_BYTES_PER_PIXEL, ROOM_BYTES = 8, 1, 256 << 20
COMPRESSED = frozenset({"JPEG", "WEBP", "GIF", "AVIF", "HEIF"})
# Larger files are judged by their first bytes before all of them are read.
LARGE_FILE_BYTES, HEAD_BYTES = 16 << 20, 1024 + SNIFFED_BYTES
SPARSE_BYTES, SPARSE_SHARE = 64 << 20, 4  # of a larger file at least a quarter is on the disk
HASHED_BYTES = 1 << 20  # at a time
# What stands before a JPEG's pixels: usually some 20 kB; previews and long packets fill many segments.
HEAD_STEP_BYTES, MOST_HEAD_BYTES, MOST_HEAD_SEGMENTS = 1 << 16, 32 << 20, 10_000


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


_Opened = io.BufferedReader | RemoteFile


def _open_regular(path: str | Path) -> _Opened:
    """Opening a pipe would wait for its writer, opening a device may do anything: look before, and
    again after."""
    if is_remote(path):
        return open_object(str(path))
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
            status = _status_of(file)
            if status.st_size > LARGE_FILE_BYTES:
                _check_large(file, status, str(path), max_pixels)
            data = file.read(status.st_size + 1)  # without a size it would be copied once
    except (OSError, ValueError, MemoryError) as error:
        raise UnreadablePhoto(reason_for(error, b"")) from error
    if not data:
        raise UnreadablePhoto("the file is empty")
    if len(data) != status.st_size:
        raise UnreadablePhoto("the file changed while it was read; scan again")
    return data, status.st_mtime


def read_head(path: str | Path, max_pixels: int) -> tuple[bytes, float]:
    """The bytes of a JPEG up to its compressed pixels, all bytes of any other file; and its modification
    time. Raises UnreadablePhoto."""
    try:
        with _open_regular(path) as file:
            head = file.read(HEAD_STEP_BYTES)
            if head.startswith(b"\xff\xd8\xff"):
                while (end := _pixels_of_jpeg(head)) is None and len(head) < MOST_HEAD_BYTES:
                    if not (more := file.read(len(head))):
                        break
                    head += more
                return head[:end], _status_of(file).st_mtime
    except (OSError, ValueError, MemoryError) as error:
        raise UnreadablePhoto(reason_for(error, b"")) from error
    return read_file(path, max_pixels)


def _status_of(file: _Opened) -> os.stat_result | Status:
    return file.status if isinstance(file, RemoteFile) else os.fstat(file.fileno())


def _pixels_of_jpeg(data: bytes) -> int | None:
    """Where the compressed pixels of a JPEG begin; None where these bytes end before."""
    position = 2
    for _ in range(MOST_HEAD_SEGMENTS):
        if position + 4 > len(data) or data[position] != 0xFF:
            break
        following = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if data[position + 1] == 0xDA:  # the header of the first scan
            return following if following <= len(data) else None
        position = following
    return None if position + 4 > len(data) else len(data)


def _check_large(file: _Opened, status: os.stat_result | Status, path: str, max_pixels: int) -> None:
    """Refuses a large file that cannot be a photo, by its size and its first bytes alone."""
    head = file.read(HEAD_BYTES)
    file.seek(0)
    kind = sniff(head)
    if kind is None and b"\xff\xd8\xff" in head:
        kind = "JPEG"  # behind a few bytes of something else
    if kind is None and path.rpartition(".")[2].lower() not in RAW_EXTENSIONS:
        raise UnreadablePhoto(guess_content(head))
    pixels = max_pixels
    if kind == "PNG":
        pixels = min(pixels, int.from_bytes(head[16:20], "big") * int.from_bytes(head[20:24], "big"))
    each = COMPRESSED_BYTES_PER_PIXEL if kind in COMPRESSED else BYTES_PER_PIXEL
    if status.st_size > pixels * each + ROOM_BYTES:
        raise UnreadablePhoto(f"too large a file for a photo: {status.st_size:,} bytes")
    on_disk = getattr(status, "st_blocks", None)  # of 512 bytes; Windows does not say
    if (
        on_disk is not None
        and status.st_size > SPARSE_BYTES
        and on_disk * 512 * SPARSE_SHARE < status.st_size
    ):
        raise UnreadablePhoto("most of the file was never written: a copy that failed?")


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
    if "unknown pixel mode" in words or "Unsupported BMP" in words:
        return "a rare kind of picture that phototag does not decode"
    return f"the picture is damaged ({(words or type(error).__name__)[:120]})"


def guess_content(data: bytes) -> str:
    start = data[:512].lstrip().lower()
    if not data[:HEAD_BYTES].strip(b"\0") and not data.strip(b"\0"):
        return "the file holds nothing but zeros: a copy that failed?"
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page, not a picture"
    if start.startswith(b"%pdf"):
        return "a PDF, not a picture"
    if b"<svg" in start:
        return "an SVG drawing, not a photo"
    if (kind := find_unread(data[:SNIFFED_BYTES])) is not None:
        return kind
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

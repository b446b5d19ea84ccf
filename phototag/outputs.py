"""Files that phototag writes where a person says: a drawing, a chart, a film, an animation.

Owns one promise: what is there already is replaced only if phototag made it, which a mark inside the file
says (JPEG and GIF comment, PNG text, WebP EXIF, MP4 comment, first line of a text, what weights say).
Nothing is written through a symbolic link, and a file appears under its name only when it is whole.
Standard library alone, but for saving pictures."""

from __future__ import annotations

import csv
import errno
import io
import os
import re
import secrets
import stat
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from phototag.errors import PhototagError, UsageError

if TYPE_CHECKING:
    from PIL import Image

MARK = "Made by phototag"
TEXT_MARK = f"# {MARK}"  # the first line of a text file
_MARK = MARK.encode()
# How our safetensors files begin behind their length: with what a net says of itself.
WEIGHTS_HEADS = tuple(b'{"__metadata__":{"%s":' % key for key in (b"detector", b"calibration", b"emotions"))
PICTURES = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
# The film's index holds some bytes a frame: an hour has one of about 2 MB.
LARGEST_INDEX_BYTES = 64 << 20
# What spreadsheets begin a formula with, also as East Asian keyboards type it, where a cell may begin.
_FORMULA = re.compile("(^|[;\\t\\r\\n])(\\s*)([=+\\-@\uff1d\uff0b\uff0d\uff20])")
_QUOTED_ENDS = "\r\n"  # Python's csv puts cells into quotes that hold a character of its line end


def is_ours(path: Path) -> bool:
    """Whether the file bears phototag's mark where its format keeps such things. A file that cannot be read
    is not ours."""
    try:
        with path.open("rb") as file:
            return _bears_mark(file)
    except OSError:
        return False


def check_output(
    path: Path,
    is_photo: Callable[[str], bool] | None = None,
    *,
    force: bool = False,
    is_ours: Callable[[Path], bool] = is_ours,
) -> Path:
    """Where a file of this name will be written, its folder resolved. `is_photo` says of an absolute path
    whether it is a photo in the catalog: such a file is never written over, not even by `force`, by which
    any other file is but a database. `is_ours` recognises a file of a kind that has no place for the mark.
    Raises PhototagError."""
    folder = Path(os.path.realpath(path.parent))
    if not folder.is_dir():
        raise PhototagError(f"there is no folder {path.parent} to put {path.name} into; make it first")
    target = folder / path.name
    if is_photo is not None and (is_photo(os.path.abspath(path)) or is_photo(str(target))):
        raise PhototagError(
            f"{path} is a photo in the catalog, and photos are never written; choose another name"
        )
    try:
        mode = os.lstat(target).st_mode
    except FileNotFoundError:
        return target
    except OSError as error:
        raise PhototagError(f"cannot write {path}: {reason(error)}; choose another name") from error
    if stat.S_ISLNK(mode):
        raise PhototagError(
            f"{path} is a symbolic link, and nothing is written through one; choose another name"
        )
    if not stat.S_ISREG(mode):
        raise PhototagError(f"{path} is not a file; choose another name")
    if _is_database(target):
        raise PhototagError(
            f"{path} is a database, such as a catalog, and none is written over; choose another name"
        )
    if not force and not is_ours(target):
        raise PhototagError(
            f"{path} is there already and phototag did not make it; choose another name, or add --force"
        )
    return target


def _is_database(path: Path) -> bool:
    """Whether it is an SQLite file, or the log of one that is open: a catalog holds what a person said."""
    name = path.name
    for ending in ("-wal", "-shm", "-journal"):
        if name.endswith(ending) and path.with_name(name.removesuffix(ending)).is_file():
            return True
    try:
        with path.open("rb") as file:
            return file.read(16) == b"SQLite format 3\0"
    except OSError:
        return False


@contextmanager
def replace_file(
    path: Path, *, force: bool = False, is_ours: Callable[[Path], bool] = is_ours
) -> Generator[Path]:
    """Gives the path of an empty temporary file in the same folder, to be filled inside the `with`; leaving
    it well moves that into place. An error, Ctrl-C included, leaves whatever was there before, and nothing
    half made. Raises PhototagError."""
    target = check_output(path, force=force, is_ours=is_ours)
    before = _identity(target)
    temporary = target.with_name(f".phototag-{secrets.token_hex(8)}{target.suffix}")
    try:
        # not tempfile: it makes files that nobody else may read, and these are made to be passed on
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        yield temporary
        # another program may have put a file there meanwhile, for which nobody's --force was meant
        check_output(path, force=force and _identity(target) == before, is_ours=is_ours)
        os.replace(temporary, target)
    except OSError as error:
        raise PhototagError(f"cannot write {path}: {reason(error)}. Nothing half made is left") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _identity(path: Path) -> tuple[int, ...] | None:
    """Tells a file from another one, or from itself before it was written to; None where there is none."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def save_picture(picture: Image.Image, path: Path, *, quality: int = 90, force: bool = False) -> None:
    """Save a picture of our own with the mark in it, as the name says: .jpg, .png or .webp. Raises
    UsageError for other names, PhototagError where it cannot be written."""
    kind = picture_kind(path)
    with replace_file(path, force=force) as temporary:
        picture.save(temporary, kind, quality=quality, **mark_options(kind))


def picture_kind(path: Path) -> str:
    """Pillow's name of the format. Raises UsageError where it is not one that can bear the mark."""
    kind = PICTURES.get(path.suffix.lower())
    if kind is None:
        raise UsageError(f"{path}: pictures are written as .jpg, .png or .webp; name such a file")
    return kind


def mark_options(kind: str) -> dict[str, Any]:
    """What to give Pillow's `save` so that the file bears the mark."""
    from PIL import Image, PngImagePlugin

    if kind == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", MARK)
        return {"pnginfo": text}
    if kind == "WEBP":
        exif = Image.Exif()
        exif[0x0131] = MARK  # Software
        return {"exif": exif.tobytes()}
    return {"comment": _MARK}  # JPEG and GIF


def _bears_mark(file: BinaryIO) -> bool:
    head = file.read(12)
    if head.startswith(b"\xff\xd8"):
        return _jpeg_comment(file)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png_text(file)
    if head.startswith(b"GIF8"):
        file.seek(0)
        return b"!\xfe" + bytes([len(_MARK)]) + _MARK in file.read(65536)
    if head.startswith(b"RIFF") and head[8:] == b"WEBP":
        return _webp_exif(file)
    if head.startswith(b"# "):
        file.seek(0)
        return file.readline(200).rstrip() == TEXT_MARK.encode()
    if head[4:8] == b"ftyp":
        return _mp4_comment(file, os.fstat(file.fileno()).st_size)
    if head[8:9] == b"{":
        file.seek(8)
        return file.read(200).startswith(WEIGHTS_HEADS)
    return False


def _jpeg_comment(file: BinaryIO) -> bool:
    file.seek(2)
    while len(head := file.read(4)) == 4 and head[0] == 0xFF and head[1] not in (0xD9, 0xDA):
        length = int.from_bytes(head[2:], "big")
        if head[1] == 0xFE and file.read(len(_MARK)) == _MARK:
            return True
        file.seek(length - 2 - (len(_MARK) if head[1] == 0xFE else 0), os.SEEK_CUR)
    return False


def _png_text(file: BinaryIO) -> bool:
    file.seek(8)
    while len(head := file.read(8)) == 8 and head[4:] != b"IDAT":
        length = int.from_bytes(head[:4], "big")
        wanted = b"Comment\0" + _MARK
        if head[4:] == b"tEXt" and length == len(wanted):
            return bool(file.read(length) == wanted)
        file.seek(length + 4, os.SEEK_CUR)
    return False


def _webp_exif(file: BinaryIO) -> bool:
    file.seek(12)
    while len(head := file.read(8)) == 8:
        length = int.from_bytes(head[4:], "little")
        if head[:4] == b"EXIF":
            return _MARK in file.read(min(length, 65536))
        file.seek(length + length % 2, os.SEEK_CUR)
    return False


def _mp4_comment(file: BinaryIO, size_bytes: int) -> bool:
    file.seek(0)
    while len(head := file.read(8)) == 8:
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(file.read(8), "big") - 8
        if head[4:] == b"moov":
            index = file.read(min(length - 8, LARGEST_INDEX_BYTES))
            place = index.find(b"\xa9cmt")
            return place >= 0 and _MARK in index[place : place + 32 + len(_MARK)]
        if length < 8 or length > size_bytes:
            return False
        file.seek(length - 8, os.SEEK_CUR)
    return False


def csv_line(cells: Iterable[object]) -> str:
    """One line of a table for spreadsheets, with its end. No text in a cell is a formula, or begins a
    line of its own: a lone carriage return does in spreadsheets, wherever it is not in quotes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=_QUOTED_ENDS)
    writer.writerow([csv_cell(cell) if isinstance(cell, str) else cell for cell in cells])
    return text.getvalue().removesuffix(_QUOTED_ENDS) + "\n"


def csv_cell(text: str) -> str:
    """A cell that begins like a formula is run by spreadsheets; a leading apostrophe makes it text there.
    Where they take semicolons or tabs for the ends of cells, as in most of Europe, what follows one begins a
    cell too, and so does what follows a line end."""
    text = _FORMULA.sub(r"\1\2'\3", text)
    return "'" + text if text[:1] in ("\t", "\r", "\n") else text


def make_private_folder(folder: Path) -> None:
    """Make the folder, and those above it that are missing, for this user alone: `mkdir(parents=True)` gives
    its mode to the last one only. One that is there stays as it is. Raises OSError."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


def reason(error: OSError) -> str:
    """Why it could not be written, in words."""
    return "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)

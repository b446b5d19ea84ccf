"""Which file is a photo's sidecar, and how it is replaced: whole or not at all, and never over what
another program has written meanwhile."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from phototag.metadata.xmp import MAX_BYTES
from phototag.reading.formats import HEIC_EXTENSIONS, PILLOW_EXTENSIONS, RAW_EXTENSIONS

Style = Literal["ext", "stem"]  # photo.jpg.xmp, or photo.xmp
ENDING = ".xmp"
PHOTO_EXTENSIONS = PILLOW_EXTENSIONS | HEIC_EXTENSIONS | RAW_EXTENSIONS


class SidecarError(Exception):
    """A sidecar that was left as it is; the message says why."""


@dataclass(frozen=True, slots=True)
class SidecarState:
    """A sidecar as it was read. `data` is None where there is none."""

    data: bytes | None
    size_bytes: int = 0
    mtime_ns: int = 0
    mode: int | None = None


def choose_sidecar(
    photo_name: str, style: Style | None, names: Collection[str], same_stem: Collection[str]
) -> str:
    """The name of a photo's sidecar in a folder that holds these `names`; `same_stem`: the photos whose
    names differ in nothing but their endings, this one included.

    Where no style is asked for, a photo.xmp that is there is used, and else photo.jpg.xmp; `stem` asks
    for photo.xmp. A photo.xmp belongs to the only photo of that stem, or to the only RAW among them,
    which is what Lightroom means by it. Raises SidecarError where `stem` would give two photos one file."""
    stem = _stem(photo_name)
    by_stem, by_name = _existing(stem + ENDING, names), _existing(photo_name + ENDING, names)
    if style == "stem":
        if others := set(same_stem) - {photo_name}:
            raise SidecarError(
                f"{stem}{ENDING} would belong to {', '.join(sorted(others))} too; use --sidecar-style ext"
            )
        return by_stem or stem + ENDING
    if style is None and by_stem and _owns_stem(photo_name, same_stem):
        return by_stem
    return by_name or photo_name + ENDING


def find_sidecars(photo_name: str, names: Collection[str], same_stem: Collection[str]) -> list[str]:
    """All that are the photo's: photo.jpg.xmp, and a photo.xmp that belongs to it."""
    found = [_existing(photo_name + ENDING, names)]
    if _owns_stem(photo_name, same_stem):
        found.append(_existing(_stem(photo_name) + ENDING, names))
    return list(dict.fromkeys(name for name in found if name))


def _owns_stem(photo_name: str, same_stem: Collection[str]) -> bool:
    raws = {name for name in same_stem if _ending(name) in RAW_EXTENSIONS}
    return (raws if len(raws) == 1 else set(same_stem)) <= {photo_name}


def read_sidecar(path: str) -> SidecarState:
    """Raises SidecarError for what is no plain file, is too long, or cannot be read."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        before = os.lstat(path)
        if stat.S_ISLNK(before.st_mode):
            raise SidecarError("it is a symbolic link, and nothing is written through one")
        if not stat.S_ISREG(before.st_mode):
            raise SidecarError("it is not a file")
        if before.st_size > MAX_BYTES:
            raise SidecarError(f"it is larger than {MAX_BYTES:,} bytes")
        with open(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb") as file:
            status = os.fstat(file.fileno())
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return SidecarState(None)
    except OSError as error:
        raise SidecarError(f"it cannot be read: {_reason(error)}") from error
    return SidecarState(data, status.st_size, status.st_mtime_ns, stat.S_IMODE(status.st_mode))


def replace_sidecar(path: str, data: bytes | None, read: SidecarState) -> None:
    """Put `data` in the sidecar's place, or remove it where that is None, if it still is as it was `read`.
    The rights of the old file stay. Whatever goes wrong, Ctrl-C and a full disk included, leaves the
    old file, and nothing half made. Raises SidecarError."""
    temporary = os.path.join(os.path.dirname(path), f".phototag-{secrets.token_hex(8)}{ENDING}")
    try:
        if data is None:
            _check_unchanged(path, read)
            os.unlink(path)
        else:
            _write_whole(temporary, data, read.mode)
            _check_unchanged(path, read)
            os.replace(temporary, path)
    except OSError as error:
        raise SidecarError(f"it cannot be written: {_reason(error)}") from error
    finally:
        with suppress(OSError):
            os.unlink(temporary)


def _write_whole(path: str, data: bytes, mode: int | None) -> None:
    """On the disk when this returns, so that a power failure leaves the old file or the new one. Made
    as any new file of the user's; an old file's rights are kept."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags, 0o666), "wb") as file:
        file.write(data)
        file.flush()
        if mode is not None:
            os.chmod(path, mode)
        os.fsync(file.fileno())


def _check_unchanged(path: str, read: SidecarState) -> None:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        status = None
    if read.data is None:
        is_same = status is None
    else:
        is_same = status is not None and (status.st_size, status.st_mtime_ns) == (
            read.size_bytes,
            read.mtime_ns,
        )
    if not is_same:
        raise SidecarError("another program has written it meanwhile; export again")


def _existing(name: str, names: Collection[str]) -> str | None:
    """The file of this name; one whose ending is written .XMP is as good."""
    if name in names:
        return name
    stem = name.removesuffix(ENDING)
    return next((one for one in (stem + ".XMP", stem + ".Xmp") if one in names), None)


def _stem(name: str) -> str:
    return os.path.splitext(name)[0]


def refuse_links(folder: str, base: str) -> None:
    """Raises SidecarError where a step from `base` down to a folder in it is a symbolic link, which may lead
    out of there."""
    below = os.path.relpath(folder, base)
    step = base
    for part in below.split(os.sep) if below != os.curdir else ():
        step = os.path.join(step, part)
        if os.path.islink(step):
            raise SidecarError(f"{step} is a symbolic link, and nothing is written through one")


class Folder:
    """What a folder holds, looked up once."""

    def __init__(self, path: str) -> None:
        """A folder that is not there holds nothing. Raises SidecarError where it cannot be listed."""
        self.path = path
        try:
            self.names = set(os.listdir(path))
        except FileNotFoundError:
            self.names = set()
        except OSError as error:
            raise SidecarError(f"{path} cannot be listed: {_reason(error)}") from error
        self._photos: dict[str, set[str]] = {}
        for name in self.names:
            if _ending(name) in PHOTO_EXTENSIONS:
                self._photos.setdefault(_stem(name).casefold(), set()).add(name)

    def same_stem(self, photo_name: str) -> set[str]:
        """The photos whose names differ from this one in nothing but the ending, and itself."""
        return self._photos.get(_stem(photo_name).casefold(), set()) | {photo_name}


def _ending(name: str) -> str:
    return os.path.splitext(name)[1][1:].lower()


def _reason(error: OSError) -> str:
    return "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)

"""How photos on remote storage are named: s3://bucket/folder/photo.jpg. Pure; standard library only.

Such an address stands wherever the absolute path of a local file can: parts lie between slashes, so
that it can be taken apart as a path is. No absolute local path holds '://'."""

from __future__ import annotations

import os
import re
from itertools import takewhile
from pathlib import Path

from phototag.errors import UsageError

# Schemes that phototag reads -> (the module that reads them, what to install for it).
SCHEMES = {
    "s3": ("s3fs", "phototag[remote]"),
    "gs": ("gcsfs", "gcsfs"),
    "az": ("adlfs", "adlfs"),
    "abfs": ("adlfs", "adlfs"),
    "sftp": ("paramiko", "fsspec paramiko"),
    "smb": ("smbprotocol", "fsspec smbprotocol"),
}

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/]*)(.*)", re.DOTALL)
_COLLAPSED = re.compile(rf"({'|'.join(SCHEMES)}|file):/[^/]")  # what pathlib makes of an address


def is_remote(path: str | Path) -> bool:
    """Whether an absolute path, as `absolute` gives it, is an address on remote storage."""
    return "://" in str(path)


def absolute(path: str | Path) -> str:
    """The absolute path of a local file, or an address in its one form, without slashes at its end;
    file:// is a local file. Raises UsageError for an address that phototag does not read."""
    text = os.fspath(path)
    if isinstance(path, Path) and _COLLAPSED.match(text):
        raise UsageError(f"{text}: give an address as a text, since a Path takes one of its slashes")
    if (found := _ADDRESS.fullmatch(text)) is None:
        return os.path.abspath(text)
    scheme, storage, below = found[1].lower(), found[2], found[3].rstrip("/")
    if scheme == "file":
        if storage not in ("", "localhost"):
            raise UsageError(f"{text}: a file on another machine; mount its folder and name that")
        return os.path.abspath(below or "/")
    if scheme not in SCHEMES:
        known = ", ".join(f"{name}://" for name in SCHEMES)
        raise UsageError(f"phototag does not read {scheme}://; it reads folders, and {known}")
    user, at, _ = storage.rpartition("@")
    if ":" in user or (at and scheme == "s3"):  # never repeated: it may be a password
        raise UsageError(
            f"The {scheme}:// address holds a key or a password, which others could read. Leave it out, and "
            "give it as the storage's own programs take it: for s3://, in ~/.aws/credentials"
        )
    if not storage or "::" in storage:
        raise UsageError(f"{text} names no storage; type for example: s3://BUCKET/FOLDER")
    parts = below.split("/")[1:]
    if not all(map(is_name, parts)):
        raise UsageError(f"{text}: '', '.' and '..' cannot be parts of an address")
    return "/".join((f"{scheme}://{storage}", *parts))


def common_address(one: str, other: str) -> str | None:
    """The deepest folder in which two addresses lie; None where one is of another storage, or local."""
    pairs = zip(one.split("/"), other.split("/"), strict=False)
    parts = [part for part, _ in takewhile(_is_same, pairs)]
    return "/".join(parts) if len(parts) >= 3 and is_remote(one) else None


def _is_same(pair: tuple[str, str]) -> bool:
    return pair[0] == pair[1]


def is_name(part: str) -> bool:
    """Whether this can be a part of a path. Keys of objects may be anything: '../x', 'a//b'."""
    try:
        os.fsencode(part)
    except UnicodeEncodeError:
        return False
    return part not in ("", ".", "..") and "/" not in part and "\0" not in part

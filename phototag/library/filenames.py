"""File names as SQLite text, and back: every name survives, also one that is not UTF-8.

SQLite's text is Unicode; a file name is bytes. A byte that is not UTF-8 (Python shows it as a surrogate) is stored as one
character of Unicode's private use: 0xE9 as U+10F7E9. A name that really contains such a character has its bytes stored
that way too, so nothing is ambiguous. What is stored stays text: it sorts, is unique, and LIKE finds the rest of it.
"""

from __future__ import annotations

import os
import re

_BYTE = 0x10F700  # U+10F780 to U+10F7FF stand for the bytes 0x80 to 0xFF; ASCII is always valid
_UNSTORABLE = re.compile("[\ud800-\udfff\U0010f780-\U0010f7ff]")
_STORED_BYTE = re.compile("[\U0010f780-\U0010f7ff]")


def to_text(path: str) -> str:
    """How a path, as os.fsdecode gives it, is stored."""
    if path.isascii() or not _UNSTORABLE.search(path):
        return path
    text = os.fsencode(path).decode("utf-8", "surrogateescape")
    text = _STORED_BYTE.sub(lambda found: found[0].encode().decode("ascii", "surrogateescape"), text)
    return "".join(chr(_BYTE + ord(char) - 0xDC00) if "\udc80" <= char <= "\udcff" else char for char in text)


def to_path(text: str) -> str:
    """The path that was stored as `text`."""
    if text.isascii() or not _STORED_BYTE.search(text):
        return text
    parts = (bytes([ord(char) - _BYTE]) if _STORED_BYTE.match(char) else char.encode() for char in text)
    return os.fsdecode(b"".join(parts))


def under(folder: str, path: str) -> str | None:
    """`path` relative to `folder` with `/` between its parts; '' for the folder itself, None outside it. Both absolute."""
    if path == folder:
        return ""
    inside = folder if folder.endswith(os.sep) else folder + os.sep
    return path[len(inside) :].replace(os.sep, "/") if path.startswith(inside) else None


def join(folder: str, path: str) -> str:
    """The absolute path of what `under` gave."""
    if not path:
        return folder
    inside = folder if folder.endswith(os.sep) else folder + os.sep
    return inside + (path if os.sep == "/" else path.replace("/", os.sep))

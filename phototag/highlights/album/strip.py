"""Copies of photos to be passed on: without place, maker notes, serial numbers, previews, comments and
whatever else a file may carry. What is kept is listed, not what is dropped. JPEG and PNG keep their pixels
to the bit; other formats are saved anew as JPEG."""

from __future__ import annotations

import io
import re
import warnings

from phototag.errors import UnreadablePhoto
from phototag.highlights.chosen import gone
from phototag.records import Photo

# EXIF that says nothing of where or who, by folder: orientation, maker, model, copyright; date and exposure.
KEPT_TOP = (0x0112, 0x010F, 0x0110, 0x8298)
KEPT_INNER = (0x9003, 0x9011, 0x829A, 0x829D, 0x8827, 0x920A, 0xA405)
INNER_FOLDER = 0x8769
# JPEG: JFIF, colour profile, Adobe's colour transform. PNG: pixels, transparency, colours, animation.
KEPT_SEGMENTS = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
KEPT_CHUNKS = frozenset(
    b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP cICP sBIT pHYs bKGD acTL fcTL fdAT".split()
)
SAME_FORMAT = (".jpg", ".jpeg", ".jpe", ".jfif", ".png")
NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
QUALITY = 95  # where pixels must be compressed anew


def stripped(photo: Photo) -> bytes:
    """The photo's file, stripped. Raises PhototagError where it cannot be read any more."""
    from phototag.reading.files import MAX_PIXELS, read_file

    try:
        data, _ = read_file(photo.path, MAX_PIXELS)
    except UnreadablePhoto as error:
        raise gone(photo, error) from error
    if data.startswith(b"\xff\xd8\xff"):
        return _strip_jpeg(data)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _strip_png(data)
    return _saved_anew(photo)


def extension(extension: str) -> str:
    """What the stripped copy of a file of this extension is called."""
    return extension if extension.lower() in SAME_FORMAT else ".jpg"


def _strip_jpeg(data: bytes) -> bytes:
    kept, exif, position = [b"\xff\xd8"], b"", 2
    while position + 4 <= len(data):
        if data[position] != 0xFF or data[position + 1] == 0xFF:  # padding between segments
            position += 1
            continue
        marker = data[position + 1]
        if marker == 0xD9:
            break
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        segment, body = data[position:end], data[position + 4 : end]
        if marker == 0xE1 and body.startswith(b"Exif\0\0") and not exif:
            exif = body
        elif marker == 0xDA:  # compressed pixels, up to the next marker
            found = NEXT_MARKER.search(data, end)
            end = found.start() if found else len(data)
            kept.append(data[position:end])
        elif (not 0xE0 <= marker <= 0xEF and marker != 0xFE) or (
            marker in KEPT_SEGMENTS and body.startswith(KEPT_SEGMENTS[marker])
        ):
            kept.append(segment)
        position = end
    plain = b"Exif\0\0" + _plain_exif(exif[6:])
    kept.insert(1, b"\xff\xe1" + (len(plain) + 2).to_bytes(2, "big") + plain)
    return b"".join(kept) + b"\xff\xd9"  # what follows may be a film, or a second picture with a place


def _strip_png(data: bytes) -> bytes:
    import zlib

    kept, exif, position = [data[:8]], b"", 8
    while position + 12 <= len(data):
        end = position + 12 + int.from_bytes(data[position : position + 4], "big")
        name = data[position + 4 : position + 8]
        if name in KEPT_CHUNKS:
            kept.append(data[position:end])
        elif name == b"eXIf":
            exif = data[position + 8 : end - 4]
        position = end
    plain = b"eXIf" + _plain_exif(exif)
    kept.insert(2, (len(plain) - 4).to_bytes(4, "big") + plain + zlib.crc32(plain).to_bytes(4, "big"))
    return b"".join(kept)


def _plain_exif(raw: bytes) -> bytes:
    """New EXIF with what is kept of the old; nothing but an empty folder where that cannot be read."""
    from PIL import Image

    old, new = Image.Exif(), Image.Exif()
    try:
        with warnings.catch_warnings(action="ignore"):  # of damage that a person can do nothing about
            if raw:
                old.load(raw)
            inner = old.get_ifd(INNER_FOLDER)
            new.update({tag: old[tag] for tag in KEPT_TOP if tag in old})
            new.get_ifd(INNER_FOLDER).update({tag: inner[tag] for tag in KEPT_INNER if tag in inner})
            made = new.tobytes()
    except Exception:  # hostile bytes may fail in any way, and then say nothing worth keeping
        made = Image.Exif().tobytes()
    return made.removeprefix(b"Exif\0\0")


def _saved_anew(photo: Photo) -> bytes:
    from PIL import Image

    from phototag.highlights.chosen import open_chosen

    data = io.BytesIO()
    side = max(photo.width or 0, photo.height or 0, 1)
    Image.fromarray(open_chosen(photo, side)).save(data, "JPEG", quality=QUALITY, optimize=True)
    return data.getvalue()

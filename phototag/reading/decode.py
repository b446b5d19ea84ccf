"""Opens photos safely: upright, RGB, shrunk to the size the taggers work at, with what the file
says of itself; and reads ahead of the taggers in threads, with bounded memory. A photo is only ever
read. Knows no torch, no SQL, no CLI.

Whatever is in a file, `open_photo` returns pixels or raises `UnreadablePhoto` with one line;
nothing else escapes."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import io
import logging
import re
import warnings
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

# Importing a plugin registers its format. Pillow would look for them on the first picture, in
# whichever thread has it.
from PIL import (
    AvifImagePlugin,  # noqa: F401
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    JpegImagePlugin,  # noqa: F401
    MpoImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)

from phototag.errors import UnreadablePhoto
from phototag.reading import exif, jpeg, raw
from phototag.reading.files import MAX_PIXELS, check_size, read_file, reason_for, too_large
from phototag.reading.formats import HEIC_EXTENSIONS, RAW_EXTENSIONS, is_installed
from phototag.reading.pixels import UPRIGHT, fit_inside, to_averageable, to_rgb
from phototag.records import Exif

# Nothing else is tried, whatever Pillow may know: some of its formats run programs (EPS) or are
# hardly tested.
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF")

# Pillow refuses pictures of more than twice this number while it opens them; some of its formats
# reserve memory already then. Our own, exact limit comes next, before any pixel is decoded.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
# Pillow warns and logs of damaged metadata and the like: nothing that a person at a progress bar can act on.
warnings.filterwarnings("ignore", module=r"(PIL|phototag\.reading)\b")
logging.getLogger("PIL").addHandler(logging.NullHandler())
# libtiff writes to stderr by itself, across the progress bar, unless its handlers are unset.
# Pillow's library brings its symbols along, except where libtiff was linked into it (Windows):
# there it may chatter.
with contextlib.suppress(OSError, AttributeError):
    for _handler in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
        getattr(ctypes.CDLL(Image.core.__file__), _handler)(None)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A photo ready for the taggers. `pixels` is (H, W, 3) uint8 RGB, upright; `width` and `height`
    are the upright photo's own; `content_hash` is the SHA-256 of the file's bytes in hex, of the
    very bytes that were decoded."""

    pixels: np.ndarray[Any, Any]
    width: int
    height: int
    exif: Exif
    content_hash: str


def open_photo(path: str | Path, *, working_side: int, max_pixels: int = MAX_PIXELS) -> Decoded:
    """Read, hash and decode a photo so that its long side is at most `working_side` pixels (it is
    never enlarged). Raises UnreadablePhoto, whose one line does not name the path."""
    data, mtime = read_file(path, max_pixels)
    return _decode(data, str(path), mtime, working_side, max_pixels)


def _decode(
    data: bytes, path: str, mtime: float, working_side: int, max_pixels: int, content_hash: str | None = None
) -> Decoded:
    if max_pixels > (Image.MAX_IMAGE_PIXELS or max_pixels):
        Image.MAX_IMAGE_PIXELS = max_pixels  # for the whole process: Pillow knows no other way
    try:
        extension = path.rpartition(".")[2].lower()
        if extension in RAW_EXTENSIONS and data[:3] != b"\xff\xd8\xff":
            pixels, size_wh, facts = _decode_raw(data, mtime, working_side, max_pixels)
        else:
            with _open(data, path) as image:
                pixels, size_wh, facts = _decode_image(image, data, mtime, working_side, max_pixels)
    except UnreadablePhoto:
        raise
    except Image.DecompressionBombError as error:
        found = re.search(r"\d+", str(error))
        pixels = int(found[0]) if found else 0
        raise UnreadablePhoto(too_large(f"its size of {pixels:,}", pixels, max_pixels)) from error
    # a decoder meets hostile bytes: it may fail in any way, and only this photo is lost
    except Exception as error:
        raise UnreadablePhoto(reason_for(error, data)) from error
    return Decoded(pixels, *size_wh, facts, content_hash or hashlib.sha256(data).hexdigest())


def _open(data: bytes, path: str) -> Image.Image:
    brands = data[8 : min(int.from_bytes(data[:4], "big"), 256)] if data[4:8] == b"ftyp" else b""
    if brands and b"avif" not in brands and b"avis" not in brands:
        if is_installed("heic"):
            _register_heic()
            return Image.open(io.BytesIO(data), formats=(*FORMATS, "HEIF"))
        if path.rpartition(".")[2].lower() in HEIC_EXTENSIONS or brands[:3] in (b"hei", b"mif", b"msf"):
            raise UnreadablePhoto("a HEIC photo needs one more package: pip install 'phototag[heic]'")
    return Image.open(io.BytesIO(data), formats=FORMATS)


@lru_cache(maxsize=1)
def _register_heic() -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()


def _decode_image(
    image: Image.Image, data: bytes, mtime: float | None, working_side: int, max_pixels: int
) -> tuple[np.ndarray[Any, Any], tuple[int, int], Exif]:
    check_size(image.size, max_pixels)
    facts = exif.parse_exif(_raw_exif(image), mtime)
    width, height = image.size
    target = fit_inside(image.size, working_side)
    image.draft(None, target)  # JPEG: decode at 1/2, 1/4 or 1/8 of the size, never below the target
    image.load()
    if image.format in ("JPEG", "MPO") and jpeg.jpeg_ends_early(image, data):
        raise UnreadablePhoto("the file is cut short: its picture ends before the bottom")
    if image.format == "PNG" and not jpeg.png_is_intact(data):
        raise UnreadablePhoto("the picture is damaged (wrong checksum)")
    # TIFF, AVIF and HEIC are turned by their decoders, which then drop the tag.
    still_to_turn = UPRIGHT.get(exif.orientation(_raw_exif(image) or {}))
    image = to_rgb(to_averageable(image), target)
    if still_to_turn is not None:
        image = image.transpose(still_to_turn)
        if facts.orientation >= 5:
            width, height = height, width
    return np.array(image), (width, height), facts


def _raw_exif(image: Image.Image) -> Image.Exif | None:
    try:
        return image.getexif()
    except Exception:  # damaged EXIF costs the EXIF, not the picture
        return None


def _decode_raw(
    data: bytes, mtime: float, working_side: int, max_pixels: int
) -> tuple[np.ndarray[Any, Any], tuple[int, int], Exif]:
    developed = raw.develop(data, working_side, max_pixels)
    facts = exif.parse_exif(developed.exif, mtime)
    if developed.preview is None:
        half = Image.fromarray(developed.half_size_pixels)
        pixels = np.array(to_rgb(half, fit_inside(half.size, working_side)))
    else:
        with Image.open(io.BytesIO(developed.preview), formats=("JPEG",)) as image:
            of_preview = exif.parse_exif(_raw_exif(image), mtime)
            pixels, _, _ = _decode_image(image, developed.preview, mtime, working_side, max_pixels)
            if facts.taken_from != "exif":
                facts = of_preview
            still_to_turn = of_preview.orientation == 1 and developed.lies_as_the_sensor(image.size)
        if still_to_turn and developed.orientation != 1:
            pixels = np.array(Image.fromarray(pixels).transpose(UPRIGHT[developed.orientation]))
    return pixels, developed.upright_wh, replace(facts, orientation=developed.orientation)

"""Opens photos safely: upright, RGB, shrunk to the size the taggers work at, with what the file says of itself; and
reads ahead of the taggers in threads, with bounded memory. A photo is only ever read. Knows no torch, no SQL, no CLI.

Whatever is in a file, `open_photo` returns pixels or raises `UnreadablePhoto` with one line; nothing else escapes.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import io
import logging
import os
import re
import stat
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

# Importing a plugin registers its format. Pillow would look for them on the first picture, in whichever thread has it.
from PIL import (
    AvifImagePlugin,  # noqa: F401
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    ImageCms,
    JpegImagePlugin,  # noqa: F401
    MpoImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)

from phototag.errors import UnreadablePhoto
from phototag.reading import exif, jpeg
from phototag.reading.formats import HEIC_EXTENSIONS, RAW_EXTENSIONS, is_installed
from phototag.reading.progressive import without_last_bit
from phototag.reading.walk import full_path
from phototag.records import Exif, Frame, Job, PhotoFacts, Unreadable

# Nothing else is tried, whatever Pillow may know: some of its formats run programs (EPS) or are hardly tested.
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF")
# Phones take 200 megapixels and stitched panoramas reach 250; 256 of them are 0.75 GB as RGB.
MAX_PIXELS = 256_000_000
# A file larger than its own pixels at four 16-bit channels, plus room for a video or previews inside it, is no photo.
BYTES_PER_PIXEL, ROOM_BYTES = 8, 256 * 1024 * 1024
# Hamming weighs half as many pixels as bicubic. After DCT scaling to 1.3 times the size and more it is 39 dB or better against
# a full decode (bicubic 44); at 1.125 times it blurs, with 34 dB, what bicubic keeps, with 38. (tests/benchmarks: decode)
RESAMPLE, RESAMPLE_LITTLE, LITTLE = Image.Resampling.HAMMING, Image.Resampling.BICUBIC, 1.25
# Formats without DCT scaling average whole blocks of pixels down to three times the size first: as good, and faster.
REDUCING_GAP = 3.0
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
LIBRAW_FLIPS = {3: 3, 5: 8, 6: 6}  # LibRaw's name for a turn -> EXIF's

# Pillow refuses pictures of more than twice this number while it opens them; some of its formats reserve memory already
# then. Our own, exact limit comes next, before any pixel is decoded.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
# Pillow warns and logs of damaged metadata and the like: nothing that a person at a progress bar can act on.
warnings.filterwarnings("ignore", module=r"(PIL|phototag\.reading)\b")
logging.getLogger("PIL").addHandler(logging.NullHandler())
# libtiff writes to stderr by itself, across the progress bar, unless its handlers are unset. Pillow's library brings
# its symbols along, except where libtiff was linked into it (Windows): there it may chatter.
with contextlib.suppress(OSError, AttributeError):
    for _handler in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
        getattr(ctypes.CDLL(Image.core.__file__), _handler)(None)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A photo ready for the taggers. `pixels` is (H, W, 3) uint8 RGB, upright; `width` and `height` are the upright
    photo's own; `content_hash` is the SHA-256 of the file's bytes in hex, of the very bytes that were decoded."""

    pixels: np.ndarray[Any, Any]
    width: int
    height: int
    exif: Exif
    content_hash: str


def open_photo(path: str | Path, *, working_side: int, max_pixels: int = MAX_PIXELS) -> Decoded:
    """Read, hash and decode a photo so that its long side is at most `working_side` pixels (it is never enlarged).
    Raises UnreadablePhoto, whose one line does not name the path."""
    data, mtime = _read(path, max_pixels)
    return _decode(data, str(path), mtime, working_side, max_pixels)


def read_exif(path: str | Path) -> Exif:
    """What the file says of itself, without decoding pixels. Raises UnreadablePhoto."""
    data, mtime = _read(path, MAX_PIXELS)
    try:
        with _open(data, str(path)) as image:
            return exif.understand(_raw_exif(image), mtime)
    except Exception as error:
        raise UnreadablePhoto(_reason(error, data)) from error


def hash_file(path: str | Path) -> str:
    """SHA-256 of the file's bytes in hex, without holding them in memory. Raises UnreadablePhoto."""
    try:
        with _open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UnreadablePhoto(_reason(error, b"")) from error


def frames(
    jobs: Iterable[Job], *, workers: int, ahead: int, working_side: int, max_pixels: int = MAX_PIXELS
) -> Iterator[tuple[Job, PhotoFacts, Frame | Unreadable]]:
    """Decode the photos of `jobs` in `workers` threads, at most `ahead` of them before they are asked for, and yield
    them in the order of the jobs. `jobs` is advanced only in the caller's thread. Closing the generator, or an
    exception such as KeyboardInterrupt, drops what is not yet begun and waits for the photos in hand."""
    waiting: deque[tuple[Job, Future[tuple[PhotoFacts, Frame | Unreadable]]]] = deque()
    pool = ThreadPoolExecutor(max(workers, 1), thread_name_prefix="decode")
    try:
        for job in jobs:
            waiting.append((job, pool.submit(_frame, job, working_side, max_pixels)))
            if len(waiting) >= max(ahead, 1):
                job, future = waiting.popleft()
                yield job, *future.result()
        while waiting:
            job, future = waiting.popleft()
            yield job, *future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _frame(job: Job, working_side: int, max_pixels: int) -> tuple[PhotoFacts, Frame | Unreadable]:
    content_hash = mtime = None
    try:
        path = full_path(job.file)
        data, mtime = _read(path, max_pixels)
        content_hash = hashlib.sha256(data).hexdigest()
        photo = _decode(data, path, mtime, working_side, max_pixels, content_hash)
    except (UnreadablePhoto, ValueError) as error:
        facts = PhotoFacts(job.photo_id, content_hash, exif=exif.understand(None, mtime))
        return facts, Unreadable(job.photo_id, str(error))
    facts = PhotoFacts(job.photo_id, content_hash, photo.width, photo.height, photo.exif)
    return facts, Frame(job.photo_id, photo.pixels, photo.width, photo.height, job.answers, photo.exif)


# Reading


def _open_regular(path: str | Path) -> io.BufferedReader:
    """Opening a pipe would wait for its writer, opening a device may do anything: look before, and again after."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(None, "not a regular file")
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(None, "not a regular file")
    return os.fdopen(descriptor, "rb")


def _read(path: str | Path, max_pixels: int) -> tuple[bytes, float]:
    """All bytes of the file, and its modification time."""
    try:
        with _open_regular(path) as file:
            status = os.fstat(file.fileno())
            if status.st_size > max_pixels * BYTES_PER_PIXEL + ROOM_BYTES:
                raise UnreadablePhoto(f"too large a file for a photo: {status.st_size:,} bytes")
            data = file.read()
    except (OSError, ValueError, MemoryError) as error:
        raise UnreadablePhoto(_reason(error, b"")) from error
    if not data:
        raise UnreadablePhoto("the file is empty")
    if len(data) != status.st_size:
        raise UnreadablePhoto("the file changed while it was read; scan again")
    return data, status.st_mtime


# Decoding


def _decode(data: bytes, path: str, mtime: float, working_side: int, max_pixels: int, content_hash: str | None = None) -> Decoded:
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
        raise UnreadablePhoto(_too_large(f"its size of {pixels:,}", pixels, max_pixels)) from error
    except Exception as error:  # a decoder meets hostile bytes: it may fail in any way, and only this photo is lost
        raise UnreadablePhoto(_reason(error, data)) from error
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
    _check_size(image.size, max_pixels)
    facts = exif.understand(_raw_exif(image), mtime)
    width, height = image.size
    target = _shrunk(image.size, working_side)
    image.draft(None, target)  # JPEG: decode at 1/2, 1/4 or 1/8 of the size, never below the target
    less = without_last_bit(image, data) if image.size != (width, height) else None
    if less:
        image = Image.open(less, formats=("JPEG",))
        image.draft(None, target)
    image.load()
    if image.format in ("JPEG", "MPO") and jpeg.jpeg_ends_early(image, less.getvalue() if less else data):
        raise UnreadablePhoto("the file is cut short: its picture ends before the bottom")
    if image.format == "PNG" and not jpeg.png_is_intact(data):
        raise UnreadablePhoto("the picture is damaged (wrong checksum)")
    # TIFF, AVIF and HEIC are turned by their decoders, which then drop the tag.
    still_to_turn = UPRIGHT.get(exif.orientation(_raw_exif(image) or {}))
    image = _to_rgb(_resizable(image), target)
    if still_to_turn is not None:
        image = image.transpose(still_to_turn)
        if facts.orientation >= 5:
            width, height = height, width
    return np.array(image), (width, height), facts


def _check_size(size_wh: tuple[int, int], max_pixels: int) -> None:
    width, height = size_wh
    if width < 1 or height < 1:
        raise UnreadablePhoto("the picture has no pixels")
    if width * height > max_pixels:
        raise UnreadablePhoto(_too_large(f"{width} x {height}", width * height, max_pixels))


def _too_large(what: str, pixels: int, max_pixels: int) -> str:
    return f"{what} is more than the limit of {max_pixels:,} pixels; if it really is a photo, allow it with --max-pixels {pixels}"


def _shrunk(size_wh: tuple[int, int], long_side: int) -> tuple[int, int]:
    scale = min(1.0, long_side / max(size_wh))
    return max(1, round(size_wh[0] * scale)), max(1, round(size_wh[1] * scale))


def _raw_exif(image: Image.Image) -> Image.Exif | None:
    try:
        return image.getexif()
    except Exception:  # damaged EXIF costs the EXIF, not the picture
        return None


def _resizable(image: Image.Image) -> Image.Image:
    """The same picture in a mode whose pixels can be averaged: not palette indices, not single bits, not 16 bits."""
    if image.mode == "F" or image.mode.startswith("I"):
        return _to_8_bit(image)
    if image.has_transparency_data and image.mode not in ("LA", "RGBA"):
        return image.convert("RGBA")
    if image.mode in ("1", "P"):
        return image.convert("L" if image.mode == "1" else "RGB")
    return image


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Scale by the range that the numbers plainly belong to: 0 to 1 (floats), 8 bits, 16 bits, or their own."""
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        low, high = 0.0, 65535.0
    else:
        values = np.nan_to_num(values.astype(np.float32), posinf=0.0, neginf=0.0)
        low, largest = min(float(values.min()), 0.0), float(values.max())
        ranges = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
        high = next((top for top in ranges if low == 0 and largest <= top), largest)
    scaled = (values.astype(np.float32) - low) * (255.0 / max(high - low, np.finfo(np.float32).tiny))
    return Image.fromarray(np.clip(scaled + 0.5, 0, 255).astype(np.uint8))


def _to_rgb(image: Image.Image, size_wh: tuple[int, int]) -> Image.Image:
    """Shrink first: colours of fewer pixels have to be converted. Transparent parts become white, as on paper."""
    profile = image.info.get("icc_profile")
    if image.size != size_wh:
        little = max(image.size) < LITTLE * max(size_wh)
        image = image.resize(size_wh, RESAMPLE_LITTLE if little else RESAMPLE, reducing_gap=REDUCING_GAP)
    if image.mode in ("LA", "RGBA"):
        paper = Image.new("RGBA", image.size, "white")
        grey = image.mode == "LA"
        image = Image.alpha_composite(paper, image.convert("RGBA")).convert("L" if grey else "RGB")
    transform = _to_srgb(profile if isinstance(profile, bytes) else b"", image.mode)
    if transform is not None:
        return ImageCms.applyTransform(image, transform) or image
    return image if image.mode == "RGB" else image.convert("RGB")


@lru_cache(maxsize=16)  # a library's photos come from a handful of cameras and programs
def _to_srgb(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """How to bring the colours of an embedded ICC profile to sRGB; None where they are sRGB already, or the profile
    is absent, damaged or made for other channels: then the plain conversion is the best guess there is."""
    try:
        if mode == "LAB":
            source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        elif profile:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "srgb" in ImageCms.getProfileDescription(source).lower():
                return None
        else:
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except Exception:
        return None


# RAW


def _decode_raw(
    data: bytes, mtime: float, working_side: int, max_pixels: int
) -> tuple[np.ndarray[Any, Any], tuple[int, int], Exif]:
    """The JPEG inside a RAW file where it is large enough: it has the camera's own colours and costs a hundredth.
    Otherwise the sensor's data at half size."""
    if not is_installed("raw"):
        raise UnreadablePhoto("a RAW photo needs one more package: pip install 'phototag[raw]'")
    import rawpy

    facts = exif.understand(_exif_of_raw(data), mtime)
    with rawpy.imread(io.BytesIO(data)) as raw:
        size_wh = raw.sizes.width, raw.sizes.height
        _check_size(size_wh, max_pixels)
        turn = LIBRAW_FLIPS.get(raw.sizes.flip, 1)
        upright_wh = size_wh[::-1] if turn >= 5 else size_wh
        preview = _preview(raw, min(working_side, max(size_wh)))
        if preview is not None:
            with Image.open(io.BytesIO(preview), formats=("JPEG",)) as image:
                inner = exif.understand(_raw_exif(image), mtime)
                if facts.taken_from != "exif":
                    facts = inner
                pixels, _, _ = _decode_image(image, preview, mtime, working_side, max_pixels)
                lies_as_the_sensor = (image.width < image.height) == (size_wh[0] < size_wh[1])
                if inner.orientation == 1 and turn != 1 and lies_as_the_sensor:
                    pixels = np.array(Image.fromarray(pixels).transpose(UPRIGHT[turn]))
        else:
            half = Image.fromarray(raw.postprocess(half_size=True, use_camera_wb=True, output_bps=8))
            pixels = np.array(_to_rgb(half, _shrunk(half.size, working_side)))
    return pixels, upright_wh, replace(facts, orientation=turn)


def _preview(raw: Any, smallest_side: int) -> bytes | None:
    import rawpy

    try:
        thumbnail = raw.extract_thumb()
        if thumbnail.format != rawpy.ThumbFormat.JPEG:
            return None
        with Image.open(io.BytesIO(thumbnail.data), formats=("JPEG",)) as image:
            return thumbnail.data if max(image.size) >= smallest_side else None
    except Exception:  # no preview, or one that cannot be read: there is still the sensor's data
        return None


def _exif_of_raw(data: bytes) -> Image.Exif | None:
    """Most RAW formats are TIFF files, some under a maker's own magic number; others keep EXIF in their preview."""
    if data[:2] not in (b"II", b"MM"):
        return None
    found = Image.Exif()
    try:
        found.load(b"Exif\0\0" + data[:2] + (b"*\0" if data[:2] == b"II" else b"\0*") + data[4:])
    except Exception:
        return None
    return found


# Reasons


def _reason(error: BaseException, data: bytes) -> str:
    """Why a photo cannot be read, as one line without the path."""
    if isinstance(error, UnidentifiedImageError):
        return _guess(data)
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


def _guess(data: bytes) -> str:
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

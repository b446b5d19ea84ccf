"""Opens photos: upright, RGB, shrunk to the size the taggers work at, with what the file says of
itself. A photo is only ever read. Knows no torch, no SQL, no CLI.

Whatever is in a file, `open_photo` returns pixels or raises `UnreadablePhoto` with one line;
nothing else escapes."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageChops

from phototag.errors import UnreadablePhoto
from phototag.metadata.beside import Beside
from phototag.reading import exif, gif, images, jpeg, raw
from phototag.reading.colour import profile_of
from phototag.reading.embedded import find_embedded, find_in_tags
from phototag.reading.files import MAX_PIXELS, read_file, read_head, reason_for
from phototag.reading.formats import RAW_EXTENSIONS, SNIFFED_BYTES, sniff
from phototag.reading.images import CUT_SHORT
from phototag.reading.pixel_hash import hash_pixels
from phototag.reading.pixels import UPRIGHT, Picture, fit_inside, shrink, to_rgb, working_size
from phototag.reading.unopened import find_unopened
from phototag.reading.written import find_written
from phototag.records import Exif, FileFacts, Written

TURNED_WHEN_OPENED = frozenset({"TIFF", "HEIF"})  # formats whose size Pillow tells as of the upright picture
# Large pictures are decoded one at a time, however many threads decode.
_ONE_LARGE = threading.Lock()
NEARLY_GREY = 2  # of 255: what rounding makes of the grey of missing pixels


@dataclass(frozen=True, slots=True)
class Decoded:
    """A photo ready for the taggers. `pixels` is (H, W, 3) uint8 RGB, upright; `width` and `height`
    are the upright photo's own; `content_hash` is the SHA-256 of the file's bytes in hex, of the
    very bytes that were decoded. `written`: what people and programs wrote about it."""

    pixels: np.ndarray[Any, Any]
    width: int
    height: int
    exif: Exif
    content_hash: str
    written: Written


class DamagedPhoto(UnreadablePhoto):
    """A photo whose pixels cannot be shown, and what it says of itself."""

    def __init__(self, reason: str, exif: Exif, written: Written) -> None:
        super().__init__(reason)
        self.exif = exif
        self.written = written


# From a picture's size to the size at which it is wanted, never larger: (width, height) each.
Sizing = Callable[[tuple[int, int]], tuple[int, int]]


def open_photo(
    path: str | Path, *, working_side: int, max_pixels: int = MAX_PIXELS, for_taggers: bool = False
) -> Decoded:
    """Read, hash and decode a photo so that its long side is at most `working_side` pixels (it is
    never enlarged); `for_taggers`: wide and tall ones by their short side, see `working_size`. Raises
    UnreadablePhoto, whose one line does not name the path."""
    data, mtime = read_file(path, max_pixels)
    sizing = partial(working_size if for_taggers else fit_inside, long_side=working_side)
    return decode(data, str(path), mtime, sizing, max_pixels, hashlib.sha256(data).hexdigest())


def decode(
    data: bytes,
    path: str,
    mtime: float,
    sizing: Sizing,
    max_pixels: int,
    content_hash: str,
    beside: Sequence[Beside] = (),
) -> Decoded:
    """The photo in these bytes, see `open_photo`. `beside`: what files beside it say. Raises
    DamagedPhoto."""
    try:
        if _is_raw(data, path):
            pixels, size_wh, facts, written = _decode_raw(data, path, mtime, sizing, max_pixels, beside)
        else:
            opened = images.open_bytes(data, path, max_pixels)
            pixels, size_wh, facts, written = _decode_image(opened, path, mtime, sizing, beside)
    except DamagedPhoto:
        raise
    # a decoder meets hostile bytes: it may fail in any way, and only this photo is lost
    except Exception as error:
        reason = str(error) if isinstance(error, UnreadablePhoto) else reason_for(error, data)
        raise DamagedPhoto(reason, *_unopened(data, path, mtime, beside)) from error
    return Decoded(pixels, *size_wh, facts, content_hash, written)


def read_facts(path: str | Path, max_pixels: int = MAX_PIXELS) -> FileFacts:
    """What decoding would say of the file besides its pixels, without decoding it (RAW is: its
    metadata come from its decoder). Raises UnreadablePhoto where the bytes cannot be read; a picture
    that cannot be opened has the Exif that decoding would give it."""
    data, mtime = read_file(path, max_pixels)
    exif, _ = _read_without_pixels(data, str(path), mtime, max_pixels, ())
    size_wh = _upright_size(data, str(path), max_pixels, exif.orientation)
    return FileFacts(hashlib.sha256(data).hexdigest(), hash_pixels(data), exif, size_wh)


def _upright_size(data: bytes, path: str, max_pixels: int, orientation: int) -> tuple[int, int] | None:
    if _is_raw(data, path):
        return None
    try:
        with images.open_bytes(data, path, max_pixels).image as image:
            width, height = image.size
            is_turned = orientation >= 5 and image.format not in TURNED_WHEN_OPENED
    except Exception:  # a decoder meets hostile bytes: it may fail in any way
        return None
    return (height, width) if is_turned else (width, height)


def read_metadata(
    path: str | Path, beside: Sequence[Beside] = (), max_pixels: int = MAX_PIXELS
) -> tuple[Exif, Written]:
    """What a photo's file and the files `beside` it say, without decoding it (RAW is, where its first page
    states no date: then its preview may). Of a JPEG only what stands before its pixels is read. Raises
    UnreadablePhoto where the bytes cannot be read."""
    data, mtime = read_head(path, max_pixels)
    if _is_raw(data, str(path)) and (said := _first_page_of_raw(data, str(path), mtime, beside)):
        return said
    return _read_without_pixels(data, str(path), mtime, max_pixels, beside)


def _read_without_pixels(
    data: bytes, path: str, mtime: float, max_pixels: int, beside: Sequence[Beside]
) -> tuple[Exif, Written]:
    """A picture that cannot be opened has what decoding would say of it all the same."""
    try:
        if _is_raw(data, path):
            decoded = decode(data, path, mtime, partial(working_size, long_side=1), max_pixels, "", beside)
            return decoded.exif, decoded.written
        opened = images.open_head(data, path, max_pixels)
        with opened.image:
            return _described(opened, path, mtime, beside)
    except DamagedPhoto as error:
        return error.exif, error.written
    except Exception:  # a decoder meets hostile bytes: it may fail in any way
        return _unopened(data, path, mtime, beside)


def _unopened(data: bytes, path: str, mtime: float, beside: Sequence[Beside]) -> tuple[Exif, Written]:
    """What a picture that cannot be opened, and the files beside it, say."""
    said, embedded = find_unopened(data)
    facts = exif.parse_exif(said, mtime, path, embedded, beside)
    return facts, find_written(exif.first_image(said), embedded, beside, None, facts.orientation)


def _first_page_of_raw(
    data: bytes, path: str, mtime: float, beside: Sequence[Beside]
) -> tuple[Exif, Written] | None:
    """What the first page of a RAW file says, where it is a TIFF as most are, and says when the photo
    was taken."""
    tags = images.tiff_exif(data)
    if tags is None:
        return None
    embedded = find_in_tags(tags)
    facts = exif.parse_exif(tags, mtime, path, embedded, beside)
    if facts.taken_from not in ("exif", "xmp"):
        return None
    return facts, find_written(exif.first_image(tags), embedded, beside, None, facts.orientation)


def _described(
    opened: images.Opened, path: str, mtime: float | None, beside: Sequence[Beside]
) -> tuple[Exif, Written]:
    """What the opened picture, not yet decoded, and the files beside it say."""
    image = opened.image
    said = opened.exif or _raw_exif(image)
    embedded = find_embedded(image, opened.notes or opened.data)
    facts = exif.parse_exif(said, mtime, path, embedded, beside)
    orientation = facts.orientation
    if image.format == "HEIF":  # its decoder has turned it already, and says so
        stated = image.info.get("original_orientation")
        orientation = stated if isinstance(stated, int) and 1 <= stated <= 8 else 1
    stored_wh = image.size
    if orientation >= 5 and image.format in TURNED_WHEN_OPENED:
        stored_wh = stored_wh[1], stored_wh[0]
    return facts, find_written(exif.first_image(said), embedded, beside, stored_wh, orientation)


def _is_raw(data: bytes, path: str) -> bool:
    """What a file is its content decides: a JPEG that was called .dng is a JPEG."""
    is_called_so = path.rpartition(".")[2].lower() in RAW_EXTENSIONS
    return is_called_so and sniff(data[:SNIFFED_BYTES]) in (None, "TIFF")


def _decode_image(
    opened: images.Opened, path: str, mtime: float | None, sizing: Sizing, beside: Sequence[Beside] = ()
) -> tuple[np.ndarray[Any, Any], tuple[int, int], Exif, Written]:
    with opened.image:
        facts, written = _described(opened, path, mtime, beside)
        try:
            with _ONE_LARGE if opened.memory_bytes > images.LARGE_BYTES else nullcontext():
                pixels, size_wh = _pixels(opened, sizing)
        except UnreadablePhoto as error:
            raise DamagedPhoto(str(error), facts, written) from error
        except Exception as error:  # a decoder meets hostile bytes: it may fail in any way
            raise DamagedPhoto(reason_for(error, opened.data), facts, written) from error
    return pixels, size_wh, facts, written


def _pixels(opened: images.Opened, sizing: Sizing) -> tuple[np.ndarray[Any, Any], tuple[int, int]]:
    image = opened.image
    width, height = image.size
    target = sizing(image.size)
    if images.is_surely_cut(opened):
        raise UnreadablePhoto(CUT_SHORT)
    covered = gif.find_box(image) if image.format == "GIF" else None
    picture: Picture = image
    if opened.rows is not None and opened.rows.is_upright:
        picture = opened.rows
    else:
        image.draft(None, target)  # JPEG: decode at 1/2, 1/4 or 1/8 of the size, never below the target
        image.load()
    if image.format == "GIF" and gif.skip_empty(image):
        covered = None
    if image.format == "JPEG" and _ends_early(opened):
        raise UnreadablePhoto(CUT_SHORT)
    # TIFF, AVIF and HEIC are turned by their decoders, which then drop the tag.
    orientation = exif.orientation(_raw_exif(image) or {})
    if opened.orientation != 1:
        orientation = opened.orientation
    shown = shrink(picture, target, ignore_alpha=opened.ignore_alpha)
    if covered is not None:
        shown = _on_paper(shown, covered, image.size)
    if shown.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        shown = ImageChops.invert(shown)  # only Adobe writes it inverted; Pillow takes all for Adobe's
    shown = to_rgb(shown, profile_of(image, opened.data))
    if orientation in UPRIGHT:
        shown = shown.transpose(UPRIGHT[orientation])
        if orientation >= 5:
            width, height = height, width
    return np.array(shown), (width, height)


def _on_paper(shown: Image.Image, box: tuple[int, int, int, int], size_wh: tuple[int, int]) -> Image.Image:
    """The picture with white around the box, which is in pixels of a picture of `size_wh`."""
    across, down = shown.width / size_wh[0], shown.height / size_wh[1]
    left, top = round(box[0] * across), round(box[1] * down)
    right, bottom = max(left + 1, round(box[2] * across)), max(top + 1, round(box[3] * down))
    paper = Image.new(shown.mode, shown.size, "white")
    paper.paste(shown.crop((left, top, right, bottom)), (left, top))
    return paper


def _ends_early(opened: images.Opened) -> bool:
    """Whether a decoded JPEG lacks data at its end, of which libjpeg only warns, to nobody: it then
    paints grey blocks.

    Without an end marker, or with one too early, the last block is grey, or whatever follows the
    picture is shown as if it were pixels. So decode again with noise before the end marker: a
    complete picture never reads it."""
    image, structure = opened.image, opened.structure
    if structure is None:
        return False
    if structure.has_end:
        if structure.is_progressive and structure.is_complete:
            return False  # cut in its last scan it would be coarse at the bottom, not grey
        if image.mode not in ("L", "RGB", "CMYK"):
            return False
        grey = jpeg.INVERTED_GREY if image.mode == "CMYK" else jpeg.GREY
        corner = image.crop((max(image.width - 2, 0), max(image.height - 2, 0), image.width, image.height))
        if any(abs(value - grey) > NEARLY_GREY for ends in _extrema(corner) for value in ends):
            return False
        # grey may be real
    for noisy in structure.with_noise(opened.data):
        again = images.open_bytes(noisy).image
        again.draft(None, image.size)
        again.load()
        if again.tobytes() != image.tobytes():
            return True
    return False


def _extrema(image: Image.Image) -> tuple[Any, ...]:
    extrema = image.getextrema()
    return extrema if isinstance(extrema[0], tuple) else (extrema,)


def _raw_exif(image: Image.Image) -> Image.Exif | None:
    try:
        # of a PNG, Pillow would decode the pixels to find Exif behind them; there is none, see png
        return Image.Image.getexif(image) if image.format == "PNG" else image.getexif()
    except Exception:  # damaged EXIF costs the EXIF, not the picture
        return None


def _decode_raw(
    data: bytes, path: str, mtime: float, sizing: Sizing, max_pixels: int, beside: Sequence[Beside]
) -> tuple[np.ndarray[Any, Any], tuple[int, int], Exif, Written]:
    developed = raw.develop(data, sizing, max_pixels)
    embedded = find_in_tags(developed.exif)
    facts = exif.parse_exif(developed.exif, mtime, path, embedded, beside)
    width, height = developed.upright_wh
    stored_wh = (height, width) if developed.orientation >= 5 else (width, height)
    tags = exif.first_image(developed.exif)
    written = find_written(tags, embedded, beside, stored_wh, developed.orientation)
    if developed.half_size_pixels is not None:
        half = Image.fromarray(developed.half_size_pixels)
        pixels = np.array(to_rgb(shrink(half, sizing(half.size))))
    else:
        opened = images.open_bytes(developed.preview or b"", max_pixels=max_pixels)
        preview_wh = opened.image.size
        pixels, _, of_preview, _ = _decode_image(opened, path, mtime, sizing, beside)
        if facts.taken_from not in ("exif", "xmp"):
            facts = of_preview
        if of_preview.orientation == 1 != developed.orientation and developed.lies_as_the_sensor(preview_wh):
            pixels = np.array(Image.fromarray(pixels).transpose(UPRIGHT[developed.orientation]))
    return pixels, developed.upright_wh, replace(facts, orientation=developed.orientation), written

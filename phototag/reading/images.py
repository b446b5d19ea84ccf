"""The one door for pictures: bytes in, an opened and not yet decoded picture out. Only formats that
are listed here are ever tried, whatever a file is called, and only pictures whose decoding takes a
bounded amount of memory and time. Nothing else in the package opens pictures; a test holds this.

Process-wide settings of Pillow are neither needed nor changed."""

from __future__ import annotations

import importlib
import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)

from phototag.errors import UnreadablePhoto
from phototag.reading import avif, bmff, exif_block, gif, jpeg, png, samples, tiff, tiff_rows, webp
from phototag.reading.files import MAX_PIXELS, check_size, guess_content, read_file, reason_for
from phototag.reading.formats import SNIFFED_BYTES, module_of, sniff
from phototag.reading.one_frame import OneFrame

# Pillow's other formats are left out: some run programs (EPS), most are hardly tested.
FACTORIES: dict[str, Any] = {
    "JPEG": JpegImagePlugin.JpegImageFile,  # of an MPO, its first picture
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "TIFF": samples.TiffFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "DIB": BmpImagePlugin.DibImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
}
JUNK_BYTES = 1024  # before a JPEG: some programs put a line end or a header of their own there

# Bytes that decoding takes for each pixel: Pillow's own picture (four bytes for RGB), and what the
# decoder keeps. What comes after is done by bands of rows.
BYTES_PER_PIXEL = {"1": 1, "L": 1, "P": 1, "I;16": 2}
OTHER_BYTES_PER_PIXEL = 4
DECODER_BYTES_PER_PIXEL = {"WEBP": 12, "AVIF": 8, "HEIF": 8}
PROGRESSIVE_BYTES = 2  # a coefficient, of each sample of each pixel; all are kept until the last scan
# A progressive picture with more pixels that lacks its end marker is taken for cut short: to make sure
# takes two seconds and more.
MOST_COMPARED = 64_000_000
MEMORY_PER_PIXEL = 8  # of --max-pixels: what one picture may take
# A photo takes 0.1 bits for a pixel and more, and flat colour in a PNG compresses a thousandfold:
# (more pixels than this, pixels for each byte of the file that are too many)
TOO_EMPTY = ((64_000_000, 200), (16_000_000, 2000))
# Programs write up to some 12 scans. Each goes over the whole picture.
USUAL_SCANS, MOST_SCANNED, MOST_SCANNED_UNUSUAL = 20, 2_560_000_000, 200_000_000
SPARE_TILE_BYTES = 64 << 20
# Pillow decodes runs of a BMP one by one in Python; such files are drawings of the 1990s.
MOST_RUN_PIXELS, MOST_RUN_BYTES = 16_000_000, 6_000_000
# Nothing of an interlaced PNG is sure before the last of its seven passes.
MOST_INTERLACED_PIXELS = 64_000_000
UNPACKED_PER_PIXEL = 4  # bytes, of --max-pixels: two seconds of unpacking at most
MOST_EXIF_BYTES = 1 << 20  # JPEG holds 64 kB; each number in it becomes an object of Python
MOST_WHOLE_PIXELS = 8_000_000  # of a TIFF, WebP or AVIF; of a larger one Pillow gets some rows at a time
# A picture that takes more is looked at for its end before memory is taken for it.
LARGE_BYTES = 256 << 20
CUT_SHORT = "the file is cut short: its picture ends before the bottom"


@dataclass(frozen=True)
class Opened:
    """A picture and how to show it. `data`: the bytes that it is decoded from; `exif`: where it is not
    in the picture itself; `ignore_alpha`: its fourth channel is no transparency; `orientation`: of Exif,
    where the decoder does not know it; `structure`: of a JPEG that has to be checked once it is decoded;
    `memory_bytes`: what decoding it takes; `page`: of a TIFF, the one to show; `rows`: the same of a large
    one, a WebP or an AVIF, to be decoded some rows at a time; `notes`: the file with what it says of
    itself, where that was taken out of `data`."""

    image: Image.Image
    data: bytes
    exif: Image.Exif | None = None
    ignore_alpha: bool = False
    orientation: int = 1
    structure: jpeg.Structure | None = None
    memory_bytes: int = 0
    page: tiff.Page | None = None
    rows: tiff_rows.Rows | OneFrame | None = None
    notes: bytes = b""


def open_picture(path: str | Path, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The picture in a file as it is stored, neither turned nor shrunk nor decoded yet. Raises
    UnreadablePhoto."""
    data, _ = read_file(path, max_pixels)
    try:
        return open_bytes(data, str(path), max_pixels).image
    except UnreadablePhoto:
        raise
    except Exception as error:  # a decoder meets hostile bytes: it may fail in any way
        raise UnreadablePhoto(reason_for(error, data)) from error


def open_bytes(data: bytes, path: str = "", max_pixels: int = MAX_PIXELS) -> Opened:
    """The picture in these bytes. Raises UnreadablePhoto, and whatever Pillow raises of damage."""
    kind = sniff(data[:SNIFFED_BYTES])
    if kind is None and (start := data.find(b"\xff\xd8\xff", 0, JUNK_BYTES)) > 0:
        data, kind = data[start:], "JPEG"
    if kind is None:
        raise UnreadablePhoto(guess_content(data))
    if kind == "HEIF" and module_of("heic") is None:
        raise UnreadablePhoto("a HEIC photo needs one more package: pip install 'phototag[heic]'")
    if kind == "JPEG":
        opened = _open_jpeg(data)
    elif kind == "PNG":
        opened = _open_png(data)
    elif kind == "TIFF":
        opened = _open_tiff(data, max_pixels)
    elif kind == "WEBP":
        if size_wh := webp.find_size(data):  # Pillow reserves memory while it opens
            _check_cost(kind, "RGBA", size_wh, webp.pixel_bytes(data), max_pixels)
        opened = Opened(_make(kind, data), data)
    elif kind == "AVIF":
        opened = _open_avif(data)
    else:
        if kind == "GIF":
            gif.check_notes(data)
        opened = Opened(_make(kind, data), data)
    image = opened.image
    if (
        isinstance(image, AvifImagePlugin.AvifImageFile | WebPImagePlugin.WebPImageFile)
        and not isinstance(image, avif.CroppedFile)  # its rows are longer than what is shown of them
        and image.width * image.height > MOST_WHOLE_PIXELS
    ):
        opened = replace(opened, rows=OneFrame(image))
    said = _exif_of(opened)
    if kind == "PNG":
        _check_unpacking(opened.data, image.size, max_pixels)
    if kind in ("BMP", "DIB"):
        _check_runs(image, len(data))
    size_bytes = _pixel_bytes(kind, opened)
    memory_bytes = _check_cost(
        kind, image.mode, image.size, size_bytes, max_pixels, opened.structure, opened.memory_bytes
    )
    return replace(opened, exif=said, memory_bytes=memory_bytes)


def open_head(data: bytes, path: str = "", max_pixels: int = MAX_PIXELS) -> Opened:
    """The same of bytes that end before the pixels, see `files.read_head`: to be asked for what it says of
    itself, not for its picture."""
    if sniff(data[:SNIFFED_BYTES]) == "JPEG":
        data = jpeg.without_excess(data)
        opened = Opened(_make("JPEG", data), data)
        return replace(opened, exif=_exif_of(opened))
    return open_bytes(data, path, max_pixels)


def is_surely_cut(opened: Opened) -> bool:
    """Whether the end of a large picture is missing, by what stands there: then it need not be decoded."""
    if opened.memory_bytes > LARGE_BYTES and opened.image.format == "PNG":
        return png.is_cut(opened.data) or not (png.is_interlaced(opened.data) or png.unpacks(opened.data))
    if opened.page is not None:
        is_large = opened.memory_bytes > LARGE_BYTES
        samples.check_packed(opened.data, opened.page, is_large and opened.rows is None)
        if is_large and isinstance(opened.rows, tiff_rows.Rows) and not opened.rows.is_upright:
            opened.rows.check()  # it is decoded as a whole, to be turned
    structure = opened.structure
    if structure is None:
        return False
    if structure.is_progressive and opened.image.width * opened.image.height > MOST_COMPARED:
        return not structure.has_end or not structure.is_complete
    return not structure.has_end and not structure.is_complete


def _make(kind: str, data: bytes) -> Image.Image:
    if kind == "HEIF":
        plugin = importlib.import_module(f"{module_of('heic')}.as_plugin")
        image: Image.Image = plugin.HeifImageFile(io.BytesIO(data))
        return image
    made: Image.Image = FACTORIES[kind](io.BytesIO(data))
    return made


def _open_jpeg(data: bytes) -> Opened:
    """One without an end marker is given one, and decoded is compared with itself: see
    `phototag.reading.decode`."""
    data = jpeg.with_height(jpeg.without_excess(data))
    structure = jpeg.find_structure(data)
    is_another = data.startswith(jpeg.SOI, structure.end)  # a second picture, whose marker is at the end
    if structure.scans <= 1 and jpeg.ends_with_marker(data) and not is_another:  # as cameras write it
        return Opened(_make_jpeg(data), data, structure=replace(structure, has_end=True))
    if not structure.has_end and structure.scans:
        structure = jpeg.cut_trailer(data, structure)
    return Opened(_make_jpeg(structure.closed(data)), data, structure=structure)


def _make_jpeg(data: bytes) -> Image.Image:
    try:
        return _make("JPEG", data)
    except SyntaxError as error:
        shorter = jpeg.without_short_notes(data)
        if len(shorter) < len(data):
            return _make_jpeg(shorter)
        raise UnreadablePhoto(jpeg.describe_rare(data) or reason_for(error, data)) from error


def _open_png(data: bytes) -> Opened:
    found = list(png.chunks(data))
    if not png.pixels_fit(data, found):
        raise UnreadablePhoto("the picture is damaged (wrong checksum)")
    data = png.without_bad_notes(data, found)
    notes = data
    try:
        image = _make("PNG", data)
    except Exception:  # a note that Pillow does not like, such as one too long
        try:
            data = png.only_pixels(notes, *png.OF_TURNING)
            image = _make("PNG", data)
        except Exception:  # one of those
            data = png.only_pixels(notes)
            image = _make("PNG", data)
    clear, largest = image.info.get("transparency"), png.largest_grey(data)
    if isinstance(clear, int) and largest in (3, 15):  # Pillow scales the pixels, not this
        image.info["transparency"] = clear * 255 // largest
    return Opened(image, data, notes=notes)


def _open_avif(data: bytes) -> Opened:
    alone, said = data, None
    try:
        image = _make("AVIF", data)
    except Exception:  # something beside the picture that the decoder does not like
        alone = avif.only_picture(data)
        if alone == data:
            raise
        image = _make("AVIF", alone)
        said = load_exif(bmff.find_notes(data)[0])
        if said is not None:  # an AVIF is turned by properties of its picture alone
            said[tiff.ORIENTATION] = image.getexif().get(tiff.ORIENTATION, 1)
    if box := avif.find_crop(data, image.size):
        image = avif.CroppedFile(alone, box)
    return Opened(image, alone, exif=said, notes=data)


def load_exif(block: bytes) -> Image.Exif | None:
    """The Exif of a block with or without its head; None where there is none, or it is damaged."""
    if not block or len(block) > MOST_EXIF_BYTES:
        return None
    found = Image.Exif()
    try:
        found.load(exif_block.with_known_types(block))
    except Exception:  # damaged in any of the ways a binary format can be
        return None
    return found


def _exif_of(opened: Opened) -> Image.Exif | None:
    """The picture's Exif where Pillow does not read it as it is. What is longer than any goes."""
    block = opened.image.info.get("exif")
    if not isinstance(block, bytes):
        return opened.exif
    if len(block) > MOST_EXIF_BYTES:
        del opened.image.info["exif"]
        return opened.exif
    known = exif_block.with_known_types(block)
    if known == block or opened.exif is not None:
        return opened.exif
    return load_exif(known)


def _open_tiff(data: bytes, max_pixels: int) -> Opened:
    found = tiff.find_photo(data)
    if found is None:
        tiff.check_tags(data)
        return Opened(_make("TIFF", data), data)
    page, first = found
    check_size(page.size_wh, max_pixels)
    tiff.check_tags(data)
    bytes_per_pixel = page.samples * max(page.bits) / 8
    if page.tile_wh and page.tile_wh[0] * page.tile_wh[1] * bytes_per_pixel > (
        4 * page.area * bytes_per_pixel + SPARE_TILE_BYTES
    ):
        raise UnreadablePhoto("the picture is damaged (tiles larger than itself)")
    shown = data
    if page.offset != first.offset or data.startswith(b"MM\0+"):
        shown = tiff.with_first_page(data, page)
        tiff.check_tags(shown)
    image = _make_tiff(shown, page)
    return Opened(
        image,
        shown,
        exif=tiff_exif(data) if page.offset != first.offset else None,
        ignore_alpha=page.fourth_is_unspecified,
        orientation=first.orientation if page.offset != first.offset and page.orientation == 1 else 1,
        memory_bytes=samples.bytes_beside(page, isinstance(image, samples.SamplesFile)),
        page=page,
        rows=tiff_rows.find_rows(shown, image) if page.area > MOST_WHOLE_PIXELS else None,
    )


def _make_tiff(data: bytes, page: tiff.Page) -> Image.Image:
    if not samples.is_misread(page):
        try:
            return _make("TIFF", data)
        except SyntaxError:  # Pillow has no mode for it
            pass
    return samples.SamplesFile(io.BytesIO(data))


def tiff_exif(data: bytes) -> Image.Exif | None:
    """What the first page of a TIFF says, and of RAW formats that are TIFF under another number."""
    if data[:2] not in (b"II", b"MM"):
        return None
    found = Image.Exif()
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
    try:
        tiff.check_tags(data)
        if tiff.is_big(data):
            data = tiff.as_classic(data, int.from_bytes(data[8:16], order))
        found.endian = "<" if order == "little" else ">"
        found.load_from_fp(io.BytesIO(data), int.from_bytes(data[4:8], order))
    except Exception:  # damaged in any of the ways a binary format can be
        return None
    return found


def _pixel_bytes(kind: str, opened: Opened) -> int:
    """How many bytes of the file may be pixels: notes do not make a large picture of nothing a photo."""
    if kind == "PNG":
        return png.pixel_bytes(opened.data)
    if kind == "JPEG" and opened.structure and opened.structure.scans:
        return opened.structure.pixel_bytes
    if kind == "WEBP":
        return webp.pixel_bytes(opened.data)
    return len(opened.data)


def _check_unpacking(data: bytes, size_wh: tuple[int, int], max_pixels: int) -> None:
    """A PNG is unpacked once to see whether it is whole, where it is large, and then to be shown."""
    if png.is_interlaced(data) and size_wh[0] * size_wh[1] > MOST_INTERLACED_PIXELS:
        raise UnreadablePhoto("too costly to decode: an interlaced PNG of this size")
    size_bytes = png.unpacked_bytes(data)
    if size_bytes > UNPACKED_PER_PIXEL * max_pixels:
        raise UnreadablePhoto(
            f"too costly to decode: a PNG that unpacks to {size_bytes / 1e9:.1f} GB; "
            f"if it really is a photo, allow it with --max-pixels {-(-size_bytes // UNPACKED_PER_PIXEL)}"
        )


def _check_runs(image: Image.Image, file_bytes: int) -> None:
    is_large = image.width * image.height > MOST_RUN_PIXELS or file_bytes > MOST_RUN_BYTES
    tiles = getattr(image, "tile", ())
    if is_large and tiles and tiles[0].codec_name == "bmp_rle":
        raise UnreadablePhoto("too costly to decode: a run-length encoded BMP of this size")


def _check_cost(
    kind: str,
    mode: str,
    size_wh: tuple[int, int],
    pixel_bytes: int,
    max_pixels: int,
    structure: jpeg.Structure | None = None,
    beside_bytes: int = 0,
) -> int:
    """How many bytes of memory decoding will take, `beside_bytes` of them beside the picture. Raises
    UnreadablePhoto where that, or the time, is more than a photo is worth."""
    check_size(size_wh, max_pixels)
    pixels = size_wh[0] * size_wh[1]
    spare = 10 if mode == "1" else 1  # scanned text: white paper is almost nothing
    for many, too_many in TOO_EMPTY:
        if pixels > many and pixels > pixel_bytes * too_many * spare:
            raise UnreadablePhoto(f"no photo: {size_wh[0]} x {size_wh[1]} pixels in {pixel_bytes:,} bytes")
    if kind == "JPEG":
        memory = 0  # decoded at a fraction of its size
        if structure and structure.scans > 1:
            most = MOST_SCANNED if structure.scans <= USUAL_SCANS else MOST_SCANNED_UNUSUAL
            if pixels * structure.scans > most:
                raise UnreadablePhoto(f"too costly to decode: {structure.scans:,} scans of {pixels:,} pixels")
            memory = int(pixels * structure.samples_per_pixel * PROGRESSIVE_BYTES)
    else:
        each = BYTES_PER_PIXEL.get(
            mode.partition(";")[0] if mode[:1] != "I" else mode[:4], OTHER_BYTES_PER_PIXEL
        )
        memory = pixels * (each + DECODER_BYTES_PER_PIXEL.get(kind, 0)) + beside_bytes
    if memory > max_pixels * MEMORY_PER_PIXEL:
        raise UnreadablePhoto(
            f"too costly to decode: {size_wh[0]} x {size_wh[1]} pixels of this kind take "
            f"{memory / 1e9:.1f} GB; "
            f"if it really is a photo, allow it with --max-pixels {-(-memory // MEMORY_PER_PIXEL)}"
        )
    return memory

"""The TIFFs for which Pillow has no mode, by their samples: floats, 32 bits, transparency beside 16-bit
grey, CMYK or negatives, Lab of 16 bits, channels of odd widths. libtiff unpacks the strips or tiles, some at
a time; what their numbers mean is decided here, and the picture that comes out has 8 bits.

Source: TIFF 6.0, and its technical notes by Adobe (Photoshop: ZIP, floating point, ICC Lab)."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageFile, TiffImagePlugin, WebPImagePlugin

from phototag.errors import UnreadablePhoto
from phototag.reading import png, tiff, webp
from phototag.reading.pixels import LARGEST, to_rgb

Array = np.ndarray[Any, Any]
YCBCR = 6
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
GREYS, CMYK, CIE_LAB, ICC_LAB = (0, 1), 5, 8, 9
COLOURS = {0: 1, 1: 1, tiff.RGB: 3, CMYK: 4, CIE_LAB: 3, ICC_LAB: 3}  # photometric interpretation -> channels
ASSOCIATED, UNASSOCIATED = 1, 2  # extra samples that are transparency
# What libtiff unpacks without asking what the bytes mean: none, LZW, deflate, packed bits, LZMA, Zstandard.
UNPACKED = frozenset({1, 5, 8, 32946, 32773, 34925, 50000})
NONE, WEBP, DEFLATED = 1, 50001, frozenset({8, 32946})
NOT_BUILT_IN = frozenset({WEBP, 34676, 34677})  # and the two of SGI for high dynamic range
HORIZONTAL, FLOATING = 2, 3  # predictors
GROUP_BYTES = 4 << 20  # unpacked at a time
MOST_SAMPLES = 64
COPIES = 2  # of a strip, as libtiff and as numpy keep it
MOST_PIECE_BYTES = 128 << 20  # unpacked: nothing of a strip is sure before its end
BAND_BYTES = 1 << 20  # whose numbers are turned into colours at a time
RARE = "a rare kind of picture that phototag does not decode"


class TiffFile(TiffImagePlugin.TiffImageFile):
    """Its size was held to --max-pixels; Pillow's own limit, a setting of the process, is lower."""

    def load_prepare(self) -> None:
        if self._im is None:
            self.im = Image.core.new(self.mode, self._tile_size)
        super().load_prepare()

    def _setup(self) -> None:
        super()._setup()
        if self.use_load_libtiff:
            return
        photometric = self.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION)
        if photometric != YCBCR or self.mode != "YCbCr" or self._planar_configuration != 1:
            return
        # Pillow forgets that pixels share their colours; libtiff knows
        self._mode = "RGB"
        self.use_load_libtiff = True
        place = ("RGBX", False, self.tag_v2.offset)
        self.tile = [ImageFile._Tile("libtiff", (0, 0, *self._tile_size), 0, place)]


class SamplesFile(TiffImagePlugin.TiffImageFile):
    """Like Pillow's, for one page of these kinds. Raises UnreadablePhoto where it is of none of them."""

    def _setup(self) -> None:
        self._data = self.fp.getvalue()  # type: ignore[union-attr]  # it is made of bytes
        found = tiff.find_photo(self._data)
        if found is None:
            raise UnreadablePhoto(RARE)
        self._page = found[1]  # the file's first page, which is the one to show
        self._mode = mode_of(self._page)
        turned = self._page.orientation >= 5
        self._tile_size = self._page.size_wh
        self._size = self._page.size_wh[::-1] if turned else self._page.size_wh
        self.tile: list[ImageFile._Tile] = []
        if profile := self.tag_v2.get(TiffImagePlugin.ICCPROFILE):
            self.info["icc_profile"] = profile

    def load(self) -> Any:
        if self._im is None:
            self.im = decode(self._data, self._page, self.info.get("icc_profile") or b"").im
            if self._page.photometric == CMYK and self._mode == "RGBA":
                self.info.pop("icc_profile", None)  # it was applied
            self.load_end()
        return Image.Image.load(self)


def is_misread(page: tiff.Page) -> bool:
    """Whether Pillow takes the numbers for others than they are, or cannot go on with them: 16 bits in which
    the largest is black, 12 bits, 32 without a sign, any with one, packed floats of the other byte order,
    grey multiplied with its alpha, channels that are kept apart; or whether its libtiff was built without
    what unpacks them."""
    if page.compression in NOT_BUILT_IN:
        return True
    if page.compression not in UNPACKED or page.photometric not in COLOURS:
        return False
    bits, kind = page.bits[0], page.sample_formats[0]
    if page.planes == 2 and bits >= 8:
        return True
    deep_negative = page.photometric == tiff.WHITE_IS_ZERO and bits == 16
    swapped = page.order == ">" and page.compression != NONE and kind == FLOAT
    odd = bits == 12 or kind == SIGNED or (bits == 32 and kind == UNSIGNED) or swapped or deep_negative
    multiplied = page.samples == 2 and page.extra_samples == (ASSOCIATED,)
    return page.photometric in GREYS and (multiplied or (odd and page.samples == 1))


def mode_of(page: tiff.Page) -> str:
    """Pillow's mode of the decoded picture. Raises UnreadablePhoto where the page is of no known kind."""
    colours = COLOURS.get(page.photometric, MOST_SAMPLES)
    bits, kinds = set(page.bits), set(page.sample_formats)
    known = (
        colours <= page.samples <= MOST_SAMPLES
        and page.compression in (*UNPACKED, WEBP)
        and page.planes in (1, 2)
        and len(bits) == len(kinds) == 1
        and _is_known(page.bits[0], page.sample_formats[0], page.predictor)
    )
    if not known or (page.planes == 2 and min(bits) < 8):
        raise UnreadablePhoto(RARE)
    if page.compression == WEBP and (page.photometric != tiff.RGB or bits != {8} or page.planes == 2):
        raise UnreadablePhoto(RARE)
    if page.photometric in (CIE_LAB, ICC_LAB):
        if kinds == {SIGNED}:
            raise UnreadablePhoto(RARE)
        return "LAB"
    transparent = _alpha_at(page) is not None
    return {1: ("L", "LA"), 3: ("RGB", "RGBA"), 4: ("CMYK", "RGBA")}[colours][transparent]


def _is_known(bits: int, kind: int, predictor: int) -> bool:
    if kind == FLOAT:
        return bits in (16, 32, 64) and predictor in (1, FLOATING)
    if bits in (8, 16, 32, 64):
        return kind in (UNSIGNED, SIGNED) and predictor in (1, HORIZONTAL)
    return kind == UNSIGNED and 1 <= bits <= 16 and predictor == 1


def bytes_beside(page: tiff.Page, is_ours: bool) -> int:
    """What decoding takes beside the picture: its strips or tiles, while they are unpacked. `is_ours`: it is
    a SamplesFile. Raises UnreadablePhoto where one is too large for that."""
    if page.compression not in UNPACKED or page.compression == NONE:
        return 0
    width, height = piece_wh(page)
    piece = width * height * page.samples * max(page.bits) // 8
    if piece > MOST_PIECE_BYTES and (is_ours or page.compression not in DEFLATED):
        raise UnreadablePhoto(f"too costly to decode: a strip of {piece / 1e6:,.0f} MB in one piece")
    return COPIES * piece


def check_packed(data: bytes, page: tiff.Page, is_large: bool) -> None:
    """Raises ValueError or OSError where a strip or tile cannot be unpacked; keeps none. Of deflated ones the
    checksum is looked at, which decoding does not; others are tried where the picture is large. `data`: a
    file whose first page this is."""
    found = tiff.find_photo(data)
    if found is None or page.compression == NONE or page.compression not in UNPACKED:
        return
    page = found[1]
    width, height = piece_wh(page)
    row_bytes = bytes_of_row(page, width)
    across, down = -(-page.size_wh[0] // width), -(-page.size_wh[1] // height)
    is_deflated = page.compression in DEFLATED and page.fill_order == 1
    if not (is_large or is_deflated) or page.photometric == YCBCR:
        return
    try:
        pieces = tiff.find_pieces(data, page)
    except (ValueError, struct.error):  # libtiff can do without
        return
    each, together = across * down, max(1, GROUP_BYTES // max(1, height * row_bytes))
    for plane in range(0, len(pieces), each):
        for first in range(0, each, 1 if is_deflated else together):
            numbers = range(first, min(first + (1 if is_deflated else together), each, len(pieces) - plane))
            places = [pieces[plane + number] for number in numbers]
            rows = sum(_heights(page, numbers))
            if not all(size for _, size in places):
                continue
            if not is_deflated:
                _unpack(data, places, (row_bytes, height), rows, page)
                continue
            place, size = places[0]
            if not png.unpacks_to([memoryview(data)[place : place + size]], rows * row_bytes):
                raise ValueError("a strip or tile of it cannot be unpacked")


def decode(data: bytes, page: tiff.Page, profile: bytes = b"") -> Image.Image:
    """The page as it is stored, in 8 bits. `profile`: for CMYK with transparency, which Pillow has no mode
    for. Raises UnreadablePhoto, ValueError, OSError or struct.error of damage."""
    mode, (width, height) = mode_of(page), page.size_wh
    image = Image.new(mode, (width, height))
    ends = _find_range(data, page)
    for left, top, samples in _read_pieces(data, page):
        part = _as_picture(samples[: height - top, : width - left], page, ends, profile)
        image.paste(part, (left, top))
    return image


# -- from bytes to numbers


def piece_wh(page: tiff.Page) -> tuple[int, int]:
    if page.tile_wh:
        return page.tile_wh
    return page.size_wh[0], max(1, min(page.rows_per_strip, page.size_wh[1]))


def _heights(page: tiff.Page, numbers: range, height: int = 0) -> list[int]:
    """How many rows each of these strips or tiles of a plane has. `height`: of strips that were cut."""
    width, usual = piece_wh(page)
    height, across = height or usual, -(-page.size_wh[0] // width)
    if page.tile_wh:
        return [height] * len(numbers)
    return [min(height, page.size_wh[1] - number // across * height) for number in numbers]


def bytes_of_row(page: tiff.Page, width: int) -> int:
    samples = page.samples if page.planes == 1 else 1
    return -(-width * samples * page.bits[0] // 8)


def _read_pieces(data: bytes, page: tiff.Page) -> Iterator[tuple[int, int, Array]]:
    """Of each strip or tile, or of some rows of one: its left, its top and its samples (H, W, S), which may
    go beyond the picture."""
    width, height = piece_wh(page)
    row_bytes = bytes_of_row(page, width)
    if row_bytes < 1:
        raise ValueError("no samples")
    across, down = -(-page.size_wh[0] // width), -(-page.size_wh[1] // height)
    pieces = tiff.find_pieces(data, page)
    if page.compression == NONE and not page.tile_wh and height * row_bytes > GROUP_BYTES:
        pieces, height = _cut_strips(pieces, height, row_bytes, page)
        down = -(-page.size_wh[1] // height)
    each = across * down
    planes = range(_colours_and_alpha(page)) if page.planes == 2 else range(1)
    if len(pieces) < each * len(planes):
        raise ValueError("strips or tiles are missing")
    band = max(1, BAND_BYTES // row_bytes)
    together = max(1, GROUP_BYTES // max(1, height * row_bytes))
    for first in range(0, each, together):
        numbers = range(first, min(first + together, each))
        heights = _heights(page, numbers, height)
        unpacked = [
            _unpack(
                data,
                [pieces[plane * each + number] for number in numbers],
                (row_bytes, height),
                sum(heights),
                page,
            )
            for plane in planes
        ]
        above = 0
        for number, rows in zip(numbers, heights, strict=True):
            for row in range(0, rows, band):
                some = slice(above + row, above + min(row + band, rows))
                stacks = [_as_numbers(plane[some], page, width) for plane in unpacked]
                samples = np.concatenate(stacks, axis=2) if len(stacks) > 1 else stacks[0]
                yield number % across * width, number // across * height + row, samples
            above += rows


def _cut_strips(
    pieces: list[tuple[int, int]], height: int, row_bytes: int, page: tiff.Page
) -> tuple[list[tuple[int, int]], int]:
    """Strips that are not packed, as strips of fewer rows, since they are large; and how many rows."""
    rows = max(1, GROUP_BYTES // row_bytes)
    rows = next((count for count in range(rows, 0, -1) if height % count == 0), 1)
    cut = []
    strips = -(-page.size_wh[1] // height)
    for number, (place, _) in enumerate(pieces):
        left = min(height, page.size_wh[1] - number % strips * height)
        cut += [(place + row * row_bytes, 0) for row in range(0, left, rows)]
    return cut, rows


def _unpack(
    data: bytes, places: list[tuple[int, int]], piece_wh: tuple[int, int], rows: int, page: tiff.Page
) -> Array:
    """(rows, bytes of a row) of these strips or tiles, one below the other."""
    row_bytes, height = piece_wh
    if page.compression == NONE:
        left, parts = rows, []
        for place, _ in places:
            wanted = min(height, left) * row_bytes
            part = data[place : place + wanted]
            if len(part) < wanted:
                raise EOFError
            parts.append(part)
            left -= min(height, left)
        packed = np.frombuffer(b"".join(parts), np.uint8).reshape(rows, row_bytes)
        if page.fill_order == 2:
            packed = np.packbits(np.unpackbits(packed, axis=1, bitorder="little"), axis=1)
        return packed
    if page.compression == WEBP:
        return _unpack_webp(data, places, piece_wh, rows, page)
    # a file of its own, whose pixels are these bytes
    offsets, sizes, body = [], [], []
    position = 8
    for place, size in places:
        if place + size > len(data):
            raise EOFError
        offsets.append(position)
        sizes.append(size)
        body.append(data[place : place + size])
        position += size
    number = len(places)
    after = position + 2 + 12 * 10 + 4
    tags = [
        (256, 1, row_bytes),
        (257, 1, rows),
        (258, 1, 8),
        (259, 1, page.compression),
        (262, 1, 1),
        (266, 1, page.fill_order),
        (273, number, after if number > 1 else offsets[0]),
        (277, 1, 1),
        (278, 1, height),
        (279, number, after + 4 * number if number > 1 else sizes[0]),
    ]
    entries = b"".join(struct.pack("<HHII", tag, 4, count, value) for tag, count, value in tags)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    lists = struct.pack(f"<{2 * number}I", *offsets, *sizes) if number > 1 else b""
    made = b"".join([b"II*\0", struct.pack("<I", position), *body, directory, lists])
    return np.asarray(TiffFile(io.BytesIO(made)))


def _unpack_webp(
    data: bytes, places: list[tuple[int, int]], piece_wh: tuple[int, int], rows: int, page: tiff.Page
) -> Array:
    parts = []
    for place, size in places:
        piece = data[place : place + size]
        wanted_wh = piece_wh[0] // page.samples, min(piece_wh[1], rows)
        if webp.find_size(piece) != wanted_wh:  # before memory is taken for it
            raise ValueError("a tile of another size")
        with WebPImagePlugin.WebPImageFile(io.BytesIO(piece)) as image:
            shown = image.convert("RGBA" if page.samples == 4 else "RGB")
        parts.append(np.asarray(shown).reshape(-1, piece_wh[0]))
        rows -= wanted_wh[1]
    return np.concatenate(parts)


def _as_numbers(packed: Array, page: tiff.Page, width: int) -> Array:
    """(rows, width, samples) of rows of bytes."""
    bits, kind = page.bits[0], page.sample_formats[0]
    samples = page.samples if page.planes == 1 else 1
    rows = len(packed)
    if bits not in (8, 16, 32, 64):
        single = np.unpackbits(packed, axis=1)[:, : width * samples * bits].reshape(rows, -1, bits)
        weights = (1 << np.arange(bits - 1, -1, -1)).astype(np.uint16)
        return (single @ weights).astype(np.uint16).reshape(rows, width, samples)
    letter = {UNSIGNED: "u", SIGNED: "i", FLOAT: "f"}[kind]
    if page.predictor == FLOATING:  # differences of bytes, of which the high ones stand first
        summed = packed.reshape(rows, -1, samples).cumsum(axis=1, dtype=np.uint8)
        ordered = summed.reshape(rows, bits // 8, -1).transpose(0, 2, 1)
        return np.ascontiguousarray(ordered).view(f">f{bits // 8}").reshape(rows, width, samples)
    numbers = np.ascontiguousarray(packed).view(f"{page.order}{letter}{bits // 8}")
    numbers = numbers.astype(f"={letter}{bits // 8}", copy=False).reshape(rows, width, samples)
    if page.predictor == HORIZONTAL:
        numbers = numbers.cumsum(axis=1, dtype=numbers.dtype)
    return numbers


# -- from numbers to colours


def _colours_and_alpha(page: tiff.Page) -> int:
    """How many of the samples are looked at."""
    alpha = _alpha_at(page)
    return COLOURS[page.photometric] if alpha is None else alpha + 1


def _alpha_at(page: tiff.Page) -> int | None:
    """Which of the samples is transparency."""
    for number, extra in enumerate(page.extra_samples or (), COLOURS[page.photometric]):
        if extra in (ASSOCIATED, UNASSOCIATED) and number < page.samples:
            return number
    return None


def _find_range(data: bytes, page: tiff.Page) -> tuple[float, float]:
    """What black and white are: what the bits can hold, or, of numbers that are mostly measured, the range
    that they plainly belong to: 0 to 1 (floats), 8 bits, 16 bits, all bits, or their own."""
    bits, kind = page.bits[0], page.sample_formats[0]
    if kind == UNSIGNED and bits <= 16:
        return 0.0, float((1 << bits) - 1)
    low, high = np.inf, -np.inf
    for _, _, samples in _read_pieces(data, page):
        colours = _finite(samples[..., : COLOURS[page.photometric]])
        low, high = min(low, float(colours.min())), max(high, float(colours.max()))
    low = min(low, 0.0)
    ranges = [1.0, 255.0, 65535.0] if kind == FLOAT else [255.0, 65535.0]
    if kind != FLOAT:
        most = 2.0 ** (bits - (kind == SIGNED)) - 1
        ranges = [end for end in ranges if end < most] + ([most] if high > most / 2 else [])
    if low == 0:
        high = next((end for end in ranges if high <= end), high)
    return low, max(high, low + float(np.finfo(np.float32).tiny))


def _finite(numbers: Array) -> Array:
    kind = np.float64 if numbers.dtype.itemsize > 4 else np.float32
    return np.clip(np.nan_to_num(numbers.astype(kind), posinf=0.0, neginf=0.0), -LARGEST, LARGEST)


def _to_8_bit(numbers: Array, ends: tuple[float, float]) -> Array:
    if numbers.dtype == np.uint8 and ends == (0.0, 255.0):
        return numbers
    low, high = ends
    return np.clip((_finite(numbers) - low) * (255.0 / (high - low)) + 0.5, 0, 255).astype(np.uint8)


def _as_picture(samples: Array, page: tiff.Page, ends: tuple[float, float], profile: bytes) -> Image.Image:
    if page.photometric in (CIE_LAB, ICC_LAB):
        return _lab(samples, page)
    colours = _to_8_bit(samples[..., : COLOURS[page.photometric]], ends)
    if page.photometric == tiff.WHITE_IS_ZERO:
        colours = 255 - colours
    at = _alpha_at(page)
    if at is None:
        return _from_array(colours, mode_of(page))
    is_float = page.sample_formats[0] == FLOAT
    alpha = _to_8_bit(samples[..., at : at + 1], (0.0, 1.0) if is_float else ends)
    if (page.extra_samples or ())[at - COLOURS[page.photometric]] == ASSOCIATED:
        colours = np.minimum(colours * (255.0 / np.maximum(alpha, 1)) + 0.5, 255).astype(np.uint8)
    if page.photometric == CMYK:
        colours = np.asarray(to_rgb(_from_array(colours, "CMYK"), profile))
    return _from_array(np.concatenate([colours, alpha], axis=2), mode_of(page))


def _from_array(values: Array, mode: str) -> Image.Image:
    """(H, W, channels) uint8 as a picture."""
    return Image.frombytes(mode, values.shape[1::-1], np.ascontiguousarray(values).tobytes())


def _lab(samples: Array, page: tiff.Page) -> Image.Image:
    """8 bits of lightness and, with their sign, of a and b, as a TIFF has them."""
    bits, kind = page.bits[0], page.sample_formats[0]
    numbers = samples[..., :3].astype(np.float32)
    if kind == FLOAT:
        numbers *= (2.55, 1, 1)
    elif page.photometric == ICC_LAB:
        unit = 1 << (bits - 8)
        numbers = numbers / (unit if bits == 8 else (0xFF00 / 255, unit, unit)) - (0, 128, 128)
    else:
        unit = 1 << (bits - 8)
        signed = numbers[..., 1:]
        signed[signed >= 128 * unit] -= 256 * unit
        numbers /= (((1 << bits) - 1) / 255, unit, unit)
    limited = np.clip(np.rint(numbers), (0, -128, -128), (255, 127, 127)).astype(np.int16).astype(np.uint8)
    return Image.frombytes("LAB", limited.shape[1::-1], np.ascontiguousarray(limited).tobytes(), "raw", "LAB")

"""Finds the photo in a TIFF file: not its thumbnail, and with its greys the right way round.

Source: TIFF 6.0 and its supplements by Adobe (SubIFDs, NewSubfileType), BigTIFF."""

from __future__ import annotations

import struct
from dataclasses import dataclass

# Directories and tags that are looked at: photos have a handful of the ones and some dozens of the others.
MOST_PAGES, MOST_TAGS = 64, 512
MOST_VALUES = 64  # of one tag: what is asked for here has fewer
# Numbers in one directory, each of which becomes an object of Python; strips and tiles of one picture; and
# bytes of pixels for each byte of the file, where these share them.
MOST_NUMBERS, MOST_PIECES, MOST_OVERLAP = 1_000_000, 100_000, 4
LARGER = 4  # times the area: then an unmarked first page is a thumbnail of the larger one
# Tag numbers.
NEW_SUBFILE_TYPE, SUBFILE_TYPE, WIDTH, LENGTH, BITS, PHOTOMETRIC = 254, 255, 256, 257, 258, 262
STRIPS, STRIP_BYTES, TILES, TILE_BYTES, EXIF_FOLDER, GPS_FOLDER = 273, 279, 324, 325, 34665, 34853
ORIENTATION, SAMPLES, TILE_WIDTH, TILE_LENGTH, SUB_IFDS, EXTRA_SAMPLES = 274, 277, 322, 323, 330, 338
REDUCED, MASK = 1, 4  # bits of NewSubfileType
WHITE_IS_ZERO, RGB, CFA, LINEAR_RAW = 0, 2, 32803, 34892
_BYTES = frozenset({1, 2, 6, 7})  # the types that Pillow keeps as bytes or text
_FORMATS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}  # of the whole numbers


@dataclass(frozen=True)
class Page:
    """One image file directory. `offset`: where it stands; `photometric_at`: where the value of that
    tag stands."""

    offset: int
    size_wh: tuple[int, int]
    kind: int
    bits: tuple[int, ...]
    photometric: int
    photometric_at: int
    samples: int
    extra_samples: tuple[int, ...] | None
    orientation: int
    tile_wh: tuple[int, int] | None

    @property
    def is_photo(self) -> bool:
        """Not marked as a small copy or a mask, and no sensor data."""
        return not self.kind & (REDUCED | MASK) and self.photometric not in (CFA, LINEAR_RAW)

    @property
    def area(self) -> int:
        return self.size_wh[0] * self.size_wh[1]

    @property
    def is_deep_negative(self) -> bool:
        """Grey of 16 bits in which the largest number is black: Pillow reads it as if it were white."""
        return self.photometric == WHITE_IS_ZERO and self.bits[:1] == (16,) and self.samples == 1

    @property
    def fourth_is_unspecified(self) -> bool:
        """RGB with a fourth channel of which nothing says that it is transparency: infrared of a
        scanner, or padding."""
        return self.photometric == RGB and self.samples == 4 and self.extra_samples in (None, (), (0,))


def check_tags(data: bytes) -> None:
    """Raises ValueError where directories that are read whole, the first, its Exif and its GPS, hold more
    than any photo says of itself, or pixels that many strips share. What is damaged is passed over."""
    order = "<" if data[:2] == b"II" else ">"
    try:
        big = _is_big(data, order)
        waiting = [struct.unpack_from(f"{order}Q" if big else f"{order}I", data, 8 if big else 4)[0]]
    except struct.error:
        return
    seen: set[int] = set()
    while waiting:
        offset = waiting.pop()
        if offset in seen or len(seen) > MOST_PAGES:
            continue
        seen.add(offset)
        try:
            waiting += _check_directory(data, order, big, offset)
        except struct.error:
            continue


def _check_directory(data: bytes, order: str, big: bool, offset: int) -> list[int]:
    """The directories within it that are read as well."""
    count_format, entry_bytes, value_format = ("Q", 20, "Q") if big else ("H", 12, "I")
    (count,) = struct.unpack_from(order + count_format, data, offset)
    start = offset + struct.calcsize(order + count_format)
    within, numbers = [], 0
    for entry in range(start, min(start + count * entry_bytes, len(data)), entry_bytes):
        tag, kind = struct.unpack_from(f"{order}HH", data, entry)
        (number,) = struct.unpack_from(order + value_format, data, entry + 4)
        (value,) = struct.unpack_from(order + value_format, data, entry + (12 if big else 8))
        numbers += 0 if kind in _BYTES else number
        if numbers > MOST_NUMBERS:
            raise ValueError("a tag of too many numbers")
        if tag in (STRIPS, STRIP_BYTES, TILES, TILE_BYTES) and number > MOST_PIECES:
            raise ValueError("too many strips")
        if tag in (STRIP_BYTES, TILE_BYTES) and number > 1 and kind in _FORMATS:
            stated = sum(struct.unpack_from(f"{order}{number}{_FORMATS[kind]}", data, value))
            if stated > MOST_OVERLAP * len(data):
                raise ValueError("strips that overlap")
        if tag in (EXIF_FOLDER, GPS_FOLDER):
            within.append(value)
    return within


def find_photo(data: bytes) -> tuple[Page, Page] | None:
    """The page to show, and the first one, which carries the Exif; None where none can be found."""
    pages = _pages(data)
    if not pages:
        return None
    photos = [page for page in pages if page.is_photo] or pages[:1]
    largest = max(photos, key=lambda page: page.area)
    first = photos[0]
    return (largest if largest.area >= LARGER * max(first.area, 1) else first), pages[0]


def with_first_page(data: bytes, page: Page) -> bytes:
    """The same file, with the page as its first one, and its greys as decoders expect them."""
    order = "<" if data[:2] == b"II" else ">"
    changed = bytearray(data)
    if _is_big(data, order):
        struct.pack_into(f"{order}Q", changed, 8, page.offset)
    else:
        struct.pack_into(f"{order}I", changed, 4, page.offset)
    if page.is_deep_negative:
        struct.pack_into(f"{order}H", changed, page.photometric_at, 1)
    return bytes(changed)


def _is_big(data: bytes, order: str) -> bool:
    return struct.unpack_from(f"{order}H", data, 2)[0] == 43


def _pages(data: bytes) -> list[Page]:
    order = "<" if data[:2] == b"II" else ">"
    pages: list[Page] = []
    seen: set[int] = set()
    try:
        big = _is_big(data, order)
        waiting = [struct.unpack_from(f"{order}Q" if big else f"{order}I", data, 8 if big else 4)[0]]
    except struct.error:
        return []
    while waiting and len(seen) < MOST_PAGES:
        offset = waiting.pop(0)
        if offset in seen or not 8 <= offset < len(data):
            continue
        seen.add(offset)
        try:
            page, below, following = _page(data, order, big, offset)
        except (struct.error, KeyError, IndexError):  # a damaged directory: the others may do
            continue
        pages.append(page)
        waiting = [*below, *following, *waiting]
    return pages


def _page(data: bytes, order: str, big: bool, offset: int) -> tuple[Page, list[int], list[int]]:
    """The page, the offsets of its SubIFDs, and that of the next page."""
    count_format, entry_bytes, value_format = ("Q", 20, "Q") if big else ("H", 12, "I")
    (count,) = struct.unpack_from(order + count_format, data, offset)
    start = offset + struct.calcsize(order + count_format)
    if count > MOST_TAGS:
        raise IndexError("too many tags")
    tags: dict[int, tuple[int, ...]] = {}
    places: dict[int, int] = {}
    for entry in range(start, start + count * entry_bytes, entry_bytes):
        tag, kind = struct.unpack_from(f"{order}HH", data, entry)
        (number,) = struct.unpack_from(order + value_format, data, entry + 4)
        if kind not in _FORMATS or not 0 < number <= MOST_VALUES:
            continue
        at = entry + (12 if big else 8)
        if number * struct.calcsize(f"={_FORMATS[kind]}") > (8 if big else 4):
            (at,) = struct.unpack_from(order + value_format, data, at)
        try:
            tags[tag] = struct.unpack_from(f"{order}{number}{_FORMATS[kind]}", data, at)
        except struct.error:
            continue
        places[tag] = at
    end = start + count * entry_bytes
    following = list(struct.unpack_from(order + value_format, data, end)) if end + 4 <= len(data) else []
    one = {tag: values[0] for tag, values in tags.items()}
    kind = one.get(NEW_SUBFILE_TYPE, REDUCED if one.get(SUBFILE_TYPE) == 2 else 0)
    tile = (one[TILE_WIDTH], one[TILE_LENGTH]) if {TILE_WIDTH, TILE_LENGTH} <= one.keys() else None
    page = Page(
        offset,
        (one[WIDTH], one[LENGTH]),
        kind,
        tags.get(BITS, (1,)),
        one.get(PHOTOMETRIC, 1),
        places.get(PHOTOMETRIC, 0),
        one.get(SAMPLES, 1),
        tags.get(EXTRA_SAMPLES),
        one.get(ORIENTATION, 1),
        tile,
    )
    return page, list(tags.get(SUB_IFDS, ())), following

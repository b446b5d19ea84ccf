"""Finds the photo in a TIFF file, not its thumbnail, and says how its pixels are kept.

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
TOO_MANY_TAGS = 10_000  # on the first page, all of which Pillow reads
LARGER = 4  # times the area: then an unmarked first page is a thumbnail of the larger one
# Tag numbers.
NEW_SUBFILE_TYPE, SUBFILE_TYPE, WIDTH, LENGTH, BITS, PHOTOMETRIC = 254, 255, 256, 257, 258, 262
STRIPS, STRIP_BYTES, TILES, TILE_BYTES, EXIF_FOLDER, GPS_FOLDER = 273, 279, 324, 325, 34665, 34853
ORIENTATION, SAMPLES, TILE_WIDTH, TILE_LENGTH, SUB_IFDS, EXTRA_SAMPLES = 274, 277, 322, 323, 330, 338
COMPRESSION, FILL_ORDER, ROWS_PER_STRIP, PLANES, PREDICTOR, SAMPLE_FORMAT = 259, 266, 278, 284, 317, 339
COLOUR_MAP, JPEG_TABLES, YCBCR_TAGS = 320, 347, (529, 530, 531, 532)
# What says how strips or tiles are decoded.
OF_PIXELS = frozenset(
    {WIDTH, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, SAMPLES, PLANES, PREDICTOR, COLOUR_MAP}
    | {TILE_WIDTH, TILE_LENGTH, EXTRA_SAMPLES, SAMPLE_FORMAT, JPEG_TABLES, *YCBCR_TAGS}
)
REDUCED, MASK = 1, 4  # bits of NewSubfileType
WHITE_IS_ZERO, RGB, CFA, LINEAR_RAW = 0, 2, 32803, 34892
_BYTES = frozenset({1, 2, 6, 7})  # the types that Pillow keeps as bytes or text
_FORMATS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}  # of the whole numbers
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_BIG_TYPES = {16: (4, "Q"), 17: (9, "q"), 18: (13, "Q")}  # of BigTIFF: (what TIFF has for it, its numbers)


@dataclass(frozen=True)
class Page:
    """One image file directory. `offset`: where it stands; `order`: of its bytes, as `struct` calls it;
    `planes`: 2 where each channel has strips or tiles of its own; `places` and `place_bytes`: of the strips
    or tiles, (type, how many, where these numbers stand)."""

    offset: int
    order: str
    size_wh: tuple[int, int]
    kind: int
    bits: tuple[int, ...]
    photometric: int
    samples: int
    extra_samples: tuple[int, ...] | None
    orientation: int
    tile_wh: tuple[int, int] | None
    compression: int
    fill_order: int
    rows_per_strip: int
    planes: int
    predictor: int
    sample_formats: tuple[int, ...]
    places: tuple[int, int, int]
    place_bytes: tuple[int, int, int]

    @property
    def is_photo(self) -> bool:
        """Not marked as a small copy or a mask, and no sensor data."""
        return not self.kind & (REDUCED | MASK) and self.photometric not in (CFA, LINEAR_RAW)

    @property
    def area(self) -> int:
        return self.size_wh[0] * self.size_wh[1]

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
            waiting += _check_directory(data, order, big, offset, is_first=len(seen) == 1)
        except struct.error:
            continue


def _check_directory(data: bytes, order: str, big: bool, offset: int, is_first: bool) -> list[int]:
    """The directories within it that are read as well."""
    count_format, entry_bytes, value_format = ("Q", 20, "Q") if big else ("H", 12, "I")
    (count,) = struct.unpack_from(order + count_format, data, offset)
    start = offset + struct.calcsize(order + count_format)
    if is_first and count > TOO_MANY_TAGS:
        raise ValueError("too many tags")
    within, numbers = [], 0
    for entry in range(start, min(start + count * entry_bytes, len(data)), entry_bytes):
        tag, kind = struct.unpack_from(f"{order}HH", data, entry)
        (number,) = struct.unpack_from(order + value_format, data, entry + 4)
        (value,) = struct.unpack_from(order + value_format, data, entry + (12 if big else 8))
        is_read = number * _TYPE_BYTES.get(kind, len(data) + 1) <= len(data)  # others are passed over
        numbers += number if is_read and kind not in _BYTES else 0
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


def find_pieces(data: bytes, page: Page) -> list[tuple[int, int]]:
    """Where the strips or tiles of a page stand, and how many bytes each has. Raises struct.error where
    that is not said."""
    order = "<" if data[:2] == b"II" else ">"
    found = []
    for kind, number, at in (page.places, page.place_bytes):
        found.append(struct.unpack_from(f"{order}{number}{_FORMATS[kind]}", data, at))
    return list(zip(*found, strict=True))


def cut_out(data: bytes, page: Page, places: list[tuple[int, int]], rows: int, height: int) -> bytes:
    """A TIFF of these strips or tiles of the page, (where each stands, how many bytes), which are `height`
    rows high; `rows`: of its picture. Raises struct.error."""
    order = page.order
    offsets, sizes, position = [], [], 8
    for _, size in places:
        offsets.append(position)
        sizes.append(size)
        position += size + size % 2  # directories begin at even places
    entries = {entry[0]: entry for entry in _entries_of_pixels(data, page)}
    where = (TILES, TILE_BYTES) if page.tile_wh else (STRIPS, STRIP_BYTES)
    for tag, numbers in ((LENGTH, [rows]), (where[0], offsets), (where[1], sizes)):
        entries[tag] = tag, 4, len(numbers), struct.pack(f"{order}{len(numbers)}I", *numbers)
    if not page.tile_wh:
        entries[ROWS_PER_STRIP] = ROWS_PER_STRIP, 4, 1, struct.pack(f"{order}I", height)
    directory, behind = [struct.pack(f"{order}H", len(entries))], []
    after = position + 2 + 12 * len(entries) + 4
    for _, (tag, kind, number, value) in sorted(entries.items()):
        if len(value) > 4:
            behind.append(value + bytes(len(value) % 2))
            value = struct.pack(f"{order}I", after)
            after += len(behind[-1])
        directory.append(struct.pack(f"{order}HHI", tag, kind, number) + value.ljust(4, b"\0"))
    mark = b"II*\0" if order == "<" else b"MM\0*"
    body = [data[place : place + size] + bytes(size % 2) for place, size in places]
    return b"".join([mark, struct.pack(f"{order}I", position), *body, *directory, bytes(4), *behind])


def _entries_of_pixels(data: bytes, page: Page) -> list[tuple[int, int, int, bytes]]:
    """(tag, type, how many values, these values) of what says how its strips or tiles are decoded. Raises
    struct.error."""
    order, big = page.order, _is_big(data, page.order)
    count_format, entry_bytes, value_format = ("Q", 20, "Q") if big else ("H", 12, "I")
    (count,) = struct.unpack_from(order + count_format, data, page.offset)
    start = page.offset + struct.calcsize(f"={count_format}")
    entries = []
    for entry in range(start, start + count * entry_bytes, entry_bytes):
        tag, kind = struct.unpack_from(f"{order}HH", data, entry)
        if tag not in OF_PIXELS:
            continue
        (number,) = struct.unpack_from(order + value_format, data, entry + 4)
        kind, form = _BIG_TYPES.get(kind, (kind, ""))
        size_bytes = number * (8 if form else _TYPE_BYTES.get(kind, 0))
        at = entry + (12 if big else 8)
        if size_bytes > (8 if big else 4):
            (at,) = struct.unpack_from(order + value_format, data, at)
        value = data[at : at + size_bytes]
        if form:
            numbers = struct.unpack(f"{order}{number}{form}", value)
            value = struct.pack(f"{order}{number}{'i' if form == 'q' else 'I'}", *numbers)
        entries.append((tag, kind, number, value))
    return entries


def with_first_page(data: bytes, page: Page) -> bytes:
    """The same file, with the page as its first one; of a BigTIFF a TIFF of this page alone, since Pillow
    reads no big-endian ones."""
    order = "<" if data[:2] == b"II" else ">"
    if _is_big(data, order):
        return as_classic(data, page.offset)
    return data[:4] + struct.pack(f"{order}I", page.offset) + data[8:]


def is_big(data: bytes) -> bool:
    return data[:4] in (b"II+\0", b"MM\0+")


def as_classic(data: bytes, offset: int) -> bytes:
    """A BigTIFF as a TIFF with this page, behind which its directory is written again."""
    order = "<" if data[:2] == b"II" else ">"
    added = bytearray()
    first = _add_classic(data, order, offset, added, 0)
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return b"".join([mark, struct.pack(f"{order}I", first), data[8:], added])


def _add_classic(data: bytes, order: str, offset: int, added: bytearray, depth: int) -> int:
    """Adds the directory, and those of Exif and GPS within it; returns where it stands. Raises
    struct.error."""
    (count,) = struct.unpack_from(f"{order}Q", data, offset)
    if count > MOST_TAGS:
        raise struct.error("too many tags")
    entries = []
    for at in range(offset + 8, offset + 8 + 20 * count, 20):
        tag, kind, number = struct.unpack_from(f"{order}HHQ", data, at)
        kind, form = _BIG_TYPES.get(kind, (kind, ""))
        if tag == SUB_IFDS or kind not in _TYPE_BYTES or number > (MOST_NUMBERS if form else len(data)):
            continue
        if len(added) > len(data):
            raise struct.error("tags that share their values")
        place = at + 12
        if number * (8 if form else _TYPE_BYTES[kind]) > 8:
            (place,) = struct.unpack_from(f"{order}Q", data, place)
        size_bytes = number * _TYPE_BYTES[kind]
        if tag in (EXIF_FOLDER, GPS_FOLDER) and not depth:
            (within,) = struct.unpack_from(order + (form or _FORMATS[kind]), data, place)
            value = struct.pack(f"{order}I", _add_classic(data, order, within, added, depth + 1))
        elif form:
            numbers = struct.unpack_from(f"{order}{number}{form}", data, place)
            value = struct.pack(f"{order}{number}{'i' if form == 'q' else 'I'}", *numbers)
        else:
            value = data[place : place + size_bytes]
        if len(value) > 4:
            added += bytes(len(added) % 2)  # directories and values begin at even places
            stands = len(data) + len(added)
            added += value
            value = struct.pack(f"{order}I", stands)
        entries.append(struct.pack(f"{order}HHI", tag, kind, number) + value.ljust(4, b"\0"))
    added += bytes(len(added) % 2)
    stands = len(data) + len(added)
    added += struct.pack(f"{order}H", len(entries)) + b"".join(entries) + bytes(4)
    return stands


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
    places: dict[int, tuple[int, int, int]] = {}
    for entry in range(start, start + count * entry_bytes, entry_bytes):
        tag, kind = struct.unpack_from(f"{order}HH", data, entry)
        (number,) = struct.unpack_from(order + value_format, data, entry + 4)
        if kind not in _FORMATS or not 0 < number <= MOST_PIECES:
            continue
        at = entry + (12 if big else 8)
        if number * struct.calcsize(f"={_FORMATS[kind]}") > (8 if big else 4):
            (at,) = struct.unpack_from(order + value_format, data, at)
        places[tag] = kind, number, at
        if number > MOST_VALUES:
            continue
        try:
            tags[tag] = struct.unpack_from(f"{order}{number}{_FORMATS[kind]}", data, at)
        except struct.error:
            continue
    end = start + count * entry_bytes
    following = list(struct.unpack_from(order + value_format, data, end)) if end + 4 <= len(data) else []
    one = {tag: values[0] for tag, values in tags.items()}
    kind = one.get(NEW_SUBFILE_TYPE, REDUCED if one.get(SUBFILE_TYPE) == 2 else 0)
    tile = (one[TILE_WIDTH], one[TILE_LENGTH]) if {TILE_WIDTH, TILE_LENGTH} <= one.keys() else None
    page = Page(
        offset,
        order,
        (one[WIDTH], one[LENGTH]),
        kind,
        tags.get(BITS, (1,)),
        one.get(PHOTOMETRIC, 1),
        one.get(SAMPLES, 1),
        tags.get(EXTRA_SAMPLES),
        one.get(ORIENTATION, 1),
        tile,
        one.get(COMPRESSION, 1),
        one.get(FILL_ORDER, 1),
        one.get(ROWS_PER_STRIP, one[LENGTH]),
        one.get(PLANES, 1),
        one.get(PREDICTOR, 1),
        tags.get(SAMPLE_FORMAT, (1,)),
        places.get(TILES if tile else STRIPS, (4, 0, 0)),
        places.get(TILE_BYTES if tile else STRIP_BYTES, (4, 0, 0)),
    )
    return page, list(tags.get(SUB_IFDS, ())), following

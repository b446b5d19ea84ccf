"""The identity of a picture whatever other programs write around it: a hash of its compressed
pixels. A caption, a rating, a new date or another name leave it as it is; one changed pixel does
not. Decodes nothing; standard library only.

    JPEG (ITU-T T.81)              all segments but comments and APPn; Adobe's APP14 says how colours
                                   are coded
    PNG (ISO 15948)                header, palette, transparency, image data
    WebP (RFC 9649)                image, alpha and animation chunks
    GIF (89a)                      all blocks but comments and application extensions
    TIFF 6.0, BigTIFF, most RAW    strips and tiles of every image in the file
    HEIF, AVIF (ISO 23008-12)      the coded images, not Exif and XMP items
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator

from phototag.reading.jpeg import MARKER, skip_fill

# Files beyond these were made to keep us busy: of more pieces, with more notes, of pieces that overlap.
MAX_PARTS, MAX_SEGMENTS, MAX_ENTRIES, MAX_OVERLAP = 300_000, 10_000, 20_000, 4
# Of a HEIF, boxes at one level, and places of coded images: a photo in tiles has some hundreds.
MAX_BOXES = 20_000
# Of a GIF, together: its blocks hold 255 bytes each, but for the last of a frame.
MAX_SHORT_BLOCKS, BLOCK_BYTES = 100_000, 64
Bytes = bytes | memoryview  # what says how pixels are coded, and pixels themselves


class _Damaged(ValueError):
    """The file does not hold together; it has no hash of its pixels."""


def hash_pixels(data: bytes) -> str | None:
    """SHA-256 in hex over what is compressed pixels in the file's bytes; None for files of other kinds,
    damaged ones, and ones in which no pixels are found."""
    digest, size, has_pixels = hashlib.sha256(), 0, False
    try:
        for number, part in enumerate(_pixel_parts(data)):
            size += len(part)
            has_pixels = has_pixels or (isinstance(part, memoryview) and len(part) > 0)
            if number > MAX_PARTS or size > MAX_OVERLAP * len(data):
                return None
            digest.update(part)
    except (_Damaged, struct.error, IndexError):
        return None
    # two files that end before their pixels may have the same tables, and are not the same picture
    return digest.hexdigest() if has_pixels else None


def _pixel_parts(data: bytes) -> Iterator[Bytes]:
    if data[:3] == b"\xff\xd8\xff":
        return _jpeg(data)
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return _png(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return _gif(data)
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _tiff(data)
    if data[4:8] == b"ftyp":
        return _heif(data)
    return iter(())


def _one_more(number: int, most: int) -> int:
    if number >= most:
        raise _Damaged("too many pieces")
    return number + 1


def _cut(data: bytes, start: int, length: int) -> memoryview:
    if start < 0 or length < 0 or start + length > len(data):
        raise _Damaged("a part lies outside the file")
    return memoryview(data)[start : start + length]


# -- JPEG

_SOI, _EOI, _SOS, _COMMENT, _ADOBE = 0xD8, 0xD9, 0xDA, 0xFE, 0xEE


def _jpeg(data: bytes) -> Iterator[Bytes]:
    position = 2
    for _ in range(MAX_SEGMENTS):
        if position >= len(data):
            return
        if data[position] != 0xFF:
            raise _Damaged("no marker where one must be")
        position = skip_fill(data, position)
        marker = data[position + 1]
        if marker == _EOI:
            return
        if marker == 0x01 or 0xD0 <= marker <= _SOI:
            position += 2
            continue
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        segment = _cut(data, position, 2 + length)
        is_metadata = 0xE0 <= marker <= 0xEF or marker == _COMMENT
        if not is_metadata or (marker == _ADOBE and bytes(segment[4:9]) == b"Adobe"):
            yield bytes(segment)
        position += 2 + length
        if marker == _SOS:
            end = _end_of_scan(data, position)
            yield memoryview(data)[position:end]
            position = end
    raise _Damaged("too many segments")


def _end_of_scan(data: bytes, position: int) -> int:
    """Where the next marker stands that is neither a restart nor a stuffed byte."""
    found = MARKER.search(data, position)
    return found.start() if found else len(data)


# -- PNG, WebP


def _png(data: bytes) -> Iterator[Bytes]:
    position, notes = 8, 0
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind in (b"IHDR", b"PLTE", b"tRNS"):
            yield bytes(_cut(data, position, 8 + length))
        elif kind == b"IDAT":  # however it is cut into chunks
            yield _cut(data, position + 8, length)
        elif kind == b"IEND":
            return
        else:
            notes = _one_more(notes, MAX_SEGMENTS)
        position += 12 + length


def _webp(data: bytes) -> Iterator[Bytes]:
    position, notes = 12, 0
    while position + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, position)
        if kind in (b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"):
            yield _cut(data, position, 8 + length)
        else:
            notes = _one_more(notes, MAX_SEGMENTS)
        position += 8 + length + length % 2


# -- GIF


def _gif(data: bytes) -> Iterator[Bytes]:
    position = 13 + (3 * (2 << (data[10] & 7)) if data[10] & 0x80 else 0)
    yield bytes(_cut(data, 6, position - 6))
    notes = blocks = 0
    while position < len(data):
        start, kind = position, data[position]
        if kind == 0x3B:
            return
        if kind == 0x21:
            wanted = data[position + 1] == 0xF9  # graphic control; comments and applications are metadata
            position, blocks = _after_blocks(data, position + 2, blocks)
        elif kind == 0x2C:
            wanted, flags = True, data[position + 9]
            position += 11 + (3 * (2 << (flags & 7)) if flags & 0x80 else 0)
            position, blocks = _after_blocks(data, position, blocks)
        else:
            raise _Damaged("an unknown block")
        if wanted:
            part = _cut(data, start, position - start)
            yield part if kind == 0x2C else bytes(part)
        else:
            notes = _one_more(notes, MAX_SEGMENTS)


def _after_blocks(data: bytes, position: int, blocks: int) -> tuple[int, int]:
    """(where it goes on behind them, how many blocks the file has had by then)."""
    while length := data[position]:
        position += 1 + length
        blocks = _one_more(blocks, MAX_SHORT_BLOCKS + len(data) // BLOCK_BYTES)
    return position + 1, blocks


# -- TIFF

_FORMATS = {3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}  # SHORT, LONG, IFD, and those of BigTIFF
_SUB_IFDS = 330
# Width, height, bits, compression, photometric, samples: what the same bytes mean.
_MEANING = (256, 257, 258, 259, 262, 277)
_PLACES = ((273, 279), (324, 325))  # (offsets, byte counts) of strips, of tiles
_JPEG_PLACE = (513, 514)  # of a whole JPEG, in files that have neither


def _tiff(data: bytes) -> Iterator[Bytes]:
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    count_format, entry_bytes, offset_format = ("Q", 20, "Q") if big else ("H", 12, "I")
    count_bytes = struct.calcsize(f"={count_format}")
    waiting, seen, entries = [struct.unpack_from(order + offset_format, data, 8 if big else 4)[0]], set(), 0
    jpegs: list[memoryview] = []
    has_pixels = False
    while waiting:
        offset = waiting.pop(0)
        if not offset or offset in seen:
            continue
        seen.add(offset)
        (count,) = struct.unpack_from(order + count_format, data, offset)
        entries += count
        if entries > MAX_ENTRIES or len(waiting) > MAX_ENTRIES:
            raise _Damaged("too many pages")
        fields, start = {}, offset + count_bytes
        for entry in range(start, start + entry_bytes * count, entry_bytes):
            tag, kind, number = struct.unpack_from(f"{order}HH{offset_format}", data, entry)
            if tag in (*_MEANING, _SUB_IFDS, *_JPEG_PLACE) or any(tag in pair for pair in _PLACES):
                at = entry + entry_bytes - (8 if big else 4)
                fields[tag] = _numbers(data, order, kind, number, at, big)
        waiting += fields.get(_SUB_IFDS, ())
        waiting.append(struct.unpack_from(order + offset_format, data, start + entry_bytes * count)[0])
        yield repr([fields.get(tag) for tag in _MEANING]).encode()
        for offsets, lengths in _PLACES:
            for place, length in zip(fields.get(offsets, ()), fields.get(lengths, ()), strict=False):
                has_pixels = True
                yield _cut(data, place, length)
        for place, length in zip(*(fields.get(tag, ()) for tag in _JPEG_PLACE), strict=False):
            jpegs.append(_cut(data, place, length))
    if not has_pixels:
        yield from jpegs


def _numbers(data: bytes, order: str, kind: int, number: int, at: int, big: bool) -> tuple[int, ...]:
    if kind not in _FORMATS:
        return ()
    size = number * struct.calcsize(f"={_FORMATS[kind]}")
    if size > (8 if big else 4):
        (at,) = struct.unpack_from(f"{order}{'Q' if big else 'I'}", data, at)
    _cut(data, at, size)
    return struct.unpack_from(f"{order}{number}{_FORMATS[kind]}", data, at)


# -- HEIF and AVIF

_METADATA_ITEMS = (b"Exif", b"mime", b"uri ")


def _heif(data: bytes) -> Iterator[Bytes]:
    boxes = {kind: (start, end) for kind, start, end in _boxes(data, 0, len(data))}
    start, end = boxes.get(b"meta", (0, 0))
    inner = {kind: (first, last) for kind, first, last in _boxes(data, start + 4, end)}
    if b"iloc" not in inner or b"iinf" not in inner:
        raise _Damaged("no items")
    kinds = dict(_item_kinds(data, *inner[b"iinf"]))
    idat = inner.get(b"idat", (0, 0))[0]
    for item, method, extents in sorted(_item_places(data, inner[b"iloc"][0])):
        if kinds.get(item) in _METADATA_ITEMS or item not in kinds:
            continue
        for offset, length in extents:
            yield _cut(data, offset + (idat if method == 1 else 0), length)


def _boxes(data: bytes, position: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start of the contents, end) of the boxes in a part of the file."""
    number = 0
    while position + 8 <= end:
        number = _one_more(number, MAX_BOXES)
        size, kind = struct.unpack_from(">I4s", data, position)
        header = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, position + 8)
            header = 16
        last = end if size == 0 else position + size
        if last > end or last < position + header:
            raise _Damaged("a box lies outside its own")
        yield kind, position + header, last
        position = last


def _item_kinds(data: bytes, position: int, end: int) -> Iterator[tuple[int, bytes]]:
    first = position + (6 if data[position] == 0 else 8)
    for kind, start, _ in _boxes(data, first, end):
        if kind == b"infe" and data[start] >= 2:
            wide = data[start] >= 3
            (item,) = struct.unpack_from(">I" if wide else ">H", data, start + 4)
            at = start + 4 + (4 if wide else 2) + 2
            yield item, bytes(data[at : at + 4])


def _item_places(data: bytes, position: int) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """(item, construction method, [(offset, length)]) of an item location box."""
    version = data[position]
    sizes, more = data[position + 4], data[position + 5]
    offset_size, length_size, base_size = sizes >> 4, sizes & 15, more >> 4
    index_size = more & 15 if version in (1, 2) else 0
    position += 6

    def read(size: int) -> int:
        nonlocal position
        value = int.from_bytes(_cut(data, position, size), "big")
        position += size
        return value

    places = 0
    for _ in range(read(4 if version == 2 else 2)):
        places = _one_more(places, MAX_BOXES)
        item = read(4 if version == 2 else 2)
        method = read(2) & 15 if version in (1, 2) else 0
        read(2)  # data reference
        base = read(base_size)
        extents = []
        for _ in range(read(2)):
            places = _one_more(places, MAX_BOXES)
            read(index_size)
            offset, length = read(offset_size), read(length_size)
            extents.append((base + offset, length))
        yield item, method, extents

"""The items of a HEIF or AVIF file: which there are, where their bytes lie. Reads them without a decoder.

Sources: ISO/IEC 14496-12 (boxes, the meta box), ISO/IEC 23008-12 (images, Exif)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MOST_BOXES, MOST_ITEMS, MOST_EXTENTS = 10_000, 10_000, 100
MAX_ITEM_BYTES = 8 << 20  # of a note; pictures are not asked for


@dataclass(frozen=True, slots=True)
class Box:
    """`start` and `end`: of its body."""

    kind: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Item:
    """`kind`: `av01`, `hvc1`, `grid`, `Exif`, `mime` ...; `kind_at`: where in the file that stands;
    `content`: of a `mime` item, its MIME type."""

    number: int
    kind: bytes
    kind_at: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Reference:
    """From one item to others: `auxl` to the picture whose transparency it is, `dimg` to what it is
    made of. `kind_at`: where in the file the kind stands."""

    kind: bytes
    kind_at: int
    source: int
    targets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Associations:
    """A list of which properties belong to which `items`: item -> their numbers, from 1 on. `start`: of its
    body, version and flags."""

    start: int
    items: dict[int, tuple[int, ...]]


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes one after another, up to one that makes no sense; the last may be cut short."""
    end = len(data) if end is None else min(end, len(data))
    for _ in range(MOST_BOXES):
        if start + 8 > end:
            return
        size, body = int.from_bytes(data[start : start + 4], "big"), start + 8
        if size == 1:
            size, body = int.from_bytes(data[start + 8 : start + 16], "big"), start + 16
        stop = end if size == 0 else min(start + size, end)
        if stop < body:
            return
        yield Box(data[start + 4 : start + 8], body, stop)
        start = stop


def _byte(data: bytes, at: int) -> int:
    """0 where the file has ended."""
    return data[at] if at < len(data) else 0


def find_meta(data: bytes) -> dict[bytes, Box]:
    """The boxes in the file's meta box by their kinds; of several the first."""
    found: dict[bytes, Box] = {}
    meta = next((box for box in boxes(data) if box.kind == b"meta"), None)
    if meta is not None:
        for box in boxes(data, meta.start + 4, meta.end):
            found.setdefault(box.kind, box)
    return found


def find_items(data: bytes, meta: dict[bytes, Box]) -> list[Item]:
    """What the file says there is in it."""
    if (listed := meta.get(b"iinf")) is None:
        return []
    wide = _byte(data, listed.start) > 0
    found = []
    for box in boxes(data, listed.start + (8 if wide else 6), listed.end):
        version, at = data[box.start : box.start + 1], box.start + 4
        if box.kind != b"infe" or version not in (b"\2", b"\3"):
            continue
        width = 2 if version == b"\2" else 4
        kind_at = at + width + 2
        _, _, content = data[kind_at + 4 : box.end].partition(b"\0")
        found.append(
            Item(
                int.from_bytes(data[at : at + width], "big"),
                data[kind_at : kind_at + 4],
                kind_at,
                content.split(b"\0")[0],
            )
        )
    return found[:MOST_ITEMS]


def find_primary(data: bytes, meta: dict[bytes, Box]) -> int | None:
    """The number of the item that is the picture."""
    if (box := meta.get(b"pitm")) is None:
        return None
    return int.from_bytes(data[box.start + 4 : box.start + (8 if _byte(data, box.start) else 6)], "big")


def find_references(data: bytes, meta: dict[bytes, Box]) -> Iterator[Reference]:
    """Which item refers to which."""
    if (listed := meta.get(b"iref")) is None:
        return
    width = 4 if _byte(data, listed.start) else 2
    for box in boxes(data, listed.start + 4, listed.end):
        at = box.start + width + 2
        targets = range(at, min(box.end, at + width * MOST_EXTENTS), width)
        yield Reference(
            box.kind,
            box.start - 4,
            int.from_bytes(data[box.start : box.start + width], "big"),
            tuple(int.from_bytes(data[one : one + width], "big") for one in targets),
        )


def find_associations(data: bytes, meta: dict[bytes, Box]) -> Iterator[Associations]:
    """The lists of which properties belong to which items; a file may have several."""
    if (properties := meta.get(b"iprp")) is None:
        return
    for box in boxes(data, properties.start, properties.end):
        if box.kind != b"ipma" or box.end - box.start < 8:
            continue
        width = 4 if _byte(data, box.start) else 2
        each = 2 if _byte(data, box.start + 3) & 1 else 1
        count = int.from_bytes(data[box.start + 4 : box.start + 8], "big")
        at, found = box.start + 8, {}
        for _ in range(min(count, MOST_ITEMS)):
            if at + width >= box.end:
                break
            item, at = int.from_bytes(data[at : at + width], "big"), at + width + 1
            end = at + each * _byte(data, at - 1)
            mask = 0x7FFF if each == 2 else 0x7F  # the first bit says that it is needed
            numbers = (int.from_bytes(data[one : one + each], "big") & mask for one in range(at, end, each))
            found[item], at = tuple(numbers), end
        yield Associations(box.start, found)


def find_properties(data: bytes, meta: dict[bytes, Box], item: int) -> Iterator[Box]:
    """The properties of an item, in their order."""
    if (properties := meta.get(b"iprp")) is None:
        return
    inside = boxes(data, properties.start, properties.end)
    container = next((box for box in inside if box.kind == b"ipco"), None)
    if container is None:
        return
    known = dict(enumerate(boxes(data, container.start, container.end), 1))
    for listed in find_associations(data, meta):
        for number in listed.items.get(item, ()):
            if number in known:
                yield known[number]


def read_item(data: bytes, meta: dict[bytes, Box], number: int) -> bytes:
    """The bytes of an item, as far as they are there and are no more than any note has."""
    if (places := meta.get(b"iloc")) is None:
        return b""
    version, position = _byte(data, places.start), places.start + 4

    def take(size: int) -> int:
        nonlocal position
        position += size
        return int.from_bytes(data[position - size : position], "big")

    sizes = take(2)
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version else 0
    for _ in range(min(take(4 if version == 2 else 2), MOST_ITEMS)):
        if position >= places.end:
            break
        found = take(4 if version == 2 else 2)
        method = take(2) & 15 if version else 0
        take(2)
        base = take(base_size)
        extents = []
        for _ in range(take(2)):
            take(index_size)
            extents.append((take(offset_size), take(length_size)))
            if len(extents) > MOST_EXTENTS:
                return b""
        if found == number:
            start = meta[b"idat"].start if method == 1 and b"idat" in meta else 0
            parts = (
                data[start + base + at : start + base + at + min(length or MAX_ITEM_BYTES, MAX_ITEM_BYTES)]
                for at, length in extents
            )
            return b"".join(parts)[:MAX_ITEM_BYTES]
    return b""


def find_notes(data: bytes) -> tuple[bytes, bytes]:
    """The block of Exif, without a head, and the XMP packet; empty where there is none."""
    meta = find_meta(data)
    exif = packet = b""
    for item in find_items(data, meta):
        if item.kind == b"Exif" and not exif:
            exif = _without_offset(read_item(data, meta, item.number))
        elif item.kind == b"mime" and item.content == b"application/rdf+xml" and not packet:
            packet = read_item(data, meta, item.number)
    return exif, packet


def _without_offset(block: bytes) -> bytes:
    """Before the block stands where in it its TIFF header is. Some programs count wrongly."""
    at = 4 + int.from_bytes(block[:4], "big")
    if block[at : at + 2] in (b"II", b"MM"):
        return block[at:]
    starts = [found for mark in (b"II*\0", b"MM\0*") if (found := block.find(mark, 0, 64)) >= 0]
    return block[min(starts) :] if starts else b""

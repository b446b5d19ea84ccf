"""The chunks of a PNG: whether its pixels are whole, and the file without chunks that are damaged
and carry none. Pillow refuses a photo for a note beside it, and shows garbage for pixels whose
checksum is wrong.

Source: PNG, third edition (W3C)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

SIGNATURE_BYTES = 8
MOST_CHUNKS = 100_000  # of 8 kB and more, as programs write pixels, they would be 0.8 GB
MOST_NOTE_BYTES = 16 << 20  # of a chunk that is no pixels; a longer one is left out
# Of texts and Exif, and of other chunks that are no pixels; further ones are left out, since Pillow goes
# through them one by one, in Python.
MOST_NOTES = 4_000
OF_TEXT = frozenset({b"tEXt", b"zTXt", b"iTXt", b"eXIf"})
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # colour type -> channels
PACKED_BYTES, UNPACKED_BYTES = 1 << 16, 1 << 20  # at a time
Buffer = bytes | memoryview
END = b"\0\0\0\0IEND\xaeB`\x82"
# The chunks that are kept where the others are in the way; a picture is shown as well without notes.
# What says how the picture is turned. Behind the pixels, Pillow would decode them to get there.
OF_TURNING = (
    b"eXIf",
    b"tEXtRaw profile type exif\0",
    b"zTXtRaw profile type exif\0",
    b"iTXtXML:com.adobe.xmp\0",
)
OF_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"gAMA", b"cHRM", b"sRGB", b"cICP"})


class Chunk(NamedTuple):
    """`start` and `end`: of the whole chunk, from its length to its checksum."""

    name: bytes
    start: int
    end: int

    @property
    def is_critical(self) -> bool:
        """Nothing can be shown without it: the name begins with a capital."""
        return not self.name[0] & 0x20


def chunks(data: bytes) -> Iterator[Chunk]:
    """The whole chunks of the file, up to its end or the first that is cut short."""
    position = SIGNATURE_BYTES
    for _ in range(MOST_CHUNKS):
        if position + 12 > len(data):
            return
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            return
        yield Chunk(name, position, end)
        if name == b"IEND":
            return
        position = end
    raise ValueError("too many chunks")


def fits(data: bytes, chunk: Chunk) -> bool:
    """Whether the chunk's checksum is right."""
    found = zlib.crc32(memoryview(data)[chunk.start + 4 : chunk.end - 4])
    return found == int.from_bytes(data[chunk.end - 4 : chunk.end], "big")


def pixels_fit(data: bytes, found: list[Chunk]) -> bool:
    """Whether the checksums of all that makes the picture are right. `found`: all chunks."""
    return all(fits(data, chunk) for chunk in found if chunk.is_critical and chunk.name != b"IEND")


def without_bad_notes(data: bytes, found: list[Chunk]) -> bytes:
    """The file of these chunks without those that carry no pixels and whose checksum is wrong, which are
    longer than any note or of which there are too many, and with what says how it is turned before its
    pixels; the same object where it is so."""
    notes = [chunk for chunk in found if not chunk.is_critical]
    of_text = [chunk for chunk in notes if chunk.name in OF_TEXT]
    others = [chunk for chunk in notes if chunk.name not in OF_TEXT]
    damaged = {*of_text[MOST_NOTES:], *others[MOST_NOTES:]}
    damaged |= {
        chunk
        for chunk in (*of_text[:MOST_NOTES], *others[:MOST_NOTES])
        if chunk.end - chunk.start > MOST_NOTE_BYTES or not fits(data, chunk)
    }
    pixels_at = next((n for n, chunk in enumerate(found) if chunk.name == b"IDAT"), len(found))
    late = [
        chunk
        for chunk in found[pixels_at:]
        if chunk not in damaged and data.startswith(OF_TURNING, chunk.start + 4)
    ]
    if not damaged and not late:
        return data
    elsewhere = damaged.union(late)
    before, behind = found[:pixels_at], [chunk for chunk in found[pixels_at:] if chunk not in elsewhere]
    return _join(data, [*(chunk for chunk in before if chunk not in damaged), *late, *behind])


def largest_grey(data: bytes) -> int | None:
    """White in a PNG of greys, by its header; None in one of colours."""
    return (1 << data[24]) - 1 if data[25] == 0 and data[24] <= 16 else None


def pixel_bytes(data: bytes) -> int:
    """How many bytes of the file are pixels."""
    return sum(chunk.end - chunk.start - 12 for chunk in chunks(data) if chunk.name == b"IDAT")


def is_cut(data: bytes) -> bool:
    """Whether the end of the file is missing."""
    return all(chunk.name != b"IEND" for chunk in chunks(data))


def is_interlaced(data: bytes) -> bool:
    return data[28] == 1


def unpacked_bytes(data: bytes) -> int:
    """How many bytes the pixels of a PNG that is not interlaced are, by its header."""
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    return height * (1 + -(-width * data[24] * SAMPLES.get(data[25], 4) // 8))


def unpacks(data: bytes) -> bool:
    """Whether the compressed pixels are as many bytes as the header states, of one that is not interlaced.
    Keeps none of them."""
    every = memoryview(data)
    packed = (every[chunk.start + 8 : chunk.end - 4] for chunk in chunks(data) if chunk.name == b"IDAT")
    return unpacks_to(packed, unpacked_bytes(data))


def unpacks_to(parts: Iterable[memoryview], size_bytes: int) -> bool:
    """Whether a deflated stream in parts is this long or longer, and its checksum right where it has one.
    None of it is kept."""
    unpacker, found = zlib.decompressobj(), 0
    try:
        for packed in _slices(parts):
            while packed and found <= size_bytes and not unpacker.eof:
                found += len(unpacker.decompress(packed, UNPACKED_BYTES))
                packed = unpacker.unconsumed_tail
    except zlib.error:
        return False
    return found >= size_bytes


def _slices(parts: Iterable[memoryview]) -> Iterator[Buffer]:
    """Short ones: what is left of one is copied each time."""
    for part in parts:
        for start in range(0, len(part), PACKED_BYTES):
            yield part[start : start + PACKED_BYTES]


def only_pixels(data: bytes, *besides: bytes) -> bytes:
    """The file with nothing in it but the picture, and what begins so `besides`."""
    kept = [one for one in chunks(data) if one.name in OF_PIXELS or data.startswith(besides, one.start + 4)]
    return _join(data, kept)


def _join(data: bytes, kept: list[Chunk]) -> bytes:
    parts = [data[chunk.start : chunk.end] for chunk in kept]
    end = [] if kept and kept[-1].name == b"IEND" else [END]
    return b"".join([data[:SIGNATURE_BYTES], *parts, *end])

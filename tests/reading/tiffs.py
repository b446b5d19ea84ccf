"""TIFF files of any numbers, in strips or tiles, packed or not: what scanners, raw converters, museums and
microscopes write. Written after TIFF 6.0 and Adobe's technical notes, by no code of the package's."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np

CORNERS = ((200, 60, 30), (30, 160, 60), (40, 60, 190), (220, 200, 60))
CENTRE = (128, 128, 128)
NONE, DEFLATE = 1, 8
HORIZONTAL, FLOATING = 2, 3


def quadrants(width=100, height=70):
    """(H, W, 3) uint8: another colour in each corner, and grey in the centre."""
    pixels = np.zeros((height, width, 3), np.uint8)
    top, left = height // 2, width // 2
    pixels[:top, :left], pixels[:top, left:], pixels[top:, :left], pixels[top:, left:] = CORNERS
    pixels[top - 10 : top + 10, left - 10 : left + 10] = CENTRE
    return pixels


def spots(pixels):
    """The colours of the corners and of the centre, (5, 3)."""
    height, width = pixels.shape[:2]
    places = ((4, 4), (4, width - 5), (height - 5, 4), (height - 5, width - 5), (height // 2, width // 2))
    return np.array([pixels[place] for place in places]).astype(int)


@dataclass
class Layout:
    """How the numbers of a page are kept. `bits`: of a number, where it is less than its type has."""

    order: str = "<"
    big: bool = False
    compression: int = NONE
    predictor: int = 1
    tile_wh: tuple[int, int] | None = None
    rows: int = 16
    planes: int = 1
    bits: int = 0
    fill_order: int = 1


def write(numbers, photometric, layout=None, extra=(), tags=None):
    """A file with one page: `numbers` is (H, W, samples); `extra`: what the last samples are; `tags`: more of
    them, {number: (type, values)}."""
    layout = layout or Layout()
    height, width, samples = numbers.shape
    bits = layout.bits or numbers.dtype.itemsize * 8
    planes = [numbers] if layout.planes == 1 else [numbers[..., n : n + 1] for n in range(samples)]
    pieces = [_packed(piece, bits, layout) for plane in planes for piece in _cut(plane, layout)]
    kind = {"u": 1, "i": 2, "f": 3}[numbers.dtype.kind]
    page = {
        256: (4, (width,)),
        257: (4, (height,)),
        258: (3, (bits,) * samples),
        259: (3, (layout.compression,)),
        262: (3, (photometric,)),
        266: (3, (layout.fill_order,)),
        277: (3, (samples,)),
        284: (3, (layout.planes,)),
        317: (3, (layout.predictor,)),
        339: (3, (kind,) * samples),
    }
    if extra:
        page[338] = (3, tuple(extra))
    if layout.tile_wh:
        page |= {322: (4, layout.tile_wh[:1]), 323: (4, layout.tile_wh[1:])}
    else:
        page[278] = (4, (layout.rows,))
    places = (324, 325) if layout.tile_wh else (273, 279)
    return assemble(page | (tags or {}), pieces, places, layout)


def assemble(page, pieces, places, layout):
    """A file of these tags and packed pieces; `places`: the tags that say where the pieces stand."""
    order, big = layout.order, layout.big
    mark = b"II" if order == "<" else b"MM"
    head = 16 if big else 8
    starts = (head + np.concatenate([[0], np.cumsum([len(piece) for piece in pieces])])).tolist()
    page = dict(page)
    page[places[0]] = (16 if big else 4, tuple(starts[:-1]))
    page[places[1]] = (16 if big else 4, tuple(len(piece) for piece in pieces))
    at = starts[-1] + starts[-1] % 2
    count, entry, offset, room = ("Q", 20, "Q", 8) if big else ("H", 12, "I", 4)
    behind = at + struct.calcsize("=" + count) + entry * len(page) + room
    entries, extra = b"", b""
    forms = {1: "B", 3: "H", 4: "I", 7: "B", 16: "Q"}
    for tag, (kind, values) in sorted(page.items()):
        packed = struct.pack(f"{order}{len(values)}{forms[kind]}", *values)
        if len(packed) > room:
            extra += bytes(len(extra) % 2)
            place = behind + len(extra)
            extra += packed
            packed = struct.pack(order + offset, place)
        entries += struct.pack(order + "HH" + offset, tag, kind, len(values)) + packed.ljust(room, b"\0")
    start = struct.pack(order + "HHHQ", 43, 8, 0, at) if big else struct.pack(order + "HI", 42, at)
    body = b"".join(pieces)
    directory = struct.pack(order + count, len(page)) + entries + bytes(room) + extra
    return (mark + start + body).ljust(at, b"\0") + directory


def _cut(plane, layout):
    height, width = plane.shape[:2]
    if not layout.tile_wh:
        for top in range(0, height, layout.rows):
            yield plane[top : top + layout.rows]
        return
    across, down = layout.tile_wh
    padded = np.pad(plane, ((0, -height % down), (0, -width % across), (0, 0)))
    for top in range(0, height, down):
        for left in range(0, width, across):
            yield padded[top : top + down, left : left + across]


def _packed(piece, bits, layout):
    height, _, samples = piece.shape
    if bits not in (8, 16, 32, 64):
        single = (piece.reshape(height, -1, 1) >> np.arange(bits - 1, -1, -1)) & 1
        body = np.packbits(single.astype(np.uint8).reshape(height, -1), axis=1).tobytes()
    elif layout.predictor == FLOATING:
        words = piece.astype(piece.dtype.newbyteorder(">")).reshape(height, -1)
        high_first = words.view(np.uint8).reshape(height, -1, bits // 8).transpose(0, 2, 1)
        row = high_first.reshape(height, -1, samples)
        body = np.diff(row, axis=1, prepend=np.zeros_like(row[:, :1])).astype(np.uint8).tobytes()
    else:
        if layout.predictor == HORIZONTAL:
            piece = np.diff(piece, axis=1, prepend=np.zeros_like(piece[:, :1])).astype(piece.dtype)
        body = piece.astype(piece.dtype.newbyteorder(layout.order)).tobytes()
    if layout.compression == DEFLATE:
        body = zlib.compress(body)
    if layout.fill_order == 2:
        flags = np.unpackbits(np.frombuffer(body, np.uint8).reshape(-1, 1), axis=1)
        body = np.packbits(flags[:, ::-1], axis=1).tobytes()
    return body

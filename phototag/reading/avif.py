"""What Pillow leaves to others of an AVIF: the part of the picture that is to be shown; and how to open one
whose notes, transparency or brighter rendition the decoder does not like, which costs the picture.

Sources: AVIF 1.1 (Alliance for Open Media), ISO/IEC 23008-12."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from math import floor
from typing import Any

from PIL import AvifImagePlugin

from phototag.reading import bmff

TONE_MAPPED, COMMON = b"tmap", b"mif1"  # brands: there is a brighter rendition, it is any picture
UNKNOWN = b"skip"  # a kind of item, and of reference, that decoders pass over


def only_picture(data: bytes) -> bytes:
    """The file with all items but the primary one, and those that it is made of, called unknown. Nothing is
    moved."""
    meta = bmff.find_meta(data)
    if (primary := bmff.find_primary(data, meta)) is None:
        return data
    references = list(bmff.find_references(data, meta))
    kept = {primary}
    for reference in references:
        if reference.kind == b"dimg" and reference.source in kept:
            kept.update(reference.targets)
    changed = bytearray(data)
    for item in bmff.find_items(data, meta):
        if item.number not in kept:
            changed[item.kind_at : item.kind_at + 4] = UNKNOWN
    for reference in references:
        if reference.source not in kept:
            changed[reference.kind_at : reference.kind_at + 4] = UNKNOWN
    for listed in bmff.find_associations(data, meta):
        if not kept & set(listed.items):  # of two lists of one kind decoders refuse the second
            changed[listed.start + 3] ^= 1
            changed[listed.start + 4 : listed.start + 8] = bytes(4)
    brands = next((box for box in bmff.boxes(data) if box.kind == b"ftyp"), None)
    if brands is not None:
        told = bytes(changed[brands.start : brands.end])
        changed[brands.start : brands.end] = told.replace(TONE_MAPPED, COMMON)
    return bytes(changed)


def find_crop(data: bytes, size_wh: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of what is to be shown of the stored picture of this size, before it is
    turned; None where that is all of it, or makes no sense."""
    meta = bmff.find_meta(data)
    if (primary := bmff.find_primary(data, meta)) is None:
        return None
    for box in bmff.find_properties(data, meta, primary):
        if box.kind == b"clap" and box.end - box.start >= 32:
            numbers = struct.unpack_from(">IIIIiIiI", data, box.start)
            return _crop(numbers, size_wh)
    return None


def _crop(numbers: tuple[int, ...], size_wh: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Of a width and a height, and how far its middle is from that of the picture, all as fractions."""
    if 0 in numbers[1::2]:
        return None
    width, height, right_by, down_by = map(Fraction, numbers[::2], numbers[1::2])
    # half a pixel where an odd width is cut out of the middle of an even one: up and to the left
    left, top = floor((size_wh[0] - width) / 2 + right_by), floor((size_wh[1] - height) / 2 + down_by)
    box = left, top, left + round(width), top + round(height)
    is_within = 0 <= left < box[2] <= size_wh[0] and 0 <= top < box[3] <= size_wh[1]
    return box if is_within and box != (0, 0, *size_wh) else None


class CroppedFile(AvifImagePlugin.AvifImageFile):
    """An AVIF of which a part is to be shown. `box`: in pixels of the stored picture."""

    def __init__(self, data: bytes, box: tuple[int, int, int, int]) -> None:
        super().__init__(io.BytesIO(data))
        self._whole_wh, self._box = self.size, box
        self._size = box[2] - box[0], box[3] - box[1]

    def load(self) -> Any:
        if self.tile:  # not yet decoded
            self._size = self._whole_wh
            super().load()
            self.im = self.im.crop(self._box)
            self._size = self.im.size
        return super().load()

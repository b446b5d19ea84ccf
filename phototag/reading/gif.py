"""What stands before the first picture of a GIF, counted: Pillow goes through it block by block, in Python;
and which of its pictures to show.

Sources: GIF89a; XMP specification, part 3."""

from __future__ import annotations

from PIL import Image

from phototag.metadata import xmp

MOST_EMPTY = 8  # frames that show nothing, before the others are not looked at
# Blocks of at most 255 bytes, and bytes that mean nothing: an XMP packet is some hundred blocks.
MOST_BLOCKS = 100_000
EXTENSION, PICTURE, TRAILER = 0x21, 0x2C, 0x3B
XMP_START, XMP_END = b"!\xff\x0bXMP DataXMP", b"\x01\xff\xfe\xfd"


def check_notes(data: bytes) -> None:
    """Raises ValueError where there is no end of notes. Passes over what is damaged."""
    if len(data) < 13:
        return
    position = 13 + (3 * (2 << (data[10] & 7)) if data[10] & 0x80 else 0)
    blocks = 0
    while position < len(data) and data[position] not in (PICTURE, TRAILER):
        blocks += 1
        if data[position] == EXTENSION:
            position += 2
            while position < len(data) and (length := data[position]):
                position += 1 + length
                blocks += 1
                if blocks > MOST_BLOCKS:
                    break
        position += 1
        if blocks > MOST_BLOCKS:
            raise ValueError("no end of notes before the picture")


def find_packet(data: bytes) -> bytes | None:
    """The XMP packet of a GIF, see the XMP specification, part 3: it stands behind the name of its extension
    as it is, and only what follows it makes it look like blocks. Some programs write blocks."""
    start = data.find(XMP_START)
    if start < 0:
        return None
    start += len(XMP_START)
    if data[start : start + 1] in (b"<", b"\xef"):
        return data[start : data.find(XMP_END, start)] if XMP_END in data[start:] else None
    parts, size = [], 0
    while start < len(data) and (length := data[start]) and size <= xmp.MAX_BYTES:
        parts.append(data[start + 1 : start + 1 + length])
        start, size = start + 1 + length, size + length
    return b"".join(parts)


def find_box(image: Image.Image) -> tuple[int, int, int, int] | None:
    """The part of the canvas that the first frame covers, where it is not all of it: outside it nothing is
    shown, as if it were transparent. Of an image that was not decoded yet."""
    tiles = getattr(image, "tile", ())
    box = tiles[0].extents if tiles else None
    if box is None or tuple(box) == (0, 0, *image.size) or box[0] >= box[2] or box[1] >= box[3]:
        return None
    return box[0], box[1], min(box[2], image.width), min(box[3], image.height)


def skip_empty(image: Image.Image) -> bool:
    """Goes on to the first frame that shows anything; returns whether it is another one. Animations may
    begin with an empty one."""
    for frame in range(1, MOST_EMPTY):
        if not image.has_transparency_data or image.convert("RGBA").getchannel("A").getbbox():
            return frame > 1
        try:
            image.seek(frame)
            image.load()
        except EOFError:
            image.seek(0)
            break
    return False

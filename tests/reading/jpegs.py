"""JPEGs as rare programs write them, from the scans of plain ones (ITU-T T.81)."""

import struct

import numpy as np
from PIL import Image

from tests.bad_files import jpeg_segment
from tests.reading import pictures as make

DHT, DQT, SOF, SOS, APP14 = 0xC4, 0xDB, 0xC0, 0xDA, 0xEE


def segments(jpeg):
    """(marker, contents) of what stands before the pixels, and the pixels up to the end marker."""
    position, found = 2, []
    while True:
        marker, length = jpeg[position + 1], int.from_bytes(jpeg[position + 2 : position + 4], "big")
        found.append((marker, jpeg[position + 4 : position + 2 + length]))
        position += 2 + length
        if marker == SOS:
            return found, jpeg[position:-2]


def without(jpeg, marker):
    """The file without the segments of this marker."""
    found, pixels = segments(jpeg)
    kept = b"".join(jpeg_segment(kind, body) for kind, body in found if kind != marker)
    return jpeg[:2] + kept + pixels + b"\xff\xd9"


def by_component(rgb, across=1, down=1):
    """A baseline JPEG with a scan for each component; of the colours, one for so many pixels."""
    height, width = rgb.shape[:2]
    body, tables, scans = b"", {}, b""
    for number, channel in enumerate(Image.fromarray(rgb).convert("YCbCr").split()):
        if number:
            channel = channel.resize((-(-width // across), -(-height // down)), Image.Resampling.BOX)
        found, pixels = segments(make.encoded("JPEG", channel, quality=95))
        tables |= {marker: body for marker, body in found if marker == DQT}
        huffman = b"".join(jpeg_segment(DHT, body) for marker, body in found if marker == DHT)
        scans += huffman + jpeg_segment(SOS, bytes([1, number + 1, 0, 0, 63, 0])) + pixels
    frame = struct.pack(">BHHB", 8, height, width, 3)
    frame += bytes([1, across << 4 | down, 0, 2, 0x11, 0, 3, 0x11, 0])
    body = jpeg_segment(DQT, tables[DQT]) + jpeg_segment(SOF, frame)
    return b"\xff\xd8" + body + scans + b"\xff\xd9"


def with_height_behind(jpeg):
    """The same file, its height behind its pixels, where scanners write it (DNL)."""
    at = jpeg.index(b"\xff\xc0") + 5
    height = jpeg[at : at + 2]
    return jpeg[:at] + b"\0\0" + jpeg[at + 2 : -2] + b"\xff\xdc\0\4" + height + b"\xff\xd9"


def cmyk_as_it_is(rgb):
    """The values of C, M, Y and K for these colours, K being none, as Pillow's mode has them."""
    return Image.fromarray(np.dstack([255 - rgb, np.zeros_like(rgb[..., :1])]), "CMYK")

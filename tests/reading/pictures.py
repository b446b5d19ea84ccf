"""Pictures as unusual programs write them, byte by byte: what no encoder here would make."""

import io
import struct

import numpy as np
from PIL import Image, PngImagePlugin

SRGB = ((0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7139))
WIDE = ((0.7977, 0.2880, 0.0), (0.1352, 0.7119, 0.0), (0.0313, 0.0001, 0.8249))


def encoded(kind, image, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def gradient(width=400, height=300):
    """Something different in every corner and row."""
    grey = np.add.outer(np.arange(height) % 251, np.arange(width) % 241).astype(np.uint8)
    return Image.fromarray(np.stack([grey, grey[::-1], 255 - grey], -1))


def _s15(value):
    return struct.pack(">i", round(value * 65536))


def icc_profile(name, gamma, primaries, space=b"RGB "):
    """A version 2 profile; `primaries`: XYZ of red, green and blue under D50."""
    text = name.encode() + b"\0"
    curve = b"curv\0\0\0\0" + (
        struct.pack(">I", 0) if gamma == 1 else struct.pack(">IH", 1, round(gamma * 256))
    )
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": b"XYZ \0\0\0\0" + b"".join(map(_s15, (0.9642, 1, 0.8249))),
    }
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        for letter, values in zip((b"r", b"g", b"b"), primaries, strict=True):
            tags[letter + b"XYZ"] = b"XYZ \0\0\0\0" + b"".join(map(_s15, values))
            tags[letter + b"TRC"] = curve
    table, body, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for key, value in tags.items():
        value += bytes(-len(value) % 4)
        table += key + struct.pack(">II", start + len(body), len(value))
        body += value
    size = 128 + len(table) + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02100000, b"mntr", space, b"XYZ ") + bytes(12)
    head += b"acsp" + bytes(28) + _s15(0.9642) + _s15(1) + _s15(0.8249)
    return head.ljust(128, b"\0") + table + body


def tiff(pages, order="<", big=False):
    """`pages`: of each its tags {number: (type, values)} and its pixels, in one strip; a tag 330 with
    True as its value points at the next page, which then is in no chain."""
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42)
    head += struct.pack(order + "HH", 8, 0) if big else b""
    entry_bytes, offset_format = (20, "Q") if big else (12, "I")
    first = len(head) + struct.calcsize("=" + offset_format)
    out = bytearray(head + struct.pack(order + offset_format, first))
    formats = {1: "B", 3: "H", 4: "I"}
    for number, (tags, pixels) in enumerate(pages):
        tags = dict(tags) | {273: (4, (0,)), 279: (4, (len(pixels),))}
        start = len(out)
        table = struct.calcsize("=" + ("Q" if big else "H")) + entry_bytes * len(tags)
        behind = start + table + struct.calcsize("=" + offset_format)
        extra = b""
        lengths = {
            tag: len(values) * struct.calcsize("=" + formats[kind])
            for tag, (kind, values) in tags.items()
            if values is not True
        }
        room = 8 if big else 4
        extra_bytes = sum(length for length in lengths.values() if length > room)
        following = behind + extra_bytes + len(pixels)
        below = any(values is True for _, values in tags.values())
        entries = b""
        for tag, (kind, values) in sorted(tags.items()):
            if values is True:
                values = (following,)
            if tag == 273:
                values = (behind + extra_bytes,)
            packed = struct.pack(f"{order}{len(values)}{formats[kind]}", *values)
            if len(packed) > room:
                place = behind + len(extra)
                extra += packed
                packed = struct.pack(order + offset_format, place)
            entries += struct.pack(order + "HH" + offset_format, tag, kind, len(values))
            entries += packed.ljust(room, b"\0")
        last = number + 1 == len(pages) or below
        out += struct.pack(order + ("Q" if big else "H"), len(tags)) + entries
        out += struct.pack(order + offset_format, 0 if last else following) + extra + pixels
    return bytes(out)


def tiff_page(width, height, colour, bits=8, photometric=2, order="<", **more):
    """A page of one colour. `more`: further tags as t254=1."""
    form = "H" if bits == 16 else "B"
    pixels = struct.pack(f"{order}{len(colour)}{form}", *colour) * (width * height)
    tags = {
        256: (4, (width,)),
        257: (4, (height,)),
        258: (3, (bits,) * len(colour)),
        259: (3, (1,)),
        262: (3, (photometric,)),
        277: (3, (len(colour),)),
        278: (4, (height,)),
    }
    for name, value in more.items():
        tags[int(name[1:])] = (4 if name in ("t254", "t330") else 3, True if value is True else (value,))
    return tags, pixels


def bmp32(header, masks=b"", width=64, height=48):
    """A BMP of 32 bits whose fourth byte is zero everywhere."""
    pixels = bytes((30, 60, 200, 0)) * (width * height)
    offset = 14 + len(header) + len(masks)
    return b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset) + header + masks + pixels


def bmp_header(size, compression, width=64, height=48):
    fields = struct.pack(
        "<IiiHHIIiiII", size, width, height, 1, 32, compression, width * height * 4, 2835, 2835, 0, 0
    )
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    return (fields + (masks + b"BGRs" if size > 40 else b"")).ljust(size, b"\0")


def with_bad_checksum(data, name):
    found = bytearray(data)
    at = found.index(name)
    (length,) = struct.unpack(">I", found[at - 4 : at])
    found[at + 4 + length] ^= 0xFF
    return bytes(found)


def png_with(image, *chunks):
    """A PNG with these chunks (name, content) before its pixels."""
    info = PngImagePlugin.PngInfo()
    for name, content in chunks:
        info.add(name, content)
    return encoded("PNG", image, pnginfo=info)

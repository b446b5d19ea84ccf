"""Pictures made to cost much: each kind that is known, at the size that costs most.

`python -m tests.reading.costly [PART OF A NAME ...]` reads each in a process of its own and prints what it
cost: seconds of the processor and peak memory above the idle process."""

from __future__ import annotations

import io
import json
import os
import resource
import struct
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from phototag.reading.png import chunks
from tests.bad_files import encoded, jpeg_segment, picture, png_chunk
from tests.reading import tiffs

MOST_SECONDS, MOST_MEGABYTES = 2.0, 512  # that a refused picture may cost
# Nothing but decoding it all tells whether it is damaged, and photos are kept so.
SLOW_TO_TELL = {"TIFF: tiff_lzw, 150 MP, damaged late": 4.0}
Made = Callable[[], bytes]
REFUSED: dict[str, Made] = {}  # what a reader should refuse, or read at no more cost than that
READ: dict[str, Made] = {}  # what is a photo, however large
SAMPLES = Path(__file__).parents[2] / "sample_photos"
EXIF = b"Exif\0\0MM\0*\0\0\0\x08"


def kind(name: str, among: dict[str, Made] = REFUSED) -> Callable[[Made], Made]:
    def add(make: Made) -> Made:
        among[name] = make
        return make

    return add


# -- JPEG


def behind_start(*parts: bytes) -> bytes:
    jpeg = encoded("JPEG")
    return jpeg[:2] + b"".join(parts) + jpeg[2:]


@kind("JPEG: padding before a marker")
def _() -> bytes:
    return behind_start(b"\xff" * 10_000_000)


@kind("JPEG: Exif again and again")
def _() -> bytes:
    return behind_start(jpeg_segment(0xE1, EXIF + b"\xff" * 60_000) * 300)


@kind("JPEG: notes without end")
def _() -> bytes:
    return behind_start(jpeg_segment(0xFE, b"") * 1_000_000)


@kind("JPEG: tables without end")
def _() -> bytes:
    return behind_start(jpeg_segment(0xDB, bytes(65)) * 9_900)


@kind("JPEG: 40 MB of XMP")
def _() -> bytes:
    head = b"http://ns.adobe.com/xmp/extension/\0" + b"D" * 32 + struct.pack(">II", 40_000_000, 0)
    return behind_start(jpeg_segment(0xE1, head + b" " * 65_000) * 616)


@kind("JPEG: a colour profile of 16 MB")
def _() -> bytes:
    parts = (b"ICC_PROFILE\0" + bytes([n, 255]) + b"\xff" * 65_000 for n in range(1, 256))
    return behind_start(*(jpeg_segment(0xE2, part) for part in parts))


@kind("JPEG: restarts without end, behind the picture")
def _() -> bytes:
    return encoded("JPEG")[:-2] + b"\xff\xd0" * 5_000_000


@kind("JPEG: restarts without end, before the picture")
def _() -> bytes:
    return behind_start(b"\xff\xd0" * 5_000_000)


@kind("JPEG: restarts without end, in the picture")
def _() -> bytes:
    jpeg = encoded("JPEG")
    middle = len(jpeg) * 3 // 4
    return jpeg[:middle] + b"\xff\xd0" * 5_000_000 + jpeg[middle:]


@kind("JPEG: zeros before the picture")
def _() -> bytes:
    return behind_start(bytes(20_000_000))


@kind("JPEG: ends without end, before the picture")
def _() -> bytes:
    return behind_start(b"\xff\xd9" * 5_000_000)


@kind("JPEG: empty segments before the picture")
def _() -> bytes:
    return behind_start(b"\xff\xe5\0\2" * 90_000 + b"\xff\xe5\0\0" * 90_000 + bytes(10_000_000))


@kind("JPEG: stuffed bytes without end")
def _() -> bytes:
    return encoded("JPEG")[:-2] + b"\xff\x00" * 5_000_000


@kind("JPEG: markers of no meaning without end")
def _() -> bytes:
    return encoded("JPEG")[:-2] + b"\xff\x02" * 5_000_000


@kind("JPEG: a picture within a picture within a picture")
def _() -> bytes:
    return b"\xff\xd8\xff\xe0" * 3_000_000 + encoded("JPEG")


@kind("MPO: thousands of pictures")
def _() -> bytes:
    index = struct.pack("<HHI", 0, 1, 8) + b""
    entries = b"MPF\0II*\0\x08\0\0\0" + struct.pack("<H", 3)
    entries += struct.pack("<HHI4s", 0xB000, 7, 4, b"0100") + struct.pack("<HHII", 0xB001, 4, 1, 4_000)
    entries += struct.pack("<HHII", 0xB002, 7, 16 * 4_000, 50) + bytes(4) + bytes(16 * 4_000)
    return behind_start(jpeg_segment(0xE2, entries[:65_000])) + encoded("JPEG") * 4_000 + index


def bits(length: int) -> bytes:
    """That many zero bits: each a symbol of the tables below."""
    return bytes(length // 8 + 1)


def huffman(table: int, symbol: int) -> bytes:
    """A table of one symbol, whose code is a 0."""
    return jpeg_segment(0xC4, bytes([table, 1]) + bytes(15) + bytes([symbol]))


def flat_jpeg(
    size_wh: tuple[int, int], scans: list[tuple[int, int, int]] | None, components: int = 3, cut: int = 0
) -> bytes:
    """Grey everywhere, in next to no bytes. `scans`: of a progressive one (first and last coefficient,
    successive approximation); `cut`: bytes that are missing at the end."""
    width, height = size_wh
    head = b"\xff\xd8" + jpeg_segment(0xDB, b"\0" + b"\1" * 64)
    head += jpeg_segment(0xEE, b"Adobe\0\x64\0\0\0\0\1") if components == 3 else b""
    frame = struct.pack(">BHHB", 8, height, width, components)
    frame += b"".join(bytes([c + 1, 0x11, 0]) for c in range(components))
    head += jpeg_segment(0xC0 if scans is None else 0xC2, frame)
    blocks = -(-width // 8) * -(-height // 8)
    head += huffman(0x00, 0) + huffman(0x10, 0 if scans is None else 0xE0)
    all_of_them = b"".join(bytes([c + 1, 0]) for c in range(components))
    if scans is None:
        data = head + jpeg_segment(0xDA, bytes([components]) + all_of_them + b"\0\x3f\0")
        data += bits(blocks * components * 2)
    else:
        data = head
        for first, last, approximation in scans:
            if first == 0:
                data += jpeg_segment(
                    0xDA, bytes([components]) + all_of_them + bytes([0, 0, approximation])
                ) + bits(blocks * components)
            else:
                for c in range(components):
                    data += jpeg_segment(0xDA, bytes([1, c + 1, 0, first, last, approximation]))
                    data += bits(15 * (blocks // 16384 + 1))
    return (data[:-cut] if cut else data) + (b"" if cut else b"\xff\xd9")


WHOLE = [(0, 0, 0), (1, 63, 0)]  # the fewest scans there can be


def padded(jpeg: bytes, size_bytes: int) -> bytes:
    """With so many bytes of notes, lest it be refused for being empty."""
    return jpeg[:2] + jpeg_segment(0xFE, b"\1" * 65_000) * (size_bytes // 65_000) + jpeg[2:]


for mp, side in ((30, (6_000, 5_000)), (138, (13_800, 10_000)), (250, (25_000, 10_000))):
    for what, scans in (("baseline", None), ("progressive", WHOLE)):

        @kind(f"JPEG: {what}, cut short, {mp} MP")
        def _(side: tuple[int, int] = side, scans: list[tuple[int, int, int]] | None = scans) -> bytes:
            jpeg = flat_jpeg(side, scans, cut=2_000 if scans is None else 1)
            return padded(jpeg, 2_000_000)


@kind("JPEG: progressive, cut short before its last scans, 138 MP")
def _() -> bytes:
    return padded(flat_jpeg((13_800, 10_000), [(0, 0, 0), (1, 5, 0)], cut=1), 2_000_000)


@kind("JPEG: progressive, real, 60 MP, cut short in the last scan")
def _() -> bytes:
    jpeg = large_jpeg(60, progressive=True)
    return jpeg[: len(jpeg) * 9 // 10]


@kind("JPEG: progressive, real, 138 MP, cut short in the last scan")
def _() -> bytes:
    jpeg = large_jpeg(138, progressive=True)
    return jpeg[: len(jpeg) * 9 // 10]


@kind("JPEG: baseline, real, 138 MP, cut in half")
def _() -> bytes:
    jpeg = large_jpeg(138)
    return jpeg[: len(jpeg) // 2]


@kind("JPEG: baseline, real, 138 MP, the second half zeros")
def _() -> bytes:
    jpeg = large_jpeg(138)
    return jpeg[: len(jpeg) // 2] + bytes(len(jpeg) // 2)


@kind("JPEG: baseline, real, 250 MP, cut short and closed")
def _() -> bytes:
    jpeg = large_jpeg(250)
    return jpeg[: len(jpeg) * 9 // 10].rstrip(b"\xff") + b"\xff\xd9"


@kind("JPEG: 999 scans of 0.2 MP")
def _() -> bytes:
    return flat_jpeg((500, 400), [(0, 0, 0)] + [(1, 63, 0)] * 333)


@kind("JPEG: 3,000 scans of 0.06 MP")
def _() -> bytes:
    return flat_jpeg((250, 240), [(0, 0, 0)] + [(1, 63, 0)] * 999)


@kind("JPEG: 20 scans of 127 MP")
def _() -> bytes:
    return padded(flat_jpeg((12_700, 10_000), [(0, 0, 0)] + [(1, 63, 0)] * 6), 2_000_000)


@kind("JPEG: 100 scans of 63 MP")
def _() -> bytes:
    return flat_jpeg((9_000, 7_000), [(0, 0, 0)] + [(1, 63, 0)] * 33)


@kind("JPEG: 13 scans of 250 MP")
def _() -> bytes:
    return padded(flat_jpeg((25_000, 10_000), [(0, 0, 0)] + [(1, 63, 0)] * 4), 2_000_000)


# -- PNG


def flat_png(size_wh: tuple[int, int], *, bits: int = 8, colour: int = 2, interlaced: bool = False) -> bytes:
    """Black; its image data in one chunk."""
    row = 1 + -(-size_wh[0] * bits * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour] // 8)
    packer, body = zlib.compressobj(9), []
    for _ in range(size_wh[1]):
        body.append(packer.compress(bytes(row)))
    body.append(packer.flush())
    head = struct.pack(">IIBBBBB", *size_wh, bits, colour, 0, 0, interlaced)
    chunks = png_chunk(b"IHDR", head) + (png_chunk(b"PLTE", bytes(6)) if colour == 3 else b"")
    return b"\x89PNG\r\n\x1a\n" + chunks + png_chunk(b"IDAT", b"".join(body)) + png_chunk(b"IEND", b"")


def packed_zeros(megabytes: int) -> bytes:
    """So many MiB of zeros, deflated; made quickly, since the same block stands for each of them."""
    packer = zlib.compressobj(9)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    head, body = block[:2], block[2:]
    adler = (megabytes << 20) % 65_521 << 16 | 1  # of zeros
    return head + body * megabytes + b"\3\0" + struct.pack(">I", adler)


def in_png(*chunks: bytes) -> bytes:
    png = encoded("PNG")
    return png[:33] + b"".join(chunks) + png[33:]


@kind("PNG: empty notes without end")
def _() -> bytes:
    return in_png(png_chunk(b"teXt", b"") * 3_000_000)


@kind("PNG: 99,000 notes")
def _() -> bytes:
    return in_png(png_chunk(b"tEXt", b"a\0b") * 99_000)


@kind("PNG: 90,000 notes behind the pixels that may turn it")
def _() -> bytes:
    png = encoded("PNG")
    return png[:-12] + png_chunk(b"tEXt", b"Raw profile type exif\0\n") * 90_000 + png[-12:]


@kind("PNG: a note that unpacks to 200 MB")
def _() -> bytes:
    return in_png(png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + packed_zeros(190)))


@kind("PNG: 90 notes that unpack to 200 MB")
def _() -> bytes:
    return in_png(png_chunk(b"zTXt", b"Comment\0\0" + packed_zeros(190)) * 90)


@kind("PNG: a colour profile that unpacks to 200 MB")
def _() -> bytes:
    return in_png(png_chunk(b"iCCP", b"a\0\0" + packed_zeros(190)))


@kind("PNG: a plain XMP packet of 40 MB")
def _() -> bytes:
    return in_png(
        png_chunk(
            b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + b"<a>" * 13_300_000
        )
    )


def with_tiny_chunks(png: bytes, size: int, name: bytes = b"IDAT") -> bytes:
    at = png.index(b"IDAT") - 4
    length = int.from_bytes(png[at : at + 4], "big")
    body = png[at + 8 : at + 8 + length]
    cut = b"".join(png_chunk(b"IDAT", body[n : n + size]) for n in range(0, length, size))
    return png[:at] + cut + png_chunk(b"IEND", b"")


@kind("PNG: image data in chunks of one byte")
def _() -> bytes:
    return with_tiny_chunks(encoded("PNG", picture(200, 160)), 1)


@kind("PNG: image data in empty chunks")
def _() -> bytes:
    png = encoded("PNG")
    at = png.index(b"IDAT") - 4
    return png[:at] + png_chunk(b"IDAT", b"") * 95_000 + png[at:]


@kind("APNG: 30,000 frames")
def _() -> bytes:
    png = encoded("PNG")
    control = png_chunk(b"acTL", struct.pack(">II", 30_000, 0))
    frames = b"".join(
        png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", 2 * n, 96, 64, 0, 0, 1, 9, 0, 0))
        + png_chunk(b"fdAT", struct.pack(">I", 2 * n + 1) + b"x")
        for n in range(30_000)
    )
    return png[:33] + control + png[33:-12] + frames + png[-12:]


@kind("PNG: 250 MP of 16 bits, interlaced")
def _() -> bytes:
    return flat_png((25_000, 10_000), bits=16, interlaced=True)


@kind("PNG: 250 MP, image data cut in half")
def _() -> bytes:
    png = padded_png(flat_png((25_000, 10_000)), 3_000_000)
    return png[: -png[::-1].index(b"TADI") + 200_000]


@kind("PNG: 250 MP, image data that end early")
def _() -> bytes:
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 25_000, 10_000, 8, 2, 0, 0, 0))
    body = png_chunk(b"IDAT", zlib.compress(bytes(1_000_000)))
    png = b"\x89PNG\r\n\x1a\n" + head + body + png_chunk(b"IEND", b"")
    return padded_png(png, 3_000_000)


def padded_png(png: bytes, size: int) -> bytes:
    return png[:33] + png_chunk(b"teXt", bytes(size)) + png[33:]


@kind("PNG: 250 MP of nothing, beside a large note")
def _() -> bytes:
    return padded_png(flat_png((25_000, 10_000)), 3_000_000)


# -- GIF


@kind("GIF: empty comments behind the picture")
def _() -> bytes:
    return encoded("GIF")[:-1] + b"!\xfe\0" * 5_000_000 + b";"


def before_frame(gif: bytes, extra: bytes) -> bytes:
    at = 13 + (3 * (2 << (gif[10] & 7)) if gif[10] & 0x80 else 0)
    return gif[:at] + extra + gif[at:]


@kind("GIF: empty comments before the picture")
def _() -> bytes:
    return before_frame(encoded("GIF"), b"!\xfe\0" * 5_000_000)


@kind("GIF: a comment in blocks of one byte")
def _() -> bytes:
    return before_frame(encoded("GIF"), b"!\xfe" + b"\1a" * 5_000_000 + b"\0")


@kind("GIF: applications without end")
def _() -> bytes:
    return before_frame(encoded("GIF"), b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0" * 1_000_000)


@kind("GIF: image data in blocks of one byte")
def _() -> bytes:
    gif = encoded("GIF")
    return gif[:-2] + b"\1a" * 5_000_000 + b"\0;"


@kind("GIF: 500,000 frames")
def _() -> bytes:
    gif = encoded("GIF")
    return gif[:-1] + b"\x2c\0\0\0\0\1\0\1\0\0\2\1\x44\0" * 500_000 + b";"


@kind("GIF: bytes of no meaning before the picture")
def _() -> bytes:
    return before_frame(encoded("GIF"), b"\0" * 5_000_000)


@kind("GIF: 250 MP, cut short")
def _() -> bytes:
    gif = encoded("GIF")
    size = struct.pack("<HH", 25_000, 10_000)
    at = gif.index(b"\x2c\0\0\0\0\x60\0\x40\0")
    return (
        gif[:6]
        + size
        + gif[10:at]
        + b"!\xfe"
        + (b"\xff" + bytes(255)) * 8_000
        + b"\0"
        + gif[at : at + 5]
        + size
        + gif[at + 9 : -200]
    )


# -- TIFF


def entry(tag: int, kind: int, number: int, value: int) -> bytes:
    return struct.pack("<HHII", tag, kind, number, value)


def strips_tiff(number: int, width: int, length: int, compression: int = 1, body: bytes = b"") -> bytes:
    """Of one row each, all at the same place."""
    tags = [(256, 1, width), (257, 1, number), (258, 1, 8), (259, 1, compression), (262, 1, 1)]
    tags += [(277, 1, 1), (278, 1, 1)]
    start = 8 + 2 + 12 * 9 + 4
    entries = [entry(tag, 4, count, value) for tag, count, value in tags]
    entries[5:5] = [entry(273, 4, number, start)]
    entries.append(entry(279, 4, number, start + 4 * number))
    at = start + 8 * number if body else 8
    places = struct.pack("<I", at) * number + struct.pack("<I", length) * number
    return b"II*\0" + struct.pack("<IH", 8, 9) + b"".join(entries) + bytes(4) + places + body


@kind("TIFF: 3 million strips")
def _() -> bytes:
    return strips_tiff(3_000_000, 4, 4)


@kind("TIFF: strips that overlap")
def _() -> bytes:
    return strips_tiff(200_000, 400, 1_000_000)


@kind("TIFF: 200,000 strips at one place")
def _() -> bytes:
    return strips_tiff(200_000, 400, 400, 1, bytes(400))


@kind("TIFF: 200,000 compressed strips at one place")
def _() -> bytes:
    body = zlib.compress(bytes(1_000))
    return strips_tiff(200_000, 1_000, len(body), 8, body)


@kind("TIFF: pages without end")
def _() -> bytes:
    pages = (
        struct.pack("<H", 1) + entry(256, 4, 1, 4) + struct.pack("<I", 26 + 18 * n) for n in range(200_000)
    )
    return b"II*\0" + struct.pack("<I", 8) + b"".join(pages)


@kind("TIFF: a page of 65,535 tags")
def _() -> bytes:
    tags = b"".join(entry(tag, 4, 1, 7) for tag in range(65_535))
    return b"II*\0" + struct.pack("<IH", 8, 65_535) + tags + bytes(4)


def sharing_tags(number: int) -> bytes:
    tags = sorted(
        [(256, 1, 40), (257, 1, 40), (258, 1, 8), (259, 1, 1), (262, 1, 1), (273, 1, 8), (279, 1, 1600)]
    )
    entries = [entry(tag, 4, count, value) for tag, count, value in tags]
    entries += [entry(40_000 + n, 5, 7_000_000, 8_000) for n in range(number)]
    head = b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(entries) + bytes(4)
    return head.ljust(8_000, b"\0") + bytes(56_000_000)


@kind("TIFF: tags that share 60 MB")
def _() -> bytes:
    return sharing_tags(400)


@kind("TIFF: more tags than any page has, that share 60 MB")
def _() -> bytes:
    return sharing_tags(600)


def large_tiff(compression: str, mode: str = "RGB", size_wh: tuple[int, int] = (25_000, 10_000)) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size_wh).save(buffer, "TIFF", compression=compression)
    return buffer.getvalue()


@kind("TIFF: 250 MP raw, cut in half")
def _() -> bytes:
    page = [(256, 25_000), (257, 10_000), (258, 8), (259, 1), (262, 1), (273, 200), (277, 1), (278, 10_000)]
    page += [(279, 250_000_000)]
    entries = b"".join(entry(tag, 4, 1, value) for tag, value in page)
    return (b"II*\0" + struct.pack("<IH", 8, 9) + entries + bytes(4)).ljust(200, b"\0") + bytes(125_000_000)


@kind("TIFF: 250 MP deflated, its last strips outside the file")
def _() -> bytes:
    tiff = large_tiff("tiff_adobe_deflate")
    return tiff[: len(tiff) // 2] if tiff[4:8] < struct.pack("<I", len(tiff) // 2) else tiff


@kind("TIFF: 250 MP deflated, the first strip damaged")
def _() -> bytes:
    tiff = bytearray(large_tiff("tiff_adobe_deflate"))
    tiff[500:600] = bytes(100)
    return bytes(tiff) + bytes(2_000_000)


@kind("TIFF: a hundred strips of 2.5 MP, one of which unpacks to too much")
def _() -> bytes:
    body = packed_zeros(477)
    return strips_tiff(100, 1_000, len(body), 8, body)


# -- BMP


def bmp_rle(size_wh: tuple[int, int], body: bytes, bits: int = 8) -> bytes:
    colours = 256 if bits == 8 else 16
    start = 14 + 40 + 4 * colours
    head = b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start)
    head += struct.pack(
        "<IiiHHIIiiII", 40, *size_wh, 1, bits, 1 if bits == 8 else 2, len(body), 0, 0, colours, 0
    )
    return head + bytes(4 * colours) + body


@kind("BMP: runs of one pixel")
def _() -> bytes:
    return bmp_rle((4_000, 4_000), (b"\1\7" * 4_000 + b"\0\0") * 4_000)


@kind("BMP: empty lines")
def _() -> bytes:
    return bmp_rle((30_000, 8_000), b"\0\0" * 8_000 + b"\0\0" * 1_000_000)


@kind("BMP: runs of 4 bits")
def _() -> bytes:
    return bmp_rle((15_300, 15_000), (b"\xff\x12" * 60 + b"\0\0") * 15_000, 4)


@kind("BMP: runs beyond the line")
def _() -> bytes:
    return bmp_rle((255, 4_000), b"\xff\7" * 8_000_000)


@kind("BMP: runs of 4 bits, 8 MP")
def _() -> bytes:
    return bmp_rle((4_080, 2_000), (b"\xff\x12" * 16 + b"\0\0") * 2_000, 4)


@kind("BMP: 250 MP, cut short")
def _() -> bytes:
    head = b"BM" + struct.pack("<IHHI", 750_000_054, 0, 0, 54)
    head += struct.pack("<IiiHHIIiiII", 40, 25_000, 10_000, 1, 24, 0, 0, 0, 0, 0, 0)
    return head + bytes(20_000_000)


# -- WebP


@kind("WebP: empty notes")
def _() -> bytes:
    webp = encoded("WEBP") + b"EXIF\0\0\0\0" * 3_000_000
    return b"RIFF" + struct.pack("<I", len(webp) - 8) + webp[8:]


@kind("WebP: 100,000 frames")
def _() -> bytes:
    webp = encoded("WEBP")
    image = webp[12:]
    frame = bytes(6) + struct.pack("<I", 95)[:3] + struct.pack("<I", 63)[:3] + bytes(4) + image
    body = b"VP8X" + struct.pack("<IB3x", 10, 2) + struct.pack("<I", 95)[:3] + struct.pack("<I", 63)[:3]
    body += b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    body += (b"ANMF" + struct.pack("<I", len(frame)) + frame + b"\0" * (len(frame) % 2)) * (
        40_000_000 // len(frame)
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


@kind("WebP: 100 MP, cut in half")
def _() -> bytes:
    webp = large("WEBP", 100, quality=60, method=0)
    return webp[: len(webp) // 2]


@kind("WebP: a canvas of 100 MP and a frame of one pixel")
def _() -> bytes:
    one = encoded("WEBP", picture(1, 1))[12:]
    side = struct.pack("<I", 9_999)[:3]
    frame = bytes(6) + bytes(6) + bytes(4) + one
    body = b"VP8X" + struct.pack("<IB3x", 10, 2) + side + side
    body += b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    body += b"ANMF" + struct.pack("<I", len(frame)) + frame + b"\0" * (len(frame) % 2)
    body += b"XMP " + struct.pack("<I", 2_000_000) + bytes(2_000_000)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


# -- AVIF


@kind("AVIF: empty boxes behind")
def _() -> bytes:
    return encoded("AVIF") + struct.pack(">I4s", 8, b"free") * 3_000_000


@kind("AVIF: items without end")
def _() -> bytes:
    kind = struct.pack(">I4s", 24, b"ftyp") + b"avif\0\0\0\0avifmif1"
    items = struct.pack(">I4s", 14, b"iinf") + bytes(6)
    number = 3_000_000
    places = struct.pack(">I4sHHI", 16 + 10 * number, b"iloc", 0x200, 0, number) + bytes(10 * number)
    meta = bytes(4) + items + places
    return kind + struct.pack(">I4s", 8 + len(meta), b"meta") + meta


@kind("AVIF: 63 MP, cut in half")
def _() -> bytes:
    avif = large("AVIF", 63, quality=50, speed=10)
    return avif[: len(avif) // 2]


@kind("AVIF: 63 MP, the second half zeros")
def _() -> bytes:
    avif = large("AVIF", 63, quality=50, speed=10)
    return avif[: len(avif) // 2] + bytes(len(avif) // 2)


# -- Exif


def crowded_exif(size: int, kind: int, tags: int = 40) -> bytes:
    """Tags of numbers that all stand at the same place."""
    number = (size - 40 - 12 * tags) // {3: 2, 4: 4, 5: 8}[kind]
    entries = b"".join(struct.pack("<HHII", 40_000 + n, kind, number, 30 + 12 * tags) for n in range(tags))
    within = struct.pack("<H", tags) + entries + bytes(4)
    head = b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHII", 0x8769, 4, 1, 26) + bytes(4)
    return (head + within).ljust(size, b"\1")


@kind("Exif of crowded tags: JPEG")
def _() -> bytes:
    return behind_start(jpeg_segment(0xE1, b"Exif\0\0" + crowded_exif(65_000, 5)) * 8)


@kind("Exif of crowded tags: PNG")
def _() -> bytes:
    return in_png(png_chunk(b"eXIf", crowded_exif(12_000_000, 3)))


@kind("Exif of crowded tags: WebP")
def _() -> bytes:
    return encoded("WEBP", exif=crowded_exif(12_000_000, 5))


@kind("Exif of crowded tags: AVIF")
def _() -> bytes:
    return encoded("AVIF", exif=crowded_exif(12_000_000, 5))


@kind("Exif of crowded tags: TIFF")
def _() -> bytes:
    tags = [(256, 1, 40), (257, 1, 40), (258, 1, 8), (259, 1, 1), (262, 1, 1), (273, 1, 8), (279, 1, 1600)]
    entries = b"".join(entry(tag, 4, count, value) for tag, count, value in [*tags, (0x8769, 1, 8_000)])
    head = (b"II*\0" + struct.pack("<IH", 8, 8) + entries + bytes(4)).ljust(8_000, b"\0")
    within = struct.pack("<H", 40) + b"".join(entry(40_000 + n, 5, 1_000_000, 9_000) for n in range(40))
    return (head + within).ljust(20_000_000, b"\1")


# -- damage that only decoding finds


def spoiled(data: bytes, share: float = 0.9, size: int = 4_000) -> bytes:
    """With other bytes at this share of the file."""
    at = int(len(data) * share)
    return data[:at] + bytes((37 * n + 11) & 255 for n in range(size)) + data[at + size :]


def repacked_png(change: Callable[[bytes], bytes]) -> bytes:
    """A photo of 250 MP whose compressed pixels are changed, and their checksum with them."""
    png = large("PNG", 250, compress_level=1)
    body = b""
    for chunk in chunks(png):
        body += png[chunk.start + 8 : chunk.end - 4] if chunk.name == b"IDAT" else b""
    return png[:33] + png_chunk(b"IDAT", change(body)) + png_chunk(b"IEND", b"")


@kind("PNG: 250 MP, damaged late, with the right checksum")
def _() -> bytes:
    return repacked_png(spoiled)


@kind("PNG: 250 MP, ending late and early")
def _() -> bytes:
    return repacked_png(lambda body: body[: len(body) * 95 // 100])


@kind("PNG: 60 MP of 16 bits, interlaced, ending early")
def _() -> bytes:
    png = flat_png((10_000, 6_000), bits=16, interlaced=True)
    at = png.index(b"IDAT")
    body = png[at + 4 : -16]
    return png[:33] + png_chunk(b"IDAT", body[: len(body) * 95 // 100]) + png_chunk(b"IEND", b"")


for compression in ("tiff_adobe_deflate", "tiff_lzw", "zstd", "packbits", "jpeg"):
    for megapixels in (63, 150):

        @kind(f"TIFF: {compression}, {megapixels} MP, damaged late")
        def _(compression: str = compression, megapixels: int = megapixels) -> bytes:
            return spoiled(large("TIFF", megapixels, compression=compression))


@kind("TIFF: jpeg, 150 MP, on its side, damaged late")
def _() -> bytes:
    return spoiled(large("TIFF", 150, compression="jpeg", tiffinfo={274: 6}))


@kind("TIFF: 150 MP of three colours, not packed, cut at nine tenths")
def _() -> bytes:
    page = [(256, 15_000), (257, 10_000), (258, 8), (259, 1), (262, 2), (273, 200), (277, 3), (278, 10_000)]
    page += [(279, 450_000_000)]
    entries = b"".join(entry(tag, 4, 1, value) for tag, value in page)
    return (b"II*\0" + struct.pack("<IH", 8, 9) + entries + bytes(4)).ljust(200, b"\0") + bytes(405_000_000)


@kind("TIFF: floats, 20 MP in one deflated strip, damaged late")
def _() -> bytes:
    numbers = np.random.default_rng(1).random((4_000, 5_000, 1), np.float32)
    return spoiled(tiffs.write(numbers, 1, tiffs.Layout(compression=8, rows=4_000)))


@kind("TIFF: floats, 24 MP of three colours in one deflated strip")
def _() -> bytes:
    numbers = np.zeros((4_000, 6_000, 3), np.float32)
    return tiffs.write(numbers, 2, tiffs.Layout(compression=8, rows=4_000)) + bytes(400_000)


for form, megapixels, options in (
    ("WEBP", 63, {"quality": 60, "method": 0}),
    ("WEBP", 100, {"quality": 60, "method": 0}),
    ("AVIF", 63, {"quality": 50, "speed": 10}),
    ("GIF", 63, {}),
):

    @kind(f"{form}: {megapixels} MP, damaged late")
    def _(form: str = form, megapixels: int = megapixels, options: dict[str, object] = options) -> bytes:
        return spoiled(large(form, megapixels, **options))


# -- large photos


def large(form: str, megapixels: int, **options: object) -> bytes:
    """A photo's detail, repeated. Kept in the folder of temporary files, since some take a minute to make."""
    cache = Path(os.environ.get("PHOTOTAG_COSTLY") or Path(tempfile.gettempdir()) / "phototag-costly")
    name = cache / f"{form}-{megapixels}-{'-'.join(f'{k}={v}' for k, v in options.items())}"
    if name.is_file():
        return name.read_bytes()
    width, height = round(1_500 * (megapixels / 1.5) ** 0.5), round(1_000 * (megapixels / 1.5) ** 0.5)
    sample = next(iter(sorted(SAMPLES.rglob("*.jpg"))))
    with Image.open(sample) as photo:
        tile = photo.convert("RGB").resize((1_500, 1_000))
    pixels = np.asarray(tile)
    tiled = np.tile(pixels, (-(-height // 1_000), -(-width // 1_500), 1))[:height, :width]
    made = encoded(form, Image.fromarray(np.ascontiguousarray(tiled)), **options)
    cache.mkdir(parents=True, exist_ok=True)
    name.write_bytes(made)
    return made


def large_jpeg(megapixels: int, **options: object) -> bytes:
    return large("JPEG", megapixels, quality=85, **options)


for megapixels in (24, 63, 100, 250):

    @kind(f"JPEG: baseline, {megapixels} MP", READ)
    def _(megapixels: int = megapixels) -> bytes:
        return large_jpeg(megapixels)


for megapixels in (24, 60, 138):

    @kind(f"JPEG: progressive, {megapixels} MP", READ)
    def _(megapixels: int = megapixels) -> bytes:
        return large_jpeg(megapixels, progressive=True)


@kind("PNG: 63 MP", READ)
def _() -> bytes:
    return large("PNG", 63, compress_level=1)


@kind("TIFF: deflate, 63 MP", READ)
def _() -> bytes:
    return large("TIFF", 63, compression="tiff_adobe_deflate")


@kind("WebP: 63 MP", READ)
def _() -> bytes:
    return large("WEBP", 63, quality=60, method=0)


@kind("AVIF: 63 MP", READ)
def _() -> bytes:
    return large("AVIF", 63, quality=50, speed=10)


# -- what it costs


def read_costs(file: Path) -> tuple[float, int, str]:
    """Seconds of the processor, MB of memory above the idle process, and what was said. What a scan does
    with a new file, and with a known one, is done in a fork of this process; the dearer counts."""
    from phototag.reading.decode import open_photo, read_facts, read_metadata
    from phototag.reading.pixel_hash import hash_pixels

    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        before, began = _resident_kb(), time.process_time()
        try:
            photo = open_photo(file, working_side=1333, for_taggers=True)
            said = f"read as {photo.pixels.shape[1]} x {photo.pixels.shape[0]}"
        except Exception as error:
            said = f"refused: {error}"
        hash_pixels(file.read_bytes())
        took = time.process_time() - began
        for read in (read_facts, read_metadata):
            began = time.process_time()
            with suppress(Exception):
                read(file)
            took = max(took, time.process_time() - began)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        os.write(into, f"{took} {peak // 1024} {said}".encode())
        os._exit(0)
    os.close(into)
    os.waitpid(child, 0)
    answer = os.read(out, 10_000).decode()
    os.close(out)
    seconds, megabytes, said = answer.split(" ", 2)
    return float(seconds), int(megabytes), said


def _resident_kb() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


def costs(names: list[str]) -> Iterator[tuple[str, int, float, int, str]]:
    """Name, bytes of the file, seconds, MB and what was said."""
    from phototag.reading.decode import open_photo

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "costly"
        file.write_bytes(encoded("PNG"))
        open_photo(file, working_side=64)  # what is imported late is imported now
        for name in names:
            child = os.fork()
            if child == 0:  # what making it takes is no part of this process
                try:
                    file.write_bytes({**REFUSED, **READ}[name]())
                finally:
                    os._exit(0)
            os.waitpid(child, 0)
            seconds, megabytes, said = read_costs(file)
            if seconds > MOST_SECONDS:  # a busy machine wastes time of the processor, too: once more
                seconds = min(seconds, read_costs(file)[0])
            yield name, file.stat().st_size, seconds, megabytes, said


def main(words: list[str]) -> None:
    as_json = "--json" in words
    words = [word for word in words if word != "--json"]
    names = [name for name in {**REFUSED, **READ} if not words or any(word in name for word in words)]
    for name, size_bytes, seconds, megabytes, said in costs(names):
        if as_json:
            print(json.dumps([name, size_bytes, seconds, megabytes, said]), flush=True)
            continue
        over = said.startswith("refused") and (seconds > MOST_SECONDS or megabytes > MOST_MEGABYTES)
        size = f"{size_bytes / 1e6:7.2f} MB"
        print(f"{seconds:6.2f} s {megabytes:5} MB {size}  {name}: {said[:90]}{'  <--' * over}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

"""Makes sixty kinds of bad file, and a few that only look bad: what cameras, disks, downloads and
malice leave behind.

`make_bad_files(folder)` writes them and returns name -> kind. Some still hold a picture that can be
shown (damaged EXIF, a bad colour profile): those in `STILL_PICTURES`. Of all others a program
should give one reason and go on."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

# Damage beside the pixels does not cost the picture.
STILL_PICTURES = frozenset(
    [
        "right-picture-wrong-name.png",
        "exif-garbage.jpg",
        "text-bomb.png",
        "exif-loop.jpg",
        "exif-negative-gps.jpg",
        "exif-zero-denominators.jpg",
        "exif-nonsense-dates.jpg",
        "exif-orientation-99.jpg",
        "icc-garbage.jpg",
        "icc-wrong-channels.jpg",
        "trailing-garbage.jpg",
        "comment-escapes.jpg",
        "one-pixel.png",
        "thin.png",
        "empty-exif.png",
        "cmyk-without-adobe.jpg",
        "tiff-cyclic-pages.tif",
        "apng-zero-frames.png",
        "gif-no-colours.gif",
        "no-tables.jpg",  # there are standard ones, as films of JPEGs use them
        "bad-method.png",  # there is only one
    ]
)
# Formats without checksums: whether anybody notices depends on which bits fell.
EITHER = frozenset(["flipped.jpg", "flipped.gif", "flipped.webp", "flipped.avif", "flipped.tif"])


def picture(width: int = 96, height: int = 64) -> Image.Image:
    """Noise on a gradient: compresses badly, so that a cut anywhere in the file cuts pixels."""
    rng = np.random.default_rng(5)
    ramp = np.linspace(0, 120, width, dtype=np.float64)[None, :, None]
    return Image.fromarray((ramp + rng.integers(0, 130, (height, width, 3))).astype(np.uint8))


def encoded(kind: str, image: Image.Image | None = None, **options: object) -> bytes:
    buffer = io.BytesIO()
    (image or picture()).save(buffer, kind, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, *chunks: bytes, bits: int = 8, colour: int = 0, method: int = 0) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, method, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + png_chunk(b"IEND", b"")


def idat(raw: bytes) -> bytes:
    return png_chunk(b"IDAT", zlib.compress(raw))


def jpeg_segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def after_start(jpeg: bytes, *segments: bytes) -> bytes:
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def exif_segment(tiff: bytes) -> bytes:
    return jpeg_segment(0xE1, b"Exif\0\0" + tiff)


def tiff_folder(*entries: tuple[int, int, int, bytes], following: int = 0, at: int = 8) -> bytes:
    """A little-endian IFD; values longer than four bytes go behind it. `at` is where it will stand
    in the file."""
    body, extra = struct.pack("<H", len(entries)), b""
    behind = at + 2 + 12 * len(entries) + 4
    for tag, kind, count, value in sorted(entries):
        if len(value) <= 4:
            field = value.ljust(4, b"\0")
        else:
            field = struct.pack("<I", behind + len(extra))
            extra += value
        body += struct.pack("<HHI", tag, kind, count) + field
    return body + struct.pack("<I", following) + extra


def tiff(*entries: tuple[int, int, int, bytes], following: int = 0) -> bytes:
    return b"II*\0" + struct.pack("<I", 8) + tiff_folder(*entries, following=following)


def short(tag: int, value: int) -> tuple[int, int, int, bytes]:
    return tag, 3, 1, struct.pack("<H", value)


def long(tag: int, value: int) -> tuple[int, int, int, bytes]:
    return tag, 4, 1, struct.pack("<I", value)


def grey_tiff(width: int, height: int, *, strip_at: int, strip_size: int, following: int = 0) -> bytes:
    entries = [long(256, width), long(257, height), short(258, 8), short(259, 1), short(262, 1)]
    entries += [long(273, strip_at), short(277, 1), long(278, height), long(279, strip_size)]
    return tiff(*entries, following=following)


def exif_with(
    inner: dict[int, object], gps: dict[int, object] | None = None, top: dict[int, object] | None = None
) -> bytes:
    written = Image.Exif()
    for tag, value in (top or {}).items():
        written[tag] = value
    written.get_ifd(0x8769).update(inner)
    if gps:
        written.get_ifd(0x8825).update(gps)
    return encoded("JPEG", exif=written.tobytes())


def gps_tiff(kind: int, numbers: tuple[int, ...]) -> bytes:
    """EXIF with nothing but a place, its six numbers (three rationals) as they are, for both axes."""
    value = struct.pack("<6i", *numbers)
    gps_at = 8 + 2 + 12 + 4
    place = tiff_folder(
        (1, 2, 2, b"N\0"), (2, kind, 3, value), (3, 2, 2, b"E\0"), (4, kind, 3, value), at=gps_at
    )
    return tiff(long(0x8825, gps_at)) + place


def zero_last_part(data: bytes, share: float) -> bytes:
    keep = int(len(data) * (1 - share))
    return data[:keep] + bytes(len(data) - keep)


def flipped(data: bytes) -> bytes:
    """One bit in every fiftieth byte behind the header is wrong."""
    damaged = bytearray(data)
    for position in range(len(data) // 4, len(data), 50):
        damaged[position] ^= 0x10
    return bytes(damaged)


def ended_early(jpeg: bytes) -> bytes:
    """Half of the picture, but with the proper end marker: libjpeg shows grey and does not complain."""
    start = jpeg.index(b"\xff\xda")
    cut = start + (len(jpeg) - start) // 2
    return jpeg[:cut].rstrip(b"\xff") + b"\xff\xd9"


@lru_cache(maxsize=1)
def _contents() -> dict[str, tuple[str, bytes]]:
    jpeg, progressive = encoded("JPEG"), encoded("JPEG", progressive=True)
    good_png, gif, webp = encoded("PNG"), encoded("GIF"), encoded("WEBP")
    bmp, avif, tif = encoded("BMP"), encoded("AVIF"), encoded("TIFF")
    deflated, lzw = encoded("TIFF", compression="tiff_adobe_deflate"), encoded("TIFF", compression="tiff_lzw")
    wide = encoded("JPEG").replace(struct.pack(">HH", 64, 96), struct.pack(">HH", 65000, 65000), 1)
    frames = [picture(), picture().rotate(90), picture().rotate(180)]
    animated = encoded("WEBP", frames[0], save_all=True, append_images=frames[1:])
    apng = encoded("PNG", frames[0], save_all=True, append_images=frames[1:])
    control = apng.index(b"acTL") - 4
    no_frames = png_chunk(b"acTL", struct.pack(">II", 0, 0))
    bomb = zlib.compressobj(9)
    bomb_body = b"".join(bomb.compress(bytes(1_000_000)) for _ in range(20)) + bomb.flush()
    text_bomb = png_chunk(b"zTXt", b"Comment\0\0" + bomb_body)
    loop = tiff(long(0x8769, 8), long(0x8825, 8), following=8)
    cyclic = grey_tiff(2, 2, strip_at=200, strip_size=4, following=8).ljust(200, b"\0") + b"\x10\x20\x30\x40"
    cmyk = encoded("JPEG", picture().convert("CMYK"))
    adobe = cmyk.index(b"\xff\xee")
    adobe_end = adobe + 2 + struct.unpack(">H", cmyk[adobe + 2 : adobe + 4])[0]
    lab = encoded("JPEG", icc_profile=encoded("PNG"))
    return {
        # nothing, or not a picture at all
        "empty.jpg": ("zero bytes", b""),
        "one-byte.jpg": ("one byte", b"\xff"),
        "zeros.jpg": ("only zero bytes: space reserved, never written", bytes(5000)),
        "random.jpg": ("noise", np.random.default_rng(1).bytes(5000)),
        "page.jpg": ("a web page saved as a picture", b"<!DOCTYPE html>\n<html><body>404</body></html>"),
        "text.png": ("text", b"Wish you were here.\n"),
        "drawing.png": (
            "SVG",
            b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        ),
        "paper.jpg": ("PDF", b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n"),
        "program.jpg": (
            "EPS, which Pillow would hand to Ghostscript",
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n",
        ),
        "archive.jpg": ("a zip file", b"PK\x03\x04" + bytes(60)),
        "film.gif": ("an MP4 film", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(50)),
        "other-format.bmp": ("a format not on the list", b"P6 2 2 255\n" + bytes(12)),
        "broken.heic": ("HEIC without content", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
        "broken.cr2": ("RAW without content", b"II*\0\x10\0\0\0CR\x02\0" + bytes(50)),
        # cut short
        "jpeg-magic-only.jpg": ("the first three bytes of a JPEG", jpeg[:3]),
        "cut-header.jpg": ("cut in the header", jpeg[:200]),
        "cut-half.jpg": ("cut in half", jpeg[: len(jpeg) // 2]),
        "cut-one-percent.jpg": ("the last hundredth is missing", jpeg[: len(jpeg) * 99 // 100]),
        "cut-progressive.jpg": ("progressive, cut in half", progressive[: len(progressive) // 2]),
        "ended-early.jpg": ("half the data, then an end marker", ended_early(jpeg)),
        "zeroed-end.jpg": ("the second half is zeros, as after a broken copy", zero_last_part(jpeg, 0.5)),
        "cut-half.png": ("cut in half", good_png[: len(good_png) // 2]),
        "cut-header.png": ("cut in the header", good_png[:20]),
        "cut-half.gif": ("cut in half", gif[: len(gif) // 2]),
        "cut-half.webp": ("cut in half", webp[: len(webp) // 2]),
        "cut-animated.webp": ("an animation cut within its first frame", animated[: len(animated) // 6]),
        "cut-half.bmp": ("cut in half", bmp[: len(bmp) // 2]),
        "cut-half.avif": ("cut in half", avif[: len(avif) // 2]),
        "cut-half.tif": ("cut in half", tif[: len(tif) // 2]),
        "cut-deflate.tif": ("deflated, the end zeroed", zero_last_part(deflated, 0.5)),
        "cut-lzw.tif": ("LZW, the pixels zeroed", lzw[:8] + bytes(len(lzw) // 2 - 8) + lzw[len(lzw) // 2 :]),
        # bits wrong
        "flipped.jpg": ("bits flipped", flipped(jpeg)),
        "flipped.png": ("bits flipped", flipped(good_png)),
        "flipped.gif": ("bits flipped", flipped(gif)),
        "flipped.webp": ("bits flipped", flipped(webp)),
        "flipped.avif": ("bits flipped", flipped(avif)),
        "flipped.tif": ("bits flipped", flipped(lzw)),
        "bad-checksum.png": ("wrong checksum of the header", good_png[:29] + b"\0\0\0\0" + good_png[33:]),
        "no-pixels.png": ("no pixel data at all", png(4, 4)),
        "bad-method.png": ("unknown compression method", png(2, 2, idat(bytes(6)), method=9)),
        "bad-palette.png": (
            "palette picture without palette",
            png(4, 4, idat(b"\0\xff\xff\xff\xff" * 4), colour=3)[:60],
        ),
        "no-tables.jpg": ("JPEG without Huffman tables", jpeg.replace(b"\xff\xc4", b"\xff\xfe")),
        "no-quantisation.jpg": ("JPEG without quantisation tables", jpeg.replace(b"\xff\xdb", b"\xff\xfe")),
        "bad-components.jpg": (
            "JPEG of 200 channels",
            jpeg.replace(b"\x00\x40\x00\x60\x03", b"\x00\x40\x00\x60\xc8", 1),
        ),
        "cmyk-cut.jpg": ("CMYK, cut in half", cmyk[: len(cmyk) // 2]),
        "bad-frame.gif": (
            "a frame far outside its canvas",
            gif.replace(b"\x2c\0\0\0\0", b"\x2c\xff\xff\xff\xff", 1)[:500],
        ),
        # lies about the size
        "zero-width.gif": (
            "no pixels",
            b"GIF89a\0\0\0\0\x80\0\0" + bytes(6) + b"\x2c" + bytes(9) + b"\x02\x00\x3b",
        ),
        "huge.png": ("claims 100,000 x 100,000 pixels", png(100_000, 100_000, idat(bytes(100)))),
        "huge.gif": ("claims 65,535 x 65,535 pixels", gif[:6] + b"\xff\xff\xff\xff" + gif[10:]),
        "huge.bmp": (
            "claims two thousand million pixels",
            bmp[:18] + struct.pack("<ii", 50_000, 40_000) + bmp[26:],
        ),
        "huge.jpg": ("claims 65,000 x 65,000 pixels", wide),
        "huge.tif": (
            "claims 16 million million pixels",
            grey_tiff(4_000_000, 4_000_000, strip_at=8, strip_size=4),
        ),
        "bomb.png": (
            "20 MB of zeros in 20 kB, for a picture of 20,000 x 20,000",
            png(20_000, 20_000, idat(bytes(20_000_000))),
        ),
        "text-bomb.png": ("20 MB of text in 20 kB", good_png[:33] + text_bomb + good_png[33:]),
        "many-channels.tif": (
            "65,535 channels",
            tiff(long(256, 4), long(257, 4), short(258, 8), short(262, 2), short(277, 65535)),
        ),
        "strip-outside.tif": (
            "pixels beyond the end of the file",
            grey_tiff(50, 50, strip_at=900_000, strip_size=2500),
        ),
        "folder-outside.tif": ("its folder is beyond the end", b"II*\0\xff\xff\xff\x7f"),
        "webp-inside.tif": (
            "TIFF compressed in a way that libtiff complains about",
            tiff(
                long(256, 4),
                long(257, 4),
                short(258, 8),
                short(259, 50001),
                short(262, 1),
                long(273, 8),
                long(279, 4),
            ),
        ),
        # damage beside the pixels
        "right-picture-wrong-name.png": ("a JPEG called PNG", jpeg),
        "exif-garbage.jpg": (
            "EXIF is noise",
            after_start(jpeg, exif_segment(np.random.default_rng(2).bytes(400))),
        ),
        "exif-loop.jpg": ("EXIF folders that contain themselves", after_start(jpeg, exif_segment(loop))),
        "exif-negative-gps.jpg": (
            "a place in negative degrees",
            after_start(jpeg, exif_segment(gps_tiff(10, (-10, 1, -20, 1, 0, 1)))),
        ),
        "exif-zero-denominators.jpg": (
            "a place of 0/0 degrees",
            after_start(jpeg, exif_segment(gps_tiff(5, (0, 0, 0, 0, 0, 0)))),
        ),
        "exif-nonsense-dates.jpg": (
            "dates no calendar has",
            exif_with(
                {0x9003: "0000:00:00 00:00:00", 0x9004: "2016:02:31 10:00:00"},
                top={0x0132: "9999:99:99 99:99:99"},
            ),
        ),
        "exif-orientation-99.jpg": ("turned in a 99th way", exif_with({}, top={0x0112: 99})),
        "icc-garbage.jpg": (
            "colour profile is noise",
            encoded("JPEG", icc_profile=np.random.default_rng(3).bytes(500)),
        ),
        "icc-wrong-channels.jpg": ("colour profile is a picture", lab),
        "trailing-garbage.jpg": ("noise behind the picture", jpeg + np.random.default_rng(4).bytes(3000)),
        "comment-escapes.jpg": (
            "terminal escapes in a comment",
            encoded("JPEG", comment=b"\x1b[2J\x1b]0;owned\x07\r\n"),
        ),
        "one-pixel.png": ("one pixel", encoded("PNG", picture(1, 1))),
        "thin.png": ("3000 x 1 pixels", encoded("PNG", picture(3000, 1))),
        "empty-exif.png": ("an empty EXIF chunk", good_png[:33] + png_chunk(b"eXIf", b"") + good_png[33:]),
        "cmyk-without-adobe.jpg": ("CMYK that does not say how it counts", cmyk[:adobe] + cmyk[adobe_end:]),
        "tiff-cyclic-pages.tif": ("pages that follow themselves", cyclic),
        "apng-zero-frames.png": (
            "an animation of no frames",
            apng[:control] + no_frames + apng[control + len(no_frames) :],
        ),
        "gif-no-colours.gif": (
            "a GIF without any palette",
            b"GIF89a\x01\0\x01\0\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0\x3b",
        ),
    }


def make_bad_files(folder: str | Path) -> dict[str, str]:
    """Write them all, and return name -> what is wrong with it. Also makes what is no file: a pipe,
    a folder called .jpg, a link to nothing, a link to itself, a file that may not be read (where
    permissions bind this user)."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    kinds = {}
    for name, (kind, data) in _contents().items():
        (folder / name).write_bytes(data)
        kinds[name] = kind
    specials: dict[str, tuple[str, Callable[[Path], object]]] = {
        "folder.jpg": ("a folder", lambda path: path.mkdir(exist_ok=True)),
        "link-to-nothing.jpg": ("a link to nothing", lambda path: path.symlink_to("gone.jpg")),
        "link-to-itself.jpg": ("a link to itself", lambda path: path.symlink_to(path.name)),
    }
    if hasattr(os, "mkfifo"):
        specials["pipe.jpg"] = ("a pipe that nobody writes to", os.mkfifo)
    for name, (kind, make) in specials.items():
        make(folder / name)
        kinds[name] = kind
    if hasattr(os, "geteuid") and os.geteuid() != 0:
        (folder / "forbidden.jpg").write_bytes(encoded("JPEG"))
        (folder / "forbidden.jpg").chmod(0)
        kinds["forbidden.jpg"] = "a file this user may not read"
    return kinds

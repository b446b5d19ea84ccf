"""What a picture file carries beside pixels and its first Exif: an XMP packet, IPTC, text, further
Exif. Every part is optional, foreign and possibly damaged; what cannot be read is left out."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from phototag.metadata import iptc, xmp
from phototag.reading import png

MAX_TEXT_BYTES = 1 << 20  # of one PNG text, unpacked; bounds what a small file can become
MAX_TEXTS = 100
EXIF_HEAD, XMP_HEAD = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
TIFF_XMP, TIFF_IPTC = 700, 33723  # XMP specification part 3; TIFF/EP
PHOTOSHOP_IPTC = 0x0404  # the image resource that holds IPTC (Photoshop File Formats)
# Where ImageMagick and exiftool put whole blocks into PNG text, in hexadecimal.
PNG_PROFILES = ("Raw profile type exif", "Raw profile type APP1", "Raw profile type xmp")


@dataclass(frozen=True, slots=True)
class Embedded:
    """`xmp`: a packet, unparsed; `iptc`: (record, dataset) -> bytes; `text`: of a PNG;
    `further_exif`: tag -> value of Exif that is not the first."""

    xmp: bytes | None = None
    iptc: Mapping[tuple[int, int], bytes] = field(default_factory=dict)
    text: Mapping[str, str] = field(default_factory=dict)
    further_exif: tuple[Mapping[int, Any], ...] = ()


NOTHING = Embedded()


def find_embedded(image: Image.Image, data: bytes) -> Embedded:
    """What the file of `image`, opened and perhaps not yet decoded, carries. `data`: its bytes."""
    try:
        if image.format == "PNG":
            return _in_png(data)
        info = image.info
        packet, block = info.get("xmp"), info.get("photoshop", {}).get(PHOTOSHOP_IPTC)
        further = tuple(_further_exif(data)) if image.format == "JPEG" else ()
        tags = getattr(image, "tag_v2", {})
        packet, block = packet or tags.get(TIFF_XMP), block or tags.get(TIFF_IPTC)
        return Embedded(_as_bytes(packet), _iptc(block), {}, further)
    except Exception:  # notes are never worth the picture
        return NOTHING


def exif_tags(block: bytes) -> dict[int, Any]:
    """Tag -> value of the first image and the Exif folder together, of a block with or without its head."""
    found = Image.Exif()
    try:
        found.load(block)
        return {**found, **found.get_ifd(0x8769)}
    except Exception:  # damaged in any of the ways a binary format can be
        return {}


def _as_bytes(packet: Any) -> bytes | None:
    if isinstance(packet, str):
        return packet.encode("utf-8", "replace")
    return bytes(packet) if isinstance(packet, bytes | tuple) and packet else None


def _iptc(block: Any) -> dict[tuple[int, int], bytes]:
    return iptc.parse_iptc(block) if isinstance(block, bytes) else {}


def _further_exif(jpeg: bytes) -> Iterator[dict[int, Any]]:
    """Of Exif segments behind the first: programs that do not find the first one write another."""
    position, found = 2, 0
    while jpeg[position : position + 1] == b"\xff" and jpeg[position + 1] not in (0xDA, 0xD9):
        length = int.from_bytes(jpeg[position + 2 : position + 4], "big")
        body = jpeg[position + 4 : position + 2 + length]
        if jpeg[position + 1] == 0xE1 and body.startswith(EXIF_HEAD):
            found += 1
            if found > 1:
                yield exif_tags(body)
        position += 2 + length


def _in_png(data: bytes) -> Embedded:
    text: dict[str, str] = {}
    further: list[Mapping[int, Any]] = []
    packet: bytes | None = None
    for keyword, value in _png_texts(data):
        if keyword == "XML:com.adobe.xmp":
            packet = packet or value
        elif keyword in PNG_PROFILES:
            block = _profile(value)
            if block.startswith(XMP_HEAD):
                packet = packet or block[len(XMP_HEAD) :]
            elif keyword.endswith("xmp"):
                packet = packet or block
            elif tags := exif_tags(block):
                further.append(tags)
        else:
            text.setdefault(keyword, value.decode("utf-8", "replace"))
    return Embedded(packet, {}, text, tuple(further))


def _png_texts(data: bytes) -> Iterator[tuple[str, bytes]]:
    """(keyword, text) of the text chunks, also of those behind the pixels."""
    for number, chunk in enumerate(c for c in png.chunks(data) if c.name in (b"tEXt", b"zTXt", b"iTXt")):
        if number >= MAX_TEXTS:
            return
        keyword, _, rest = data[chunk.start + 8 : chunk.end - 4].partition(b"\0")
        packed = chunk.name == b"zTXt"
        if packed:
            rest = rest[1:]
        elif chunk.name == b"iTXt":
            packed, rest = rest[:1] == b"\1", rest[2:].partition(b"\0")[2].partition(b"\0")[2]
        if packed:
            try:
                rest = zlib.decompressobj().decompress(rest, MAX_TEXT_BYTES)
            except zlib.error:
                continue
        yield keyword.decode("latin-1"), rest[: max(MAX_TEXT_BYTES, xmp.MAX_BYTES)]


def _profile(text: bytes) -> bytes:
    """The block in a raw profile: a line with its name, one with its length, then hexadecimal digits."""
    try:
        return bytes.fromhex("".join(text.decode("ascii").split("\n")[3:]))
    except ValueError:
        return b""

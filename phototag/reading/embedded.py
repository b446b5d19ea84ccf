"""What a picture file carries beside pixels and its first Exif: an XMP packet, IPTC, text, further
Exif. Every part is optional, foreign and possibly damaged; what cannot be read is left out."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from phototag.metadata import iptc, xmp
from phototag.metadata.record import NOTHING as SAYS_NOTHING
from phototag.metadata.record import Metadata
from phototag.metadata.xmp_fields import read_packets
from phototag.reading import png, webp
from phototag.reading.images import MOST_EXIF_BYTES

MAX_TEXT_BYTES = 1 << 20  # of one PNG text, unpacked; bounds what a small file can become
MAX_TEXTS, MOST_PACKED_BYTES = 100, 16 << 20
EXIF_HEAD, XMP_HEAD = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
# What does not fit into a first packet of 64 kB stands in further segments (XMP specification, part 3):
# after this head the packet's digest, its length, and where in it the segment belongs.
MORE_XMP_HEAD, DIGEST_BYTES = b"http://ns.adobe.com/xmp/extension/\0", 32
TIFF_XMP, TIFF_IPTC, TIFF_PHOTOSHOP = 700, 33723, 34377  # XMP specification part 3; TIFF/EP
PHOTOSHOP_IPTC = 0x0404  # the image resource that holds IPTC (Photoshop File Formats)
# Where ImageMagick and exiftool put whole blocks into PNG text, in hexadecimal.
PNG_PROFILES = ("Raw profile type exif", "Raw profile type APP1", "Raw profile type xmp")
PNG_IPTC = ("Raw profile type iptc", "Raw profile type 8bim")


@dataclass(frozen=True, slots=True)
class Embedded:
    """`xmp` and `iptc`: what they say; `text`: of a PNG; `further_exif`: tag -> value of Exif that is not
    the first."""

    xmp: Metadata = SAYS_NOTHING
    iptc: Metadata = SAYS_NOTHING
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
        further, more = _further(data) if image.format == "JPEG" else ((), b"")
        if image.format == "WEBP":
            notes = dict(_webp_notes(data))
            packet = packet or notes.get(b"XMP ")
            further = () if info.get("exif") or b"EXIF" not in notes else (exif_tags(notes[b"EXIF"]),)
        tags = getattr(image, "tag_v2", {})
        packet = packet or tags.get(TIFF_XMP)
        # its bytes, which Photoshop calls numbers of four bytes, as Pillow's own reader of IPTC gets them
        block = block or getattr(tags, "_tagdata", {}).get(TIFF_IPTC) or _resource(tags.get(TIFF_PHOTOSHOP))
        return Embedded(read_packet(packet, more), _iptc(block), {}, further)
    except Exception:  # notes are never worth the picture
        return NOTHING


def exif_tags(block: bytes) -> dict[int, Any]:
    """Tag -> value of the first image and the Exif folder together, of a block with or without its head."""
    found = Image.Exif()
    if len(block) > MOST_EXIF_BYTES:
        return {}
    try:
        found.load(block)
        return {**found, **found.get_ifd(0x8769)}
    except Exception:  # damaged in any of the ways a binary format can be
        return {}


def read_packet(packet: Any, more: bytes = b"") -> Metadata:
    """What an XMP packet says, as Pillow gives it: bytes, a text, or a tuple of numbers. `more`: of a
    JPEG that has a second one."""
    if isinstance(packet, str):
        packet = packet.encode("utf-8", "replace")
    packets = [bytes(packet)] if isinstance(packet, bytes | tuple) and packet else []
    packets += [more] if more else []
    return read_packets(tuple(packets)) if packets else SAYS_NOTHING


def _iptc(block: Any) -> Metadata:
    return iptc.read_iptc(iptc.parse_iptc(block)) if isinstance(block, bytes) else SAYS_NOTHING


def _resource(block: Any) -> bytes | None:
    """The IPTC among Photoshop's image resources, each a type, a number, a name and a length."""
    at = 0
    while isinstance(block, bytes) and block[at : at + 4] == b"8BIM" and at + 12 <= len(block):
        number = int.from_bytes(block[at + 4 : at + 6], "big")
        start = at + 7 + block[at + 6]
        start += (start - at) % 2  # names and contents are filled up to even lengths
        length = int.from_bytes(block[start : start + 4], "big")
        if number == PHOTOSHOP_IPTC:
            return block[start + 4 : start + 4 + length]
        at = start + 4 + length + length % 2
    return None


def _further(jpeg: bytes) -> tuple[tuple[dict[int, Any], ...], bytes]:
    """Exif segments behind the first, since programs that do not find the first one write another; and
    the second XMP packet."""
    exif: list[dict[int, Any]] = []
    parts: dict[bytes, dict[int, bytes]] = {}
    position, found = 2, 0
    while jpeg[position : position + 1] == b"\xff" and jpeg[position + 1] not in (0xDA, 0xD9):
        length = int.from_bytes(jpeg[position + 2 : position + 4], "big")
        if jpeg[position + 1] == 0xE1:
            body = jpeg[position + 4 : position + 2 + length]
            if body.startswith(EXIF_HEAD):
                found += 1
                exif += [exif_tags(body)] if found > 1 else []
            elif body.startswith(MORE_XMP_HEAD):
                at = len(MORE_XMP_HEAD) + DIGEST_BYTES
                of_digest = parts.setdefault(body[len(MORE_XMP_HEAD) : at], {})
                of_digest[int.from_bytes(body[at + 4 : at + 8], "big")] = body[at + 8 :]
        position += 2 + length
    first = next(iter(parts.values()), {})
    return tuple(exif), b"".join(first[start] for start in sorted(first))[: xmp.MAX_BYTES + 1]


def _webp_notes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, body) of what in a WebP is no picture. Pillow gives notes only where the header's flags announce
    them, which some programs forget to set."""
    for name, start, end in webp.chunks(data):
        if name in (b"EXIF", b"XMP ") and end <= len(data):
            yield name, data[start:end]


def _in_png(data: bytes) -> Embedded:
    text: dict[str, str] = {}
    further: list[Mapping[int, Any]] = []
    packet: bytes | None = None
    block: bytes | None = None
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
        elif keyword in PNG_IPTC:
            profile = _profile(value)
            block = block or _resource(profile) or profile
        else:
            text.setdefault(keyword, value.decode("utf-8", "replace"))
    return Embedded(read_packet(packet), _iptc(block), text, tuple(further))


def _png_texts(data: bytes) -> Iterator[tuple[str, bytes]]:
    """(keyword, text) of the text chunks, also of those behind the pixels."""
    for number, chunk in enumerate(c for c in png.chunks(data) if c.name in (b"tEXt", b"zTXt", b"iTXt")):
        if number >= MAX_TEXTS:
            return
        end = min(chunk.end - 4, chunk.start + 8 + MOST_PACKED_BYTES)
        keyword, _, rest = data[chunk.start + 8 : end].partition(b"\0")
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

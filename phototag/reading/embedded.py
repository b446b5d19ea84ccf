"""What a picture file carries beside pixels and its first Exif: an XMP packet, IPTC, text, further
Exif. Every part is optional, foreign and possibly damaged; what cannot be read is left out."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from PIL import Image

from phototag.metadata import iptc, xmp
from phototag.metadata.record import NOTHING as SAYS_NOTHING
from phototag.metadata.record import Metadata
from phototag.metadata.xmp_fields import read_packets
from phototag.reading import bmff, gif, jpeg_notes, png, webp
from phototag.reading.exif_block import EXIF_FOLDER, GPS_FOLDER
from phototag.reading.images import MOST_EXIF_BYTES

MAX_TEXT_BYTES = 1 << 20  # of one PNG text, unpacked; bounds what a small file can become
MAX_TEXTS, MOST_PACKED_BYTES = 100, 16 << 20
XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
TIFF_XMP, TIFF_IPTC, TIFF_PHOTOSHOP = 700, 33723, 34377  # XMP specification part 3; TIFF/EP
# Where ImageMagick and exiftool put whole blocks into PNG text, in hexadecimal.
PNG_PROFILES = ("Raw profile type exif", "Raw profile type APP1", "Raw profile type xmp")
PNG_IPTC = ("Raw profile type iptc", "Raw profile type 8bim")


@dataclass(frozen=True, slots=True)
class Embedded:
    """`xmp` and `iptc`: what they say; `text`: of a PNG; `further_exif`: tag -> value of Exif that is not
    the first; `saved`: when a PNG was last changed, as an instant."""

    xmp: Metadata = SAYS_NOTHING
    iptc: Metadata = SAYS_NOTHING
    text: Mapping[str, str] = field(default_factory=dict)
    further_exif: tuple[Mapping[int, Any], ...] = ()
    saved: datetime | None = None


NOTHING = Embedded()


def find_embedded(image: Image.Image, data: bytes) -> Embedded:
    """What the file of `image`, opened and perhaps not yet decoded, carries. `data`: its bytes."""
    try:
        if image.format == "PNG":
            return find_in_png(data)
        info = image.info
        packet, block = info.get("xmp"), info.get("photoshop", {}).get(jpeg_notes.PHOTOSHOP_IPTC)
        further: tuple[Mapping[int, Any], ...] = ()
        more = b""
        if image.format == "JPEG":
            found = jpeg_notes.find_notes(data)
            further = tuple(map(exif_tags, found.exif[1:]))
            packet, more, block = packet or found.packet, found.more, block or found.iptc
        if image.format == "AVIF":
            packet = packet or bmff.find_notes(data)[1]
        if image.format == "GIF":
            packet = gif.find_packet(data)
        if image.format == "WEBP":
            notes = dict(webp.notes(data))
            packet = packet or notes.get(b"XMP ")
            further = () if info.get("exif") or b"EXIF" not in notes else (exif_tags(notes[b"EXIF"]),)
        tags = getattr(image, "tag_v2", {})
        packet = packet or tags.get(TIFF_XMP)
        # its bytes, which Photoshop calls numbers of four bytes, as Pillow's own reader of IPTC gets them
        block = block or getattr(tags, "_tagdata", {}).get(TIFF_IPTC) or _iptc_of_resources(tags)
        return Embedded(read_packet(packet, more), read_block(block), {}, further)
    except Exception:  # notes are never worth the picture
        return NOTHING


def find_in_tags(tags: Mapping[int, Any] | None) -> Embedded:
    """What the first page of a TIFF, or of a RAW file that is one, carries."""
    if tags is None:
        return NOTHING
    try:
        block = tags.get(TIFF_IPTC)
        return Embedded(
            read_packet(tags.get(TIFF_XMP)),
            read_block(block if isinstance(block, bytes) else _iptc_of_resources(tags)),
        )
    except Exception:  # damaged in any of the ways a binary format can be
        return NOTHING


def exif_tags(block: bytes) -> dict[int, Any]:
    """Tag -> value of the first image, the Exif and the GPS folder together, of a block with or without
    its head."""
    found = Image.Exif()
    if len(block) > MOST_EXIF_BYTES:
        return {}
    try:
        found.load(block)
        return {**found, **found.get_ifd(EXIF_FOLDER), **found.get_ifd(GPS_FOLDER)}  # no number is in two
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


def _iptc_of_resources(tags: Mapping[int, Any]) -> bytes | None:
    resources = tags.get(TIFF_PHOTOSHOP)
    return jpeg_notes.find_iptc(resources) if isinstance(resources, bytes) else None


def read_block(block: Any) -> Metadata:
    """What a block of IPTC says."""
    return iptc.read_iptc(iptc.parse_iptc(block)) if isinstance(block, bytes) else SAYS_NOTHING


def find_in_png(data: bytes) -> Embedded:
    """What a PNG carries."""
    text: dict[str, str] = {}
    further: list[Mapping[int, Any]] = []
    packet: bytes | None = None
    block: bytes | None = None
    for keyword, value in _png_texts(data):
        if keyword == "XML:com.adobe.xmp":
            packet = packet or value
        elif keyword in PNG_PROFILES:
            profile = _profile(value)
            if profile.startswith(XMP_HEAD):
                packet = packet or profile[len(XMP_HEAD) :]
            elif keyword.endswith("xmp"):
                packet = packet or profile
            elif tags := exif_tags(profile):
                further.append(tags)
        elif keyword in PNG_IPTC:
            profile = _profile(value)
            block = block or jpeg_notes.find_iptc(profile) or profile
        else:
            text.setdefault(keyword, value.decode("utf-8", "replace"))
    return Embedded(read_packet(packet), read_block(block), text, tuple(further), _saved(data))


def _saved(data: bytes) -> datetime | None:
    """What the tIME chunk of a PNG says."""
    said = next((data[one.start + 8 : one.end - 4] for one in png.chunks(data) if one.name == b"tIME"), b"")
    if len(said) != 7:
        return None
    try:
        year, month, day, hour, minute, second = struct.unpack(">H5B", said)
        # a leap second is counted with the one before
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return None


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
    """The block in a raw profile: a line with its name, one with its length in bytes, then hexadecimal
    digits. What stands behind that many is left out."""
    lines = text.split(b"\n", 3)
    digits = b"".join(lines[-1].split()) if len(lines) == 4 else b""
    stated = lines[2].strip() if len(lines) == 4 else b""
    length = int(stated) if stated.isdigit() and len(stated) < 9 else len(digits)
    try:
        return bytes.fromhex(digits[: 2 * length].decode("ascii"))
    except ValueError:
        return b""

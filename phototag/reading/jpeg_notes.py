"""What stands in the segments before the pixels of a JPEG: blocks of Exif, XMP packets, IPTC. Reads them
without a decoder, so also of a file that has no pixels.

Sources: XMP specification, part 3; Photoshop File Formats (image resources)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from phototag.metadata import xmp
from phototag.reading import jpeg

APP1, APP13, SOS, EOI = 0xE1, 0xED, 0xDA, 0xD9
# Of a head that some programs write otherwise: with a blank behind it, or another beginning.
XMP_MARK, MOST_HEAD_BYTES = b"ns.adobe.com/xap/1.0/", 64
# What does not fit into a first packet of 64 kB stands in further segments: after this head the packet's
# digest, its length, and where in it the segment belongs.
MORE_XMP_HEAD, DIGEST_BYTES = b"http://ns.adobe.com/xmp/extension/\0", 32
PHOTOSHOP_HEAD = b"Photoshop 3.0\0"
PHOTOSHOP_IPTC = 0x0404  # the image resource that holds IPTC


@dataclass(frozen=True, slots=True)
class Notes:
    """`exif`: the blocks, with their heads; `packet` and `more`: the XMP packet and its second part, empty
    where there is none; `iptc`: None where there is none."""

    exif: list[bytes] = field(default_factory=list)
    packet: bytes = b""
    more: bytes = b""
    iptc: bytes | None = None


def find_notes(data: bytes) -> Notes:
    """The notes of a JPEG, as far as its segments hold together; of several packets the first."""
    exif: list[bytes] = []
    parts: dict[bytes, dict[int, bytes]] = {}
    packet = resources = b""
    for marker, body in _segments(data):
        if marker == APP13 and body.startswith(PHOTOSHOP_HEAD):
            resources += body[len(PHOTOSHOP_HEAD) :]
        elif marker != APP1:
            continue
        elif body.startswith(jpeg.EXIF_HEAD):
            exif.append(body)
        elif XMP_MARK in body[:MOST_HEAD_BYTES]:
            packet = packet or body.partition(XMP_MARK)[2].partition(b"\0")[2]
        elif body.startswith(MORE_XMP_HEAD):
            at = len(MORE_XMP_HEAD) + DIGEST_BYTES
            of_digest = parts.setdefault(body[len(MORE_XMP_HEAD) : at], {})
            of_digest[int.from_bytes(body[at + 4 : at + 8], "big")] = body[at + 8 :]
    first = next(iter(parts.values()), {})
    more = b"".join(first[start] for start in sorted(first))[: xmp.MAX_BYTES + 1]
    return Notes(exif, packet, more, find_iptc(resources))


def find_iptc(resources: bytes) -> bytes | None:
    """The IPTC among Photoshop's image resources, each a type, a number, a name and a length."""
    at = 0
    while resources[at : at + 4] == b"8BIM" and at + 12 <= len(resources):
        number = int.from_bytes(resources[at + 4 : at + 6], "big")
        start = at + 7 + resources[at + 6]
        start += (start - at) % 2  # names and contents are filled up to even lengths
        length = int.from_bytes(resources[start : start + 4], "big")
        if number == PHOTOSHOP_IPTC:
            return resources[start + 4 : start + 4 + length]
        at = start + 4 + length + length % 2
    return None


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, body) of the segments before the pixels; the last one may be cut short."""
    position = 2
    for _ in range(jpeg.MOST_NOTES):
        if data[position : position + 1] != b"\xff" or position + 4 > len(data):
            return
        marker = data[position + 1]
        if marker in (SOS, EOI):
            return
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        yield marker, data[position + 4 : position + 2 + length]
        position += 2 + max(length, 2)

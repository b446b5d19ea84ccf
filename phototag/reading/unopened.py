"""What the file of a picture that cannot be opened says of itself: it is damaged, its decoder is not
installed, or it costs too much. Its date, place and camera are known all the same."""

from __future__ import annotations

from PIL import Image

from phototag.reading import bmff, embedded, images, jpeg, jpeg_notes, png, webp
from phototag.reading.embedded import NOTHING, Embedded, read_packet
from phototag.reading.formats import SNIFFED_BYTES, sniff

# Canon's RAW files since 2018 keep each folder of Exif as a TIFF of its own, in a box within a box.
CANON_RAW = b"ftypcrx "
CANON_UUID = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
RAF, RAF_JPEG_AT = b"FUJIFILMCCD-RAW", 84  # where Fujifilm's RAW files tell where their preview is


def find_unopened(data: bytes) -> tuple[Image.Exif | None, Embedded]:
    """The Exif of the file with these bytes, None where it has none, and what it carries besides."""
    try:
        return _find(data)
    except Exception:  # damaged in any of the ways a binary format can be
        return None, NOTHING


def _find(data: bytes) -> tuple[Image.Exif | None, Embedded]:
    kind = sniff(data[:SNIFFED_BYTES])
    if kind is None and data.startswith(RAF):
        return _find(data[int.from_bytes(data[RAF_JPEG_AT : RAF_JPEG_AT + 4], "big") :])
    if kind is None and data[4:12] == CANON_RAW:
        return _of_canon(data), NOTHING
    if kind is None and (start := data.find(b"\xff\xd8\xff", 0, images.JUNK_BYTES)) > 0:
        return _find(data[start:])
    if kind == "JPEG":
        notes = jpeg_notes.find_notes(jpeg.without_excess(data))
        carried = Embedded(
            read_packet(notes.packet, notes.more),
            embedded.read_block(notes.iptc),
            {},
            tuple(map(embedded.exif_tags, notes.exif[1:])),
        )
        return images.load_exif(notes.exif[0] if notes.exif else b""), carried
    if kind == "PNG":
        data = png.without_bad_notes(data, list(png.chunks(data)))
        block = next((data[c.start + 8 : c.end - 4] for c in png.chunks(data) if c.name == b"eXIf"), b"")
        return images.load_exif(block), embedded.find_in_png(data)
    if kind == "WEBP":
        chunks = dict(webp.notes(data))
        return images.load_exif(chunks.get(b"EXIF", b"")), Embedded(read_packet(chunks.get(b"XMP ")))
    if kind in ("HEIF", "AVIF"):
        block, packet = bmff.find_notes(data)
        return images.load_exif(block), Embedded(read_packet(packet))
    said = images.tiff_exif(data)
    return said, embedded.find_in_tags(said)


def _of_canon(data: bytes) -> Image.Exif | None:
    """The first folder of Exif, with those of its exposure and its place."""
    movie = next((box for box in bmff.boxes(data) if box.kind == b"moov"), None)
    if movie is None:
        return None
    own = [box for box in bmff.boxes(data, movie.start, movie.end) if box.kind == b"uuid"]
    inner = next((box for box in own if data[box.start : box.start + 16] == CANON_UUID), None)
    if inner is None:
        return None
    blocks = {box.kind: data[box.start : box.end] for box in bmff.boxes(data, inner.start + 16, inner.end)}
    if (found := images.load_exif(blocks.get(b"CMT1", b""))) is None:
        return None
    for kind, folder in ((b"CMT2", embedded.EXIF_FOLDER), (b"CMT4", embedded.GPS_FOLDER)):
        if (part := images.load_exif(blocks.get(kind, b""))) is not None:
            found.get_ifd(folder).update(part)
    return found

"""HEIF and AVIF files made by hand: boxes with items, without a picture that can be decoded."""

import struct


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def full_box(kind, *parts, version=0, flags=0):
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def heif(items, *, brand=b"heic", wide=False, within=False):
    """A file of these items, each (kind, content type, bytes); the first is the picture. `wide`: numbers and
    places in the longest forms; `within`: the bytes in a box beside the list, not behind it."""
    number = ">I" if wide else ">H"
    infos = [
        full_box(
            b"infe",
            struct.pack(number, at),
            b"\0\0" + kind + b"a name\0" + (content + b"\0" if content else b""),
            version=3 if wide else 2,
        )
        for at, (kind, content, _) in enumerate(items, 1)
    ]
    listed = full_box(b"iinf", struct.pack(number, len(items)), *infos, version=int(wide))
    primary = full_box(b"pitm", struct.pack(number, 1), version=int(wide))
    data = b"".join(block for *_, block in items)

    def places(start):
        said, at = [], start
        for one, (*_, block) in enumerate(items, 1):
            method = struct.pack(">H", int(within)) if wide or within else b""
            said.append(struct.pack(number, one) + method + b"\0\0" + struct.pack(">HII", 1, at, len(block)))
            at += len(block)
        version = 2 if wide else int(within)
        return full_box(b"iloc", b"\x44\0", struct.pack(number, len(items)), *said, version=version)

    def file(start):
        inside = [box(b"idat", data)] if within else []
        meta = full_box(b"meta", primary, listed, places(start), *inside)
        return box(b"ftyp", brand, bytes(4), b"mif1", brand) + meta

    return file(0) if within else file(len(file(0)) + 8) + box(b"mdat", data)


def exif_item(block, offset=None):
    """Before the block stands how far its TIFF header is away."""
    head = b"Exif\0\0" if offset is None else b""
    return b"Exif", b"", struct.pack(">I", 6 if offset is None else offset) + head + block


def xmp_item(packet):
    return b"mime", b"application/rdf+xml", packet

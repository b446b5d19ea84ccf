"""Which files count as photos: by their names where folders are listed, by their first bytes where
they are opened. Standard library only."""

from __future__ import annotations

import importlib.util
from collections.abc import Collection

# Pillow decodes these by itself. jpe and jfif are what some browsers and old Windows programs call a
# JPEG; mpo are the JPEGs of cameras with two lenses; dib is a BMP, apng a PNG.
PILLOW_EXTENSIONS = frozenset(
    ["jpg", "jpeg", "jpe", "jfif", "mpo", "png", "apng", "webp", "tif", "tiff", "bmp", "dib", "gif", "avif"]
)
HEIC_EXTENSIONS = frozenset(["heic", "heif", "hif"])  # hif: Canon and Sony cameras
# fmt: off
RAW_EXTENSIONS = frozenset([
    "3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "gpr", "iiq", "kdc", "mef", "mos", "mrw",
    "nef", "nrw", "orf", "pef", "raf", "rw2", "rwl", "sr2", "srf", "srw", "x3f",
])
# fmt: on
# extra of phototag -> (the modules of which one is enough, the extensions that need it, what a person
# calls them)
EXTRAS = {
    "heic": (("pillow_heif", "pi_heif"), HEIC_EXTENSIONS, "HEIC"),
    "raw": (("rawpy",), RAW_EXTENSIONS, "RAW"),
}

SNIFFED_BYTES = 64  # of a file's beginning, enough to tell its format
_STARTS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),  # BigTIFF
    (b"MM\0+", "TIFF"),
    (b"BM", "BMP"),
)
# What is not opened, and what to call it.
_UNREAD_STARTS = (
    (b"\xff\x0a", "a JPEG XL picture, which phototag does not read"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture, which phototag does not read"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture, which phototag does not read"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture, which phototag does not read"),
    (b"II\xbc\x01", "a JPEG XR picture, which phototag does not read"),
    (b"8BPS", "a Photoshop document, which phototag does not read"),
    (b"v/1\x01", "an OpenEXR picture, which phototag does not read"),
    (b"\0\0\1\0", "an icon, not a photo"),
    (b"%!PS", "a PostScript document, not a picture"),
    (b"PK\3\4", "an archive (zip), not a picture"),
    (b"Rar!", "an archive (rar), not a picture"),
    (b"7z\xbc\xaf", "an archive (7z), not a picture"),
    (b"\x1f\x8b", "an archive (gzip), not a picture"),
    (b"\x1aE\xdf\xa3", "a video, not a picture"),
    (b"\0\0\1\xba", "a video, not a picture"),
    (b"ID3", "a sound, not a picture"),
)
_DIB_HEADER_BYTES = (40, 52, 56, 64, 108, 124)  # of the versions of a BMP's header


def is_installed(extra: str) -> bool:
    """Whether an extra's package can be imported; does not import it."""
    return module_of(extra) is not None


def module_of(extra: str) -> str | None:
    """The module that serves for an extra, None where none is installed."""
    return next((name for name in EXTRAS[extra][0] if importlib.util.find_spec(name)), None)


def supported_extensions(extensions: Collection[str] | None) -> dict[str, str | None]:
    """Extension -> the extra that is missing for it, None where it can be read."""
    supported: dict[str, str | None] = dict.fromkeys(PILLOW_EXTENSIONS)
    for extra, (_, names, _) in EXTRAS.items():
        supported |= dict.fromkeys(names, None if is_installed(extra) else extra)
    if extensions is None:
        return supported
    return {name: supported.get(name) for name in extensions}


def sniff(head: bytes) -> str | None:
    """The format of a file with these first bytes: one of Pillow's names, or "HEIF"; None where it is
    none that phototag opens. Most RAW formats are "TIFF" too."""
    for start, name in _STARTS:
        if head.startswith(start):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        # ISO 14496-12: the major brand, its version, compatible brands
        end = int.from_bytes(head[:4], "big")
        brands = {head[i : i + 4] for i in (8, *range(16, min(end, len(head)) - 3, 4))}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        if brands & {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1", b"mif2"}:
            return "HEIF"
    if int.from_bytes(head[:4], "little") in _DIB_HEADER_BYTES and head[12:14] == b"\x01\0":
        return "DIB"
    return None


def find_unread(head: bytes) -> str | None:
    """What a file with these first bytes is, where it is a known thing that phototag does not open."""
    for start, name in _UNREAD_STARTS:
        if head.startswith(start):
            return name
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide") or (head[:4] == b"RIFF" and head[8:12] == b"AVI "):
        return "a video, not a picture"
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "a sound, not a picture"
    if head[:1] == b"P" and head[1:2] in (b"1", b"2", b"3", b"4", b"5", b"6", b"7") and head[2:3].isspace():
        return "a PNM picture, which phototag does not read"
    return None

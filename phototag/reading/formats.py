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

"""Which file names count as photos. Standard library only."""

from __future__ import annotations

import importlib.util
from collections.abc import Collection

# Pillow decodes these by itself. jpe and jfif are what some browsers and old Windows programs call a JPEG.
PILLOW_EXTENSIONS = frozenset(
    ["jpg", "jpeg", "jpe", "jfif", "png", "webp", "tif", "tiff", "bmp", "gif", "avif"]
)
HEIC_EXTENSIONS = frozenset(["heic", "heif", "hif"])  # hif: Canon and Sony cameras
# fmt: off
RAW_EXTENSIONS = frozenset([
    "3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "gpr", "iiq", "kdc", "mef", "mos", "mrw", "nef", "nrw", "orf",
    "pef", "raf", "rw2", "rwl", "sr2", "srf", "srw", "x3f",
])
# fmt: on
# extra of phototag -> (the module it brings, the extensions that need it, what a person calls them)
EXTRAS = {
    "heic": ("pillow_heif", HEIC_EXTENSIONS, "HEIC"),
    "raw": ("rawpy", RAW_EXTENSIONS, "RAW"),
}


def is_installed(extra: str) -> bool:
    """Whether an extra's package can be imported; does not import it."""
    return importlib.util.find_spec(EXTRAS[extra][0]) is not None


def supported_extensions(extensions: Collection[str] | None) -> dict[str, str | None]:
    """Extension -> the extra that is missing for it, None where it can be read."""
    supported: dict[str, str | None] = dict.fromkeys(PILLOW_EXTENSIONS)
    for extra, (_, names, _) in EXTRAS.items():
        supported |= dict.fromkeys(names, None if is_installed(extra) else extra)
    if extensions is None:
        return supported
    return {name: supported.get(name) for name in extensions}

"""phototag: looks at every photo on a person's own machine and answers questions about them.

from phototag import Library, scan

with Library.open("photos.db") as library:
    scan(library, ["~/Photos"])
"""

from __future__ import annotations

from phototag.version import __version__

TYPE_CHECKING = False  # as in `typing`, whose import takes longer than all else that comes before `signals`
if TYPE_CHECKING:
    from typing import Any

    from phototag.engines.ray import Ray
    from phototag.library.library import Library
    from phototag.scanning import scan

__all__ = ["Library", "Ray", "__version__", "scan"]


def __getattr__(name: str) -> Any:
    """Library, Ray and scan, loaded only when asked for: a database library and nets are not needed for
    `--help`."""
    if name == "Library":
        from phototag.library.library import Library

        return Library
    if name == "Ray":
        from phototag.engines.ray import Ray

        return Ray
    if name == "scan":
        from phototag.scanning import scan

        return scan
    raise AttributeError(f"module 'phototag' has no attribute {name!r}")

"""Keeps decoders quiet for this process: they warn and log of damaged metadata and the like, nothing that
a person at a progress bar can act on. A switch of the command line, never of the library."""

from __future__ import annotations

import contextlib
import logging
import warnings


def silence_decoders() -> None:
    """To be called by commands that open pictures, once; imports Pillow."""
    import ctypes

    from PIL import Image

    warnings.filterwarnings("ignore", module=r"(PIL|phototag\.reading)\b")
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    # libtiff writes to stderr by itself, across the progress bar, unless its handlers are unset.
    # Pillow's library brings its symbols along, except where libtiff was linked into it (Windows):
    # there it may chatter.
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(Image.core.__file__)
        library.TIFFSetErrorHandler(None)
        library.TIFFSetWarningHandler(None)

"""Tunes glibc malloc for this process (mallopt): a switch of programs of our own, which are the command line
and the actors of a cluster, never of the library.

glibc hands every large block back to the system as soon as it is free, and the system clears the
pages it gives out again: a net whose layers each want some megabytes waits a quarter of its time
for pages it had a moment ago. And it keeps the free blocks of every thread apart: photos decoded in
several threads and let go in another leave holes in each."""

from __future__ import annotations

import ctypes

# M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_ARENA_MAX of mallopt(3)
TRIM, TOP_PAD, MMAP, ARENAS = -1, -2, -3, -8
BLOCK = 32 << 20  # bytes; larger blocks (a 48 MP photo) go back at once; glibc takes no higher limit
KEPT = 64 << 20  # bytes that may lie free before they go back
ASKED = 16 << 20  # bytes asked of the system at a time


def tune_malloc() -> bool:
    """From now on this process keeps some freed memory for its next blocks, in one place for all
    threads that begin later. False where that is not to be had: on systems without glibc, whose
    allocators have ways of their own."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library; Windows takes no None
        return False
    return all([mallopt(MMAP, BLOCK), mallopt(TRIM, KEPT), mallopt(TOP_PAD, ASKED), mallopt(ARENAS, 1)])

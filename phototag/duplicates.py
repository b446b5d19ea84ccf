"""Photos that are there more than once: the very same file, or another size, format or retouch of the same
picture, as perceptual hashes tell.

    with Library.open() as library:
        for photos in find_similar(library):
            print([photo.path for photo in photos])
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from phototag.errors import UnreadablePhoto
from phototag.highlights.appearance import SAME_BITS, SIDE, perceptual_hash
from phototag.library.library import Library, Question
from phototag.records import Photo

BITS = 64
# Two hashes that differ in SAME_BITS at most are equal in one of this many bands (the pigeonhole principle),
# so that only photos that share a band are compared.
BANDS = SAME_BITS + 1
BATCH = 64  # photos measured and saved at once: what an interruption loses


def find_same(library: Library, question: Question = None) -> list[list[Photo]]:
    """Groups of photos whose files are equal byte for byte, among those that fit the question; in each the
    shortest path first, the largest group of files first."""
    groups: dict[str, list[Photo]] = defaultdict(list)
    for photo in library.photos(question):
        if photo.content_hash and not photo.missing_since:
            groups[photo.content_hash].append(photo)
    return _in_order(photos for photos in groups.values() if len(photos) > 1)


def find_similar(
    library: Library,
    question: Question = None,
    *,
    workers: int = 2,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[list[Photo]]:
    """Groups of photos that show the same picture, whatever its size, format or light retouching, among
    those that fit the question; in each the one with most pixels first.

    Every photo is opened once, in small, and its perceptual hash is kept in the catalog. `on_progress(photos
    done, photos in all)`; after an interruption the next call goes on. A photo that cannot be read is in
    no group."""
    photos = {photo.photo_id: photo for photo in library.photos(question) if not photo.missing_since}
    hashes = library.perceptual_hashes(list(photos))
    unknown = [photo for photo_id, photo in photos.items() if photo_id not in hashes and photo.content_hash]
    with ThreadPoolExecutor(workers, "measure") as pool:
        for start in range(0, len(unknown), BATCH):
            batch = unknown[start : start + BATCH]
            measured = {
                photo.photo_id: (photo.content_hash or "", found)
                for photo, found in zip(batch, pool.map(_measure, batch), strict=True)
                if found is not None
            }
            library.save_perceptual_hashes(measured)
            hashes |= {photo_id: found for photo_id, (_, found) in measured.items()}
            if on_progress is not None:
                on_progress(start + len(batch), len(unknown))
    largest_first = sorted(photos.values(), key=_rank)
    order = {photo.photo_id: hashes[photo.photo_id] for photo in largest_first if photo.photo_id in hashes}
    return _in_order([photos[photo_id] for photo_id in ids] for ids in group_hashes(order))


def group_hashes(hashes: Mapping[int, int], most_bits: int = SAME_BITS) -> list[list[int]]:
    """Groups of ids whose 64-bit hashes differ from that of the group's first by at most `most_bits`
    (SAME_BITS at most). The first ids begin groups, so that likeness is never handed on along a chain."""
    width = -(-BITS // BANDS)
    firsts: list[tuple[int, list[int]]] = []  # the hash of a group's first photo, and the group
    bands: dict[tuple[int, int], list[int]] = defaultdict(list)  # part of a hash -> numbers of `firsts`
    for photo_id, found in hashes.items():
        keys = [(band, found >> (band * width) & ((1 << width) - 1)) for band in range(BANDS)]
        near = {number for key in keys for number in bands[key]}
        alike = [number for number in near if (firsts[number][0] ^ found).bit_count() <= most_bits]
        if alike:
            firsts[min(alike)][1].append(photo_id)
            continue
        for key in keys:
            bands[key].append(len(firsts))
        firsts.append((found, [photo_id]))
    return [ids for _, ids in firsts if len(ids) > 1]


def _measure(photo: Photo) -> int | None:
    """None where the file cannot be read any more, or is another than the one that was scanned."""
    from phototag.reading import decode

    try:
        decoded = decode.open_photo(photo.path, working_side=SIDE)
    except UnreadablePhoto:
        return None
    return perceptual_hash(decoded.pixels) if decoded.content_hash == photo.content_hash else None


def _rank(photo: Photo) -> tuple[int, int, int, str]:
    """Most pixels first, then most bytes, then the path nearest to the root."""
    return (
        -(photo.width or 0) * (photo.height or 0),
        -photo.size_bytes,
        photo.path.count(os.sep),
        photo.path,
    )


def _in_order(groups: Iterable[Sequence[Photo]]) -> list[list[Photo]]:
    """The best of each group first; the groups that hold most bytes to spare first."""
    ranked = [sorted(group, key=_rank) for group in groups]
    return sorted(ranked, key=lambda group: (-spare_bytes(group), group[0].path))


def spare_bytes(group: Sequence[Photo]) -> int:
    """How many bytes all but the first take."""
    return sum(photo.size_bytes for photo in group[1:])

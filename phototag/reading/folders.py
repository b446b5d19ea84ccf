"""Which folders hold nobody's photos: other programs' thumbnails, and what phototag made itself.
Standard library only."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection

from phototag.storage.anywhere import read_start

# phototag leaves a file of this name in every folder of pictures it makes, so that no scan takes
# them for photos.
OUTPUT_MARKER = ".phototag"


# The names by which such a folder is known. What the second one says can change without the folder's time.
OUTPUT_NAMES = frozenset({OUTPUT_MARKER, "album.json"})


# Folders, in lower case, in which other programs keep thumbnails, previews, snapshots and deleted pictures:
# Synology and QNAP servers, Windows, digiKam, Capture One, zip files packed on a Mac, web galleries.
# (.thumbnails, .picasaoriginals, .photoprism, .Trash-1000 and the like are hidden anyway.)
OTHERS_FOLDERS = frozenset(
    {
        "@eadir",
        "@tmp",
        "@recycle",
        "@recently-snapshot",
        "#recycle",
        "#snapshot",
        "$recycle.bin",
        "system volume information",
        "lost+found",
        "thumbs",
        "thumbnails",
        "zbthumbnail.info",
        "captureone",
        "__macosx",
    }
)


# Lightroom previews and Capture One catalogs: folders that look like one file and hold pictures
# made from photos.
OTHERS_SUFFIXES = (".lrdata", ".lrlibrary", ".cocatalog", ".cosessiondb")


# Apple's libraries are folders too: the photos are in these subfolders, all others hold previews,
# thumbnails, faces.
APPLE_LIBRARIES = (".photoslibrary", ".photolibrary", ".migratedphotolibrary", ".aplibrary")


APPLE_ORIGINALS = frozenset({"originals", "masters"})


def holds_no_photos(folder_name: str) -> bool:
    name = folder_name.lower()
    return name in OTHERS_FOLDERS or name.endswith(OTHERS_SUFFIXES)


def is_skipped_folder(folder: str, name: str) -> bool:
    """Whether a subfolder of this name is left out, here or in an Apple library."""
    if name[0] == "." or holds_no_photos(name):
        return True
    return name.lower() not in APPLE_ORIGINALS and os.path.basename(folder).lower().endswith(APPLE_LIBRARIES)


def rules_hash(*facts: object) -> str:
    """Of all that decides what a walk finds in a folder."""
    names = (
        sorted(OTHERS_FOLDERS),
        OTHERS_SUFFIXES,
        APPLE_LIBRARIES,
        sorted(APPLE_ORIGINALS),
        sorted(OUTPUT_NAMES),
    )
    return hashlib.blake2b(repr((facts, names)).encode(), digest_size=8).hexdigest()


def is_own_output(folder: str, names: Collection[str]) -> bool:
    if OUTPUT_MARKER in names:
        return True
    if "album.json" not in names:
        return False
    try:
        return b"phototag" in read_start(os.path.join(folder, "album.json"), 4096)  # it names its maker first
    except OSError:
        return False

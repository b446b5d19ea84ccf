"""Records of photos, as the catalog would give them, and a look at pictures that are not there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace

import pytest

from phototag.highlights.looks import Look
from phototag.records import Box, Face, Photo
from phototag.smiling import everyone_smiling


def make_face(
    smile: float | None = 0.95,
    at: tuple[float, float] = (0.5, 0.4),
    size: float = 0.2,
    score: float = 0.99,
    sharpness: float | None = 0.8,
) -> Face:
    """A square face around a point."""
    box = Box.clipped(at[0] - size / 2, at[1] - size / 2, at[0] + size / 2, at[1] + size / 2)
    assert box is not None
    return Face(box, score, smile=smile, sharpness=sharpness)


def make_photo(
    name: str,
    taken: str | None = "2016-05-14 18:30:12",
    faces: tuple[Face, ...] | None = None,
    *,
    taken_from: str = "exif",
    content: str | None = None,
    **more,
) -> Photo:
    faces = (make_face(),) if faces is None else faces
    values = {
        "photo_id": int(hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8], 16),
        "path": name if name.startswith("/") else f"/photos/{name}",
        "size_bytes": 1000,
        "width": 4000,
        "height": 3000,
        "content_hash": hashlib.sha256((content or name).encode("utf-8", "surrogateescape")).hexdigest(),
        "taken_at": datetime.fromisoformat(taken) if taken else None,
        "taken_from": taken_from,
        "latitude": None,
        "longitude": None,
        "camera": None,
        "missing_since": None,
        "everyone_smiling": everyone_smiling(faces),
        "faces": faces,
        "sharpness": 0.8,
    }
    return Photo(**{**values, **more})


def all_different(photo: Photo, faces) -> Look:
    """Every content looks unlike every other: 64 bits out of its hash."""
    return Look(int(photo.content_hash[:16], 16), 0.9)


@pytest.fixture
def make() -> SimpleNamespace:
    return SimpleNamespace(face=make_face, photo=make_photo, look=all_different)


@pytest.fixture
def looks() -> Callable:
    """A look at given fingerprints: name of the file -> 64 bits; all others are unlike each other."""

    def build(known: dict[str, int], exposures: dict[str, float] | None = None) -> Callable:
        def look(photo: Photo, faces) -> Look:
            name = photo.path.rpartition("/")[2]
            return Look(known.get(name, all_different(photo, faces).fingerprint), (exposures or {}).get(name, 0.9))

        return look

    return build

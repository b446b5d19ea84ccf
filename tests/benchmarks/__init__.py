"""Speed, measured as ratios: each module here has `figures()`, which measures ours and the other side alternately in
one run, because two runs on one machine differ by more than what is to be shown."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value and what it must reach. `unit` is 'x' for ratios."""

    name: str
    value: float
    target: float
    unit: str
    better: Literal["lower", "higher"]

    @property
    def met(self) -> bool:
        return self.value <= self.target if self.better == "lower" else self.value >= self.target


@dataclass(frozen=True, slots=True)
class Seconds:
    """Medians of one side: by the wall clock, and of the CPU time of all threads of this process."""

    wall: float
    cpu: float


def alternate(a: Callable[[], Any], b: Callable[[], Any], rounds: int = 5) -> tuple[Seconds, Seconds]:
    """Runs a, b, a, b ... after one unmeasured run of each, and gives the medians of both. CPU time is what to compare
    where other programs share the machine; on an idle one the wall clock says what a person waits."""
    a()
    b()
    times: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    for _ in range(rounds):
        for side, run in zip(times, (a, b), strict=True):
            gc.collect()  # no side pays for what the other one left behind
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            side.append((time.perf_counter() - wall, time.process_time() - cpu))
    first, second = (Seconds(median(wall for wall, _ in side), median(cpu for _, cpu in side)) for side in times)
    return first, second

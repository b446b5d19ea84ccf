"""One scan in a process of its own, for what can only be measured there: peak memory, and the
number of cores. Prints JSON.

python -m tests.benchmarks.child FOLDER [--warm FOLDER] [--stub quick|slow] [--cores N]
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from phototag.records import Frame, Tag
from phototag.scanning import ScanOptions
from phototag.taggers import table
from tests import tiny
from tests.benchmarks import ROOT, cpu_seconds, resource


def scan_alone(
    folder: Path, *, warm: Path, stub: str | None = None, cores: int | None = None
) -> dict[str, Any]:
    """A first scan of `folder` in a new process and a new catalog: how many photos, CPU and wall
    seconds of the scan alone (one of `warm` goes before, to import and to load), and the peak of
    memory in bytes. `stub`: with a tagger too small to matter, "quick" or "slow", which begins by
    taking longer than decoding, as the nets do; `cores`: on so many."""
    command = [sys.executable, "-m", "tests.benchmarks.child", str(folder), "--warm", str(warm)]
    command += (["--stub", stub] if stub else []) + (["--cores", str(cores)] if cores else [])
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def options(stub: str | None = None) -> ScanOptions:
    """Of a scan: everything that runs without a network, on the CPU; or the smallest tagger there is."""
    if not stub:
        return ScanOptions(device="cpu", detector="people-pets", offline=True)
    from tests.benchmarks.rescan import with_tiny_tagger

    with_tiny_tagger()
    if stub == "slow":
        known = table.SPECS["colour"]
        table.SPECS["colour"] = dataclasses.replace(known, target="tests.benchmarks.child:load_slow")
    return ScanOptions(taggers=("colour",))


def load_slow(device: str, chosen: Mapping[str, Any]) -> table.Tagger:
    """The tiny tagger; while it takes its time over the first batches, decoding gets as far ahead
    as it may."""
    tag, batches = tiny.load(device, chosen), itertools.count()

    def slow(frames: Sequence[Frame]) -> list[list[Tag]]:
        time.sleep(0.5 if next(batches) < 20 else 0)
        return tag(frames)

    return slow


def peak_bytes() -> int:
    """The most memory this process ever had. Not getrusage on Linux: there it counts what the
    parent had when it forked."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on a Mac


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--warm", type=Path)
    parser.add_argument("--stub", choices=("quick", "slow"))
    parser.add_argument("--cores", type=int)
    chosen = parser.parse_args()
    if chosen.cores:  # before torch counts them
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: chosen.cores])
    from phototag import Library, scan

    how = options(chosen.stub)
    with tempfile.TemporaryDirectory() as name:
        if chosen.warm:
            with Library.open(Path(name, "warm.db")) as library:
                scan(library, [chosen.warm], how)
        with Library.open(Path(name, "catalog.db")) as library:
            wall, cpu = time.perf_counter(), cpu_seconds()
            report = scan(library, [chosen.folder], how)
            wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    if report.failed or report.tagged != report.found:
        raise SystemExit(f"not every photo could be looked at: {report}")
    print(json.dumps({"photos": report.tagged, "wall": wall, "cpu": cpu, "peak_bytes": peak_bytes()}))


if __name__ == "__main__":
    main()

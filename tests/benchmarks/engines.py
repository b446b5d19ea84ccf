"""What a scan costs on a Ray cluster of this machine, beside threads of one process: CPU seconds of all
processes, and seconds by the clock. `python -m tests.benchmarks.engines FOLDER [TAGGER ...]`"""

import os
import sys
import tempfile
import time
from pathlib import Path

from phototag import Library, Ray, scan
from phototag.engines.local import cores
from phototag.scanning import ScanOptions


def cpu_seconds():
    """Of this process and all that it started."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                values = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has ended
                continue
            found[int(entry.name)] = (
                int(values[1]),
                (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK"),
            )
    ours, grown = {os.getpid()}, True
    while grown:
        more = {pid for pid, (parent, _) in found.items() if parent in ours} - ours
        ours, grown = ours | more, bool(more)
    return sum(found[pid][1] for pid in ours)


def measure(folder, taggers, engine):
    """(photos, seconds until the first batch, seconds, CPU seconds), to the last batch."""
    began, cpu_before, times = time.monotonic(), cpu_seconds(), []

    def on_progress(phase, done, total):
        if phase == "tag":
            times.append((time.monotonic() - began, cpu_seconds() - cpu_before, done))

    with tempfile.TemporaryDirectory() as catalog, Library.open(Path(catalog) / "c.db") as library:
        scan(library, [folder], ScanOptions(taggers=taggers), engine=engine, on_progress=on_progress)
    return times[-1][2], times[0][0], times[-1][0], times[-1][1]


if __name__ == "__main__":
    for name, engine in (("local", None), (f"ray, {cores()} actors", Ray())):
        photos, first, seconds, cpu = measure(sys.argv[1], tuple(sys.argv[2:]), engine)
        print(
            f"{name}: {photos} photos, first batch after {first:.1f} s, {seconds:.1f} s in all, "
            f"{cpu:.1f} CPU seconds"
        )

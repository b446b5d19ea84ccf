"""Peak memory of a scan: of 10,000 photos beside 100, and of 48 MP photos beside 12 MP ones. Its
tagger needs none and at first is slower than decoding, as nets are: else the smaller scan ends
before as many photos wait as may. Each scan in a process of its own."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from phototag.engines.local import decoding_threads
from tests.benchmarks import Figure, Plan, photos, tell
from tests.benchmarks.child import scan_alone

FEW, MANY = 100, 10_000
LARGE = 16  # photos of 12 and of 48 MP: a batch, more than are ever in hand at once
DECODE_BUFFER = 8000 * 6000 * 3  # bytes of a 48 MP photo, decoded in full


def figures(plan: Plan = Plan()) -> list[Figure]:
    many = plan.photos or MANY
    few = min(FEW, many)
    small = [photos.tree(plan.cache, count, "small") for count in (few, many)]
    peaks = {folder: [] for folder in small}
    # peaks differ little from run to run, and the large one takes a minute
    for number in range(min(plan.rounds, 3)):
        for folder in small if number == 0 else small[:1]:
            peaks[folder].append(_peak(folder, small[0]))
    at_few, at_many = (median(peaks[folder]) for folder in small)
    tell(f"peak at {few:,} photos {at_few / 1e6:.1f} MB, at {many:,} {at_many / 1e6:.1f} MB")
    found = [Figure(f"memory, peak at {many:,} photos / at {few:,}", at_many / at_few, 1.10, "x")]
    number = min(LARGE, many)
    workers = decoding_threads()
    times = min(plan.rounds, 3)
    normal = median(_peak(photos.tree(plan.cache, number, "12mp"), small[0]) for _ in range(times))
    for kind in ("baseline", "progressive"):
        peak = median(_peak(photos.tree(plan.cache, number, f"48mp-{kind}"), small[0]) for _ in range(times))
        more = (peak - normal) / workers
        tell(f"peak with 12 MP photos {normal / 1e6:.1f} MB, with 48 MP {kind} ones {peak / 1e6:.1f} MB")
        name = f"memory, 48 MP {kind} photos beside 12 MP ones, per worker"
        found.append(Figure(name, more / DECODE_BUFFER, 1, "decode buffers of 144 MB"))
    return found


def _peak(folder: Path, warm: Path) -> int:
    return scan_alone(folder, warm=warm, stub="slow")["peak_bytes"]

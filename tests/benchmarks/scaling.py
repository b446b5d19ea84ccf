"""Whether the hundred-thousandth photo costs what the thousandth does: first scans with a tagger
too small to matter, but a real walk, real (tiny) files to decode and a real catalog, each in a
process of its own."""

from __future__ import annotations

from statistics import median

from tests.benchmarks import Figure, Plan, photos, tell
from tests.benchmarks.child import scan_alone

FEW, MANY = 1000, 100_000


def figures(plan: Plan = Plan()) -> list[Figure]:
    many = plan.photos or MANY
    few = min(FEW, many)
    few_folder, many_folder = (photos.tree(plan.cache, count) for count in (few, many))
    before = (plan.rounds + 1) // 2
    # The large scan takes minutes and is its own average; the small ones stand on both sides of it.
    small = [scan_alone(few_folder, warm=few_folder, stub="quick") for _ in range(before)]
    large = scan_alone(many_folder, warm=few_folder, stub="quick")
    small += [scan_alone(few_folder, warm=few_folder, stub="quick") for _ in range(plan.rounds - before)]
    cost, wall = (median(one[clock] for one in small) / few * 1000 for clock in ("cpu", "wall"))
    large_cost, large_wall = (large[clock] / many * 1000 for clock in ("cpu", "wall"))
    tell(
        f"{few:,} photos: {cost:.3f} ms CPU, {wall:.3f} ms wall each; {many:,}: {large_cost:.3f} CPU, "
        f"{large_wall:.3f} wall"
    )
    return [Figure(f"scaling, CPU per photo at {many:,} photos / at {few:,}", large_cost / cost, 1.10, "x")]

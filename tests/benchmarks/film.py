"""What a film costs: 60 photos of 12 MP at 1080p, by the theme `year`, with its music, in CPU seconds for
each second of the film. Decoding, drawing, encoding and composing are all in it."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

from phototag import Library, scan
from phototag.highlights import theme as themes
from phototag.highlights.choose import choose
from phototag.highlights.film import make
from phototag.highlights.verdict import Verdict
from phototag.query.terms import Query
from tests.benchmarks import Figure, Plan, cpu_seconds, photos, tell

COUNT = 60
FIRST, STEP = datetime(2016, 1, 3, 12), timedelta(days=6)


def figures(plan: Plan = Plan()) -> list[Figure]:
    kept = _kept(photos.folder(plan.cache, "12mp"), plan.photos or COUNT)
    theme = themes.load("year")
    costs = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(min(plan.rounds, 3)):  # they differ by a hundredth, and each takes minutes
            before = cpu_seconds()
            report = make.make_film(Path(folder) / "film.mp4", kept, theme, "Best of 2016")
            costs.append((cpu_seconds() - before) / report.seconds)
            tell(f"{report.seconds:.0f} seconds of film: {costs[-1] * report.seconds:.1f} s CPU")
    name = f"film, {len(kept)} photos at 1080p: CPU seconds for each of its seconds"
    return [Figure(name, median(costs), 1.5, "s")]


def _kept(folder: Path, count: int) -> list[Verdict]:
    """So many verdicts on the photos of a folder, which are shown again and again."""
    theme = replace(themes.load("year"), count=themes.Count(1, 1000), exclude=themes.Exclude())
    theme = replace(theme, qualify=themes.Qualify())
    with (
        tempfile.TemporaryDirectory() as catalog,
        Library.open(Path(catalog) / "catalog.db") as library,
    ):
        scan(library, [folder])
        known = list(library.photos(Query(())))
    shown = [
        replace(known[number % len(known)], photo_id=number + 1, taken_at=FIRST + number * STEP)
        for number in range(count)
    ]
    chosen = choose(known, theme, _unmeasured).verdicts
    verdicts = {verdict.photo.path: verdict for verdict in chosen}
    return [replace(verdicts[photo.path], photo=photo) for photo in shown]


def _unmeasured(photo: object, faces: object) -> None:
    """Nothing is left out for what it looks like."""

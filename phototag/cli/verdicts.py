"""Lists of what a person saw in photos, looked at twice, the second time without knowing the first;
and what the program's answers are worth by them."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from phototag.cli.output import count, printable, write_text
from phototag.errors import UsageError
from phototag.inputs import read_input_text

VERDICTS = ("right", "wrong", "doubtful")

# sample -> SHA-256 of a photo -> what was judged -> the verdict of both looks together
Samples = dict[str, dict[str, dict[str, str]]]


@dataclass
class Worth:
    """Answers by verdict; `unjudged` those that the list knows nothing of, `photos` those looked at."""

    photos: int = 0
    right: int = 0
    wrong: int = 0
    doubtful: int = 0
    unjudged: int = 0
    missed: int = 0  # judged right in the list, and not answered now
    by_word: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def precision(self) -> float | None:
        """Of the answers that are clearly right or wrong, the share that is right."""
        decided = self.right + self.wrong
        return self.right / decided if decided else None

    def add(self, judged: Mapping[str, str], answers: Iterable[str]) -> None:
        """What one photo was judged for, and what is answered of it."""
        given = set(answers)
        self.photos += 1
        self.missed += sum(verdict == "right" for what, verdict in judged.items() if what not in given)
        for what in sorted(given):
            verdict = judged.get(what, "unjudged")
            setattr(self, verdict, getattr(self, verdict) + 1)
            of_word = self.by_word.setdefault(what, {})
            of_word[verdict] = of_word.get(verdict, 0) + 1

    def as_dict(self) -> dict[str, Any]:
        counts = {name: getattr(self, name) for name in ("photos", *VERDICTS, "unjudged", "missed")}
        return {**counts, "precision": None if self.precision is None else round(self.precision, 4)}

    def show(self, sample: str, answers: str) -> None:
        """One line; `answers` is what is counted, in the plural."""
        precision = "" if self.precision is None else f", precision {self.precision:.3f}"
        unjudged = f", {self.unjudged:,} nobody judged" if self.unjudged else ""
        write_text(
            f"{printable(sample)}: {count(self.photos, 'photo')}; {answers}: {self.right:,} right, "
            f"{self.wrong:,} wrong, {self.doubtful:,} doubtful{unjudged}{precision}; "
            f"{self.missed:,} right ones missed"
        )


def read_samples(path: Path, what: str | None = None) -> Samples:
    """A CSV file with the columns sample, sha256, first and second, and `what` where photos are judged
    for several things. A photo without a verdict is one of which nothing was answered. What was judged
    once has that verdict; twice and not alike, it is doubtful. Raises UsageError naming the line."""
    found: Samples = defaultdict(lambda: defaultdict(dict))
    columns = {"sample", "sha256", "first", "second", *([what] if what else [])}
    try:
        rows = csv.DictReader(io.StringIO(read_input_text(path), newline=""))
        if missing := columns - set(rows.fieldnames or ()):
            raise UsageError(f"{path}: no column {', '.join(sorted(missing))}; the first line names them")
        for row in rows:
            judged = found[row["sample"] or ""][row["sha256"] or ""]
            looks = [look for look in (row["first"], row["second"]) if look]
            if unknown := [look for look in looks if look not in VERDICTS]:
                raise UsageError(
                    f"{path}, line {rows.line_num}: {unknown[0]!r} is none of {', '.join(VERDICTS)}"
                )
            if looks:
                judged[row[what] or "" if what else ""] = looks[0] if len(set(looks)) == 1 else "doubtful"
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: cannot be read as a list ({error})") from error
    if not found:
        raise UsageError(f"{path}: nothing was judged in it")
    return found

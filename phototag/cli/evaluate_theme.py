"""`phototag evaluate theme`: how many of the photos that qualify for a theme suit it, by a list of
verdicts."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from phototag.cli.output import count, db_option, json_option, open_library, say, write_json, write_text
from phototag.cli.selection import load_theme
from phototag.errors import UsageError

if TYPE_CHECKING:
    from phototag.cli.verdicts import Worth


@click.command("theme")
@click.argument("theme")
@click.argument("verdicts", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@db_option
@json_option
def evaluate_theme(theme: str, verdicts: Path, db: str | None, as_json: bool) -> None:
    """Measure a theme's choice by what a person saw.

    THEME is as in `phototag highlights`. VERDICTS is a CSV file with the columns sample, sha256 (of the
    photo's file), first and second: right, wrong or doubtful, as somebody judged, twice, whether the
    photo suits the theme. Of the photos in the catalog that are in the list, those that qualify for the
    theme are counted, for each sample by itself, however many an album would take. Photos judged
    differently the second time count as doubtful; precision leaves doubtful photos out. The second line
    counts them as not right, with the interval in which the share lies with 95 % (Wilson).

    \b
      phototag scan photos/
      phototag evaluate theme smiles tests/benchmarks/smiles_by_eye.csv
    """
    from phototag.cli.verdicts import Worth, read_samples
    from phototag.highlights.choose import (
        before_second_look,
        smile_at_second_look,
        smile_needed_again,
        wants_second_look,
    )
    from phototag.highlights.qualify import Candidate, judge
    from phototag.query.terms import Query

    rules, samples = load_theme(theme), read_samples(verdicts)
    look_again = None
    if wants_second_look(rules):
        from phototag.taggers.second_look import second_look

        look_again = second_look()
    first_rules = before_second_look(rules) if look_again else rules
    wanted = {sha256 for photos in samples.values() for sha256 in photos}
    qualifies: dict[str, bool] = {}
    with open_library(db) as library:
        for index, photo in enumerate(library.photos(Query(()))):
            if photo.content_hash in wanted:
                first = judge(photo, index, first_rules, {})
                is_good = isinstance(first, Candidate)
                if isinstance(first, Candidate) and look_again:
                    is_good = (smile_at_second_look(first, look_again) or 0.0) >= smile_needed_again(rules)
                qualifies[photo.content_hash] = is_good
    if not qualifies:
        raise UsageError(
            f"the catalog knows none of the {count(len(wanted), 'photo')} of {verdicts.name}; scan them first"
        )
    if len(qualifies) < len(wanted):
        say(f"{count(len(wanted) - len(qualifies), 'photo')} of {len(wanted):,} are not in the catalog")
    found: dict[str, Any] = {}
    for sample, photos in samples.items():
        worth = Worth()
        for sha256, judged in photos.items():
            if sha256 in qualifies:
                worth.add(judged, [""] if qualifies[sha256] else [])
        found[sample] = {**worth.as_dict(), **_strict(worth)}
        if not as_json and worth.photos:
            worth.show(sample, "those that qualify")
            _show_strict(worth)
    if as_json:
        write_json(found)


def _strict(worth: Worth) -> dict[str, float | None]:
    """The share of right ones when doubtful ones count as not right, and its 95 % interval."""
    taken = worth.right + worth.wrong + worth.doubtful
    if not taken:
        return dict.fromkeys(("strict", "strict_low", "strict_high"))
    low, high = wilson_interval(worth.right, taken)
    return {
        "strict": round(worth.right / taken, 4), "strict_low": round(low, 4), "strict_high": round(high, 4),
    }  # fmt: skip


def _show_strict(worth: Worth) -> None:
    strict = _strict(worth)
    if strict["strict"] is not None:
        taken = worth.right + worth.wrong + worth.doubtful
        write_text(
            f"  with doubtful ones as not right: {worth.right:,} of {taken:,}, {strict['strict']:.3f} "
            f"({strict['strict_low']:.3f} to {strict['strict_high']:.3f})"
        )


def wilson_interval(right: int, taken: int) -> tuple[float, float]:
    """In which a share lies with 95 % (Wilson 1927); `taken` at least 1."""
    z = 1.96  # standard deviations
    middle, reach = right + z * z / 2, z * math.sqrt(right * (taken - right) / taken + z * z / 4)
    return max(0.0, (middle - reach) / (taken + z * z)), min(1.0, (middle + reach) / (taken + z * z))

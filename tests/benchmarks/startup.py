"""What starting the program costs, beside importing the library that reads its command line."""

from __future__ import annotations

import subprocess
import sys

from tests.benchmarks import ROOT, Figure, Plan, alternate, ratio

PROGRAM = "import sys; from phototag.cli import main; sys.exit(main())"  # as the installed script does
RUNS = 4  # per round: one start is a few hundredths of a second


def figures(plan: Plan = Plan()) -> list[Figure]:
    def start(*arguments: str) -> None:
        subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)

    sides = alternate(
        lambda: start("-c", PROGRAM, "--help"), lambda: start("-c", "import click"), RUNS * plan.rounds
    )
    return [ratio("startup, phototag --help / import click", sides, 1.5)]

"""Several command lines in one process of their own, one after the other: PyTorch is imported once. For tests
of what a process is given (its umask, a watched network), not of how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Done:
    """What one command line came to."""

    words: list[str]
    code: int
    stdout: str
    stderr: str


def run_several(
    lines: Iterable[Iterable[object]],
    *,
    tiny: bool = False,
    environment: dict[str, str] | None = None,
    **more: Any,
) -> Iterator[Done]:
    """What each of the lines did. `tiny`: with the tagger of tests.tiny alone; `more` is for the process."""
    words = [[str(word) for word in line] for line in lines]
    done = subprocess.run(
        [sys.executable, "-m", "tests.several", *["tiny"] * tiny],
        input=json.dumps(words),
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        **more,
    )
    assert done.returncode == 0, done.stderr
    answers = [Done(*json.loads(line)) for line in done.stdout.splitlines()]
    assert len(answers) == len(words)
    yield from answers


def main() -> None:
    from click.testing import CliRunner

    from phototag.cli import main as command_line

    if sys.argv[1:] == ["tiny"]:
        from phototag.taggers import table
        from tests import tiny

        table.SPECS.clear()
        table.SPECS["colour"] = tiny.SPEC
    for words in json.load(sys.stdin):
        sys.argv[1:] = words
        result = CliRunner().invoke(command_line, words)
        print(json.dumps([words, result.exit_code, result.stdout, result.stderr]), flush=True)


if __name__ == "__main__":
    main()

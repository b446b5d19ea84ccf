"""What the pages' console blocks show is what the program prints today. README's is among the quick tests."""

from pathlib import Path

import pytest

from tests.readme import CONSOLE, README, TOURS, Shell, commands_and_outputs, masked

PAGES = [
    pytest.param(page, marks=[pytest.mark.slow] if page != README else [], id=page.name) for page in TOURS
]


@pytest.mark.parametrize("film", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["quick", "film"])
@pytest.mark.parametrize("page", PAGES)
def test_every_output_is_what_the_program_prints(page: Path, film: bool, tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    for block in CONSOLE.findall(page.read_text()):
        for command, expected in commands_and_outputs(block):
            if film or "--film" not in command:
                printed = "\n".join(shell.run(command))
                hint = f"run: python -m tests.readme --tour ({page.name}: {command})"
                assert masked(printed) == masked(expected), hint

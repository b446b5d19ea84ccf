"""What the documentation's console blocks show is what the program prints today."""

from pathlib import Path

import pytest

from tests.readme import CONSOLE, PAGES, Shell, commands_of, masked


@pytest.mark.parametrize("film", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["quick", "film"])
@pytest.mark.parametrize("page", [page for page in PAGES if CONSOLE.search(page.read_text())], ids=str)
def test_every_output_is_what_the_program_prints(page: Path, film: bool, tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    for block in CONSOLE.findall(page.read_text()):
        shown = {command: block.split("$ " + command + "\n")[-1] for command in commands_of(block)}
        for command, text in shown.items():
            expected = text.split("\n$ ")[0].rstrip().splitlines()
            if film or "--film" not in command:
                printed = "\n".join(shell.run(command))
                hint = f"run: python -m tests.readme --tour ({page.name}: {command})"
                assert masked(printed) == masked("\n".join(expected)), hint

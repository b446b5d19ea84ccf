"""What the pages' console blocks show is what the program prints today."""

import re
import shutil
from pathlib import Path

import pytest

from phototag import Library
from tests.conftest import ROOT
from tests.readme import CONSOLE, TOURS, Shell, commands_and_outputs, masked

NOW = re.compile(r"20\d\d-\d\d-\d\d \d\d:\d\d")


@pytest.mark.parametrize("film", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["quick", "film"])
@pytest.mark.parametrize("page", TOURS, ids=str)
def test_every_output_is_what_the_program_prints(page: Path, film: bool, tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    for block in CONSOLE.findall(page.read_text()):
        for command, expected in commands_and_outputs(block):
            if film or "--film" not in command:
                printed = "\n".join(shell.run(command))
                hint = f"run: python -m tests.readme --tour ({page.name}: {command})"
                assert masked(printed) == masked(expected), hint


def test_the_page_of_names(scanned: tuple[Path, Path], tmp_path: Path) -> None:
    """Its first part, which begins where the sample photos are scanned."""
    shell = Shell(tmp_path)
    folder = tmp_path / "ada" / "phototag" / "sample_photos"
    catalog = tmp_path / "ada" / ".local" / "share" / "phototag" / "catalog.db"
    catalog.parent.mkdir(parents=True)
    shutil.copy(scanned[1], catalog)
    with Library.open(catalog) as library:
        library.relocate(scanned[0], folder)
    page = (ROOT / "docs" / "names.md").read_text()
    for block in CONSOLE.findall(page[: page.index("## From other programs")]):
        for command, expected in commands_and_outputs(block):
            printed = "\n".join(shell.run(command))
            if "undo" in command:
                printed, expected = NOW.sub("#", printed), NOW.sub("#", expected)
            assert masked(printed) == masked(expected), command

"""What docs/names.md shows of export is what the program prints today."""

from tests.conftest import ROOT
from tests.readme import CONSOLE, Shell, commands_and_outputs, masked

PAGE = ROOT / "docs" / "names.md"


def test_every_output_about_export_is_what_the_program_prints(tmp_path):
    section = PAGE.read_text().split("\n## Into other programs\n")[1].split("\n## ")[0]
    shell = Shell(tmp_path)
    blocks = CONSOLE.findall(section)
    assert len(blocks) == 2
    for block in blocks:
        for command, expected in commands_and_outputs(block):
            assert masked("\n".join(shell.run(command))) == masked(expected), command

"""The README's promises that a test can hold."""

import re
import subprocess
import sys

from tests.conftest import ROOT
from tests.readme import README

TEXT = README.read_text()


def test_the_command_reference_is_fresh():
    # In a process of its own: a command remembers the help option of whoever called it first.
    stale = subprocess.run([sys.executable, "-m", "tests.readme", "--check"], cwd=ROOT).returncode
    assert not stale, "run: python -m tests.readme"


def test_the_first_two_code_blocks_are_one_line_each():
    blocks = re.findall(r"^```\w*\n(.*?)^```", TEXT, re.M | re.S)
    scan, test = blocks[0], blocks[1]
    assert scan.count("\n") == 1 and scan.rstrip().endswith("phototag scan sample_photos")
    assert test.count("\n") == 1 and "pytest" in test


def test_every_picture_and_file_that_it_links_exists():
    links = re.findall(r"\]\(([^)#:]+)\)", TEXT) + re.findall(r'src="([^":]+)"', TEXT)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []

"""What the documentation promises and a quick test can hold. The outputs that it shows:
tests/test_tour.py."""

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.readme import PAGES, README

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


def test_it_can_be_read_in_one_sitting():
    assert TEXT.count("\n") <= 400


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_picture_and_file_that_a_page_links_exists(page):
    text = page.read_text()
    links = re.findall(r"\]\(([^)#:]+)\)", text) + re.findall(r'src="([^":]+)"', text)
    assert [link for link in links if not (page.parent / link).exists()] == []

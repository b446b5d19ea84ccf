"""Freed memory is kept where glibc deals it out, and asking for that elsewhere does nothing."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

from phototag import allocator

FAULTS = """
import resource, sys
import numpy as np
from phototag import allocator
if sys.argv[1] == "keep":
    assert allocator.tune_malloc()
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    blocks = [np.ones(8_000_000, np.uint8) for _ in range(3)]
    del blocks
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_blocks_freed_are_given_out_again_without_the_system():
    def faults(how):
        command = [sys.executable, "-c", FAULTS, how]
        return int(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)

    assert faults("keep") * 5 < faults("as it is")


@pytest.mark.parametrize("absent", [AttributeError("mallopt"), OSError("no such library"), TypeError("None")])
def test_another_c_library_is_left_alone(monkeypatch, absent):
    def refuse(name):
        raise absent

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    assert allocator.tune_malloc() is False

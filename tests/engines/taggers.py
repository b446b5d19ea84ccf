"""Taggers that need no net, for clusters: `slow`, which lets a scan last without using a processor; `picky`,
which fails on one photo; `broken`, which always fails; `other`, which is not the same on the machines of a
cluster as where the scan is started."""

import os
import sys
import time

from phototag.records import Tag
from phototag.taggers import table

SECONDS = float(os.environ.get("PHOTOTAG_TEST_SLOW_SECONDS", "0.03"))  # for a photo
PICKY_WIDTH = 600  # of the photo in pixels


def colours(frame):
    return [
        Tag(name, float(frame.pixels[..., i].mean()) / 255) for i, name in enumerate(("red", "green", "blue"))
    ]


def load_slow(device, options):
    def tag(frames):
        time.sleep(SECONDS * len(frames))
        return [colours(frame) for frame in frames]

    return tag


def load_picky(device, options):
    def tag(frames):
        if any(frame.width == PICKY_WIDTH for frame in frames):
            raise ValueError("not this one")
        return [colours(frame) for frame in frames]

    return tag


def load_broken(device, options):
    def tag(frames):
        raise ValueError("broken")

    return tag


def is_actor():
    return any(argument.endswith("default_worker.py") for argument in sys.orig_argv)


def register():
    """They are in the table from now on."""
    for name, load, version in (
        ("slow", "load_slow", 1),
        ("picky", "load_picky", 1),
        ("broken", "load_broken", 1),
        ("other", "load_slow", 2 if is_actor() else 1),
    ):
        table.SPECS[name] = table.TaggerSpec(name, f"{__name__}:{load}", version, f"{name}, for tests")

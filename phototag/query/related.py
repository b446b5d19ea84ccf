"""Which words are near in meaning to one that no photo can be asked for, from related.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_suffix(".toml")


def related(word: str) -> Sequence[str]:
    """Words and terms that a person who typed `word` (folded) may look for instead; none where nothing
    is near."""
    known = read_related()
    return known.get(word) or known.get(word.removesuffix("s")) or ()


@cache
def read_related() -> Mapping[str, Sequence[str]]:
    near: dict[str, list[str]] = {}
    for words, targets in tomllib.loads(_FILE.read_text(encoding="utf-8")).items():
        for word in words.split(", "):
            near[word] = targets
    return near

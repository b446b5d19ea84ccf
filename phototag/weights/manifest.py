"""The manifest: which weights there are, their files, licences and hashes."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from phototag.errors import UsageError

SHIPPED = Path(__file__).parent


@dataclass(frozen=True)
class Entry:
    """One set of weights. `url` is None for what ships with phototag; exactly one of the hashes is
    known beforehand. `tagger` is the one that asks them."""

    name: str
    file: str
    licence: str
    summary: str
    megabytes: int
    url: str | None = None
    sha256: str | None = None
    sha256_starts: str | None = None
    tagger: str = "objects"


@cache
def entries() -> dict[str, Entry]:
    document = tomllib.loads((SHIPPED / "manifest.toml").read_text(encoding="utf-8"))
    return {name: Entry(name=name, **facts) for name, facts in document.items()}


def entry(name: str) -> Entry:
    if name not in entries():
        raise UsageError(f"there are no weights {name!r}; there are {', '.join(entries())}")
    return entries()[name]

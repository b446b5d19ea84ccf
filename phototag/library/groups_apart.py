"""Pairs of ties whose faces a person said are not one person. Ties of other pairs have not been held against
each other, and may be suggested."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select

from phototag.library.group_members import MemberRow
from phototag.library.journal import Change
from phototag.library.tables import meta

APART = "people_apart"  # the pairs, in `meta`


def load(connection: Connection) -> list[set[int]]:
    text = connection.scalar(select(meta.c.value).where(meta.c.key == APART))
    return [set(pair) for pair in json.loads(text)] if text else []


def store(connection: Connection, change: Change, pairs: Iterable[set[int]]) -> None:
    change.delete(meta, meta.c.key == APART)
    value = json.dumps(sorted({tuple(sorted(pair)) for pair in pairs}))
    change.insert(meta, [{"key": APART, "value": value}])


def carry(connection: Connection, change: Change, rows: Iterable[MemberRow], new_ties: Sequence[int]) -> None:
    """These faces get new ties: from whom the old ones are apart, the new ones are too."""
    old, pairs = {row.tie for row in rows}, load(connection)
    carried = [(pair - old) | {tie} for pair in pairs if len(pair & old) == 1 for tie in new_ties]
    if carried:
        store(connection, change, pairs + carried)

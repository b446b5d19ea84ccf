"""The journal of what a person said and decided: each change with what undoes it.

Whoever changes rows by a person's word does it through a `Change`, whatever table they are in:

    with journal.change(connection, "a.jpg#2 is Anna") as change:
        change.delete(face_words, face_words.c.id.in_(outdated))
        change.insert(face_words, rows)
        change.touch(photo_ids)

What undoes it is noted by itself. A change that did nothing leaves no entry. Summaries are the
caller's: to be forgotten before (`summaries.forget`) and computed again after."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, insert, select, tuple_, update

from phototag.library import face_words, summaries
from phototag.library.answers import chunks
from phototag.library.dialects import insert_or_update
from phototag.library.tables import changes, metadata, photos

SHOWN = 20  # changes that a list shows unless more are asked for


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of the journal. `at` and `undone_at`: UTC."""

    number: int
    at: datetime
    summary: str
    undone_at: datetime | None


class Change:
    """Writes rows, and notes how they were before."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.steps: list[dict[str, Any]] = []
        self.photo_ids: set[int] = set()

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """New rows, of which the database may make the ids."""
        if not rows:
            return
        keys = [*table.primary_key]
        if all(key.name in rows[0] for key in keys):
            self._connection.execute(insert(table), [dict(row) for row in rows])
            made = [{key.name: row[key.name] for key in keys} for row in rows]
        else:
            inserted = self._connection.execute(insert(table).returning(*keys), [dict(row) for row in rows])
            made = [dict(row) for row in inserted.mappings()]
        self.steps.append({"table": table.name, "delete": made})

    def delete(self, table: Table, condition: ColumnElement[bool]) -> None:
        """The rows for which the condition holds are no more."""
        rows = [dict(row) for row in self._connection.execute(select(table).where(condition)).mappings()]
        if rows:
            self._connection.execute(delete(table).where(condition))
            self.steps.append({"table": table.name, "insert": rows})

    def update(self, table: Table, condition: ColumnElement[bool], values: Mapping[str, Any]) -> None:
        """The rows for which the condition holds get these values."""
        rows = [dict(row) for row in self._connection.execute(select(table).where(condition)).mappings()]
        if rows:
            self._connection.execute(update(table).where(condition).values(**values))
            self.steps.append({"table": table.name, "update": rows})

    def touch(self, photo_ids: Iterable[int]) -> None:
        """The summaries of these photos follow from what was changed: they are computed again when it is
        undone. Who changes it does so for now."""
        self.photo_ids.update(photo_ids)


@contextmanager
def change(connection: Connection, summary: str) -> Iterator[Change]:
    """One change, in the transaction of the connection. `summary`: one sentence, as `phototag undo`
    tells it."""
    made = Change(connection)
    yield made
    if made.steps:
        steps = {"steps": made.steps, "photos": sorted(made.photo_ids)}
        connection.execute(insert(changes).values(at=now(), summary=summary, steps=json.dumps(steps)))


def find_last(connection: Connection, limit: int = SHOWN) -> list[Entry]:
    """The last changes, the latest first."""
    rows = connection.execute(
        select(changes.c.id, changes.c.at, changes.c.summary, changes.c.undone_at)
        .order_by(changes.c.id.desc())
        .limit(limit)
    )
    return [Entry(row.id, _time(row.at), row.summary, row.undone_at and _time(row.undone_at)) for row in rows]


def undo(connection: Connection) -> Entry | None:
    """Undo the last change that still holds, and tell which one it was; None where there is none.
    Rows of photos that were forgotten since are left out."""
    last = select(changes).where(changes.c.undone_at.is_(None)).order_by(changes.c.id.desc()).limit(1)
    row = connection.execute(last).one_or_none()
    if row is None:
        return None
    document = json.loads(row.steps)
    photo_ids = _existing_photos(connection, document["photos"])
    photo_ids |= {*face_words.find_photos(connection, _find_identities(connection, document["steps"]))}
    summaries.forget(connection, photo_ids)
    for step in reversed(document["steps"]):
        _revert(connection, step)
    summaries.compute_again(connection, sorted(photo_ids))
    at = now()
    connection.execute(update(changes).where(changes.c.id == row.id).values(undone_at=at))
    return Entry(row.id, _time(row.at), row.summary, _time(at))


def _find_identities(connection: Connection, steps: Iterable[Mapping[str, Any]]) -> set[str]:
    """What is shown by the photos of whose faces these steps speak: copies may have come since."""
    found: set[str] = set()
    for step in steps:
        table = metadata.tables[step["table"]]
        if "identity" not in table.c:
            continue
        found |= {row["identity"] for row in (*step.get("insert", ()), *step.get("update", ()))}
        for rows in chunks(step.get("delete", ())):
            found |= {*connection.scalars(select(table.c.identity).where(_is_one_of(table, rows)))}
    return found


def _revert(connection: Connection, step: Mapping[str, Any]) -> None:
    table = metadata.tables[step["table"]]
    keys = [*table.primary_key]
    for rows in chunks(step.get("delete", ())):
        connection.execute(delete(table).where(_is_one_of(table, rows)))
    rows = step.get("insert", [])
    if "photo_id" in table.c:
        known = _existing_photos(connection, {row["photo_id"] for row in rows})
        rows = [row for row in rows if row["photo_id"] in known]
    if rows:  # where a row has the key meanwhile, what is brought back goes before it
        connection.execute(insert_or_update(table, *(key.name for key in keys)), rows)
    for row in step.get("update", ()):
        is_it = [key == row[key.name] for key in keys]
        connection.execute(update(table).where(*is_it).values(row))


def _is_one_of(table: Table, rows: Sequence[Mapping[str, Any]]) -> ColumnElement[bool]:
    keys = [*table.primary_key]
    return tuple_(*keys).in_([tuple(row[key.name] for key in keys) for row in rows])


def _existing_photos(connection: Connection, photo_ids: Collection[int]) -> set[int]:
    return {
        photo_id
        for ids in chunks(photo_ids)
        for photo_id in connection.scalars(select(photos.c.id).where(photos.c.id.in_(ids)))
    }


def now() -> str:
    """The time as the catalog writes it, in UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)

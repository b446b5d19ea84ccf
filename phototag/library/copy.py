"""A catalog taken over as a whole into an empty one, of whichever kind: every row of every table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select

from phototag.errors import CatalogError
from phototag.library.database import Catalog
from phototag.library.dialects import continue_numbers, filled_at_once, insert_rows, is_on_server
from phototag.library.tables import embeddings, meta, metadata, photos

ROWS = 5000  # read and written at a time: a megabyte


@dataclass(frozen=True, slots=True)
class Copied:
    """`photos` and `rows` of all tables that the copy has; `embeddings` that were left out."""

    photos: int
    rows: int
    embeddings_left_out: int


def copy(
    source: Catalog,
    target: Catalog,
    *,
    with_embeddings: bool,
    on_progress: Callable[[int, int], None] | None = None,
) -> Copied:
    """See Library.copy_to."""
    done, left_out = 0, 0
    with target.write(check_foreign_keys=False) as writing, source.read() as reading:
        _require_empty(writing, target)
        total = sum(_count(reading, table) for table in metadata.sorted_tables)
        with filled_at_once(writing, metadata.sorted_tables):
            for table in metadata.sorted_tables:  # those that others refer to come first
                for rows in _pages(reading, table):
                    insert_rows(writing, table, _storable(rows) if is_on_server(writing) else rows)
                    done += len(rows)
                    if on_progress:
                        on_progress(done, total)
        if not with_embeddings:
            left_out = _count(writing, embeddings)
            if left_out:
                from phototag.library import forget_people  # only then: it imports NumPy

                forget_people.forget(writing, with_names=False)
        continue_numbers(writing, metadata.sorted_tables)
        copied = sum(_count(writing, table) for table in metadata.sorted_tables)
        counted = _count(writing, photos)
    target.learn_sizes()
    return Copied(counted, copied, left_out)


def _require_empty(connection: Connection, target: Catalog) -> None:
    for table in metadata.sorted_tables:
        # what an opened catalog knows of itself is no content
        if table is not meta and connection.execute(select(*table.primary_key).limit(1)).first() is not None:
            raise CatalogError(
                f"The catalog {target.name} is not empty. Name another, or take over what it lacks: "
                f"phototag merge OTHER --db {target.name}"
            )
    connection.execute(delete(meta))


def _count(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _pages(connection: Connection, table: Table) -> Iterator[list[tuple[Any, ...]]]:
    found = connection.execution_options(yield_per=ROWS).execute(select(*table.c))
    for page in found.partitions():
        yield [tuple(row) for row in page]


def _storable(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """A file may hold texts with a zero character in them; a server takes none."""
    return [
        tuple([v.replace("\0", "\\x00") if isinstance(v, str) and "\0" in v else v for v in row])
        for row in rows
    ]

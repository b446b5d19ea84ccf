"""Query -> ids of photos. Owns the plan; what a term means in SQL is in terms.py.

A page is read along the index of the asked order until it is full: soon, if many photos fit. Where
few fit, an index of some term has their ids, and they are read from there and sorted. SQLite, which
keeps no statistics of a catalog, cannot know which of the two is better, so it is told."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, Subquery, bindparam, case, func, select
from sqlalchemy.sql.elements import UnaryExpression

from phototag.errors import UsageError
from phototag.library.dialects import (
    greatest_of_each,
    indexed_by,
    is_on_server,
    ordered_join,
    table_of,
    with_parts,
)
from phototag.library.paths import roots_of
from phototag.library.tables import photo_labels, photos
from phototag.library.terms import MISSING, Clause, ColumnClause, LabelClause, Opposite, clauses_of
from phototag.query.terms import Query, StateTerm

SORTS = ("taken", "path", "smile", "relevance")
# A page comes from a source of fewer entries than this. Of a million photos a page of 50 lies as far
# along the order's index, if 16,000 fit.
FEW = 3000
# All photos that fit come from a source of fewer entries: a walk has to read its index to the end.
FEW_OF_ALL = 200_000


@dataclass(frozen=True, slots=True)
class Order:
    """How photos are sorted: by `keys` of `photos`, then by id. `may_be_unknown`: keys may be
    NULL; `is_unique`: no two photos have the same.

    `walk`: a select of `id` and `key` along an index, in this order; `is_of_photos`: one of that table;
    `is_named`: the select names it, and SQLite keeps to it whatever else is asked. It is read once for each
    of `parts`, which are its parameters, and these together meet all photos: one part after the other, or
    `merged`, where parts overlap and a photo's best key counts. `covers`: the clauses that hold for all
    photos of the walk."""

    keys: Sequence[ColumnElement[Any]]
    ascending: bool
    walk: Select[Any]
    is_of_photos: bool = True
    is_named: bool = True
    parts: Sequence[Mapping[str, Any]] = ({},)
    merged: bool = False
    covers: Sequence[Clause] = ()
    may_be_unknown: bool = False
    is_unique: bool = False

    def sorted(self, *keys: ColumnElement[Any]) -> list[UnaryExpression[Any]]:
        """By keys, the last of which is an id. What is unknown sorts below all that is known; said only where
        it may be: PostgreSQL takes an index only for the very order that it has."""
        *keys_before, photo_id = keys
        if self.is_unique:
            return [key.asc() if self.ascending else key.desc() for key in keys_before]
        if not self.may_be_unknown:
            return [key.asc() if self.ascending else key.desc() for key in keys]
        if self.ascending:
            return [*(key.asc().nulls_first() for key in keys_before), photo_id.asc()]
        return [*(key.desc().nulls_last() for key in keys_before), photo_id.desc()]


@dataclass(frozen=True, slots=True)
class Source:
    """The photos for which `clause` holds: a select of their `ids` from an index, and how many
    `entries` of the index it reads, as far as they were counted."""

    clause: Clause
    ids: Select[tuple[int]]
    entries: int


def find_ids(
    connection: Connection, query: Query, sort: str, limit: int | None, descending: bool
) -> list[int]:
    """The ids of the photos that fit, in order; the first `limit` of them. `descending` turns the
    order round. Raises UsageError for an unknown sort."""
    if sort not in SORTS:
        raise UsageError(f"cannot sort by {sort!r}; type one of {', '.join(SORTS)}")
    clauses = clauses_of(connection, query)
    order = _order(connection, clauses, sort, descending)
    if not _asks_missing(query):
        clauses.append(Opposite(MISSING))
    few = FEW if limit is not None or order.merged else FEW_OF_ALL
    smallest = _smallest_source(connection, clauses, few) if _has_choice(connection, clauses, order) else None
    if smallest and smallest.entries < few and smallest.clause not in order.covers:
        return _read_source(connection, smallest, clauses, order, limit)
    rest = [clause for clause in clauses if clause not in order.covers]
    if order.merged:
        return _merge_walks(connection, rest, order, limit)
    return _walk(connection, rest, order, limit)


def count(connection: Connection, query: Query) -> int:
    """How many photos fit."""
    clauses = clauses_of(connection, query)
    found = _count(connection, clauses)
    if _asks_missing(query):
        return found
    # Few photos are missing; to ask it of each photo that fits would take longer.
    return found - _count(connection, [*clauses, MISSING])


def select_fitting(connection: Connection, query: Query) -> Select[tuple[int]]:
    """The ids of the photos that fit, in no order, to be asked within another statement."""
    clauses = clauses_of(connection, query)
    if not _asks_missing(query):
        clauses.append(Opposite(MISSING))
    source = _smallest_source(connection, clauses, FEW_OF_ALL)
    if source is None:
        return _plain(clauses, many=True)
    start = source.ids.subquery("source")
    rest = [clause for clause in clauses if clause is not source.clause]
    return _narrowed(select(start.c.id), start, rest, with_row=False, many=source.entries >= FEW)


def _asks_missing(query: Query) -> bool:
    return any(isinstance(term, StateTerm) and term.state == "missing" for term in query.every_term())


def _order(connection: Connection, clauses: Sequence[Clause], sort: str, descending: bool) -> Order:
    if sort == "path":
        return _by_path(connection, ascending=not descending)
    label = next((clause for clause in clauses if isinstance(clause, LabelClause)), None)
    if sort == "relevance" and label:
        return _by_relevance(label, ascending=descending)
    if sort == "smile":
        return _by_column(photos.c.least_smile, clauses, ascending=descending)
    return _by_column(photos.c.taken_sort, clauses, ascending=not descending)


def _by_column(column: Column[Any], clauses: Sequence[Clause], ascending: bool) -> Order:
    """Along the index of the column, of which clauses on the same column leave only a part."""
    covers = [clause for clause in clauses if isinstance(clause, ColumnClause) and clause.column is column]
    walk = select(photos.c.id, column.label("key")).where(*(clause.condition for clause in covers))
    walk = indexed_by(walk, photos, f"ix_photos_{column.name}")
    return Order([column], ascending, walk, covers=covers, may_be_unknown=True)


def _by_path(connection: Connection, ascending: bool) -> Order:
    """By absolute path. No root lies in another, so that it is root after root."""
    roots = list(roots_of(connection).values())
    walk = select(photos.c.id, photos.c.path.label("key")).where(photos.c.root_id == bindparam("root_id"))
    parts = [{"root_id": root_id} for root_id in (roots if ascending else reversed(roots))]
    places = {root_id: place for place, root_id in enumerate(roots)}
    keys = [case(places, value=photos.c.root_id), photos.c.path] if len(roots) > 1 else [photos.c.path]
    # the index of a UNIQUE constraint has no name in SQLite
    return Order(keys, ascending, walk, is_named=False, parts=parts, is_unique=True)


def _by_relevance(label: LabelClause, ascending: bool) -> Order:
    walk = select(photo_labels.c.photo_id.label("id"), photo_labels.c.rank.label("key")).where(
        photo_labels.c.label_id == bindparam("label_id"), photo_labels.c.score >= bindparam("least_score")
    )
    walk = indexed_by(walk, photo_labels, "ix_photo_labels_rank")
    parts = [{"label_id": key, "least_score": least} for key, least in label.least_scores.items()]
    merged = len(parts) > 1
    best = [label.best_rank()]
    return Order(best, ascending, walk, is_of_photos=False, parts=parts, merged=merged, covers=[label])


def _has_choice(connection: Connection, clauses: Sequence[Clause], order: Order) -> bool:
    """Whether the photos may come from elsewhere than the index of the order: only then it pays to count."""
    is_one_statement = order.is_of_photos and len(order.parts) == 1
    if is_on_server(connection) and is_one_statement and all(map(_is_of_photos, clauses)):
        return False  # the server itself chooses the index
    return any(clause.entries() is not None for clause in clauses if clause not in order.covers)


def _is_of_photos(clause: Clause) -> bool:
    return _is_of_photos(clause.clause) if isinstance(clause, Opposite) else clause.is_of_photos


def _walk(connection: Connection, clauses: Sequence[Clause], order: Order, limit: int | None) -> list[int]:
    many = limit is None
    # SQLite asks first what the index knows, then the row, other tables last.
    is_simple = order.is_named and all(map(_is_of_photos, clauses))
    if order.is_of_photos and (is_simple or is_on_server(connection)):
        walk = order.walk.with_only_columns(photos.c.id)
        page = walk.where(*(clause.where(photos.c.id, many) for clause in clauses))
        page = page.order_by(*order.sorted(order.keys[-1], photos.c.id)).limit(limit)
    else:
        start = order.walk.subquery("walk")
        page = _narrowed(select(start.c.id), start, clauses, with_row=True, many=many)
        page = page.order_by(*order.sorted(start.c.key, start.c.id)).limit(limit)
    ids: list[int] = []
    for part in order.parts:
        ids += [row[0] for row in connection.execute(page, part)]
        if limit is not None and len(ids) >= limit:
            break
    return ids[:limit]


def _merge_walks(
    connection: Connection, clauses: Sequence[Clause], order: Order, limit: int | None
) -> list[int]:
    """Reads all parts at once, each only as far as its photos are needed; of a photo that comes
    more than once, the first time counts."""
    if limit is not None and not order.ascending and is_on_server(connection):
        return _merge_on_server(connection, clauses, order, limit)
    best_first = replace(order, ascending=False)
    start = order.walk.subquery("walk")
    rows = _narrowed(select(start.c.key, start.c.id), start, clauses, with_row=True, many=limit is None)
    rows = rows.order_by(*best_first.sorted(start.c.key, start.c.id))
    ids: dict[int, None] = {}
    with ExitStack() as stack:
        parts = [stack.enter_context(closing(connection.execute(rows, part))) for part in order.parts]
        for _, photo_id in heapq.merge(*parts, key=tuple, reverse=True):
            ids[photo_id] = None
            if len(ids) == limit and not order.ascending:
                break
    found = list(ids)
    return found[::-1][:limit] if order.ascending else found


def _merge_on_server(
    connection: Connection, clauses: Sequence[Clause], order: Order, limit: int
) -> list[int]:
    """The same, all parts in one statement: each question to a server takes a while, and it sends all that
    it has. What else is asked is fulfilled by most photos: first it is asked of the best alone."""
    parts = table_of(order.parts)
    start = with_parts(order.walk, parts).subquery("walk")
    many = 2 * limit
    best = greatest_of_each(parts, select(start.c.key, start.c.id), many).limit(many)
    ids = [photo_id for _, photo_id in connection.execute(best)]
    fitting = {*connection.scalars(_plain(clauses, many=False).where(photos.c.id.in_(ids)))}
    page = [photo_id for photo_id in dict.fromkeys(ids) if photo_id in fitting]
    if len(page) < limit and len(ids) == many:
        rows = _narrowed(select(start.c.key, start.c.id), start, clauses, with_row=True, many=False)
        # whatever is on the page is among the first photos of its part
        pairs = connection.execute(greatest_of_each(parts, rows, limit)).all()
        page = [*dict.fromkeys(photo_id for _, photo_id in pairs)]
    return page[:limit]


def _plain(clauses: Sequence[Clause], *, many: bool) -> Select[tuple[int]]:
    """The photos for which all of these hold, for a server that knows best which of them to begin with."""
    return select(photos.c.id).where(*(clause.where(photos.c.id, many) for clause in clauses))


def _read_source(
    connection: Connection, source: Source, clauses: Sequence[Clause], order: Order, limit: int | None
) -> list[int]:
    many = source.entries >= FEW
    if source.clause.is_of_photos and is_on_server(connection):
        page: Select[Any] = _plain(clauses, many=many)
        page = page.order_by(*order.sorted(*order.keys, photos.c.id)).limit(limit)
        return list(connection.scalars(page).all())
    start = source.ids.subquery("source")
    rest = [clause for clause in clauses if clause is not source.clause]
    page = _narrowed(select(start.c.id), start, rest, with_row=True, many=many)
    page = page.order_by(*order.sorted(*order.keys, start.c.id)).limit(limit)
    return list(connection.scalars(page).all())


def _narrowed(
    statement: Select[Any], start: Subquery, clauses: Sequence[Clause], with_row: bool, many: bool
) -> Select[Any]:
    """The statement about the photos of `start` (column `id`; `many`: more than a few) that fit the
    clauses. Their rows are looked up one by one, after what is asked of the id alone."""
    if with_row or any(clause.needs_row for clause in clauses):
        statement = statement.select_from(ordered_join(start, photos, photos.c.id == start.c.id))
    else:
        statement = statement.select_from(start)
    return statement.where(*(clause.where(start.c.id, many) for clause in clauses))


def _count(connection: Connection, clauses: Sequence[Clause]) -> int:
    source = _smallest_source(connection, clauses, FEW_OF_ALL)
    opposite = next((clause for clause in clauses if isinstance(clause, Opposite)), None)
    if source:
        start = source.ids.subquery("source")
        rest = [clause for clause in clauses if clause is not source.clause]
        number = _narrowed(select(func.count()), start, rest, with_row=False, many=source.entries >= FEW)
    elif opposite:
        # No index knows the photos without a dog; but they are all photos less those with one.
        rest = [clause for clause in clauses if clause is not opposite]
        return _count(connection, rest) - _count(connection, [*rest, opposite.clause])
    else:
        conditions = [clause.where(photos.c.id, many=True) for clause in clauses]
        number = select(func.count()).select_from(photos).where(*conditions)
    return connection.scalar(number) or 0


def _smallest_source(connection: Connection, clauses: Sequence[Clause], few: int) -> Source | None:
    """The source with the fewest entries; of those that have `few` or more, the first."""
    smallest: Source | None = None
    for clause in sorted(clauses, key=attrgetter("scans")):
        if clause.scans and is_on_server(connection):
            continue  # it knows about how many photos fit, and reads none twice
        ids, entries = clause.source(), clause.entries()
        if ids is None or entries is None or (clause.scans and smallest and smallest.entries < few):
            continue
        some = entries.limit(few).subquery("entries")
        number = connection.scalar(select(func.count()).select_from(some)) or 0
        if smallest is None or number < smallest.entries:
            smallest = Source(clause, ids, number)
    return smallest

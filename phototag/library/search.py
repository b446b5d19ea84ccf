"""`Query` -> SQL. Owns the plan: which index answers a question first. Gives photo ids; knows no records.

Every term is a condition on a row `p` of photos; most are also a source: ids straight from an
index. A page is sought in turns. First along the index of the asked order, given up after about
WINDOW entries: what is frequent has filled the page by then. If it has not and no source is small,
through more of them. Else the photos come from the source with the fewest rows and are sorted. So
neither the frequent nor the rare costs a look at all photos, and no statistics have to be kept.
SQLite's own planner cannot know which of the two is better: CROSS JOIN and INDEXED BY tell it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from phototag.errors import UsageError
from phototag.library.database import ask, ask_briefly
from phototag.library.names import Names
from phototag.library.paths import roots_of
from phototag.library.terms import MISSING, Clause, Source, clause_of, label_values
from phototag.query.terms import LabelTerm, Query, StateTerm, TakenTerm, Term

SORTS = ("taken", "path", "smile", "relevance")
WINDOW = 3000  # entries of an ordered index: some 2 ms, and a page of 50 where one photo in 60 fits
WIDE = 10 * WINDOW  # where no source is small: some 20 ms, and a page where one photo in 600 fits
ENTRY = 16  # steps of SQLite that an entry takes, about; more where labels are looked up
# up to here sources are counted to find the smallest: some 3 ms; beyond, all are about as slow
COUNTED = 200_000


@dataclass(frozen=True, slots=True)
class Order:
    """How photos are sorted. A walk along the index in `table` (narrowed by `within`) meets them by
    `key`, then `tie`; where they come from a source, `row_key` is the same key. `covers`: the term
    that the walk itself fulfils."""

    table: str
    within: str
    values: tuple
    key: str
    row_key: str
    direction: str
    row_values: tuple = ()
    join: str = ""
    tie: str = "p.id"
    covers: Term | None = None
    # walks that together meet all photos, some of them more than once; the best key counts
    parts: tuple[Order, ...] = ()


def find_ids(
    connection: Connection, query: Query, sort: str, limit: int | None, descending: bool, labels: Names
) -> list[int]:
    """The ids of the photos that fit, in order. `descending` turns the order round. Raises
    UsageError for an unknown sort."""
    if sort not in SORTS:
        raise UsageError(f"{sort!r} is no order; sort by one of {', '.join(SORTS)}")
    clauses = [clause_of(connection, query, term, labels) for term in query.terms]
    if not _asks_missing(query):
        clauses.append(Clause(None, "p.missing_since IS NULL", ()))
    if sort == "path":
        return _by_path(connection, clauses, limit, descending)
    return _page(connection, clauses, _order(connection, query, sort, descending, labels), limit)


def count(connection: Connection, query: Query, labels: Names) -> int:
    """How many photos fit."""
    terms = query.terms
    if not terms:  # both counts come from an index alone
        (every,) = ask(connection, "SELECT count(*) FROM photos").fetchone()
        (missing,) = ask(connection, f"SELECT count(*) FROM ({MISSING.sql})").fetchone()
        return every - missing
    if all(term.negated for term in terms):
        # No index knows the photos without a dog; but they are all photos less those with one.
        rest, opposite = terms[1:], replace(terms[0], negated=False)
        if not isinstance(opposite, StateTerm) or opposite.state != "missing":
            every = count(connection, replace(query, terms=rest), labels)
            return every - count(connection, replace(query, terms=(opposite, *rest)), labels)
    clauses = [clause_of(connection, query, term, labels) for term in terms]
    if not _asks_missing(query) and ask(connection, f"{MISSING.sql} LIMIT 1").fetchone():
        clauses.append(Clause(None, f"p.id NOT IN ({MISSING.sql})", (), needs_row=False))
    first = _smallest(connection, clauses)
    others = [clause for clause in clauses if clause is not first]
    rows, values = _rows(first, others)
    return ask(connection, f"SELECT count(*) FROM {rows}", values).fetchone()[0]


def _asks_missing(query: Query) -> bool:
    return any(isinstance(term, StateTerm) and term.state == "missing" for term in query.terms)


def _order(connection: Connection, query: Query, sort: str, descending: bool, labels: Names) -> Order:
    forwards, backwards = ("DESC", "ASC") if descending else ("ASC", "DESC")
    lead = next((term for term in query.terms if isinstance(term, LabelTerm) and not term.negated), None)
    if sort == "relevance" and lead:
        pairs = label_values(connection, query, lead, labels)
        one = "k.label_id = ? AND k.score >= ?"
        table, join = (
            "photo_labels k INDEXED BY ix_photo_labels_rank",
            "CROSS JOIN photos p ON p.id = k.photo_id",
        )
        walks = tuple(
            Order(table, one, pair, "k.rank", "", backwards, (), join, "k.photo_id", lead) for pair in pairs
        )
        either = " OR ".join([f"({one})"] * len(pairs))
        values = tuple(value for pair in pairs for value in pair)
        row_key = f"(SELECT max(k.rank) FROM photo_labels k WHERE k.photo_id = p.id AND ({either}))"
        if len(walks) == 1:
            return replace(walks[0], row_key=row_key, row_values=values)
        return Order("", "", (), "", row_key, backwards, values, covers=lead, parts=walks)
    if sort == "smile":
        table = "photos p INDEXED BY ix_photos_least_smile"
        return Order(table, "1", (), "p.least_smile", "p.least_smile", backwards)
    bounds = [
        (f"p.taken_at {sign} ?", day.isoformat())
        for term in query.terms
        if isinstance(term, TakenTerm) and not term.negated
        for sign, day in ((">=", term.since), ("<", term.until))
        if day
    ]
    within = " AND ".join(sql for sql, _ in bounds) or "1"
    table = "photos p INDEXED BY ix_photos_taken_at"
    return Order(table, within, tuple(day for _, day in bounds), "p.taken_at", "p.taken_at", forwards)


def _page(connection: Connection, clauses: list[Clause], order: Order, limit: int | None) -> list[int]:
    asked = [clause for clause in clauses if clause.term and clause.term is not order.covers]
    if order.parts:
        rare = [
            clause
            for clause in asked
            if clause.sources and not clause.scans and _rows_of(connection, clause) <= WINDOW
        ]
        return (
            _from_source(connection, clauses, order, limit)
            if rare
            else _merge(connection, clauses, order, limit)
        )
    has_source = any(clause.sources for clause in clauses)
    # each photo along the walk fits, or nothing shortens it
    if order.table and (not asked or not has_source):
        return _walk(connection, clauses, order, limit)
    # few photos failed or are missing
    seldom = (clause for clause in asked if isinstance(clause.term, StateTerm))
    if any(clause.sources and _rows_of(connection, clause, WINDOW) < WINDOW for clause in seldom):
        return _from_source(connection, clauses, order, limit)
    if order.table and limit is not None:
        for entries in _budgets(connection, clauses, limit):
            ids = _walk_for(entries, connection, clauses, order, limit)
            if ids is not None:
                return ids
    return _from_source(connection, clauses, order, limit)


def _budgets(connection: Connection, clauses: list[Clause], limit: int) -> Iterator[int]:
    """Through how many entries to walk, one walk after the other, before the photos come from a source."""
    first, second = _first_budget(limit), max(WIDE, 20 * limit)
    yield first
    sources = [clause for clause in clauses if clause.sources and not clause.scans]
    if any(_rows_of(connection, clause, WINDOW) < WINDOW for clause in sources):
        return
    if second > first:
        yield second
    # Half as many entries as the smallest source has rows: at worst half as slow again, at best the
    # page is full soon.
    half = min((_rows_of(connection, clause) for clause in sources), default=0) // 2
    if half > second:
        yield half


def _first_budget(limit: int) -> int:
    return min(max(WINDOW, 20 * limit), WIDE)


def _merge(connection: Connection, clauses: list[Clause], order: Order, limit: int | None) -> list[int]:
    """Photos along several indices, each by its best key: of the best `limit` of them all, each is
    among the best of one. Of the worst, none need be."""
    where, values = _where(
        [clause for clause in clauses if clause.term is None or clause.term is not order.covers]
    )
    most = limit if limit is not None and order.direction == "DESC" else -1
    best: dict[int, float] = {}
    for part in order.parts:
        rows = ask(
            connection,
            f"SELECT p.id, {part.key} FROM {part.table} {part.join} {where} {'AND' if where else 'WHERE'} {part.within} "
            f"ORDER BY {part.key} {part.direction}, {part.tie} {part.direction} LIMIT ?",
            (*values, *part.values, most),
        )
        for photo_id, key in rows:
            if key > best.get(photo_id, -1.0):
                best[photo_id] = key
    return sorted(best, key=lambda photo_id: (best[photo_id], photo_id), reverse=order.direction == "DESC")[
        :limit
    ]


def _walk(connection: Connection, clauses: list[Clause], order: Order, limit: int | None) -> list[int]:
    """Photos along the index of the order."""
    return _firsts(ask(connection, *_along(clauses, order, limit)))


def _walk_for(
    entries: int, connection: Connection, clauses: list[Clause], order: Order, limit: int
) -> list[int] | None:
    """The same; None where about so many entries neither fill the page nor are all there are."""
    rows = ask_briefly(connection, *_along(clauses, order, limit), ENTRY * entries)
    return None if rows is None else _firsts(rows)


def _along(clauses: list[Clause], order: Order, limit: int | None) -> tuple[str, tuple]:
    where, values = _where(
        [clause for clause in clauses if clause.term is None or clause.term is not order.covers]
    )
    return (
        f"SELECT p.id FROM {order.table} {order.join} {where} {'AND' if where else 'WHERE'} {order.within} "
        f"ORDER BY {order.key} {order.direction}, {order.tie} {order.direction} LIMIT ?",
        (*values, *order.values, -1 if limit is None else limit),
    )


def _from_source(connection: Connection, clauses: list[Clause], order: Order, limit: int | None) -> list[int]:
    """All photos that fit, from the smallest source, sorted."""
    first = _smallest(connection, clauses)
    rows, values = _rows(first, [clause for clause in clauses if clause is not first], with_row=True)
    statement = (
        f"SELECT p.id FROM {rows} ORDER BY {order.row_key} {order.direction}, p.id {order.direction} LIMIT ?"
    )
    return _firsts(ask(connection, statement, (*values, *order.row_values, -1 if limit is None else limit)))


def _rows(first: Clause | None, others: Sequence[Clause], with_row: bool = False) -> tuple[str, tuple]:
    """FROM and WHERE of the photos `p` that fit: from a source, if there is one. Conditions on no
    more than the id come before the row of the photo is looked up; where there are no others, it is
    not looked up."""
    if first is None:
        where, values = _where(others)
        return f"photos p {where}", values
    sql, source_values = _union(first.sources)
    where, values = _where([clause for clause in others if not clause.needs_row])
    ids = f"(SELECT id FROM ({sql}) p {where})"
    values = (*source_values, *values)
    rest, more_values = _where([clause for clause in others if clause.needs_row])
    if not rest and not with_row:
        return f"{ids} p", values
    return f"{ids} s CROSS JOIN photos p ON p.id = s.id {rest}", (*values, *more_values)


def _by_path(connection: Connection, clauses: list[Clause], limit: int | None, descending: bool) -> list[int]:
    """By absolute path: the roots are disjoint, so one after the other."""
    direction = "DESC" if descending else "ASC"
    roots = list(roots_of(connection).values())
    walks = [
        Order(
            "photos p INDEXED BY sqlite_autoindex_photos_1",
            "p.root_id = ?",
            (root_id,),
            "p.path",
            "p.path",
            direction,
        )
        for root_id in (reversed(roots) if descending else roots)
    ]
    ids: list[int] = []
    if not any(clause.sources for clause in clauses):
        for order in walks:
            ids += _walk(connection, clauses, order, None if limit is None else limit - len(ids))
            if limit is not None and len(ids) >= limit:
                break
        return ids
    if limit is not None and walks:
        found = _walk_for(_first_budget(limit), connection, clauses, walks[0], limit)
        if found is not None and (len(found) == limit or len(walks) == 1):
            return found
    ranks = " ".join(f"WHEN {root_id} THEN {rank}" for rank, root_id in enumerate(roots))
    key = f"CASE p.root_id {ranks} END {direction}, p.path" if len(roots) > 1 else "p.path"
    return _from_source(connection, clauses, Order("", "", (), "", key, direction), limit)


def _smallest(connection: Connection, clauses: Sequence[Clause]) -> Clause | None:
    """The clause whose sources have the fewest rows, as far as they are counted. One that reads a
    whole index comes last."""
    indexed = [clause for clause in clauses if clause.sources and not clause.scans]
    if not indexed:
        return next((clause for clause in clauses if clause.sources), None)
    if len(indexed) == 1:
        return indexed[0]
    return min(indexed, key=lambda clause: _rows_of(connection, clause))


def _rows_of(connection: Connection, clause: Clause, most: int = COUNTED) -> int:
    return sum(_bounded_count(connection, source, most) for source in clause.sources)


def _bounded_count(connection: Connection, source: Source, most: int) -> int:
    statement = f"SELECT count(*) FROM (SELECT 1 FROM ({source.sql}) LIMIT {most})"
    return ask(connection, statement, source.values).fetchone()[0]


def _union(sources: Sequence[Source]) -> tuple[str, tuple]:
    """One select of ids, each once, and its values."""
    return " UNION ".join(source.sql for source in sources), tuple(
        value for source in sources for value in source.values
    )


def _where(clauses: Sequence[Clause]) -> tuple[str, tuple]:
    conditions = " AND ".join(f"({clause.where})" for clause in clauses)
    return (f"WHERE {conditions}" if clauses else ""), tuple(
        value for clause in clauses for value in clause.values
    )


def _firsts(rows: Iterable[tuple]) -> list[int]:
    return [photo_id for (photo_id,) in rows]

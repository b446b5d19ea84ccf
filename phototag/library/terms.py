"""Terms of a query as SQL conditions, and as sources of photo ids where an index has them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from sqlalchemy import Connection

from phototag.library.database import ask
from phototag.library.names import Names
from phototag.library.paths import join, roots_of, to_text
from phototag.query.terms import (
    CameraTerm,
    FacesTerm,
    LabelTerm,
    PathTerm,
    Query,
    SmilingTerm,
    StateTerm,
    TakenTerm,
    Term,
)


@dataclass(frozen=True, slots=True)
class Source:
    """A select of photo ids, each once, in a column `id`."""

    sql: str
    values: tuple = ()


@dataclass(frozen=True, slots=True)
class Clause:
    """One term. `where` is about the photo `p`; `needs_row`: about more of it than p.id. `sources`:
    together the photos that fit; `scans`: they read a whole index."""

    term: Term | None
    where: str
    values: tuple
    sources: tuple[Source, ...] = ()
    needs_row: bool = True
    scans: bool = False


MISSING = Source("SELECT id FROM photos WHERE missing_since IS NOT NULL")
# as the partial indices
_STATES = {"untagged": "answered = 0", "failed": "failed > 0", "missing": "missing_since IS NOT NULL"}


def clause_of(connection: Connection, query: Query, term: Term, labels: Names) -> Clause:
    """The SQL of one term."""
    clause = _positive(connection, query, term, labels)
    if term.negated:  # IS NOT TRUE: what is not known does not fit the term, so it fits the opposite
        return Clause(term, f"({clause.where}) IS NOT TRUE", clause.values, needs_row=clause.needs_row)
    return clause


def label_values(
    connection: Connection, query: Query, term: LabelTerm, labels: Names
) -> list[tuple[int, float]]:
    """(label id, least score) of each of its labels; an id that no label has where the catalog does
    not know it."""
    ids = [(labels.known(connection, label), query.least_score(term, label)) for label in term.labels]
    return [(-1 if label_id is None else label_id, score) for label_id, score in ids] or [(-1, 1.0)]


def _positive(connection: Connection, query: Query, term: Term, labels: Names) -> Clause:
    match term:
        case LabelTerm():
            pairs = label_values(connection, query, term, labels)
            one = "EXISTS (SELECT 1 FROM photo_labels l WHERE l.label_id = ? AND l.photo_id = p.id AND l.score >= ?)"
            ids = "SELECT photo_id AS id FROM photo_labels WHERE label_id = ? AND score >= ?"
            values = tuple(value for pair in pairs for value in pair)
            sources = tuple(Source(ids, pair) for pair in pairs)
            return Clause(term, " OR ".join([one] * len(pairs)), values, sources, needs_row=False)
        case FacesTerm(least, most):
            return _column(term, "faces", ((">=", least), ("<=", most)))
        case SmilingTerm("all"):
            return _column(term, "least_smile", ((">=", query.smile_threshold),))
        case SmilingTerm("any"):
            return _column(term, "greatest_smile", ((">=", query.smile_threshold),))
        case SmilingTerm("none"):
            return _column(term, "greatest_smile", (("<", query.smile_threshold),))
        case SmilingTerm():
            source = Source("SELECT id FROM photos WHERE greatest_smile IS NULL")
            return Clause(term, "p.greatest_smile IS NULL", (), (source,))
        case TakenTerm(since, until):
            return _column(
                term, "taken_at", ((">=", since and since.isoformat()), ("<", until and until.isoformat()))
            )
        case CameraTerm(text):
            names = [name for name in _cameras(connection) if text.casefold() in name.casefold()]
            these = f"camera IN ({','.join('?' * len(names))})"
            source = Source(f"SELECT id FROM photos WHERE camera IS NOT NULL AND {these}", tuple(names))
            return Clause(term, f"p.{these}", tuple(names), (source,))
        case PathTerm(text):
            return _path(connection, term, text)
        case StateTerm(state):
            condition = _STATES[state]
            return Clause(term, f"p.{condition}", (), (Source(f"SELECT id FROM photos WHERE {condition}"),))
    raise TypeError(f"no such term: {term!r}")


def _column(term: Term, column: str, bounds: tuple[tuple[str, object], ...]) -> Clause:
    bounds = tuple((sign, value) for sign, value in bounds if value is not None) or (("IS NOT", None),)
    values = tuple(value for _, value in bounds)
    source = Source(
        f"SELECT id FROM photos WHERE {' AND '.join(f'{column} {sign} ?' for sign, _ in bounds)}", values
    )
    return Clause(term, " AND ".join(f"p.{column} {sign} ?" for sign, _ in bounds), values, (source,))


def _cameras(connection: Connection) -> list[str]:
    """Every camera once: each step of the recursion jumps to the next name in the index."""
    return [
        name
        for (name,) in ask(
            connection,
            "WITH RECURSIVE c(name) AS (SELECT min(camera) FROM photos WHERE camera IS NOT NULL UNION ALL "
            "SELECT (SELECT min(camera) FROM photos WHERE camera IS NOT NULL AND camera > c.name) FROM c "
            "WHERE c.name IS NOT NULL) "
            "SELECT name FROM c WHERE name IS NOT NULL",
        )
    ]


def _path(connection: Connection, term: PathTerm, text: str) -> Clause:
    """The text may lie in the path below the root, in the root's own path, or across the two."""
    parts, values = [], []
    for spelling in _spellings(text):
        parts.append("p.path LIKE ? ESCAPE '\\'")
        values.append(f"%{_escaped(spelling)}%")
        for root, root_id in roots_of(connection).items():
            folder = to_text(join(root, "-"))[:-1]
            if spelling.casefold() in folder.casefold():
                parts.append("p.root_id = ?")
                values.append(root_id)
                continue
            for cut in range(1, len(spelling)):
                if folder.casefold().endswith(spelling[:cut].casefold()):
                    parts.append("(p.root_id = ? AND p.path LIKE ? ESCAPE '\\')")
                    values += [root_id, f"{_escaped(spelling[cut:])}%"]
    where = " OR ".join(parts)
    source = Source(f"SELECT p.id FROM photos p WHERE {where}", tuple(values))
    return Clause(term, where, tuple(values), (source,), scans=True)


def _spellings(text: str) -> list[str]:
    """LIKE knows upper and lower case of ASCII only, and a Mac writes é as two characters."""
    text = to_text(text)
    if text.isascii():
        return [text]
    cases = (text, text.lower(), text.upper(), text.title())
    return list(dict.fromkeys(unicodedata.normalize(form, case) for case in cases for form in ("NFC", "NFD")))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")

"""What SQLAlchemy does not say for every database alike. Elsewhere statements are plain Core.

SQLite keeps no statistics of a catalog and would often take the wrong index. Two things tell it:
`indexed_by` names the index of a table, `ordered_join` says which side is read first. Other
databases keep statistics: there the first renders nothing and the second an ordinary JOIN."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Engine, FromClause, Join, Select, Table
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.ext.compiler import compiles

Statement = TypeVar("Statement", bound=Select[Any])


def render_hints(engine: Engine) -> None:
    """Makes the statements of this engine say what `indexed_by` asks for: SQLAlchemy's own compiler
    for SQLite drops hints without a word."""
    if engine.dialect.name == "sqlite":
        engine.dialect.statement_compiler = _HintingCompiler


class _HintingCompiler(SQLiteCompiler):
    def get_from_hint_text(self, table: FromClause, text: str | None) -> str | None:
        return text


def indexed_by(statement: Statement, table: Table, index: str) -> Statement:
    """The statement, reading `table` along the index of this name. SQLite refuses to run it where
    the index is gone or does not help."""
    return statement.with_hint(table, f"INDEXED BY {index}", "sqlite")


class _OrderedJoin(Join):
    inherit_cache = True


def ordered_join(left: FromClause, right: FromClause, on: ColumnElement[bool]) -> Join:
    """An inner join for which the rows of `left` are read first, in the order of their index, and
    those of `right` looked up."""
    return _OrderedJoin(left, right, on)


@compiles(_OrderedJoin, "sqlite")
def _cross_join(
    join: _OrderedJoin, compiler: SQLiteCompiler, from_linter: object = None, **options: Any
) -> str:
    """SQLite never reorders the tables of a CROSS JOIN, and allows it an ON."""
    assert join.onclause is not None
    # Without the linter, which looks for joins that lack an ON: these cannot.
    inside = options | {"asfrom": True}
    left, right = compiler.process(join.left, **inside), compiler.process(join.right, **inside)
    return f"{left} CROSS JOIN {right} ON {compiler.process(join.onclause, **options | {'asfrom': False})}"

"""The answers that are errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, Row, literal_column, select, tuple_

from phototag.library.database import Catalog
from phototag.library.dialects import indexed_by, ordered_join
from phototag.library.paths import Place, join, places_of, to_path
from phototag.library.tables import answers, photos, taggers

PAGE = 500  # errors read at a time: nothing stays open while the caller takes them


def find(catalog: Catalog, scope: Sequence[str] | None) -> Iterator[tuple[str, str, str]]:
    """See Library.failures."""
    with catalog.read() as connection:
        places = places_of(connection, scope)
    for place in places:
        after: tuple[str, int] = ("", 0)
        while True:
            with catalog.read() as connection:
                page = _page(connection, place, after)
            for row in page:
                yield join(place.root, to_path(row.path)), row.name, row.error
            if len(page) < PAGE:
                break
            after = page[-1].path, page[-1].id


def _page(
    connection: Connection, place: Place, after: tuple[str, int]
) -> Sequence[Row[str, str, str | None, int]]:
    """The next errors by path, then in the order in which they were met."""
    with_answers = ordered_join(photos, answers, answers.c.photo_id == photos.c.id)
    statement = (
        select(photos.c.path, taggers.c.name, answers.c.error, answers.c.id)
        .select_from(with_answers.join(taggers, taggers.c.id == answers.c.tagger_id))
        # The zero stands in the statement: bound, the partial index would not serve.
        .where(photos.c.failed > literal_column("0"), place.within(photos))
        .where(photos.c.missing_since.is_(None), answers.c.error.is_not(None))
        .where(tuple_(photos.c.path, answers.c.id) > after)
        .order_by(photos.c.path, answers.c.id)
        .limit(PAGE)
    )
    return connection.execute(indexed_by(statement, photos, "ix_photos_failed")).all()

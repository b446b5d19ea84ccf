"""What statements say to SQLite and to others, and that SQLite does as told."""

import pytest
from sqlalchemy import bindparam, create_engine, delete, exc, select, update
from sqlalchemy.dialects import postgresql

from phototag.library.dialects import (
    executemany,
    indexed_by,
    insert_or_skip,
    insert_or_update,
    insert_rows,
    ordered_join,
    render_hints,
)
from phototag.library.tables import albums, labels, metadata, photo_labels, photos

ALBUM = {"id": 1, "name": "best", "query": "", "created_at": "2016-12-31 00:00:00"}


@pytest.fixture
def engine():
    engine = create_engine("sqlite://")
    render_hints(engine)
    metadata.create_all(engine)
    yield engine
    engine.dispose()


def portraits_first():
    """Both hints, one in a subquery, the other between it and a table."""
    ranked = select(photo_labels.c.photo_id, photo_labels.c.rank).where(photo_labels.c.label_id == 1)
    ranked = indexed_by(ranked, photo_labels, "ix_photo_labels_rank").subquery("ranked")
    both = ordered_join(ranked, photos, photos.c.id == ranked.c.photo_id)
    return select(photos.c.id).select_from(both).where(photos.c.faces > 0).order_by(ranked.c.rank)


def test_sqlite_is_told_the_index_and_the_order_of_the_tables(engine):
    text = str(portraits_first().compile(engine))
    assert "photo_labels INDEXED BY ix_photo_labels_rank" in text
    assert "AS ranked CROSS JOIN photos ON photos.id = ranked.photo_id" in text


def test_sqlite_does_as_told(engine):
    with engine.connect() as connection:
        text = str(portraits_first().compile(engine, compile_kwargs={"literal_binds": True}))
        plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
    assert plan == [
        "SEARCH photo_labels USING COVERING INDEX ix_photo_labels_rank (label_id=?)",
        "SEARCH photos USING INTEGER PRIMARY KEY (rowid=?)",
    ]


def test_an_index_that_is_not_there_is_an_error(engine):
    statement = indexed_by(select(photos.c.id), photos, "ix_photos_nothing")
    with engine.connect() as connection, pytest.raises(exc.OperationalError, match="no such index"):
        connection.execute(statement)


def test_other_databases_are_told_nothing():
    text = str(portraits_first().compile(dialect=postgresql.dialect()))
    assert "INDEXED" not in text and "CROSS" not in text
    assert "AS ranked JOIN photos ON photos.id = ranked.photo_id" in text


def test_statements_of_one_shape_are_compiled_once(engine):
    compiled = []
    with engine.connect() as connection:
        for _ in range(3):
            result = connection.execute(portraits_first())
            compiled.append(result.context.compiled)
    assert compiled[0] is compiled[1] is compiled[2]


def test_many_rows_go_in_as_they_would_one_by_one(engine):
    with engine.begin() as connection:
        insert_rows(connection, labels, [(1, "dog"), (2, "cat"), (3, "kite")])
        executemany(connection, delete(labels).where(labels.c.id == bindparam("label")), [{"label": 3}])
        rename = update(labels).where(labels.c.id == bindparam("label")).values(name=bindparam("new_name"))
        # by name, in whatever order they come
        executemany(connection, rename, [{"label": 1, "new_name": "wolf"}, {"new_name": "lion", "label": 2}])
        executemany(connection, rename, [])
        assert connection.execute(select(labels).order_by(labels.c.id)).all() == [(1, "wolf"), (2, "lion")]
        connection.execute(insert_or_skip(labels, "name"), [{"name": "wolf"}, {"name": "bear"}])
        connection.execute(insert_or_update(albums, "name"), [ALBUM | {"theme": t} for t in ("pets", "year")])
        assert connection.scalars(select(labels.c.name).order_by(labels.c.id)).all() == [
            "wolf",
            "lion",
            "bear",
        ]
        assert connection.execute(select(albums.c.name, albums.c.theme)).all() == [("best", "year")]

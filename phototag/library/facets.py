"""What the photos of a question have in common: how many show each thing, how many faces, in which years.

Each facet has a time limit of its own: over a million photos some cannot be counted while a person waits,
and then none is told rather than a part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, select, true

from phototag.library import labels as label_counts
from phototag.library.database import Catalog
from phototag.library.dialects import TimeLimitReached, ordered_join, time_limit
from phototag.library.search import select_fitting
from phototag.library.tables import labels, persons, photo_labels, photo_persons, photo_places, photos, places
from phototag.query.complete import quoted
from phototag.query.terms import DEFAULT_SCORE, EMOTIONS, Query

SECONDS = 0.2  # for each facet: what a person takes for at once
MOST_VALUES = 40
MOST_FACES = 4  # from so many faces on, photos are counted together
FEW_PHOTOS = 2000  # of which looking up every label is quicker than reading all labels of all photos


@dataclass(frozen=True, slots=True)
class FacetValue:
    """`text` as it is shown, the `term` that asks for it, and how many of the photos fit it too."""

    text: str
    term: str
    photos: int


@dataclass(frozen=True, slots=True)
class Facet:
    """`values`: the most frequent first, or in the order of time; None: too many to count in time."""

    name: str
    values: tuple[FacetValue, ...] | None


def find(
    catalog: Catalog, query: Query, thresholds: Mapping[str, float], seconds: float = SECONDS
) -> list[Facet]:
    """Every facet of the photos that fit, each within so many seconds."""
    counters: dict[str, Callable[[Connection, Query, Mapping[str, float]], list[FacetValue]]] = {
        "smiling": _smiles,
        "faces": _faces,
        "people": _people,
        "things": _things,
        "years": _years,
        "cameras": _cameras,
        "places": _places,
    }
    found = []
    for name, count in counters.items():
        with catalog.read() as connection:
            try:
                with time_limit(connection, seconds):
                    values: tuple[FacetValue, ...] | None = tuple(count(connection, query, thresholds))
            except TimeLimitReached:
                values = None
        found.append(Facet(name, values))
    return found


def _fits(connection: Connection, query: Query) -> ColumnElement[bool]:
    """Of a row of photos: it is among those asked for."""
    if not query.terms:
        return photos.c.missing_since.is_(None)
    return photos.c.id.in_(select_fitting(connection, query))


def _smiles(connection: Connection, query: Query, thresholds: Mapping[str, float]) -> list[FacetValue]:
    least, greatest, line = photos.c.least_smile, photos.c.greatest_smile, query.smile_threshold
    asked = {
        "everyone": ("smiling:all", least >= line),
        "someone": ("smiling:any", greatest >= line),
        "nobody": ("smiling:none", greatest < line),
        "cannot tell": ("smiling:unknown", and_(least.is_(None), photos.c.faces > 0)),
    }
    counts = [func.sum(case((condition, 1), else_=0)) for _, condition in asked.values()]
    row = connection.execute(select(*counts).where(_fits(connection, query))).one()
    terms = {"cannot tell": "smiling:unknown faces-any:1.."}
    return [
        FacetValue(text, terms.get(text, term), number)
        for (text, (term, _)), number in zip(asked.items(), row, strict=True)
        if number
    ]


def _faces(connection: Connection, query: Query, thresholds: Mapping[str, float]) -> list[FacetValue]:
    number = (
        func.min(photos.c.faces, MOST_FACES)
        if connection.dialect.name == "sqlite"
        else func.least(photos.c.faces, MOST_FACES)
    )
    rows = connection.execute(
        select(number.label("number"), func.count())
        .where(photos.c.faces.is_not(None), _fits(connection, query))
        .group_by("number")
        .order_by("number")
    )
    return [
        FacetValue(f"{faces} or more", f"faces:{faces}..", photos_)
        if faces == MOST_FACES
        else FacetValue(f"{faces}", f"faces:{faces}", photos_)
        for faces, photos_ in rows
    ]


def _things(connection: Connection, query: Query, thresholds: Mapping[str, float]) -> list[FacetValue]:
    if not query.terms:
        counted = [(row.label, row.photos) for row in label_counts.count_photos(connection, thresholds)]
    else:
        rows = connection.execute(_labels_of(connection, query, thresholds))
        counted = sorted([(label, number) for label, number in rows], key=_most_first)
    shown = [(label, number) for label, number in counted if label not in EMOTIONS and label != "face"]
    return [FacetValue(label, quoted(label), number) for label, number in shown[:MOST_VALUES]]


def _labels_of(connection: Connection, query: Query, thresholds: Mapping[str, float]) -> Select[str, int]:
    rows = connection.execute(select(labels.c.id, labels.c.name)).all()
    own = {label_id: thresholds[name] for label_id, name in rows if name in thresholds}
    least: Any = case(own, value=photo_labels.c.label_id, else_=DEFAULT_SCORE) if own else DEFAULT_SCORE
    fitting = select_fitting(connection, query)
    some = fitting.limit(FEW_PHOTOS).subquery("some")
    few = (connection.scalar(select(func.count()).select_from(some)) or 0) < FEW_PHOTOS
    statement = select(labels.c.name, func.count()).group_by(labels.c.id)
    if not few:
        return statement.select_from(labels.join(photo_labels)).where(
            photo_labels.c.score >= least, photo_labels.c.photo_id.in_(fitting)
        )
    asked = fitting.subquery("asked")
    pairs = ordered_join(ordered_join(labels, asked, true()), photo_labels, _of_label_and(asked.c.id))
    return statement.select_from(pairs).where(photo_labels.c.score >= least)


def _of_label_and(photo_id: ColumnElement[int]) -> ColumnElement[bool]:
    return and_(photo_labels.c.label_id == labels.c.id, photo_labels.c.photo_id == photo_id)


def _years(connection: Connection, query: Query, thresholds: Mapping[str, float]) -> list[FacetValue]:
    year = func.substr(photos.c.taken_at, 1, 4)
    rows = connection.execute(
        select(year.label("year"), func.count())
        .where(photos.c.taken_at.is_not(None), _fits(connection, query))
        .group_by("year")
        .order_by(year.desc())
    )
    return [FacetValue(text, f"taken:{text}", number) for text, number in rows]


def _cameras(connection: Connection, query: Query, thresholds: Mapping[str, float]) -> list[FacetValue]:
    rows: Iterable[Any] = connection.execute(
        select(photos.c.camera, func.count())
        .where(photos.c.camera.is_not(None), _fits(connection, query))
        .group_by(photos.c.camera)
    )
    return _named("camera", rows)


def _people(connection: Connection, query: Query, thresholds: Mapping[str, float]) -> list[FacetValue]:
    rows: Iterable[Any] = connection.execute(
        select(persons.c.name, func.count())
        .select_from(photo_persons.join(persons).join(photos))
        .where(_fits(connection, query))
        .group_by(persons.c.id)
    )
    return _named("person", rows)


def _places(connection: Connection, query: Query, thresholds: Mapping[str, float]) -> list[FacetValue]:
    # Towns of one name are one: a question for the name finds them all.
    rows: Iterable[Any] = connection.execute(
        select(places.c.name, func.count(photo_places.c.photo_id.distinct()))
        .select_from(photo_places.join(places).join(photos))
        .where(_fits(connection, query))
        .group_by(places.c.name)
    )
    return _named("place", rows)


def _named(key: str, rows: Iterable[Any]) -> list[FacetValue]:
    """Values of which the question is their name; one with a quotation mark cannot be asked for."""
    named = sorted([(name, number) for name, number in rows if '"' not in name], key=_most_first)
    return [FacetValue(name, f"{key}:{quoted(name)}", number) for name, number in named[:MOST_VALUES]]


def _most_first(pair: tuple[str, int]) -> tuple[int, str]:
    return -pair[1], pair[0]

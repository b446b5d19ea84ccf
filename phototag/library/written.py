"""Rows of what other programs wrote about photos. Knows no summaries: who changes these rows computes
them again."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, literal_column, select, update

from phototag.faces import Mention, Region
from phototag.library import persons as person_rows
from phototag.library.answers import IDS, chunks
from phototag.library.dialects import executemany, insert_rows
from phototag.library.names import ensure_ids, escape_surrogates
from phototag.library.tables import (
    keyword_labels,
    keywords,
    labels,
    persons,
    photo_keywords,
    photos,
    regions,
    written,
)
from phototag.metadata.record import LEVEL
from phototag.query.terms import fold
from phototag.records import Box, NamedPerson, Person, Written
from phototag.smiling import reserved

NOTHING_WRITTEN = Written()
_DELETES = [
    delete(table).where(table.c.photo_id == bindparam("photo"))
    for table in (written, photo_keywords, regions)
]
_UPDATE = (
    update(photos)
    .where(photos.c.id == bindparam("photo"))
    .values(rating=bindparam("stars"), metadata_due=literal_column("0"))
)
_INSERT_LABELS = insert(keyword_labels)
_KEYWORDS = (
    select(photo_keywords.c.photo_id, keywords.c.name)
    .select_from(photo_keywords.join(keywords))
    .where(photo_keywords.c.photo_id.in_(IDS))
    .order_by(photo_keywords.c.photo_id, photo_keywords.c.position)
)
_LABELS = (
    select(photo_keywords.c.photo_id, labels.c.name)
    .select_from(
        photo_keywords.join(keyword_labels, keyword_labels.c.keyword_id == photo_keywords.c.keyword_id).join(
            labels, labels.c.id == keyword_labels.c.label_id
        )
    )
    .where(photo_keywords.c.photo_id.in_(IDS))
    .order_by(photo_keywords.c.photo_id, photo_keywords.c.position, labels.c.name)
)
_TEXTS = select(written, photos.c.rating).select_from(written.join(photos)).where(written.c.photo_id.in_(IDS))
_BOX = ("box_left", "box_top", "box_right", "box_bottom")
_REGIONS = (
    select(regions.c.photo_id, persons.c.id, persons.c.name, regions.c.source, *(regions.c[n] for n in _BOX))
    .select_from(regions.join(persons))
    .where(regions.c.photo_id.in_(IDS))
    .order_by(regions.c.photo_id, regions.c.position)
)
_ANY_REGION, _ANY_KEYWORD = select(regions.c.photo_id).limit(1), select(photo_keywords.c.photo_id).limit(1)


def store(connection: Connection, found: Mapping[int, Written]) -> None:
    """These photos have this written about them, and nothing else; their metadata are not due any more.
    To be called with the write lock held, after the summaries of these photos were forgotten."""
    for statement in _DELETES:
        executemany(connection, statement, [{"photo": photo_id} for photo_id in found])
    executemany(connection, _UPDATE, [{"photo": i, "stars": one.rating} for i, one in found.items()])
    telling = {photo_id: one for photo_id, one in found.items() if one != NOTHING_WRITTEN}
    if not telling:
        return
    keyword_ids = _ensure_keywords(connection, {word for one in telling.values() for word in one.keywords})
    names = {person.name for one in telling.values() for person in one.persons}
    known = person_rows.ensure(connection, map(escape_surrogates, sorted(names)))
    insert_rows(connection, written, [_text_row(photo_id, one) for photo_id, one in telling.items()])
    insert_rows(
        connection,
        photo_keywords,
        [
            (photo_id, position, keyword_ids[escape_surrogates(word)])
            for photo_id, one in telling.items()
            for position, word in enumerate(one.keywords)
        ],
    )
    insert_rows(
        connection,
        regions,
        [
            (
                photo_id,
                position,
                known[escape_surrogates(person.name)].person_id,
                person.source,
                *(map(float, person.box) if person.box else (None,) * 4),
            )
            for photo_id, one in telling.items()
            for position, person in enumerate(one.persons)
        ],
    )


def _text_row(photo_id: int, one: Written) -> tuple[Any, ...]:
    title, description = (text and escape_surrogates(text) for text in (one.title, one.description))
    texts = [text for text in (title, description) if text]
    color = one.color_label and escape_surrogates(one.color_label)
    folded = fold("\n".join(texts)) if texts else None
    return photo_id, color, title, description, folded, json.dumps(dict(one.sources))


def _ensure_keywords(connection: Connection, words: Collection[str]) -> dict[str, int]:
    """Keyword -> id, with new rows for those that have none, and for the labels that their levels are."""
    spelled = {escape_surrogates(word) for word in words}
    found: dict[str, int] = {}
    for some in chunks(sorted(spelled)):
        found |= ensure_ids(connection, keywords.c.name, some)
    known = {
        keyword_id
        for some in chunks(found.values())
        for keyword_id in connection.scalars(
            select(keyword_labels.c.keyword_id).where(keyword_labels.c.keyword_id.in_(some)).distinct()
        )
    }
    levels = {keyword: _labels_of(keyword) for keyword, number in found.items() if number not in known}
    label_ids: dict[str, int] = {}
    for some in chunks(sorted({label for its in levels.values() for label in its})):
        label_ids |= ensure_ids(connection, labels.c.name, some)
    rows = [
        {"keyword_id": found[keyword], "label_id": label_ids[label]}
        for keyword, its in levels.items()
        for label in its
    ]
    executemany(connection, _INSERT_LABELS, rows)
    return found


def _labels_of(keyword: str) -> list[str]:
    """Each level once. Who smiles is no label."""
    return [label for label in dict.fromkeys(keyword.split(LEVEL)) if reserved(label) is None]


def labels_of(connection: Connection, photo_ids: Iterable[int]) -> dict[int, list[str]]:
    """Photo id -> the labels that its keywords say; without photos that have none."""
    found: dict[int, list[str]] = {}
    if connection.scalar(_ANY_KEYWORD) is None:
        return found
    for ids in chunks(photo_ids):
        for photo_id, label in connection.execute(_LABELS, {"ids": ids}):
            found.setdefault(photo_id, []).append(label)
    return found


def load(
    connection: Connection, photo_ids: Iterable[int], *, with_persons: bool = True
) -> dict[int, Written]:
    """Photo id -> what is written about it; without photos of which nothing is."""
    found: dict[int, Written] = {}
    for ids in chunks(photo_ids):
        rows = connection.execute(_TEXTS, {"ids": ids}).mappings().all()
        some = [row["photo_id"] for row in rows]
        words: dict[int, list[str]] = {}
        for photo_id, word in connection.execute(_KEYWORDS, {"ids": some}) if some else ():
            words.setdefault(photo_id, []).append(word)
        named = _load_named(connection, some) if with_persons else {}
        for row in rows:
            photo_id = row["photo_id"]
            found[photo_id] = Written(
                None if row["rating"] is None else int(row["rating"]),  # a damaged catalog holds anything
                row["color_label"],
                row["title"],
                row["description"],
                tuple(words.get(photo_id, ())),
                tuple(
                    NamedPerson(person.name, source, box) for person, source, box in named.get(photo_id, ())
                ),
                _read_sources(row["sources"]),
            )
    return found


def _read_sources(text: str) -> dict[str, str]:
    """Field -> whose word it is. Raises ValueError where a damaged catalog says something else."""
    sources = json.loads(text)
    if not isinstance(sources, dict) or not all(isinstance(source, str) for source in sources.values()):
        raise ValueError(f"no sources: {text!r}")
    return sources


@dataclass(slots=True)
class NamedFaces:
    """Whom other programs name in one photo, for phototag.faces."""

    regions: list[Region] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)


def is_anybody_named(connection: Connection) -> bool:
    """Whether another program names anybody in any photo."""
    return connection.scalar(_ANY_REGION) is not None


def load_faces(connection: Connection, photo_ids: Iterable[int]) -> dict[int, NamedFaces]:
    """Photo id -> whom other programs name in it; without photos in which they name nobody."""
    if not is_anybody_named(connection):
        return {}
    found: dict[int, NamedFaces] = {}
    for photo_id, named in _load_named(connection, photo_ids).items():
        faces = found[photo_id] = NamedFaces()
        for person, source, box in named:
            by = "embedded" if source == "embedded" else "sidecar"
            if box:
                faces.regions.append(Region(box, person, by))  # type: ignore[arg-type]
            else:
                faces.mentions.append(Mention(person, by))  # type: ignore[arg-type]
    return found


def _load_named(
    connection: Connection, photo_ids: Iterable[int]
) -> dict[int, list[tuple[Person, str, Box | None]]]:
    found: dict[int, list[tuple[Person, str, Box | None]]] = {}
    for ids in chunks(photo_ids):
        for photo_id, person_id, name, source, *edges in connection.execute(_REGIONS, {"ids": ids}):
            box = None if edges[0] is None else Box(*edges)
            found.setdefault(photo_id, []).append((Person(person_id, name), source, box))
    return found

"""Take over from another catalog what is known there of the same photos: answers where there is none here,
and a person's words. Photos are the same whose bytes are; words also follow equal pixels."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, RowMapping, func, select

from phototag.library import merge_words, taken
from phototag.library.answers import CHUNK, Answer, chunks, load_answers
from phototag.library.database import Catalog
from phototag.library.merge_words import Contradiction
from phototag.library.paths import to_path
from phototag.library.save import save
from phototag.library.tables import embeddings, fingerprints, photos, roots
from phototag.records import Exif, Fingerprint, Outcome, PhotoFacts, PhotoFile, Tag

IDENTITY_TAGGER = "identity"  # whose answers are worth nothing without its embeddings
# Dates that follow from where the file lies, not from its bytes: the photo here has its own.
OUTSIDE_DATES = frozenset({"file", "name", "sidecar", "takeout"})


@dataclass(slots=True)
class Merged:
    """What was taken over, or would be."""

    photos: int = 0  # photos here that the other catalog knows too
    photos_only_there: int = 0  # contents that no photo here has
    photos_never_hashed: int = 0  # photos here of which only hashing could tell; see `hash_file`
    photos_answered: int = 0  # that got answers
    answers: int = 0
    words: int = 0  # about photos and about faces
    contradictions: list[Contradiction] = field(default_factory=list)


def merge(
    catalog: Catalog,
    other: Catalog,
    *,
    hash_file: Callable[[PhotoFile], str | None] | None = None,
    with_embeddings: bool = False,
    dry_run: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Merged:
    """See Library.merge."""
    merged = Merged()
    with catalog.read() as connection:
        total = connection.scalar(select(func.count()).select_from(photos)) or 0
    done = 0
    for page in _pages(catalog):
        pairs = _pair(page, other, hash_file, merged)
        merged.photos += len(pairs)
        for batch, used in _batches(catalog, other, pairs, with_embeddings):
            merged.answers += len(batch.outcomes)
            merged.photos_answered += len({outcome.photo_id for outcome in batch.outcomes})
            if not dry_run:
                save(catalog, batch.facts, batch.outcomes, used)
        done += len(page)
        if on_progress is not None:
            on_progress(done, total)
    merged.photos_only_there = _count_only_there(catalog, other)
    merged.words, merged.contradictions = merge_words.merge(catalog, other, dry_run=dry_run)
    return merged


@dataclass(frozen=True, slots=True)
class _Pair:
    """A photo here, its content hash, and the photos of the other catalog with the same bytes."""

    row: RowMapping
    content_hash: str
    theirs: Sequence[RowMapping]


@dataclass(slots=True)
class _Batch:
    facts: list[PhotoFacts] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)


def _pages(catalog: Catalog) -> Iterator[Sequence[RowMapping]]:
    after = 0
    while True:
        with catalog.read() as connection:
            statement = (
                select(photos, roots.c.path.label("root"))
                .select_from(photos.join(roots))
                .where(photos.c.id > after)
                .order_by(photos.c.id)
                .limit(CHUNK)
            )
            page = connection.execute(statement).mappings().all()
        if not page:
            return
        yield page
        after = page[-1]["id"]


def _pair(
    page: Sequence[RowMapping],
    other: Catalog,
    hash_file: Callable[[PhotoFile], str | None] | None,
    merged: Merged,
) -> list[_Pair]:
    with other.read() as connection:
        sizes = {row["size_bytes"] for row in page if row["content_hash"] is None}
        is_of_size = photos.c.size_bytes.in_(sizes), photos.c.content_hash.is_not(None)
        known_sizes = {*connection.scalars(select(photos.c.size_bytes).where(*is_of_size))}
    hashes = {}
    for row in page:
        content_hash = row["content_hash"]
        if content_hash is None and row["missing_since"] is None and row["size_bytes"] in known_sizes:
            if hash_file is None:
                merged.photos_never_hashed += 1
            else:
                content_hash = hash_file(_file_of(row))
        if content_hash is not None:
            hashes[row["id"]] = content_hash
    theirs: dict[str, list[RowMapping]] = defaultdict(list)
    with other.read() as connection:
        for some in chunks({*hashes.values()}):
            statement = select(photos).where(photos.c.content_hash.in_(some)).order_by(photos.c.id)
            for found in connection.execute(statement).mappings():
                theirs[found["content_hash"]].append(found)
    return [
        _Pair(row, hashes[row["id"]], theirs[hashes[row["id"]]])
        for row in page
        if hashes.get(row["id"]) in theirs
    ]


def _file_of(row: RowMapping) -> PhotoFile:
    return PhotoFile(to_path(row["root"]), to_path(row["path"]), row["size_bytes"], row["mtime_ns"])


def _batches(
    catalog: Catalog, other: Catalog, pairs: Sequence[_Pair], with_embeddings: bool
) -> Iterator[tuple[_Batch, dict[str, Fingerprint]]]:
    """What to save: photos whose answers have the same fingerprints together, and these."""
    with catalog.read() as connection:
        ours = load_answers(connection, [pair.row["id"] for pair in pairs], with_tags=False)
    with other.read() as connection:
        theirs = load_answers(connection, [row["id"] for pair in pairs for row in pair.theirs])
        stated = _fingerprints(connection)
        if with_embeddings:
            theirs = _with_embeddings(connection, theirs)
    batches: dict[tuple[tuple[str, str], ...], _Batch] = defaultdict(_Batch)
    for pair in pairs:
        taken_over = dict(_lacking(pair, ours.get(pair.row["id"], {}), theirs, with_embeddings))
        if not taken_over:
            continue
        key = tuple(sorted((tagger, answer.fingerprint) for tagger, answer in taken_over.items()))
        batch = batches[key]
        if pair.row["width"] is None or pair.row["content_hash"] is None:
            batch.facts.append(_facts(pair))
        batch.outcomes += [
            Outcome(pair.row["id"], tagger, answer.tags) for tagger, answer in taken_over.items()
        ]
    for key, batch in batches.items():
        yield batch, {tagger: stated[text] for tagger, text in key}


def _lacking(
    pair: _Pair,
    ours: Mapping[str, Answer],
    theirs: Mapping[int, Mapping[str, Answer]],
    with_embeddings: bool,
) -> Iterator[tuple[str, Answer]]:
    """The other catalog's good answers by taggers of which there is none here. Of several photos there
    with these bytes, the first that has one."""
    seen: set[str] = set()
    for row in pair.theirs:
        for tagger, answer in theirs.get(row["id"], {}).items():
            here = ours.get(tagger)
            is_here = here is not None and here.error is None and here.content_hash == pair.content_hash
            is_good = answer.error is None and answer.content_hash == pair.content_hash
            if is_here or not is_good or tagger in seen:
                continue
            if tagger == IDENTITY_TAGGER and not with_embeddings:
                continue
            seen.add(tagger)
            yield tagger, answer


def _facts(pair: _Pair) -> PhotoFacts:
    """What the other catalog knows of the bytes, for a photo that was never decoded here."""
    row = pair.theirs[0]
    taken_at, precision = taken.read(row["taken_at"])
    is_own = row["taken_from"] not in OUTSIDE_DATES
    exif = Exif(
        taken_at if is_own else None,
        row["taken_from"] if is_own else None,
        row["utc_offset_minutes"] if is_own else None,
        row["latitude"],
        row["longitude"],
        row["camera"],
        row["orientation"] or 1,
        precision,
    )
    return PhotoFacts(pair.row["id"], pair.content_hash, row["width"], row["height"], exif, row["pixel_hash"])


def _fingerprints(connection: Connection) -> dict[str, Fingerprint]:
    return {
        row.fingerprint: Fingerprint(
            row.fingerprint, row.weights_name, None if row.thresholds is None else json.loads(row.thresholds)
        )
        for row in connection.execute(select(fingerprints))
    }


def _with_embeddings(
    connection: Connection, theirs: Mapping[int, Mapping[str, Answer]]
) -> dict[int, dict[str, Answer]]:
    """The answers of the identity tagger with the numbers that are kept apart from them."""
    numbers: dict[int, dict[int, bytes]] = defaultdict(dict)
    ids = [known[IDENTITY_TAGGER].answer_id for known in theirs.values() if IDENTITY_TAGGER in known]
    for some in chunks(ids):
        for row in connection.execute(select(embeddings).where(embeddings.c.answer_id.in_(some))):
            numbers[row.answer_id][row.position] = row.numbers

    def complete(answer: Answer) -> Answer:
        its = numbers[answer.answer_id]
        tags = [
            Tag(tag.label, tag.score, tag.box, tag.points, its.get(position, b""))
            for position, tag in enumerate(answer.tags)
        ]
        return replace(answer, tags=tuple(tags))

    return {
        photo_id: {
            tagger: complete(answer) if tagger == IDENTITY_TAGGER else answer
            for tagger, answer in known.items()
        }
        for photo_id, known in theirs.items()
    }


def _count_only_there(catalog: Catalog, other: Catalog) -> int:
    """Contents of the other catalog that no photo here has."""
    number, after = 0, ""
    while True:
        with other.read() as connection:
            statement = (
                select(photos.c.content_hash)
                .distinct()
                .where(photos.c.content_hash > after)
                .order_by(photos.c.content_hash)
                .limit(CHUNK)
            )
            page = list(connection.scalars(statement))
        if not page:
            return number
        with catalog.read() as connection:
            here = {*connection.scalars(select(photos.c.content_hash).where(photos.c.content_hash.in_(page)))}
        number, after = number + len({*page} - here), page[-1]

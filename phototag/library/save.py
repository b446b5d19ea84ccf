"""Saving one batch of answers in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, Update, bindparam, delete, exists, insert, select, update

from phototag.faces import NOTHING_SAID, Said
from phototag.library import face_words, summaries, taken, written
from phototag.library import said as said_of_faces
from phototag.library.answers import IDS, Answer, chunks, ensure_fingerprints, load_answers
from phototag.library.database import Catalog, InEachOthersWay
from phototag.library.dialects import executemany, insert_rows, lock_photos
from phototag.library.face_words import Subject
from phototag.library.jobs import DECODE, digest, pending
from phototag.library.names import ensure_ids, escape_surrogates
from phototag.library.tables import (
    answers,
    corrections,
    embeddings,
    labels,
    photo_keywords,
    photos,
    taggers,
    tags,
)
from phototag.records import Fingerprint, Job, Outcome, PhotoFacts, PhotoFile, Tag

TRIES = 5  # where two savers are in each other's way, the server lets one of them go on

_SUMMARY = "faces", "eligible_faces", "least_smile", "greatest_smile", "answered", "failed", "complete_for"
_FACTS = (
    "content_hash",
    "width",
    "height",
    "orientation",
    *taken.COLUMNS,
    "latitude",
    "longitude",
    "camera",
    "pixel_hash",
)


def _update_of(names: Iterable[str]) -> Update:
    """Sets these columns of a photo from parameters of the same name after `new_`."""
    values: dict[Any, Any] = {photos.c[name]: bindparam(f"new_{name}") for name in names}
    return update(photos).where(photos.c.id == bindparam("photo")).values(values)


_UPDATE_SUMMARY = _update_of(_SUMMARY)
_UPDATE_ALL = _update_of((*_SUMMARY, *_FACTS))  # in one statement, so that a photo's row is written once
_DELETE_ANSWER = delete(answers).where(answers.c.id == bindparam("answer"))
_INSERT_ANSWERS = insert(answers).returning(answers.c.photo_id, answers.c.tagger_id, answers.c.id)


class _Known(NamedTuple):
    """Of a photo's row before, what decoding may leave as it was."""

    content_hash: str | None
    width: int | None
    height: int | None
    orientation: int | None
    taken_at: str | None
    taken_from: str | None
    utc_offset_minutes: int | None
    taken_sort: int | None
    pixel_hash: str | None
    has_answers: bool
    has_corrections: bool
    has_keywords: bool
    is_any_face_spoken_of: bool  # in the whole catalog
    size_bytes: int
    mtime_ns: int

    def is_file(self, file: PhotoFile) -> bool:
        """Whether the row is about the file as it was then."""
        return (self.size_bytes, self.mtime_ns) == (file.size_bytes, file.mtime_ns)


_SELECT_KNOWN = select(
    photos.c.id,
    photos.c.content_hash,
    photos.c.width,
    photos.c.height,
    photos.c.orientation,
    *(photos.c[name] for name in taken.COLUMNS),
    photos.c.pixel_hash,
    exists().where(answers.c.photo_id == photos.c.id),
    exists().where(corrections.c.photo_id == photos.c.id),
    exists().where(photo_keywords.c.photo_id == photos.c.id),
    said_of_faces.IS_ANY,
    photos.c.size_bytes,
    photos.c.mtime_ns,
).where(photos.c.id.in_(IDS))


@dataclass(slots=True)
class _Photo:
    """A photo of the batch. `known`: its row before. `outcomes`: what taggers say now. `answers`:
    what was said before and still holds."""

    known: _Known
    facts: PhotoFacts | None = None
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)

    @property
    def content_hash(self) -> str | None:
        """Of the bytes that the outcomes are about."""
        return self.facts.content_hash if self.facts else self.known.content_hash

    @property
    def keeps_size(self) -> bool:
        """Whether the same bytes were decoded before and cannot be today."""
        facts = self.facts
        return facts is not None and facts.width is None and facts.content_hash == self.known.content_hash

    @property
    def orientation(self) -> int | None:
        if self.facts is None or self.keeps_size:
            return self.known.orientation
        return self.facts.exif.orientation

    @property
    def pixel_hash(self) -> str | None:
        """Bytes that cannot be read today are still those of the same picture."""
        if self.facts is None or self.facts.content_hash is None:
            return self.known.pixel_hash
        return self.facts.pixel_hash

    @property
    def subject(self) -> Subject:
        """What words about its faces hang on."""
        return Subject(self.pixel_hash or self.content_hash, self.orientation or 1)


def save(
    catalog: Catalog,
    facts: Sequence[PhotoFacts],
    outcomes: Sequence[Outcome],
    fingerprints: Mapping[str, Fingerprint],
    looked_at: Sequence[Job] = (),
) -> None:
    """See Library.save."""
    if not facts and not outcomes:
        return
    for _ in range(TRIES - 1):
        with suppress(InEachOthersWay):
            return _save(catalog, facts, outcomes, fingerprints, looked_at)
    _save(catalog, facts, outcomes, fingerprints, looked_at)


def _save(
    catalog: Catalog,
    facts: Sequence[PhotoFacts],
    outcomes: Sequence[Outcome],
    fingerprints: Mapping[str, Fingerprint],
    looked_at: Sequence[Job],
) -> None:
    with catalog.write(beside_others=True) as connection:
        batch = _load_batch(connection, facts, outcomes)
        for job in looked_at:
            if job.photo_id in batch and not batch[job.photo_id].known.is_file(job.file):
                del batch[job.photo_id]
        # Most photos are new: where nobody has said anything yet, nothing is looked for.
        answered = [photo_id for photo_id, photo in batch.items() if photo.known.has_answers]
        corrected = [photo_id for photo_id, photo in batch.items() if photo.known.has_corrections]
        keyworded = [photo_id for photo_id, photo in batch.items() if photo.known.has_keywords]
        stored = load_answers(connection, answered, with_tags=False)
        summaries.forget(connection, {*answered, *corrected, *keyworded})
        wrote = {i: one.facts.written for i, one in batch.items() if one.facts and one.facts.written}
        written.store(connection, wrote)
        keyworded = [i for i in batch if (wrote[i].keywords if i in wrote else i in keyworded)]
        said = summaries.words_of(connection, corrected, keyworded)
        _drop_outdated(connection, batch, stored)
        names = {name for photo in batch.values() for name in (*photo.outcomes, *photo.answers)}
        tagger_ids = ensure_ids(connection, taggers.c.name, names)
        is_spoken_of = any(photo.known.is_any_face_spoken_of for photo in batch.values())
        is_spoken_of = is_spoken_of or any(one.persons for one in wrote.values())
        of_faces = _load_said_of_faces(connection, batch) if is_spoken_of else {}
        label_ids = ensure_ids(connection, labels.c.name, _labels_of(batch, said))
        _insert_answers(connection, batch, fingerprints, label_ids, tagger_ids)
        found = _summarise(connection, batch, said, of_faces, fingerprints)
        summaries.insert_labels(connection, found, label_ids, tagger_ids)
        if is_spoken_of:
            summaries.write_persons(connection, found)


def _load_batch(
    connection: Connection, facts: Sequence[PhotoFacts], outcomes: Sequence[Outcome]
) -> dict[int, _Photo]:
    """The photos of the batch by id. Those that the catalog no longer knows are left out."""
    ids = dict.fromkeys([*(fact.photo_id for fact in facts), *(one.photo_id for one in outcomes)])
    lock_photos(connection, photos, [*ids])
    known = {
        row.id: _Known._make(row[1:])
        for some in chunks(ids)
        for row in connection.execute(_SELECT_KNOWN, {"ids": some}).all()
    }
    batch = {photo_id: _Photo(known[photo_id]) for photo_id in ids if photo_id in known}
    for fact in facts:
        if fact.photo_id in batch:
            batch[fact.photo_id].facts = fact
    for outcome in outcomes:
        if outcome.photo_id in batch:
            batch[outcome.photo_id].outcomes[outcome.tagger] = outcome
    return batch


def _drop_outdated(
    connection: Connection, batch: Mapping[int, _Photo], stored: Mapping[int, Mapping[str, Answer]]
) -> None:
    """Delete the answers that no longer hold; those that do go to `answers` of their photos, with
    their tags."""
    outdated = []
    for photo_id, photo in batch.items():
        is_decoded = photo.facts is not None and photo.facts.width is not None
        for tagger, answer in stored.get(photo_id, {}).items():
            # Bytes that cannot be read today may come back; other bytes are another picture.
            is_other = photo.content_hash is not None and answer.content_hash != photo.content_hash
            if tagger in photo.outcomes or is_other or (tagger == DECODE and is_decoded):
                outdated.append({"answer": answer.answer_id})
            else:
                photo.answers[tagger] = answer
    executemany(connection, _DELETE_ANSWER, outdated)
    remaining = [photo_id for photo_id, photo in batch.items() if photo.answers]
    for photo_id, known in load_answers(connection, remaining).items():
        batch[photo_id].answers = known


def _load_said_of_faces(connection: Connection, batch: Mapping[int, _Photo]) -> dict[int, Said]:
    """What is said of the photos' faces, by photo id. It follows those that are known by another
    identity from now on."""
    identities = {}
    for photo in batch.values():
        before, now = photo.known, photo.subject.identity
        was = before.pixel_hash or before.content_hash
        if was and now and was != now and photo.content_hash == before.content_hash:
            identities[was] = (now, before.content_hash)
    face_words.follow(connection, identities)
    return said_of_faces.load(connection, {photo_id: photo.subject for photo_id, photo in batch.items()})


def _labels_of(batch: Mapping[int, _Photo], said: Mapping[int, Mapping[str, bool]]) -> set[str]:
    """All that anybody says of these photos."""
    found = {tag.label for photo in batch.values() for one in photo.outcomes.values() for tag in one.tags}
    found |= {tag.label for photo in batch.values() for one in photo.answers.values() for tag in one.tags}
    return found.union(*said.values())


def _insert_answers(
    connection: Connection,
    batch: Mapping[int, _Photo],
    fingerprints: Mapping[str, Fingerprint],
    label_ids: Mapping[str, int],
    tagger_ids: Mapping[str, int],
) -> None:
    outcomes = [outcome for photo in batch.values() for outcome in photo.outcomes.values()]
    if not outcomes:
        return
    fingerprint_ids = ensure_fingerprints(
        connection, [fingerprints[name] for name in {outcome.tagger for outcome in outcomes}]
    )
    rows = [
        {
            "photo_id": outcome.photo_id,
            "tagger_id": tagger_ids[outcome.tagger],
            "fingerprint_id": fingerprint_ids[fingerprints[outcome.tagger].text],
            "content_hash": batch[outcome.photo_id].content_hash,
            # it may name the file
            "error": None if outcome.error is None else escape_surrogates(outcome.error),
        }
        for outcome in outcomes
    ]
    inserted = connection.execute(_INSERT_ANSWERS, rows).all()
    answer_ids = {(photo_id, tagger_id): answer_id for photo_id, tagger_id, answer_id in inserted}
    tag_rows = [
        tag_row(answer_ids[outcome.photo_id, tagger_ids[outcome.tagger]], position, label_ids[tag.label], tag)
        for outcome in outcomes
        if outcome.error is None  # who asks for tags need not ask for errors
        for position, tag in enumerate(outcome.tags)
    ]
    insert_rows(connection, tags, tag_rows)
    embedding_rows = [
        (answer_ids[outcome.photo_id, tagger_ids[outcome.tagger]], position, tag.embedding)
        for outcome in outcomes
        if outcome.error is None
        for position, tag in enumerate(outcome.tags)
        if tag.embedding
    ]
    insert_rows(connection, embeddings, embedding_rows)


def tag_row(answer_id: int, position: int, label_id: int, tag: Tag) -> tuple[Any, ...]:
    """A tag as a row of `tags`. Numbers are kept to the last bit: a face's box is a key. They become
    plain floats: SQLite would take a NumPy float32 for a run of bytes."""
    box = map(float, tag.box) if tag.box else (None, None, None, None)
    points = json.dumps([(float(x), float(y)) for x, y in tag.points]) if tag.points else None
    return answer_id, position, label_id, float(tag.score), *box, points


def _summarise(
    connection: Connection,
    batch: Mapping[int, _Photo],
    said: Mapping[int, Mapping[str, bool]],
    of_faces: Mapping[int, Said],
    fingerprints: Mapping[str, Fingerprint],
) -> dict[int, summaries.Summary]:
    """Write the photos' rows: facts, and what follows from all answers about them. Returns that, by
    photo id."""
    texts = {tagger: fingerprint.text for tagger, fingerprint in fingerprints.items()}
    complete_for = digest(texts)
    found, with_facts, without = {}, [], []
    for photo_id, photo in batch.items():
        given: list[tuple[str, Answer | Outcome]] = [*photo.answers.items(), *photo.outcomes.items()]
        good = {tagger: one.tags for tagger, one in given if one.error is None}
        summary = found[photo_id] = summaries.summarise(
            good, said.get(photo_id, {}), of_faces.get(photo_id, NOTHING_SAID)
        )
        values = {
            "photo": photo_id,
            "new_faces": summary.faces,
            "new_eligible_faces": summary.eligible_faces,
            "new_least_smile": summary.least_smile,
            "new_greatest_smile": summary.greatest_smile,
            "new_answered": len(good),
            "new_failed": len(given) - len(good),
            "new_complete_for": complete_for if _is_complete(photo, texts) else None,
        }
        if photo.facts is None:
            without.append(values)
        else:
            with_facts.append(values | _facts_row(photo, photo.facts))
    executemany(connection, _UPDATE_SUMMARY, without)
    executemany(connection, _UPDATE_ALL, with_facts)
    return found


def _is_complete(photo: _Photo, fingerprints: Mapping[str, str]) -> bool:
    """Whether no answer is missing. What was answered just now is current, if the bytes are known."""
    if photo.content_hash is None:
        return not pending(None, {}, fingerprints)
    others = {tagger: text for tagger, text in fingerprints.items() if tagger not in photo.outcomes}
    return DECODE in photo.outcomes or not pending(photo.content_hash, photo.answers, others)


def _facts_row(photo: _Photo, facts: PhotoFacts) -> dict[str, Any]:
    """What decoding learned. The size is kept where the same bytes were decoded before and cannot be
    today; the file's date where the photo has no own."""
    known, exif, keeps_size = photo.known, facts.exif, photo.keeps_size
    date = taken.columns_of(exif)
    if exif.taken_at is None:
        date = known.taken_at, known.taken_from, known.utc_offset_minutes, known.taken_sort
    return {
        "new_content_hash": facts.content_hash,
        "new_width": known.width if keeps_size else facts.width,
        "new_height": known.height if keeps_size else facts.height,
        "new_orientation": photo.orientation,
        **{f"new_{name}": value for name, value in zip(taken.COLUMNS, date, strict=True)},
        "new_latitude": exif.latitude,
        "new_longitude": exif.longitude,
        "new_camera": escape_surrogates(exif.camera) if exif.camera else None,
        "new_pixel_hash": photo.pixel_hash,
    }

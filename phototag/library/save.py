"""Saving one batch of answers in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from phototag.library import summaries
from phototag.library.answers import (
    INSERT_TAG,
    Answer,
    chunks,
    ensure_fingerprints,
    hashes,
    load_answers,
    tag_row,
)
from phototag.library.database import Catalog, ask, put
from phototag.library.jobs import DECODE, digest, pending
from phototag.library.names import Names, storable
from phototag.records import Fingerprint, Outcome, PhotoFacts


@dataclass
class Saver:
    """Saves batches; remembers the ids of labels and taggers between them."""

    labels: Names = field(default_factory=lambda: Names("labels"))
    taggers: Names = field(default_factory=lambda: Names("taggers"))

    def save(
        self,
        catalog: Catalog,
        facts: Sequence[PhotoFacts],
        outcomes: Sequence[Outcome],
        fingerprints: Mapping[str, Fingerprint],
    ) -> None:
        """See Library.save."""
        if not facts and not outcomes:
            return
        try:
            with catalog.write() as connection:
                self._save(connection, {fact.photo_id: fact for fact in facts}, outcomes, fingerprints)
        except BaseException:  # the rows behind the remembered ids may have been rolled back
            self.forget()
            raise

    def forget(self) -> None:
        for names in (self.labels, self.taggers):
            names.forget()

    def _save(
        self,
        connection: Connection,
        facts: Mapping[int, PhotoFacts],
        outcomes: Sequence[Outcome],
        records: Mapping[str, Fingerprint],
    ) -> None:
        fingerprints = {tagger: record.text for tagger, record in records.items()}
        new: dict[int, dict[str, Outcome]] = {photo_id: {} for photo_id in facts}
        for outcome in outcomes:
            new.setdefault(outcome.photo_id, {})[outcome.tagger] = outcome
        known = hashes(connection, list(new))
        new = {photo_id: named for photo_id, named in new.items() if photo_id in known}
        stored = {
            photo_id: answers
            for ids in chunks(new)
            for photo_id, answers in load_answers(connection, ids, with_tags=False).items()
        }
        corrections = summaries.corrections_of(connection, new)
        summaries.forget(connection, stored.keys() | corrections.keys())

        present: dict[int, str | None] = {}
        retained: dict[int, dict[str, Answer]] = {}
        gone: list[tuple[int]] = []
        for photo_id, named in new.items():
            fact = facts.get(photo_id)
            present[photo_id] = fact.content_hash if fact else known[photo_id]
            decoded = fact is not None and fact.width is not None
            for tagger, answer in stored.get(photo_id, {}).items():
                # Bytes that cannot be read today may come back; other bytes are another picture.
                other_picture = present[photo_id] is not None and answer.content_hash != present[photo_id]
                if tagger in named or other_picture or (tagger == DECODE and decoded):
                    gone.append((answer.answer_id,))
                else:
                    retained.setdefault(photo_id, {})[tagger] = answer
        put(connection, "DELETE FROM answers WHERE id = ?", gone)
        kept = {
            photo_id: {name: answer.tags for name, answer in known.items() if answer.error is None}
            for photo_id, known in load_answers(connection, retained).items()
        }
        self._insert_answers(connection, new, present, records)

        complete_for = digest(fingerprints)
        found, columns, columns_with_facts = {}, [], []
        for photo_id, named in new.items():
            good = kept.get(photo_id, {}) | {
                name: outcome.tags for name, outcome in named.items() if outcome.error is None
            }
            summary = found[photo_id] = summaries.summarise(good, corrections.get(photo_id, {}))
            answers = retained.get(photo_id, {})
            errors = [answer.error for group in (answers, named) for answer in group.values()]
            failed = len(errors) - errors.count(None)
            if present[photo_id] is None:
                owing = pending(None, {}, fingerprints)
            elif DECODE in named:
                owing = ()
            else:  # what was answered just now is current
                owing = pending(
                    present[photo_id], answers, {n: f for n, f in fingerprints.items() if n not in named}
                )
            counts = len(errors) - failed, failed, None if owing else complete_for
            row = (photo_id, summary.faces, summary.least_smile, summary.greatest_smile, *counts)
            if fact := facts.get(photo_id):
                columns_with_facts.append((*row, *_facts_row(fact)))
            else:
                columns.append(row)
        summaries.insert_labels(connection, found)
        put(connection, f"{_UPDATE} WHERE id = ?1", columns)
        put(connection, f"{_UPDATE}, {_FACTS} WHERE id = ?1", columns_with_facts)

    def _insert_answers(
        self,
        connection: Connection,
        new: Mapping[int, Mapping[str, Outcome]],
        present: Mapping[int, str | None],
        fingerprints: Mapping[str, Fingerprint],
    ) -> None:
        outcomes = [outcome for named in new.values() for outcome in named.values()]
        if not outcomes:
            return
        tagger_ids = self.taggers.ids(connection, {outcome.tagger for outcome in outcomes})
        fingerprint_ids = ensure_fingerprints(
            connection, {outcome.tagger: fingerprints[outcome.tagger] for outcome in outcomes}.values()
        )
        label_ids = self.labels.ids(connection, {tag.label for outcome in outcomes for tag in outcome.tags})
        # Nobody else writes in this transaction, so the next free numbers are known beforehand.
        first = 1 + (ask(connection, "SELECT max(id) FROM answers").fetchone()[0] or 0)
        rows, tag_rows = [], []
        for answer_id, outcome in enumerate(outcomes, first):
            photo_id, tagger = outcome.photo_id, outcome.tagger
            ids = tagger_ids[tagger], fingerprint_ids[fingerprints[tagger].text]
            error = None if outcome.error is None else storable(outcome.error)  # it may name the file
            rows.append((answer_id, photo_id, *ids, present[photo_id], error))
            good = outcome.tags if error is None else ()  # who asks for tags need not ask for errors
            tag_rows += [
                tag_row(answer_id, position, label_ids[tag.label], tag) for position, tag in enumerate(good)
            ]
        put(
            connection,
            "INSERT INTO answers (id, photo_id, tagger_id, fingerprint_id, content_hash, error) VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )
        put(connection, INSERT_TAG, tag_rows)


# One statement for each photo, so that its row is written once. The size is kept where the same
# bytes were decoded before and cannot be today; the file's date where the photo has no own.
_UPDATE = """
UPDATE photos SET faces = ?2, least_smile = ?3, greatest_smile = ?4, answered = ?5, failed = ?6, complete_for = ?7"""


_FACTS = """
    width = CASE WHEN ?9 IS NULL AND content_hash IS ?8 THEN width ELSE ?9 END,
    height = CASE WHEN ?9 IS NULL AND content_hash IS ?8 THEN height ELSE ?10 END,
    content_hash = ?8, orientation = ?11, taken_at = coalesce(?12, taken_at), taken_from = coalesce(?13, taken_from),
    utc_offset_minutes = ?14, latitude = ?15, longitude = ?16, camera = ?17"""


def _facts_row(fact: PhotoFacts) -> tuple:
    exif = fact.exif
    taken_at = exif.taken_at.replace(tzinfo=None).isoformat(" ", "seconds") if exif.taken_at else None
    taken_from = (exif.taken_from or "file") if taken_at else None
    return (
        fact.content_hash,
        fact.width,
        fact.height,
        exif.orientation,
        taken_at,
        taken_from,
        exif.utc_offset_minutes,
        exif.latitude,
        exif.longitude,
        storable(exif.camera) if exif.camera else None,
    )

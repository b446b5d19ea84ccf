"""What is owed, and the saving of what was answered.

Done means: an answer about the photo's present bytes, given by the tagger's present fingerprint, good or bad. Which photos
owe nothing is remembered in `photos.settled`, a digest of the fingerprints they owe nothing to, so that a scan in which
nothing is new looks at no answer at all. `settled` is only a shortcut: where it does not fit, the answers are compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from phototag.library import summaries
from phototag.library.answers import INSERT_TAG, Answer, chunks, hashes, load_answers, marks, tag_row
from phototag.library.database import Catalog, ask, put
from phototag.library.filenames import to_path
from phototag.library.names import Names, storable
from phototag.library.paths import Place, places_of
from phototag.records import Job, Outcome, PhotoFacts, PhotoFile

DECODE = "decode"  # the pseudo-tagger under whose name a photo that cannot be decoded has its one answer
PAGE = 500  # jobs looked up at a time: a short read, and nothing stays open while the caller saves


@dataclass(frozen=True)
class JobCount:
    """Photos that owe something, and for each tagger how many owe its answer."""

    photos: int = 0
    taggers: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Row:
    photo_id: int
    path: str
    size_bytes: int
    mtime_ns: int
    content_hash: str | None


def digest(fingerprints: Mapping[str, str]) -> str:
    """One short text for a set of taggers and their fingerprints."""
    return hashlib.blake2b(repr(sorted(fingerprints.items())).encode(), digest_size=8).hexdigest()


def find(
    catalog: Catalog, scope: Sequence[str] | None, fingerprints: Mapping[str, str], needs: Mapping[str, Sequence[str]]
) -> Iterator[Job]:
    """See Library.jobs."""
    with catalog.read() as connection:
        places = places_of(connection, scope)
    for place in places:
        after = ""
        while True:
            with catalog.read() as connection:
                rows = _unsettled(connection, place, after, digest(fingerprints))
                jobs = list(_jobs(connection, place.root, rows, fingerprints, needs))
            yield from jobs
            if len(rows) < PAGE:
                break
            after = rows[-1].path


def count(catalog: Catalog, scope: Sequence[str] | None, fingerprints: Mapping[str, str]) -> JobCount:
    """See Library.count_jobs."""
    photos, owed = 0, dict.fromkeys((name for name in fingerprints if name != DECODE), 0)
    settled = digest(fingerprints)
    with catalog.read() as connection:
        for place in places_of(connection, scope):
            if not _unsettled(connection, place, "", settled, limit=1):  # a scan in which nothing is new
                continue
            within, values = place.condition()
            # Photos about which there is no answer at all owe every one: the many of a first scan, counted in one go.
            (fresh,) = connection.exec_driver_sql(
                f"SELECT count(*) FROM photos p WHERE {within} AND p.missing_since IS NULL AND p.answered = 0 AND p.failed = 0",
                values,
            ).one()
            photos += fresh
            for name in owed:
                owed[name] += fresh
            after = ""
            while rows := _unsettled(connection, place, after, settled, "p.answered + p.failed > 0"):
                answers = load_answers_heads(connection, [row.photo_id for row in rows])
                for row in rows:
                    owing = _owing(row.content_hash, answers.get(row.photo_id, {}), fingerprints)
                    photos += bool(owing)
                    for name in owing:
                        owed[name] += 1
                after = rows[-1].path
    return JobCount(photos if owed else 0, owed)


def count_current(connection: Connection, fingerprints: Mapping[str, str]) -> dict[str, tuple[int, int]]:
    """Tagger -> how many photos have its present answer without and with an error. Missing photos are left out."""
    counts = {}
    for name, fingerprint in fingerprints.items():
        edition = "a.tagger_id = (SELECT id FROM taggers WHERE name = ?) AND a.fingerprint_id = "
        edition += "(SELECT id FROM fingerprints WHERE fingerprint = ?)"
        values = name, fingerprint
        total, failed, hidden, hidden_failed = connection.exec_driver_sql(
            f"SELECT (SELECT count(*) FROM answers a WHERE {edition}), "
            f"(SELECT count(*) FROM answers a WHERE {edition} AND a.error IS NOT NULL), "
            "count(*), coalesce(sum(a.error IS NOT NULL), 0) "
            f"FROM photos p CROSS JOIN answers a ON a.photo_id = p.id AND {edition} "
            "WHERE p.missing_since IS NOT NULL OR p.content_hash IS NULL",
            values * 3,
        ).one()
        counts[name] = total - failed - (hidden - hidden_failed), failed - hidden_failed
    return counts


def _unsettled(connection: Connection, place: Place, after: str, settled: str, extra: str = "1", limit: int = PAGE) -> list[_Row]:
    within, values = place.condition()
    rows = connection.exec_driver_sql(
        "SELECT p.id, p.path, p.size_bytes, p.mtime_ns, p.content_hash FROM photos p "
        f"WHERE {within} AND p.path > ? AND p.settled IS NOT ? AND p.missing_since IS NULL AND {extra} "
        f"ORDER BY p.path LIMIT {limit}",
        (*values, after, settled),
    )
    return [_Row(*row) for row in rows]


def load_answers_heads(connection: Connection, photo_ids: list[int]) -> dict[int, dict[str, Answer]]:
    """As `load_answers`, without the tags."""
    found: dict[int, dict[str, Answer]] = {}
    for photo_id, tagger, *rest in ask(
        connection,
        "SELECT a.photo_id, g.name, a.id, f.fingerprint, a.content_hash, a.error FROM answers a "
        "JOIN taggers g ON g.id = a.tagger_id JOIN fingerprints f ON f.id = a.fingerprint_id "
        f"WHERE a.photo_id IN ({marks(photo_ids)})",
        photo_ids,
    ):
        found.setdefault(photo_id, {})[tagger] = Answer(*rest, ())
    return found


def _owing(content_hash: str | None, answers: Mapping[str, Answer], fingerprints: Mapping[str, str]) -> tuple[str, ...]:
    """The taggers, in the given order, that owe an answer about a photo with these answers."""

    def current(name: str) -> bool:
        answer = answers.get(name)
        return answer is not None and answer.content_hash == content_hash and answer.fingerprint == fingerprints[name]

    if content_hash is None:
        return tuple(name for name in fingerprints if name != DECODE)
    if DECODE in fingerprints and current(DECODE):
        return ()
    return tuple(name for name in fingerprints if name != DECODE and not current(name))


def _jobs(
    connection: Connection, root: str, rows: list[_Row], fingerprints: Mapping[str, str], needs: Mapping[str, Sequence[str]]
) -> Iterator[Job]:
    answers = load_answers_heads(connection, [row.photo_id for row in rows])
    owing = {row.photo_id: _owing(row.content_hash, answers.get(row.photo_id, {}), fingerprints) for row in rows}
    # Tags are read only of photos where a tagger that owes needs one that does not.
    wanted = {
        photo_id: {need for name in names for need in needs.get(name, ())} - set(names) for photo_id, names in owing.items()
    }
    known = load_answers(connection, [photo_id for photo_id, names in wanted.items() if names & answers.get(photo_id, {}).keys()])
    for row in rows:
        if not (names := owing[row.photo_id]):
            continue
        needed = {
            name: answer.tags
            for name, answer in known.get(row.photo_id, {}).items()
            if name in wanted[row.photo_id]
            and answer.error is None
            and answer.content_hash == row.content_hash
            and answer.fingerprint == fingerprints.get(name, answer.fingerprint)
        }
        file = PhotoFile(root, to_path(row.path), row.size_bytes, row.mtime_ns)
        yield Job(row.photo_id, file, names, needed)


@dataclass
class Saver:
    """Saves batches; remembers the ids of labels, taggers and fingerprints between them."""

    labels: Names = field(default_factory=lambda: Names("labels"))
    taggers: Names = field(default_factory=lambda: Names("taggers"))
    fingerprints: Names = field(default_factory=lambda: Names("fingerprints"))

    def save(
        self, catalog: Catalog, facts: Sequence[PhotoFacts], outcomes: Sequence[Outcome], fingerprints: Mapping[str, str]
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
        for names in (self.labels, self.taggers, self.fingerprints):
            names.forget()

    def _save(
        self,
        connection: Connection,
        facts: Mapping[int, PhotoFacts],
        outcomes: Sequence[Outcome],
        fingerprints: Mapping[str, str],
    ) -> None:
        new: dict[int, dict[str, Outcome]] = {photo_id: {} for photo_id in facts}
        for outcome in outcomes:
            new.setdefault(outcome.photo_id, {})[outcome.tagger] = outcome
        known = hashes(connection, list(new))
        new = {photo_id: named for photo_id, named in new.items() if photo_id in known}
        stored = {photo_id: answers for ids in chunks(new) for photo_id, answers in load_answers_heads(connection, ids).items()}
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
        self._insert_answers(connection, new, present, fingerprints)

        settled = digest(fingerprints)
        found, columns, columns_with_facts = {}, [], []
        for photo_id, named in new.items():
            good = kept.get(photo_id, {}) | {name: outcome.tags for name, outcome in named.items() if outcome.error is None}
            summary = found[photo_id] = summaries.summarise(good, corrections.get(photo_id, {}))
            answers = retained.get(photo_id, {})
            errors = [answer.error for group in (answers, named) for answer in group.values()]
            failed = len(errors) - errors.count(None)
            if present[photo_id] is None:
                owing = _owing(None, {}, fingerprints)
            elif DECODE in named:
                owing = ()
            else:  # what was answered just now is current
                owing = _owing(present[photo_id], answers, {n: f for n, f in fingerprints.items() if n not in named})
            counts = len(errors) - failed, failed, None if owing else settled
            row = (photo_id, summary.faces, summary.everyone_smiling, summary.anyone_smiling, *counts)
            if fact := facts.get(photo_id):
                columns_with_facts.append((*row, *_facts_row(fact)))
            else:
                columns.append(row)
        summaries.insert(connection, found, self.labels, self.taggers)
        put(connection, f"{_UPDATE} WHERE id = ?1", columns)
        put(connection, f"{_UPDATE}, {_FACTS} WHERE id = ?1", columns_with_facts)

    def _insert_answers(
        self,
        connection: Connection,
        new: Mapping[int, Mapping[str, Outcome]],
        present: Mapping[int, str | None],
        fingerprints: Mapping[str, str],
    ) -> None:
        outcomes = [outcome for named in new.values() for outcome in named.values()]
        if not outcomes:
            return
        tagger_ids = self.taggers.ids(connection, {outcome.tagger for outcome in outcomes})
        fingerprint_ids = self.fingerprints.ids(connection, {fingerprints[outcome.tagger] for outcome in outcomes})
        label_ids = self.labels.ids(connection, {tag.label for outcome in outcomes for tag in outcome.tags})
        # Nobody else writes in this transaction, so the next free numbers are known beforehand.
        first = 1 + (ask(connection, "SELECT max(id) FROM answers").fetchone()[0] or 0)
        rows, tag_rows = [], []
        for answer_id, outcome in enumerate(outcomes, first):
            photo_id, tagger = outcome.photo_id, outcome.tagger
            ids = tagger_ids[tagger], fingerprint_ids[fingerprints[tagger]]
            error = None if outcome.error is None else storable(outcome.error)  # it may name the file
            rows.append((answer_id, photo_id, *ids, present[photo_id], error))
            good = outcome.tags if error is None else ()  # who asks for tags need not ask for errors
            tag_rows += [tag_row(answer_id, position, label_ids[tag.label], tag) for position, tag in enumerate(good)]
        put(
            connection,
            "INSERT INTO answers (id, photo_id, tagger_id, fingerprint_id, content_hash, error) VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )
        put(connection, INSERT_TAG, tag_rows)


# One statement for each photo, so that its row is written once. The size is kept where the same bytes were decoded before and
# cannot be today; the file's date where the photo has no own.
_UPDATE = """
UPDATE photos SET faces = ?2, everyone_smiling = ?3, anyone_smiling = ?4, answered = ?5, failed = ?6, settled = ?7"""
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

"""What is owed, and the saving of what was answered.

Done means: an answer about the photo's present bytes, given by the tagger's present fingerprint,
good or bad. Which photos owe nothing is remembered in `photos.complete_for`, a digest of the
fingerprints they owe nothing to, so that a scan in which nothing is new looks at no answer at all.
`complete_for` is only a shortcut: where it does not fit, the answers are compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from phototag.library.answers import Answer, load_answers, load_answers_heads
from phototag.library.database import Catalog
from phototag.library.paths import Place, places_of, to_path
from phototag.records import Job, PhotoFile

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
    catalog: Catalog,
    scope: Sequence[str] | None,
    fingerprints: Mapping[str, str],
    needs: Mapping[str, Sequence[str]],
) -> Iterator[Job]:
    """See Library.jobs."""
    with catalog.read() as connection:
        places = places_of(connection, scope)
    for place in places:
        after = ""
        while True:
            with catalog.read() as connection:
                rows = _incomplete(connection, place, after, digest(fingerprints))
                jobs = list(_jobs(connection, place.root, rows, fingerprints, needs))
            yield from jobs
            if len(rows) < PAGE:
                break
            after = rows[-1].path


def count(catalog: Catalog, scope: Sequence[str] | None, fingerprints: Mapping[str, str]) -> JobCount:
    """See Library.count_jobs."""
    photos, owed = 0, dict.fromkeys((name for name in fingerprints if name != DECODE), 0)
    complete_for = digest(fingerprints)
    with catalog.read() as connection:
        for place in places_of(connection, scope):
            if not _incomplete(
                connection, place, "", complete_for, limit=1
            ):  # a scan in which nothing is new
                continue
            within, values = place.condition()
            # Photos about which there is no answer at all owe every one: the many of a first scan,
            # counted in one go.
            (fresh,) = connection.exec_driver_sql(
                f"SELECT count(*) FROM photos p WHERE {within} AND p.missing_since IS NULL AND p.answered = 0 AND p.failed = 0",
                values,
            ).one()
            photos += fresh
            for name in owed:
                owed[name] += fresh
            after = ""
            while rows := _incomplete(connection, place, after, complete_for, "p.answered + p.failed > 0"):
                answers = load_answers_heads(connection, [row.photo_id for row in rows])
                for row in rows:
                    owing = _owing(row.content_hash, answers.get(row.photo_id, {}), fingerprints)
                    photos += bool(owing)
                    for name in owing:
                        owed[name] += 1
                after = rows[-1].path
    return JobCount(photos if owed else 0, owed)


def count_current(connection: Connection, fingerprints: Mapping[str, str]) -> dict[str, tuple[int, int]]:
    """Tagger -> how many photos have its present answer without and with an error. Missing photos
    are left out."""
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


def _incomplete(
    connection: Connection, place: Place, after: str, complete_for: str, extra: str = "1", limit: int = PAGE
) -> list[_Row]:
    within, values = place.condition()
    rows = connection.exec_driver_sql(
        "SELECT p.id, p.path, p.size_bytes, p.mtime_ns, p.content_hash FROM photos p "
        f"WHERE {within} AND p.path > ? AND p.complete_for IS NOT ? AND p.missing_since IS NULL AND {extra} "
        f"ORDER BY p.path LIMIT {limit}",
        (*values, after, complete_for),
    )
    return [_Row(*row) for row in rows]


def _owing(
    content_hash: str | None, answers: Mapping[str, Answer], fingerprints: Mapping[str, str]
) -> tuple[str, ...]:
    """The taggers, in the given order, that owe an answer about a photo with these answers."""

    def current(name: str) -> bool:
        answer = answers.get(name)
        return (
            answer is not None
            and answer.content_hash == content_hash
            and answer.fingerprint == fingerprints[name]
        )

    if content_hash is None:
        return tuple(name for name in fingerprints if name != DECODE)
    if DECODE in fingerprints and current(DECODE):
        return ()
    return tuple(name for name in fingerprints if name != DECODE and not current(name))


def _jobs(
    connection: Connection,
    root: str,
    rows: list[_Row],
    fingerprints: Mapping[str, str],
    needs: Mapping[str, Sequence[str]],
) -> Iterator[Job]:
    answers = load_answers_heads(connection, [row.photo_id for row in rows])
    owing = {
        row.photo_id: _owing(row.content_hash, answers.get(row.photo_id, {}), fingerprints) for row in rows
    }
    # Tags are read only of photos where a tagger that owes needs one that does not.
    wanted = {
        photo_id: {need for name in names for need in needs.get(name, ())} - set(names)
        for photo_id, names in owing.items()
    }
    known = load_answers(
        connection,
        [photo_id for photo_id, names in wanted.items() if names & answers.get(photo_id, {}).keys()],
    )
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

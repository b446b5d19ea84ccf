"""Which photos lack which answers.

Done means: an answer about the photo's present bytes, given by the tagger's present fingerprint,
good or bad. Which photos lack none is remembered in `photos.complete_for`, a digest of the
fingerprints whose answers they have, so that a scan in which nothing is new looks at no answer at
all. `complete_for` is only a shortcut: where it does not fit, the answers are compared."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, exists, func, literal_column, or_, select, update

from phototag.library.address import Address
from phototag.library.answers import Answer, chunks, load_answers
from phototag.library.database import Catalog
from phototag.library.metadata import sidecars_of
from phototag.library.names import find_ids
from phototag.library.paths import Place, places_of, roots_of, to_path
from phototag.library.tables import answers, photos, taggers
from phototag.library.tables import fingerprints as fingerprint_rows
from phototag.records import Job, PhotoFile

DECODE = "decode"  # the pseudo-tagger under whose name a photo that cannot be decoded has its one answer
PAGE = 500  # jobs looked up at a time: a short read, and nothing stays open while the caller saves

# Nobody has looked at the photo. The zeros stand in the statement: bound, no partial index would serve.
_WITHOUT_ANSWERS = and_(photos.c.answered == literal_column("0"), photos.c.failed == literal_column("0"))


@dataclass(frozen=True)
class JobCount:
    """Photos that lack an answer, and for each tagger how many lack its own. `unmarked`: photos that lack
    none, which nothing remembers yet: see mark_complete."""

    photos: int = 0
    taggers: Mapping[str, int] = field(default_factory=dict)
    unmarked: int = 0


class Jobs:
    """The photos that lack answers: see Library.jobs. Each iteration reads the catalog anew."""

    def __init__(
        self,
        catalog: Catalog,
        scope: Sequence[str] | None,
        fingerprints: Mapping[str, str],
        needs: Mapping[str, Sequence[str]],
    ) -> None:
        self._catalog = catalog
        self._scope = scope
        self._fingerprints = fingerprints
        self._needs = needs

    def __iter__(self) -> Iterator[Job]:
        with self._catalog.read() as connection:
            places = places_of(connection, self._scope)
        for place in places:
            after = ""
            while True:
                with self._catalog.read() as connection:
                    page = _incomplete_photos(connection, place, after, digest(self._fingerprints))
                    jobs = list(_jobs(connection, place, page, self._fingerprints, self._needs))
                yield from jobs
                if len(page) < PAGE:
                    break
                after = page[-1].path

    @property
    def address(self) -> Address:
        """Where another process finds the catalog, with Library.open."""
        return self._catalog.address

    def photo_ids(self) -> array[int]:
        """Of the photos that may lack answers, in the same order; 8 bytes each."""
        found = array("q")
        with self._catalog.read() as connection:
            for place in places_of(connection, self._scope):
                statement = (
                    select(photos.c.id)
                    .where(_may_lack_answers(place.within(photos), digest(self._fingerprints)))
                    .order_by(photos.c.path)
                )
                found.extend(connection.execute(statement).scalars())
        return found


class _Photo(NamedTuple):
    id: int
    path: str
    size_bytes: int
    mtime_ns: int
    content_hash: str | None


_SELECT_PHOTOS = select(*(photos.c[name] for name in _Photo._fields))


def digest(fingerprints: Mapping[str, str]) -> str:
    """One short text for a set of taggers and their fingerprints."""
    return hashlib.blake2b(repr(sorted(fingerprints.items())).encode(), digest_size=8).hexdigest()


def find_some(
    catalog: Catalog,
    photo_ids: Collection[int],
    fingerprints: Mapping[str, str],
    needs: Mapping[str, Sequence[str]],
) -> list[Job]:
    """See Library.jobs_of."""
    found: list[Job] = []
    with catalog.read() as connection:
        for root, root_id in roots_of(connection).items():
            place = Place(root_id, root, "")
            for some in chunks(photo_ids):
                here = _may_lack_answers(place.within(photos), digest(fingerprints))
                statement = _SELECT_PHOTOS.where(here, photos.c.id.in_(some)).order_by(photos.c.path)
                page = [_Photo(*row) for row in connection.execute(statement)]
                found += _jobs(connection, place, page, fingerprints, needs)
    return found


def count(catalog: Catalog, scope: Sequence[str] | None, fingerprints: Mapping[str, str]) -> JobCount:
    """See Library.count_jobs."""
    total, unmarked, lacking = 0, 0, dict.fromkeys((name for name in fingerprints if name != DECODE), 0)
    complete_for = digest(fingerprints)
    with catalog.read() as connection:
        for place in places_of(connection, scope):
            if not _incomplete_photos(connection, place, "", complete_for, limit=1):
                continue  # the usual scan, in which nothing is new
            # Photos without any answer lack every one: the many of a first scan, counted in one go.
            here = place.within(photos), photos.c.missing_since.is_(None)
            fresh = connection.scalar(select(func.count()).where(*here, _WITHOUT_ANSWERS)) or 0
            total += fresh
            for name in lacking:
                lacking[name] += fresh
            after = ""
            while page := _incomplete_photos(connection, place, after, complete_for, ~_WITHOUT_ANSWERS):
                known = load_answers(connection, [photo.id for photo in page], with_tags=False)
                for photo in page:
                    names = pending(photo.content_hash, known.get(photo.id, {}), fingerprints)
                    total += bool(names)
                    unmarked += not names
                    for name in names:
                        lacking[name] += 1
                after = page[-1].path
    return JobCount(total if lacking else 0, lacking, unmarked)


def mark_complete(catalog: Catalog, scope: Sequence[str] | None, fingerprints: Mapping[str, str]) -> None:
    """Remember of the photos that lack nothing that they do: their answers were saved under other
    fingerprints of other taggers, or of decoding."""
    complete_for = digest(fingerprints)
    with catalog.read() as connection:
        places = places_of(connection, scope)
    for place in places:
        after = ""
        while True:
            with catalog.write() as connection:
                page = _incomplete_photos(connection, place, after, complete_for, ~_WITHOUT_ANSWERS)
                known = load_answers(connection, [photo.id for photo in page], with_tags=False)
                complete = [
                    photo.id
                    for photo in page
                    if not pending(photo.content_hash, known.get(photo.id, {}), fingerprints)
                ]
                statement = update(photos).where(photos.c.id.in_(complete))
                connection.execute(statement.values(complete_for=complete_for))
            if len(page) < PAGE:
                break
            after = page[-1].path


def count_current(connection: Connection, fingerprints: Mapping[str, str]) -> dict[str, tuple[int, int]]:
    """Tagger -> how many photos have its present answer without and with an error. Photos that are
    missing, or could not be read when last seen, are left out."""
    tagger_ids = find_ids(connection, taggers.c.name, fingerprints.keys())
    fingerprint_ids = find_ids(connection, fingerprint_rows.c.fingerprint, {*fingerprints.values()})
    left_out = or_(photos.c.missing_since.is_not(None), photos.c.content_hash.is_(None))

    def count_rows(*conditions: ColumnElement[bool]) -> int:
        # All answers along an index of theirs, less those of the few photos that are left out.
        every = select(func.count()).select_from(answers).where(*conditions)
        hidden = exists().where(answers.c.photo_id == photos.c.id, *conditions)
        of_others = select(func.count()).select_from(photos).where(left_out, hidden)
        return (connection.scalar(every) or 0) - (connection.scalar(of_others) or 0)

    counts = {}
    for name, fingerprint in fingerprints.items():
        current = and_(
            answers.c.tagger_id == tagger_ids.get(name),
            answers.c.fingerprint_id == fingerprint_ids.get(fingerprint),
        )
        failed = count_rows(current, answers.c.error.is_not(None))
        counts[name] = count_rows(current) - failed, failed
    return counts


def pending(
    content_hash: str | None, known: Mapping[str, Answer], fingerprints: Mapping[str, str]
) -> tuple[str, ...]:
    """The taggers, in the given order, whose answer is lacking about a photo with these answers."""

    def is_current(name: str) -> bool:
        answer = known.get(name)
        return (
            answer is not None
            and answer.content_hash == content_hash
            and answer.fingerprint == fingerprints[name]
        )

    if content_hash is None:
        return tuple(name for name in fingerprints if name != DECODE)
    if DECODE in fingerprints and is_current(DECODE):
        return ()
    return tuple(name for name in fingerprints if name != DECODE and not is_current(name))


def _may_lack_answers(here: ColumnElement[bool], complete_for: str) -> ColumnElement[bool]:
    return and_(here, photos.c.missing_since.is_(None), photos.c.complete_for.is_distinct_from(complete_for))


def _incomplete_photos(
    connection: Connection,
    place: Place,
    after: str,
    complete_for: str,
    *conditions: ColumnElement[bool],
    limit: int = PAGE,
) -> Sequence[_Photo]:
    """The next photos by path that may lack an answer."""
    statement = (
        _SELECT_PHOTOS.where(_may_lack_answers(place.within(photos), complete_for), photos.c.path > after)
        .where(*conditions)
        .order_by(photos.c.path)
        .limit(limit)
    )
    return [_Photo(*row) for row in connection.execute(statement)]


def _jobs(
    connection: Connection,
    place: Place,
    page: Sequence[_Photo],
    fingerprints: Mapping[str, str],
    needs: Mapping[str, Sequence[str]],
) -> Iterator[Job]:
    heads = load_answers(connection, [photo.id for photo in page], with_tags=False)
    lacking = {photo.id: pending(photo.content_hash, heads.get(photo.id, {}), fingerprints) for photo in page}
    # Tags are read only of photos where a tagger that will run needs one that will not.
    wanted = {
        photo_id: {need for name in names for need in needs.get(name, ())} - set(names)
        for photo_id, names in lacking.items()
    }
    known = load_answers(
        connection, [photo_id for photo_id, names in wanted.items() if names & heads.get(photo_id, {}).keys()]
    )
    beside = sidecars_of(connection, place.root_id, [photo.path for photo in page])
    for photo in page:
        if not (names := lacking[photo.id]):
            continue
        needed = {
            name: answer.tags
            for name, answer in known.get(photo.id, {}).items()
            if name in wanted[photo.id]
            and answer.error is None
            and answer.content_hash == photo.content_hash
            and answer.fingerprint == fingerprints.get(name, answer.fingerprint)
        }
        file = PhotoFile(place.root, to_path(photo.path), photo.size_bytes, photo.mtime_ns)
        yield Job(photo.id, file, names, needed, beside.get(photo.path, ()))

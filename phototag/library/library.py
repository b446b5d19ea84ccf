"""`Library`: the catalog as the rest of the program sees it. Records in, records out; no SQL leaves
this package."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from phototag.errors import CatalogError, UsageError
from phototag.library import albums, folder_stamps, jobs, photos, search, summaries
from phototag.library.albums import Album
from phototag.library.answers import OBJECTS, chunks, edition_of, known_detectors, marks
from phototag.library.database import Catalog, ask, open_catalog
from phototag.library.jobs import DECODE, JobCount
from phototag.library.labels import LabelCount
from phototag.library.names import storable
from phototag.library.paths import (
    join,
    place_of,
    places_of,
    roots_of,
    to_path,
    to_text,
)
from phototag.library.reconcile import Reconciled, reconcile
from phototag.library.relocate import relocate
from phototag.library.save import Saver
from phototag.library.status import Status, TaggerStatus
from phototag.query.terms import DEFAULT_SCORE, Query
from phototag.records import FolderStamp, Job, Member, Outcome, Photo, PhotoFacts, PhotoFile, PhotoLine
from phototag.smiling import SMILE_THRESHOLD


class Library:
    """A catalog of photos. `with Library.open() as library: ...`"""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._saver = Saver()

    @classmethod
    def open(cls, path: Path | str | None = None, *, create: bool = True) -> Library:
        """Open the catalog at `path`, or the one that PHOTOTAG_DB names, or the user's own; make it
        where there is none (unless not `create`), upgrade it (after a copy aside) where it is
        older. Raises CatalogError."""
        path = Path(path or os.environ.get("PHOTOTAG_DB") or _users_own())
        return cls(open_catalog(path, create=create))

    @property
    def path(self) -> Path:
        """The catalog's file."""
        return self._catalog.path

    def close(self) -> None:
        self._catalog.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def reconcile(
        self,
        roots: Sequence[str],
        files: Iterable[PhotoFile],
        *,
        hash_file: Callable[[PhotoFile], str | None],
        dry_run: bool = False,
        unreadable: Sequence[tuple[str, str]] = (),
        stamps: Mapping[str, FolderStamp | None] | None = None,
        unchanged: Mapping[str, int] | None = None,
        always_save_stamps: bool = True,
    ) -> Reconciled:
        """Bring the photos in line with the files that were found.

        `roots`: the absolute folders that were walked as a whole: a known photo in them that is not
        among `files` is missing. `files` may hold single files besides. `hash_file` gives the
        content hash of a file, None where it cannot be read; it is called for changed files, and
        for new ones that may be known under another path. `unreadable`: (path, reason) of folders
        and files that could not be looked at: nothing below them is called missing. `unchanged`:
        folder -> its number of photos, where these are the known ones, as they were, and not among
        `files`. `stamps`: folder -> stamp, for `folder_stamps` once all is done. These three are
        read when `files` has ended (they are those of the `Walk`). Without `always_save_stamps`, those
        that only say more of the same are stored together with other news alone. `dry_run` writes
        nothing. Writes in batches: what an interruption leaves is consistent."""
        return reconcile(
            self._catalog,
            roots,
            files,
            hash_file,
            unreadable=unreadable,
            stamps={} if stamps is None else stamps,  # filled while the files are taken
            unchanged={} if unchanged is None else unchanged,
            always_save_stamps=always_save_stamps,
            dry_run=dry_run,
        )

    def folder_stamps(self, scope: Sequence[str]) -> dict[str, FolderStamp | None]:
        """Absolute folder -> its stamp at the last complete scan, of these folders and all below
        that were walked."""
        return folder_stamps.find(self._catalog, scope)

    def jobs(
        self,
        scope: Sequence[str] | None,
        fingerprints: Mapping[str, str],
        needs: Mapping[str, Sequence[str]] | None = None,
    ) -> Iterator[Job]:
        """The photos that lack answers, by path, each with the taggers that owe one (in the order
        of `fingerprints`).

        `scope`: absolute folders and files; None for the whole catalog. `fingerprints`: tagger ->
        fingerprint, with that of the decoding under 'decode'. `needs`: tagger -> those whose
        answers it reads; a job carries these answers where they are there (one that failed is not).
        Missing photos are no jobs. Saving meanwhile is fine."""
        return jobs.find(self._catalog, scope, fingerprints, needs or {})

    def count_jobs(self, scope: Sequence[str] | None, fingerprints: Mapping[str, str]) -> JobCount:
        """How many jobs there are, and for each tagger how many answers are owed."""
        return jobs.count(self._catalog, scope, fingerprints)

    def save(
        self, facts: Sequence[PhotoFacts], outcomes: Sequence[Outcome], fingerprints: Mapping[str, str]
    ) -> None:
        """Store one batch in one transaction: what decoding learned, and the answers, in place of
        earlier ones by the same taggers. `fingerprints`: as given to `jobs`, all of them. Outcomes
        of photos without facts are about the bytes the catalog knows."""
        self._saver.save(self._catalog, facts, outcomes, fingerprints)

    # -- asking

    def photos(
        self,
        query: Query | None = None,
        *,
        sort: str = "taken",
        limit: int | None = None,
        descending: bool = False,
    ) -> Iterator[Photo]:
        """The photos that fit, all there is to know of each.

        `sort`: 'taken' (oldest first), 'path', 'smile' (best first: the least smile among those
        that count), 'relevance' (largest and surest first, by the first label asked for; 'taken'
        where there is none); `descending` turns it round. Missing photos are found only by a query
        that asks for `missing`."""
        query = query or Query()
        load = partial(photos.load, smile_threshold=query.smile_threshold)
        return photos.stream(self._catalog, self._finder(query, sort, limit, descending), load)

    def lines(
        self,
        query: Query | None = None,
        *,
        sort: str = "taken",
        limit: int | None = None,
        descending: bool = False,
    ) -> Iterator[PhotoLine]:
        """The photos that fit, sorted as by `photos`, of each what a line about it tells."""
        query = query or Query()
        load = partial(photos.load_lines, smile_threshold=query.smile_threshold)
        return photos.stream(self._catalog, self._finder(query, sort, limit, descending), load)

    def paths(
        self,
        query: Query | None = None,
        *,
        sort: str = "taken",
        limit: int | None = None,
        descending: bool = False,
    ) -> Iterator[str]:
        """The absolute paths of the photos that fit, sorted as by `photos`."""
        return photos.stream(
            self._catalog, self._finder(query or Query(), sort, limit, descending), photos.load_paths
        )

    def count(self, query: Query | None = None) -> int:
        """How many photos fit."""
        with self._catalog.read() as connection:
            return search.count(connection, query or Query())

    def photo(self, path: str | Path, *, smile_threshold: float = SMILE_THRESHOLD) -> Photo | None:
        """The photo at this path, None where the catalog does not know it."""
        with self._catalog.read() as connection:
            photo_id = _photo_id(connection, os.fspath(path))
            return photos.load(connection, [photo_id], smile_threshold)[0] if photo_id is not None else None

    def _finder(
        self, query: Query, sort: str, limit: int | None, descending: bool
    ) -> Callable[[Connection], list[int]]:
        return lambda connection: search.find_ids(connection, query, sort, limit, descending)

    def known_labels(self) -> list[str]:
        """The labels that some photo has."""
        with self._catalog.read() as connection:
            return list(
                connection.exec_driver_sql(
                    "SELECT name FROM labels l WHERE EXISTS (SELECT 1 FROM photo_labels p WHERE p.label_id = l.id) ORDER BY name"
                ).scalars()
            )

    def labels(
        self, least_score: float = DEFAULT_SCORE, thresholds: Mapping[str, float] | None = None
    ) -> list[LabelCount]:
        """Every label that some photo shows with at least this score, or the one that `thresholds`
        has for it; the most frequent first."""
        with self._catalog.read() as connection:
            by_score: dict[float, list[int]] = {}
            names = dict(ask(connection, "SELECT id, name FROM labels").fetchall())
            for label_id, name in names.items():
                by_score.setdefault((thresholds or {}).get(name, least_score), []).append(label_id)
            rows = [
                (number, names[label_id], tagger)
                for score, all_ids in by_score.items()
                for ids in chunks(all_ids)
                for label_id, tagger, number in ask(
                    connection,
                    "SELECT s.label_id, coalesce(g.name, 'you'), count(*) FROM photo_labels s "
                    f"LEFT JOIN taggers g ON g.id = s.tagger_id WHERE s.label_id IN ({marks(ids)}) AND s.score >= ? "
                    "AND s.photo_id NOT IN (SELECT id FROM photos WHERE missing_since IS NOT NULL) GROUP BY s.label_id, s.tagger_id",
                    (*ids, score),
                )
            ]
        counts: dict[str, int] = {}
        source: dict[str, str] = {}
        for number, label, tagger in sorted(rows, key=lambda row: (-row[0], row[1:])):
            counts[label] = counts.get(label, 0) + number
            source.setdefault(label, tagger)
        return [
            LabelCount(label, counts[label], source[label])
            for label in sorted(counts, key=lambda k: (-counts[k], k))
        ]

    def detectors(self) -> list[str]:
        """The names of the weights that found the things of some photo."""
        with self._catalog.read() as connection:
            return sorted(name for name in known_detectors(connection) if name)

    def failures(self, scope: Sequence[str] | None = None) -> Iterator[tuple[str, str, str]]:
        """(absolute path, tagger, error) of every answer that is an error, by path; 'decode' where
        a photo cannot be read. `scope`: absolute folders and files; None for the whole catalog."""
        with self._catalog.read() as connection:
            for place in places_of(connection, scope):
                within, values = place.condition()
                for path, tagger, error in connection.exec_driver_sql(
                    "SELECT p.path, g.name, a.error FROM photos p INDEXED BY ix_photos_failed "
                    "CROSS JOIN answers a ON a.photo_id = p.id "
                    f"JOIN taggers g ON g.id = a.tagger_id WHERE p.failed > 0 AND {within} AND p.missing_since IS NULL "
                    "AND a.error IS NOT NULL ORDER BY p.path, a.id",
                    values,
                ):
                    yield join(place.root, to_path(path)), tagger, error

    def status(self, fingerprints: Mapping[str, str] | None = None) -> Status:
        """Counts for the whole catalog, for each tagger of `fingerprints` too."""
        fingerprints = fingerprints or {}
        with self._catalog.read() as connection:
            (total,) = connection.exec_driver_sql("SELECT count(*) FROM photos").one()
            (missing,) = connection.exec_driver_sql(
                "SELECT count(*) FROM photos WHERE missing_since IS NOT NULL"
            ).one()
            current = jobs.count_current(connection, fingerprints)
            detectors: dict[str, int] = {}
            for fingerprint, number in connection.exec_driver_sql(
                "SELECT f.fingerprint, count(*) FROM answers a JOIN fingerprints f ON f.id = a.fingerprint_id "
                f"WHERE a.tagger_id = {OBJECTS} GROUP BY a.fingerprint_id"
            ):
                if name := edition_of(fingerprint):
                    detectors[name] = detectors.get(name, 0) + number
        owed = jobs.count(self._catalog, None, fingerprints).taggers if fingerprints else {}
        unreadable = current.get(DECODE, (0, 0))[1]
        taggers = {
            name: TaggerStatus(current[name][0], owed.get(name, 0), current[name][1])
            for name in fingerprints
            if name != DECODE
        }
        size_bytes = sum(
            file.stat().st_size
            for file in (self.path, self.path.with_name(f"{self.path.name}-wal"))
            if file.exists()
        )
        return Status(self.path, size_bytes, total, missing, unreadable, taggers, detectors)

    # -- the user's own word

    def correct(self, path: str | Path, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Say what is in a photo and what is not; no scan overrides it. Raises CatalogError for a
        photo that is not in the catalog, UsageError for an empty label or one that is both added
        and removed."""
        words = [(label.strip(), True) for label in add] + [(label.strip(), False) for label in remove]
        if unspeakable := next((label for label, _ in words if storable(label) != label), None):
            raise UsageError(f"{storable(unspeakable)} is not valid text; type the label again")
        if any(not label for label, _ in words):
            raise UsageError(
                "a label needs at least one letter; type for example: phototag tag PHOTO +grandma"
            )
        both = {label for label, present in words if present} & {
            label for label, present in words if not present
        }
        if both:
            raise UsageError(f"{sorted(both)[0]!r} is both added and removed; say one of the two")
        try:
            with self._catalog.write() as connection:
                photo_id = _photo_id(connection, os.fspath(path))
                if photo_id is None:
                    raise CatalogError(
                        f"{path} is not in the catalog. Look at it first: phototag scan FOLDER"
                    )
                summaries.forget(connection, [photo_id])
                known = connection.exec_driver_sql("SELECT name FROM labels ORDER BY id DESC").scalars()
                spelling = {name.casefold(): name for name in known}  # +Dog means the dog that taggers see
                words = [(spelling.get(label.casefold(), label), present) for label, present in words]
                ids = self._saver.labels.ids(connection, {label for label, _ in words})
                if words:
                    connection.exec_driver_sql(
                        "INSERT INTO corrections (photo_id, label_id, present) VALUES (?, ?, ?) "
                        "ON CONFLICT (photo_id, label_id) DO UPDATE SET present = excluded.present",
                        [(photo_id, ids[label], int(present)) for label, present in words],
                    )
                summaries.compute_again(connection, [photo_id], self._saver.labels, self._saver.taggers)
        except BaseException:
            self._saver.forget()
            raise

    # -- places

    def relocate(self, old: str | Path, new: str | Path) -> int:
        """Tell the catalog that the folder `old` has become `new`, in which the photos lie as
        before; returns how many. Nothing is tagged again. Raises CatalogError where there is no
        such folder, or where photos would collide."""
        with self._catalog.write() as connection:
            return relocate(connection, os.path.abspath(old), os.path.abspath(new))

    # -- albums

    def save_album(self, name: str, theme: str, members: Sequence[Member], query_text: str) -> None:
        """Store an album; one of the same name is replaced."""
        with self._catalog.write() as connection:
            albums.save(connection, name, theme, members, query_text)

    def albums(self) -> list[Album]:
        """Every album, by name."""
        with self._catalog.read() as connection:
            return albums.find_all(connection)

    def album(
        self, name: str, *, smile_threshold: float = SMILE_THRESHOLD
    ) -> tuple[Album, list[tuple[Photo, Member]]]:
        """One album and its photos in order. Raises CatalogError where there is none of this name."""
        with self._catalog.read() as connection:
            album, members = albums.find(connection, name)
            ids = [member.photo_id for member in members]
            found = [
                photo for some in chunks(ids) for photo in photos.load(connection, some, smile_threshold)
            ]
        return album, list(zip(found, members, strict=True))

    def delete_album(self, name: str) -> None:
        """Forget an album; what was made of it on disk stays. Raises CatalogError where there is none
        of this name."""
        with self._catalog.write() as connection:
            albums.remove(connection, name)


def _users_own() -> Path:
    from platformdirs import user_data_dir

    return Path(user_data_dir("phototag", appauthor=False), "catalog.db")


def _photo_id(connection: Connection, path: str) -> int | None:
    place = place_of(roots_of(connection), os.path.abspath(path))
    if place is None:
        return None
    values = place.root_id, to_text(place.path)
    return connection.exec_driver_sql("SELECT id FROM photos WHERE root_id = ? AND path = ?", values).scalar()

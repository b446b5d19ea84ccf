"""`Library`: the catalog as the rest of the program sees it. Records in, records out; no SQL leaves
this package."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, select

from phototag.asking import ask
from phototag.errors import CatalogError, StorageError, UnreadablePhoto, UsageError
from phototag.library import (
    albums,
    answers,
    corrections,
    embeddings,
    facets,
    failures,
    folder_stamps,
    forget,
    grid,
    group_names,
    jobs,
    journal,
    labels,
    metadata,
    perceptual_hashes,
    persons,
    photo_updates,
    photos,
    pixel_hashes,
    places,
    search,
    status,
    summaries,
    tables,
    tagging,
)
from phototag.library.address import is_same, read_address
from phototag.library.albums import Album
from phototag.library.answers import chunks
from phototag.library.copy import Copied, copy
from phototag.library.database import Catalog, open_catalog, open_other
from phototag.library.facets import Facet
from phototag.library.forget import Forgotten
from phototag.library.grid import Shapes
from phototag.library.jobs import JobCount, Jobs
from phototag.library.journal import Entry
from phototag.library.labels import LabelCount, read_words
from phototag.library.merge import Merged, merge
from phototag.library.paths import as_known, join, place_of, roots_of, to_path, to_text
from phototag.library.persons import PersonCount, read_name
from phototag.library.reconcile import Reconciled, reconcile
from phototag.library.relocate import relocate
from phototag.library.save import save
from phototag.library.status import Status
from phototag.metadata.beside import Sidecar
from phototag.query.terms import Query, fold
from phototag.records import (
    Box,
    FileFacts,
    Fingerprint,
    FolderStamp,
    Job,
    Member,
    Outcome,
    Photo,
    PhotoFacts,
    PhotoFile,
    PhotoLine,
    Reread,
)
from phototag.smiling import SMILE_THRESHOLD
from phototag.storage.address import absolute

if TYPE_CHECKING:
    from phototag.library.forget_people import ForgottenPeople
    from phototag.library.group_words import Named
    from phototag.library.groups import PersonGroup, Suggestion
    from phototag.library.regroup import Grouping

# Tagger -> fingerprint; a plain text is one without a choice of weights.
Fingerprints = Mapping[str, Fingerprint | str]
# What is asked: as one line, as terms one by one, or parsed; None asks for every photo.
Question = str | Sequence[str] | Query | None
Paths = str | Path | Iterable[str | Path]  # of one photo, or of several


class Library:
    """A catalog of photos. `with Library.open() as library: ...`"""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    @classmethod
    def open(
        cls,
        path: Path | str | URL | None = None,
        *,
        create: bool = True,
        on_message: Callable[[str], None] | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Library:
        """Open the catalog at `path`, or the one that PHOTOTAG_DB names, or the user's own; make it
        where there is none (unless not `create`), upgrade it (after a copy aside) where it is older,
        which `on_message` is told before: it may take a minute. `path` is a file, or the URL of a
        PostgreSQL database, postgresql+psycopg://user@host/photos, which has to be there.

        Where the rules of phototag.smiling have changed since, who smiles is decided again from the
        stored scores: seconds per 100,000 photos, of which `on_progress(photos done, photos in all)`
        is told. Raises CatalogError."""
        address = read_address(path or os.environ.get("PHOTOTAG_DB") or _users_own())
        catalog = open_catalog(address, create=create, on_message=on_message)
        try:
            summaries.bring_up_to_date(catalog, on_progress)
        except BaseException:
            catalog.close()
            raise
        return cls(catalog)

    @property
    def path(self) -> Path | None:
        """The catalog's file; None where it is on a server."""
        return self._catalog.path

    @property
    def name(self) -> str:
        """The catalog as it is shown: its file's path, or its database's URL without a password."""
        return self._catalog.name

    def change_mark(self) -> str:
        """Changes with whatever is written into the catalog, by whichever process."""
        return self._catalog.change_mark()

    def limit_cache(self, kib: int) -> None:
        """Keep so many KiB of the catalog in memory for each thread that asks, instead of 64 MiB: for a
        process that lives long."""
        self._catalog.limit_cache(kib)

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
        read_facts: Callable[[PhotoFile], FileFacts | None] | None = None,
        dry_run: bool = False,
        unreadable: Sequence[tuple[str, str]] = (),
        stamps: Mapping[str, FolderStamp | None] | None = None,
        unchanged: Mapping[str, int] | None = None,
        sidecars: Mapping[str, Sequence[Sidecar]] | None = None,
        always_save_stamps: bool = True,
        verify: bool = False,
    ) -> Reconciled:
        """Bring the photos in line with the files that were found.

        `roots`: the absolute folders that were walked as a whole: a known photo in them that is not
        among `files` is missing. `files` may hold single files besides. `hash_file` gives the
        content hash of a file, None where it cannot be read; it is called for changed files, and
        for new ones that may be known under another path. `read_facts` reads besides what tells a
        photo whose metadata another program has written; None where the file cannot be read, and
        without it only equal bytes tell. `unreadable`: (path, reason) of folders
        and files that could not be looked at: nothing below them is called missing. `unchanged`:
        folder -> its number of photos, where these are the known ones, as they were, and not among
        `files`. `stamps`: folder -> stamp, for `folder_stamps` once all is done. These are
        read when `files` has ended, and so are `sidecars`: folder -> the files in it that may speak of its
        photos, of folders that are not as they were (they are those of the `Walk`). Without
        `always_save_stamps`, stamps that only say more of the same are stored together with other news
        alone. `dry_run` writes
        nothing. `verify` hashes every file that is known, whatever its size and times say; `files` have
        to be all then. Writes in batches: what an interruption leaves is consistent."""
        return reconcile(
            self._catalog,
            roots,
            files,
            hash_file,
            read_facts,
            unreadable=unreadable,
            stamps={} if stamps is None else stamps,  # filled while the files are taken
            unchanged={} if unchanged is None else unchanged,
            sidecars={} if sidecars is None else sidecars,
            always_save_stamps=always_save_stamps,
            dry_run=dry_run,
            verify=verify,
        )

    def folder_stamps(self, scope: Sequence[str]) -> dict[str, FolderStamp | None]:
        """Absolute folder -> its stamp at the last complete scan, of these folders and all below
        that were walked."""
        return folder_stamps.find(self._catalog, scope)

    def count_without_pixel_hash(self, scope: Sequence[str] | None) -> int:
        """How many photos `without_pixel_hash` gives."""
        return pixel_hashes.count_lacking(self._catalog, scope)

    def without_pixel_hash(self, scope: Sequence[str] | None) -> Iterator[list[tuple[int, str, str]]]:
        """(photo id, absolute path, content hash) of photos of these folders and files (None: all) that
        were stored before phototag hashed compressed pixels; some hundred at a time."""
        return pixel_hashes.find_lacking(self._catalog, scope)

    def save_pixel_hashes(self, found: Mapping[int, tuple[str, str]]) -> None:
        """Photo id -> the content hash of the bytes that were read, and the hash of the pixels in them."""
        pixel_hashes.save(self._catalog, found)

    def metadata_jobs(self, scope: Sequence[str] | None) -> Iterator[list[Job]]:
        """The known photos of these folders and files (None: all) whose metadata are to be read again:
        bytes, place, a file beside them or the rules of reading are new. Pages of jobs without taggers,
        for `save_metadata`."""
        return metadata.due(self._catalog, scope)

    def count_metadata_jobs(self, scope: Sequence[str] | None) -> int:
        """How many photos `metadata_jobs` gives."""
        return metadata.count_due(self._catalog, scope)

    def make_metadata_due(self, scope: Sequence[str] | None = None) -> None:
        """Have `metadata_jobs` give every photo of these folders and files; without `scope`, every photo
        of the catalog if its metadata were read by other rules than today's."""
        if scope is None:
            metadata.note_rules(self._catalog)
            return
        with self._catalog.write() as connection:
            metadata.make_due(connection, scope)

    def save_metadata(self, read: Sequence[Reread]) -> None:
        """Store what the files of known photos, and those beside them, say."""
        with self._catalog.write() as connection:
            metadata.save(connection, read)

    def jobs(
        self,
        scope: Sequence[str] | None,
        fingerprints: Fingerprints,
        needs: Mapping[str, Sequence[str]] | None = None,
    ) -> Jobs:
        """The photos that lack answers, by path, each with the taggers whose answer is missing (in the order
        of `fingerprints`).

        `scope`: absolute folders and files; None for the whole catalog. `fingerprints`: tagger ->
        fingerprint, with that of the decoding under 'decode'. `needs`: tagger -> those whose
        answers it reads; a job carries these answers where they are there (one that failed is not).
        Missing photos are skipped. Saving meanwhile is fine."""
        return Jobs(self._catalog, scope, _texts(fingerprints), needs or {})

    def jobs_of(
        self,
        photo_ids: Collection[int],
        fingerprints: Fingerprints,
        needs: Mapping[str, Sequence[str]] | None = None,
    ) -> list[Job]:
        """Those of the `jobs` that are about these photos."""
        return jobs.find_some(self._catalog, photo_ids, _texts(fingerprints), needs or {})

    def count_jobs(self, scope: Sequence[str] | None, fingerprints: Fingerprints) -> JobCount:
        """How many jobs there are, and for each tagger how many answers are missing."""
        return jobs.count(self._catalog, scope, _texts(fingerprints))

    def mark_complete(self, scope: Sequence[str] | None, fingerprints: Fingerprints) -> None:
        """Remember which photos lack no answer, so that the next count need not compare them again."""
        jobs.mark_complete(self._catalog, scope, _texts(fingerprints))

    def save(
        self,
        facts: Sequence[PhotoFacts],
        outcomes: Sequence[Outcome],
        fingerprints: Fingerprints,
        looked_at: Sequence[Job] = (),
    ) -> None:
        """Store one batch in one transaction: what decoding learned, and the answers, in place of
        earlier ones by the same taggers. `fingerprints`: as given to `jobs`, all of them. Outcomes
        of photos without facts are about the bytes the catalog knows. `looked_at`: the jobs that these
        answer. Where another scan has seen since that the file is another one, nothing of that photo is
        stored, and it goes on to lack an answer."""
        save(self._catalog, facts, outcomes, _records(fingerprints), looked_at)

    def remember_weights(self, fingerprints: Fingerprints) -> None:
        """Keep what the weights of these taggers state now, for answers that they gave before it
        was kept. Writes nothing where nothing differs."""
        with self._catalog.read() as connection:
            outdated = answers.find_outdated(connection, _records(fingerprints).values())
        if outdated:
            with self._catalog.write() as connection:
                answers.update_weights(connection, outdated)

    # -- people

    def looks_for_people(self) -> bool:
        """Whether scans of this catalog learn whose face is whose."""
        with self._catalog.read() as connection:
            return embeddings.is_wanted(connection)

    def look_for_people(self) -> None:
        """From now on scans of this catalog learn whose face is whose."""
        with self._catalog.write() as connection:
            embeddings.want(connection)

    def group_people(
        self, on_progress: Callable[[int, int], None] | None = None, *, only_if_new: bool = False
    ) -> Grouping:
        """Group the faces of all photos into persons, by their embeddings and by what a person said.
        Groups keep their numbers as far as they keep their faces. `only_if_new`: change nothing where the
        faces are those of the last grouping. `on_progress`: groups compared, of how many."""
        from phototag.library.regroup import regroup  # only where it is asked for: it imports NumPy

        return regroup(self._catalog, on_progress, only_if_new=only_if_new)

    def people(self) -> list[PersonGroup]:
        """The groups of faces that are taken for one person each, the largest first.

        >>> [(group.number, group.name, group.faces) for group in library.people()]  # doctest: +SKIP
        [(1, 'Anna', 212), (3, None, 87), ...]"""
        from phototag.library import groups

        with self._catalog.read() as connection:
            return groups.find_all(connection)

    def suggest_people(self) -> list[Suggestion]:
        """Pairs of groups that may be one person, the likeliest first; none of two names, none of whom both
        are in one photo, and none that a person said are two."""
        from phototag.library import groups

        with self._catalog.read() as connection:
            return groups.suggest(connection)

    def who_is_in(self, photo_ids: Iterable[int]) -> dict[int, frozenset[str]]:
        """Photo id -> keys of the persons in it, whether they have a name or are only a group of faces;
        without photos of whom nobody is known."""
        with self._catalog.read() as connection:
            return group_names.find_keys(connection, photo_ids)

    def keys_of_persons(self, names: Iterable[str]) -> frozenset[str]:
        """The keys of the persons of these names, as `who_is_in` has them."""
        with self._catalog.read() as connection:
            found = persons.find(connection, names)
        return frozenset(group_names.key_of(person.person_id) for person in found.values())

    def name_group(self, number: int, name: str) -> Named:
        """Say whose the faces of a group are: each face gets the name, so that no other grouping can lose
        it. Left out are photos in which another face has the name. Raises UsageError where there is no
        such group."""
        from phototag.library import group_words

        self._learn_pixels(self._paths_of_groups([number]))
        with self._catalog.write() as connection:
            return group_words.name_group(connection, number, name)

    def deny_group(self, number: int, name: str) -> Named:
        """Say whose the faces of a group are not. Raises UsageError where there is no such group."""
        from phototag.library import group_words

        self._learn_pixels(self._paths_of_groups([number]))
        with self._catalog.write() as connection:
            return group_words.deny_group(connection, number, name)

    def merge_groups(self, numbers: Sequence[int]) -> int:
        """Say that these groups are one person, and get the number of that. Raises UsageError for groups of
        two names, for two that are in one photo, and where one is not there."""
        from phototag.library import group_words

        self._learn_pixels(self._paths_of_groups(numbers))
        with self._catalog.write() as connection:
            return group_words.merge(connection, numbers)

    def keep_groups_apart(self, one: int, other: int) -> str:
        """Say that two groups are not one person: they are suggested no more. Where one of them has a name,
        the faces of the other are not that person. Returns what was said, as the journal has it. Raises
        UsageError for one group, for two that have names, and where one is not there."""
        from phototag.library import group_words

        self._learn_pixels(self._paths_of_groups([one, other]))
        with self._catalog.write() as connection:
            return group_words.keep_apart(connection, one, other)

    def split_group(self, number: int) -> list[int]:
        """Say that a group is more than one person: it falls apart where its faces are least alike. The
        largest part keeps number and name. Returns the numbers of the parts. Raises UsageError where there
        is no such group, or it does not fall apart."""
        from phototag.library import group_words

        self._learn_pixels(self._paths_of_groups([number]))
        with self._catalog.write() as connection:
            return group_words.split(connection, number)

    def _paths_of_groups(self, numbers: Iterable[int]) -> list[str]:
        from phototag.library import groups

        with self._catalog.read() as connection:
            return groups.paths_of(connection, numbers)

    def forget_people(self, *, names: bool = False) -> ForgottenPeople:
        """Remove all embeddings and groups, and look for people no more; with `names`, also who is who by
        your word. The file is written anew, so that nothing of it is left there; copies of the catalog
        beside it that still hold some are named."""
        from phototag.library import forget_people

        with self._catalog.write(check_foreign_keys=False) as connection:
            found = forget_people.forget(connection, with_names=names)
        self._catalog.compact()
        backups = forget_people.find_backups(self.path, with_names=names) if self.path else ()
        return replace(found, backups=tuple(backups))

    # -- asking

    def photos(
        self,
        question: Question = None,
        *,
        sort: str = "taken",
        limit: int | None = None,
        descending: bool = False,
    ) -> Iterator[Photo]:
        """The photos that fit, all there is to know of each.

        `question`: what `phototag query` is asked, such as "smiling:all taken:2016 animal" or its
        terms one by one, or a Query; without one, every photo.

        >>> [photo.path for photo in library.photos("smiling:all taken:2016")]  # doctest: +SKIP
        ['/home/ada/Photos/2016/astronaut.jpg', ...]

        `sort`: 'taken' (oldest first), 'path', 'smile' (best first: the least smile among those
        that count), 'relevance' (largest and surest first, by the first label asked for; 'taken'
        where there is none); `descending` turns it round. Missing photos are found only by a query
        that asks for `missing`. Raises UsageError for what is not understood."""
        query = self.ask(question)
        load = partial(photos.load, smile_threshold=query.smile_threshold)
        return photos.stream(self._catalog, self._finder(query, sort, limit, descending), load)

    def lines(
        self,
        question: Question = None,
        *,
        sort: str = "taken",
        limit: int | None = None,
        descending: bool = False,
    ) -> Iterator[PhotoLine]:
        """The photos that fit, sorted as by `photos`, of each what a line about it tells."""
        query = self.ask(question)
        load = partial(photos.load_lines, smile_threshold=query.smile_threshold)
        return photos.stream(self._catalog, self._finder(query, sort, limit, descending), load)

    def paths(
        self,
        question: Question = None,
        *,
        sort: str = "taken",
        limit: int | None = None,
        descending: bool = False,
    ) -> Iterator[str]:
        """The absolute paths of the photos that fit, sorted as by `photos`."""
        find = self._finder(self.ask(question), sort, limit, descending)
        return photos.stream(self._catalog, find, photos.load_paths)

    def count(self, question: Question = None) -> int:
        """How many photos fit."""
        query = self.ask(question)
        with self._catalog.read() as connection:
            return search.count(connection, query)

    def ask(self, question: Question) -> Query:
        """What this question asks of this catalog, as `photos` understands it."""
        if question is None:
            return Query()
        return question if isinstance(question, Query) else ask(self, question)

    def photo(self, path: str | Path, *, smile_threshold: float = SMILE_THRESHOLD) -> Photo | None:
        """The photo at this path, None where the catalog does not know it."""
        with self._catalog.read() as connection:
            photo_id = _photo_id(connection, os.fspath(path))
            return photos.load(connection, [photo_id], smile_threshold)[0] if photo_id is not None else None

    def is_photo(self, path: str | Path) -> bool:
        """Whether the file at this path is a photo of the catalog, be it known by another name: through a
        symbolic link, or as a hard link."""
        at = tables.photos.c
        with self._catalog.read() as connection:
            if _photo_id(connection, os.fspath(path)) is not None:
                return True
            try:
                status = os.stat(path)
            except (OSError, ValueError):
                return False
            paths = {root_id: root for root, root_id in roots_of(connection).items()}
            same_size = select(at.root_id, at.path).where(
                at.size_bytes == status.st_size, at.mtime_ns == status.st_mtime_ns
            )
            candidates = [
                join(paths[root_id], to_path(name)) for root_id, name in connection.execute(same_size)
            ]
        return any(_is_same_file(candidate, status) for candidate in candidates)

    # -- for a page of pictures

    def ids(self, question: Question = None, *, sort: str = "taken", descending: bool = False) -> list[int]:
        """The ids of the photos that fit, sorted as by `photos`."""
        with self._catalog.read() as connection:
            return search.find_ids(connection, self.ask(question), sort, None, descending)

    def photos_with_ids(self, ids: Sequence[int], *, smile_threshold: float = SMILE_THRESHOLD) -> list[Photo]:
        """These photos, in this order; ids that no photo has are left out."""
        with self._catalog.read() as connection:
            return photos.load(connection, list(ids), smile_threshold)

    def lines_with_ids(
        self, ids: Sequence[int], *, smile_threshold: float = SMILE_THRESHOLD
    ) -> list[PhotoLine]:
        """The same, of each what a line about it tells."""
        with self._catalog.read() as connection:
            return photos.load_lines(connection, list(ids), smile_threshold)

    def file_with_id(self, photo_id: int) -> tuple[str, str | None] | None:
        """The absolute path of this photo and the SHA-256 of its bytes; None where no photo has the id."""
        with self._catalog.read() as connection:
            return photos.find_file(connection, photo_id)

    def revision(self) -> str:
        """Changes whenever a scan has stored something."""
        with self._catalog.read() as connection:
            return grid.find_revision(connection)

    def shapes(self) -> Shapes:
        """Shape and month of every photo, from which `Shapes.arrange` makes the grid of some."""
        with self._catalog.read() as connection:
            return grid.load_shapes(connection)

    def positions(self, question: Question = None) -> list[tuple[int, float, float]]:
        """(id, latitude, longitude in degrees) of the photos that fit and say where they were taken."""
        query = self.ask(question)
        with self._catalog.read() as connection:
            return grid.find_positions(connection, query)

    def facets(self, question: Question = None, *, seconds: float = facets.SECONDS) -> list[Facet]:
        """What the photos that fit have in common, each facet counted within so many seconds or not at
        all."""
        query = self.ask(question)
        return facets.find(self._catalog, query, query.thresholds or self.thresholds(), seconds)

    def _finder(
        self, query: Query, sort: str, limit: int | None, descending: bool
    ) -> Callable[[Connection], list[int]]:
        return lambda connection: search.find_ids(connection, query, sort, limit, descending)

    def roots(self) -> list[str]:
        """The absolute folders that the photos lie in; none of them lies in another."""
        with self._catalog.read() as connection:
            return list(roots_of(connection))

    def as_known(self, path: str | Path) -> str:
        """The absolute path, by the name under which the catalog knows the folder that it lies in: a link
        that leads there is no second library, nor is photos beside Photos where the disk takes them for
        the same."""
        return as_known(self.roots(), absolute(path))

    def known_labels(self) -> list[str]:
        """The labels that some photo has."""
        with self._catalog.read() as connection:
            return labels.find_known(connection)

    def thresholds(self) -> dict[str, float]:
        """Label -> the score from which on a question finds it, where the weights that looked at
        photos of this catalog state one; all others count from DEFAULT_SCORE on."""
        with self._catalog.read() as connection:
            return labels.find_thresholds(connection)

    def labels(self, thresholds: Mapping[str, float] | None = None) -> list[LabelCount]:
        """Every label that a question finds in some photo, or would with these `thresholds` (label
        -> least score); the most frequent first."""
        with self._catalog.read() as connection:
            if thresholds is None:
                thresholds = labels.find_thresholds(connection)
            return labels.count_photos(connection, thresholds)

    def failures(self, scope: Sequence[str] | None = None) -> Iterator[tuple[str, str, str]]:
        """(absolute path, tagger, error) of every answer that is an error, by path; 'decode' where
        a photo cannot be read. `scope`: absolute folders and files; None for the whole catalog."""
        return failures.find(self._catalog, scope)

    def status(self, fingerprints: Fingerprints | None = None) -> Status:
        """Counts for the whole catalog, for each tagger of `fingerprints` too."""
        return status.find(self._catalog, _texts(fingerprints or {}))

    # -- the user's own word

    def correct(self, paths: Paths, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Say what is in a photo, or in each of several, and what is not; no scan overrides it.
        'everyone smiling' and 'anyone smiling' say who smiles. Raises CatalogError for a photo that is
        not in the catalog, UsageError for an empty label and for words that contradict each other."""
        words = read_words(add, remove)
        with self._catalog.write() as connection:
            tagging.correct(connection, _absolute(paths), words)

    def tag_faces(
        self,
        faces: Iterable[tuple[str | Path, int]],
        *,
        person: str | None = None,
        not_persons: Iterable[str] = (),
        smiling: bool | None = None,
        is_face: bool | None = None,
    ) -> None:
        """Say of faces, each a photo's path and a number (`Face.number`), whose they are and whose they
        are not, whether they smile, and whether they are faces at all. It holds for the photo's content
        and the place in it, whatever net finds a face there, and for every copy of the photo.

        >>> library.tag_faces([("IMG_0042.jpg", 2)], person="Anna", smiling=True)  # doctest: +SKIP

        Raises CatalogError for a photo that is not in the catalog, UsageError where there is no face of
        this number and for words that contradict each other."""
        name = None if person is None else read_name(person)
        others = [read_name(other) for other in not_persons]
        if name is not None and fold(name) in map(fold, others):
            raise UsageError(f"it is said to be {name} and not to be; say one of the two")
        if is_face is False and (name is not None or smiling is not None):
            raise UsageError("what is not a face is nobody, and does not smile; say one of the two")
        found = [(absolute(path), number) for path, number in faces]
        self._learn_pixels([path for path, _ in found])
        with self._catalog.write() as connection:
            tagging.tag_faces(
                connection, found, person=name, not_persons=others, smiling=smiling, is_face=is_face
            )

    def add_face(
        self, path: str | Path, box: Box, *, person: str | None = None, smiling: bool | None = None
    ) -> None:
        """Say that there is a face in `box`, which no net may have found; it counts like the others.
        Raises CatalogError for a photo that is not in the catalog or could never be read."""
        name = None if person is None else read_name(person)
        path = absolute(path)
        self._learn_pixels([path])
        with self._catalog.write() as connection:
            tagging.add_face(connection, path, box, person=name, smiling=smiling)

    def untag(self, paths: Paths, labels: Iterable[str] | None = None) -> int:
        """Take back what was said of these labels in photos: what the nets see of them counts again.
        Without `labels`, all that was said of the photos and their faces. Returns of how many photos
        something was. Raises CatalogError for a photo that is not in the catalog."""
        names = None if labels is None else [unicodedata.normalize("NFC", label) for label in labels]
        with self._catalog.write() as connection:
            if names is not None:
                return tagging.take_back_labels(connection, _absolute(paths), names)
            return tagging.take_back_all(connection, _absolute(paths))

    def untag_faces(
        self, faces: Iterable[tuple[str | Path, int]], persons: Iterable[str] | None = None
    ) -> int:
        """Take back what was said of faces; with `persons`, only that they are theirs, or are not. A
        face that was added goes. Returns of how many faces something was said. Raises as `tag_faces`."""
        names = None if persons is None else [read_name(name) for name in persons]
        found = [(absolute(path), number) for path, number in faces]
        with self._catalog.write() as connection:
            return tagging.take_back_faces(connection, found, names)

    def undo(self) -> Entry | None:
        """Undo the last change that was made by a person's word and not undone yet, of whatever kind,
        and tell which one it was; None where there is none."""
        with self._catalog.write() as connection:
            return journal.undo(connection)

    def changes(self, limit: int = journal.SHOWN) -> list[Entry]:
        """The last changes that were made by a person's word, the latest first."""
        with self._catalog.read() as connection:
            return journal.find_last(connection, limit)

    def persons(self) -> list[PersonCount]:
        """Everybody who is in some photo, who is in most first."""
        with self._catalog.read() as connection:
            return persons.count_photos(connection)

    def known_persons(self) -> list[str]:
        """The names of all who are in some photo."""
        with self._catalog.read() as connection:
            return persons.find_known(connection)

    def _learn_pixels(self, paths: Sequence[str]) -> None:
        """Words hang on a photo's pixels, which no metadata change. Where they have no hash yet, as in
        catalogs of before, and the file still has the known bytes, make it now."""
        with self._catalog.read() as connection:
            lacking = tagging.find_without_pixels(connection, paths)
        found = {}
        for path, (photo_id, content_hash) in lacking.items():
            from phototag.reading.decode import read_facts  # only here: it imports NumPy

            try:
                facts = read_facts(path)
            except (UnreadablePhoto, StorageError, OSError):
                continue
            if facts.pixel_hash and facts.content_hash == content_hash:
                found[photo_id] = facts.pixel_hash
        if found:
            with self._catalog.write() as connection:
                photo_updates.learn_pixels(connection, found)

    def merge(
        self,
        other: Path | str | URL,
        *,
        hash_file: Callable[[PhotoFile], str | None] | None = None,
        with_embeddings: bool = False,
        dry_run: bool = False,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Merged:
        """Take over from the catalog at `other` what is known there of the same photos: answers by
        taggers of which there is none here or an error, and a person's words, of which ours stay where
        the two disagree. The other catalog is only read.

        Photos are the same whose content hash is; for those never hashed here, `hash_file` gives it (None
        where the file cannot be read). `with_embeddings`: also what tells whose face it is. `dry_run`
        only counts. `on_progress(photos done, photos in all)`; in batches: after an interruption, the
        same call goes on. Merging again, or several catalogs in another order, gives the same, as long as
        they do not disagree. Raises CatalogError for what is no catalog, or a newer one."""
        with open_other(read_address(other)) as theirs:
            if is_same(theirs.address, self._catalog.address):
                raise CatalogError(f"{theirs.name} is this very catalog. Name another one.")
            return merge(
                self._catalog,
                theirs,
                hash_file=hash_file,
                with_embeddings=with_embeddings,
                dry_run=dry_run,
                on_progress=on_progress,
            )

    def copy_to(
        self,
        target: Path | str | URL,
        *,
        with_embeddings: bool = False,
        on_message: Callable[[str], None] | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Copied:
        """Copy the whole catalog into an empty one, which is made where there is none: a file, or a
        database of PostgreSQL, as for `open`. Embeddings of faces, which tell whose they are, only
        `with_embeddings`; without them groups of faces stay behind too, and the next scan --people makes
        both. What you said of faces is copied.

        All in one transaction: an interruption leaves the target empty. `on_progress(rows done, rows in
        all)`. Raises CatalogError for a target that is not empty."""
        address = read_address(target)
        if is_same(address, self._catalog.address):
            raise CatalogError(f"{self.name} is this very catalog. Name another one.")
        is_new_file = isinstance(address, Path) and not address.exists()
        opened = open_catalog(address, on_message=on_message)
        try:
            copied = copy(self._catalog, opened, with_embeddings=with_embeddings, on_progress=on_progress)
        except BaseException:
            opened.close()
            if is_new_file:
                opened.remove_files()
            raise
        opened.close()
        return copied

    # -- places

    def find_places(
        self,
        gazetteer: str,
        places_of: Callable[[], places.PlacesOf],
        on_progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """Find the towns and countries of all photos whose position is new or was looked up in another
        `gazetteer` (its version); returns how many. `places_of()` is called where there is something to
        look up; what it gives takes latitude and longitude in degrees. `on_progress(photos done, photos
        in all)`; in batches, so that an interruption leaves the rest to the next call."""
        return places.find(self._catalog, gazetteer, places_of, on_progress)

    def perceptual_hashes(self, photo_ids: Sequence[int]) -> dict[int, int]:
        """Photo id -> the 64 bits that were measured of its present bytes, where they were."""
        with self._catalog.read() as connection:
            return perceptual_hashes.load(connection, photo_ids)

    def save_perceptual_hashes(self, hashes: Mapping[int, tuple[str, int]]) -> None:
        """Keep photo id -> (hash of the bytes that were looked at, 64 bits)."""
        with self._catalog.write() as connection:
            perceptual_hashes.save(connection, hashes)

    def home(self) -> tuple[float, float] | None:
        """Latitude and longitude, in degrees, of where photos were taken on most days; None where no
        photo says where."""
        with self._catalog.read() as connection:
            return places.find_home(connection)

    def has_places(self) -> bool:
        """Whether the place of some photo has a name."""
        with self._catalog.read() as connection:
            return places.are_known(connection)

    def corrected(self) -> Iterator[tuple[Photo, Mapping[str, bool]]]:
        """Every photo that is there and about which the user said something, with what they said:
        label -> whether it is so."""
        return photos.stream(self._catalog, corrections.find, corrections.load)

    # -- places

    def relocate(self, old: str | Path, new: str | Path) -> int:
        """Tell the catalog that the folder `old` has become `new`, in which the photos lie as
        before; returns how many. Nothing is tagged again. Photos of `new` that were scanned after
        the move, and so stand in the catalog twice, become one with what a person said of either.
        Raises CatalogError where there is no such folder, or where both files of such a pair exist."""
        with self._catalog.write(check_foreign_keys=False) as connection:
            return relocate(connection, absolute(old), absolute(new))

    def forget(
        self, paths: Sequence[str | Path] | None, *, missing: bool = False, dry_run: bool = False
    ) -> Forgotten:
        """Remove what is known of the photos in these folders and files, in the whole catalog where
        `paths` is None; with `missing`, only of those whose files are gone. What a person said of them is
        lost. `dry_run` only counts. Raises CatalogError for a path of which nothing is known."""
        scope = None if paths is None else [absolute(path) for path in paths]
        if dry_run:
            with self._catalog.read() as connection:
                return forget.count(connection, forget.find(connection, scope, missing=missing))
        with self._catalog.write(check_foreign_keys=False) as connection:
            ids = forget.find(connection, scope, missing=missing)
            counted = forget.count(connection, ids)
            forget.remove(connection, ids)
            return counted

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
            pairs = list(zip(found, members, strict=True))
        return album, pairs

    def album_members(self, name: str) -> tuple[Album, list[Member]]:
        """One album and which photos are in it, in order, and no more. Raises as `album`."""
        with self._catalog.read() as connection:
            return albums.find(connection, name)

    def delete_album(self, name: str) -> None:
        """Forget an album; what was made of it on disk stays. Raises CatalogError where there is none
        of this name."""
        with self._catalog.write() as connection:
            albums.remove(connection, name)


def _records(fingerprints: Fingerprints) -> dict[str, Fingerprint]:
    return {
        tagger: one if isinstance(one, Fingerprint) else Fingerprint(one)
        for tagger, one in fingerprints.items()
    }


def _texts(fingerprints: Fingerprints) -> dict[str, str]:
    return {tagger: str(one) for tagger, one in fingerprints.items()}


def _is_same_file(path: str, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(path), status)
    except OSError:
        return False


def _absolute(paths: Paths) -> list[str]:
    return [absolute(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]


def _users_own() -> Path:
    from platformdirs import user_data_dir

    return Path(user_data_dir("phototag", appauthor=False), "catalog.db")


def _photo_id(connection: Connection, path: str) -> int | None:
    place = place_of(roots_of(connection), absolute(path))
    if place is None:
        return None
    at = tables.photos.c
    return connection.scalar(select(at.id).where(at.root_id == place.root_id, at.path == to_text(place.path)))

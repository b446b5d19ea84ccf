"""What is kept of a photo's answers beside them, so that questions are index lookups. Pure until
the last functions.

A summary follows from the photo's answers, the keywords that other programs wrote, and the user's
corrections alone: it can be computed again at any time."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, union, update

from phototag import smiling
from phototag.faces import NOTHING_SAID, Said, find_persons, resolve
from phototag.library import said, written
from phototag.library.answers import CHUNK, IDS, chunks, load_answers, load_tags
from phototag.library.database import Catalog
from phototag.library.dialects import executemany, insert_rows
from phototag.library.names import ensure_ids
from phototag.library.tables import (
    answers,
    corrections,
    keyword_labels,
    labels,
    meta,
    photo_keywords,
    photo_labels,
    photo_persons,
    photos,
    taggers,
    tags,
)
from phototag.query.terms import EMOTIONS
from phototag.records import PersonInPhoto, Tag

MEASURES = frozenset(
    {"sharpness", "smile", "identity"}
)  # numbers about a face, nothing one would ask for as a label
ABOUT_FACES = frozenset({"faces", "sharpness", "smiles", "identity"})  # the taggers that speak of faces alone
SMILE_RULES = "smile_rules"  # in `meta`: the version of the rules by which the catalog's smiles were decided

_LABELS_OF_PHOTOS = union(
    select(tags.c.label_id, answers.c.photo_id)
    .select_from(answers.join(tags))
    .where(answers.c.photo_id.in_(IDS)),
    select(corrections.c.label_id, corrections.c.photo_id).where(corrections.c.photo_id.in_(IDS)),
    select(keyword_labels.c.label_id, photo_keywords.c.photo_id)
    .select_from(
        photo_keywords.join(keyword_labels, keyword_labels.c.keyword_id == photo_keywords.c.keyword_id)
    )
    .where(photo_keywords.c.photo_id.in_(IDS)),
)
_DELETE_LABELS = delete(photo_labels).where(
    photo_labels.c.label_id == bindparam("label"), photo_labels.c.photo_id == bindparam("photo")
)
_CORRECTIONS = (
    select(corrections.c.photo_id, labels.c.name, corrections.c.present)
    .select_from(corrections.join(labels))
    .where(corrections.c.photo_id.in_(IDS))
    .order_by(corrections.c.photo_id, labels.c.name)
)
_ANY_PERSON = select(photo_persons.c.photo_id).limit(1)
_DELETE_PERSONS = delete(photo_persons).where(photo_persons.c.photo_id.in_(IDS))
_UPDATE = update(photos).where(photos.c.id == bindparam("photo"))
_UPDATE_ALL = _UPDATE.values(
    {
        name: bindparam(f"new_{name}")
        for name in ("faces", "eligible_faces", "least_smile", "greatest_smile", "answered", "failed")
    }
)
_UPDATE_SMILES = _UPDATE.values(
    {name: bindparam(f"new_{name}") for name in ("faces", "eligible_faces", "least_smile", "greatest_smile")}
)
_LOOKED_AT = select(photos.c.id).where(photos.c.id.in_(IDS), photos.c.faces.is_not(None))
_HAS_SMILE = or_(
    photos.c.faces.is_not(None),  # also where no face was certain: by other rules one may be
    photos.c.least_smile.is_not(None),
    photos.c.greatest_smile.is_not(None),
    select(corrections.c.photo_id).where(corrections.c.photo_id == photos.c.id).exists(),
    select(photo_persons.c.photo_id).where(photo_persons.c.photo_id == photos.c.id).exists(),
)
_WITH_SMILES = (
    select(photos.c.id).where(photos.c.id > bindparam("after"), _HAS_SMILE).order_by(photos.c.id).limit(CHUNK)
)
_COUNT_WITH_SMILES = select(func.count()).select_from(photos).where(_HAS_SMILE)
_SMILE_RULES = select(meta.c.value).where(meta.c.key == SMILE_RULES)


@dataclass(slots=True)
class LabelSummary:
    """What one photo shows of one label. `tagger`: whose word it is, None for the user's."""

    tagger: str | None
    count: int
    score: float
    share: float
    rank: float


@dataclass(slots=True)
class Summary:
    """Beside labels and persons: how many faces are certain and how many of them eligible (None: nobody
    looked), least and greatest smile of the eligible ones (None: cannot tell)."""

    faces: int | None = None
    eligible_faces: int | None = None
    least_smile: float | None = None
    greatest_smile: float | None = None
    labels: dict[str, LabelSummary] = field(default_factory=dict)
    persons: Sequence[PersonInPhoto] = ()


def summarise(
    answers: Mapping[str, Sequence[Tag]], corrections: Mapping[str, bool], said: Said = NOTHING_SAID
) -> Summary:
    """The summary of good answers (tagger -> tags), of the user's own words (label -> whether it is
    in the photo) and of what is said of faces."""
    summary = Summary()
    resolved = resolve(smiling.join_faces(answers), said)
    faces, denied = resolved.faces, {face.box for face in resolved.denied}
    if "faces" in answers or faces:
        summary.faces, summary.eligible_faces = smiling.count(faces)
    summary.least_smile, summary.greatest_smile = smiling.decide(faces, corrections)
    if said is not NOTHING_SAID:
        summary.persons = find_persons(faces, smiling.can_tell_smiles(faces), said.mentions)
    for tagger, its_tags in answers.items():
        for tag in _likeliest_emotions(its_tags) if tagger == "smiles" else its_tags:
            is_denied = denied and tag.box in denied
            if tag.label not in MEASURES and not is_denied and smiling.reserved(tag.label) is None:
                _add(summary.labels, tagger, tag)
    for label, present in corrections.items():
        if smiling.reserved(label):
            continue
        seen = summary.labels.pop(label, None)
        if present:
            count, share = (seen.count, seen.share) if seen else (1, 1.0)
            summary.labels[label] = LabelSummary(None, count, 1.0, share, math.sqrt(share))
    return summary


def _add(labels: dict[str, LabelSummary], tagger: str, tag: Tag) -> None:
    box = tag.box
    share = float(box.area) if box else 1.0
    score = float(tag.score)  # SQLite would take a NumPy float32 for a run of bytes
    rank = score * math.sqrt(share)
    seen = labels.get(tag.label)
    if seen is None:
        labels[tag.label] = LabelSummary(tagger, 1, score, share, rank)
        return
    seen.count += 1
    seen.share = max(seen.share, share)
    if score > seen.score:
        seen.score, seen.tagger = score, tagger
    seen.rank = max(seen.rank, rank)


def _likeliest_emotions(tags: Sequence[Tag]) -> list[Tag]:
    """Of each face only the likeliest emotion, and all that is no emotion."""
    others: list[Tag] = []
    best: dict[object, Tag] = {}
    for tag in tags:
        if tag.label not in EMOTIONS:
            others.append(tag)
        elif (seen := best.get(tag.box)) is None or tag.score > seen.score:
            best[tag.box] = tag
    return others + list(best.values())


def forget(connection: Connection, photo_ids: Collection[int]) -> None:
    """Take away the label rows of these photos. To be called before their answers or corrections
    change: these say which rows there are, so that the largest table needs no index by photo."""
    for ids in chunks(photo_ids):
        pairs = connection.execute(_LABELS_OF_PHOTOS, {"ids": ids}).all()
        executemany(connection, _DELETE_LABELS, [{"label": label, "photo": photo} for label, photo in pairs])


def insert_labels(
    connection: Connection,
    summaries: Mapping[int, Summary],
    label_ids: Mapping[str, int],
    tagger_ids: Mapping[str, int],
) -> None:
    """The label rows of these photos (photo id -> summary), which have none."""
    rows = [
        (
            label_ids[label],
            photo_id,
            tagger_ids[row.tagger] if row.tagger else None,
            row.count,
            row.score,
            row.share,
            row.rank,
        )
        for photo_id, summary in summaries.items()
        for label, row in summary.labels.items()
    ]
    rows.sort(key=itemgetter(0, 1))  # neighbours in the table, which is clustered by label
    insert_rows(connection, photo_labels, rows)


def corrections_of(connection: Connection, photo_ids: Iterable[int]) -> dict[int, dict[str, bool]]:
    """Photo id -> label -> whether the user says it is in the photo."""
    found: dict[int, dict[str, bool]] = {}
    for ids in chunks(photo_ids):
        for photo_id, label, present in connection.execute(_CORRECTIONS, {"ids": ids}):
            found.setdefault(photo_id, {})[label] = bool(present)
    return found


def words_of(
    connection: Connection, photo_ids: Iterable[int], keyworded: Iterable[int]
) -> dict[int, dict[str, bool]]:
    """The same, with the keywords of the photos `keyworded` as words of whoever wrote them: the user's
    own go before them."""
    found = corrections_of(connection, photo_ids)
    for photo_id, its_labels in written.labels_of(connection, keyworded).items():
        said = found.setdefault(photo_id, {})
        for label in its_labels:
            said.setdefault(label, True)
    return found


def write_persons(connection: Connection, summaries: Mapping[int, Summary]) -> None:
    """Who is in these photos (photo id -> summary), in place of what was stored. In a catalog
    without persons it costs a look at an empty table."""
    if connection.scalar(_ANY_PERSON) is not None:
        for ids in chunks(summaries):
            connection.execute(_DELETE_PERSONS, {"ids": ids})
    rows = [
        (one.person.person_id, photo_id, one.faces, one.smile, one.source, int(one.certain))
        for photo_id, summary in summaries.items()
        for one in summary.persons
    ]
    insert_rows(connection, photo_persons, sorted(rows, key=itemgetter(0, 1)))


def compute_again(connection: Connection, photo_ids: Collection[int]) -> None:
    """Write the summaries of these photos, whose label rows were forgotten, from what is stored of them."""
    for ids in chunks(photo_ids):
        corrected = words_of(connection, ids, ids)
        of_faces = said.load_of(connection, ids)
        stored = load_answers(connection, ids)
        summaries, columns = {}, []
        for photo_id in ids:
            known = stored.get(photo_id, {})
            good = {tagger: answer.tags for tagger, answer in known.items() if answer.error is None}
            summary = summaries[photo_id] = summarise(
                good, corrected.get(photo_id, {}), of_faces.get(photo_id, NOTHING_SAID)
            )
            columns.append(
                {
                    "photo": photo_id,
                    "new_faces": summary.faces,
                    "new_eligible_faces": summary.eligible_faces,
                    "new_least_smile": summary.least_smile,
                    "new_greatest_smile": summary.greatest_smile,
                    "new_answered": len(good),
                    "new_failed": len(known) - len(good),
                }
            )
        names = {label for summary in summaries.values() for label in summary.labels}
        label_ids = ensure_ids(connection, labels.c.name, names)
        tagger_ids = ensure_ids(
            connection, taggers.c.name, {name for known in stored.values() for name in known}
        )
        insert_labels(connection, summaries, label_ids, tagger_ids)
        write_persons(connection, summaries)
        executemany(connection, _UPDATE_ALL, columns)


def renew(connection: Connection, photo_ids: Collection[int]) -> None:
    """Compute the summaries of these photos again, where who is in their groups has changed."""
    forget(connection, photo_ids)
    compute_again(connection, photo_ids)


def bring_up_to_date(catalog: Catalog, on_progress: Callable[[int, int], None] | None = None) -> None:
    """Where the catalog's smiles were decided by other rules than today's, decide every photo's
    again from the stored scores and the person's words, in batches; no photo is looked at.
    `on_progress(photos done, photos in all)`. An interruption leaves it to the next opening. Raises
    CatalogError where the catalog is read-only."""
    with catalog.read() as connection:
        if connection.execute(_SMILE_RULES).scalar() == str(smiling.RULES_VERSION):
            return
        total = connection.execute(_COUNT_WITH_SMILES).scalar_one()
    done = after = 0
    while True:
        with catalog.write() as connection:
            ids = list(connection.execute(_WITH_SMILES, {"after": after}).scalars())
            if not ids:
                connection.execute(delete(meta).where(meta.c.key == SMILE_RULES))
                connection.execute(insert(meta).values(key=SMILE_RULES, value=str(smiling.RULES_VERSION)))
                return
            _decide_again(connection, ids)
        done, after = done + len(ids), ids[-1]
        if on_progress:
            on_progress(done, total)


def _decide_again(connection: Connection, ids: list[int]) -> None:
    corrected, stored = corrections_of(connection, ids), load_tags(connection, ids, ABOUT_FACES)
    of_faces = said.load_of(connection, ids)
    looked_at = set(connection.execute(_LOOKED_AT, {"ids": ids}).scalars())
    rows, summaries = [], {}
    for photo_id in ids:
        its = of_faces.get(photo_id, NOTHING_SAID)
        faces = resolve(smiling.join_faces(stored.get(photo_id, {})), its).faces
        least, greatest = smiling.decide(faces, corrected.get(photo_id))
        persons = find_persons(faces, smiling.can_tell_smiles(faces), its.mentions)
        summaries[photo_id] = Summary(persons=persons)
        certain, counting = smiling.count(faces) if photo_id in looked_at or faces else (None, None)
        rows.append(
            {
                "photo": photo_id,
                "new_faces": certain,
                "new_eligible_faces": counting,
                "new_least_smile": least,
                "new_greatest_smile": greatest,
            }
        )
    connection.execute(_UPDATE_SMILES, rows)
    write_persons(connection, summaries)

"""The labels of the catalog: which there are, from which score on they count, and the user's own
words about photos."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, case, false, func, or_, select

from phototag import smiling
from phototag.errors import UsageError
from phototag.library.answers import chunks
from phototag.library.journal import Change
from phototag.library.names import ensure_ids, escape_surrogates
from phototag.library.tables import (
    answers,
    corrections,
    fingerprints,
    labels,
    photo_labels,
    photos,
    taggers,
)
from phototag.query.terms import DEFAULT_SCORE, fold

_KNOWN = (
    select(labels.c.name)
    .where(select(photo_labels.c.label_id).where(photo_labels.c.label_id == labels.c.id).exists())
    .order_by(labels.c.name)
)
# One look at the index for each pair of a tagger and a fingerprint, of which there are a few.
_STATED = select(fingerprints.c.thresholds).where(
    fingerprints.c.weights_name.is_not(None),
    select(taggers.c.id)
    .where(
        select(answers.c.id)
        .where(answers.c.tagger_id == taggers.c.id, answers.c.fingerprint_id == fingerprints.c.id)
        .correlate(taggers, fingerprints)
        .exists()
    )
    .exists(),
)


@dataclass(frozen=True, slots=True)
class LabelCount:
    """A label, how many photos show it with at least `threshold`, and who says so: the tagger of
    most of them, 'you', or 'keywords' where other programs have written it."""

    label: str
    photos: int
    source: str
    threshold: float


def find_known(connection: Connection) -> list[str]:
    """The labels that some photo has."""
    return list(connection.execute(_KNOWN).scalars())


def find_thresholds(connection: Connection) -> dict[str, float]:
    """Label -> the score from which on it counts, where the weights that looked at photos of this
    catalog state one. Where a better detector has not seen all photos yet, the strictest that one
    of them asks for, DEFAULT_SCORE where it says nothing."""
    stated = [json.loads(text) if text else {} for text in connection.execute(_STATED).scalars()]
    return {
        label: max(one.get(label, DEFAULT_SCORE) for one in stated)
        for label in {label for one in stated for label in one}
    }


def count_photos(connection: Connection, thresholds: Mapping[str, float]) -> list[LabelCount]:
    """Every label that some photo shows with at least the score that `thresholds` has for it, or
    DEFAULT_SCORE; the most frequent first. Missing photos are left out."""
    names = {number: name for number, name in connection.execute(select(labels.c.id, labels.c.name))}
    sources = {number: name for number, name in connection.execute(select(taggers.c.id, taggers.c.name))}
    own = {number: thresholds[name] for number, name in names.items() if name in thresholds}
    least = case(own, value=photo_labels.c.label_id, else_=DEFAULT_SCORE) if own else DEFAULT_SCORE
    missing = select(photos.c.id).where(photos.c.missing_since.is_not(None))
    rows = connection.execute(
        select(photo_labels.c.label_id, photo_labels.c.tagger_id, func.count())
        .where(photo_labels.c.score >= least, photo_labels.c.photo_id.not_in(missing))
        .group_by(photo_labels.c.label_id, photo_labels.c.tagger_id)
    )
    said = {*connection.scalars(select(corrections.c.label_id).where(corrections.c.present == 1).distinct())}
    found = [
        (number, names[label_id], sources.get(tagger_id, "you" if label_id in said else "keywords"))
        for label_id, tagger_id, number in rows
    ]
    counts: dict[str, int] = {}
    source: dict[str, str] = {}
    for number, label, tagger in sorted(found, key=lambda row: (-row[0], row[1:])):
        counts[label] = counts.get(label, 0) + number
        source.setdefault(label, tagger)
    return [
        LabelCount(label, counts[label], source[label], thresholds.get(label, DEFAULT_SCORE))
        for label in sorted(counts, key=lambda label: (-counts[label], label))
    ]


def read_words(add: Iterable[str], remove: Iterable[str]) -> dict[str, bool]:
    """Label -> whether it is in the photo. The two labels about smiles come back as phototag.smiling
    spells them. Raises UsageError for an empty label, one that is not text, and for words that
    contradict each other."""
    words: dict[str, bool] = {}
    spelled: dict[str, str] = {}
    for label, present in [(label, True) for label in add] + [(label, False) for label in remove]:
        label = unicodedata.normalize("NFC", label.strip())
        if escape_surrogates(label) != label:
            raise UsageError(f"{escape_surrogates(label)} is not valid text; type the label again")
        if not label:
            raise UsageError(
                "a label needs at least one letter; type for example: phototag tag PHOTO +grandma"
            )
        label = smiling.reserved(label) or label
        label = spelled.setdefault(fold(label), label)
        if words.setdefault(label, present) != present:
            raise UsageError(f"{label!r} is both added and removed; say one of the two")
    for word, holds in words.items():
        if (
            (other := smiling.contradicted(word, holds))
            and words.get(other) is not None
            and words[other] != holds
        ):
            raise UsageError(f"{word!r} and {other!r} contradict each other; say one of the two")
    return words


def correct(
    connection: Connection, change: Change, photo_ids: Sequence[int], words: Mapping[str, bool]
) -> None:
    """Store what `read_words` read about each of these photos, in place of earlier words about the
    same. The photos' label rows must have been forgotten, and their summaries are to be computed again."""
    known = connection.execute(select(labels.c.name).order_by(labels.c.id.desc())).scalars()
    spelling = {fold(name): name for name in known}  # +Dog means the dog that taggers see
    words = {
        label if smiling.reserved(label) else spelling.get(fold(label), label): present
        for label, present in words.items()
    }
    # the opposite of what is said, and what cannot stand beside it
    outdated = {(label, not present) for label, present in words.items()}
    outdated |= {
        (other, not holds) for word, holds in words.items() if (other := smiling.contradicted(word, holds))
    }
    label_ids = ensure_ids(connection, labels.c.name, {label for label, _ in outdated})
    for ids in chunks(photo_ids):
        is_outdated = [
            and_(corrections.c.label_id == label_ids[label], corrections.c.present == int(present))
            for label, present in sorted(outdated)
        ]
        change.delete(corrections, and_(corrections.c.photo_id.in_(ids), or_(false(), *is_outdated)))
        said = {
            tuple(row)
            for row in connection.execute(
                select(corrections.c.photo_id, corrections.c.label_id).where(
                    corrections.c.photo_id.in_(ids), corrections.c.label_id.in_(label_ids.values())
                )
            )
        }
        rows = [
            {"photo_id": photo_id, "label_id": label_ids[label], "present": int(present)}
            for photo_id in ids
            for label, present in words.items()
            if (photo_id, label_ids[label]) not in said
        ]
        change.insert(corrections, rows)

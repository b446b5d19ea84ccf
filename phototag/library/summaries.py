"""What is kept of a photo's answers beside them, so that questions are index lookups. Pure until
the last functions.

A summary follows from the photo's answers and the user's corrections alone: it can be computed
again at any time."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from phototag.library.answers import chunks, load_answers, marks
from phototag.library.database import ask, put
from phototag.library.names import Names
from phototag.query.terms import EMOTIONS
from phototag.records import Tag

MEASURES = frozenset({"sharpness", "smile"})  # numbers about a face, nothing one would ask for as a label


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
    """Beside the labels: how many faces (None: nobody looked), least and greatest smile of those
    that count."""

    faces: int | None = None
    least_smile: float | None = None
    greatest_smile: float | None = None
    labels: dict[str, LabelSummary] = field(default_factory=dict)


def summarise(answers: Mapping[str, Sequence[Tag]], corrections: Mapping[str, bool]) -> Summary:
    """The summary of good answers (tagger -> tags) and of the user's own words (label -> whether it
    is in the photo)."""
    summary = Summary()
    if "faces" in answers:
        summary.faces = sum(tag.label == "face" for tag in answers["faces"])
    for tagger, tags in answers.items():
        for tag in _likeliest_emotions(tags) if tagger == "smiles" else tags:
            if tag.label in MEASURES:
                continue
            if tag.label == "everyone smiling":
                summary.least_smile = tag.score
            elif tag.label == "anyone smiling":
                summary.greatest_smile = tag.score
            _add(summary.labels, tagger, tag)
    for label, present in corrections.items():
        seen = summary.labels.pop(label, None)
        if present:
            count, share = (seen.count, seen.share) if seen else (1, 1.0)
            summary.labels[label] = LabelSummary(None, count, 1.0, share, math.sqrt(share))
    return summary


def _add(labels: dict[str, LabelSummary], tagger: str, tag: Tag) -> None:
    box = tag.box
    share = (box.right - box.left) * (box.bottom - box.top) if box else 1.0
    rank = tag.score * math.sqrt(share)
    seen = labels.get(tag.label)
    if seen is None:
        labels[tag.label] = LabelSummary(tagger, 1, tag.score, share, rank)
        return
    seen.count += 1
    seen.share = max(seen.share, share)
    if tag.score > seen.score:
        seen.score, seen.tagger = tag.score, tagger
    seen.rank = max(seen.rank, rank)


def _likeliest_emotions(tags: Sequence[Tag]) -> list[Tag]:
    """Of each face only the likeliest emotion, and all that is no emotion."""
    others, likeliest = [], []
    for tag in tags:
        if tag.label not in EMOTIONS:
            others.append(tag)
        # a face's emotions come in a row, with one box
        elif not likeliest or likeliest[-1].box is not tag.box:
            likeliest.append(tag)
        elif tag.score > likeliest[-1].score:
            likeliest[-1] = tag
    best: dict[object, Tag] = {}
    for tag in likeliest:
        if (seen := best.get(tag.box)) is None or tag.score > seen.score:
            best[tag.box] = tag
    return others + list(best.values())


def forget(connection: Connection, photo_ids: Collection[int]) -> None:
    """Take away the label rows of these photos. To be called before their answers or corrections
    change: these say which rows there are, so that the largest table needs no index by photo."""
    for ids in chunks(photo_ids):
        pairs = ask(
            connection,
            f"SELECT t.label_id, a.photo_id FROM answers a JOIN tags t ON t.answer_id = a.id WHERE a.photo_id IN ({marks(ids)}) "
            f"UNION SELECT label_id, photo_id FROM corrections WHERE photo_id IN ({marks(ids)})",
            (*ids, *ids),
        ).fetchall()
        put(connection, "DELETE FROM photo_labels WHERE label_id = ? AND photo_id = ?", pairs)


def insert(connection: Connection, summaries: Mapping[int, Summary], labels: Names, taggers: Names) -> None:
    """The label rows of these photos (photo id -> summary), which have none."""
    label_ids = labels.ids(connection, {label for summary in summaries.values() for label in summary.labels})
    names = {row.tagger for summary in summaries.values() for row in summary.labels.values() if row.tagger}
    tagger_ids: dict[str | None, int | None] = {None: None, **taggers.ids(connection, names)}
    rows = [
        (label_ids[label], photo_id, tagger_ids[row.tagger], row.count, row.score, row.share, row.rank)
        for photo_id, summary in summaries.items()
        for label, row in summary.labels.items()
    ]
    rows.sort()  # neighbours in the table, which is clustered by label
    put(
        connection,
        "INSERT INTO photo_labels (label_id, photo_id, tagger_id, count, score, share, rank) VALUES (?, ?, ?, ?, ?, ?, ?)",
        rows,
    )


def corrections_of(connection: Connection, photo_ids: Iterable[int]) -> dict[int, dict[str, bool]]:
    """Photo id -> label -> whether the user says it is in the photo."""
    found: dict[int, dict[str, bool]] = {}
    for ids in chunks(photo_ids):
        rows = ask(
            connection,
            "SELECT c.photo_id, l.name, c.present FROM corrections c JOIN labels l ON l.id = c.label_id "
            f"WHERE c.photo_id IN ({marks(ids)}) ORDER BY c.photo_id, l.name",
            ids,
        )
        for photo_id, label, present in rows:
            found.setdefault(photo_id, {})[label] = bool(present)
    return found


def compute_again(connection: Connection, photo_ids: Collection[int], labels: Names, taggers: Names) -> None:
    """Write the summaries of these photos, whose label rows were forgotten, from what is stored of them."""
    for ids in chunks(photo_ids):
        corrections = corrections_of(connection, ids)
        answers = load_answers(connection, ids)
        summaries, columns = {}, []
        for photo_id in ids:
            known = answers.get(photo_id, {})
            good = {tagger: answer.tags for tagger, answer in known.items() if answer.error is None}
            summary = summaries[photo_id] = summarise(good, corrections.get(photo_id, {}))
            counts = len(good), len(known) - len(good)
            columns.append((summary.faces, summary.least_smile, summary.greatest_smile, *counts, photo_id))
        insert(connection, summaries, labels, taggers)
        put(
            connection,
            "UPDATE photos SET faces = ?, least_smile = ?, greatest_smile = ?, answered = ?, failed = ? WHERE id = ?",
            columns,
        )

"""How good the faces tagger is, with FacenessNet's opinion and without: the figures of its model card.

Who answers "is everyone smiling" is decided as for a catalog, by phototag.smiling."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from phototag.nets.faceness.candidates import INSIDE, SAME_FACE, Truth, share_inside
from phototag.records import Box, Tag
from phototag.smiling import MIN_SCORE, eligible, join_faces

# Of scores: where most lie, and around the score from which on a face is certain.
BINS = (0.0, 0.1, 0.5, 0.8, 0.9, 0.95, 0.99, 1.0)
GROUP = 3  # labelled faces from which on a photo is of a group


@dataclass(frozen=True)
class Seen:
    """What was said of one photo. `alone`: the detector's tags with its own scores, `judged`: the same
    with FacenessNet's; `sharpness`: tags of the sharpness tagger."""

    name: str
    truth: Truth
    alone: Sequence[Tag]
    judged: Sequence[Tag]
    sharpness: Sequence[Tag]


def measure(photos: Sequence[Seen]) -> dict:
    """Every figure of `phototag evaluate faces`. `without_people`: of photos where nobody is. `faces`:
    of labelled ones; a sure box on none of them, nor on what is unclear, is one of the `others`."""
    empty = [photo for photo in photos if not photo.truth.has_people]
    peopled = [photo for photo in photos if photo.truth.has_people]
    labelled = [photo for photo in photos if photo.truth.faces]
    groups = [photo for photo in labelled if len(photo.truth.faces) >= GROUP]
    answering = [photo.name for photo in empty if any(_counts(photo, photo.judged).eligible)]
    return {
        "n": len(photos),
        "min_score": MIN_SCORE,
        "without_people": {
            "n": len(empty),
            "clear": sum(not photo.truth.unclear for photo in empty),
            "detector": _photo_counts(empty, judged=False),
            "tagger": _photo_counts(empty, judged=True),
            "answering": answering,
        },
        "with_people": {
            "n": len(peopled),
            "detector": _photo_counts(peopled, judged=False),
            "tagger": _photo_counts(peopled, judged=True),
        },
        "faces": {
            "n": sum(len(photo.truth.faces) for photo in labelled),
            "detector": _face_counts(photos, judged=False),
            "tagger": _face_counts(photos, judged=True),
        },
        "calibration": _calibration(photos),
        "groups": {
            "n": len(groups),
            "faces": sum(len(photo.truth.faces) for photo in groups),
            "detector": _face_counts(groups, judged=False),
            "tagger": _face_counts(groups, judged=True),
        },
    }


@dataclass(frozen=True)
class _Counting:
    sure: list[bool]
    eligible: list[bool]


def _counts(photo: Seen, tags: Sequence[Tag]) -> _Counting:
    faces = join_faces({"faces": tags, "sharpness": photo.sharpness})
    return _Counting([face.score >= MIN_SCORE for face in faces], eligible(faces))


def _tags(photo: Seen, judged: bool) -> Sequence[Tag]:
    return photo.judged if judged else photo.alone


def _photo_counts(photos: Sequence[Seen], judged: bool) -> dict[str, int]:
    """Photos with a sure face, and those with an eligible one, which answer "is everyone smiling"."""
    counts = [_counts(photo, _tags(photo, judged)) for photo in photos]
    return {
        "sure": sum(any(counting.sure) for counting in counts),
        "answering": sum(any(counting.eligible) for counting in counts),
    }


def _face_counts(photos: Sequence[Seen], judged: bool) -> dict[str, int]:
    """Labelled faces that are found surely and that are eligible, and sure boxes on no face."""
    found = {"sure": 0, "eligible": 0, "others_sure": 0, "others_eligible": 0}
    for photo in photos:
        tags = _tags(photo, judged)
        counts = _counts(photo, tags)
        matched = match([tag.box for tag in tags if tag.box], photo.truth.faces)
        for tag, face, sure, is_eligible in zip(tags, matched, counts.sure, counts.eligible, strict=True):
            kind = "" if face is not None else "others_"
            if face is None and (tag.box is None or photo.truth.says(tag.box) is not False):
                continue  # unclear, or a second box on a face
            found[f"{kind}sure"] += sure
            found[f"{kind}eligible"] += is_eligible
    return found


def match(boxes: Sequence[Box], faces: Sequence[Box]) -> list[int | None]:
    """For each box, surest first, the labelled face that it finds: each face is found once."""
    free, found = set(range(len(faces))), []
    for box in boxes:
        best = max(free, key=lambda i: box.iou(faces[i]), default=None)
        if best is not None and box.iou(faces[best]) < SAME_FACE:
            best = None
        free.discard(best)
        found.append(best)
    return found


def _calibration(photos: Sequence[Seen]) -> list[dict[str, float | None]]:
    """Of boxes by their score: how many, their mean score, and the share that are faces. In photos with
    people but without labelled faces nobody knows."""
    scores, right = [], []
    for photo in photos:
        for tag in photo.judged:
            says = photo.truth.says(tag.box) if tag.box else None
            if says is None or (
                photo.truth.people and not photo.truth.faces and _is_in_person(photo, tag.box)
            ):
                continue
            scores.append(tag.score)
            right.append(says)
    known, faces = np.array(scores), np.array(right, bool)
    rows: list[dict[str, float | None]] = []
    for low, high in itertools.pairwise(BINS):
        here = (known >= low) & ((known < high) | (high == BINS[-1]))
        count = int(here.sum())
        rows.append(
            {
                "from": low,
                "to": high,
                "n": count,
                "mean_score": float(known[here].mean()) if count else None,
                "faces": float(faces[here].mean()) if count else None,
            }
        )
    return rows


def _is_in_person(photo: Seen, box: Box | None) -> bool:
    return box is not None and any(share_inside(box, person) >= INSIDE for person in photo.truth.people)


def fit(
    logits: torch.Tensor, detector_logits: torch.Tensor, is_face: torch.Tensor
) -> tuple[float, float, float]:
    """Platt's scaling (1999) over both nets' logits, (N,) each -> what each counts, and the bias. Held
    towards equal trust in the net, because hardly a candidate is wrong and the fit would trust it blindly."""
    logits, detector_logits = logits.clone(), detector_logits.clone()  # of inference mode: no gradients
    numbers = torch.tensor([1.0, 0.0, 0.0], requires_grad=True)
    optimiser = torch.optim.LBFGS([numbers], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        net, detector, bias = numbers
        score = net * logits + detector * detector_logits + bias
        loss = torch.nn.functional.binary_cross_entropy_with_logits(score, is_face.float())
        loss = loss + 0.01 * ((net - 1) ** 2 + detector**2)
        loss.backward()
        return loss

    optimiser.step(closure)
    net, detector, bias = numbers.tolist()
    return net, max(0.0, detector), bias

"""A photo's own page: everything that is known of it in words, and why it counts as smiling or not."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from phototag.highlights import captions
from phototag.query.complete import quoted
from phototag.query.terms import RELIABLE_EMOTIONS, is_found
from phototag.reading.taken import SOURCE_SENTENCES
from phototag.records import Box, Face, Photo, Tag
from phototag.smiling import SMILE_THRESHOLD, Judgement, judge
from phototag.web.answers import name_of
from phototag.web.elements import box_element
from phototag.web.heat import SMILE

NAMED_BY = {"sidecar": "a sidecar", "embedded": "the file", "group": "likeness"}


def photo_dict(photo: Photo, thresholds: Mapping[str, float]) -> dict[str, Any]:
    """What the page shows. `boxes`: elements over the photo, of the faces in their order, then of things.
    `heat`: what a heat map can be asked for of."""
    faces = [
        face_dict(face, judged, number)
        for number, (face, judged) in enumerate(zip(photo.faces, judge(photo.faces), strict=True), 1)
    ]
    things = sorted(photo.objects, key=_surest_first)
    found = [tag for tag in things if is_found(tag.label, tag.score, thresholds)]
    kinds = [tag for tag in photo.kinds if is_found(tag.label, tag.score, thresholds)]
    unsure = ", ".join(f"{tag.label} {tag.score:.2f}" for tag in things if tag not in found)
    face_boxes = [
        box_element(face.box, known["kind"], known["mark"])
        for face, known in zip(photo.faces, faces, strict=True)
    ]
    thing_boxes = [
        box_element(tag.box, "thing", f"{tag.label} {tag.score:.2f}") for tag in found if tag.box is not None
    ]
    return {
        "id": photo.photo_id,
        "width": photo.width,
        "height": photo.height,
        # That a date is a guess is said once, by what it comes from.
        "taken_text": captions.moment_of(photo).removesuffix(captions.GUESSED),
        "taken_source": SOURCE_SENTENCES.get(photo.taken_from or "", ""),
        "alt": _describe(photo),
        "warnings": _warnings(photo),
        "everyone_smiling": photo.everyone_smiling,
        "why": why_smiling(photo),
        "smile_words": dict(photo.smile_words),
        "faces": faces,
        "denied_faces": [{"number": face.number, "box": _edges(face.box)} for face in photo.denied_faces],
        "boxes": face_boxes + thing_boxes,
        "heat": ([SMILE] if any(face["eligible"] for face in faces) else []) + _labels(found),
        "labels": [_labelled(label) for label in photo.user_labels],
        "shows": [_labelled(label) for label in _labels(found + kinds)],
        "unsure": f"Too unsure to be found: {unsure}" if unsure else "",
        "facts": [[name, value] for name, value in _facts(photo).items() if value],
    }


def face_dict(face: Face, judged: Judgement, number: int) -> dict[str, Any]:
    """A face: its `title`, what is `says` of its smile, and `notes`."""
    smiles = None if face.smile is None else face.smile >= SMILE_THRESHOLD
    title = f"Face {face.number or number}"
    if face.person:
        title = face.person.name + ("" if face.is_person_certain else "?")
    return {
        "number": face.number,
        "box": _edges(face.box),
        "title": title,
        "mark": title if face.smile is None else f"{title} {face.smile:.2f}",
        "kind": "aside" if not judged.eligible or smiles is None else "smiles" if smiles else "sober",
        "says": _tell_smile(face, smiles),
        "notes": _notes(face, judged),
        "eligible": judged.eligible,
        "person": face.person and face.person.name,
        "is_person_certain": face.is_person_certain,
        "smile_word": face.smile_word,
        "is_added": face.is_added,
        "has_words": face.is_added
        or face.is_vouched
        or face.person_source == "word"
        or bool(face.not_persons),
    }


def _tell_smile(face: Face, smiles: bool | None) -> str:
    if face.smile is None:
        return "not looked at yet"
    verb = "smiles" if smiles else "does not smile"
    if face.smile_word is not None:
        return f"{verb} (your word)"
    doubt = "" if face.emotion in RELIABLE_EMOTIONS else "perhaps "
    return f"{verb} ({face.smile:.2f})" + (f", {doubt}{face.emotion}" if face.emotion else "")


def _notes(face: Face, judged: Judgement) -> list[str]:
    notes = []
    if face.person and face.person_source in NAMED_BY:
        notes.append(f"named by {NAMED_BY[face.person_source]}")
    if judged.failed:
        numbers = ""
        if judged.value is not None and judged.threshold is not None:
            numbers = f" ({judged.value:.2f}, needed {judged.threshold:.2f})"
        notes.append(f"does not count: {judged.failed}{numbers}")
    return notes


def _warnings(photo: Photo) -> list[str]:
    gone = [f"Its file is gone since {photo.missing_since:%Y-%m-%d}."] if photo.missing_since else []
    return gone + [
        f"Could not be read by {tagger}: {captions.visible(error)}" for tagger, error in photo.errors.items()
    ]


def _facts(photo: Photo) -> dict[str, str | None]:
    size = (
        f"{photo.size_bytes / 1e6:.1f} MB" if photo.size_bytes >= 1e6 else f"{photo.size_bytes / 1e3:.0f} kB"
    )
    pixels = f"{photo.width} × {photo.height} pixels, " if photo.width else ""
    at = "" if photo.latitude is None else f"{photo.latitude:.5f}, {photo.longitude:.5f}"
    return {
        "Name": name_of(photo.path),
        "Folder": captions.visible(os.path.dirname(photo.path)),
        "Size": pixels + size,
        "Camera": photo.camera and captions.visible(photo.camera),
        "Place": ", ".join([*photo.places, *([at] if at else [])]),
        "Detector": photo.detector,
    }


def _describe(photo: Photo) -> str:
    """The photo in a few words, for who hears the page."""
    taken = captions.moment_of(photo).removesuffix(captions.GUESSED)
    said = [f"Photo of {taken}", SOURCE_SENTENCES.get(photo.taken_from or "", ""), *photo.user_labels]
    return ", ".join(filter(None, said))


def _labels(tags: list[Tag]) -> list[str]:
    return list(dict.fromkeys(tag.label for tag in tags))


def _labelled(label: str) -> dict[str, str]:
    return {"label": label, "term": quoted(label)}


def _surest_first(tag: Tag) -> float:
    return -tag.score


def why_smiling(photo: Photo) -> str:
    """Why everyone smiles in it, does not, or why it cannot be told: one sentence."""
    if photo.smile_words:
        said = ", ".join(f"{word}: {'yes' if holds else 'no'}" for word, holds in photo.smile_words.items())
        return f"You say so ({said})."
    if photo.errors.keys() & {"decode", "faces", "smiles"}:
        return "It could not be looked at."
    judged = list(zip(photo.faces, judge(photo.faces), strict=True))
    counting = [face for face, seen in judged if seen.eligible and face.smile is not None]
    if not photo.faces:
        return "No face was found."
    if not counting:
        return (
            f"None of its {captions.count(len(photo.faces), 'face')} is sure, whole, large and sharp enough."
        )
    aside = len(photo.faces) - len(counting)
    verb = "does" if aside == 1 else "do"
    beside = f"; {captions.count(aside, 'other face')} beside {verb} not count" if aside else ""
    smiling = sum(face.smile >= SMILE_THRESHOLD for face in counting if face.smile is not None)
    if smiling == len(counting):
        return (
            f"All {len(counting)} faces that count smile{beside}."
            if smiling > 1
            else (f"The one face that counts smiles{beside}.")
        )
    return (
        f"{smiling} of the {len(counting)} faces that count {'smiles' if smiling == 1 else 'smile'}{beside}."
    )


def _edges(box: Box | None) -> list[float] | None:
    return [round(edge, 5) for edge in box] if box else None

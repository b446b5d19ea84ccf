"""What is known of a photo, as JSON tells it: docs/schemas says what each key means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from phototag.query.terms import is_found
from phototag.records import Box, Face, Photo, iso_date


def photo_dict(photo: Photo, thresholds: Mapping[str, float]) -> dict[str, Any]:
    """One line of `query --json`: keys are a promise to scripts. `thresholds`: label -> the score from
    which on a question finds it, see Library.thresholds."""

    def label_dict(label: str, score: float) -> dict[str, Any]:
        return {"label": label, "score": round(score, 4), "found": is_found(label, score, thresholds)}

    def face_dict(face: Face) -> dict[str, Any]:
        return {
            "number": face.number,
            "box": _box(face.box),
            "score": round(face.score, 4),
            "smile": None if face.smile is None else round(face.smile, 4),
            "smile_word": face.smile_word,
            "emotion": face.emotion,
            "emotion_scores": {name: round(score, 4) for name, score in face.emotions.items()},
            "labels": [label_dict(label, score) for label, score in face.said.items()],
            "person": face.person.name if face.person else None,
            "person_source": face.person_source,
            "person_certain": face.is_person_certain,
            "not_persons": [person.name for person in face.not_persons],
            "added": face.is_added,
        }

    return {
        "path": photo.path,
        "taken_at": iso_date(photo.taken_text),
        "taken_from": photo.taken_from,
        "utc_offset": photo.utc_offset,
        "width": photo.width,
        "height": photo.height,
        "camera": photo.camera,
        "latitude": photo.latitude,
        "longitude": photo.longitude,
        "places": list(photo.places),
        "missing_since": photo.missing_since.isoformat() if photo.missing_since else None,
        "everyone_smiling": photo.everyone_smiling,
        "smile_words": dict(photo.smile_words),
        "objects": [{**label_dict(tag.label, tag.score), "box": _box(tag.box)} for tag in photo.objects],
        "detector": photo.detector,
        "kinds": [label_dict(tag.label, tag.score) for tag in photo.kinds],
        "faces": [face_dict(face) for face in photo.faces],
        "not_faces": [face_dict(face) for face in photo.denied_faces],
        "persons": [
            {
                "name": one.person.name,
                "faces": one.faces,
                "smile": None if one.smile is None else round(one.smile, 4),
                "source": one.source,
                "certain": one.certain,
            }
            for one in photo.persons
        ],
        "user_labels": list(photo.user_labels),
        "rating": photo.written.rating,
        "color_label": photo.written.color_label,
        "title": photo.written.title,
        "description": photo.written.description,
        "keywords": [one.split("|") for one in photo.written.keywords],
        "metadata_from": dict(photo.written.sources),
        "errors": dict(photo.errors),
    }


def export_dict(photo: Photo, thresholds: Mapping[str, float]) -> dict[str, Any]:
    """The same, and the rest of what is known: one photo of `export --json`."""
    return photo_dict(photo, thresholds) | {
        "size_bytes": photo.size_bytes,
        "content_hash": photo.content_hash,
        "orientation": photo.orientation,
        "least_smile": _rounded(photo.least_smile),
        "greatest_smile": _rounded(photo.greatest_smile),
        "sharpness": _rounded(photo.sharpness),
    }


def _box(box: Box | None) -> list[float] | None:
    return [round(edge, 5) for edge in box] if box else None


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 4)

"""Records as the page's JSON. ASCII with escapes: undecodable bytes of file names travel as lone
surrogates, which JavaScript keeps."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from starlette.responses import Response

from phototag.highlights import captions
from phototag.library.facets import Facet
from phototag.library.grid import Grid
from phototag.query.terms import RELIABLE_EMOTIONS, is_found
from phototag.reading.taken import SOURCE_SENTENCES
from phototag.records import Box, Photo, PhotoLine
from phototag.smiling import SMILE_THRESHOLD, judge


class JSONAnswer(Response):
    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def grid_bytes(grid: Grid, revision: str, notes: Sequence[str] = ()) -> bytes:
    """Little-endian: the length of a JSON header in bytes (uint32), the header, padded with blanks to a
    multiple of four, then an id (uint32) for each photo, then a ratio of width to height in thousandths
    (uint16) for each. The header: `photos`, `revision`, `sections`, each [month, photos, of these
    dated by their file alone], and `notes`, what to say of the question."""
    sections = [[section.month, section.photos, section.guessed] for section in grid.sections]
    told = {"photos": len(grid.ids), "revision": revision, "sections": sections, "notes": [*notes]}
    header = json.dumps(told).encode()
    header += b" " * (-len(header) % 4)
    ids, ratios = grid.ids, grid.ratios
    if struct.pack("=H", 1) != struct.pack("<H", 1):
        ids, ratios = ids[:], ratios[:]
        ids.byteswap()
        ratios.byteswap()
    return struct.pack("<I", len(header)) + header + ids.tobytes() + ratios.tobytes()


def position_bytes(positions: Sequence[tuple[int, float, float]]) -> bytes:
    """Little-endian: how many photos (uint32), the id of each (uint32), then latitude and longitude of each
    in degrees (float32)."""
    number = len(positions)
    degrees = [value for _, latitude, longitude in positions for value in (latitude, longitude)]
    ids = [photo_id for photo_id, _, _ in positions]
    return struct.pack(f"<I{number}I{2 * number}f", number, *ids, *degrees)


def facet_dict(facet: Facet) -> dict[str, Any]:
    """`values` is null where there were too many to count in time."""
    return asdict(facet)


def line_dict(line: PhotoLine, thresholds: Mapping[str, float]) -> dict[str, Any]:
    """A photo in the grid."""
    things: dict[str, int] = {}
    for label, score in sorted(line.things, key=_surest_first):
        if is_found(label, score, thresholds):
            things[label] = things.get(label, 0) + 1
    kinds = [label for label, score in line.kinds if is_found(label, score, thresholds)]
    return {
        "id": line.photo_id,
        "name": _name(line.path),
        "taken": line.taken_text,
        "date_is_guessed": line.date_is_guessed,
        "everyone_smiling": line.everyone_smiling,
        "faces": line.faces,
        "things": [f"{number} {label}" if number > 1 else label for label, number in things.items()],
        "kinds": [label for label in kinds if label not in things],
        "labels": list(line.user_labels),
        "persons": list(line.persons),
        "error": line.error,
    }


def _surest_first(thing: tuple[str, float]) -> float:
    return -thing[1]


def photo_dict(photo: Photo, thresholds: Mapping[str, float]) -> dict[str, Any]:
    """The photo's own page: everything that is known of it, and why it counts as smiling or not."""
    faces = []
    for face, judged in zip(photo.faces, judge(photo.faces), strict=True):
        emotion = face.emotion if face.emotion in RELIABLE_EMOTIONS else None
        faces.append(
            {
                "number": face.number,
                "box": _box(face.box),
                "score": round(face.score, 3),
                "person": face.person and face.person.name,
                "person_source": face.person_source,
                "is_person_certain": face.is_person_certain,
                "smile_word": face.smile_word,
                "is_added": face.is_added,
                "has_words": face.is_vouched or face.person_source == "word" or bool(face.not_persons),
                "smile": None if face.smile is None else round(face.smile, 3),
                "smiles": None if face.smile is None else face.smile >= SMILE_THRESHOLD,
                "emotion": emotion,
                "perhaps": None if emotion else face.emotion,
                "eligible": judged.eligible,
                "reason": str(judged.failed) if judged.failed else None,
                "value": None if judged.value is None else round(judged.value, 3),
                "needed": None if judged.threshold is None else round(judged.threshold, 3),
                "labels": [label for label, score in face.said.items() if is_found(label, score, thresholds)],
            }
        )
    return {
        "id": photo.photo_id,
        "name": _name(photo.path),
        "folder": captions.visible(os.path.dirname(photo.path)),
        "width": photo.width,
        "height": photo.height,
        "size_bytes": photo.size_bytes,
        "taken": photo.taken_text,
        "taken_text": captions.moment_of(photo),
        "taken_from": photo.taken_from,
        "taken_source": SOURCE_SENTENCES.get(photo.taken_from or "", ""),
        "date_is_guessed": photo.date_is_guessed,
        "camera": photo.camera and captions.visible(photo.camera),
        "latitude": photo.latitude,
        "longitude": photo.longitude,
        "missing_since": photo.missing_since.date().isoformat() if photo.missing_since else None,
        "everyone_smiling": photo.everyone_smiling,
        "why": why_smiling(photo),
        "smile_threshold": SMILE_THRESHOLD,
        "smile_words": dict(photo.smile_words),
        "faces": faces,
        "denied_faces": [{"number": face.number, "box": _box(face.box)} for face in photo.denied_faces],
        "persons": [each.person.name for each in photo.persons],
        "places": list(photo.places),
        "things": [
            {
                "label": tag.label,
                "score": round(tag.score, 3),
                "box": _box(tag.box),
                "found": is_found(tag.label, tag.score, thresholds),
            }
            for tag in sorted(photo.objects, key=lambda tag: -tag.score)
        ],
        "kinds": [
            {"label": tag.label, "score": round(tag.score, 3)}
            for tag in photo.kinds
            if is_found(tag.label, tag.score, thresholds)
        ],
        "detector": photo.detector,
        "labels": list(photo.user_labels),
        "errors": {tagger: captions.visible(error) for tagger, error in photo.errors.items()},
    }


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


def _box(box: Box | None) -> list[float] | None:
    return [round(edge, 5) for edge in box] if box else None


def _name(path: str) -> str:
    return captions.visible(os.path.basename(path))

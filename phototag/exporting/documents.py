"""What is known of photos as one document: JSON, CSV, COCO and GeoJSON. Each comes as pieces of text, to be
written one after the other, so that a large catalog takes little memory. The schemas are in docs/schemas.

Embeddings of faces are in none of them: they tell who somebody is, and stay in the catalog."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from phototag.exporting.describe import export_dict
from phototag.exporting.words import found_labels
from phototag.outputs import csv_line
from phototag.query.terms import is_found
from phototag.records import Box, Photo, iso_date
from phototag.storage.address import common_address, is_remote

VERSION = 1  # of the schemas docs/schemas/export*.schema.json
FACE = "face"  # the category of faces in COCO
CSV_COLUMNS = (
    "path",
    "content_hash",
    "size_bytes",
    "width",
    "height",
    "taken_at",
    "taken_from",
    "camera",
    "latitude",
    "longitude",
    "places",
    "faces",
    "persons",
    "everyone_smiling",
    "least_smile",
    "greatest_smile",
    "things",
    "user_labels",
    "rating",
    "color_label",
    "title",
    "description",
    "keywords",
    "sharpness",
    "missing_since",
    "errors",
)
SEPARATOR = "; "  # between several things in one cell


def json_pieces(photos: Iterable[Photo], thresholds: Mapping[str, float]) -> Iterator[str]:
    """All that is known: one object for each photo, on a line of its own."""
    yield f'{{"format": "phototag", "version": {VERSION}, "photos": ['
    for number, photo in enumerate(photos):
        yield ("," if number else "") + "\n" + _dump(export_dict(photo, thresholds))
    yield "\n]}\n"


def csv_pieces(
    photos: Iterable[Photo], thresholds: Mapping[str, float], *, min_score: float = 0.0
) -> Iterator[str]:
    """One line for each photo, after a line with the names of the columns. Text may hold surrogates, as
    paths do that are no UTF-8."""
    yield csv_line(CSV_COLUMNS)
    for photo in photos:
        cells = _cells(photo, found_labels(photo, thresholds, min_score))
        yield csv_line(_cell(cells[column]) for column in CSV_COLUMNS)


def coco_pieces(
    photos: Iterable[Photo],
    thresholds: Mapping[str, float],
    folder: str,
    *,
    min_score: float = 0.0,
    with_faces: bool = False,
) -> Iterator[str]:
    """COCO's form for boxes (https://cocodataset.org/#format-data): of the things that a question would
    find, and with `with_faces` of faces, with the names and smiles they have. Boxes are in pixels of the
    upright photo. File names are relative to `folder`. Photos of unknown size are left out."""
    info = {"description": "phototag", "version": str(VERSION), "folder": folder}
    yield f'{{"info": {_dump(info)},\n"licenses": [],\n"images": ['
    categories: dict[str, int] = {}
    annotations: list[str] = []  # as text: a tenth of what dicts would take
    number = 0
    for photo in photos:
        if not photo.width or not photo.height:
            continue
        number += 1
        image = {
            "id": number,
            "file_name": _relative(photo.path, folder),
            "width": photo.width,
            "height": photo.height,
            "exif_orientation": photo.orientation,
        }
        yield ("," if number > 1 else "") + "\n" + _dump(image)
        for label, box, more in _boxes(photo, thresholds, min_score, with_faces):
            left, top = box.left * photo.width, box.top * photo.height
            width, height = box.width * photo.width, box.height * photo.height
            annotation = {
                "id": len(annotations) + 1,
                "image_id": number,
                "category_id": categories.setdefault(label, len(categories) + 1),
                "bbox": [round(edge, 2) for edge in (left, top, width, height)],
                "area": round(width * height, 2),
                "iscrowd": 0,
                **more,
            }
            annotations.append(_dump(annotation))
    yield '\n],\n"annotations": ['
    for i, text in enumerate(annotations):
        yield ("," if i else "") + "\n" + text
    named = [{"id": i, "name": label, "supercategory": ""} for label, i in categories.items()]
    yield '\n],\n"categories": ' + _dump(named) + "}\n"


def geojson_pieces(
    photos: Iterable[Photo], thresholds: Mapping[str, float], *, min_score: float = 0.0
) -> Iterator[str]:
    """A point for each photo that has a place (RFC 7946: longitude first, WGS 84)."""
    yield '{"type": "FeatureCollection", "features": ['
    first = True
    for photo in photos:
        if photo.latitude is None or photo.longitude is None:
            continue
        properties = {
            "path": photo.path,
            "taken_at": iso_date(photo.taken_text),
            "taken_from": photo.taken_from,
            "title": photo.written.title,
            "places": list(photo.places),
            "everyone_smiling": photo.everyone_smiling,
            "faces": len(photo.faces),
            "persons": _persons(photo),
            "things": found_labels(photo, thresholds, min_score),
            "user_labels": list(photo.user_labels),
        }
        feature = {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [photo.longitude, photo.latitude]},
            "properties": properties,
        }
        yield ("" if first else ",") + "\n" + _dump(feature)
        first = False
    yield "\n]}\n"


def common_folder(paths: Iterable[str]) -> str:
    """The deepest folder that all these photos lie in; '/' where they share none (of two drives or
    storages: the current one)."""
    found: str | None = None
    for path in paths:
        folder = os.path.dirname(path)
        if found is None:
            found = folder
        elif is_remote(found) or is_remote(folder):
            found = common_address(found, folder)
            if found is None:
                return os.curdir
        else:
            try:
                found = os.path.commonpath((found, folder))
            except ValueError:  # two drives
                return os.curdir
    return found or os.sep


def _relative(path: str, folder: str) -> str:
    """An address that does not lie in the folder stays whole."""
    if is_remote(path):
        return path.removeprefix(folder + "/")
    return os.path.relpath(path, folder).replace(os.sep, "/")


def _boxes(
    photo: Photo, thresholds: Mapping[str, float], min_score: float, with_faces: bool
) -> Iterator[tuple[str, Box, dict[str, Any]]]:
    """(label, box, what else is said of it)."""
    for tag in photo.objects:
        if tag.box and tag.score >= min_score and is_found(tag.label, tag.score, thresholds):
            yield tag.label, tag.box, {"score": round(tag.score, 4)}
    if with_faces:
        for face in photo.faces:
            said = {
                "person": face.person.name if face.person and face.is_person_certain else None,
                "smile": None if face.smile is None else round(face.smile, 4),
            }
            yield FACE, face.box, {"score": round(face.score, 4), "attributes": said}


def _persons(photo: Photo) -> list[str]:
    """Who is in the photo, as far as that is no guess."""
    return [one.person.name for one in photo.persons if one.certain]


def _cells(photo: Photo, things: list[str]) -> dict[str, object]:
    return {
        "path": photo.path,
        "content_hash": photo.content_hash,
        "size_bytes": photo.size_bytes,
        "width": photo.width,
        "height": photo.height,
        "taken_at": iso_date(photo.taken_text),
        "taken_from": photo.taken_from,
        "camera": photo.camera,
        "latitude": photo.latitude,
        "longitude": photo.longitude,
        "places": SEPARATOR.join(photo.places),
        "faces": len(photo.faces),
        "persons": SEPARATOR.join(_persons(photo)),
        "everyone_smiling": photo.everyone_smiling,
        "least_smile": _rounded(photo.least_smile),
        "greatest_smile": _rounded(photo.greatest_smile),
        "things": SEPARATOR.join(things),
        "user_labels": SEPARATOR.join(photo.user_labels),
        "rating": photo.written.rating,
        "color_label": photo.written.color_label,
        "title": photo.written.title,
        "description": photo.written.description,
        "keywords": SEPARATOR.join(photo.written.keywords),
        "sharpness": _rounded(photo.sharpness),
        "missing_since": photo.missing_since.isoformat() if photo.missing_since else None,
        "errors": SEPARATOR.join(f"{tagger}: {error}" for tagger, error in photo.errors.items()),
    }


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 4)


def _dump(value: object) -> str:
    """ASCII with escapes, as all JSON of the program."""
    return json.dumps(value, allow_nan=False)

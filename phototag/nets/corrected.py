"""Training data out of a person's corrections: faces of which they said whether they smile, and photos
of which they said what is in them.

Must not know the catalog: what comes in are its records, each with the person's words about it (label ->
whether it is so)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from phototag.errors import PhototagError, UnreadablePhoto
from phototag.nets.detector.data import LabelledPhoto, Photos
from phototag.nets.smilenet.crop import cut_face
from phototag.nets.smilenet.data import FaceSet
from phototag.nets.smilenet.labels import EMOTIONS
from phototag.outputs import save_picture
from phototag.query.terms import DEFAULT_SCORE
from phototag.query.vocabulary import canonical
from phototag.reading.decode import open_photo
from phototag.records import Photo, Tag
from phototag.smiling import ANYONE, EVERYONE, eligible

WORKING_SIDE = 1333  # long side, pixels: of what faces are cut from, as a scan cuts them
COPY_SIDE = 640  # long side of the copies that a detector is taught with: more than it looks at

Corrected = Iterable[tuple[Photo, Mapping[str, bool]]]


def smiles_said(photo: Photo, words: Mapping[str, bool]) -> bool | None:
    """Whether the eligible faces smile, where the words say it of each of them: of several faces, "not
    everyone" and "someone" leave open who. None: they leave it open."""
    everyone, anyone = words.get(EVERYONE), words.get(ANYONE)
    if everyone or anyone is False:
        return bool(everyone)
    if sum(eligible(photo.faces)) == 1 and (everyone is False or anyone):
        return bool(anyone)
    return None


def read_faces(corrected: Corrected, size: int) -> FaceSet:
    """The eligible faces of photos of which it was said whether everyone, or anyone, smiles; nobody named
    an emotion. The unit of splitting is the photo. Raises PhototagError where there is none."""
    crops, smiles, photos, skipped = [], [], [], {}
    for photo, words in corrected:
        said = smiles_said(photo, words)
        faces = [face for face, good in zip(photo.faces, eligible(photo.faces), strict=True) if good]
        if said is None or not faces:
            continue
        try:
            pixels = open_photo(photo.path, working_side=WORKING_SIDE).pixels
        except UnreadablePhoto as error:
            skipped[photo.path] = str(error)
            continue
        for face in faces:
            crops.append(cut_face(pixels, face.box, face.points, size))
            smiles.append(float(said))
            photos.append(photo.content_hash or photo.path)
    if not crops:
        raise PhototagError(
            "no correction says of a face whether it smiles; type for example: "
            'phototag tag PHOTO -"everyone smiling" (of several faces, -"anyone smiling")'
        )
    return FaceSet(
        torch.from_numpy(np.stack(crops)),
        torch.zeros(len(crops), len(EMOTIONS)),
        torch.tensor(smiles),
        photos,
        skipped,
    )


def read_photos(
    corrected: Corrected, labels: Sequence[str], thresholds: Mapping[str, float], copies: Path
) -> Photos:
    """Photos of which it was said that a thing of `labels` is in them, or is not: what the detector found,
    without what was denied, and with the surest box of what was added, however unsure. A photo with an
    added thing that has no box at all is left out: nobody said where it is. Upright copies go into the
    folder `copies`. Raises PhototagError where there is none."""
    if copies.is_symlink():
        raise PhototagError(f"{copies} is a symbolic link; give another --out folder")
    number = {canonical(label): i for i, label in enumerate(labels, 1)}
    found: list[LabelledPhoto] = []
    for photo, words in corrected:
        said = {canonical(label): holds for label, holds in words.items() if canonical(label) in number}
        tags = _boxes(photo, said, thresholds)
        if not said or tags is None:
            continue
        file = copies / f"{photo.content_hash or len(found)}.jpg"
        try:
            pixels = open_photo(photo.path, working_side=COPY_SIDE).pixels
        except UnreadablePhoto:
            continue
        copies.mkdir(parents=True, exist_ok=True)
        save_picture(Image.fromarray(pixels), file, quality=92)
        height, width = pixels.shape[:2]
        known = [tag for tag in tags if canonical(tag.label) in number and tag.box]
        edges = [[*tag.box] for tag in known if tag.box]
        boxes = np.array(edges, np.float32).reshape(-1, 4) * np.array([width, height] * 2, np.float32)
        numbers = np.array([number[canonical(tag.label)] for tag in known], np.int64)
        found.append(LabelledPhoto(file, width, height, boxes, numbers, np.zeros(len(known), bool)))
    if not found:
        raise PhototagError(
            "no correction is about a thing that the detector knows "
            f"({', '.join(labels)}); type for example: phototag tag PHOTO -cat"
        )
    return Photos(found, tuple(labels))


def _boxes(photo: Photo, said: Mapping[str, bool], thresholds: Mapping[str, float]) -> list[Tag] | None:
    """What is in the photo by what the detector found and the person said; None where they added a thing
    that has no box."""
    kept = []
    for tag in photo.objects:
        if said.get(canonical(tag.label), True) and tag.score >= thresholds.get(tag.label, DEFAULT_SCORE):
            kept.append(tag)
    for label, holds in said.items():
        if not holds or any(canonical(tag.label) == label for tag in kept):
            continue
        unsure = [tag for tag in photo.objects if canonical(tag.label) == label]
        if not unsure:
            return None
        kept.append(max(unsure, key=_score))
    return kept


def _score(tag: Tag) -> float:
    return tag.score

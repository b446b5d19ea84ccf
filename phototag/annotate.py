"""A copy of a photo with what was found drawn on it: boxes, labels, smile scores. Originals are
never written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from phototag.outputs import save_picture
from phototag.query.terms import RELIABLE_EMOTIONS, is_found
from phototag.reading.decode import open_photo
from phototag.records import Box, Face, Photo
from phototag.smiling import SMILE_THRESHOLD, eligible

SIDE = 1600  # long side of the drawing: sharp on a screen, small as a file
SMILES, SOBER, ASIDE, THING = "#1d9e5a", "#c9372c", "#8a8f98", "#2f6fde"


def draw(photo: Photo, target: Path, thresholds: Mapping[str, float], *, force: bool = False) -> None:
    """Write `target`: green boxes for smiles, red for none, grey for faces that are not eligible, blue
    for things. `thresholds`: label -> the score from which on it is drawn, see Library.thresholds.
    `force`: replace a file that phototag did not make. Raises UnreadablePhoto, and PhototagError when
    the target cannot be written."""
    picture = Image.fromarray(open_photo(photo.path, working_side=SIDE).pixels)
    canvas = ImageDraw.Draw(picture)
    unit = max(2, round(max(picture.size) / 400))
    font = ImageFont.load_default(size=unit * 6)
    for tag in photo.objects:
        if tag.box and is_found(tag.label, tag.score, thresholds):
            _box(canvas, picture.size, tag.box, f"{tag.label} {tag.score:.2f}", THING, font, unit)
    for face, is_eligible in zip(photo.faces, eligible(photo.faces), strict=True):
        colour = SOBER if face.smile is None or face.smile < SMILE_THRESHOLD else SMILES
        if face.smile is None or not is_eligible:
            colour = ASIDE
        _box(canvas, picture.size, face.box, _face_text(face, thresholds), colour, font, unit)
    save_picture(picture, target, force=force)


def _face_text(face: Face, thresholds: Mapping[str, float]) -> str:
    seen = f"face {face.score:.2f}" if face.smile is None else f"smile {face.smile:.2f}{_emotion(face)}"
    said = [
        f"{label} {score:.2f}" for label, score in face.said.items() if is_found(label, score, thresholds)
    ]
    return "  ".join([seen, *said])


def _emotion(face: Face) -> str:
    """The likeliest emotion, where such are told reliably."""
    return f"  {face.emotion}" if face.emotion in RELIABLE_EMOTIONS else ""


def _box(
    canvas: ImageDraw.ImageDraw,
    size: tuple[int, int],
    box: Box,
    text: str,
    colour: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    unit: int,
) -> None:
    left, top, right, bottom = box.pixels(*size)
    canvas.rectangle((left, top, right, bottom), outline=colour, width=unit)
    _, _, wide, high = canvas.textbbox((0, 0), text, font=font)
    x = min(max(0, left), max(0, size[0] - wide - 2 * unit))
    y = top - high - 2 * unit if top > high + 2 * unit else min(bottom, size[1] - high - 2 * unit)
    canvas.rectangle((x, y, x + wide + 2 * unit, y + high + 2 * unit), fill=colour)
    canvas.text((x + unit, y + unit), text, fill="white", font=font)

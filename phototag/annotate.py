"""A copy of a photo with what was found drawn on it: boxes, labels, smile scores. Originals are
never written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from phototag.outputs import save_picture
from phototag.query.terms import RELIABLE_EMOTIONS, is_found
from phototag.reading.decode import open_photo
from phototag.records import Box, Face, Photo
from phototag.smiling import SMILE_THRESHOLD, eligible

SIDE = 1600  # long side of the drawing: sharp on a screen, small as a file
SMILES, SOBER, ASIDE, THING = "#1d9e5a", "#c9372c", "#8a8f98", "#2f6fde"
Rectangle = tuple[int, int, int, int]  # left, top, right, bottom in pixels


def draw(photo: Photo, target: Path, thresholds: Mapping[str, float], *, force: bool = False) -> None:
    """Write `target`: green boxes for smiles, red for none, grey for faces that are not eligible, blue
    for things. Each face has its number. `thresholds`: label -> the score from which on it is drawn, see
    Library.thresholds. `force`: replace a file that phototag did not make. Raises UnreadablePhoto, and
    PhototagError when the target cannot be written."""
    picture = Image.fromarray(open_photo(photo.path, working_side=SIDE).pixels)
    canvas = _Canvas(picture, [face.box for face in photo.faces])
    things = [tag for tag in photo.objects if tag.box and is_found(tag.label, tag.score, thresholds)]
    for tag in things:
        canvas.outline(tag.box, THING)
    colours = [_colour(face, good) for face, good in zip(photo.faces, eligible(photo.faces), strict=True)]
    for face, colour in zip(photo.faces, colours, strict=True):
        canvas.outline(face.box, colour)
    # Faces first: a thing's plate takes what room is left.
    for face, colour in zip(photo.faces, colours, strict=True):
        canvas.label(face.box, _face_text(face, thresholds), colour)
    for tag in things:
        canvas.label(tag.box, f"{tag.label} {tag.score:.2f}", THING)
    save_picture(picture, target, force=force)


class _Canvas:
    """A picture on which boxes are drawn, and plates with text that hide no face."""

    def __init__(self, picture: Image.Image, faces: Sequence[Box]) -> None:
        self._size = picture.size
        self._draw = ImageDraw.Draw(picture)
        self._unit = max(2, round(max(picture.size) / 400))
        self._font = ImageFont.load_default(size=self._unit * 6)
        self._faces = [face.pixels(*picture.size) for face in faces]
        self._plates: list[Rectangle] = []

    def outline(self, box: Box | None, colour: str) -> None:
        if box is not None:
            self._draw.rectangle(box.pixels(*self._size), outline=colour, width=self._unit)

    def label(self, box: Box | None, text: str, colour: str) -> None:
        """Write the text on a plate near the box, where it covers least of faces and other plates."""
        if box is None:
            return
        left, _, right, bottom = self._draw.textbbox((0, 0), text, font=self._font)
        size = round(right - left) + 2 * self._unit, round(bottom) + 2 * self._unit
        plate = min(self._places(box.pixels(*self._size), size), key=self._covered)
        self._plates.append(plate)
        self._draw.rectangle(plate, fill=colour)
        at = plate[0] + self._unit - round(left), plate[1] + self._unit
        self._draw.text(at, text, fill="white", font=self._font)

    def _places(self, box: Rectangle, size: tuple[int, int]) -> Iterator[Rectangle]:
        """Where a plate of this size may lie, the best first: over and under the box, beside it, then
        further and further away. All within the picture."""
        left, top, right, bottom = box
        wide, high = size
        for far in range(8):
            above, below = top - high * (far + 1), bottom + high * far
            for y in (above, below):
                for x in (left, right - wide):
                    yield self._within(x, y, size)
            for x in (right + wide * far, left - wide * (far + 1)):
                for y in (top, bottom - high):
                    yield self._within(x, y, size)

    def _within(self, x: int, y: int, size: tuple[int, int]) -> Rectangle:
        x = max(0, min(x, self._size[0] - size[0]))
        y = max(0, min(y, self._size[1] - size[1]))
        return x, y, x + size[0], y + size[1]

    def _covered(self, plate: Rectangle) -> int:
        """How many pixels of faces and plates it covers."""
        return sum(_shared(plate, other) for other in (*self._faces, *self._plates))


def _shared(one: Rectangle, other: Rectangle) -> int:
    """Pixels that lie in both."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0) * max(height, 0)


def _colour(face: Face, is_eligible: bool) -> str:
    if face.smile is None or not is_eligible:
        return ASIDE
    return SMILES if face.smile >= SMILE_THRESHOLD else SOBER


def _face_text(face: Face, thresholds: Mapping[str, float]) -> str:
    said = [f"#{face.number}", face.person.name if face.person else ""]
    if face.smile_word is not None:
        said.append("smiles" if face.smile_word else "no smile")
    elif face.smile is not None:
        said.append(f"smile {face.smile:.2f}{_emotion(face)}")
    elif not face.is_added:
        said.append(f"face {face.score:.2f}")
    said += [
        f"{label} {score:.2f}" for label, score in face.said.items() if is_found(label, score, thresholds)
    ]
    return "  ".join(text for text in said if text)


def _emotion(face: Face) -> str:
    """The likeliest emotion, where such are told reliably."""
    return f"  {face.emotion}" if face.emotion in RELIABLE_EMOTIONS else ""

"""A contact sheet of faces: a row for each group, so that a person sees at a glance whose they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from phototag.errors import UnreadablePhoto
from phototag.highlights.lettering import Letters
from phototag.outputs import check_output, picture_kind, save_picture

if TYPE_CHECKING:
    from PIL import Image

    from phototag.library.groups import FaceRef
    from phototag.records import Box

CELL, GAP, TITLE = 140, 8, 150  # pixels: a face, the space around it, and the column of the titles
AROUND = 0.35  # of the face's side, shown on each side of it: hair and chin tell who it is
WORKING_SIDE = 2400  # long side at which photos are opened: a face of 6 % still fills its cell
PAPER, INK, LINE = (250, 249, 246), (29, 27, 24), (205, 200, 190)


def draw(
    rows: Sequence[tuple[str, Sequence[FaceRef]]],
    target: Path,
    is_photo: Callable[[str], bool],
    *,
    together: int = 1,
    force: bool = False,
) -> None:
    """Write `target`: of each row its title and its faces; a line after as many rows as belong `together`.
    Photos that cannot be opened any more leave their place empty. Raises PhototagError where the target
    cannot be written."""
    from PIL import Image, ImageDraw

    picture_kind(target)
    check_output(target, is_photo, force=force)
    columns = max((len(faces) for _, faces in rows), default=1)
    step = CELL + GAP
    page = Image.new("RGB", (TITLE + columns * step + GAP, len(rows) * step + GAP), PAPER)
    canvas = ImageDraw.Draw(page)
    for number, (title, faces) in enumerate(rows):
        top = GAP + number * step
        Letters(20).draw(page, (GAP * 2, top + CELL / 2 - 12), _fit(title, TITLE - 3 * GAP), INK)
        for column, face in enumerate(faces):
            cut = _cut(face)
            if cut is not None:
                page.paste(cut, (TITLE + column * step, top))
        if number and number % together == 0:
            canvas.line((0, top - GAP / 2, page.width, top - GAP / 2), LINE, 2)
    save_picture(page, target, force=force)


def _cut(face: FaceRef) -> Image.Image | None:
    """The face with what is around it, as a square."""
    from PIL import Image

    from phototag.reading.decode import open_photo

    try:
        pixels = open_photo(face.path, working_side=WORKING_SIDE).pixels
    except UnreadablePhoto:
        return None
    picture = Image.fromarray(pixels)
    return picture.crop(_square(face.box, *picture.size)).resize((CELL, CELL), Image.Resampling.LANCZOS)


def _square(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Inside the picture as far as it is large enough."""
    left, top, right, bottom = box.pixels(width, height)
    side = round(max(right - left, bottom - top) * (1 + 2 * AROUND))
    side = min(side, width, height)
    x = min(max(0, round((left + right - side) / 2)), width - side)
    y = min(max(0, round((top + bottom - side) / 2)), height - side)
    return x, y, x + side, y + side


def _fit(text: str, room: float) -> str:
    """The text, cut where it is too wide."""
    letters = Letters(20)
    if letters.getlength(text) <= room:
        return text
    while text and letters.getlength(text + "...") > room:
        text = text[:-1]
    return text + "..."

"""The contact sheet: the whole album on one picture, for a quick look; or on pages, for printing."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from phototag.errors import PhototagError
from phototag.highlights import captions
from phototag.highlights.chosen import open_chosen
from phototag.highlights.lettering import Letters
from phototag.highlights.verdict import Choice, Verdict
from phototag.outputs import MARK

if TYPE_CHECKING:
    from PIL import Image

FILE, PRINT_FILE = "contact-sheet.png", "contact-sheet.pdf"
CELL, GAP, LINE = 260, 14, 24  # pixels: six cells across stay readable on a laptop
PAPER, INK, FAINT = (250, 249, 246), (29, 27, 24), (107, 102, 94)
# Printed pages: upright, of so many millimetres, with as many dots an inch as a print of a hand's
# width needs.
PAPERS_MM = {"a4": (210, 297), "letter": (216, 279)}
PRINT_DPI = 200
COLUMNS, ROWS = 4, 6  # of a page
MOST_PAGES = 30  # they are held in memory together: 12 MB each


def draw(choice: Choice, title: str, progress: Callable[[], None] | None = None) -> bytes:
    """A PNG of every chosen photo in order, with its day. Raises PhototagError where one cannot be
    opened any more."""
    from PIL import Image

    kept = choice.kept
    columns = max(3, min(6, math.ceil(math.sqrt(len(kept) * 1.5))))
    rows = math.ceil(len(kept) / columns)
    head = 84
    width = columns * (CELL + GAP) + GAP
    page = Image.new("RGB", (width, head + rows * (CELL + LINE + GAP) + GAP), PAPER)
    size = _fitting(title, 34.0, width - 2 * GAP)
    Letters(size).draw(page, (GAP, 22), title, INK)
    for number, verdict in enumerate(kept):
        corner = (GAP + number % columns * (CELL + GAP), head + number // columns * (CELL + LINE + GAP))
        _place(page, verdict, corner, (CELL, CELL), 14)
        if progress is not None:
            progress()
    data = io.BytesIO()
    page.save(data, "PNG", optimize=False)
    return data.getvalue()


def draw_pages(choice: Choice, title: str, paper: str, progress: Callable[[], None] | None = None) -> bytes:
    """A PDF of every chosen photo in order, with its day beneath it, on pages of a paper of PAPERS_MM. Raises
    PhototagError where a photo cannot be opened any more, or where they are too many to print."""
    from PIL import Image

    kept, on_page = choice.kept, COLUMNS * ROWS
    if len(kept) > MOST_PAGES * on_page:
        raise PhototagError(
            f"a printed sheet takes {MOST_PAGES * on_page} photos at most, not {len(kept)}; "
            "give a smaller --top"
        )
    width, height = (round(side / 25.4 * PRINT_DPI) for side in PAPERS_MM[paper])
    margin, gap, line, head = width // 16, width // 60, width // 45, height // 16
    cell_wh = (
        (width - 2 * margin - gap * (COLUMNS - 1)) // COLUMNS,
        (height - 2 * margin - head) // ROWS - line - gap,
    )
    pages: list[Image.Image] = []
    for start in range(0, len(kept), on_page):
        page = Image.new("RGB", (width, height), "white")
        if start == 0:
            size = _fitting(title, head * 0.45, width - 2 * margin)
            Letters(size).draw(page, (margin, margin), title, INK)
        for number, verdict in enumerate(kept[start : start + on_page]):
            left = margin + number % COLUMNS * (cell_wh[0] + gap)
            top = margin + head + number // COLUMNS * (cell_wh[1] + line + gap)
            _place(page, verdict, (left, top), cell_wh, line * 0.62)
            if progress is not None:
                progress()
        pages.append(page)
    return _as_pdf(pages, title)


def _as_pdf(pages: Sequence[Image.Image], title: str) -> bytes:
    data = io.BytesIO()
    # without the time of day, the same album gives the same bytes
    pages[0].save(
        data,
        "PDF",
        save_all=True,
        append_images=pages[1:],
        resolution=PRINT_DPI,
        quality=88,
        title=title,
        producer=MARK,
        creationDate=None,
        modDate=None,
    )
    return data.getvalue()


def _place(
    page: Image.Image, verdict: Verdict, corner: tuple[int, int], cell_wh: tuple[int, int], size: float
) -> None:
    """A photo in the middle of its cell, and its day below it."""
    from PIL import Image

    left, top = corner
    width, height = cell_wh
    picture = Image.fromarray(open_chosen(verdict.photo, max(cell_wh)))
    picture.thumbnail(cell_wh, Image.Resampling.LANCZOS)
    page.paste(picture, (left + (width - picture.width) // 2, top + (height - picture.height) // 2))
    text, letters = captions.day_of(verdict.photo), Letters(size)
    at = (left + (width - letters.getlength(text)) / 2, top + height + size / 3)
    letters.draw(page, at, text, FAINT)


def _fitting(text: str, size: float, room: float) -> float:
    """The size of letters at which a text fits."""
    while Letters(size).getlength(text) > room and size > 8:
        size *= 0.9
    return size

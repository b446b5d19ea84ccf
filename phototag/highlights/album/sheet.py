"""The contact sheet: the whole album on one picture, for a quick look."""

from __future__ import annotations

import io
import math
from collections.abc import Callable

from phototag.highlights import captions
from phototag.highlights.chosen import open_chosen
from phototag.highlights.verdict import Choice

FILE = "contact-sheet.png"
CELL, GAP, LINE = 260, 14, 24  # pixels: six cells across stay readable on a laptop
PAPER, INK, FAINT = (250, 249, 246), (29, 27, 24), (107, 102, 94)


def draw(choice: Choice, title: str, progress: Callable[[], None] = lambda: None) -> bytes:
    """A PNG of every chosen photo in order, with its day. Raises PhototagError where one cannot be
    opened any more."""
    from PIL import Image, ImageDraw

    from phototag.highlights.captions import font

    kept = choice.kept
    columns = max(3, min(6, math.ceil(math.sqrt(len(kept) * 1.5))))
    rows = math.ceil(len(kept) / columns)
    head = 84
    width = columns * (CELL + GAP) + GAP
    page = Image.new("RGB", (width, head + rows * (CELL + LINE + GAP) + GAP), PAPER)
    pen = ImageDraw.Draw(page)
    size = 34.0
    while font(size).getlength(title) > width - 2 * GAP and size > 8:
        size *= 0.9
    pen.text((GAP, 22), title, INK, font(size))
    for number, verdict in enumerate(kept):
        photo = verdict.photo
        thumbnail = Image.fromarray(open_chosen(photo, CELL))
        left = GAP + number % columns * (CELL + GAP)
        top = head + number // columns * (CELL + LINE + GAP)
        page.paste(thumbnail, (left + (CELL - thumbnail.width) // 2, top + (CELL - thumbnail.height) // 2))
        text = captions.day(photo.taken_at)
        pen.text((left + (CELL - font(14).getlength(text)) / 2, top + CELL + 4), text, FAINT, font(14))
        progress()
    data = io.BytesIO()
    page.save(data, "PNG", optimize=False)
    return data.getvalue()

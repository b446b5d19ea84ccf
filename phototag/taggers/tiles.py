"""Looks at wide and tall pictures in parts. A panorama shrunk to a net's size has faces of a few pixels:
beyond LONGEST_RATIO it is decoded by its short side, and a tagger sees overlapping tiles of an ordinary
photo's shape, whose boxes are joined again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from phototag.reading.pixels import LONGEST_RATIO
from phototag.records import Box, Frame, Tag

TILE_RATIO = 1.5  # of a tile's long side to its short one
OVERLAP_RATIO = 0.5  # of the short side: what is narrower stands whole in some tile
SAME_THING = 0.6  # of the smaller box lies in the larger one: seen twice, or once in part
BORDER = 0.004  # of a tile's side: a box this near to a cut may go on beyond it


class Tiled:
    """A tagger whose tags have boxes, shown wide and tall frames in tiles."""

    def __init__(self, tagger: Callable[[Sequence[Frame]], list[list[Tag]]]) -> None:
        self._tagger = tagger

    def __call__(self, frames: Sequence[Frame]) -> list[list[Tag]]:
        parts = [_areas(frame) for frame in frames]
        shown = [
            _cut(frame, area) if len(areas) > 1 else frame
            for frame, areas in zip(frames, parts, strict=True)
            for area in areas
        ]
        answers = iter(self._tagger(shown))
        return [
            _join([(area, next(answers)) for area in areas]) if len(areas) > 1 else next(answers)
            for areas in parts
        ]


def _areas(frame: Frame) -> list[Box]:
    """The tiles of a frame, the whole of it where its shape is ordinary."""
    height, width = frame.pixels.shape[:2]
    long, short = max(height, width), min(height, width)
    if long <= LONGEST_RATIO * short:
        return [Box(0, 0, 1, 1)]
    tile = min(1.0, TILE_RATIO * short / long)
    count = 1 + int(np.ceil((1 - tile) / (tile - OVERLAP_RATIO * short / long)))
    starts = np.linspace(0, 1 - tile, count).tolist()
    if width > height:
        return [Box(start, 0, min(1.0, start + tile), 1) for start in starts]
    return [Box(0, start, 1, min(1.0, start + tile)) for start in starts]


def _cut(frame: Frame, area: Box) -> Frame:
    height, width = frame.pixels.shape[:2]
    left, top, right, bottom = area.pixels(width, height)
    return replace(
        frame,
        pixels=np.ascontiguousarray(frame.pixels[top:bottom, left:right]),
        width=max(1, round(frame.width * area.width)),
        height=max(1, round(frame.height * area.height)),
    )


def _join(seen: Sequence[tuple[Box, Sequence[Tag]]]) -> list[Tag]:
    """The tags of all tiles as tags of the whole; of those of one thing the one that no cut goes
    through, then the surest."""
    found = [
        (_is_cut(tag.box, area), tile, _placed(tag, area))
        for tile, (area, tags) in enumerate(seen)
        for tag in tags
        if tag.box is not None
    ]
    found.sort(key=_cut_last_surest_first)
    kept: list[tuple[int, Tag]] = []
    for _, tile, tag in found:
        if not any(tile != other and _are_same(tag, known) for other, known in kept):
            kept.append((tile, tag))
    return sorted((tag for _, tag in kept), key=_surest_first)


def _is_cut(box: Box, area: Box) -> bool:
    """Whether a box of a tile reaches an edge of it that is none of the picture."""
    return (
        (box.left < BORDER and area.left > 0)
        or (box.top < BORDER and area.top > 0)
        or (box.right > 1 - BORDER and area.right < 1)
        or (box.bottom > 1 - BORDER and area.bottom < 1)
    )


def _placed(tag: Tag, area: Box) -> Tag:
    box = tag.box
    assert box is not None
    points = tuple((area.left + x * area.width, area.top + y * area.height) for x, y in tag.points)
    placed = Box.clipped(
        area.left + box.left * area.width,
        area.top + box.top * area.height,
        area.left + box.right * area.width,
        area.top + box.bottom * area.height,
    )
    return Tag(tag.label, tag.score, placed or area, points)


def _are_same(one: Tag, other: Tag) -> bool:
    a, b = one.box, other.box
    if one.label != other.label or a is None or b is None:
        return False
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    return width > 0 and height > 0 and width * height > SAME_THING * min(a.area, b.area)


def _cut_last_surest_first(found: tuple[bool, int, Tag]) -> tuple[bool, float]:
    return found[0], -found[2].score


def _surest_first(tag: Tag) -> float:
    return -tag.score

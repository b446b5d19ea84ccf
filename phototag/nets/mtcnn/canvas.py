"""Pyramid levels of many photos, laid side by side on canvases of one size.

Knows rectangles and pixels, nothing of faces. A level larger than a canvas is cut into tiles that
overlap by just what a PNet window needs, so that every window of the level lies whole in exactly
one tile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

WINDOW = 12  # pixels a PNet cell looks at; the next cell starts STRIDE pixels further on
STRIDE = 2
OVERLAP = WINDOW - STRIDE  # two tiles sharing this many pixels share no window and miss none

# On a canvas of 160 x 320 conv1's output takes 3 MB: it stays in cache, and malloc does not fetch
# fresh pages from the system for it; at 8 MB a pixel costs twice as much. Smaller canvases lose
# more pixels to overlap.
CANVAS_HEIGHT, CANVAS_WIDTH = 160, 320
# canvases are used up to the last tile, rounded up to this: 50 sizes at most, because each new one
# costs 1 ms
TRIM = 32


@dataclass(frozen=True, slots=True)
class Tile:
    """`height` x `width` pixels of level `level` from (`top`, `left`), lying on canvas `canvas` at
    (`y`, `x`)."""

    level: int
    top: int
    left: int
    height: int
    width: int
    canvas: int
    y: int
    x: int


@lru_cache(maxsize=64)  # cameras repeat their sizes
def pack(sizes_hw: tuple[tuple[int, int], ...]) -> tuple[tuple[Tile, ...], tuple[tuple[int, int], ...]]:
    """Where everything goes: the tiles, and how much (height, width) of each canvas they fill.
    Tallest first, each into the tightest free rectangle, which is then cut in two (guillotine
    packing): 85 to 90 % of what is filled is in use."""
    pieces = []
    for level, (height, width) in enumerate(sizes_hw):
        for top, tile_height in _cuts(height, CANVAS_HEIGHT):
            for left, tile_width in _cuts(width, CANVAS_WIDTH):
                pieces.append((tile_height, tile_width, level, top, left))
    tiles: list[Tile] = []
    free: list[tuple[int, int, int, int, int]] = []  # canvas, y, x, height, width
    canvases = 0
    for height, width, level, top, left in sorted(pieces, reverse=True):
        fitting = [space for space in free if space[3] >= height and space[4] >= width]
        if fitting:
            space = min(fitting, key=lambda space: min(space[3] - height, space[4] - width))
            free.remove(space)
        else:
            space = (canvases, 0, 0, CANVAS_HEIGHT, CANVAS_WIDTH)
            canvases += 1
        canvas, y, x, space_height, space_width = space
        tiles.append(Tile(level, top, left, height, width, canvas, y, x))
        # windows start on even pixels
        even_height, even_width = height + height % STRIDE, width + width % STRIDE
        free.append((canvas, y + even_height, x, space_height - even_height, even_width))  # below
        free.append((canvas, y, x + even_width, space_height, space_width - even_width))  # right
        free = [space for space in free if space[3] >= WINDOW and space[4] >= WINDOW]
    filled = []
    for number in range(canvases):
        own = [tile for tile in tiles if tile.canvas == number]
        height, width = max(tile.y + tile.height for tile in own), max(tile.x + tile.width for tile in own)
        filled.append((min(height + -height % TRIM, CANVAS_HEIGHT), min(width + -width % TRIM, CANVAS_WIDTH)))
    return tuple(tiles), tuple(filled)


def _cuts(length: int, limit: int) -> list[tuple[int, int]]:
    """(start, size) of pieces at most `limit` long, starting on even pixels, sharing OVERLAP with
    the next."""
    starts = range(0, max(length - OVERLAP - 1, 1), limit - OVERLAP)
    return [(start, min(limit, length - start)) for start in starts if min(limit, length - start) >= WINDOW]


def paint(levels: Sequence[Tensor], tiles: Sequence[Tile], canvases: int) -> tuple[Tensor, Tensor]:
    """Levels (1, 3, h, w) onto canvases (K, 3, H, W), and for each PNet cell the tile its window
    lies in, or -1 where it straddles two tiles or none: (K, (H - 10) / 2, (W - 10) / 2)."""
    first = levels[0]
    # what no tile covers is never read as a face, but it is computed with: zeros, for odd bits could be NaN
    canvas = torch.zeros(
        canvases, CANVAS_HEIGHT, CANVAS_WIDTH, 3, dtype=first.dtype, device=first.device
    ).permute(0, 3, 1, 2)
    for tile in tiles:
        piece = levels[tile.level][
            0, :, tile.top : tile.top + tile.height, tile.left : tile.left + tile.width
        ]
        canvas[tile.canvas, :, tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] = piece
    return canvas, _owners(tuple(tiles), canvases).to(first.device)


@lru_cache(maxsize=8)
def _owners(tiles: tuple[Tile, ...], canvases: int) -> Tensor:
    """The tile of every cell, -1 where there is none."""
    owners = torch.full(
        (canvases, (CANVAS_HEIGHT - OVERLAP) // STRIDE, (CANVAS_WIDTH - OVERLAP) // STRIDE),
        -1,
        dtype=torch.int32,
    )
    for number, tile in enumerate(tiles):
        y, x = tile.y // STRIDE, tile.x // STRIDE
        rows, columns = (tile.height - OVERLAP) // STRIDE, (tile.width - OVERLAP) // STRIDE
        owners[tile.canvas, y : y + rows, x : x + columns] = number
    return owners

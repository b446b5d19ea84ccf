"""Packing loses no window and doubles none; painting puts every pixel where the tiles say."""

from __future__ import annotations

import random
from collections import Counter

import pytest
import torch

from phototag.nets.mtcnn import canvas
from phototag.nets.mtcnn.canvas import CANVAS_HEIGHT, CANVAS_WIDTH, OVERLAP, STRIDE, WINDOW, pack, paint


def sizes(seed: int) -> tuple[tuple[int, int], ...]:
    """Levels of a few photos: odd and even, tall and wide, larger than a canvas and as small as a window."""
    rng = random.Random(seed)
    found = [
        (12, 12),
        (13, 12),
        (CANVAS_HEIGHT, CANVAS_WIDTH),
        (CANVAS_HEIGHT + 1, CANVAS_WIDTH + 1),
        (CANVAS_HEIGHT + 2, 500),
    ]
    for _ in range(rng.randrange(1, 4)):
        height, width = rng.randrange(12, 400), rng.randrange(12, 700)
        while min(height, width) >= WINDOW:
            found.append((height, width))
            height, width = int(height * 0.709), int(width * 0.709)
    return tuple(found)


@pytest.mark.parametrize("seed", range(3))
def test_every_window_lies_in_exactly_one_tile(seed: int) -> None:
    levels = sizes(seed)
    tiles, filled = pack(levels)
    seen: Counter[tuple[int, int, int]] = Counter()
    covered = torch.zeros(len(filled), CANVAS_HEIGHT, CANVAS_WIDTH, dtype=torch.int32)
    for tile in tiles:
        height, width = filled[tile.canvas]
        assert (
            tile.y + tile.height <= height <= CANVAS_HEIGHT and tile.x + tile.width <= width <= CANVAS_WIDTH
        )
        assert tile.y % STRIDE == tile.x % STRIDE == tile.top % STRIDE == tile.left % STRIDE == 0
        covered[tile.canvas, tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] += 1
        for row in range((tile.height - OVERLAP) // STRIDE):
            for column in range((tile.width - OVERLAP) // STRIDE):
                seen[tile.level, tile.top // STRIDE + row, tile.left // STRIDE + column] += 1
    assert covered.max() == 1, "tiles overlap"
    wanted = {
        (level, row, column)
        for level, (height, width) in enumerate(levels)
        for row in range((height - OVERLAP) // STRIDE)
        for column in range((width - OVERLAP) // STRIDE)
    }
    assert set(seen) == wanted and set(seen.values()) == {1}


def test_painted_pixels_and_their_owners() -> None:
    levels = [torch.randint(0, 256, (1, 3, h, w), dtype=torch.uint8) for h, w in sizes(3)]
    tiles, filled = pack(tuple(tuple(level.shape[2:]) for level in levels))
    painted, owners = paint(levels, tiles, len(filled))
    assert owners.shape == (len(filled), (CANVAS_HEIGHT - OVERLAP) // 2, (CANVAS_WIDTH - OVERLAP) // 2)
    for number, tile in enumerate(tiles):
        at = painted[tile.canvas, :, tile.y : tile.y + WINDOW, tile.x : tile.x + WINDOW]
        assert torch.equal(
            at, levels[tile.level][0, :, tile.top : tile.top + WINDOW, tile.left : tile.left + WINDOW]
        )
        own = (owners == number).nonzero()
        assert len(own) == ((tile.height - OVERLAP) // 2) * ((tile.width - OVERLAP) // 2)
        assert own[0].tolist() == [tile.canvas, tile.y // 2, tile.x // 2]


def test_little_is_wasted_and_canvas_sizes_are_few() -> None:
    levels, shapes, used, filled_pixels = [], set(), 0, 0
    for width, height in [(1333, 1000), (1000, 1333), (1333, 750), (1333, 889), (1200, 1200)]:
        scale, levels = 12 / 27, []
        while min(width, height) * scale >= 12:
            levels.append((2 * round(height * scale / 2), 2 * round(width * scale / 2)))
            scale *= 0.709
        _, filled = pack(tuple(levels))
        used += sum(h * w for h, w in levels)
        filled_pixels += sum(h * w for h, w in filled)
        shapes |= set(filled)
    assert used / filled_pixels > 0.84
    assert all(h % canvas.TRIM == 0 and w % canvas.TRIM == 0 for h, w in shapes)

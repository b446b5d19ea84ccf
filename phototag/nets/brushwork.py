"""Draws a picture that is nothing but brush strokes, for its manner to be carried over to photos: strokes of
three brushes along a swirling flow, each of bristles a little lighter and darker, in the colours of a
palette. Ours: made of random numbers from a fixed seed, from no painter's picture."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image, ImageDraw

SIDE = 512  # pixels
SEED = 1
PALETTE = (
    *((24, 40, 92), (38, 84, 150), (92, 150, 190), (196, 214, 200), (238, 206, 96)),
    *((226, 140, 52), (168, 62, 40), (70, 96, 60), (236, 232, 214), (60, 44, 60)),
)
BRUSHES = ((26, 110, 700), (15, 80, 1800), (9, 56, 3200))  # width and length in pixels, strokes
FINER = 2  # times as many pixels a side while it is drawn, for smooth edges
STEPS = 8  # straight pieces of a stroke
SWIRLS, PATCHES = 6, 7  # cells a side of the flow, and of what colour is where
OTHER_COLOUR = 0.15  # of the strokes have any colour of the palette


@cache
def draw_brushwork() -> Image.Image:
    """SIDE x SIDE pixels, RGB; always the same."""
    random = np.random.default_rng(SEED)
    side = SIDE * FINER
    flow = np.arctan2(_smooth(random, side, SWIRLS), _smooth(random, side, SWIRLS))
    # ranks, so that every colour covers as much
    patches = _smooth(random, side, PATCHES).argsort(axis=None).argsort().reshape(side, side) / side**2
    palette = np.array(PALETTE, float)
    picture = Image.new("RGB", (side, side), (90, 90, 100))
    draw = ImageDraw.Draw(picture)
    for width, length, count in BRUSHES:
        for _ in range(count):
            path = _follow(flow, random.random(2) * side, length * FINER / STEPS)
            row, column = path[0, ::-1].astype(int)
            number = int(patches[row, column] * len(palette))
            if random.random() < OTHER_COLOUR:
                number = int(random.integers(len(palette)))
            colour = palette[number] * random.uniform(0.86, 1.14) + random.normal(0, 7, 3)
            _stroke(draw, path, width, colour, random)
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _smooth(random: np.random.Generator, side: int, cells: int) -> np.ndarray:
    """(side, side): a random landscape with so many hills a side."""
    values = random.normal(size=(cells, cells)).astype(np.float32)
    return np.asarray(Image.fromarray(values).resize((side, side), Image.Resampling.BICUBIC))


def _follow(flow: np.ndarray, start: np.ndarray, step: float) -> np.ndarray:
    """(STEPS + 1, 2): x and y along the flow (H, W), angles."""
    path = [start]
    for _ in range(STEPS):
        column, row = path[-1].clip(0, len(flow) - 1).astype(int)
        angle = flow[row, column]
        path.append(path[-1] + step * np.array([np.cos(angle), np.sin(angle)]))
    return np.array(path)


def _stroke(
    draw: ImageDraw.ImageDraw, path: np.ndarray, width: int, colour: np.ndarray, random: np.random.Generator
) -> None:
    """One line for each bristle, beside each other, begun and lifted at slightly different places."""
    along = np.gradient(path, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], 1)
    across /= np.linalg.norm(across, axis=1, keepdims=True) + 1e-6
    bristles = max(4, width // 2)
    lighter = random.normal(0, 11, bristles)
    for number in range(bristles):
        begun, lifted = random.integers(0, 2), len(path) - random.integers(0, 2)
        points = (path + across * (number / (bristles - 1) - 0.5) * width * FINER)[begun:lifted]
        red, green, blue = (int(value) for value in np.clip(colour + lighter[number], 0, 255))
        draw.line(
            [(float(x), float(y)) for x, y in points],
            fill=(red, green, blue),
            width=round(1.5 * width * FINER / bristles),
            joint="curve",
        )

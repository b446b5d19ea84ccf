"""How a film moves: which part of a photo is seen when, and which photo at which frame. Pure
geometry; draws nothing.

A photo is seen through a window that glides and grows or shrinks. Both its ends hold every face
with a margin, and between them each edge moves in a straight line, so every window between holds
the faces too: an edge that is a mean of two edges outside a face is outside it.

    +-----------------------------+   the photo
    | +-------------------------+ |   the wide window
    | |   +-----------------+   | |   the tight one
    | |   |   :)      :)    |   | |   what must stay in
    | |   +-----------------+   | |
    | +-------------------------+ |
    +-----------------------------+
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from phototag.highlights.theme import Film
from phototag.records import Box

FPS = 30
TITLE_SECONDS = 3.0
FADE_SECONDS = 0.8  # of a cross-fade; shorter where photos follow each other quickly
FADE_SHARE = 0.35  # of a photo's time at most
END_SECONDS = 1.2  # of the fade to black
LEAST_SECONDS = 1.2  # per photo: below it a film only flickers, so the weakest photos stay out
ZOOM = 1.1  # from the tight window to the wide one: visible, and calm at three seconds a photo
# of the photo: where filling the frame would cut away more, it is shown whole on a blurred fill
LEAST_KEPT = 0.6
MOST_ENLARGED = 3.0  # beyond it a small photo is all squares; it is shown smaller instead
# Around a face box, in its own size: detectors box eyebrows to chin, people have hair and chins.
MARGIN_SIDE, MARGIN_TOP, MARGIN_BOTTOM = 0.2, 0.45, 0.25


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a photo, in fractions of it; unlike a Box it may be the whole."""

    left: float
    top: float
    right: float
    bottom: float

    def between(self, other: Window, share: float) -> Window:
        mix = [one + (two - one) * share for one, two in zip(self.edges(), other.edges(), strict=True)]
        return Window(*mix)

    def edges(self) -> tuple[float, float, float, float]:
        return self.left, self.top, self.right, self.bottom

    def holds(self, box: Box) -> bool:
        slack = 1e-9
        return (
            self.left <= box.left + slack
            and self.top <= box.top + slack
            and self.right >= box.right - slack
            and self.bottom >= box.bottom - slack
        )


@dataclass(frozen=True, slots=True)
class Shot:
    """A photo's way through the film. `place` is where its window is shown: left, top, width,
    height in pixels of the frame, all even. Where that is not the whole frame, the rest is a
    blurred fill."""

    start: Window
    end: Window
    place: tuple[int, int, int, int]

    def window(self, share: float) -> Window:
        """At a share of its time, 0 to 1."""
        return self.start.between(self.end, share)

    def in_frame(self, box: Box, share: float) -> tuple[float, float, float, float]:
        """Where a box of the photo is seen: left, top, right, bottom in pixels of the frame."""
        window = self.window(share)
        left, top, width, height = self.place
        across, down = width / (window.right - window.left), height / (window.bottom - window.top)
        return (
            left + (box.left - window.left) * across,
            top + (box.top - window.top) * down,
            left + (box.right - window.left) * across,
            top + (box.bottom - window.top) * down,
        )


def plan(photo_wh: tuple[int, int], frame_wh: tuple[int, int], keep: Sequence[Box], number: int) -> Shot:
    """The shot of the number-th photo. `keep`: boxes that must be whole in the frame at all times.
    Even numbers zoom in, odd ones out."""
    width, height = photo_wh
    frame_w, frame_h = frame_wh
    safe = _around(keep)
    scale = min(width / frame_w, height / frame_h)  # photo pixels per frame pixel when the frame is filled
    wide_wh = (scale * frame_w / width, scale * frame_h / height)  # the window, as fractions of the photo
    place = (0, 0, frame_w, frame_h)
    cut = safe is not None and (safe.width > wide_wh[0] or safe.height > wide_wh[1])
    if wide_wh[0] * wide_wh[1] < LEAST_KEPT or cut or scale * MOST_ENLARGED < 1:
        grow = min(frame_w / width, frame_h / height, MOST_ENLARGED)
        shown_w, shown_h = _even(width * grow, frame_w), _even(height * grow, frame_h)
        place = (_even((frame_w - shown_w) / 2), _even((frame_h - shown_h) / 2), shown_w, shown_h)
        wide_wh = (1.0, 1.0)
    zoom = ZOOM
    if safe is not None:
        zoom = max(1.0, min(ZOOM, wide_wh[0] / safe.width, wide_wh[1] / safe.height))
    wide = _window(wide_wh, safe)
    tight = _window((wide_wh[0] / zoom, wide_wh[1] / zoom), safe)
    return Shot(wide, tight, place) if number % 2 == 0 else Shot(tight, wide, place)


def _around(keep: Sequence[Box]) -> Box | None:
    """The boxes' common box with their margins, within the photo."""
    if not keep:
        return None
    return Box.clipped(
        min(box.left - MARGIN_SIDE * box.width for box in keep),
        min(box.top - MARGIN_TOP * box.height for box in keep),
        max(box.right + MARGIN_SIDE * box.width for box in keep),
        max(box.bottom + MARGIN_BOTTOM * box.height for box in keep),
    )


def _window(size_wh: tuple[float, float], safe: Box | None) -> Window:
    """A window of that size inside the photo, as near to what must stay in as it can, and holding
    all of it."""
    middle_x = (safe.left + safe.right) / 2 if safe else 0.5
    # without faces: people frame with too much ground
    middle_y = (safe.top + safe.bottom) / 2 if safe else 0.45
    left = _clamp(middle_x - size_wh[0] / 2, 0.0, 1 - size_wh[0])
    top = _clamp(middle_y - size_wh[1] / 2, 0.0, 1 - size_wh[1])
    return Window(left, top, min(1.0, left + size_wh[0]), min(1.0, top + size_wh[1]))


def _clamp(value: float, low: float, high: float) -> float:
    return max(low, min(value, high))


def _even(value: float, most: int | None = None) -> int:
    """Chroma has half the pixels, so nothing may begin or end between two of them."""
    even = 2 * round(value / 2)
    return max(2, min(even, most)) if most is not None else even


@dataclass(frozen=True, slots=True)
class Timeline:
    """Which frames show what. Photo n is seen from starts[n] to ends[n] (not included); neighbours
    overlap by `fade`."""

    frames: int
    title: int
    fade: int
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    @property
    def seconds(self) -> float:
        return self.frames / FPS

    def share(self, number: int, frame: int) -> float:
        """How far through its time a photo is."""
        return (frame - self.starts[number]) / max(1, self.ends[number] - self.starts[number] - 1)


def most_photos(film: Film) -> int:
    """How many photos fit into the longest film."""
    return max(1, int((film.longest_seconds - TITLE_SECONDS) / LEAST_SECONDS))


def timeline(count: int, film: Film) -> Timeline:
    """As long as its photos want, between the shortest and the longest that the theme allows."""
    seconds = _clamp(
        TITLE_SECONDS + count * film.seconds_per_photo, film.shortest_seconds, film.longest_seconds
    )
    frames = round(seconds * FPS)
    title = min(round(TITLE_SECONDS * FPS), frames // 3)
    fade = max(1, min(round(FADE_SECONDS * FPS), int(FADE_SHARE * (frames - title) / count)))
    first = title - fade  # the title fades into the first photo
    starts = [first + round((frames - fade - first) * number / count) for number in range(count + 1)]
    return Timeline(frames, title, fade, tuple(starts[:-1]), tuple(start + fade for start in starts[1:]))

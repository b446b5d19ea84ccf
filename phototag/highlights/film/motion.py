"""How a photo moves through a film: which part of it is seen when. Pure geometry; draws nothing.

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

A panorama is shown in a strip that is as high as its frame, or lower where it is very long, and the window
travels from its left end to its right one; over a tall photo, in a column, from its foot to its top.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from phototag.records import Box

ZOOM_PER_SECOND = 0.085  # from the wide window to the tight one: felt, and not hasty
LEAST_ZOOM, MOST_ZOOM = 1.07, 1.32
DRIFT = 0.5  # of what a window without faces leaves of its photo on either side: it glides over so much
# of the photo: where filling its room would cut away more, it is shown whole, in a frame
LEAST_KEPT = 0.6
MOST_ENLARGED = 1.7  # beyond it a small photo is all squares; it is shown smaller, in a frame
PANORAMA = 2.9  # from this length on, in breadths, a photo is panned; 3 but for a pixel that was cut off
# of the frame's width (a column: height) in a second: what passes can be looked at
PAN_PER_SECOND = 0.25
FRAMED = 0.86  # of the room's height or width that a framed photo takes at most
# Around a face box, in its own size: detectors box eyebrows to chin, people have hair and chins.
MARGIN_SIDE, MARGIN_TOP, MARGIN_BOTTOM = 0.2, 0.45, 0.25

Room = tuple[int, int, int, int]  # left, top, width and height in pixels of the frame, all even


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
    """A photo's way through the film. `place` is where its window is shown, in the frame. `framed`: the
    place is smaller than the room it has, so a frame is drawn around it."""

    start: Window
    end: Window
    place: Room
    framed: bool = False

    def window(self, share: float) -> Window:
        """At a share of its time, 0 to 1; it sets off and arrives a little softly."""
        soft = share * share * (3 - 2 * share)
        return self.start.between(self.end, (share + soft) / 2)

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


def plan(
    photo_wh: tuple[int, int], room: Room, keep: Sequence[Box], number: int = 0, seconds: float = 3.0
) -> Shot:
    """The shot of a photo that is seen for so long. `keep`: boxes that must be whole in the frame at all
    times. It begins wide and ends on them; each third photo goes the other way. Without them it glides.
    Panoramas are panned, where that cuts no box."""
    width, height = photo_wh
    left, top, room_w, room_h = room
    safe = _around(keep)
    if is_panorama(photo_wh) and (panned := _pan(photo_wh, room, safe, seconds)):
        return panned
    scale = min(width / room_w, height / room_h)  # photo pixels per frame pixel when the room is filled
    wide_wh = (scale * room_w / width, scale * room_h / height)  # the window, as fractions of the photo
    cut = safe is not None and (safe.width > wide_wh[0] or safe.height > wide_wh[1])
    framed = wide_wh[0] * wide_wh[1] < LEAST_KEPT or cut or scale * MOST_ENLARGED < 1
    place = room
    most_zoom = max(1.0, scale * MOST_ENLARGED)
    if framed:
        grow = min(FRAMED * room_w / width, FRAMED * room_h / height, MOST_ENLARGED)
        shown_w, shown_h = _even(width * grow, room_w), _even(height * grow, room_h)
        place = (left + _half_even(room_w - shown_w), top + _half_even(room_h - shown_h), shown_w, shown_h)
        wide_wh, most_zoom = (1.0, 1.0), max(1.0, MOST_ENLARGED / grow)
    zoom = min(_clamp(1 + ZOOM_PER_SECOND * seconds, LEAST_ZOOM, MOST_ZOOM), most_zoom)
    if safe is not None:
        zoom = max(1.0, min(zoom, wide_wh[0] / safe.width, wide_wh[1] / safe.height))
    drift = 0.0 if safe is not None else DRIFT * (-1) ** number
    wide = _window(wide_wh, safe, -drift)
    tight = _window((wide_wh[0] / zoom, wide_wh[1] / zoom), safe, drift)
    return Shot(tight, wide, place, framed) if number % 3 == 2 else Shot(wide, tight, place, framed)


def is_panorama(photo_wh: tuple[int, int]) -> bool:
    """Whether it is so long, or so tall, that it is seen piece by piece."""
    return max(photo_wh) >= PANORAMA * min(photo_wh)


def _pan(photo_wh: tuple[int, int], room: Room, safe: Box | None, seconds: float) -> Shot | None:
    """From end to end, or as far as what must stay in allows; None where that is less than LEAST_KEPT of it,
    or where the whole photo would be seen at once anyway."""
    (width, height), (left, top, room_w, room_h) = photo_wh, room
    tall = height > width
    length, breadth = (height, width) if tall else (width, height)
    room_along, room_across = (room_h, room_w) if tall else (room_w, room_h)
    # as long a strip is as broad as the speed and its pixels allow
    broad = (1 + PAN_PER_SECOND * seconds) * room_along * breadth / length
    across = _even(min(broad, room_across, MOST_ENLARGED * breadth), room_across)
    window = room_along / across * breadth / length  # a share of the photo's length
    if window >= 1:
        return None
    first, last = 0.0, 1 - window
    if safe is not None:
        begin, end = (safe.top, safe.bottom) if tall else (safe.left, safe.right)
        first, last = max(first, end - window), min(last, begin)
    if last + window - first < LEAST_KEPT or first > last:
        return None
    margin = _half_even(room_across - across)
    if tall:
        place: Room = (left + margin, top, across, room_h)
        ends = Window(0.0, last, 1.0, last + window), Window(0.0, first, 1.0, first + window)
    else:
        place = (left, top + margin, room_w, across)
        ends = Window(first, 0.0, first + window, 1.0), Window(last, 0.0, last + window, 1.0)
    return Shot(*ends, place, framed=across < room_across)


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


def _window(size_wh: tuple[float, float], safe: Box | None, drift: float) -> Window:
    """A window of that size inside the photo, as near to what must stay in as it can, and holding
    all of it. Without that, near the middle; `drift` moves it by a share of the photo's rest."""
    room_x, room_y = 1 - size_wh[0], 1 - size_wh[1]
    if safe is not None:
        left = _clamp((safe.left + safe.right) / 2 - size_wh[0] / 2, 0.0, room_x)
        top = _clamp((safe.top + safe.bottom) / 2 - size_wh[1] / 2, 0.0, room_y)
    else:
        left = room_x * (1 + drift) / 2
        top = room_y * (0.9 + drift) / 2  # people frame with too much ground
    return Window(left, top, min(1.0, left + size_wh[0]), min(1.0, top + size_wh[1]))


def _clamp(value: float, low: float, high: float) -> float:
    return max(low, min(value, high))


def _even(value: float, most: int) -> int:
    """Chroma has half the pixels, so nothing may begin or end between two of them."""
    return max(2, min(2 * round(value / 2), most))


def _half_even(value: int) -> int:
    return value // 4 * 2

"""Draws film frames. Photos are turned into video planes once (luma at full size, chroma at half,
BT.709 in video range), so that each frame only resamples what it shows: that is half the work of
RGB, and no conversion per frame.

Windows have fractional edges and are resampled at them, so slow movement is smooth and never jumps
by whole pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw, ImageFilter

from phototag.highlights.film.motion import Shot, Window
from phototag.highlights.film.storyboard import Scene, Storyboard
from phototag.highlights.lettering import Letters, legible
from phototag.records import Box

if TYPE_CHECKING:
    import av
    import numpy as np

    Pixels = np.ndarray[Any, np.dtype[np.uint8]]

BLACK, WHITE, GREY = 16, 235, 128  # video range; grey is "no colour" in chroma
# RGB to Y, Cb, Cr after ITU-R BT.709, to the ranges 16-235 and 16-240.
BT709 = (
    *(0.2126 * 219 / 255, 0.7152 * 219 / 255, 0.0722 * 219 / 255, 16.0),
    *(-0.2126 / 1.8556 * 224 / 255, -0.7152 / 1.8556 * 224 / 255, 0.5 * 224 / 255, 128.0),
    *(0.5 * 224 / 255, -0.7152 / 1.5748 * 224 / 255, -0.0722 / 1.5748 * 224 / 255, 128.0),
)
BLUR_LIGHT = 0.42  # of the blurred photo behind the text of a card
GROUND_LIGHT = 0.38  # of the soft colours behind a framed photo: they must not rival it
BORDER = 1 / 120  # of the frame's shorter side, around a framed photo
CAPTION_HEIGHT = 1 / 28  # of the frame's shorter side
MARGIN = 1 / 20  # of the frame's shorter side, around captions
LINE_HEIGHT = 1.35  # of the size of letters
# Seconds: text comes and goes softly; a caption stays long enough to be read; the title leaves its
# photo to be seen alone at the end.
TEXT_FADE, TEXT_DELAY, CAPTION_SECONDS = 0.4, 0.25, 2.6
TITLE_ALONE, CARD_ALONE = 0.9, 0.15
# Shares of the title's time from and to which its painting turns into the photo.
PAINTING_FADES, PAINTING_GONE = 0.45, 0.8


@dataclass(frozen=True, slots=True)
class Planes:
    """A picture as video has it: `luma` (H, W), `blue` and `red` (H/2, W/2), 8 bit."""

    luma: Image.Image
    blue: Image.Image
    red: Image.Image

    @classmethod
    def of(cls, picture: Image.Image) -> Planes:
        even = (max(2, picture.width // 2 * 2), max(2, picture.height // 2 * 2))
        if even != picture.size:
            picture = picture.resize(even, Image.Resampling.BICUBIC)
        luma, blue, red = picture.convert("RGB", BT709).split()
        return cls(luma, blue.reduce(2), red.reduce(2))

    @classmethod
    def black(cls, size_wh: tuple[int, int]) -> Planes:
        half = (size_wh[0] // 2, size_wh[1] // 2)
        return cls(Image.new("L", size_wh, BLACK), Image.new("L", half, GREY), Image.new("L", half, GREY))

    def copy(self) -> Planes:
        return Planes(self.luma.copy(), self.blue.copy(), self.red.copy())

    def part(self, window: Window, size_wh: tuple[int, int]) -> Planes:
        """What a window shows, at a size."""
        half = (size_wh[0] // 2, size_wh[1] // 2)
        return Planes(
            _resample(self.luma, window, size_wh, Image.Resampling.BICUBIC),
            _resample(self.blue, window, half, Image.Resampling.BILINEAR),
            _resample(self.red, window, half, Image.Resampling.BILINEAR),
        )

    def paste(self, other: Planes, at: tuple[int, int]) -> None:
        self.luma.paste(other.luma, at)
        half = (at[0] // 2, at[1] // 2)
        self.blue.paste(other.blue, half)
        self.red.paste(other.red, half)

    def blend(self, other: Planes, share: float) -> Planes:
        return Planes(
            Image.blend(self.luma, other.luma, share),
            Image.blend(self.blue, other.blue, share),
            Image.blend(self.red, other.red, share),
        )

    def stamp(self, ink: Ink, strength: float = 1.0) -> None:
        """Draw white letters on a soft shadow; `strength` 0 to 1."""
        shadow, letters, colourless = ink.shadow, ink.letters, ink.colourless
        if strength < 1:
            weaker = [round(value * max(0.0, strength)) for value in range(256)]
            shadow, letters, colourless = (mask.point(weaker) for mask in (shadow, letters, colourless))
        left, top = ink.at
        self.luma.paste(BLACK, (left, top), shadow)
        self.luma.paste(WHITE, (left, top), letters)
        half = (left // 2, top // 2)
        self.blue.paste(GREY, half, colourless)
        self.red.paste(GREY, half, colourless)

    def frame(self) -> av.VideoFrame:
        """As a video frame of its own memory, yuv420p."""
        import av
        import numpy as np

        frame = av.VideoFrame(*self.luma.size, "yuv420p")
        for target, plane in zip(frame.planes, (self.luma, self.blue, self.red), strict=True):
            rows = np.asarray(memoryview(target), np.uint8).reshape(-1, target.line_size)  # (H, W and more)
            rows[: plane.height, : plane.width] = np.asarray(plane)
        return frame


def _resample(
    plane: Image.Image, window: Window, size_wh: tuple[int, int], how: Image.Resampling
) -> Image.Image:
    width, height = plane.size
    left, top, right, bottom = window.edges()
    box = (
        max(0.0, left * width),
        max(0.0, top * height),
        min(right * width, width),
        min(bottom * height, height),
    )
    return plane.resize(size_wh, how, box)


@dataclass(frozen=True, slots=True)
class Ink:
    """Text ready to be stamped: masks for its letters and their shadow, at an even place in the frame."""

    at: tuple[int, int]
    letters: Image.Image
    shadow: Image.Image
    colourless: Image.Image

    def covers(self, edges: tuple[float, float, float, float]) -> bool:
        left, top = self.at
        return (
            left < edges[2]
            and left + self.letters.width > edges[0]
            and top < edges[3]
            and top + self.letters.height > edges[1]
        )


class Stage:
    """One scene, ready to be drawn at any frame of its time. `pixels` are those of its photos, in order, and
    `flips` those of the shots of its flip-book, each (H, W, 3). `painted`: the first photo as a painting,
    which turns into the photo."""

    def __init__(
        self,
        board: Storyboard,
        number: int,
        frame_wh: tuple[int, int],
        pixels: Sequence[Pixels],
        flips: Sequence[Pixels] = (),
        keep: Sequence[Sequence[Box]] = (),
        painted: Pixels | None = None,
    ) -> None:
        self.board, self.number, self.scene, self.frame_wh = board, number, board.scenes[number], frame_wh
        pictures = [Image.fromarray(each) for each in pixels]
        self.ground: Planes | None = None
        self.planes: list[Planes] = []
        self.painted: Planes | None = None
        self.flips = [Planes.of(Image.fromarray(each)) for each in flips]
        self.inks: list[Ink] = []
        lines = text_lines(self.scene, frame_wh)
        if self.scene.lines:
            self.inks = _block(lines, frame_wh, 0.5 if self.scene.text_at is None else self.scene.text_at)
        if self.scene.lines and self.scene.text_at is None:
            self.ground = blurred(pictures[0], frame_wh)
            return
        self.planes = [Planes.of(picture) for picture in pictures]
        if painted is not None:
            self.painted = Planes.of(Image.fromarray(painted))
        self.ground = _ground(pictures, self.scene.shots, frame_wh)
        if self.scene.caption:
            ink = _place_caption(self.scene.caption, self.scene.shots, frame_wh, keep)
            self.inks = [ink] if ink is not None else []

    def draw(self, frame: int) -> Planes:
        flip = self._flip(frame)
        drawn: Planes | None = None
        for place, (planes, shot) in enumerate(zip(self.planes, self.scene.shots, strict=False)):
            left, top, width, height = shot.place
            share = 0.0 if flip is not None else self._share(frame)
            seen = (flip or planes).part(shot.window(share), (width, height))
            if self.painted is not None and (photo := self._photo_share(frame)) < 1:
                painting = self.painted.part(shot.window(share), (width, height))
                seen = painting.blend(seen, photo)
            if self.ground is None:
                drawn = seen
            else:
                drawn = self.ground.copy() if place == 0 else drawn
                assert drawn is not None
                drawn.paste(seen, (left, top))
        if drawn is None:
            assert self.ground is not None
            drawn = self.ground.copy()
        strength = self._text_strength(frame)
        for ink in self.inks:
            if strength > 0:
                drawn.stamp(ink, strength)
        return drawn

    def _photo_share(self, frame: int) -> float:
        """How far the painting has turned into the photo."""
        now = (frame - self.scene.first) / (self.scene.last - self.scene.first)
        return min(1.0, max(0.0, (now - PAINTING_FADES) / (PAINTING_GONE - PAINTING_FADES)))

    def _flip(self, frame: int) -> Planes | None:
        """The shot of the burst that is turned over now."""
        page = max(0, frame - self.scene.first) // self.board.flip_frames()
        return self.flips[page] if page < len(self.flips) else None

    def _share(self, frame: int) -> float:
        """How far the movement is: a flip-book stands still."""
        first, last = self.board.span(self.number)
        if self.flips:
            first = self.scene.first + len(self.flips) * self.board.flip_frames()
        return min(1.0, max(0.0, (frame - first) / max(1, last - first - 1)))

    def _text_strength(self, frame: int) -> float:
        fps = self.board.fps
        now, length = (frame - self.scene.first) / fps, (self.scene.last - self.scene.first) / fps
        # a card's text is gone before the photo behind it is to be seen, and its faces with it
        ends = {
            "title": length - TITLE_ALONE,
            "card": length - CARD_ALONE,
            "photos": min(CAPTION_SECONDS, length),
        }
        end = ends.get(self.scene.kind, length + TEXT_FADE)
        return max(0.0, min(1.0, (now - TEXT_DELAY) / TEXT_FADE, (end - now) / TEXT_FADE))


def side_needed(shot: Shot) -> int:
    """The photo's long side in pixels at which its tightest window has as many pixels as are shown."""
    tight = min((shot.start, shot.end), key=_width)
    return round(max(shot.place[2] / _width(tight), shot.place[3] / (tight.bottom - tight.top)))


def _width(window: Window) -> float:
    return window.right - window.left


def _ground(
    pictures: Sequence[Image.Image], shots: Sequence[Shot], frame_wh: tuple[int, int]
) -> Planes | None:
    """What is behind photos that do not fill the frame: their own colours, soft and dim; a thin frame and a
    shadow around each. None where one photo fills it."""
    if len(shots) == 1 and not shots[0].framed:
        return None
    corners = pictures[0].resize((3, 3), Image.Resampling.BOX).resize(frame_wh, Image.Resampling.BICUBIC)
    picture = corners.point([round(value * GROUND_LIGHT) for value in range(256)] * 3)
    border = max(1, round(min(frame_wh) * BORDER))
    shade = Image.new("L", frame_wh, 0)
    for shot in shots:
        left, top, width, height = shot.place
        if shot.framed:
            edges = (left - border, top - border, left + width + border - 1, top + height + border - 1)
            lower = (edges[0], edges[1] + border, edges[2], edges[3] + 2 * border)
            ImageDraw.Draw(shade).rectangle(lower, 170)
    if shade.getbbox():
        picture.paste((0, 0, 0), (0, 0), shade.filter(ImageFilter.GaussianBlur(3 * border)))
    for shot in shots:
        left, top, width, height = shot.place
        if shot.framed:
            edges = (left - border, top - border, left + width + border - 1, top + height + border - 1)
            ImageDraw.Draw(picture).rectangle(edges, (238, 236, 230))
    return Planes.of(picture)


def blurred(picture: Image.Image, frame_wh: tuple[int, int], light: float = BLUR_LIGHT) -> Planes:
    """The picture as a dim, blurred background that fills the frame."""
    small = (max(2, frame_wh[0] // 16), max(2, frame_wh[1] // 16))
    scale = max(small[0] / picture.width, small[1] / picture.height)
    w, h = min(small[0] / scale, picture.width), min(small[1] / scale, picture.height)
    left, top = (picture.width - w) / 2, (picture.height - h) / 2
    soft = picture.resize(small, Image.Resampling.BOX, (left, top, left + w, top + h))
    soft = soft.filter(ImageFilter.GaussianBlur(min(small) / 22))
    soft = soft.point([round(value * light) for value in range(256)] * 3)
    return Planes.of(soft.resize(frame_wh, Image.Resampling.BICUBIC))


Lines = list[tuple[str, float]]  # text and the size of its letters in pixels


def text_lines(scene: Scene, frame_wh: tuple[int, int]) -> Lines:
    """The text of a title or card: its first line large."""
    short, large = min(frame_wh), {"title": 7.0, "card": 8.5, "end": 9.5}.get(scene.kind, 8.0)
    sizes = [short / large] + [short / 23] * max(0, len(scene.lines) - 1)
    room = frame_wh[0] * 0.86
    return [
        each
        for text, size in zip(scene.lines, sizes, strict=False)
        if legible(text)
        for each in _fit(legible(text), size, room)
    ]


def _block(lines: Lines, frame_wh: tuple[int, int], middle: float) -> list[Ink]:
    """Lines below each other, their middle at a share of the frame's height."""
    width, height = frame_wh
    top = height * middle - sum(size * LINE_HEIGHT for _, size in lines) / 2
    inks = []
    for text, size in lines:
        letters = Letters(size)
        inks.append(_ink(text, letters, ((width - letters.getlength(text)) / 2, top), soft=0.3))
        top += size * LINE_HEIGHT
    return inks


def _fit(text: str, size: float, room: float) -> Lines:
    """The text on one line, or on two balanced ones, as large as there is room for."""
    length = Letters(size).getlength(text)
    if length <= room:
        return [(text, size)]
    spaces = [index for index, letter in enumerate(text) if letter == " "]
    if length > 1.3 * room and spaces:
        middle = min(spaces, key=lambda index: abs(index - len(text) / 2))
        lines = [text[:middle], text[middle + 1 :]]
    else:
        lines = [text]
    shrink = min(1.0, room / max(Letters(size).getlength(line) for line in lines))
    return [(line, size * shrink) for line in lines]


def _place_caption(
    text: str, shots: Sequence[Shot], frame_wh: tuple[int, int], keep: Sequence[Sequence[Box]]
) -> Ink | None:
    """In the first corner where it covers no face at any time; nowhere if there is none."""
    short = min(frame_wh)
    letters = Letters(short * CAPTION_HEIGHT)
    width, height, margin = letters.getlength(text), short * CAPTION_HEIGHT * 1.4, short * MARGIN
    right, bottom = frame_wh[0] - margin - width, frame_wh[1] - margin - height
    # straight lines: the ends hold what is between
    faces = [
        shot.in_frame(box, share)
        for shot, boxes in zip(shots, keep, strict=True)
        for box in boxes
        for share in (0.0, 1.0)
    ]
    for corner in ((margin, bottom), (right, bottom), (margin, margin), (right, margin)):
        ink = _ink(text, letters, corner)
        if not any(ink.covers(face) for face in faces):
            return ink
    return None


def _ink(text: str, typeface: Letters, at: tuple[float, float], soft: float = 0.16) -> Ink:
    """`soft`: how far the shadow reaches, in sizes of the letters."""
    size = typeface.size
    pad = round(size * (0.34 + soft))
    left, top = int(at[0] - pad) // 2 * 2, int(at[1] - pad) // 2 * 2
    wide = (round(typeface.getlength(text)) + 2 * pad + 3) // 2 * 2
    high = (round(size * 1.4) + 2 * pad + 3) // 2 * 2
    letters = Image.new("L", (wide, high), 0)
    typeface.draw(letters, (pad, pad), text, 255)
    shadow = letters.filter(ImageFilter.GaussianBlur(size * soft)).point(
        [min(200, value * 2) for value in range(256)]
    )
    solid = Image.new("L", letters.size, 0)
    solid.paste(shadow)
    solid.paste(255, (0, 0), letters)
    return Ink((left, top), letters, shadow, solid.reduce(2))

"""Draws film frames. Photos are turned into video planes once (luma at full size, chroma at half,
BT.709 in video range), so that each frame only resamples what it shows: that is half the work of
RGB, and no conversion per frame.

Windows have fractional edges and are resampled at them, so slow movement is smooth and never jumps
by whole pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from phototag.highlights.captions import font
from phototag.highlights.film.motion import Shot, Window
from phototag.records import Box

if TYPE_CHECKING:
    import av
    import numpy as np

BLACK, WHITE, GREY = 16, 235, 128  # video range; grey is "no colour" in chroma
# RGB to Y, Cb, Cr after ITU-R BT.709, to the ranges 16-235 and 16-240.
BT709 = (
    *(0.2126 * 219 / 255, 0.7152 * 219 / 255, 0.0722 * 219 / 255, 16.0),
    *(-0.2126 / 1.8556 * 224 / 255, -0.7152 / 1.8556 * 224 / 255, 0.5 * 224 / 255, 128.0),
    *(0.5 * 224 / 255, -0.7152 / 1.5748 * 224 / 255, -0.0722 / 1.5748 * 224 / 255, 128.0),
)
FILL_LIGHT = 0.55  # of the blurred fill and the title's background: a frame for the photo, not a rival
CAPTION_HEIGHT = 1 / 30  # of the frame's shorter side
MARGIN = 1 / 20  # of the frame's shorter side, around captions


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

    def stamp(self, ink: Ink) -> None:
        """Draw white letters on a soft shadow."""
        left, top = ink.at
        self.luma.paste(BLACK, (left, top), ink.shadow)
        self.luma.paste(WHITE, (left, top), ink.letters)
        half = (left // 2, top // 2)
        self.blue.paste(GREY, half, ink.colourless)
        self.red.paste(GREY, half, ink.colourless)

    def frame(self) -> av.VideoFrame:
        """As a video frame of its own memory, yuv420p."""
        import av
        import numpy as np

        frame = av.VideoFrame(*self.luma.size, "yuv420p")
        for target, plane in zip(frame.planes, (self.luma, self.blue, self.red), strict=True):
            rows = np.frombuffer(target, np.uint8).reshape(-1, target.line_size)  # (H, W and more)
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


class Scene:
    """One photo of the film, drawn at any share of its time."""

    def __init__(
        self, pixels: np.ndarray, shot: Shot, frame_wh: tuple[int, int], caption: str, keep: tuple[Box, ...]
    ) -> None:
        picture = Image.fromarray(pixels)
        self.shot, self.frame_wh = shot, frame_wh
        self.planes = Planes.of(picture)
        fills = shot.place[2:] == frame_wh
        self.fill = None if fills else blurred(picture, frame_wh)
        self.ink = _place_caption(caption, shot, frame_wh, keep)

    def draw(self, share: float) -> Planes:
        left, top, width, height = self.shot.place
        seen = self.planes.part(self.shot.window(share), (width, height))
        if self.fill is not None:
            frame = self.fill.copy()
            frame.paste(seen, (left, top))
            seen = frame
        if self.ink is not None:
            seen.stamp(self.ink)
        return seen


def side_needed(shot: Shot) -> int:
    """The photo's long side in pixels at which its tightest window has as many pixels as are shown."""
    tight = min((shot.start, shot.end), key=lambda window: window.right - window.left)
    return round(max(shot.place[2] / (tight.right - tight.left), shot.place[3] / (tight.bottom - tight.top)))


def blurred(picture: Image.Image, frame_wh: tuple[int, int], light: float = FILL_LIGHT) -> Planes:
    """The picture as a dim, blurred background that fills the frame."""
    small = (max(2, frame_wh[0] // 16), max(2, frame_wh[1] // 16))
    scale = max(small[0] / picture.width, small[1] / picture.height)
    w, h = min(small[0] / scale, picture.width), min(small[1] / scale, picture.height)
    box = (
        (picture.width - w) / 2,
        (picture.height - h) / 2,
        (picture.width + w) / 2,
        (picture.height + h) / 2,
    )
    soft = picture.resize(small, Image.Resampling.BOX, box).filter(ImageFilter.GaussianBlur(min(small) / 22))
    soft = soft.point([round(value * light) for value in range(256)] * 3)
    return Planes.of(soft.resize(frame_wh, Image.Resampling.BICUBIC))


def title_card(picture: Image.Image, frame_wh: tuple[int, int], title: str, subtitle: str) -> Planes:
    """The film's first picture: its name on a blurred photo."""
    frame = blurred(picture, frame_wh, 0.4)
    width, height = frame_wh
    short = min(frame_wh)
    lines = [
        (line, size)
        for text, size in ((title, short / 7.5), (subtitle, short / 24))
        for line, size in _fit(text, size, width * 0.86)
    ]
    total = sum(size * 1.35 for _, size in lines)
    top = height / 2 - total / 2
    for line, size in lines:
        letters = font(size)
        frame.stamp(_ink(line, letters, ((width - letters.getlength(line)) / 2, top)))
        top += size * 1.35
    return frame


def _fit(text: str, size: float, room: float) -> list[tuple[str, float]]:
    """The text on one line, or on two balanced ones, as large as there is room for."""
    if not text:
        return []
    length = font(size).getlength(text)
    if length <= room:
        return [(text, size)]
    spaces = [index for index, letter in enumerate(text) if letter == " "]
    if length > 1.3 * room and spaces:
        middle = min(spaces, key=lambda index: abs(index - len(text) / 2))
        lines = [text[:middle], text[middle + 1 :]]
    else:
        lines = [text]
    shrink = min(1.0, room / max(font(size).getlength(line) for line in lines))
    return [(line, size * shrink) for line in lines]


def _place_caption(text: str, shot: Shot, frame_wh: tuple[int, int], keep: tuple[Box, ...]) -> Ink | None:
    """In the first corner where it covers no face at any time; nowhere if there is none."""
    short = min(frame_wh)
    letters = font(short * CAPTION_HEIGHT)
    width, height, margin = letters.getlength(text), short * CAPTION_HEIGHT * 1.4, short * MARGIN
    right, bottom = frame_wh[0] - margin - width, frame_wh[1] - margin - height
    # straight lines: the ends hold what is between
    faces = [shot.in_frame(box, share) for box in keep for share in (0.0, 1.0)]
    for corner in ((margin, bottom), (right, bottom), (margin, margin), (right, margin)):
        ink = _ink(text, letters, corner)
        if not any(ink.covers(face) for face in faces):
            return ink
    return None


def _ink(text: str, typeface: ImageFont.FreeTypeFont, at: tuple[float, float]) -> Ink:
    size = typeface.size
    pad = round(size * 0.5)
    left, top = int(at[0] - pad) // 2 * 2, int(at[1] - pad) // 2 * 2
    wide, high = (
        (round(typeface.getlength(text)) + 2 * pad + 3) // 2 * 2,
        (round(size * 1.4) + 2 * pad + 3) // 2 * 2,
    )
    letters = Image.new("L", (wide, high), 0)
    ImageDraw.Draw(letters).text((pad, pad), text, fill=255, font=typeface)
    shadow = letters.filter(ImageFilter.GaussianBlur(size * 0.16)).point(
        [min(200, value * 2) for value in range(256)]
    )
    solid = Image.new("L", letters.size, 0)
    solid.paste(shadow)
    solid.paste(255, (0, 0), letters)
    return Ink((left, top), letters, shadow, solid.reduce(2))

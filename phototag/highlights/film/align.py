"""Puts a face always in the same place of the frame, upright and of the same size, so that one picture grows
into the next: a person through the years."""

from __future__ import annotations

from PIL import Image

from phototag.highlights.film.motion import Shot, Window
from phototag.records import Face, Photo

# Where the middles of the eyes and of the mouth lie, as shares of the frame: across of its width, down of its
# height. The face is then about half as high as the frame.
MIDDLE, EYES, MOUTH = 0.5, 0.40, 0.59
# What the photo does not reach shows the photo's colours, soft and dim: so few of them, at that share of
# their light.
SOFT_WH, LIGHT = (3, 3), 0.38
LEAST_SIDE = 320  # pixels to which a photo is opened at least


def still(frame_wh: tuple[int, int]) -> Shot:
    """The whole frame, which does not move: the faces do."""
    whole = Window(0.0, 0.0, 1.0, 1.0)
    return Shot(whole, whole, (0, 0, *frame_wh))


def can_be_aligned(face: Face) -> bool:
    """Whether it is known where eyes and mouth are, and they are not one above the other."""
    return len(face.points) == 5 and _eyes(face) != _mouth(face)


def side_needed(photo: Photo, face: Face, frame_wh: tuple[int, int]) -> int:
    """The long side in pixels at which the face has as many pixels as the frame shows of it."""
    width, height = photo.width or 4, photo.height or 3
    between = abs(_in_pixels(_mouth(face), width, height) - _in_pixels(_eyes(face), width, height))
    return max(LEAST_SIDE, round(max(width, height) * (MOUTH - EYES) * frame_wh[1] / between))


def align(picture: Image.Image, face: Face, frame_wh: tuple[int, int]) -> Image.Image:
    """The frame of `frame_wh` pixels in which the face lies as it always does. The turn, the size and the
    place follow from two points, of which complex numbers make one multiplication and one addition."""
    eyes = _in_pixels(_eyes(face), *picture.size)
    mouth = _in_pixels(_mouth(face), *picture.size)
    width, height = frame_wh
    eyes_there, mouth_there = (complex(MIDDLE * width, down * height) for down in (EYES, MOUTH))
    turn = (mouth - eyes) / (mouth_there - eyes_there)  # from the frame to the picture
    shift = eyes - turn * eyes_there
    matrix = (turn.real, -turn.imag, shift.real, turn.imag, turn.real, shift.imag)
    if (shrink := int(abs(turn))) >= 2:  # averaged first: sampling it would flicker
        picture = picture.reduce(shrink)
        a, b, c, d, e, f = matrix
        matrix = (a / shrink, b / shrink, c / shrink, d / shrink, e / shrink, f / shrink)
    ground = picture.resize(SOFT_WH, Image.Resampling.BOX).resize(frame_wh, Image.Resampling.BICUBIC)
    ground = ground.point([round(value * LIGHT) for value in range(256)] * 3)
    seen = picture.transform(frame_wh, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
    inside = Image.new("L", picture.size, 255).transform(
        frame_wh, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
    )
    ground.paste(seen, (0, 0), inside)
    return ground


def _eyes(face: Face) -> complex:
    left, right = face.points[:2]
    return complex(left[0] + right[0], left[1] + right[1]) / 2


def _mouth(face: Face) -> complex:
    left, right = face.points[3:5]
    return complex(left[0] + right[0], left[1] + right[1]) / 2


def _in_pixels(point: complex, width: int, height: int) -> complex:
    return complex(point.real * width, point.imag * height)

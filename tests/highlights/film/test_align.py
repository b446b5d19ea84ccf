"""A face in whatever place and turn lies where all others lie."""

import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from phototag.highlights import theme as themes
from phototag.highlights.choose import choose
from phototag.highlights.film import align, storyboard
from phototag.records import Box, Face

FRAME = (640, 360)
LANDMARKS = ((-1, -1), (1, -1), (0, 0), (-0.8, 1.2), (0.8, 1.2))  # in half distances of the eyes


def draw_face(size, middle, half, degrees):
    """A grey picture with a face of five dots; the eyes red, the mouth green."""
    picture = Image.new("RGB", size, (90, 90, 90))
    pen = ImageDraw.Draw(picture)
    points = []
    for number, (x, y) in enumerate(LANDMARKS):
        turn = math.radians(degrees)
        at = (
            middle[0] + half * (x * math.cos(turn) - y * math.sin(turn)),
            middle[1] + half * (x * math.sin(turn) + y * math.cos(turn)),
        )
        points.append((at[0] / size[0], at[1] / size[1]))
        colour = (255, 0, 0) if number < 2 else (0, 255, 0) if number > 2 else (90, 90, 90)
        radius = half * 0.35
        pen.ellipse((at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius), fill=colour)
    box = Box.clipped(0.1, 0.1, 0.9, 0.9)
    return picture, Face(box, 0.99, tuple(points), smile=0.9, sharpness=0.8)


def middle_of(frame, channel):
    pixels = np.asarray(frame).astype(int)
    others = [other for other in range(3) if other != channel]
    mask = (pixels[..., channel] > 150) & (pixels[..., others].max(-1) < 110)
    rows, columns = np.nonzero(mask)
    return columns.mean(), rows.mean()


@pytest.mark.parametrize(
    ("size", "middle", "half", "degrees"),
    [
        ((800, 600), (400, 300), 60, 0),
        ((800, 600), (150, 200), 40, 25),
        ((600, 900), (300, 250), 30, -40),
        ((3000, 2000), (2500, 1200), 300, 10),  # seven times smaller in the frame
        ((200, 150), (100, 75), 12, 180),
    ],
)
def test_eyes_and_mouth_lie_in_their_places(size, middle, half, degrees):
    picture, face = draw_face(size, middle, half, degrees)
    frame = align.align(picture, face, FRAME)
    assert frame.size == FRAME
    assert middle_of(frame, 0) == pytest.approx((FRAME[0] / 2, align.EYES * FRAME[1]), abs=1.6)
    assert middle_of(frame, 1) == pytest.approx((FRAME[0] / 2, align.MOUTH * FRAME[1]), abs=1.6)


def test_the_film_keeps_time_and_tells_the_year(make):
    years = themes.load("through-the-years")
    _, face = draw_face((800, 600), (400, 300), 60, 5)
    photos = [make.photo(f"{year}.jpg", f"{year}-05-01 12:00:00", (face,)) for year in range(2001, 2018)]
    undated = make.photo("undated.jpg", None, (replace(face, points=()),))
    kept = choose([*photos, undated], years, make.appearance).kept
    board = storyboard.draft(kept, years, "The years of Anna", FRAME, ())
    scenes = [scene for scene in board.scenes if scene.kind == "photos"]
    told = [scene.caption for scene in scenes if scene.caption]
    assert told == sorted(told) and len(told) >= 16
    assert {scene.then for scene in scenes[:-1]} == {"dissolve"}
    assert all(len(scene.verdicts) == 1 for scene in scenes)
    for scene in scenes:
        face = storyboard.aligned_face(scene, years)
        if scene.photos[0] is undated:
            assert face is None
        else:
            assert scene.shots == (align.still(FRAME),)


def test_an_aligned_film_is_made(make, tmp_path):
    av = pytest.importorskip("av")
    from phototag.highlights.film.make import FilmOptions, make_film

    years = replace(
        themes.load("through-the-years"),
        film=themes.Film(1.5, 4, 8, align_faces=True),
    )
    photos = []
    for number, (middle, degrees) in enumerate([((300, 200), 20), ((500, 400), -15), ((400, 300), 0)]):
        picture, face = draw_face((800, 600), middle, 50, degrees)
        picture.save(tmp_path / f"{number}.png")
        taken = f"{2010 + number}-05-01 12:00:00"
        photos.append(make.photo(str(tmp_path / f"{number}.png"), taken, (face,), width=800, height=600))
    kept = choose(photos, years, make.appearance).kept
    options = FilmOptions(height=360, silent=True, preview=True)
    make_film(tmp_path / "years.mp4", kept, years, "The years", options)
    board = storyboard.draft(kept, years, "The years", options.size_wh, (), fps=15)
    with av.open(str(tmp_path / "years.mp4")) as film:
        frames = [frame.to_image() for frame in film.decode(video=0)]
    middles = [(scene.first + scene.last) // 2 for scene in board.scenes if scene.kind == "photos"]
    assert len(middles) >= 2
    for number in middles:
        assert middle_of(frames[number], 0) == pytest.approx((320, align.EYES * 360), abs=4)

"""The geometry of a film, on random photos and faces."""

import random

import pytest

from phototag.highlights.film import motion
from phototag.highlights.theme import Film
from phototag.records import Box

FRAMES = [(1920, 1080), (1080, 1920), (320, 180), (100, 100)]
SHARES = [step / 20 for step in range(21)]


def random_cases(count=400):
    dice = random.Random(4)
    for number in range(count):
        photo_wh = dice.choice(
            [
                (4000, 3000),
                (3000, 4000),
                (6000, 4000),
                (4032, 2268),
                (3000, 3000),
                (300, 200),
                (8000, 2000),
                (900, 3000),
            ]
        )
        boxes = []
        for _ in range(dice.choice((0, 1, 1, 2, 5))):
            left, top, size = dice.uniform(0, 0.9), dice.uniform(0, 0.9), dice.uniform(0.02, 0.6)
            boxes.append(Box.clipped(left, top, left + size, top + size))
        yield number, photo_wh, dice.choice(FRAMES), boxes


def test_no_face_is_ever_cut_and_no_window_leaves_its_photo():
    filled = 0
    for number, photo_wh, frame_wh, boxes in random_cases():
        shot = motion.plan(photo_wh, frame_wh, boxes, number)
        left, top, width, height = shot.place
        filled += shot.place == (0, 0, *frame_wh)
        assert all(value % 2 == 0 for value in shot.place) and left >= 0 and top >= 0
        assert left + width <= frame_wh[0] and top + height <= frame_wh[1]
        for share in SHARES:
            window = shot.window(share)
            assert all(-1e-9 <= edge <= 1 + 1e-9 for edge in window.edges())
            for box in boxes:
                assert window.holds(box)
                seen = shot.in_frame(box, share)
                assert seen[0] >= left - 1e-6 and seen[1] >= top - 1e-6
                assert seen[2] <= left + width + 1e-6 and seen[3] <= top + height + 1e-6
    assert 50 < filled < 350  # both ways of showing were met


def test_photos_are_never_distorted():
    for number, photo_wh, frame_wh, boxes in random_cases(100):
        shot = motion.plan(photo_wh, frame_wh, boxes, number)
        for window in (shot.start, shot.end):
            shape = (window.right - window.left) * photo_wh[0] / ((window.bottom - window.top) * photo_wh[1])
            # places are even
            assert shape == pytest.approx(shot.place[2] / shot.place[3], rel=1.5 / min(shot.place[2:]))


def test_landscape_fills_the_frame_portrait_stands_on_a_fill_and_small_ones_stay_small():
    assert motion.plan((4000, 3000), (1920, 1080), [], 0).place == (0, 0, 1920, 1080)
    assert motion.plan((3000, 4000), (1920, 1080), [], 0).place == (556, 0, 810, 1080)
    assert motion.plan((3000, 4000), (1080, 1920), [], 0).place == (0, 0, 1080, 1920)
    assert motion.plan((400, 300), (1920, 1080), [], 0).place == (360, 90, 1200, 900)


def test_faces_from_top_to_bottom_forbid_filling_the_frame():
    tall = Box(0.3, 0.02, 0.7, 0.98)
    assert motion.plan((4000, 3000), (1920, 1080), [tall], 0).place == (240, 0, 1440, 1080)


def test_every_photo_moves_where_there_is_room_and_neighbours_move_against_each_other():
    face = Box(0.4, 0.3, 0.6, 0.5)
    one, two = (motion.plan((4000, 3000), (1920, 1080), [face], number) for number in (0, 1))
    grown = (one.start.right - one.start.left) / (one.end.right - one.end.left)
    assert grown == pytest.approx(motion.ZOOM) and (two.start, two.end) == (one.end, one.start)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 40, 60, 97, 1000])
def test_the_film_is_20_seconds_to_2_minutes_and_every_photo_has_its_time(count):
    film = Film()
    count = min(count, motion.most_photos(film))
    times = motion.timeline(count, film)
    assert 20 <= times.seconds <= 120 and times.frames == round(times.seconds * motion.FPS)
    assert len(times.starts) == len(times.ends) == count
    assert times.starts[0] == times.title - times.fade and times.ends[-1] == times.frames
    for number in range(count):
        alone = times.ends[number] - times.starts[number] - 2 * times.fade
        assert alone >= 0.25 * motion.FPS * motion.LEAST_SECONDS
        assert (
            times.share(number, times.starts[number]) == 0
            and times.share(number, times.ends[number] - 1) == 1
        )
    for start, end in zip(times.starts[1:], times.ends, strict=False):
        assert end - start == times.fade

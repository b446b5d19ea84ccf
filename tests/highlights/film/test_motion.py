"""The geometry of a film, on random photos and faces."""

import random
from itertools import pairwise

import pytest

from phototag.highlights.film import motion
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


def whole(frame_wh):
    return (0, 0, *frame_wh)


def test_no_face_is_ever_cut_and_no_window_leaves_its_photo():
    filled = 0
    for number, photo_wh, frame_wh, boxes in random_cases():
        shot = motion.plan(photo_wh, whole(frame_wh), boxes, number, seconds=1 + number % 5)
        left, top, width, height = shot.place
        filled += not shot.framed
        assert shot.framed == (shot.place != whole(frame_wh))
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
        shot = motion.plan(photo_wh, whole(frame_wh), boxes, number)
        for window in (shot.start, shot.end):
            shape = (window.right - window.left) * photo_wh[0] / ((window.bottom - window.top) * photo_wh[1])
            # places are even
            assert shape == pytest.approx(shot.place[2] / shot.place[3], rel=1.5 / min(shot.place[2:]))


def test_landscape_fills_the_frame_upright_and_small_photos_are_framed_and_not_blown_up():
    assert motion.plan((4000, 3000), (0, 0, 1920, 1080), []).place == (0, 0, 1920, 1080)
    upright = motion.plan((3000, 4000), (0, 0, 1920, 1080), [])
    assert upright.framed and upright.place[3] == 928 and upright.place[0] == 612
    assert not motion.plan((3000, 4000), (0, 0, 1080, 1920), []).framed
    small = motion.plan((400, 300), (0, 0, 1920, 1080), [])
    assert small.framed and small.place[2:] == (680, 510)
    for share in SHARES:
        window = small.window(share)
        assert small.place[2] / ((window.right - window.left) * 400) <= motion.MOST_ENLARGED + 0.01


def test_faces_from_top_to_bottom_forbid_filling_the_frame():
    assert motion.plan((4000, 3000), (0, 0, 1920, 1080), [Box(0.3, 0.02, 0.7, 0.98)]).framed


def test_it_begins_wide_and_ends_on_the_faces_and_each_third_goes_the_other_way():
    face = Box(0.6, 0.2, 0.7, 0.35)
    room = (0, 0, 1920, 1080)
    one, two, three = (motion.plan((4000, 3000), room, [face], number, 3.0) for number in range(3))
    grown = (one.start.right - one.start.left) / (one.end.right - one.end.left)
    assert grown == pytest.approx(1 + 3 * motion.ZOOM_PER_SECOND) and one == two
    assert (three.start, three.end) == (one.end, one.start)
    middle = (one.end.left + one.end.right) / 2
    assert abs(middle - 0.65) < 0.06  # as near to the face as the photo's edge allows
    slow, fast = (motion.plan((4000, 3000), room, [face], 0, seconds) for seconds in (1.0, 9.0))
    assert slow.end.right - slow.end.left > fast.end.right - fast.end.left


def test_without_faces_it_glides_over_what_the_frame_cuts_off():
    shot = motion.plan((4000, 4000 * 3 // 4), (0, 0, 1920, 1080), [])
    assert shot.end.top > shot.start.top
    other = motion.plan((4000, 3000), (0, 0, 1920, 1080), [], 1)
    assert other.end.top < other.start.top


def test_movement_sets_off_and_arrives_softly():
    shot = motion.plan((4000, 3000), (0, 0, 1920, 1080), [Box(0.4, 0.3, 0.6, 0.5)])
    widths = [shot.window(share).right - shot.window(share).left for share in SHARES]
    steps = [one - two for one, two in pairwise(widths)]
    assert min(steps) > 0 and steps[0] < steps[10] and steps[-1] < steps[10]
    assert (shot.window(0.0), shot.window(1.0)) == (shot.start, shot.end)


@pytest.mark.parametrize("photo_wh", [(6000, 2000), (8000, 2000), (12000, 1200)])
@pytest.mark.parametrize("frame_wh", FRAMES[:3])
def test_a_panorama_is_panned_from_its_left_end_to_its_right_one(photo_wh, frame_wh):
    shot = motion.plan(photo_wh, whole(frame_wh), [], 2, seconds=4)
    assert shot.start.left == 0 and shot.end.right == pytest.approx(1)
    assert (shot.start.top, shot.start.bottom, shot.place[2]) == (0, 1, frame_wh[0])
    window = shot.start.right - shot.start.left
    assert (1 - window) / window <= 4 * motion.PAN_PER_SECOND + 0.05  # widths of the frame: not in a rush
    assert shot.place[3] <= motion.MOST_ENLARGED * photo_wh[1] + 1
    if photo_wh == (6000, 2000) and frame_wh == (1920, 1080):
        assert not shot.framed  # it fills the frame


def test_a_tall_photo_is_panned_from_its_foot_to_its_top():
    shot = motion.plan((2000, 6000), (0, 0, 1920, 1080), [], 0, seconds=4)
    assert shot.start.bottom == pytest.approx(1) and shot.end.top == 0
    assert shot.place[1] == 0 and shot.place[3] == 1080 and shot.framed
    left, _, width, _ = shot.place
    assert abs(left - (1920 - left - width)) <= 2 and 500 < width < 800


def test_faces_stay_in_a_panorama_s_frame_and_if_they_cannot_the_whole_is_shown():
    near = [Box(0.31, 0.4, 0.36, 0.6), Box(0.65, 0.4, 0.7, 0.6)]
    shot = motion.plan((6000, 2000), (0, 0, 1920, 1080), near)
    assert 0 < shot.start.left < shot.end.left and not shot.framed
    for share in SHARES:
        assert all(shot.window(share).holds(box) for box in near)
    apart = motion.plan(
        (6000, 2000), (0, 0, 1920, 1080), [Box(0.02, 0.4, 0.07, 0.6), Box(0.9, 0.4, 0.95, 0.6)]
    )
    assert apart.framed and apart.start.right - apart.start.left > 0.9

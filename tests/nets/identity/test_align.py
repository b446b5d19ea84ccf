import numpy as np
import pytest

from phototag.nets.identity.align import LANDMARKS, cut_face, similarity
from phototag.nets.identity.net import SIDE


def turned(angle, scale, move):
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return lambda points: points @ turn.T + move


@pytest.mark.parametrize("angle", [0.0, 0.5, -2.0])
@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
def test_the_similarity_that_was_applied_is_found(angle, scale):
    points = turned(angle, scale, (30, -7))(LANDMARKS)
    matrix = similarity(LANDMARKS, points)
    assert np.allclose(np.c_[LANDMARKS, np.ones(5)] @ matrix.T, points)


@pytest.mark.parametrize("scale", [0.4, 1.0, 3.3, 9.0])
def test_landmarks_come_to_their_places(scale):
    """Dots at the landmarks of a turned face of any size lie where the network expects them."""
    points = turned(0.3, scale, (80 * scale, 20 * scale))(LANDMARKS)
    side = int(300 * scale)
    rows, columns = np.mgrid[:side, :side]
    pixels = np.zeros((side, side, 3), np.uint8)
    for x, y in points:
        pixels[(columns - x) ** 2 + (rows - y) ** 2 <= (4 * scale) ** 2] = 255
    cut = cut_face(pixels, [(x / side, y / side) for x, y in points])
    assert cut.shape == (SIDE, SIDE, 3)
    for x, y in LANDMARKS:
        assert cut[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2].mean() > 200
    assert cut.mean() < 30


def test_a_face_at_the_border_is_filled_with_black():
    pixels = np.full((100, 100, 3), 200, np.uint8)
    cut = cut_face(pixels, [(x / 100 - 0.6, y / 100 - 0.6) for x, y in LANDMARKS])
    assert (cut[0, 0] == 0).all() and (cut[-1, -1] == 200).all()


@pytest.mark.parametrize("points", [[(0.5, 0.5)] * 5, [(float("nan"), 0.1)] * 5])
def test_landmarks_that_are_none(points):
    with pytest.raises(ValueError):
        cut_face(np.zeros((50, 50, 3), np.uint8), points)


def test_a_large_face_outside_the_picture_is_refused():
    with pytest.raises(ValueError):
        cut_face(np.zeros((500, 500, 3), np.uint8), [(x / 50 + 9, y / 50 + 9) for x, y in LANDMARKS])

"""Records check their ranges when they are made."""

import math

import numpy
import pytest

from phototag.records import Box, Tag

BOX = Box(0.1, 0.2, 0.3, 0.4)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("edge", range(4))
def test_a_box_has_finite_edges(edge, value):
    edges = [0.1, 0.2, 0.3, 0.4]
    edges[edge] = value
    with pytest.raises(ValueError, match="must be finite"):
        Box(*edges)


@pytest.mark.parametrize(
    "edges", [(0.3, 0, 0.3, 1), (0.4, 0, 0.3, 1), (0, 0.5, 1, 0.4), (-0.1, 0, 1, 1), (0, 0, 1.01, 1)]
)
def test_a_box_lies_in_the_photo_and_is_not_empty(edges):
    with pytest.raises(ValueError, match="a box needs"):
        Box(*edges)
    assert Box.clipped(*edges) is None or edges[0] < 0 or edges[2] > 1


@pytest.mark.parametrize("score", [math.nan, math.inf, -0.01, 1.01, numpy.float32("nan")])
def test_a_score_lies_between_0_and_1(score):
    with pytest.raises(ValueError, match="score of 'dog' must lie"):
        Tag("dog", score)


def test_what_is_changed_is_checked_again():
    assert BOX._replace(left=0.0) == Box(0.0, 0.2, 0.3, 0.4)
    with pytest.raises(ValueError, match="a box needs"):
        BOX._replace(left=5)
    with pytest.raises(ValueError, match="score of 'dog' must lie"):
        Tag("dog", 0.5)._replace(score=7)
    with pytest.raises(AttributeError):
        BOX.left = 0.0


def test_a_tag_has_a_label_and_finite_landmarks():
    with pytest.raises(ValueError, match="needs a label"):
        Tag("", 0.5)
    with pytest.raises(ValueError, match="landmarks of 'face'"):
        Tag("face", 0.5, BOX, ((0.1, 0.2), (math.nan, 0.3)))
    assert Tag("face", numpy.float32(1), BOX, ((-0.1, 1.2),)).points == ((-0.1, 1.2),), (
        "an eye may lie beyond the border"
    )

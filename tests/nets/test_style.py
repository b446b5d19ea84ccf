"""A painted photo is another picture of the same thing: the same each time, its face kept more closely."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from phototag.nets import brushwork, style
from phototag.records import Box

ASTRONAUT = np.asarray(Image.fromarray(data.astronaut()).resize((256, 256), Image.Resampling.BOX))
FACE = Box(178 / 512, 62 / 512, 270 / 512, 173 / 512)  # by eye
QUICK = ((64, 4), (96, 4))


@pytest.fixture(scope="module")
def painted():
    seen = []
    picture = style.paint(ASTRONAUT, [FACE], lambda done, total: seen.append((done, total)), scales=QUICK)
    assert seen == [(done, 8) for done in range(1, 9)]
    return picture


def difference(one, other, box=None):
    if box is not None:
        left, top, right, bottom = box.pixels(256, 256)
        one, other = one[top:bottom, left:right], other[top:bottom, left:right]
    return np.abs(one.astype(int) - other).mean()


def test_a_painting_differs_from_its_photo_and_is_still_of_it(painted):
    assert painted.shape == ASTRONAUT.shape and painted.dtype == np.uint8
    assert difference(painted, ASTRONAUT) > 5
    assert np.corrcoef(painted.ravel(), ASTRONAUT.ravel())[0, 1] > 0.85


def test_the_same_photo_gives_the_same_painting(painted):
    assert np.array_equal(style.paint(ASTRONAUT, [FACE], scales=QUICK), painted)


def test_a_face_is_kept_more_closely_where_it_is_known(painted):
    unknown = style.paint(ASTRONAUT, scales=QUICK)
    assert difference(painted, ASTRONAUT, FACE) < 0.9 * difference(unknown, ASTRONAUT, FACE)


def test_a_flat_photo_and_a_tiny_one_can_be_painted():
    for shape in ((40, 60, 3), (5, 9, 3)):
        grey = np.full(shape, 128, np.uint8)
        assert style.paint(grey, scales=((64, 1),)).shape == shape


def test_brushwork_is_always_the_same_and_has_every_colour_of_its_palette():
    picture = brushwork.draw_brushwork()
    brushwork.draw_brushwork.cache_clear()
    assert picture.tobytes() == brushwork.draw_brushwork().tobytes()
    pixels = np.asarray(picture).reshape(-1, 3).astype(int)
    for colour in brushwork.PALETTE:
        assert (np.abs(pixels - colour).max(axis=1) < 25).mean() > 0.01


def test_the_size_of_the_strokes_is_told():
    assert style.painted_size_wh(1920, 1080) == (384, 216)
    assert style.painted_size_wh(1080, 1920) == (216, 384)
    assert style.painted_size_wh(9, 5) == (32, 32)

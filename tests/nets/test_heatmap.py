"""Heat is where covering the picture changes the answer, lies where the face lies, and is drawn
with a scale."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from phototag.errors import PhototagError
from phototag.nets import heatmap
from phototag.nets.smilenet.checkpoint import load
from phototag.nets.smilenet.crop import cut_face, normalise
from phototag.records import Box, Face
from phototag.taggers import objects
from phototag.taggers.smiles import WEIGHTS

# her face and eyes, by eye
ASTRONAUT = Face(
    Box(178 / 512, 62 / 512, 270 / 512, 173 / 512), 1.0, ((205 / 512, 102 / 512), (247 / 512, 104 / 512))
)


@pytest.fixture(scope="module")
def net():
    return load(WEIGHTS)[0]


def test_covering_what_is_hot_costs_the_smile_more_than_covering_the_rest(net):
    crop = torch.from_numpy(cut_face(data.astronaut(), ASTRONAUT.box, ASTRONAUT.points).copy())
    heat = heatmap.crop_heat(net, crop)[0]
    assert heat.shape == crop.shape and 0 <= heat.min() < 0.1 and heat.max() == 1
    views, temperatures = [crop], []
    for y in range(0, 96, 16):
        for x in range(0, 96, 16):
            covered = crop.clone()
            covered[y : y + 16, x : x + 16] = crop.float().mean().byte()
            views.append(covered)
            temperatures.append(float(heat[y : y + 16, x : x + 16].mean()))
    with torch.inference_mode():
        smiles = net(normalise(torch.stack(views)))[1]
    lost = (smiles[0] - smiles[1:]).numpy()
    order = np.argsort(temperatures)
    assert lost[order[-12:]].mean() > 0 and lost[order[-12:]].mean() > 2 * lost[order[:24]].mean()


def test_the_heat_lies_on_the_face_also_when_the_head_is_turned(net):
    photo = data.astronaut()
    level = heatmap.smile_heat(net, 96, photo, ASTRONAUT)
    assert level.shape == photo.shape[:2]
    outside = level.copy()
    outside[50:185, 165:285] = 0
    assert outside.max() == 0 and level.max() > 0.9
    # the same photo lying on its side: the eyes tell, and the heat turns with them
    turned = np.ascontiguousarray(np.rot90(photo, -1))
    points = tuple((1 - y, x) for x, y in ASTRONAUT.points)
    box = ASTRONAUT.box
    face = Face(Box(1 - box.bottom, box.left, 1 - box.top, box.right), 1.0, points)
    again = np.rot90(heatmap.smile_heat(net, 96, turned, face))
    assert np.corrcoef(level.ravel(), again.ravel())[0, 1] > 0.5


def test_a_thing_is_hot_inside_its_box_and_one_that_is_not_there_has_none():
    detector = objects.detector("people-pets")
    photo = np.full((400, 700, 3), 120, np.uint8)
    photo[50:350, 200:651] = data.chelsea()
    spot = heatmap.thing_heat(detector, photo, "cat")
    assert spot.text.startswith("cat ") and spot.box.left > 0.15
    left, top, right, bottom = spot.box.pixels(700, 400)
    inside = spot.heat[max(0, top - 30) : bottom + 30, max(0, left - 30) : right + 30].sum()
    assert inside > 0.85 * spot.heat.sum() > 0
    assert heatmap.thing_heat(detector, photo, "horse") is None


def test_the_drawing_keeps_the_cold_parts_and_has_its_scale_below():
    photo = np.full((200, 300, 3), 100, np.uint8)
    heat = np.zeros((200, 300), np.float32)
    heat[80:120, 100:160] = 1
    picture = heatmap.draw(photo, [heatmap.Spot(Box(0.3, 0.3, 0.6, 0.7), "smile 0.98", heat)], "a smile")
    assert picture.width == 300 and picture.height > 200
    assert picture.getpixel((10, 10)) == (100, 100, 100)
    assert picture.getpixel((130, 100))[0] > 190
    strip = np.asarray(picture)[206]
    assert strip[5].sum() < strip[100].sum()  # dark to bright
    assert isinstance(picture, Image.Image)
    with pytest.raises(PhototagError, match="nothing to draw"):
        heatmap.draw(photo, [], "nothing")

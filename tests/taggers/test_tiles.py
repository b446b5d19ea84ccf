"""Panoramas: decoded by their short side, looked at in tiles, and told as one picture."""

import itertools
import json

import numpy as np
import pytest
from PIL import Image, ImageOps

from phototag.reading.decode import open_photo
from phototag.reading.pixels import working_size
from phototag.records import Box, Frame, Tag
from phototag.taggers import table
from phototag.taggers.tiles import Tiled
from tests.conftest import SAMPLES


@pytest.mark.parametrize(
    ("size_wh", "working"),
    [
        ((4000, 3000), (1333, 1000)),
        ((4000, 1334), (1333, 445)),
        ((12000, 2000), (5332, 889)),
        ((2000, 12000), (889, 5332)),
        ((12000, 600), (10664, 533)),
        ((3000, 500), (3000, 500)),
        ((60000, 10), (10664, 2)),
        ((1, 1), (1, 1)),
    ],
)
def test_the_working_size_goes_by_the_short_side_beyond_3_to_1(size_wh, working):
    assert working_size(size_wh, 1333) == working


def find_red(frames):
    """One tag for the box around all that is red; sure of it by its width."""
    answers = []
    for frame in frames:
        assert max(frame.pixels.shape[:2]) <= 3 * min(frame.pixels.shape[:2])
        ys, xs = np.nonzero(frame.pixels[..., 0] > 200)
        height, width = frame.pixels.shape[:2]
        box = xs.size and Box(
            xs.min() / width, ys.min() / height, (xs.max() + 1) / width, (ys.max() + 1) / height
        )
        middle = box and ((box.left + box.right) / 2, (box.top + box.bottom) / 2)
        answers.append([Tag("red", min(1.0, xs.size / 1e5), box, (middle,))] if box else [])
    return answers


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("where", [0, 60, 130, 199, 250, 400, 511, 777, 930])
def test_a_thing_is_told_once_wherever_the_tiles_meet(where, turned):
    pixels = np.zeros((100, 1000, 3), np.uint8)
    pixels[30:70, where : where + 45, 0] = 255
    if turned:
        pixels = pixels.transpose(1, 0, 2)
    frame = Frame(7, pixels, pixels.shape[1] * 3, pixels.shape[0] * 3)
    (tags,) = Tiled(find_red)([frame])
    assert len(tags) == 1
    (tag,) = tags
    edges = [where / 1000, 0.3, min(1000, where + 45) / 1000, 0.7]
    middle = [(edges[0] + edges[2]) / 2, 0.5]
    if turned:
        edges, middle = [edges[1], edges[0], edges[3], edges[2]], middle[::-1]
    assert tag.box.as_list() == pytest.approx(edges, abs=1e-3)
    assert tag.points[0] == pytest.approx(middle, abs=1e-3)


def test_ordinary_photos_are_shown_as_they_are_beside_wide_ones():
    shown = []

    def spy(frames):
        shown.extend(frames)
        return [[] for _ in frames]

    ordinary = Frame(1, np.zeros((100, 150, 3), np.uint8), 150, 100)
    wide = Frame(2, np.zeros((100, 620, 3), np.uint8), 6200, 1000)
    assert Tiled(spy)([ordinary, wide, ordinary]) == [[], [], []]
    assert shown[0] is ordinary and shown[-1] is ordinary
    assert {frame.pixels.shape for frame in shown[1:-1]} == {(100, 150, 3)} and len(shown) == 8


def side_by_side(size_wh):
    """The sample photos at the panorama's short side, and how many faces are in it."""
    said = json.loads((SAMPLES / "expected.json").read_text())["photos"]
    names = [name for name in reversed(said) if "burst" not in name]
    panorama, faces, at = Image.new("RGB", size_wh, (130, 140, 150)), 0, 0
    short, is_wide = min(size_wh), size_wh[0] > size_wh[1]
    for name in itertools.cycle(names):
        with Image.open(SAMPLES / name) as file:
            photo = ImageOps.exif_transpose(file).convert("RGB")
        scale = short / (photo.height if is_wide else photo.width)
        photo = photo.resize((round(photo.width * scale), round(photo.height * scale)))
        end = at + (photo.width if is_wide else photo.height)
        if end > max(size_wh):
            return panorama, faces
        panorama.paste(photo, (at, 0) if is_wide else (0, at))
        faces, at = faces + said[name]["faces"], end


@pytest.mark.slow
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("size_wh", [(4000, 1250), (8000, 1333), (12000, 1000), (20000, 1000), (6000, 300)])
def test_every_face_in_panoramas_from_3_to_1_to_20_to_1_is_found(tmp_path, size_wh, turned):
    panorama, faces = side_by_side(size_wh[::-1] if turned else size_wh)
    panorama.save(tmp_path / "wide.jpg", quality=92)
    photo = open_photo(tmp_path / "wide.jpg", working_side=table.WORKING_SIDE, for_taggers=True)
    frame = Frame(1, photo.pixels, photo.width, photo.height)
    (found,) = table.load("faces", "cpu", {})([frame])
    assert faces > 0 and sum(tag.score > 0.95 for tag in found) == faces


def test_people_in_a_panorama_are_found(tmp_path):
    portrait = Image.open(SAMPLES / "2016/astronaut.jpg").convert("RGB")
    panorama = Image.new("RGB", (portrait.height * 10, portrait.height), (120, 130, 140))
    for x in (0.06, 0.52, 0.85):
        panorama.paste(portrait, (round(x * panorama.width), 0))
    panorama.save(tmp_path / "wide.jpg", quality=95)
    photo = open_photo(tmp_path / "wide.jpg", working_side=table.WORKING_SIDE, for_taggers=True)
    frame = Frame(1, photo.pixels, photo.width, photo.height)
    (faces,) = table.load("faces", "cpu", {})([frame])
    sure = sorted((tag.box.left + tag.box.right) / 2 for tag in faces if tag.score > 0.95)
    share = portrait.width / panorama.width
    assert sure == pytest.approx([x + 0.45 * share for x in (0.06, 0.52, 0.85)], abs=0.1 * share)

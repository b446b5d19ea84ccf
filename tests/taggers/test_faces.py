"""The faces tagger's contract: fractions of the frame, any sizes, nothing where there is nothing."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage import data

from phototag.records import Frame
from phototag.taggers import faces, table


@pytest.fixture(scope="module")
def tagger() -> faces.FacesTagger:
    return table.load("faces", "cpu", {})


def frame(pixels: np.ndarray) -> Frame:
    return Frame(1, pixels, pixels.shape[1] * 3, pixels.shape[0] * 3)


def test_astronaut(tagger: faces.FacesTagger) -> None:
    [[face]] = tagger([frame(data.astronaut())])
    assert face.label == "face" and face.score > 0.99
    # truth, by eye: the face spans x 175..270 and y 65..175 of 512
    assert face.box is not None
    assert face.box.as_list() == pytest.approx([178 / 512, 62 / 512, 270 / 512, 173 / 512], abs=0.015)
    left_eye, right_eye, nose, left_mouth, right_mouth = face.points
    assert left_eye == pytest.approx((205 / 512, 102 / 512), abs=0.01)
    assert right_eye == pytest.approx((247 / 512, 104 / 512), abs=0.01)
    assert left_eye[1] < nose[1] < left_mouth[1] and left_mouth[0] < right_mouth[0]


def test_empty_batch_and_no_faces(tagger: faces.FacesTagger) -> None:
    assert tagger([]) == []
    assert tagger([frame(data.coffee())]) == [[]]


def test_any_mix_of_sizes_in_order(tagger: faces.FacesTagger) -> None:
    astronaut = data.astronaut()
    portrait = np.asarray(Image.fromarray(astronaut[:, 80:360]).resize((300, 549)))
    shapes = [(1, 1), (19, 300), (2000, 3), (12, 12), (20, 20), (21, 1333)]
    batch = [np.full((*shape, 3), 127, np.uint8) for shape in shapes] + [
        astronaut,
        portrait,
        np.zeros((640, 480, 3), np.uint8),
    ]
    answers = tagger([frame(pixels) for pixels in batch])
    assert [len(answer) for answer in answers] == [0, 0, 0, 0, 0, 0, 1, 1, 0]
    [face], [other] = answers[6], answers[7]
    assert face.box is not None and other.box is not None
    assert other.box.left * 280 + 80 == pytest.approx(face.box.left * 512, abs=6)
    [[alone]] = tagger([frame(astronaut)])
    assert alone.box is not None and alone.box.as_list() == pytest.approx(face.box.as_list(), abs=1e-3)
    assert alone.score == pytest.approx(face.score, abs=1e-3)


def test_smallest_face_is_a_fraction_of_the_long_side() -> None:
    canvas = np.full((900, 1300, 3), 90, np.uint8)
    # a face of 45 x 55
    small = np.asarray(Image.fromarray(data.astronaut()).resize((256, 256), Image.Resampling.LANCZOS))
    canvas[300:556, 500:756] = small
    assert len(faces.load("cpu", {"min_face": 0.02})([frame(canvas)])[0]) == 1
    assert faces.load("cpu", {"min_face": 0.10})([frame(canvas)])[0] == []


def test_face_cut_by_the_border_has_its_box_clipped(tagger: faces.FacesTagger) -> None:
    cut = np.ascontiguousarray(data.astronaut()[:, 205:])  # the border runs through her right eye
    for face in tagger([frame(cut)])[0]:
        assert face.box is not None and face.box.left >= 0
    assert len(tagger([frame(np.ascontiguousarray(data.astronaut()[85:]))])[0]) == 1  # forehead gone

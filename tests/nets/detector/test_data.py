import json

import numpy as np
import pytest

from phototag.errors import PhototagError
from phototag.nets.detector import data


def test_reads_boxes_and_splits(draw_photos, tmp_path):
    path = draw_photos(tmp_path)
    training = data.read_coco(path, tmp_path, "train")
    assert len(training) == 5 and len(data.read_coco(path, tmp_path, "val")) == 1
    assert training.names == ("red", "blue") and training.count() == {"red": 5, "blue": 5}
    first = training.photos[0]
    assert np.allclose(first.boxes[:, 2:] - first.boxes[:, :2], [30, 24]) and first.labels.tolist() == [1, 2]


def test_without_splits_a_photo_is_always_on_the_same_side(draw_photos, tmp_path):
    path = draw_photos(tmp_path, count=30, splits=False)
    training, validation = (data.read_coco(path, tmp_path, split) for split in ("train", "val"))
    files = {photo.file for photo in training.photos} | {photo.file for photo in validation.photos}
    assert len(training) + len(validation) == 30 == len(files)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{", "COCO"),
        ('{"images": []}', "categories"),
        ('{"images": [], "categories": [], "annotations": []}', "no photos"),
    ],
)
def test_what_is_no_coco_file_is_refused_by_name(tmp_path, text, word):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(PhototagError, match=word) as refusal:
        data.read_coco(path, tmp_path)
    assert "a.json" in str(refusal.value)


def test_a_photo_that_is_not_there_is_named(draw_photos, tmp_path):
    path = draw_photos(tmp_path)
    (tmp_path / "2.png").unlink()
    with pytest.raises(PhototagError, match=r"2\.png"):
        data.read_coco(path, tmp_path)


@pytest.mark.parametrize("mosaic", [0.0, 1.0])
def test_boxes_follow_the_pixels_into_the_view(draw_photos, tmp_path, mosaic):
    photos = data.read_coco(draw_photos(tmp_path), tmp_path)
    rng = np.random.default_rng(1)
    seen = 0
    for _ in range(30):
        pixels, boxes, labels = data.view(
            photos, int(rng.integers(6)), (160, 128), rng, data.Views(mosaic=mosaic, colour=0.0)
        )
        assert pixels.shape == (128, 160, 3) and len(boxes) == len(labels)
        for (left, top, right, bottom), label in zip(boxes, labels, strict=True):
            assert 0 <= left < right <= 160 and 0 <= top < bottom <= 128
            if label == 2:  # blue is painted last: nothing hides it
                inner = pixels[int(top) + 2 : int(bottom) - 2, int(left) + 2 : int(right) - 2].reshape(-1, 3)
                if len(inner):
                    seen += 1
                    assert (inner[:, 2] > inner[:, 0] + 40).mean() > 0.9
    assert seen > 20


def test_a_view_depends_on_nothing_but_its_seed(draw_photos, tmp_path):
    photos = data.read_coco(draw_photos(tmp_path), tmp_path)
    one, two = (data.view(photos, 0, (160, 128), np.random.default_rng((7, 1, 2))) for _ in range(2))
    assert all((a == b).all() for a, b in zip(one, two, strict=True))


def test_crowds_are_not_taught(draw_photos, tmp_path):
    path = draw_photos(tmp_path)
    told = json.loads(path.read_text())
    for annotation in told["annotations"]:
        annotation["iscrowd"] = int(annotation["category_id"] == 3)
    path.write_text(json.dumps(told))
    photos = data.read_coco(path, tmp_path)
    rng = np.random.default_rng(0)
    assert {int(label) for i in range(6) for label in data.view(photos, i, (160, 128), rng)[2]} == {2}


def test_a_damaged_photo_is_named(draw_photos, tmp_path):
    photos = data.read_coco(draw_photos(tmp_path), tmp_path)
    (tmp_path / "1.png").write_bytes(b"no picture")
    with pytest.raises(PhototagError, match=r"1\.png: cannot be read"):
        data.view(photos, 0, (160, 128), np.random.default_rng(0), data.Views(mosaic=0.0))

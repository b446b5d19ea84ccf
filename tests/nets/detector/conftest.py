import json

import numpy as np
import pytest
from PIL import Image


def write_set(folder, count=6, splits=True):
    """Photos of one red and one blue rectangle on noise, and the COCO file that says so."""
    rng = np.random.default_rng(5)
    images, annotations = [], []
    for i in range(1, count + 1):
        width, height = (96, 72) if i % 3 else (72, 96)
        pixels = rng.integers(90, 160, (height, width, 3), dtype=np.uint8)
        for category, colour in ((3, (230, 20, 20)), (8, (20, 20, 230))):
            x, y = int(rng.integers(2, width // 2)), int(rng.integers(2, height // 2))
            pixels[y : y + 24, x : x + 30] = colour
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": i,
                    "category_id": category,
                    "bbox": [x, y, 30, 24],
                    "iscrowd": 0,
                }
            )
        Image.fromarray(pixels).save(folder / f"{i}.png")
        record = {"id": i, "file_name": f"{i}.png", "width": width, "height": height}
        images.append(record | ({"split": "val" if i == count else "train"} if splits else {}))
    told = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 3, "name": "red"}, {"id": 8, "name": "blue"}],
    }
    path = folder / "annotations.json"
    path.write_text(json.dumps(told))
    return path


@pytest.fixture
def draw_photos():
    return write_set


@pytest.fixture
def coco_file(tmp_path):
    return write_set(tmp_path)

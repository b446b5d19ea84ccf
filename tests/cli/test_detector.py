import json

import pytest
import torch
from click.testing import CliRunner

from phototag.cli.evaluate_objects import evaluate_objects
from phototag.cli.train_detector import train_detector
from phototag.nets.detector import checkpoint, everyday, net, yolox
from phototag.weights import store


@pytest.fixture
def photos(tmp_path, monkeypatch):
    import numpy as np
    from PIL import Image

    monkeypatch.setenv("PHOTOTAG_WEIGHTS", str(tmp_path / "weights"))
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for i in range(1, 7):
        pixels = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        images.append(
            {
                "id": i,
                "file_name": f"{i}.png",
                "width": 64,
                "height": 48,
                "split": "val" if i > 4 else "train",
            }
        )
        for category in (1, 2):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": i,
                    "category_id": category,
                    "bbox": [5 * category, 9, 30, 30],
                }
            )
    told = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "unicorn"}],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(told))
    return tmp_path


def run(command, folder, *words):
    done = CliRunner().invoke(
        command, ["--data", str(folder / "boxes.json"), "--images", str(folder), *words]
    )
    assert done.exit_code == 0, (done.output, done.exception)
    return done


def test_train_import_evaluate(photos):
    torch.manual_seed(0)
    start = photos / "start.safetensors"
    checkpoint.save(start, net.build(("dog",)), checkpoint.Settings(("dog",), 64, 96))
    words = (
        "--out",
        str(photos / "run"),
        "--start",
        str(start),
        "--epochs",
        "1",
        "--batch",
        "2",
        "--size",
        "64",
        "--threads",
        "1",
    )
    done = run(train_detector, photos, *words)
    assert "checking on 2" in done.stderr
    made = done.stdout.strip()
    assert made.endswith("detector.safetensors") and checkpoint.load(photos / "run" / "detector.safetensors")[
        1
    ].labels == (
        "dog",
        "unicorn",
    )
    run(train_detector, photos, *words)  # again: nothing left to do, the same answer

    store.import_file(start, own="people-pets")
    told = run(evaluate_objects, photos, "--detector", "people-pets", "--device", "cpu", "--json")
    found = json.loads(told.stdout)
    assert {"n", "AP", "AP50", "per_class", "ms_per_photo"} <= set(found) and found["n"] == 2
    assert set(found["per_class"]["dog"]) >= {"AP", "AP50"} and found["left_out"] == ["unicorn"]
    assert "does not know them: unicorn" in told.stderr
    assert (
        json.loads(run(evaluate_objects, photos, "--split", "all", "--device", "cpu", "--json").stdout)["n"]
        == 6
    )


@pytest.mark.slow
def test_the_everyday_detector_from_yolox_to_ones_own(photos):
    """From a published net's file over photos of two sets, one kind unknown to it, to the detector in use."""
    from tests.nets.detector.test_yolox import write_onnx

    torch.manual_seed(0)
    start = yolox.Yolox(80)
    for level in start.head.levels:
        level.objectness.bias.data.fill_(2.0)  # so that a net that knows nothing proposes something
    source = write_onnx(start, photos / "yolox_nano.onnx")
    more = ("--data", str(photos / "boxes.json"), "--images", str(photos))
    words = ("--start", str(source), "--epochs", "1", "--batch", "2", "--size", "64", "--threads", "1")
    done = run(train_detector, photos, *more, "--out", str(photos / "run"), *words)
    assert "training on 8 photos" in done.stderr and "checking on 4" in done.stderr
    made = photos / "run" / "detector.safetensors"
    _, settings = everyday.load(made)
    assert settings.labels == (*everyday.COCO_KINDS, "unicorn") and settings.long_side == 64

    for weights in (source, made):
        told = json.loads(
            run(evaluate_objects, photos, "--weights", str(weights), "--device", "cpu", "--json").stdout
        )
        assert told["left_out"] == (["unicorn"] if weights == source else []) and told["n"] == 2
    store.import_file(made, own="everyday")
    told = json.loads(run(evaluate_objects, photos, "--device", "cpu", "--json").stdout)
    assert told["left_out"] == [] and set(told["per_class"]) == {"dog", "unicorn"}
    assert told["words"]["per_class"]["dog"]["shown"] == 2 and told["words"]["watched"]["labels"] == ["dog"]
    assert "words of photos, all labels" in run(evaluate_objects, photos, "--device", "cpu").stdout

    again = run(
        train_detector, photos, "--out", str(photos / "more"), "--epochs", "1", "--batch", "2", "--size", "64"
    )
    assert again.stdout.strip().endswith("detector.safetensors"), "from one's own everyday weights on"
    unpaired = CliRunner().invoke(
        train_detector, ["--data", str(photos / "boxes.json"), "--out", str(photos / "x")]
    )
    assert unpaired.exit_code == 2

import numpy as np
import pytest

from phototag.errors import PhototagError
from phototag.nets.detector import evaluate
from phototag.nets.detector.data import LabelledPhoto, Photos
from phototag.nets.detector.predict import Found


def photo(boxes, labels):
    return LabelledPhoto(
        None,
        200,
        100,
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(labels, np.int64),
        np.zeros(len(labels), bool),
    )


def found(boxes, labels, scores):
    return Found(np.array(boxes, float).reshape(-1, 4), tuple(labels), np.array(scores, float))


PHOTOS = Photos(
    [photo([[20, 10, 80, 50]], [1]), photo([[0, 0, 100, 50], [100, 50, 200, 100]], [2, 1])], ("dog", "cat")
)
PERFECT = [
    found([[0.1, 0.1, 0.4, 0.5]], ["dog"], [0.9]),
    found([[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]], ["cat", "dog"], [0.8, 0.7]),
]


def test_perfect_answers_have_an_ap_of_one():
    told = evaluate.measure(PERFECT, PHOTOS, ["dog", "cat"])
    assert told["n"] == 2 and told["AP"] == pytest.approx(1) and told["AP50"] == pytest.approx(1)
    assert told["per_class"]["dog"] == {"AP": pytest.approx(1), "AP50": pytest.approx(1), "boxes": 2}


def test_a_missed_thing_and_a_loose_box_cost():
    half = [PERFECT[0], found([], [], [])]
    told = evaluate.measure(half, PHOTOS, ["dog", "cat"])
    assert told["per_class"]["cat"]["AP50"] == 0
    # 101 recall points, the dog found covers 0 to 0.5
    assert told["per_class"]["dog"]["AP50"] == pytest.approx(51 / 101)
    loose = [found([[0.1, 0.1, 0.35, 0.45]], ["dog"], [0.9]), PERFECT[1]]  # IoU 0.73
    assert 0.5 < evaluate.measure(loose, PHOTOS, ["dog", "cat"])["per_class"]["dog"]["AP"] < 0.9


def test_labels_unknown_to_the_detector_are_left_out_and_named():
    told = evaluate.measure(PERFECT, PHOTOS, ["dog", "zebra"])
    assert list(told["per_class"]) == ["dog"] and told["left_out"] == ["cat"]
    with pytest.raises(PhototagError, match="knows none"):
        evaluate.measure(PERFECT, PHOTOS, ["zebra"])


def test_other_names_of_the_same_thing_are_equal():
    photos = Photos([photo([[20, 10, 80, 50]], [1])], ("tvmonitor",))
    told = evaluate.measure([found([[0.1, 0.1, 0.4, 0.5]], ["tv"], [0.9])], photos, ["tv"])
    assert told["per_class"]["tvmonitor"]["AP50"] == pytest.approx(1) and told["left_out"] == []


def test_nothing_found_at_all_is_zero():
    assert evaluate.measure([found([], [], [])] * 2, PHOTOS, ["dog", "cat"])["AP50"] == 0


def test_thresholds_keep_the_stated_precision():
    said = [
        found(
            [[0.1, 0.1, 0.4, 0.5], [0.6, 0.1, 0.9, 0.5], [0.1, 0.1, 0.41, 0.5]], ["dog"] * 3, [0.9, 0.5, 0.4]
        ),
        found([[0.5, 0.5, 1, 1]], ["dog"], [0.7]),
    ]
    assert evaluate.choose_thresholds(said, PHOTOS, ["dog", "cat"], precision=0.9) == {
        "dog": {"threshold": pytest.approx(0.7), "precision": 1.0, "recall": 1.0}
    }

import numpy as np
import pytest

from phototag.nets.detector import photo_precision
from phototag.nets.detector.data import LabelledPhoto, Photos
from phototag.nets.detector.photo_precision import Called


def photo(*labels, crowds=()):
    count = len(labels)
    edges = np.zeros((count, 4), np.float32)
    marks = np.array([i in crowds for i in range(count)], bool)
    return LabelledPhoto(None, 10, 10, edges, np.array(labels, np.int64), marks)


def test_a_word_is_right_where_one_is_shown():
    photos = Photos([photo(1), photo(), photo(2, 1), photo(1, crowds=[0]), photo(2)], ("tvmonitor", "dog"))
    scores = [{"tv": 0.9}, {"tv": 0.8}, {"dog": 0.9}, {"tv": 0.7}, {"dog": 0.4, "tv": 0.2}]
    measured = photo_precision.measure(scores, photos, {"tv": 0.6}, default=0.5)
    assert measured == {"tv": Called(3, 2, 2, 1), "dog": Called(1, 1, 2, 1)}, "a crowd makes a word right"
    measures = photo_precision.as_dict(measured)
    assert measures["pooled"]["precision"] == 0.75 and measures["per_class"]["tv"]["recall"] == 0.5
    assert measures["watched"]["labels"] == ["dog"] and measures["watched"]["precision"] == 1.0
    nothing = photo_precision.as_dict(photo_precision.measure([{}] * 5, photos, {}, 0.5))
    assert nothing["pooled"]["precision"] is None and nothing["pooled"]["recall"] == 0


def test_thresholds_are_chosen_on_photos_without_the_thing_too():
    with_dogs = [photo(1) for _ in range(60)]
    without = [photo() for _ in range(60)]
    photos = Photos(with_dogs + without, ("dog",))
    scores = [{"dog": 0.5 + i / 150} for i in range(60)] + [{"dog": 0.4 + i / 300} for i in range(60)]
    chosen = photo_precision.choose(scores, photos, ("dog", "kite"), precision=0.95)
    assert chosen["dog"] == pytest.approx(0.6, abs=0.03), "without the others 0.3 would do"
    assert chosen["kite"] >= chosen["dog"], "nobody looked for kites: as careful as with the rest"
    lucky = Photos([*photos.photos, photo(2)], ("dog", "sheep"))
    few = photo_precision.choose([*scores, {"sheep": 0.35}], lucky, ("sheep",), precision=0.95)
    assert few["sheep"] > 0.45, "one lucky photo decides nothing"
    hopeless = photo_precision.choose([{"dog": 0.9}] * 120, Photos(without * 2, ("dog",)), ("dog",))
    assert hopeless["dog"] > 0.9

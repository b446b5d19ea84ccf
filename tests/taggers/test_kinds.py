import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data as pictures

from phototag.errors import WeightsError
from phototag.nets.inference import optimize_for_inference
from phototag.records import Frame
from phototag.taggers import kinds


@pytest.fixture(scope="module")
def tagger():
    torch.manual_seed(0)
    return kinds.load("cpu", {})


def frame(pixels, number=1):
    return Frame(number, np.ascontiguousarray(pixels), pixels.shape[1], pixels.shape[0])


def words(tagger, pixels):
    return {tag.label: tag.score for tag in tagger([frame(pixels)])[0]}


def test_a_cat_a_coffee_and_nothing_of_a_face(tagger):
    cat = words(tagger, pictures.chelsea())
    assert cat["cat"] > 0.9 and cat["animal"] > 0.5
    coffee = words(tagger, pictures.coffee())
    assert coffee["espresso"] > 0.5 and coffee["drink"] > 0.9
    assert words(tagger, pictures.astronaut()) == {}
    assert words(tagger, np.full((200, 300, 3), 128, np.uint8)) == {}


def test_a_building_and_no_church(tagger):
    from sklearn.datasets import load_sample_image

    china = words(tagger, load_sample_image("china.jpg"))
    assert "building" in china and set(china) <= {"building", "palace", "temple"}


def test_a_batch_answers_in_order_whatever_the_sizes(tagger):
    cat, coffee = pictures.chelsea(), pictures.coffee()
    narrow = np.asarray(Image.fromarray(cat).resize((60, 600)))
    batch = [frame(p, i) for i, p in enumerate((coffee, cat, narrow, coffee[:, :100], cat[:1, :1]))]
    together = tagger(batch)
    assert [tag.label for tag in together[0]][:1] == ["drink"] or together[0][0].label == "espresso"
    assert together[1][0].label in ("cat", "animal")
    for one, answer in zip(batch, together, strict=True):
        alone = tagger([one])[0]
        assert {t.label for t in alone} == {t.label for t in answer}
        assert all(tag.box is None and 0.5 <= tag.score <= 1 for tag in answer)
    assert tagger([]) == []


def test_words_sum_their_classes(tagger):
    said = kinds.words()
    assert len(said.classes["dog"]) == 119 and len(said.classes["cat"]) == 5
    assert set(said.classes["dog"]) < set(said.classes["animal"])
    assert set(said.classes["espresso"]) < set(said.classes["drink"])
    sums = dict(zip(said.classes, tagger.sums([pictures.chelsea()])[0], strict=True))
    assert sums["animal"] >= sums["cat"] > 0.8
    assert max(sums.values()) < 1.001


def test_a_threshold_is_the_words_own_or_its_parts_or_the_default(tmp_path):
    file = tmp_path / "kinds.toml"
    file.write_text(
        "broader = []\n[thresholds]\ndefault = 0.9\nowl = 0.5\nparts = {birds = 0.7}\n"
        '[words.mammals]\ncat = ["tabby"]\n[words.birds]\nowl = ["great grey owl"]\nswan = ["black swan"]'
    )
    assert kinds.words(file).thresholds == {"cat": 0.9, "owl": 0.5, "swan": 0.7}


def test_scores_are_one_half_at_the_threshold():
    for threshold in (0.3, 0.7, 0.95):
        assert kinds.odds(threshold, threshold) == pytest.approx(0.5)
        assert kinds.odds(0.0, threshold) == 0 and kinds.odds(1.0, threshold) == 1
        assert kinds.odds(threshold + 0.01, threshold) > 0.5 > kinds.odds(threshold - 0.01, threshold)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (
            'broader = []\n[thresholds]\ndefault = 0.5\n[words.mammals]\ncat = ["tabbie"]',
            "'cat' names 'tabbie'",
        ),
        (
            "broader = []\n[thresholds]\ndefault = 0.5\nparts = {birds = 0.3}\n"
            '[words.mammals]\ncat = ["tabby"]',
            "threshold is given for 'birds'",
        ),
        (
            'broader = []\n[thresholds]\ndefault = 0.5\ndog = 0.3\n[words.mammals]\ncat = ["tabby"]',
            "threshold is given for 'dog'",
        ),
        (
            'broader = ["furniture"]\n[thresholds]\ndefault = 0.5\n[words.mammals]\ncat = ["tabby"]',
            "'furniture' contains no word",
        ),
        ("[words]", "thresholds"),
        ('broader = []\n[thresholds]\ndefault = 0.5\n[words]\ncat = ["tabby"]', "cannot be read"),
    ],
)
def test_a_words_file_that_a_person_broke_is_explained(tmp_path, text, word):
    file = tmp_path / "kinds.toml"
    file.write_text(text)
    with pytest.raises(WeightsError, match=word):
        kinds.words(file)


def test_norms_are_joined_without_changing_the_answers():
    import timm

    torch.manual_seed(0)
    net = timm.create_model(kinds.BACKBONE)
    net.load_state_dict(kinds.imagenet_state())
    images = torch.randn(1, 3, 96, 128)
    with torch.inference_mode():
        before = net.eval()(images)
        joined = optimize_for_inference(net)
        assert not [m for m in joined.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        torch.testing.assert_close(joined(images), before, atol=2e-3, rtol=2e-3)


@pytest.mark.gpu
def test_the_gpu_says_the_same(tagger):
    on_gpu = kinds.load("cuda", {})
    batch = [frame(pictures.chelsea()), frame(pictures.coffee())]
    for here, there in zip(tagger(batch), on_gpu(batch), strict=True):
        assert {t.label: round(t.score, 1) for t in here} == {t.label: round(t.score, 1) for t in there}


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ((4000, 3000), (256, 192)),
        ((3000, 4000), (192, 256)),
        ((6000, 4000), (272, 176)),
        ((1920, 1080), (288, 160)),
        ((500, 480), (224, 224)),
        ((480, 500), (224, 224)),
        ((9000, 1000), (384, 128)),
        ((1, 900), (128, 384)),
    ],
)
def test_photos_are_looked_at_nearly_in_their_own_proportions(size, shape):
    assert kinds.canvas(*size) == shape

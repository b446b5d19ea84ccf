import json
import subprocess
import sys
import tomllib
from importlib.resources import files

import pytest

from phototag.query.vocabulary import VOCABULARY_FILE, canonical, expand, vocabulary

VOC = {
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
}  # fmt: skip


def coco_labels() -> set[str]:
    from torchvision.models.detection import FasterRCNN_ResNet50_FPN_V2_Weights

    names = FasterRCNN_ResNet50_FPN_V2_Weights.COCO_V1.meta["categories"]
    return {name for name in names if not name.startswith("__") and name != "N/A"}


def kind_words() -> set[str]:
    told = tomllib.loads(files("phototag.taggers").joinpath("kinds.toml").read_text(encoding="utf-8"))
    return {word for part in told["words"].values() for word in part} | set(told["broader"])


def every_label() -> set[str]:
    return {canonical(label) for label in coco_labels() | VOC | kind_words()}


def test_every_label_of_every_tagger_is_known_and_nothing_else():
    broader = set(vocabulary().contains)
    assert every_label() - vocabulary().labels - broader == set(), "labels missing from vocabulary.toml"
    assert vocabulary().labels - every_label() - broader == set(), (
        "words in vocabulary.toml that no tagger says"
    )


def test_the_words_of_kinds_go_by_their_own_name():
    aliases = set(vocabulary().label_of)
    assert {word for word in kind_words() if word in aliases} == set(), (
        "rename these words of kinds.toml to the label they are"
    )


def test_no_name_means_two_things():
    names = [name for called in vocabulary().called.values() for name in called]
    assert len(names) == len(set(names))
    assert set(names) & (vocabulary().labels | set(vocabulary().contains)) == set()


def test_there_are_no_circles():
    contains = vocabulary().contains

    def walk(word: str, above: tuple[str, ...]) -> None:
        assert word not in above, " -> ".join((*above, word))
        for member in contains.get(word, ()):
            walk(member, (*above, word))

    for word in contains:
        walk(word, ())


def test_entries_are_as_people_type_them():
    text = json.dumps(tomllib.loads(VOCABULARY_FILE.read_text(encoding="utf-8")))
    assert text == text.casefold()


@pytest.mark.parametrize(
    ("word", "members"),
    [
        ("animal", {"dog", "cat", "horse", "bird", "elephant", "butterfly", "animal"}),
        ("pet", {"dog", "cat"}),
        ("vehicle", {"car", "bus", "train", "airplane", "aeroplane", "boat", "bicycle"}),
        ("food", {"pizza", "apple", "broccoli", "cake"}),
        ("drink", {"espresso", "wine glass", "beer"}),
        ("furniture", {"couch", "sofa", "chair", "dining table"}),
        ("building", {"palace", "church", "castle"}),
        ("puppy", {"dog"}),
        ("Puppies", {"dog"}),
        ("kittens", {"cat"}),
        ("wolves", {"wolf"}),
        ("people", {"person"}),
        ("sofa", {"couch", "sofa"}),
        ("television", {"tv", "tvmonitor"}),
        ("  Polar   Bears ", {"polar bear"}),
        ("buses", {"bus"}),
        ("knives", {"knife"}),
    ],
)
def test_what_words_stand_for(word, members):
    found = expand(word)
    assert found is not None and members <= found


def test_a_pet_is_not_any_animal_and_nonsense_is_nothing():
    assert "elephant" not in expand("pet")
    assert "cat" not in expand("dog")
    assert expand("flibbertigibbet") is None and expand("") is None and expand("s") is None


def test_it_is_light():
    heavy = "print([m for m in ('torch', 'numpy', 'PIL', 'click') if m in sys.modules])"
    code = f"import sys, phototag.query.vocabulary as v; v.expand('dog'); {heavy}"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )

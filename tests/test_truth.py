"""The truth of sample_photos, as a person sees it, against what a scan with the real taggers says."""

import json

import pytest

from phototag import Library
from phototag.query.parse import parse
from phototag.smiling import SMILE_THRESHOLD
from phototag.weights import store, thresholds
from phototag.weights.default_detector import OURS
from tests.conftest import SAMPLES

TRUTH = json.loads((SAMPLES / "expected.json").read_text())["photos"]


@pytest.fixture(scope="module")
def known(scanned):
    folder, catalog = scanned
    with Library.open(catalog) as library:
        return {photo.path.removeprefix(f"{folder}/"): photo for photo in library.photos(parse([], ()))}


def test_every_sample_is_known_and_none_failed(known):
    assert set(known) == set(TRUTH)
    assert not any(photo.errors for photo in known.values())


@pytest.mark.skipif(store.missing(OURS) is not None, reason=f"the {OURS} weights are not there")
@pytest.mark.parametrize("name", TRUTH)
def test_things_are_found_where_they_are_and_nowhere_else(known, name):
    least = thresholds.read_thresholds(OURS)
    seen = {tag.label for tag in known[name].objects if tag.score >= least[tag.label]}
    things = set(TRUTH[name]["things"])
    assert things & set(least) <= seen <= things | set(TRUTH[name].get("also", []))


@pytest.mark.parametrize("name", TRUTH)
def test_the_truth_holds(known, name):
    truth, photo = TRUTH[name], known[name]
    assert [photo.width, photo.height] == truth["size"]
    if truth["taken_at"]:
        assert (photo.taken_from, photo.taken_at.isoformat(" ")) == ("exif", truth["taken_at"])
    else:
        assert photo.taken_from == "file"
    if truth["gps"]:
        assert [photo.latitude, photo.longitude] == pytest.approx(truth["gps"], abs=1e-3)
    else:
        assert photo.latitude is None
    faces = sorted((face for face in photo.faces if face.score > 0.95), key=lambda face: face.box.left)
    assert len(faces) == truth["faces"]
    assert [face.smile >= SMILE_THRESHOLD for face in faces] == truth["smiles"] or not truth["sharp"]
    if truth["sharp"]:
        assert photo.everyone_smiling == truth["everyone_smiling"]
    else:
        assert photo.everyone_smiling in (truth["everyone_smiling"], None)

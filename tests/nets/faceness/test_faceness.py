"""The second opinion on faces: its weights, what it says of sample photos, its figures and its training."""

import json
import shutil

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from phototag.cli import main
from phototag.errors import PhototagError, WeightsError
from phototag.nets.faceness import candidates, data, evaluate
from phototag.nets.faceness.checkpoint import Calibration, load, save
from phototag.nets.faceness.predict import FacenessJudge, cut
from phototag.nets.mtcnn.detect import FaceDetector
from phototag.reading.decode import open_photo
from phototag.records import Box, Tag
from phototag.smiling import MIN_SCORE
from phototag.taggers.table import WORKING_SIDE
from phototag.weights import store
from tests.cli.test_schemas import check
from tests.conftest import SAMPLES

FACES = ("2016/astronaut.jpg", "2015/portrait-serious.jpg", "2016/booth-one-serious.jpg")
NO_FACES = ("2015/cat.jpg", "2015/coffee.jpg", "2016/rocket.jpg", "2015/pagoda.jpg")


@pytest.fixture(scope="module")
def low():
    """The detector, taking almost anything for a face."""
    return FaceDetector("cpu", (0.3, 0.2, 0.02))


def boxes_of(photo, detector):
    pixels = open_photo(SAMPLES / photo, working_side=WORKING_SIDE).pixels
    (found,) = detector.detect([pixels], 20)
    size = torch.tensor([pixels.shape[1], pixels.shape[0]]).repeat(2)
    boxes = [Box.clipped(*edges) for edges in (found.boxes / size).tolist()]
    kept = [(box, score) for box, score in zip(boxes, found.scores.tolist(), strict=True) if box]
    return pixels, [box for box, _ in kept], [score for _, score in kept]


def test_faces_are_faces_and_a_cat_is_none_whatever_the_detector_says(low):
    judge = FacenessJudge(store.checked("faceness"), torch.device("cpu"))
    for photo in FACES:
        pixels, boxes, scores = boxes_of(photo, FaceDetector("cpu"))
        assert boxes and min(judge.scores(cut(pixels, boxes), scores)) > MIN_SCORE, photo
    seen = 0
    for photo in NO_FACES:
        pixels, boxes, scores = boxes_of(photo, low)
        seen += len(boxes)
        said = judge.scores(cut(pixels, boxes), [0.99] * len(boxes))
        assert max(said, default=0) < MIN_SCORE, (photo, said)
    assert seen > 5, "nothing was asked"


def test_no_box_is_no_question():
    judge = FacenessJudge(store.checked("faceness"), torch.device("cpu"))
    assert judge.scores(cut(np.zeros((40, 40, 3), np.uint8), []), []) == []


def test_weights_are_read_as_they_were_written_and_damaged_ones_are_refused(tmp_path):
    net, known = load(store.path("faceness"))
    save(tmp_path / "again.safetensors", net, known)
    again, same = load(tmp_path / "again.safetensors")
    faces = torch.rand(2, 3, 64, 64) * 255
    assert same == known and torch.equal(net(faces), again(faces))
    save(tmp_path / "wild.safetensors", net, known)
    bad = (tmp_path / "wild.safetensors").read_bytes().replace(b'\\"net\\": ', b'\\"net\\":-', 1)
    (tmp_path / "wild.safetensors").write_bytes(bad)
    (tmp_path / "short.safetensors").write_bytes(bad[: len(bad) // 2])
    for name in ("wild", "short", "missing"):
        with pytest.raises(WeightsError, match="not readable as FacenessNet weights"):
            load(tmp_path / f"{name}.safetensors")
    for numbers in ((0.0, 1.0, 0.0), (1.0, -1.0, 0.0), (1.0, 0.0, float("nan"))):
        with pytest.raises(ValueError):
            Calibration(*numbers)


def test_calibrated_scores_mean_what_they_say():
    rng = torch.Generator().manual_seed(1)
    logits = torch.empty(20000).uniform_(-6, 6, generator=rng)
    is_face = torch.rand(20000, generator=rng) < (0.5 * logits + 1).sigmoid()
    net, detector, bias = evaluate.fit(logits, torch.zeros(20000), is_face)
    assert abs(net - 0.5) < 0.05 and detector < 0.05 and abs(bias - 1) < 0.1
    sure = ((net * logits + bias).sigmoid() - 0.95).abs() < 0.02
    assert abs(float(is_face[sure].float().mean()) - 0.95) < 0.02


def test_what_is_known_of_a_box():
    face = Box(0.1, 0.1, 0.3, 0.3)
    truth = candidates.Truth(faces=(face,), unclear=(Box(0.5, 0.5, 1, 1),))
    assert truth.says(Box(0.11, 0.1, 0.31, 0.3)) is True
    assert truth.says(Box(0.6, 0.6, 0.7, 0.7)) is None
    assert truth.says(Box(0.1, 0.6, 0.2, 0.7)) is False
    assert evaluate.match([face, face, Box(0.8, 0, 0.9, 0.1)], [face]) == [0, None, None]


def test_a_bad_table_of_verdicts_is_refused_in_one_sentence(tmp_path):
    for text in ("photo,left\nx,1\n", "photo,left,top,right,bottom,verdict\nx,1,2,3,4,perhaps\n"):
        (tmp_path / "bad.csv").write_text(text)
        with pytest.raises(PhototagError, match="expected a table with the columns photo"):
            candidates.read_verdicts(tmp_path / "bad.csv")


def photos_with_boxes(folder):
    """A COCO file of sample photos, one of them with a person, and verdicts on its face."""
    folder.mkdir(exist_ok=True)
    names = ("2016/astronaut.jpg", "2015/coffee.jpg", "2015/cat.jpg", "2016/booth-one-serious.jpg")
    records, boxes = [], []
    for number, name in enumerate(names, 1):
        shutil.copy(SAMPLES / name, folder)
        photo = open_photo(SAMPLES / name, working_side=10000)
        file = name.partition("/")[2]
        records += [
            {
                "id": 10 * number + i,
                "file_name": file,
                "width": photo.width,
                "height": photo.height,
                "split": split,
            }
            for i, split in enumerate(("train", "val"))
        ]
        if number in (1, 4):
            boxes += [
                {"id": 10 * number + i, "image_id": 10 * number + i, "category_id": 1, "iscrowd": 0}
                | {"bbox": [0, 0, photo.width, photo.height]}
                for i in range(2)
            ]
    document = {"images": records, "annotations": boxes, "categories": [{"id": 1, "name": "person"}]}
    (folder / "annotations.json").write_text(json.dumps(document))
    rows = ["# by eye", "photo,left,top,right,bottom,verdict", "astronaut.jpg,178,62,270,173,face"]
    (folder / "verdicts.csv").write_text("\n".join(rows) + "\n")
    return ["--data", folder / "annotations.json", "--images", folder, "--verdicts", folder / "verdicts.csv"]


def run(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, (result.output, result.exception)
    return result


def test_the_figures_are_what_the_schema_says_and_are_told_to_people(tmp_path):
    arguments = photos_with_boxes(tmp_path / "photos")
    found = json.loads(run("evaluate", "faces", *arguments, "--json").stdout)
    check("evaluate-faces", found)
    assert found["without_people"] == {
        "n": 2,
        "clear": 2,
        "detector": {"sure": 0, "answering": 0},
        "tagger": {"sure": 0, "answering": 0},
        "answering": [],
    }
    assert found["with_people"]["tagger"] == {"sure": 2, "answering": 2}
    # of the astronaut's face there is a verdict; of the three in the booth there is none
    assert found["faces"]["n"] == found["faces"]["tagger"]["eligible"] == 1
    assert found["faces"]["tagger"]["others_sure"] == 3
    told = run("evaluate", "faces", *arguments).stdout
    assert "2 photos without people" in told and "the faces tagger" in told


def test_a_sure_face_where_nobody_is_is_named():
    box, truth = Box(0.2, 0.2, 0.5, 0.5), candidates.Truth()
    low, sure = Tag("face", 0.1, box), Tag("face", 0.99, box)
    found = evaluate.measure([evaluate.Seen("cliff.jpg", truth, [sure], [low], [])])
    assert found["without_people"]["detector"]["answering"] == 1
    assert found["without_people"]["tagger"]["answering"] == 0 and not found["without_people"]["answering"]
    found = evaluate.measure([evaluate.Seen("cliff.jpg", truth, [sure], [sure], [])])
    assert found["without_people"]["answering"] == ["cliff.jpg"]
    assert found["faces"]["tagger"]["others_sure"] == 1


def test_training_mines_learns_resumes_and_its_weights_answer(tmp_path):
    out = tmp_path / "run"
    small = ("--epochs", 1, "--steps", 2, "--batch", 8, "--out", out, "--threads", 1)
    arguments = photos_with_boxes(tmp_path / "photos")
    told = run("train", "faceness", *arguments, *small)
    assert told.stdout.strip() == str(out / "faceness.safetensors")
    mined = data.Mined.load(out / "candidates-train.npz")
    assert mined.is_face.any() and (~mined.is_face).any()
    net, _ = load(out / "faceness.safetensors")
    again = run("train", "faceness", *arguments, *small)
    assert "resuming after epoch 1 of 1" in again.stderr
    assert torch.equal(net.head.weight, load(out / "faceness.safetensors")[0].head.weight)

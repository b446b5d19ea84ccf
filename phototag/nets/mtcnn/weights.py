"""MTCNN, the face detector (Zhang et al. 2016), written for speed on the weights facenet-pytorch ships.

`detect.FaceDetector` is the door. This file imports neither torch nor facenet_pytorch: the table of
taggers asks it for the weight files when it fingerprints, long before anything is detected."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from phototag.errors import WeightsError

STAGES = ("pnet", "rnet", "onet")  # proposal, refinement, output: the three networks, in the order they run


def weight_files() -> list[Path]:
    """The three checkpoints, in the order of `STAGES`. Raises WeightsError when facenet-pytorch or
    one of them is gone."""
    # of a top-level package: finds it without importing it
    spec = importlib.util.find_spec("facenet_pytorch")
    if spec is None or not spec.submodule_search_locations:
        raise WeightsError(
            "faces cannot be found: facenet-pytorch is not installed; run: pip install "
            "'facenet-pytorch>=2.5.3,<2.6'"
        )
    folder = Path(next(iter(spec.submodule_search_locations))) / "data"
    files = [folder / f"{stage}.pt" for stage in STAGES]
    for file in files:
        if not file.is_file():
            raise WeightsError(
                f"faces cannot be found: {file} is missing; run: pip install --force-reinstall "
                "--no-deps facenet-pytorch==2.5.3"
            )
    return files

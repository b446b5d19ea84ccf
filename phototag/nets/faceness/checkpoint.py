"""The weights file of FacenessNet: reading and writing, with its calibration."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from phototag.errors import WeightsError
from phototag.nets.faceness.net import FacenessNet, without_norms
from phototag.nets.weights_file import write_weights


@dataclass(frozen=True)
class Calibration:
    """The logit of a face's score: a sum of the net's logit, the detector's logit and a bias. Fitted on
    candidates of validation photos (Platt 1999), so that of faces at a score of 0.95, 95 % are faces."""

    net: float = 1.0
    detector: float = 0.0
    bias: float = 0.0

    def __post_init__(self) -> None:
        """Raises ValueError: a damaged file must not give scores that are no probabilities."""
        numbers = (self.net, self.detector, self.bias)
        if not all(type(number) in (int, float) and math.isfinite(number) for number in numbers):
            raise ValueError("calibration must be finite numbers")
        if self.net <= 0 or self.detector < 0:
            raise ValueError("neither logit may count against a face")


def save(path: Path, net: FacenessNet, calibration: Calibration) -> None:
    """`net` plain, without batch norms. Half precision on disk."""
    tensors = {name: value.half().contiguous() for name, value in net.state_dict().items()}
    write_weights(path, tensors, {"calibration": json.dumps(asdict(calibration))})


def load(path: Path) -> tuple[FacenessNet, Calibration]:
    """The net, ready to answer. Raises WeightsError when the file is missing, damaged or not a
    FacenessNet's."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as archive:
            metadata = archive.metadata() or {}
            tensors = {name: archive.get_tensor(name).float() for name in archive.keys()}  # noqa: SIM118
        calibration = Calibration(**json.loads(metadata["calibration"]))
        net = without_norms()
        net.load_state_dict(tensors)
    except (
        OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OverflowError, MemoryError,
    ) as error:  # fmt: skip
        raise WeightsError(
            f"{path}: not readable as FacenessNet weights ({type(error).__name__}); install phototag again"
        ) from error
    return net.eval().requires_grad_(False).to(memory_format=torch.channels_last), calibration

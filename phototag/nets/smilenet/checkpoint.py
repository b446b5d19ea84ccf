"""The weights file of SmileNet: reading and writing, with its calibration."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from phototag.errors import WeightsError
from phototag.nets.smilenet.labels import EMOTIONS
from phototag.nets.smilenet.net import SmileNet
from phototag.nets.weights_file import write_weights


@dataclass(frozen=True)
class Calibration:
    """What turns logits into honest probabilities; fitted on validation data, stored with the weights."""

    size: int = 96  # pixels, square
    emotion_temperature: float = 1.0
    smile_temperature: float = 1.0
    smile_bias: float = 0.0
    smile_threshold: float = 0.5  # 95 % precision or better on validation

    def __post_init__(self) -> None:
        """Raises ValueError: a damaged file must not give scores that are no probabilities."""
        numbers = (self.emotion_temperature, self.smile_temperature, self.smile_bias, self.smile_threshold)
        if type(self.size) is not int or not 32 <= self.size <= 1024:
            raise ValueError("size must be a whole number of pixels")
        if not all(type(number) in (int, float) and math.isfinite(number) for number in numbers):
            raise ValueError("calibration must be finite numbers")
        if min(self.emotion_temperature, self.smile_temperature) <= 0 or not 0 <= self.smile_threshold <= 1:
            raise ValueError("temperatures must be above 0, the threshold a probability")


def save(path: Path, net: SmileNet, calibration: Calibration) -> None:
    """Half precision on disk: a third of a percent of the weights' size is below what training
    itself leaves to chance."""
    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in net.state_dict().items()
    }
    write_weights(
        path, tensors, {"calibration": json.dumps(asdict(calibration)), "emotions": ",".join(EMOTIONS)}
    )


def load(path: Path) -> tuple[SmileNet, Calibration]:
    """Raises WeightsError when the file is missing, damaged or not a SmileNet."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as archive:
            metadata = archive.metadata() or {}
            tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118 (not a mapping)
        calibration = replace(Calibration(), **json.loads(metadata["calibration"]))
        if metadata["emotions"] != ",".join(EMOTIONS):
            raise KeyError("emotions")
        with torch.device("meta"):  # no time spent on initial values that the file replaces
            net = SmileNet()
        floats = {
            name: value.float() if value.is_floating_point() else value for name, value in tensors.items()
        }
        net.load_state_dict(floats, assign=True)
    except (
        OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OverflowError, MemoryError,
    ) as error:  # fmt: skip
        raise WeightsError(
            f"{path}: not readable as SmileNet weights ({type(error).__name__}); install phototag again"
        ) from error
    return net.eval(), calibration

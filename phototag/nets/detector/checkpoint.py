"""The weights file of the compact detector: reading and writing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torchvision.models.detection import FasterRCNN

from phototag.errors import WeightsError
from phototag.nets.detector.net import build
from phototag.nets.weights_file import write_weights

# COCO has 80, Open Images 600; a net of many more takes gigabytes before its first photo.
MOST_LABELS = 2000
LONGEST_SIDE = 8192  # pixels


@dataclass(frozen=True)
class Settings:
    """What a weights file says beside the numbers. `labels` are those the net was trained on, in
    the order of its outputs; `thresholds` names those good enough to be said, each with the score
    from which on it reached the stated precision (empty: all may be said, nothing was measured).
    Sides in pixels."""

    labels: tuple[str, ...]
    short_side: int = 320
    long_side: int = 512
    thresholds: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_settings(self.labels, (self.short_side, self.long_side), self.thresholds)


def check_settings(labels: tuple[str, ...], sides: tuple[int, int], thresholds: Mapping[str, float]) -> None:
    """Raises ValueError for what no training of ours writes: it decides how much memory the net takes."""
    if not 1 <= len(labels) <= MOST_LABELS or not all(map(_is_label, labels)):
        raise ValueError("labels must be some words")
    if not all(type(side) is int and 16 <= side <= LONGEST_SIDE for side in sides):
        raise ValueError("sides must be whole numbers of pixels")
    if not isinstance(thresholds, Mapping) or not all(map(_is_label, thresholds)):
        raise ValueError("thresholds must be those of labels")
    if not all(type(score) in (int, float) and 0 <= score <= 1 for score in thresholds.values()):
        raise ValueError("thresholds must be scores")


def _is_label(word: object) -> bool:
    return isinstance(word, str) and 0 < len(word) <= 200


def save(path: Path, net: FasterRCNN, settings: Settings) -> None:
    """Filters in half precision; the vectors, of which little is gained, as they are."""
    tensors = {
        name: (value.half() if value.is_floating_point() and value.ndim > 1 else value).contiguous()
        for name, value in net.state_dict().items()
    }
    write_weights(path, tensors, {"detector": json.dumps(asdict(settings))})


def read_weights(path: Path) -> tuple[dict[str, torch.Tensor], Settings]:
    """Raises WeightsError when the file is missing, damaged or not a compact detector."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as archive:
            said = json.loads((archive.metadata() or {})["detector"])
            if not isinstance(said["labels"], list):
                raise ValueError("labels must be a list")
            settings = Settings(**(said | {"labels": tuple(said["labels"])}))
            tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118 (not a mapping)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError, MemoryError) as error:
        # RuntimeError: torch's own, and RecursionError of nested JSON
        raise WeightsError(f"{path}: not readable as people-pets weights ({type(error).__name__})") from error
    return {
        name: value.float() if value.is_floating_point() else value for name, value in tensors.items()
    }, settings


def load(path: Path) -> tuple[FasterRCNN, Settings]:
    """Raises WeightsError when the file is missing, damaged or not a compact detector."""
    tensors, settings = read_weights(path)
    try:
        net = build(settings.labels)
        net.load_state_dict(tensors)
    except RuntimeError as error:
        raise WeightsError(
            f"{path}: these weights do not fit this version's compact detector; install phototag again"
        ) from error
    return net.eval(), settings

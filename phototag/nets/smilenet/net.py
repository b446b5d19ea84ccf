"""SmileNet and the one preprocessing it ever sees.

Owns the network, the cut from a photo to a face crop, and reading and writing its weights. Must not know where
faces come from or where answers go. Training, evaluation and tagging all go through `cut_face` and `normalise`:
what the net meets in a photo looks like what it was trained on because it is the same code.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from torch import nn

from phototag import memory
from phototag.errors import WeightsError
from phototag.nets.smilenet.labels import EMOTIONS
from phototag.records import Box

BACKBONE = "tf_efficientnet_lite0"
WIDTH = 1280  # channels of the backbone after pooling

# A square whose side is this many times the mean side of the face detector's box, centred on the box and moved
# down by SHIFT sides. FER2013's faces were cut by another detector; these two put MTCNN's boxes where FER's
# borders are, by `python -m phototag.nets.smilenet.framing`, which prints both and how faces cut with other margins are read
# (weights/smilenet.md).
MARGIN = 1.07
SHIFT = 0.0
ROLL_DEADBAND_DEGREES = 8.0  # smaller rolls are within what training's rotation covers; leave the pixels alone


@dataclass(frozen=True)
class Calibration:
    """What turns logits into honest probabilities; fitted on validation data, stored with the weights."""

    size: int = 96  # pixels, square
    emotion_temperature: float = 1.0
    smile_temperature: float = 1.0
    smile_bias: float = 0.0
    smile_threshold: float = 0.5  # 95 % precision or better on validation


class SmileNet(nn.Module):
    """EfficientNet-Lite0 (Tan & Le 2019, the Lite variant without squeeze-and-excite) on one grey channel,
    with two heads on the pooled features: emotion (8 logits) and smile (1 logit, its own sigmoid)."""

    def __init__(self, drop_path: float = 0.0, dropout: float = 0.0) -> None:
        super().__init__()
        self.backbone = timm.create_model(BACKBONE, in_chans=1, num_classes=0, drop_path_rate=drop_path)
        self.dropout = nn.Dropout(dropout)
        self.emotion = nn.Linear(WIDTH, len(EMOTIONS))
        self.smile = nn.Linear(WIDTH, 1)

    def forward(self, faces: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """`faces` (B, 1, S, S) float as `normalise` makes them -> emotion logits (B, 8), smile logits (B,)."""
        features = self.dropout(self.backbone(faces))  # (B, 1280)
        return self.emotion(features), self.smile(features).squeeze(1)  # (B, 8), (B,)


def cut_face(
    pixels: np.ndarray, box: Box, points: tuple[tuple[float, float], ...] = (), size: int = 96, margin: float = MARGIN
) -> np.ndarray:
    """One face as the net wants it: `pixels` (H, W, 3) or (H, W) uint8 -> (size, size) uint8 grey.

    A square around the detector's box, the head turned upright by the line between the eyes (`points[0]` and
    `points[1]`, fractions of the photo), anti-aliased on the way down, the border repeated where the square
    leaves the photo.
    """
    height, width = pixels.shape[:2]
    across, down = box.width * width, box.height * height
    side = margin * (across + down) / 2
    centre_x = (box.left + box.right) / 2 * width
    centre_y = (box.top + box.bottom) / 2 * height + SHIFT * side
    roll = 0.0
    if len(points) >= 2:
        (left_x, left_y), (right_x, right_y) = points[:2]
        roll = math.degrees(math.atan2((right_y - left_y) * height, (right_x - left_x) * width))
        if abs(roll) < ROLL_DEADBAND_DEGREES or abs(roll) > 90:  # beyond 90 the landmarks are wrong, not the head
            roll = 0.0
    # A turned square needs its diagonal; the turn happens after shrinking, where it costs microseconds.
    reach = side * (math.sqrt(2) if roll else 1.0)
    working = round(size * (math.sqrt(2) if roll else 1.0))
    left, top = centre_x - reach / 2, centre_y - reach / 2
    x0, y0 = math.floor(left), math.floor(top)
    x1, y1 = max(math.ceil(left + reach), x0 + 1), max(math.ceil(top + reach), y0 + 1)
    inner = pixels[max(y0, 0) : max(min(y1, height), 1), max(x0, 0) : max(min(x1, width), 1)]
    pads = ((max(-y0, 0), max(y1 - height, 0)), (max(-x0, 0), max(x1 - width, 0)))
    if any(any(pad) for pad in pads):
        inner = np.pad(inner, (*pads, (0, 0))[: inner.ndim], mode="edge")
    crop = Image.fromarray(np.ascontiguousarray(inner)).convert("L")
    region = (left - x0, top - y0, min(left - x0 + reach, crop.width), min(top - y0 + reach, crop.height))
    crop = crop.resize((working, working), Image.Resampling.BILINEAR, box=region)
    if roll:
        crop = crop.rotate(roll, Image.Resampling.BILINEAR)
        edge = (working - size) // 2
        crop = crop.crop((edge, edge, edge + size, edge + size))
    return np.asarray(crop)


def whole_face(picture: Image.Image, size: int = 96) -> np.ndarray:
    """A picture that already is a face crop (a dataset's) -> (size, size) uint8 grey."""
    return np.asarray(picture.convert("L").resize((size, size), Image.Resampling.BILINEAR))


def normalise(crops: torch.Tensor) -> torch.Tensor:
    """(B, S, S) or (B, 1, S, S) uint8 or float 0..255 -> (B, 1, S, S) float32, every face with mean 0 and
    standard deviation 1, so that exposure and contrast say nothing."""
    faces = crops.float()
    if faces.ndim == 3:
        faces = faces.unsqueeze(1)  # (B, 1, S, S)
    mean = faces.mean(dim=(2, 3), keepdim=True)
    spread = faces.std(dim=(2, 3), keepdim=True).clamp_min(8.0)  # a flat crop stays flat instead of becoming noise
    return (faces - mean) / spread


def fuse(net: SmileNet) -> SmileNet:
    """For inference only, in place: every batch norm folded into the convolution before it, weights in channels-last order.
    The same answers (within rounding) in half the time, a part of it because freed memory is kept from now on."""
    from phototag.nets.inference import fold_norms, quicken_relu6

    memory.keep_freed()
    fold_norms(net.eval())
    quicken_relu6(net)
    return net.to(memory_format=torch.channels_last)


def freeze_norms(net: SmileNet) -> None:
    """For training on from weights of ours, in place: every convolution joined with the batch norm after it for good. Filters
    keep their names, so that a SmileNet takes them back; the norms, which no longer learn, disappear."""
    from phototag.nets.detector.net import FrozenNormConv
    from phototag.nets.inference import join_norms

    join_norms(net, FrozenNormConv)


def computes_bfloat16(device: str | torch.device) -> bool:
    """Whether bfloat16 halves the time here: on CUDA, and on processors that compute in it instead of emulating it."""
    kind = torch.device(device).type
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)  # the only way torch tells, and not a public one
    return kind == "cuda" or (kind == "cpu" and bool(probe()))


def imagenet_state() -> dict[str, torch.Tensor]:
    """The backbone's ImageNet weights under timm's names, the three colour filters of the stem summed to one."""
    from phototag.nets.detector.net import imagenet_state as coloured

    state = coloured()
    state["conv_stem.weight"] = state["conv_stem.weight"].sum(1, keepdim=True)
    return {name: value for name, value in state.items() if not name.startswith("classifier.")}


def save(path: Path, net: SmileNet, calibration: Calibration) -> None:
    """Half precision on disk: a third of a percent of the weights' size is below what training itself leaves to chance."""
    from safetensors.torch import save_file

    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous() for name, value in net.state_dict().items()
    }
    save_file(tensors, path, metadata={"calibration": json.dumps(asdict(calibration)), "emotions": ",".join(EMOTIONS)})
    path.chmod(0o644)  # safetensors makes files only their owner may read; these ship


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
        floats = {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
        net.load_state_dict(floats, assign=True)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f"{path}: not readable as SmileNet weights ({type(error).__name__}); install phototag again"
        ) from error
    return net.eval(), calibration

"""SmileNet, the network. Must not know where faces come from or where answers go."""

from __future__ import annotations

import timm
import torch
from torch import nn

from phototag.nets.backbone import BACKBONE, FrozenNormConv, imagenet_state
from phototag.nets.inference import fold_norms, join_norms, quicken_relu6
from phototag.nets.smilenet.labels import EMOTIONS

WIDTH = 1280  # channels of the backbone after pooling


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
        """`faces` (B, 1, S, S) float as `normalise` makes them -> emotion logits (B, 8), smile
        logits (B,)."""
        features = self.dropout(self.backbone(faces))  # (B, 1280)
        return self.emotion(features), self.smile(features).squeeze(1)  # (B, 8), (B,)


def fuse(net: SmileNet) -> SmileNet:
    """For inference only, in place: every batch norm folded into the convolution before it, weights
    in channels-last order. The same answers (within rounding) in half the time."""
    fold_norms(net.eval())
    quicken_relu6(net)
    return net.to(memory_format=torch.channels_last)


def freeze_norms(net: SmileNet) -> None:
    """For training on from weights of ours, in place: every convolution joined with the batch norm
    after it for good. Filters keep their names, so that a SmileNet takes them back; the norms,
    which no longer learn, disappear."""
    join_norms(net, FrozenNormConv)


def grey_imagenet_state() -> dict[str, torch.Tensor]:
    """The backbone's ImageNet weights under timm's names, the three colour filters of the stem
    summed to one."""
    state = imagenet_state()
    state["conv_stem.weight"] = state["conv_stem.weight"].sum(1, keepdim=True)
    return {name: value for name, value in state.items() if not name.startswith("classifier.")}

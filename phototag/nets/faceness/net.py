"""FacenessNet, the network that tells faces from knees, pets and patterns.

crop       (B, 3, 64, 64)    RGB, the face and what is around it
backbone   (B, 112, 4, 4)    EfficientNet-Lite0 up to its fifth stage, ImageNet's filters taught on
logit      (B,)              above 0: rather a face
"""

from __future__ import annotations

import timm
import torch
from torch import nn

from phototag.nets.backbone import BACKBONE, MEAN, STD, FrozenNormConv, imagenet_state
from phototag.nets.inference import fold_norms, join_norms, quicken_relu6

SIDE = 64  # pixels of a crop
# Stages of the backbone that are used. The two behind them hold three quarters of its numbers, for
# things larger than a crop.
STAGES = 5
WIDTH = 112  # channels of the last of them


class FacenessNet(nn.Module):
    """(B, 3, SIDE, SIDE) float, 0 to 255 -> (B,) logits."""

    def __init__(self, drop_path: float = 0.0, dropout: float = 0.0) -> None:
        super().__init__()
        whole = timm.create_model(BACKBONE, num_classes=0, drop_path_rate=drop_path)
        self.stem, self.norm, self.stages = whole.conv_stem, whole.bn1, whole.blocks[:STAGES]
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(WIDTH, 1)
        self.register_buffer("mean", 255 * torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.std = 255 * STD[0]

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        pixels = ((crops - self.mean) / self.std).to(self.head.weight.dtype)
        features = self.stages(self.norm(self.stem(pixels)))  # (B, 112, 4, 4)
        return self.head(self.dropout(features.mean((2, 3)))).squeeze(1)


def from_imagenet(drop_path: float = 0.0, dropout: float = 0.0) -> FacenessNet:
    """With ImageNet's filters, whose batch norms are joined with them for good. Raises WeightsError."""
    net = FacenessNet(drop_path, dropout)
    renamed = {"conv_stem.": "stem.", "bn1.": "norm.", "blocks.": "stages."}
    state = {}
    for name, value in imagenet_state().items():
        for theirs, ours in renamed.items():
            if name.startswith(theirs):
                state[ours + name.removeprefix(theirs)] = value
    wanted = net.state_dict()
    net.load_state_dict({name: value for name, value in state.items() if name in wanted}, strict=False)
    join_norms(net, FrozenNormConv)
    return net


def without_norms() -> FacenessNet:
    """A net whose convolutions have taken in their batch norms, as the weights file holds it."""
    net = FacenessNet().eval()
    fold_norms(net)
    quicken_relu6(net)
    return net

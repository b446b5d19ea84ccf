"""SmileNet and the one preprocessing it ever sees.

Owns the network, the cut from a photo to a face crop, and reading and writing its weights. Must not
know where faces come from or where answers go. Training, evaluation and tagging all go through
`cut_face` and `normalise`: what the net meets in a photo looks like what it was trained on because
it is the same code."""

from __future__ import annotations

import timm
import torch
from torch import nn

from phototag import memory
from phototag.nets.smilenet.labels import EMOTIONS

BACKBONE = "tf_efficientnet_lite0"
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
    in channels-last order. The same answers (within rounding) in half the time, a part of it
    because freed memory is kept from now on."""
    from phototag.nets.inference import fold_norms, quicken_relu6

    memory.keep_freed()
    fold_norms(net.eval())
    quicken_relu6(net)
    return net.to(memory_format=torch.channels_last)


def freeze_norms(net: SmileNet) -> None:
    """For training on from weights of ours, in place: every convolution joined with the batch norm
    after it for good. Filters keep their names, so that a SmileNet takes them back; the norms,
    which no longer learn, disappear."""
    from phototag.nets.backbone import FrozenNormConv
    from phototag.nets.inference import join_norms

    join_norms(net, FrozenNormConv)


def computes_bfloat16(device: str | torch.device) -> bool:
    """Whether bfloat16 halves the time here: on CUDA, and on processors that compute in it instead
    of emulating it."""
    kind = torch.device(device).type
    # the only way torch tells, and not a public one
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return kind == "cuda" or (kind == "cpu" and bool(probe()))


def imagenet_state() -> dict[str, torch.Tensor]:
    """The backbone's ImageNet weights under timm's names, the three colour filters of the stem
    summed to one."""
    from phototag.nets.backbone import imagenet_state as coloured

    state = coloured()
    state["conv_stem.weight"] = state["conv_stem.weight"].sum(1, keepdim=True)
    return {name: value for name, value in state.items() if not name.startswith("classifier.")}

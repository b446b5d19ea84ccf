"""A trained net made fast for inference: the same numbers in less time. Owns the rewriting of layers;
must not know what a net is for, nor who asks it.

Two things cost most of a small net's time on a processor, and neither is arithmetic. Batch norms
are passes over memory that say nothing new once training is over: they go into the filters. And an
inverted residual (Sandler et al. 2018) first widens a map of a few channels sixfold, only to narrow
it again two layers later: at the beginning of a net the wide map has tens of megabytes and travels
to main memory and back. Computed a few rows at a time it never leaves the cache:

    narrow map      wide rows           narrow map
    ..........      ==============      ..........
    ..........  ->  ==============  ->  ....(......   1x1, depthwise, 1x1 of these rows, then of the next
    ..........      ==============
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from timm.layers import Conv2dSame, get_same_padding
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models.mobilenetv3 import InvertedResidual
from torchvision.ops import FrozenBatchNorm2d

# of wide maps at once; half of it to twice of it is about as fast with 1 MB of cache per core
STRIP_BYTES = 3 << 20
# The layers of timm's inverted residual, in their order. Their names are those of every weights
# file, ours too, so they are a firmer hold than the block's class, which timm keeps private.
TIMM_RESIDUAL = ("conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3")


def optimize_for_inference(net: nn.Module, device: str | torch.device = "cpu") -> nn.Module:
    """A copy of `net` that answers alike and cannot be trained; the given one stays as it is."""
    net = copy.deepcopy(net).eval().requires_grad_(False)
    fold_norms(net)
    quicken_relu6(net)
    if torch.device(device).type == "cpu":
        _put_in_strips(net)
    return net.to(device).to(memory_format=torch.channels_last)


def fold_norms(net: nn.Module) -> None:
    """Join every batch norm with the convolution it follows; a layer that can join itself does so
    (`joined()`)."""
    for parent in list(net.modules()):
        for name, part in list(parent.named_children()):
            if hasattr(part, "joined"):
                setattr(parent, name, part.joined())
    join_norms(net, fuse_conv_bn_eval)


def join_norms(net: nn.Module, join: Callable[[Any, Any], nn.Module]) -> None:
    """In place: `join(convolution, norm)` instead of every convolution that a batch norm follows;
    of the norm only its activation stays, which timm's bring along."""
    for parent in list(net.modules()):
        conv = ""
        for name, part in list(parent.named_children()):
            if isinstance(part, nn.Conv2d):
                conv = name
            elif conv and isinstance(part, nn.BatchNorm2d | FrozenBatchNorm2d):
                setattr(parent, conv, join(getattr(parent, conv), part))
                setattr(parent, name, getattr(part, "act", nn.Identity()))
                conv = ""


def quicken_relu6(net: nn.Module) -> None:
    """In place: every ReLU6 as `BitsReLU6`."""
    for parent in list(net.modules()):
        for name, part in list(parent.named_children()):
            if isinstance(part, nn.ReLU6):
                setattr(parent, name, BitsReLU6())


class BitsReLU6(nn.Module):
    """ReLU6, in place. torch widens every bfloat16 to float32 for it and back again, which took a
    sixth of a whole net's time. Read as integers, bfloat16 numbers from 0 up keep their order and
    those below 0 are negative: so the integers are clamped. Not a number, which ReLU6 would keep,
    becomes 6 or 0 by its sign."""

    SIX = 0x40C0  # 6.0 as bfloat16

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        if inputs.dtype is torch.bfloat16:
            inputs.view(torch.int16).clamp_(0, self.SIX)
            return inputs
        return F.relu6(inputs, inplace=True)


def _put_in_strips(net: nn.Module) -> None:
    for block in list(net.modules()):
        if isinstance(block, InvertedResidual):
            layers = list(block.block)
            if len(layers[0]) > 1 and layers[0][0].kernel_size == (1, 1) and _plain(layers[1][0]):
                # squeeze and excite looks at the whole map, so the strips end before it
                squeezed = len(layers) == 4
                rest = layers[2:] if squeezed else []
                finish = nn.Sequential(*list(layers[1])[1:], *([] if squeezed else layers[2:]))
                block.block = nn.Sequential(InStrips(layers[0], layers[1][0], finish), *rest)
        elif _is_timm_residual(block):
            residual: Any = block  # torch knows no types of attributes
            finish = nn.Sequential(residual.bn2, residual.conv_pwl, residual.bn3)
            widen = nn.Sequential(residual.conv_pw, residual.bn1)
            residual.conv_pw = InStrips(widen, residual.conv_dw, finish)
            for name in ("bn1", "conv_dw", "bn2", "conv_pwl", "bn3"):
                setattr(block, name, nn.Identity())


def _is_timm_residual(block: Any) -> bool:
    """Whether it is a plain inverted residual of timm's, without squeeze and excite."""
    layers = [name for name, _ in block.named_children() if name in TIMM_RESIDUAL]
    if tuple(layers) != TIMM_RESIDUAL or not _plain(block.conv_dw):
        return False
    return isinstance(getattr(block, "se", nn.Identity()), nn.Identity)


def _plain(conv: nn.Module) -> bool:
    return isinstance(conv, nn.Conv2d) and conv.dilation == (1, 1) and conv.groups == conv.in_channels


class InStrips(nn.Module):
    """`finish(depthwise(widen(x)))`, a few rows at a time where the wide map is large: bit for bit
    the same."""

    def __init__(self, widen: nn.Module, depthwise: nn.Conv2d, finish: nn.Module) -> None:
        """`widen` and `finish` look at one pixel at a time, so that rows can be cut before and after them."""
        super().__init__()
        self.widen, self.depthwise, self.finish = widen, depthwise, finish

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, C', H', W')."""
        edge, stride, wide = (
            self.depthwise.kernel_size[0],
            self.depthwise.stride[0],
            self.depthwise.in_channels,
        )
        height, width = inputs.shape[2:]
        left, right, top, bottom = margins(self.depthwise, height, width)
        picture_bytes = height * width * wide * inputs.element_size()
        if picture_bytes <= STRIP_BYTES:  # as many whole pictures as make a strip
            parts = inputs.split(STRIP_BYTES // picture_bytes)
            return _joined([self._strip(part, left, right, top, bottom) for part in parts], 0)
        count = (height + top + bottom - edge) // stride + 1
        rows = -(-count // -(-picture_bytes // STRIP_BYTES))  # so that the last strip is no mere remainder
        pictures = []
        for picture in inputs.split(1):
            strips = []
            for first in range(0, count, rows):
                begin = first * stride - top
                end = (min(first + rows, count) - 1) * stride - top + edge
                part = picture[:, :, max(begin, 0) : min(end, height)]
                strips.append(self._strip(part, left, right, max(-begin, 0), max(end - height, 0)))
            pictures.append(_joined(strips, 2))
        return _joined(pictures, 0)

    def _strip(self, rows: torch.Tensor, left: int, right: int, top: int, bottom: int) -> torch.Tensor:
        conv, rows = self.depthwise, self.widen(rows)
        padding = (top, left)
        if (left, top) != (right, bottom):
            rows, padding = F.pad(rows, (left, right, top, bottom)), (0, 0)
        return self.finish(F.conv2d(rows, conv.weight, conv.bias, conv.stride, padding, 1, conv.groups))


def _joined(parts: list[torch.Tensor], dim: int) -> torch.Tensor:
    return torch.cat(parts, dim) if len(parts) > 1 else parts[0]


def margins(conv: nn.Conv2d, height: int, width: int) -> tuple[int, int, int, int]:
    """The zeros that a convolution adds on the left, right, top and bottom of a map of this size."""
    if not isinstance(conv, Conv2dSame):
        assert not isinstance(conv.padding, str), "nn.Conv2d with a named padding is never made here"
        down, across = conv.padding
        return across, across, down, down
    across, down = (
        get_same_padding(length, kernel, stride, 1)
        for length, kernel, stride in zip((width, height), conv.kernel_size, conv.stride, strict=True)
    )
    return across // 2, across - across // 2, down // 2, down - down // 2

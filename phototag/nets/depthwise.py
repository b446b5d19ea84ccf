"""A depthwise convolution whose backward pass is fast on a processor."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from timm.layers import Conv2dSame, pad_same
from torch import nn
from torch.nn.grad import conv2d_input, conv2d_weight


class _DepthwiseConvolution(torch.autograd.Function):
    """Forward in bfloat16, backward in float32: oneDNN's bfloat16 gradient of a depthwise
    convolution is so slow that casting there and back makes a whole training step a fifth
    faster."""

    @staticmethod
    def forward(ctx: Any, inputs, weight, bias, stride, padding):
        ctx.save_for_backward(inputs, weight)
        ctx.geometry = (stride, padding, 1, len(weight))  # with dilation and groups
        return F.conv2d(inputs, weight, bias, *ctx.geometry)

    @staticmethod
    def backward(ctx: Any, gradient):
        inputs, weight = ctx.saved_tensors
        outwards = gradient.float()
        of_inputs = conv2d_input(inputs.shape, weight.float(), outwards, *ctx.geometry)
        of_weight = conv2d_weight(inputs.float(), weight.shape, outwards, *ctx.geometry)
        return of_inputs.to(inputs.dtype), of_weight.to(weight.dtype), None, None, None


def depthwise(
    inputs: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    stride: tuple[int, int],
    padding: tuple[int, int],
) -> torch.Tensor:
    """A depthwise convolution for training under bfloat16 autocast on a processor. The bias gets no
    gradient."""
    return _DepthwiseConvolution.apply(
        inputs.bfloat16(), weight.bfloat16(), None if bias is None else bias.bfloat16(), stride, padding
    )


class FastBackwardDepthwise(nn.Module):
    """A depthwise convolution without bias, nn.Conv2d or timm's Conv2dSame, with the same weight
    under the same name."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.weight = conv.weight  # (C, 1, k, k)
        self.kernel, self.stride = _pair(conv.kernel_size), _pair(conv.stride)
        self.padding = None if isinstance(conv, Conv2dSame) else _pair(conv.padding)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, C, H', W')."""
        padding = self.padding
        if padding is None:
            inputs, padding = pad_same(inputs, list(self.kernel), list(self.stride)), (0, 0)
        if self.training and torch.is_autocast_enabled("cpu"):
            return depthwise(inputs, self.weight, None, self.stride, padding)
        return F.conv2d(inputs, self.weight, None, self.stride, padding, 1, len(self.weight))


def _pair(sizes: tuple[int, ...] | str) -> tuple[int, int]:
    """Down and across, as nn.Conv2d keeps them."""
    assert len(sizes) == 2 and not isinstance(sizes, str)
    return sizes[0], sizes[1]


def speed_up_backward(net: nn.Module) -> None:
    """In place: every depthwise convolution without bias as `FastBackwardDepthwise`."""
    for parent in list(net.modules()):
        for name, part in list(parent.named_children()):
            if isinstance(part, nn.Conv2d) and part.groups == part.in_channels > 1 and part.bias is None:
                setattr(parent, name, FastBackwardDepthwise(part))

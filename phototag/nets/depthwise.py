"""A depthwise convolution whose backward pass is fast on a processor."""

from __future__ import annotations

import torch


class _DepthwiseConvolution(torch.autograd.Function):
    """Forward in bfloat16, backward in float32: oneDNN's bfloat16 gradient of a depthwise
    convolution is so slow that casting there and back makes a whole training step a fifth
    faster."""

    @staticmethod
    def forward(ctx, inputs, weight, bias, stride, padding):
        ctx.save_for_backward(inputs, weight)
        ctx.geometry = (stride, padding)
        return torch.nn.functional.conv2d(inputs, weight, bias, stride, padding, 1, len(weight))

    @staticmethod
    def backward(ctx, gradient):
        inputs, weight = ctx.saved_tensors
        floats = (gradient.float(), inputs.float(), weight.float())
        # stride, padding; dilation, transposed, groups
        geometry = (*ctx.geometry, (1, 1), False, (0, 0), len(weight))
        of_inputs, of_weight, _ = torch.ops.aten.convolution_backward(
            *floats, None, *geometry, (True, True, False)
        )
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

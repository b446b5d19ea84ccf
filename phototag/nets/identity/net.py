"""The face recognition network of dlib (King 2017), in torch: a ResNet (He et al. 2015) of 29
convolutions with half the usual filters, trained so that faces of one person lie within 0.6 of each
other and those of two persons further apart.

    pixels     (B, 3, 150, 150)   uint8 RGB, aligned by align.py
    stem       (B, 32, 35, 35)
    stages     32 x 35 x 35, 64 x 17 x 17, 128 x 8 x 8, 256 x 4 x 4, 256 x 2 x 2
    embedding  (B, 128)
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

SIDE = 150  # pixels of an aligned face
EMBEDDING_SIZE = 128
# RGB means of the training photos, and the divisor, as the weights were trained with.
MEAN, DIVISOR = (122.782, 117.001, 104.298), 256.0
# (filters, whether the first block halves the map, blocks)
STAGES = ((32, False, 3), (64, True, 4), (128, True, 3), (256, True, 3), (256, True, 1))


class Block(nn.Module):
    """Two convolutions beside a shortcut. Where the block halves the map, the first convolution has
    stride 2 and no padding, and the shortcut is averaged 2 x 2; whatever side is smaller is filled
    up with zeros."""

    def __init__(self, channels_in: int, channels: int, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        stride, padding = (2, 0) if halves else (1, 1)
        self.first = nn.Conv2d(channels_in, channels, 3, stride, padding)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        out = self.second(functional.relu(self.first(x)))
        shortcut = functional.avg_pool2d(x, 2) if self.halves else x
        size = [max(a, b) for a, b in zip(out.shape[1:], shortcut.shape[1:], strict=True)]
        return functional.relu(_fill_up(out, size) + _fill_up(shortcut, size))


class IdentityNet(nn.Module):
    """(B, 3, 150, 150) uint8 RGB -> (B, 128)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, STAGES[0][0], 7, stride=2)
        blocks, channels_in = [], STAGES[0][0]
        for channels, halves, number in STAGES:
            for index in range(number):
                blocks.append(Block(channels_in, channels, halves and index == 0))
                channels_in = channels
        self.blocks = nn.Sequential(*blocks)
        self.embed = nn.Linear(channels_in, EMBEDDING_SIZE, bias=False)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        x = (pixels.to(self.embed.weight.dtype) - self.mean) / DIVISOR  # (B, 3, 150, 150)
        x = functional.max_pool2d(functional.relu(self.stem(x)), 3, 2)  # (B, 32, 35, 35)
        return self.embed(self.blocks(x).mean((2, 3)))  # (B, 128)


def embed(net: IdentityNet, pixels: Tensor) -> Tensor:
    """(B, 3, 150, 150) uint8 RGB -> (B, 128) of length 1: the mean of what the network says of a face
    and of its mirror image. Directions tell persons apart better than the network's own lengths do,
    and the mirror image adds a second look: `phototag evaluate people` prints what they give."""
    return functional.normalize(net(pixels) + net(pixels.flip(3)))


def load(file: Path) -> IdentityNet:
    """The network with weights of `file` (safetensors, half precision), ready to answer."""
    net = IdentityNet()
    net.load_state_dict({name: tensor.float() for name, tensor in load_file(file).items()})
    return net.eval().requires_grad_(False)


def _fill_up(x: Tensor, size: list[int]) -> Tensor:
    """`x` (B, C, H, W) with zeros behind its last channel, row and column, up to `size` (C, H, W)."""
    missing = [wanted - there for wanted, there in zip(size, x.shape[1:], strict=True)]
    if not any(missing):
        return x
    channels, rows, columns = missing
    return functional.pad(x, (0, columns, 0, rows, 0, channels))

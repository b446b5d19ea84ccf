"""YOLOX-Nano (Ge et al. 2021) as torch layers: backbone, neck and dense head, whose COCO-trained
numbers our own Faster R-CNN starts from. Owns the layers and the order in which an ONNX file of the
published net lists its numbers. Must not know training.

    CSPDarknet (Wang et al. 2020) -> path aggregation (Liu et al. 2018) -> a decoupled head a stride

The published file looks at BGR pixels of 0 to 255, cut into four (Focus). `read_onnx` turns its
first layer into the equal 6 x 6 convolution over RGB from 0 to 1, so that nothing else need know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from phototag.errors import WeightsError
from phototag.inputs import read_input

STRIDES = (8, 16, 32)
GREY = 114 / 255  # what the net was trained to see beside a photo that does not fill its canvas
WIDTH = 16  # channels of the first layer; YOLOX-Nano's
# What a damaged file says must not take gigabytes: channels of the largest YOLOX, kinds of any data set.
WIDEST, MOST_KINDS = 80, 4096
LARGEST_ONNX_BYTES = 1 << 30  # the largest YOLOX has 400 MB


class Layer(nn.Module):
    """A convolution (its norm is folded into it) and SiLU."""

    def __init__(self, inputs: int, outputs: int, edge: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, edge, stride, (edge - 1) // 2, groups=groups)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.silu(self.conv(x), inplace=not torch.is_grad_enabled())


class Separable(nn.Sequential):
    """A depthwise layer, then a pointwise one."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(Layer(inputs, inputs, 3, stride, groups=inputs), Layer(inputs, outputs))


class Bottleneck(nn.Module):
    """`added`: the input comes through beside the layers."""

    def __init__(self, channels: int, added: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(Layer(channels, channels), Separable(channels, channels))
        self.added = added

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x) if self.added else self.layers(x)


class CrossStage(nn.Module):
    """Half of the channels go through bottlenecks, half pass by (Wang et al. 2020)."""

    def __init__(self, inputs: int, outputs: int, count: int, added: bool = True) -> None:
        super().__init__()
        half = outputs // 2
        self.through, self.past = Layer(inputs, half), Layer(inputs, half)
        self.blocks = nn.Sequential(*(Bottleneck(half, added) for _ in range(count)))
        self.join = Layer(2 * half, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        passed = self.past(x)
        return self.join(torch.cat([self.blocks(self.through(x)), passed], 1))


class Pooled(nn.Module):
    """Spatial pyramid pooling (He et al. 2014): each place sees what is within 2, 4 and 6 cells of it too."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.narrow, self.join = Layer(channels, channels // 2), Layer(2 * channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.narrow(x)
        near = F.max_pool2d(x, 5, 1, 2)
        middle = F.max_pool2d(near, 5, 1, 2)  # two windows of 5 one after the other are one of 9
        return self.join(torch.cat([x, near, middle, F.max_pool2d(middle, 5, 1, 2)], 1))


class Backbone(nn.Module):
    """(B, 3, H, W) RGB from 0 to 1 -> maps of 4, 8 and 16 times `width` channels at strides 8, 16
    and 32; H and W are multiples of 32."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        w = width
        self.stem = Layer(3, w, 6, 2)
        self.dark2 = nn.Sequential(Separable(w, 2 * w, 2), CrossStage(2 * w, 2 * w, 1))
        self.dark3 = nn.Sequential(Separable(2 * w, 4 * w, 2), CrossStage(4 * w, 4 * w, 3))
        self.dark4 = nn.Sequential(Separable(4 * w, 8 * w, 2), CrossStage(8 * w, 8 * w, 3))
        self.dark5 = nn.Sequential(
            Separable(8 * w, 16 * w, 2), Pooled(16 * w), CrossStage(16 * w, 16 * w, 1, added=False)
        )
        self.lateral5, self.merge4 = Layer(16 * w, 8 * w), CrossStage(16 * w, 8 * w, 1, added=False)
        self.lateral4, self.merge3 = Layer(8 * w, 4 * w), CrossStage(8 * w, 4 * w, 1, added=False)
        self.down3, self.out4 = Separable(4 * w, 4 * w, 2), CrossStage(8 * w, 8 * w, 1, added=False)
        self.down4, self.out5 = Separable(8 * w, 8 * w, 2), CrossStage(16 * w, 16 * w, 1, added=False)
        self.channels = (4 * w, 8 * w, 16 * w)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        c3 = self.dark3(self.dark2(self.stem(images)))
        c4 = self.dark4(c3)
        p5 = self.lateral5(self.dark5(c4))
        p4 = self.lateral4(self.merge4(torch.cat([_doubled(p5), c4], 1)))
        n3 = self.merge3(torch.cat([_doubled(p4), c3], 1))
        n4 = self.out4(torch.cat([self.down3(n3), p4], 1))
        return [n3, n4, self.out5(torch.cat([self.down4(n4), p5], 1))]


def _doubled(x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class Said(NamedTuple):
    """What the dense heads say of each of the N cells: `boxes` (B, N, 4) left, top, right, bottom
    in pixels; `objectness` (B, N) and `kinds` (B, N, K) as logits."""

    boxes: torch.Tensor
    objectness: torch.Tensor
    kinds: torch.Tensor


class DenseHead(nn.Module):
    """The decoupled head of one stride: kinds from one branch, box and objectness from another."""

    def __init__(self, inputs: int, channels: int, kinds: int) -> None:
        super().__init__()
        self.stem = Layer(inputs, channels)
        self.kind_layers = nn.Sequential(Separable(channels, channels), Separable(channels, channels))
        self.kinds = nn.Conv2d(channels, kinds, 1)
        self.box_layers = nn.Sequential(Separable(channels, channels), Separable(channels, channels))
        self.box, self.objectness = nn.Conv2d(channels, 4, 1), nn.Conv2d(channels, 1, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x = self.stem(x)
        kind_map, box_map = self.kind_layers(x), self.box_layers(x)
        return self.box(box_map), self.objectness(box_map), self.kinds(kind_map), kind_map, box_map


class DenseHeads(nn.Module):
    """One head for each of the neck's maps. -> lists, one entry a stride: box offsets (B, 4, H, W),
    objectness (B, 1, H, W), kinds (B, K, H, W), and the last features behind the kinds and behind
    the boxes (B, C, H, W)."""

    def __init__(self, inputs: Sequence[int], channels: int, kinds: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList(DenseHead(each, channels, kinds) for each in inputs)

    def forward(self, maps: list[torch.Tensor]) -> tuple[list[torch.Tensor], ...]:
        answers = [head(level) for head, level in zip(self.levels, maps, strict=True)]
        return tuple(list(part) for part in zip(*answers, strict=True))


def decode(offsets: list[torch.Tensor], objectness: list[torch.Tensor], kinds: list[torch.Tensor]) -> Said:
    """The dense heads' maps as boxes and logits, all strides after one another."""
    return Said(
        torch.cat(
            [_decoded(level.float(), stride) for level, stride in zip(offsets, STRIDES, strict=True)], 1
        ),
        torch.cat([level.float().flatten(1) for level in objectness], 1),
        torch.cat([level.float().flatten(2).transpose(1, 2) for level in kinds], 1),
    )


class Yolox(nn.Module):
    """Backbone and neck, and the dense heads."""

    def __init__(self, kinds: int = 80, width: int = WIDTH) -> None:
        super().__init__()
        self.backbone = Backbone(width)
        self.head = DenseHeads(self.backbone.channels, 4 * width, kinds)

    def forward(self, images: torch.Tensor) -> Said:
        """(B, 3, H, W) RGB from 0 to 1, sides multiples of 32."""
        return decode(*self.head(self.backbone(images))[:3])


def _decoded(offsets: torch.Tensor, stride: int) -> torch.Tensor:
    """(B, 4, H, W) centre and log size in cells -> (B, H * W, 4) left, top, right, bottom in pixels."""
    height, width = offsets.shape[-2:]
    across = torch.arange(width, device=offsets.device, dtype=offsets.dtype)
    down = torch.arange(height, device=offsets.device, dtype=offsets.dtype)
    grid = torch.stack([across.expand(height, width), down[:, None].expand(height, width)])  # (2, H, W)
    centre = (offsets[:, :2] + grid) * stride
    half = offsets[:, 2:].clamp(max=8.0).exp() * stride / 2  # exp(8) cells are more than any photo has
    return torch.cat([centre - half, centre + half], 1).flatten(2).transpose(1, 2)


def read_onnx(path: Path) -> Yolox:
    """The net in an ONNX file of YOLOX whose norms are folded, such as the published
    yolox_nano.onnx. Raises WeightsError."""
    try:
        stored, convolutions = _read_graph(read_input(path, LARGEST_ONNX_BYTES))
        numbers = [
            (torch.from_numpy(stored[weight]), torch.from_numpy(stored[bias]))
            for weight, bias in convolutions
        ]
        kinds = [weight.shape[0] for weight, _ in numbers if weight.shape[2:] == (1, 1)][-5]
        width = numbers[0][0].shape[0]
        if not (0 < kinds <= MOST_KINDS and 0 < width <= WIDEST):
            raise ValueError(f"layers of {width} and {kinds} outputs")
        numbers[0] = (_from_focus(numbers[0][0]), numbers[0][1])
    except (OSError, IndexError, KeyError, ValueError, OverflowError, RuntimeError) as error:
        raise WeightsError(
            f"{path}: not readable as an ONNX file of YOLOX ({type(error).__name__}: {error!s:.200})"
        ) from error
    net = Yolox(kinds, width)
    layers = [part for part in net.modules() if isinstance(part, nn.Conv2d)]
    if [(layer.weight.shape, layer.bias.shape) for layer in layers] != [
        (w.shape, b.shape) for w, b in numbers
    ]:
        raise WeightsError(f"{path}: these are not the layers of YOLOX-Nano; yolox_nano.onnx is what fits")
    with torch.no_grad():
        for layer, (weight, bias) in zip(layers, numbers, strict=True):
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
    return net.eval()


def _from_focus(weight: torch.Tensor) -> torch.Tensor:
    """(O, 12, 3, 3) over four shifted BGR pictures of 0 to 255 -> (O, 3, 6, 6) over one RGB picture
    of 0 to 1."""
    outputs = weight.shape[0]
    parts = weight.view(outputs, 2, 2, 3, 3, 3)  # (O, right, down, BGR, row, column)
    return parts.permute(0, 3, 4, 2, 5, 1).reshape(outputs, 3, 6, 6).flip(1) * 255


def _read_graph(content: bytes) -> tuple[dict[str, np.ndarray], list[list[str]]]:
    """-> the tensors of an ONNX graph by name, and the names of weight and bias of its
    convolutions, in running order.

    Only what is needed of the format (onnx.proto3): ModelProto.graph = 7; GraphProto.node = 1,
    .initializer = 5; NodeProto.input = 1, .op_type = 4; TensorProto.dims = 1, .data_type = 2, .name
    = 8, .raw_data = 9."""
    graph = _inner(dict(_fields(content))[7])
    stored, convolutions = {}, []
    for field, part in _fields(graph):
        if field == 5:
            inner = list(_fields(_inner(part)))
            dims = [
                size
                for key, value in inner
                if key == 1
                for size in ([value] if isinstance(value, int) else _packed(value))
            ]
            fields = dict(inner)
            if fields.get(2) == 1 and 9 in fields:  # float32
                name = bytes(_inner(fields[8])).decode()
                stored[name] = np.frombuffer(_inner(fields[9]), "<f4").reshape(dims).copy()
        elif field == 1:
            inner = list(_fields(_inner(part)))
            if any(key == 4 and _inner(value) == b"Conv" for key, value in inner):
                names = [bytes(_inner(value)).decode() for key, value in inner if key == 1]
                convolutions.append(names[1:])
    return stored, convolutions


def _inner(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message should be")
    return value


def _fields(content: bytes | memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of one protocol-buffer message: number and value; 32- and 64-bit numbers come as
    their bytes."""
    view, at = memoryview(content), 0
    while at < len(view):
        key, at = _number(view, at)
        kind = key & 7
        if kind == 0:
            value, at = _number(view, at)
            yield key >> 3, value
            continue
        if kind == 2:
            size, at = _number(view, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"a field of kind {kind} at byte {at}")
        if at + size > len(view):
            raise ValueError("it ends too early")
        yield key >> 3, view[at : at + size]
        at += size


def _number(view: memoryview, at: int) -> tuple[int, int]:
    """A variable-length integer and where it ends."""
    value = shift = 0
    while True:
        byte = view[at]
        if shift > 63:
            raise ValueError(f"a number of more than 64 bits at byte {at}")
        value, at, shift = value | (byte & 127) << shift, at + 1, shift + 7
        if byte < 128:
            return value, at


def _packed(view: memoryview) -> list[int]:
    at, values = 0, []
    while at < len(view):
        value, at = _number(view, at)
        values.append(value)
    return values

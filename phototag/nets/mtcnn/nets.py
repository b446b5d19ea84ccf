"""The three MTCNN networks with what is not needed folded away: same weights, same answers, a third
of the time.

Knows pixels and weights, nothing of photos, pyramids or boxes. All take raw pixel values (0 to 255) in
channels-last memory and give logits, not probabilities. What was folded, for all three:
  - `(pixel - 127.5) / 128` into the first convolution, which is exact because none of them pads;
  - the softmax over (not face, face) into one logit, their difference: p > t is logit > log(t / (1 - t));
  - the flattening in (width, height, channel) order into the weights of the first dense layer.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from phototag.errors import WeightsError
from phototag.nets.mtcnn.weights import STAGES, weight_files

# floats in an AVX-512 register: PReLU and pooling of 10 or 28 channels run 2 to 6 times slower than
# of 16 or 32
LANES = 16


class ProposalNet(nn.Module):
    """PNet: is there a face in this 12 x 12 window, asked of every second pixel of an image of any size."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        super().__init__()
        self.channels = weights["conv1.weight"].shape[0]  # 10
        self.conv1 = _convolution(
            *_on_raw_pixels(weights["conv1.weight"], weights["conv1.bias"]), lanes=LANES
        )
        self.prelu1 = _prelu(weights["prelu1.weight"], lanes=LANES)
        self.conv2 = _convolution(weights["conv2.weight"], weights["conv2.bias"])
        self.prelu2 = _prelu(weights["prelu2.weight"])
        self.conv3 = _convolution(weights["conv3.weight"], weights["conv3.bias"])
        self.prelu3 = _prelu(weights["prelu3.weight"])
        face = weights["conv4_1.weight"][1] - weights["conv4_1.weight"][0]  # (32, 1, 1)
        self.face = nn.Parameter(face.flatten(), requires_grad=False)  # (32,)
        self.face_bias = nn.Parameter(
            weights["conv4_1.bias"][1] - weights["conv4_1.bias"][0], requires_grad=False
        )
        self.offsets = _dense(weights["conv4_2.weight"].flatten(1), weights["conv4_2.bias"])

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W), H and W even, to logits (B, h, w) and features (B, h, w, 32), with h = (H -
        10) / 2. The window of cell (i, j) starts at pixel (2i, 2j). `offsets(features[cells])` are
        the box corrections, computed only where they are wanted: at a few cells in a thousand."""
        x = self.prelu1(self.conv1(pixels)).permute(0, 2, 3, 1)  # (B, H - 2, W - 2, 16)
        # 2 x 2 max pooling as two maxima over whole rows; max_pool2d takes four times as long on so
        # few channels
        x = torch.maximum(x[:, 0::2], x[:, 1::2])
        x = torch.maximum(x[:, :, 0::2, : self.channels], x[:, :, 1::2, : self.channels])
        x = self.prelu2(self.conv2(x.permute(0, 3, 1, 2)))  # (B, 16, h + 2, w + 2)
        features = self.prelu3(self.conv3(x)).permute(0, 2, 3, 1)  # (B, h, w, 32)
        return features @ self.face + self.face_bias, features


class CropNet(nn.Module):
    """RNet and ONet: the same question asked of square crops, a little closer to the truth each time."""

    def __init__(self, weights: dict[str, Tensor], convolutions: int) -> None:
        super().__init__()
        kernels = [weights[f"conv{i}.weight"] for i in range(1, convolutions + 1)]
        biases = [weights[f"conv{i}.bias"] for i in range(1, convolutions + 1)]
        kernels[0], biases[0] = _on_raw_pixels(kernels[0], biases[0])
        spare = -kernels[0].shape[0] % LANES  # RNet's 28 channels become 32
        kernels[1] = F.pad(kernels[1], (0, 0, 0, 0, 0, spare))
        self.convolutions = nn.ModuleList(
            _convolution(kernel, bias, lanes=LANES) for kernel, bias in zip(kernels, biases, strict=True)
        )
        self.prelus = nn.ModuleList(
            _prelu(weights[f"prelu{i}.weight"], lanes=LANES) for i in range(1, convolutions + 1)
        )
        first = f"dense{convolutions + 1}"
        side = 3  # both nets end in 3 x 3 cells
        matrix = weights[f"{first}.weight"]  # (D, 3 * 3 * C), flattened as (width, height, channel)
        # as (height, width, channel)
        matrix = matrix.view(len(matrix), side, side, -1).transpose(1, 2).flatten(1)
        self.dense = _dense(matrix, weights[f"{first}.bias"])
        self.dense_prelu = _prelu(weights[f"prelu{convolutions + 1}.weight"])
        heads = sorted(
            name[:-7]
            for name in weights
            if name.startswith(f"dense{convolutions + 2}") and name.endswith(".weight")
        )
        answers = [weights[f"{head}.weight"] for head in heads]
        constants = [weights[f"{head}.bias"] for head in heads]
        answers[0] = answers[0][1:] - answers[0][:1]
        constants[0] = constants[0][1:] - constants[0][:1]
        self.heads = _dense(torch.cat(answers), torch.cat(constants))

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, S, S) to (N, 5) or (N, 15): the face logit, four box offsets, and from ONet five
        x, then five y of the landmarks; offsets and landmarks in units of the crop's side."""
        x = pixels
        last = len(self.convolutions) - 1
        for i, (convolution, prelu) in enumerate(zip(self.convolutions, self.prelus, strict=True)):
            x = prelu(convolution(x))
            if i < 2:
                x = _pool_3_by_2(x)
            elif i < last:
                x = F.max_pool2d(x, 2, 2, ceil_mode=True)
        x = x.permute(0, 2, 3, 1).flatten(1)  # (N, 3 * 3 * C)
        return self.heads(self.dense_prelu(self.dense(x)))


def _pool_3_by_2(x: Tensor) -> Tensor:
    """max_pool2d(x, 3, stride=2, ceil_mode=True) in half its time: maxima over whole rows, then
    columns, keeping no indices. (N, C, h, w) to (N, C, h // 2, w // 2), channels last both; a
    window cut by the border is as wide as fits."""
    x = x.permute(0, 2, 3, 1)
    for dim in (1, 2):
        first, second = x.unfold(dim, 2, 2).unbind(-1)  # pixels 0, 2, 4 ... and 1, 3, 5 ..., as views
        pooled = torch.maximum(first, second)
        third = x.narrow(dim, 2, x.shape[dim] - 2).unfold(dim, 1, 2).squeeze(-1)
        inner = pooled.narrow(dim, 0, third.shape[dim])
        torch.maximum(inner, third, out=inner)
        x = pooled
    return x.permute(0, 3, 1, 2)


def load_nets() -> tuple[ProposalNet, CropNet, CropNet]:
    """PNet, RNet and ONet from facenet-pytorch's checkpoints, ready to infer. Raises WeightsError."""
    weights = []
    for stage, file in zip(STAGES, weight_files(), strict=True):
        try:
            weights.append(torch.load(file, map_location="cpu", weights_only=True))
        except Exception as error:
            raise WeightsError(
                f"the {stage} weights in {file} cannot be read ({error}); reinstall facenet-pytorch"
            ) from error
    return ProposalNet(weights[0]).eval(), CropNet(weights[1], 3).eval(), CropNet(weights[2], 4).eval()


def _on_raw_pixels(kernel: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """The convolution that gives on raw pixels what this one gives on (pixel - 127.5) / 128."""
    return kernel / 128, bias - kernel.sum(dim=(1, 2, 3)) * (127.5 / 128)


def _convolution(kernel: Tensor, bias: Tensor, lanes: int = 1) -> nn.Conv2d:
    """A frozen convolution, its output channels filled up with zeros to a multiple of `lanes`."""
    spare = -kernel.shape[0] % lanes
    kernel = F.pad(kernel, (0, 0, 0, 0, 0, 0, 0, spare))
    layer = nn.Conv2d(kernel.shape[1], kernel.shape[0], kernel.shape[2])
    layer.weight = nn.Parameter(kernel.contiguous(memory_format=torch.channels_last), requires_grad=False)
    layer.bias = nn.Parameter(F.pad(bias, (0, spare)), requires_grad=False)
    return layer


def _prelu(slopes: Tensor, lanes: int = 1) -> nn.PReLU:
    slopes = F.pad(slopes, (0, -len(slopes) % lanes))
    layer = nn.PReLU(len(slopes))
    layer.weight = nn.Parameter(slopes, requires_grad=False)
    return layer


def _dense(matrix: Tensor, bias: Tensor) -> nn.Linear:
    layer = nn.Linear(matrix.shape[1], matrix.shape[0])
    layer.weight = nn.Parameter(matrix.contiguous(), requires_grad=False)
    layer.bias = nn.Parameter(bias, requires_grad=False)
    return layer

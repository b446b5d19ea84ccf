"""Paints a photo: neural style transfer (Gatys, Ecker & Bethge 2015, "A Neural Algorithm of Artistic Style").

The picture's pixels are changed, step by step, until EfficientNet-Lite0's ImageNet filters answer to it with
the correlations (Gram matrices) that brush strokes give and, place by place, with what the photo gives. Its
early layers alone are asked, without the ReLU's ceiling, beyond which nothing would push a pixel. Each
layer's Gram matrix is measured against its own size, since layers differ by orders of magnitude. The picture
is optimised as a pyramid of differences (half the size each) and from small to large: strokes are then
longer than a filter sees, and there is no noise of single pixels.

The brushwork first takes the photo's colours (mean and covariance; Gatys et al. 2016, "Preserving Color in
Neural Artistic Style Transfer"), so that skin stays skin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import timm
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from phototag.nets.backbone import BACKBONE, MEAN, STD, imagenet_state
from phototag.nets.brushwork import draw_brushwork
from phototag.records import Box

# The picture's long side in pixels and the steps at it: strokes are laid out small, and sharpened large.
SCALES = ((192, 45), (384, 24))
RATE = 0.025  # Adam's, of pixels from 0 to 1
LEVELS = 5  # of the pyramid
CONTENT, VARIATION, RANGE = 1.5, 12.0, 10.0  # weights beside the style's, which is 1
CONTENT_LAYER = 3  # of `Filters`: sees shapes of some ten pixels
FACE_CONTENT = 6.0  # times as much as elsewhere: faces must stay who they are
FACE_MARGIN = 0.15  # of the face's size around its box
# Of the photo's own detail, which is finer than the painted picture's pixels, laid over it when it is
# enlarged: edges stay clear.
DETAIL, FACE_DETAIL = 0.35, 0.8
# Strokes may have any colour, but the mean of this part of the long side has so much of the photo's own: what
# is orange stays orange.
COLOUR_CELL, OWN_COLOUR = 1 / 20, 0.7
OWN_HUE = 0.6  # of each pixel's difference from grey is the photo's: no specks of colour in an even sky

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


def painted_size_wh(width: int, height: int) -> tuple[int, int]:
    """The size in pixels at which the strokes of such a photo are laid out, before it is enlarged."""
    return _size_at(SCALES[-1][0], width, height)


def _size_at(side: int, width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, side / max(width, height))
    return max(32, round(width * scale)), max(32, round(height * scale))


class Filters(nn.Module):
    """(1, 3, H, W), 0 to 1 -> five layers of answers (1, C, h, w), at a half to an eighth of the size."""

    def __init__(self) -> None:
        super().__init__()
        net: Any = timm.create_model(BACKBONE)
        net.load_state_dict(imagenet_state())
        self.stem, self.norm, self.stages = net.conv_stem, net.bn1, net.blocks[:3]
        self.eval().requires_grad_(False)

    def forward(self, picture: Tensor) -> list[Tensor]:
        x = F.relu(_normed(self.norm, self.stem((picture - MEAN[0]) / STD[0])))
        layers = [x]
        first: Any = self.stages[0][0]  # the only block that does not widen
        x = _normed(first.bn2, first.conv_pw(F.relu(_normed(first.bn1, first.conv_dw(x)))))
        blocks: list[Any] = [block for stage in list(self.stages)[1:] for block in stage]
        for block in blocks:
            wide = F.relu(_normed(block.bn1, block.conv_pw(x)))
            layers.append(wide)
            if block is blocks[-1]:
                break
            narrow = _normed(block.bn3, block.conv_pwl(F.relu(_normed(block.bn2, block.conv_dw(wide)))))
            x = x + narrow if x.shape == narrow.shape else narrow
        return layers


def paint(
    pixels: Pixels,
    faces: Sequence[Box] = (),
    progress: Callable[[int, int], None] | None = None,
    *,
    scales: Sequence[tuple[int, int]] = SCALES,
) -> Pixels:
    """The photo (H, W, 3) uint8 as if painted, of the same size; the same each time on one machine.
    `progress(done, total)` counts steps. `scales`: long sides in pixels and the steps at each.
    Raises WeightsError where the ImageNet weights are not installed."""
    filters = Filters()
    photo = _tensor(pixels)
    total, done = sum(steps for _, steps in scales), 0
    picture: Tensor | None = None
    for side, steps in scales:
        size = _size_at(side, photo.shape[-1], photo.shape[-2])[::-1]
        wanted = F.interpolate(photo, size, mode="area")
        start = wanted if picture is None else F.interpolate(picture, size, mode="bicubic").clamp(0, 1)
        painting = _Painting(filters, wanted, start, faces)
        for _ in range(steps):
            painting.step()
            done += 1
            if progress is not None:
                progress(done, total)
        picture = painting.picture().detach().clamp(0, 1)
    assert picture is not None
    large = _enlarged(_with_own_colours(picture, photo), photo, faces)
    return (large[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)


class _Painting:
    """The picture at one size, on its way from `start` to what the filters ask for."""

    def __init__(self, filters: Filters, photo: Tensor, start: Tensor, faces: Sequence[Box]) -> None:
        self.filters = filters
        brushwork = _recoloured(_tensor(np.asarray(draw_brushwork())), photo)
        with torch.no_grad():
            self.manner = [_manner(layer) for layer in filters(brushwork)]
            self.content = filters(photo)[CONTENT_LAYER]
        height, width = self.content.shape[-2:]
        self.care = _inside(faces, (width, height)) * (FACE_CONTENT - 1) + 1  # (1, 1, h, w)
        self.pyramid = [level.clone().requires_grad_() for level in _pyramid(start)]
        self.adam = torch.optim.Adam(self.pyramid, lr=RATE, betas=(0.9, 0.99))

    def picture(self) -> Tensor:
        picture = self.pyramid[-1]
        for level in reversed(self.pyramid[:-1]):
            picture = level + _resized(picture, level.shape[-2:])
        return picture

    def step(self) -> None:
        picture = self.picture()
        layers = self.filters(picture)
        loss = torch.zeros(())
        for layer, wanted in zip(layers, self.manner, strict=True):
            for own, other in zip(_manner(layer), wanted, strict=True):
                loss = loss + (own - other).square().sum() / other.square().sum()
        difference = (layers[CONTENT_LAYER] - self.content).square() * self.care
        loss = loss + CONTENT * difference.mean() / self.content.square().mean()
        across, down = picture.diff(dim=-1), picture.diff(dim=-2)
        loss = loss + VARIATION * (across.square().mean() + down.square().mean())
        loss = loss + RANGE * (picture - picture.clamp(0, 1)).square().mean()
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()


def _normed(norm: Any, x: Tensor) -> Tensor:
    """The batch norm alone: timm's layer holds the ReLU with the ceiling too."""
    return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, False, 0.0, norm.eps)


def _tensor(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)[None].contiguous()


def _manner(layer: Tensor) -> tuple[Tensor, Tensor]:
    """(1, C, h, w) -> the Gram matrix (C, C) and the means (C, 1), whatever the size."""
    answers = layer[0].flatten(1)
    return answers @ answers.T / answers.shape[1], answers.mean(1, keepdim=True)


def _recoloured(picture: Tensor, like: Tensor) -> Tensor:
    """The picture with the mean and covariance of another's colours."""
    own, other = picture[0].flatten(1), like[0].flatten(1)  # (3, N)
    own_mean, other_mean = own.mean(1, keepdim=True), other.mean(1, keepdim=True)
    turn = _power(other - other_mean, 0.5) @ _power(own - own_mean, -0.5)
    return (turn @ (own - own_mean) + other_mean).clamp(0, 1).view_as(picture)


def _power(colours: Tensor, exponent: float) -> Tensor:
    """The covariance (3, 3) of colours (3, N) around 0, to a power."""
    values, vectors = torch.linalg.eigh(colours @ colours.T / colours.shape[1])
    return vectors @ torch.diag(values.clamp_min(1e-5) ** exponent) @ vectors.T


def _pyramid(picture: Tensor) -> list[Tensor]:
    """What each size adds to the half of it, and the smallest."""
    levels = []
    for _ in range(LEVELS - 1):
        smaller = F.avg_pool2d(picture, 2, ceil_mode=True)
        levels.append(picture - _resized(smaller, picture.shape[-2:]))
        picture = smaller
    return [*levels, picture]


def _resized(picture: Tensor, size_hw: Sequence[int]) -> Tensor:
    return F.interpolate(picture, list(size_hw), mode="bilinear", align_corners=False)


def _inside(faces: Sequence[Box], size_wh: tuple[int, int]) -> Tensor:
    """(1, 1, H, W): 1 in and close around faces, 0 elsewhere."""
    mask = torch.zeros(1, 1, size_wh[1], size_wh[0])
    for box in faces:
        left, top, right, bottom = box.pixels(*size_wh)
        wide, high = round((right - left) * FACE_MARGIN), round((bottom - top) * FACE_MARGIN)
        mask[..., max(0, top - high) : bottom + high, max(0, left - wide) : right + wide] = 1
    return mask


def _with_own_colours(picture: Tensor, photo: Tensor) -> Tensor:
    """The painted picture, its colours moved towards the photo's, region by region."""
    height, width = picture.shape[-2:]
    cell = max(height, width) * COLOUR_CELL
    cells = (max(1, round(height / cell)), max(1, round(width / cell)))
    missing = F.interpolate(photo, cells, mode="area") - F.interpolate(picture, cells, mode="area")
    picture = picture + OWN_COLOUR * _resized(missing, (height, width))
    small = F.interpolate(photo, (height, width), mode="area")
    light = picture.mean(1, keepdim=True)
    hue = (picture - light) * (1 - OWN_HUE) + (small - small.mean(1, keepdim=True)) * OWN_HUE
    return (light + hue).clamp(0, 1)


def _enlarged(picture: Tensor, photo: Tensor, faces: Sequence[Box]) -> Tensor:
    """The painted picture at the photo's size, with a share of the photo's finer detail in light."""
    size = photo.shape[-2:]
    large = F.interpolate(picture, size, mode="bicubic")
    # averaged and enlarged as the painted picture was: what is lost is what it cannot have
    coarse = F.interpolate(F.interpolate(photo, picture.shape[-2:], mode="area"), size, mode="bicubic")
    detail = (photo - coarse).mean(1, keepdim=True)
    soft = Image.fromarray((_inside(faces, (64, 64))[0, 0] * 255).byte().numpy())
    soft = soft.resize((16, 16), Image.Resampling.BOX).resize((size[1], size[0]), Image.Resampling.BICUBIC)
    near = torch.from_numpy(np.asarray(soft, np.float32) / 255)
    return (large + detail * (DETAIL + (FACE_DETAIL - DETAIL) * near)).clamp(0, 1)

"""What SmileNet sees of one face, as a poster: the filters of the first layer, and the feature maps of
every stage."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn

from phototag.nets.heatmap import colours
from phototag.nets.smilenet.checkpoint import Calibration
from phototag.nets.smilenet.crop import normalise
from phototag.nets.smilenet.evaluate import smile_probability
from phototag.nets.smilenet.labels import EMOTIONS
from phototag.nets.smilenet.net import SmileNet

TILE, GAP = 112, 8  # pixels: of a feature map on the poster, and between two
MAPS = 16  # of each stage, those that this face excites most
MARGIN, NOTES = 48, 330  # around everything, and the width of the notes at the left
INK, PAPER, FAINT = "#1d2129", "#ffffff", "#667080"
SMILE, EMOTION = "#1d9e5a", "#2f6fde"


def feature_maps(net: SmileNet, crop: Tensor) -> list[Tensor]:
    """A crop (S, S) uint8 -> the maps (C, h, w) after the stem and after each of the stages."""
    kept: list[Tensor] = []

    def keep(layer: nn.Module, inputs: Any, output: Tensor) -> None:
        kept.append(output[0].detach().clone())

    backbone: Any = net.backbone  # torch knows no types of attributes
    layers: list[nn.Module] = [backbone.bn1, *backbone.blocks]
    hooks = [layer.register_forward_hook(keep) for layer in layers]
    try:
        with torch.inference_mode():
            net(normalise(crop[None]))
    finally:
        for hook in hooks:
            hook.remove()
    return kept


def strongest(maps: Tensor, count: int = MAPS) -> list[int]:
    """The channels of maps (C, h, w) that differ most from place to place, strongest first."""
    return maps.flatten(1).std(1).argsort(descending=True)[:count].tolist()


def draw(net: SmileNet, calibration: Calibration, crop: np.ndarray | None = None) -> Image.Image:
    """The poster; `net` not fused, `crop` (S, S) uint8 grey as `cut_face` makes it. Without one, the
    filters alone."""
    filters = net.backbone.conv_stem.weight.detach()[:, 0]  # (32, 3, 3)
    maps = [] if crop is None else feature_maps(net, torch.from_numpy(crop.copy()))
    width = 2 * MARGIN + NOTES + MAPS * (TILE + GAP) - GAP
    top = MARGIN + 100
    face_high = 0 if crop is None else 320
    height = top + face_high + (2 + len(maps)) * (TILE + GAP) + (1 + len(maps)) * GAP + MARGIN
    poster = Image.new("RGB", (width, height), PAPER)
    canvas = ImageDraw.Draw(poster)
    large, plain, small = (ImageFont.load_default(size=size) for size in (52, 26, 20))
    canvas.text((MARGIN, MARGIN), "What SmileNet sees", fill=INK, font=large)
    if crop is not None:
        _draw_answer(poster, canvas, net, calibration, crop, (MARGIN, top), plain, small)
    y = top + face_high
    half = len(filters) // 2
    canvas.text((MARGIN, y), "The 32 filters", fill=INK, font=plain)
    canvas.text(
        (MARGIN, y + 34),
        "of the first layer, 3 x 3;\nwhite: light wanted here\nblack: dark",
        fill=FAINT,
        font=small,
    )
    for row in (filters[:half], filters[half:]):
        for i, one in enumerate(row):
            _paste(poster, _grey(one), (MARGIN + NOTES + i * (TILE + GAP), y))
        y += TILE + GAP
    for number, part in enumerate(maps):
        assert crop is not None  # there are maps
        y += GAP
        channels, side = part.shape[:2]
        name = "After the first layer" if number == 0 else f"Stage {number}"
        canvas.text((MARGIN, y), name, fill=INK, font=plain)
        note = f"{channels} maps of {side} x {side},\na cell: {len(crop) // side} pixels of the face"
        canvas.text((MARGIN, y + 34), note, fill=FAINT, font=small)
        for i, channel in enumerate(strongest(part)):
            _paste(poster, _coloured(part[channel]), (MARGIN + NOTES + i * (TILE + GAP), y))
        y += TILE + GAP
    return poster


def _draw_answer(
    poster: Image.Image,
    canvas: ImageDraw.ImageDraw,
    net: SmileNet,
    calibration: Calibration,
    crop: np.ndarray,
    corner: tuple[int, int],
    plain: Any,
    small: Any,
) -> None:
    """The face as the net sees it, and what it says of it."""
    x, y = corner
    side = 288
    poster.paste(Image.fromarray(crop).resize((side, side), Image.Resampling.BICUBIC).convert("RGB"), (x, y))
    with torch.inference_mode():
        emotions, smile = net(normalise(torch.from_numpy(crop.copy())[None]))
    shares = (emotions[0] / calibration.emotion_temperature).softmax(0).tolist()
    answers = [
        ("smile", float(smile_probability(smile, calibration)[0])),
        *zip(EMOTIONS, shares, strict=True),
    ]
    x = MARGIN + NOTES + 24
    canvas.text((x, y), f"One face, {len(crop)} x {len(crop)} pixels, and the answer", fill=INK, font=plain)
    for number, (name, share) in enumerate(answers):
        line = y + 44 + number * 27
        canvas.text((x, line), name, fill=INK, font=small)
        canvas.rectangle(
            (x + 140, line + 4, x + 140 + round(600 * share), line + 20),
            fill=EMOTION if number else SMILE,
        )
        canvas.text((x + 150 + round(600 * share), line), f"{share:.2f}", fill=FAINT, font=small)


def _grey(one: Tensor) -> Image.Image:
    """A filter (3, 3): grey where it does not care."""
    most = float(one.abs().max()) or 1.0
    return Image.fromarray(((one / most + 1) * 127.5).round().byte().numpy())


def _coloured(one: Tensor) -> Image.Image:
    """A feature map (h, w), dark where it is least excited."""
    low, high = float(one.min()), float(one.max())
    share = ((one - low) / ((high - low) or 1.0)).numpy()
    return Image.fromarray(colours(share).round().astype(np.uint8))


def _paste(poster: Image.Image, tile: Image.Image, corner: tuple[int, int]) -> None:
    """Enlarged without smoothing: every cell is to be seen."""
    poster.paste(tile.resize((TILE, TILE), Image.Resampling.NEAREST).convert("RGB"), corner)

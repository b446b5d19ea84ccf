"""What in a picture made a net answer as it does, laid over the picture: of a face's smile and of a
thing.

Grad-CAM (Selvaraju et al. 2017) with the gradient of every cell instead of its mean over all cells
(HiResCAM, Draelos & Carin 2020). The maps of an inner layer say where the net saw what; how much the
answer grows with each cell of each map says what speaks for it; their product, summed over the maps
and where it is positive, is the heat. The mean would lose the place: SmileNet's late maps have 3 x 3
cells, each of which sees the whole face, so that its heat is on the same cheek of everyone. A test
holds this heat against what covering parts of the face does to the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn

from phototag.errors import PhototagError
from phototag.nets.detector.predict import Detector, resized, working_size
from phototag.nets.smilenet.crop import cut_face, normalise, place_square
from phototag.nets.smilenet.net import SmileNet
from phototag.query.vocabulary import canonical
from phototag.records import Box, Face

# SmileNet's stage whose maps are read: 12 x 12 cells of a face of 96 pixels, about a mouth's corner each.
SMILE_STAGE = 2
# The heat is the mean over so many by so many crops, moved by up to REACH pixels: a cell's border would
# show otherwise, and half a cell's shift changes which cell is hottest.
SHIFTS, REACH = 5, 8
SEE_THROUGH = 0.7  # of the heat at its strongest over the photo
# black-body colours, dark to bright, at equal steps of heat
COLOURS = np.array([(20, 11, 53), (101, 21, 110), (188, 55, 84), (245, 125, 21), (252, 240, 130)], float)


@dataclass(frozen=True)
class Spot:
    """One thing that was asked about: its box (fractions), what to write beside it, and the heat (H, W)
    float32, 0 to 1 at the photo's pixels."""

    box: Box
    text: str
    heat: np.ndarray


def heat_of(maps: Sequence[Tensor], score: Tensor) -> list[Tensor]:
    """Maps (B, C, h, w) of one or more layers that `score`, a single number, was computed from -> of each
    layer the heat (B, 1, h, w), at least 0. Raises PhototagError where the score cannot be traced back."""
    if not score.requires_grad:
        raise PhototagError("this net does not tell what its answer comes from, so it has no heat map")
    gradients = torch.autograd.grad(score, list(maps), allow_unused=True)
    return [
        torch.zeros_like(part[:, :1])
        if gradient is None
        else F.relu((gradient * part).sum(1, keepdim=True)).detach()
        for part, gradient in zip(maps, gradients, strict=True)
    ]


class MapsOf:
    """While it is entered, keeps what `layer` gives, as a leaf that gradients reach: `.maps`, a tensor
    or whatever of tensors the layer gives."""

    def __init__(self, layer: Any) -> None:
        self._layer = layer
        self.maps: Any = None

    def __enter__(self) -> MapsOf:
        self._hook = self._layer.register_forward_hook(self._keep)
        return self

    def __exit__(self, *_: object) -> None:
        self._hook.remove()

    def _keep(self, layer: nn.Module, inputs: Any, output: Any) -> Any:
        self.maps = _as_leaves(output)
        return self.maps


def _as_leaves(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone().requires_grad_(value.is_floating_point())
    if isinstance(value, dict):
        return type(value)((name, _as_leaves(inner)) for name, inner in value.items())
    return type(value)(_as_leaves(inner) for inner in value)


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    return [
        leaf for inner in (value.values() if isinstance(value, dict) else value) for leaf in _tensors(inner)
    ]


def smile_heat(net: SmileNet, size: int, photo: np.ndarray, face: Face) -> np.ndarray:
    """What in this face speaks for a smile: photo (H, W, 3) uint8 -> heat (H, W) float32, 0 to 1, and
    0 outside the crop. `size`: the crop's side that the net was trained on; `net` not fused."""
    crop = torch.from_numpy(cut_face(photo, face.box, face.points, size).copy())
    return _lay_back(crop_heat(net, crop), photo.shape[:2], face)


def crop_heat(net: SmileNet, crop: Tensor) -> Tensor:
    """The same of a crop (S, S) uint8 as the net sees it: heat (1, S, S), 0 to 1."""
    size = len(crop)
    steps = [round(-REACH + 2 * REACH * i / (SHIFTS - 1)) for i in range(SHIFTS)]
    moves = [(REACH + down, REACH + across) for down in steps for across in steps]
    wide = F.pad(crop[None, None].float(), (REACH,) * 4, mode="replicate")
    views = torch.cat([wide[:, :, y : y + size, x : x + size] for y, x in moves])  # (25, 1, S, S)
    with torch.enable_grad(), MapsOf(net.backbone.blocks[SMILE_STAGE]) as kept:
        _, smiles = net(normalise(views))
        (heat,) = heat_of([kept.maps], smiles.sum())
    heat = F.interpolate(heat, (size, size), mode="bilinear", align_corners=False)
    total, count = torch.zeros_like(wide[0]), torch.zeros_like(wide[0])
    for (y, x), part in zip(moves, heat, strict=True):
        total[:, y : y + size, x : x + size] += part
        count[:, y : y + size, x : x + size] += 1
    return _scaled((total / count.clamp_min(1))[:, REACH : REACH + size, REACH : REACH + size])


def _lay_back(heat: Tensor, size_hw: tuple[int, int], face: Face) -> np.ndarray:
    """The heat of a crop (1, S, S) where the crop lies in the photo: (H, W)."""
    height, width = size_hw
    centre_x, centre_y, side, roll = place_square(width, height, face.box, face.points)
    turn = np.deg2rad(roll)
    down, across = np.mgrid[:height, :width] + 0.5
    x, y = (across - centre_x) / side * 2, (down - centre_y) / side * 2  # -1 to 1 from edge to edge
    grid = np.stack([np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x], axis=-1)
    laid = F.grid_sample(heat[None], torch.from_numpy(grid[None]).float(), align_corners=False)
    return laid[0, 0].numpy()


def thing_heat(detector: Detector, photo: np.ndarray, label: str) -> Spot | None:
    """What speaks for the surest thing of this name: photo (H, W, 3) uint8 -> its box, name with score, and
    heat; None where the detector finds no such thing."""
    height, width = photo.shape[:2]
    size_wh = working_size(width, height, detector.short_side, detector.long_side)
    image = resized(photo, size_wh).to(detector.device)
    with torch.enable_grad(), MapsOf(detector.net.backbone) as kept:
        answer = detector.net([image])[0]
        best = _surest(answer, detector.names, label)
        if best is None:
            return None
        heats = heat_of([level for level in _tensors(kept.maps) if level.ndim == 4], answer["scores"][best])
    score, edges = float(answer["scores"][best].detach()), answer["boxes"][best].detach().cpu()
    box = Box.clipped(*(edges / edges.new_tensor([*size_wh, *size_wh])).tolist())
    if box is None:
        return None
    total = torch.zeros(1, 1, height, width)
    for heat in heats:
        # the net fills pictures up at the right and bottom, and its maps reach over that too
        rows, columns = (
            max(1, round(side * cells / _padded(side)))
            for side, cells in zip(size_wh[::-1], heat.shape[2:], strict=True)
        )
        total += F.interpolate(heat[:, :, :rows, :columns].cpu(), (height, width), mode="bilinear")
    return Spot(box, f"{label} {score:.2f}", _scaled(total)[0, 0].numpy())


def _padded(length: int) -> int:
    """What detectors fill a side up to, in pixels."""
    return -(-length // 32) * 32


def _surest(answer: dict[str, Tensor], names: Sequence[str | None], label: str) -> int | None:
    wanted = canonical(label)
    said = answer["labels"].tolist()
    alike = [i for i, n in enumerate(said) if n < len(names) and names[n] and canonical(names[n]) == wanted]
    return max(alike, key=answer["scores"].tolist().__getitem__) if alike else None


def _scaled(heat: Tensor) -> Tensor:
    """0 to 1, the strongest being 1; all 0 where nothing speaks for the answer."""
    top = float(heat.max())
    return heat / top if top > 0 else heat


def draw(photo: np.ndarray, spots: Sequence[Spot], title: str) -> Image.Image:
    """The photo (H, W, 3) uint8 with the heat of every spot, their boxes and texts, and below it the
    scale. Raises PhototagError where there is no spot."""
    laid = np.asarray(overlay(spots), float)
    share = laid[..., 3:] / 255
    mixed = photo * (1 - share) + laid[..., :3] * share
    height, width = photo.shape[:2]
    unit = max(2, round(max(height, width) / 400))
    font = ImageFont.load_default(size=unit * 6)
    foot = unit * 18
    picture = Image.new("RGB", (width, height + foot), "white")
    picture.paste(Image.fromarray(mixed.round().astype(np.uint8)))
    canvas = ImageDraw.Draw(picture)
    for spot in spots:
        left, top, right, bottom = spot.box.pixels(width, height)
        canvas.rectangle((left, top, right, bottom), outline="white", width=unit)
        wide, high = canvas.textbbox((0, 0), spot.text, font=font)[2:]
        x = min(left, width - wide - 2 * unit)
        y = top - high - 3 * unit if top > high + 3 * unit else min(bottom, height - high - 3 * unit)
        canvas.rectangle((x, y, x + wide + 2 * unit, y + high + 2 * unit), fill="white")
        canvas.text((x + unit, y + unit), spot.text, fill="black", font=font)
    _scale(picture, canvas, (unit * 2, height + unit * 2), unit, font, title)
    return picture


def overlay(spots: Sequence[Spot]) -> Image.Image:
    """The heat of every spot as a picture (RGBA) to lay over the photo, the more transparent the weaker it
    is. Raises PhototagError where there is no spot."""
    if not spots:
        raise PhototagError("there is nothing to draw a heat map of")
    heat = np.maximum.reduce([spot.heat for spot in spots])
    share = 255 * SEE_THROUGH * np.sqrt(heat)  # the root: weak heat shall be seen too
    return Image.fromarray(np.dstack([colours(heat), share]).round().astype(np.uint8), "RGBA")


def _scale(
    picture: Image.Image,
    canvas: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    unit: int,
    font: Any,
    title: str,
) -> None:
    """The strip of colours from weak to strong, and what it is of."""
    x, y = corner
    wide, high = unit * 60, unit * 5
    ramp = colours(np.linspace(0, 1, wide)[None].repeat(high, 0)).round().astype(np.uint8)
    picture.paste(Image.fromarray(ramp), (x, y))
    canvas.text((x, y + high + unit), "0", fill="black", font=font)
    one = canvas.textlength("1", font=font)
    canvas.text((x + wide - one, y + high + unit), "1", fill="black", font=font)
    canvas.text((x + wide + unit * 4, y), title, fill="black", font=font)


def colours(heat: np.ndarray) -> np.ndarray:
    """Heat (H, W) of 0 to 1 -> (H, W, 3) of 0 to 255."""
    steps = np.linspace(0, 1, len(COLOURS))
    return np.stack([np.interp(heat, steps, channel) for channel in COLOURS.T], axis=-1)

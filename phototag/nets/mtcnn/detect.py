"""The face detector: photos of any sizes in, boxes, scores and five landmarks out.

MTCNN (Zhang, Zhang, Li, Qiao: "Joint Face Detection and Alignment Using Multitask Cascaded
Convolutional Networks", 2016) asks three nets, each slower and surer than the one before. What is
told here is how little is computed:

      photo          pyramid                 canvases (160 x 320)              cells           candidates
    +--------+    +------+ 0.44      +-----------+--------+-----+---+     . . . . . . .       box + offset
    |        |    |      |           | A: 0, 1st | B: 0   |A: 1 |B:3|     . . # . . . .  -->  made square
    |   A    | -> +------+ 0.31  ->  |   tile    |        |     |---|  -> . . . . . . .            |
    |        |    +----+   0.22      |           |        |     |A:4|     . . . . # . .            |
    +--------+    +----+             +-----------+--------+-----+---+        one PNet              |
    +-----+        ...               | A: 0, 2nd tile  |  B: 1 ...  |        call each             |
    |  B  |    each level from       +------------------------------+                              |
    |     |    the one before        windows that straddle two tiles                               v
    +-----+                          are masked; no gutters, no padding       crops 24 x 24, by one
                                                                               gather from each plane
       faces  <-- IoM NMS <-- ONet on crops 48 x 48  <--  IoU NMS  <-- RNet <-- (photo or level); black
                                                                               past its border

  - A level is made from the level before in uint8 (antialiased), not from the full photo in float.
  - Tiles of all levels of all photos share canvases of one size: mixed sizes cost what equal sizes cost.
  - NMS within a level is a 3 x 3 peak search on the grid; NMS between levels is left out, because before
    correction boxes of neighbouring levels overlap by at most 0.709 ** 2 = 0.50 and the threshold is 0.7:
    it never removes any.
  - Offsets are computed for peaks alone. Crops come from a plane near their own size, so bilinear sampling
    is enough.
  - Of a crowd of overlapping candidates the best is asked first; often its answer answers for the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import batched_nms

from phototag.nets.mtcnn.boxes import nearest, peaks, shifted, squared, suppress_contained
from phototag.nets.mtcnn.canvas import CANVAS_HEIGHT, CANVAS_WIDTH, STRIDE, WINDOW, Tile, pack, paint
from phototag.nets.mtcnn.nets import load_nets

FACTOR = 0.709  # between levels: half the area each time (the paper's)
THRESHOLDS = (0.6, 0.7, 0.7)  # least probability to pass PNet, RNet, ONet (the reference implementation's)
# overlap at which one of two boxes goes, after RNet and after ONet (the reference's)
REFINED_IOU, FINAL_IOM = 0.7, 0.7
MIN_FACE_PX = 20.0  # RNet looks at 24 pixels; below 20 the nets guess, and the pyramid would have to enlarge
CROP_PX = (12, 24, 48)  # what PNet, RNet and ONet look at
# How many times the pixels of a crop, along each side, the plane must have that it is taken from.
# The levels are made for PNet, softened twice; from just enough of their pixels RNet and ONet miss
# 3 of 20 hard faces that they find with this.
SPARE = 2
# Crowds, per stage. Candidates overlapping the best of them by this IoU or more wait for its
# answer; they are asked as well where its logit lies between the two bounds: below, none of them is
# a face (p < 0.12 for RNet, 0.05 for ONet); above, ONet is as sure as it gets (p > 0.95). RNet has
# no upper bound: it needs many tries to hit one that ONet takes.
CROWD_IOU = (1.0, 0.4, 0.5)
OPEN_LOGITS = ((0.0, 0.0), (-2.0, math.inf), (-3.0, 3.0))
# The most candidates one photo may send on, best first, so that no picture (noise, foliage) can
# exhaust memory: busy photos of 1333 pixels send 400 to 1,600 to RNet and 30 to 100 to ONet.
MOST_CANDIDATES = (6000, 1500)
# of a batch: enough to fill canvases, and memory (30 MB a photo) does not grow with the batch
PHOTOS_AT_ONCE = 4
# pixels: 64 crops for RNet, 16 for ONet; their first layers then take 4 MB, which a cache holds
PIXELS_PER_CALL = 64 * 24**2


class Faces(NamedTuple):
    """The faces of one photo, best first: `boxes` (N, 4) left, top, right, bottom edges in pixels
    of the photo, possibly past its border; `scores` (N,); `points` (N, 5, 2) x, y of left eye,
    right eye, nose, left and right mouth corner as the viewer sees them. All float32 on the CPU; N
    may be 0."""

    boxes: Tensor
    scores: Tensor
    points: Tensor


class _Candidates(NamedTuple):
    photos: Tensor  # (N,) int64
    boxes: Tensor  # (N, 4) pixel edges of that photo
    logits: Tensor  # (N,)

    def at(self, picks: Tensor) -> _Candidates:
        return _Candidates(self.photos[picks], self.boxes[picks], self.logits[picks])


class FaceDetector:
    """Detects faces on one device. Making one reads 2 MB of weights; calls keep nothing between them."""

    def __init__(
        self, device: torch.device | str = "cpu", thresholds: tuple[float, float, float] = THRESHOLDS
    ) -> None:
        """`thresholds`: the least probability to pass PNet, RNet and ONet. Raises WeightsError when the
        weights cannot be read."""
        self.device, self._thresholds = torch.device(device), thresholds
        self.pnet, self.rnet, self.onet = (net.to(self.device) for net in load_nets())

    @torch.inference_mode()
    def detect(
        self, photos: Sequence[np.ndarray], min_face_px: Sequence[float] | float = MIN_FACE_PX
    ) -> list[Faces]:
        """Faces of each (H, W, 3) uint8 RGB array, in order. `min_face_px` is the smallest face
        looked for, for all or for each photo; below MIN_FACE_PX it is MIN_FACE_PX."""
        if isinstance(min_face_px, (int, float)):
            min_face_px = [float(min_face_px)] * len(photos)
        least = [max(size, MIN_FACE_PX) for size in min_face_px]
        found: list[Faces] = []
        for start in range(0, len(photos), PHOTOS_AT_ONCE):
            group = slice(start, start + PHOTOS_AT_ONCE)
            pyramids = [
                Pyramid(photo, size, self.device)
                for photo, size in zip(photos[group], least[group], strict=True)
            ]
            found += self._detect(pyramids)
        return found

    def _detect(self, pyramids: Sequence[Pyramid]) -> list[Faces]:
        if not any(pyramid.levels for pyramid in pyramids):
            nothing = torch.zeros(0)
            return [Faces(nothing.view(0, 4), nothing, nothing.view(0, 5, 2)) for _ in pyramids]
        candidates = self._propose(pyramids)
        candidates, offsets = self._look(1, candidates, pyramids)
        picks = batched_nms(candidates.boxes, candidates.logits, candidates.photos, REFINED_IOU)
        candidates = candidates.at(picks)
        candidates = candidates._replace(boxes=squared(shifted(candidates.boxes, offsets[picks])))
        candidates = _best(candidates, MOST_CANDIDATES[1])
        candidates, answers = self._look(2, candidates, pyramids)
        sides = candidates.boxes[:, 2:] - candidates.boxes[:, :2]  # (N, 2)
        points = (
            answers[:, 4:].unflatten(1, (2, 5)).transpose(1, 2) * sides[:, None]
            + candidates.boxes[:, None, :2]
        )
        candidates = candidates._replace(boxes=shifted(candidates.boxes, answers[:, :4]))
        picks = suppress_contained(candidates.boxes, candidates.logits, candidates.photos, FINAL_IOM)
        return _per_photo(len(pyramids), candidates.at(picks), points[picks])

    def _propose(self, pyramids: Sequence[Pyramid]) -> _Candidates:
        """PNet over all levels of all photos."""
        levels = [level for pyramid in pyramids for level in pyramid.levels]
        tiles, filled = pack(tuple(tuple(level.shape[2:]) for level in levels))
        canvases, owners = paint(levels, tiles, len(filled))
        places = _places(pyramids, tiles).to(self.device)  # (T, 6)
        if self.device.type == "cpu":  # one canvas at a time, as much of it as is filled: what a cache holds
            calls = [
                (slice(number, number + 1), height, width) for number, (height, width) in enumerate(filled)
            ]
        else:
            calls = [(slice(None), CANVAS_HEIGHT, CANVAS_WIDTH)]
        found = []
        for some, height, width in calls:
            pixels = canvases[some, :, :height, :width].to(torch.float32, memory_format=torch.channels_last)
            logits, features = self.pnet(pixels)  # (B, h, w), (B, h, w, 32)
            at = (logits > _logit(self._thresholds[0])).nonzero().unbind(1)
            owner = owners[some][at]
            inside = owner >= 0
            at = tuple(index[inside] for index in at)
            # (N, 3) canvas, row, column
            cells = torch.stack([at[0] + (some.start or 0), at[1], at[2]], dim=1)
            found.append((cells, owner[inside].long(), logits[at], features[at]))
        cells, owner, logits, features = (torch.cat(parts) for parts in zip(*found, strict=True))
        grid = torch.full(owners.shape, -torch.inf, device=self.device)
        grid[cells.unbind(1)] = logits
        picks = peaks(grid)[cells.unbind(1)]
        place = places[owner[picks]]  # (N, 5)
        windows = _windows(cells[picks], place)
        boxes = squared(shifted(windows, self.pnet.offsets(features[picks])))
        return _best(_Candidates(place[:, 0].long(), boxes, logits[picks]), MOST_CANDIDATES[0])

    def _look(
        self, stage: int, candidates: _Candidates, pyramids: Sequence[Pyramid]
    ) -> tuple[_Candidates, Tensor]:
        """The candidates that pass RNet (stage 1) or ONet (stage 2), with its logit instead of the
        old one, and what else it says of them. Of a crowd of overlapping candidates the best is
        asked first, the others only where its answer leaves room for theirs: a quarter of RNet's
        work and a third of ONet's are saved so, and no face lost."""
        leaders = batched_nms(candidates.boxes, candidates.logits, candidates.photos, CROWD_IOU[stage])
        answers = self._ask(stage, candidates.at(leaders), pyramids)
        other = torch.ones_like(candidates.photos, dtype=torch.bool)
        other[leaders] = False
        others = other.nonzero()[:, 0]
        said = answers[nearest(candidates.boxes, candidates.photos, others, leaders), 0]
        least, most = OPEN_LOGITS[stage]
        others = others[(said > least) & (said < most)]
        answers = torch.cat([answers, self._ask(stage, candidates.at(others), pyramids)])
        candidates = candidates.at(torch.cat([leaders, others]))
        passing = answers[:, 0] > _logit(self._thresholds[stage])
        return candidates.at(passing)._replace(logits=answers[passing, 0]), answers[passing, 1:]

    def _ask(self, stage: int, candidates: _Candidates, pyramids: Sequence[Pyramid]) -> Tensor:
        """The net's answers (N, 5) or (N, 15) about each candidate."""
        net, side = (self.pnet, self.rnet, self.onet)[stage], CROP_PX[stage]
        # the coarsest plane in which the crop has pixels to spare; plane 0, the photo, where none has
        most = max(len(pyramid.scales) for pyramid in pyramids)
        table = torch.tensor(
            [pyramid.scales + [0.0] * (most - len(pyramid.scales)) for pyramid in pyramids],
            device=self.device,
        )
        sides = candidates.boxes[:, 2:3] - candidates.boxes[:, 0:1]  # (N, 1)
        planes = ((table[candidates.photos] * sides >= SPARE * side).sum(dim=1) - 1).clamp(min=0)
        order = (candidates.photos * most + planes).argsort(stable=True)
        crops = self._crops(candidates.at(order), planes[order], pyramids, side)
        count = PIXELS_PER_CALL // side**2 if self.device.type == "cpu" else 4096
        heads: Any = net.heads  # torch knows no types of attributes
        answers = torch.empty(len(crops), heads.out_features, device=self.device)
        for start in range(0, len(crops), count):
            answers[order[start : start + count]] = net(crops[start : start + count])
        return answers

    def _crops(
        self, candidates: _Candidates, planes: Tensor, pyramids: Sequence[Pyramid], side: int
    ) -> Tensor:
        """(N, 3, side, side) float pixels; candidates are sorted by photo and plane."""
        crops = torch.empty(len(planes), side, side, 3, device=self.device)
        steps = (torch.arange(side, device=self.device) + 0.5) / side
        sizes = torch.tensor(
            [[pyramid.width, pyramid.height] for pyramid in pyramids], dtype=torch.float32, device=self.device
        )
        size = sizes[candidates.photos]  # (N, 2)
        # grid_sample's coordinates: -1 to 1 from edge to edge of any plane
        start = candidates.boxes[:, :2] / size * 2 - 1
        extent = (candidates.boxes[:, 2:] - candidates.boxes[:, :2]) / size * 2
        grid = start[:, None] + extent[:, None] * steps[:, None]  # (N, side, 2)
        # (N, side, side, 2)
        grid = torch.stack(torch.broadcast_tensors(grid[:, None, :, 0], grid[:, :, None, 1]), dim=3)
        groups, counts = torch.stack([candidates.photos, planes], dim=1).unique_consecutive(
            dim=0, return_counts=True
        )
        begin = 0
        for (photo, plane), count in zip(groups.tolist(), counts.tolist(), strict=True):
            pixels = pyramids[photo].float_plane(plane)  # (1, 3, h, w)
            flat = grid[begin : begin + count].reshape(1, count * side, side, 2)
            sampled = F.grid_sample(pixels, flat, mode="bilinear", padding_mode="zeros", align_corners=False)
            crops[begin : begin + count] = sampled.view(3, count, side, side).permute(1, 2, 3, 0)
            begin += count
        return crops.permute(0, 3, 1, 2)  # channels last in memory


class Pyramid:
    """One photo at many sizes. `levels` are those PNet looks at, `planes` those crops are cut from:
    the photo itself and the levels. `scales[i]` is plane i's size relative to the photo."""

    def __init__(self, photo: np.ndarray, min_face_px: float, device: torch.device) -> None:
        # channels last
        pixels = torch.from_numpy(np.require(photo, np.uint8, ["C", "W"])).to(device).permute(2, 0, 1)[None]
        if device.type != "cpu":
            pixels = pixels.float()  # only the CPU resizes bytes
        self.height, self.width = photo.shape[:2]
        self.planes, self.scales = [pixels], [1.0]
        scale = WINDOW / min_face_px
        while min(self.height, self.width) * scale >= WINDOW:
            size_hw = (_even(self.height * scale), _even(self.width * scale))
            plane = F.interpolate(self.planes[-1], size=size_hw, mode="bilinear", antialias=True)
            self.planes.append(plane)
            self.scales.append(scale)
            scale *= FACTOR
        self.levels = self.planes[1:]

    def float_plane(self, number: int) -> Tensor:
        """Plane as float, (1, 3, h, w), kept for the next call: all stages cut from the same few."""
        self.planes[number] = self.planes[number].float()
        return self.planes[number]


def _places(pyramids: Sequence[Pyramid], tiles: Sequence[Tile]) -> Tensor:
    """For each tile (T, 5): its photo, what to add to canvas x and y for x and y in the level, and
    the level's scale along x and y."""
    levels = []
    for number, pyramid in enumerate(pyramids):
        for level in pyramid.levels:
            height, width = level.shape[2:]
            levels.append((number, width / pyramid.width, height / pyramid.height))
    rows = []
    for tile in tiles:
        photo, scale_x, scale_y = levels[tile.level]
        rows.append((photo, tile.left - tile.x, tile.top - tile.y, scale_x, scale_y))
    return torch.tensor(rows, dtype=torch.float32)


def _windows(cells: Tensor, places: Tensor) -> Tensor:
    """What PNet cells (N, 3) looked at, in pixels of the photo: (N, 4)."""
    corner = cells[:, [2, 1]] * STRIDE + places[:, 1:3]  # x, y in the level
    scale = places[:, 3:5]
    return torch.cat([corner / scale, (corner + WINDOW) / scale], dim=1)


def _best(candidates: _Candidates, most: int) -> _Candidates:
    """At most so many candidates of each photo, those of the highest logits."""
    if len(candidates.logits) <= most:
        return candidates
    order = candidates.logits.argsort(descending=True)
    order = order[candidates.photos[order].argsort(stable=True)]  # by photo, best first
    photos = candidates.photos[order]
    first = torch.searchsorted(photos, photos)  # where each one's photo begins
    rank = torch.arange(len(order), device=order.device) - first
    return candidates.at(order[rank < most])


def _per_photo(count: int, candidates: _Candidates, points: Tensor) -> list[Faces]:
    photos, boxes = candidates.photos.cpu(), candidates.boxes.cpu()
    scores, points = candidates.logits.sigmoid().cpu(), points.cpu()
    return [
        Faces(boxes[mine], scores[mine], points[mine])
        for mine in (photos == number for number in range(count))
    ]


def _even(length: float) -> int:
    """The nearest even number of pixels, a window at least: the last column of an odd level belongs
    to no window."""
    return max(2 * round(length / 2), WINDOW)


def _logit(probability: float) -> float:
    return math.log(probability / (1 - probability))

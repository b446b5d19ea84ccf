"""Our own Faster R-CNN for everyday things (Ren et al. 2015), made of two trained nets.

    photo -> YOLOX-Nano (Ge et al. 2021) -> proposals, and a first opinion on 80 kinds ---.
      |                                       |                                           v
      '-> EfficientNet-Lite0, pyramid -> RoIAlign -> box head: what people-pets sees -> judge -> answer

The dense heads of the first propose boxes and give each a first opinion. The second net's pyramid
and box head, those of people-pets, look at each proposal (RoIAlign, He et al. 2017). The judge,
which alone is taught anew, weighs both, the scene and the other proposals (attention, as in
relation networks, Hu et al. 2018), and corrects opinion and box. Untaught it corrects nothing: the
answers are the first stage's. Owns the network and its training losses; the reading and writing of
weights is in `everyday`. Must not know where pictures come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models.detection.faster_rcnn import TwoMLPHead
from torchvision.ops import batched_nms, box_iou, generalized_box_iou_loss

from phototag.nets.backbone import MEAN, STD
from phototag.nets.detector.net import HEAD, PYRAMID, NoResize
from phototag.nets.detector.net import Backbone as Pyramid
from phototag.nets.detector.roi_align import BINS, RoIAlign
from phototag.nets.detector.yolox import GREY, WIDTH, Backbone, DenseHeads, Said, decode

HIDDEN = 256
ATTENTION_HEADS = 4
UNSEEN = -5.0  # the first opinion, as a logit, on kinds that the first stage was never taught
SURE = 9.0  # logits are held within this: beyond it a score is 0 or 1 in four digits
STEPS = (10.0, 10.0, 5.0, 5.0)  # of box corrections, as in Fast R-CNN (Girshick 2015)
SAME_PROPOSAL = 0.7  # IoU, as in Ren et al.
# The second net looks at the photo this much smaller: both together take no longer than people-pets.
SMALLER = 0.85


class Evidence(NamedTuple):
    """What is known of the best P boxes of each of B photos: `boxes` (B, P, 4) in pixels; `real`
    (B, P) bool, because photos with fewer are filled up; `objectness` (B, P) and `kinds` (B, P, K),
    the first stage's logits; `features` (B, P, F), what both nets see there; `scene` (B, S), what
    the first sees of the whole photo."""

    boxes: torch.Tensor
    real: torch.Tensor
    objectness: torch.Tensor
    kinds: torch.Tensor
    features: torch.Tensor
    scene: torch.Tensor

    def opinion(self) -> torch.Tensor:
        """The first stage's scores, objectness times kind, as logits (B, P, K)."""
        scores = self.objectness.sigmoid().unsqueeze(2) * self.kinds.sigmoid()
        return torch.logit(scores, 1e-4).clamp(-SURE, SURE)


class Rpn(nn.Module):
    """The dense heads as region proposal network."""

    def __init__(self, head: DenseHeads, first: int = 300, count: int = 100, least: float = 0.003) -> None:
        """Of the `first` best cells of a photo with a score of at least `least`, the `count` best
        that are no doubles."""
        super().__init__()
        self.head, self.first, self.count, self.least = head, first, count, least

    def propose(
        self, said: Said, size_hw: tuple[int, int]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """-> boxes within the picture (B, P, 4), which of them are real (B, P), and the cells that
        said them (B, P)."""
        best, kind = said.kinds.max(2)  # (B, N)
        scores = said.objectness.sigmoid() * best.sigmoid()
        edge = torch.tensor([size_hw[1], size_hw[0]] * 2, device=scores.device)
        chosen = []
        for boxes, score, label in zip(said.boxes, scores, kind, strict=True):
            value, index = score.topk(min(self.first, len(score)))
            index = index[value >= self.least]
            inside = torch.minimum(boxes[index].clamp_min(0), edge)
            large = (inside[:, 2:] - inside[:, :2]).amin(1) >= 2
            inside, index = inside[large], index[large]
            keep = batched_nms(inside, score[index], label[index], SAME_PROPOSAL)[: self.count]
            chosen.append((inside[keep], index[keep]))
        most = max(1, max(len(index) for _, index in chosen))
        real = torch.stack([torch.arange(most, device=scores.device) < len(index) for _, index in chosen])
        boxes = torch.stack([F.pad(inside, (0, 0, 0, most - len(inside))) for inside, _ in chosen])
        return boxes, real, torch.stack([F.pad(index, (0, most - len(index))) for _, index in chosen])


class Mixing(nn.Module):
    """One pre-norm transformer block (Vaswani et al. 2017) over the proposals of a photo; at first
    it changes nothing."""

    def __init__(self, channels: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, nn.Dropout(dropout)
        self.norm, self.ask = nn.LayerNorm(channels), nn.Linear(channels, 3 * channels)
        self.answer = nn.Linear(channels, channels)
        narrow = nn.Linear(2 * channels, channels)
        self.think = nn.Sequential(
            nn.LayerNorm(channels), nn.Linear(channels, 2 * channels), nn.GELU(), narrow
        )
        for last in (self.answer, narrow):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, x: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """(B, P, C) and which of them are real (B, P) -> (B, P, C)."""
        batch, count, channels = x.shape
        parts = self.ask(self.norm(x)).view(batch, count, 3, self.heads, channels // self.heads)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)  # (B, heads, P, C / heads) each
        mixed = F.scaled_dot_product_attention(queries, keys, values, attn_mask=real[:, None, None])
        x = x + self.dropout(self.answer(mixed.transpose(1, 2).reshape(batch, count, channels)))
        return x + self.dropout(self.think(x))


class RoIHeads(nn.Module):
    """The second stage: what people-pets sees in a box, and the judge. `taught`: how many of the
    kinds the first stage knows, the first ones. `judged` (K,) bool: the kinds that people labelled
    for the judge; of the others it says nothing, and the first stage's opinion and box hold. Scores
    below `score_thresh` are not answered; doubles are left to `phototag.nets.detector.suppress`."""

    def __init__(self, kinds: int, taught: int, cell: int, scene: int, seen: int, hidden: int) -> None:
        """`cell`, `scene`: channels of the first stage's features of a cell and of a photo; `seen`:
        outputs of people-pets."""
        super().__init__()
        self.score_thresh, self.nms_thresh, self.detections_per_img = 0.02, 1.0, 400
        self.taught, self.count = taught, kinds
        self.pool = RoIAlign()
        self.box_head, self.seen = TwoMLPHead(PYRAMID * BINS * BINS, HEAD), nn.Linear(HEAD, seen)
        features = HEAD + seen + cell
        self.norm, self.features = nn.LayerNorm(features), nn.Linear(features, hidden)
        self.facts, self.scene = nn.Linear(taught + 7 + seen, hidden), nn.Linear(scene, hidden)
        self.dropout = nn.Dropout(0.2)
        self.deeper = nn.Linear(hidden, hidden)
        self.mix = Mixing(hidden, ATTENTION_HEADS, 0.1)
        self.kinds, self.edges = nn.Linear(hidden, kinds), nn.Linear(hidden, 4)
        self.judged: torch.Tensor
        self.register_buffer("judged", torch.ones(kinds, dtype=torch.bool))
        for last in (self.kinds, self.edges):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def judge_parts(self) -> list[nn.Module]:
        """What is taught; the rest is people-pets'."""
        return [
            self.norm,
            self.features,
            self.facts,
            self.scene,
            self.deeper,
            self.mix,
            self.kinds,
            self.edges,
        ]

    def look(
        self, maps: dict[str, torch.Tensor], boxes: torch.Tensor, size_hw: tuple[int, int]
    ) -> torch.Tensor:
        """The pyramid's maps and boxes (B, P, 4) in its pixels -> (B, P, 512 + outputs)."""
        cells = self.pool(maps, list(boxes), [size_hw] * len(boxes))  # (B * P, C, 7, 7)
        hidden = self.box_head(cells.to(self.seen.weight.dtype))
        return torch.cat([hidden, self.seen(hidden)], 1).float().view(*boxes.shape[:2], -1)

    def forward(self, known: Evidence, size_hw: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
        """-> logits (B, P, K) and corrected boxes (B, P, 4) in pixels."""
        x = self.features(self.dropout(self.norm(known.features))) + self.scene(known.scene).unsqueeze(1)
        x = F.silu(x + self.facts(self._facts(known, size_hw)))
        x = F.silu(self.deeper(self.dropout(x)))
        first = torch.arange(x.shape[1], device=x.device) == 0  # attention needs one at least
        x = self.mix(x, known.real | first)
        opinion = F.pad(known.opinion(), (0, self.count - self.taught), value=UNSEEN)
        return opinion + self.kinds(x), _moved(known.boxes, self.edges(x))

    def _facts(self, known: Evidence, size_hw: tuple[int, int]) -> torch.Tensor:
        """What both nets said, and where the box is and how large, as numbers near one: (B, P, K + 7 +
        outputs of people-pets)."""
        edge = torch.tensor([size_hw[1], size_hw[0]] * 2, device=known.boxes.device)
        share = known.boxes / edge
        sides = (share[..., 2:] - share[..., :2]).clamp_min(1e-3).log() / 3
        logits = torch.cat([known.objectness.unsqueeze(2), known.kinds], 2).clamp(-12, 12) / 4
        seen = known.features[..., HEAD : HEAD + self.seen.out_features].log_softmax(2).clamp_min(-12) / 4
        return torch.cat([share, sides, logits, seen], 2)

    def answer(
        self, logits: torch.Tensor, boxes: torch.Tensor, proposed: torch.Tensor, size_hw: tuple[int, int]
    ) -> dict[str, torch.Tensor]:
        """Of one photo's P boxes: logits (P, K), boxes (P, 4) and as they were proposed (P, 4) ->
        boxes (N, 4), labels (N,) from 1, scores (N,), best first."""
        scores = logits.sigmoid()
        index, kind = (scores >= self.score_thresh).nonzero(as_tuple=True)
        values, order = scores[index, kind].sort(descending=True, stable=True)
        order = order[: self.detections_per_img]
        index, kind = index[order], kind[order]
        chosen = torch.where(self.judged[kind].unsqueeze(1), boxes[index], proposed[index])
        height, width = size_hw
        inside = torch.minimum(chosen.clamp_min(0), boxes.new_tensor([width, height] * 2))
        return {"boxes": inside, "labels": kind + 1, "scores": values[: len(order)]}


def _moved(boxes: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
    """Boxes (..., 4) corrected by steps (..., 4) of their centre and log size."""
    steps = steps / steps.new_tensor(STEPS)
    centre, sides = (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]
    centre = centre + steps[..., :2] * sides
    sides = sides * steps[..., 2:].clamp(-1, 1).exp()
    return torch.cat([centre - sides / 2, centre + sides / 2], -1)


class TwoStage(nn.Module):
    """Called with pictures (3, H, W) of 0 to 1 that fill up to the same multiple of 32, it answers
    as torchvision's detectors do. `kinds`: how many there are; the first `taught` are YOLOX's.
    `seen`: outputs of people-pets, its background included."""

    def __init__(
        self, kinds: int = 80, taught: int = 80, seen: int = 21, width: int = WIDTH, hidden: int = HIDDEN
    ) -> None:
        super().__init__()
        self.backbone = Backbone(width)
        self.rpn = Rpn(DenseHeads(self.backbone.channels, 4 * width, taught))
        self.pyramid = Pyramid()
        self.pyramid.freeze()
        self.roi_heads = RoIHeads(kinds, taught, 8 * width, self.backbone.channels[-1], seen, hidden)
        self.transform = NoResize(0, 0, [0.0] * 3, [1.0] * 3)  # pictures are given as they are looked at

    def evidence(self, images: torch.Tensor) -> Evidence:
        """(B, 3, H, W) -> proposals, and what both nets see of them."""
        dtype = self.backbone.stem.conv.weight.dtype
        maps = self.backbone(images.to(dtype))
        offsets, objectness, kinds, kind_maps, box_maps = self.rpn.head(maps)
        said = decode(offsets, objectness, kinds)
        boxes, real, cells = self.rpn.propose(said, size_of(images))
        levels = [torch.cat(pair, 1).flatten(2) for pair in zip(kind_maps, box_maps, strict=True)]
        features = torch.cat(levels, 2).float()  # (B, 2C, N)
        cell = features.gather(2, cells.unsqueeze(1).expand(-1, features.shape[1], -1)).transpose(1, 2)
        small, share = _smaller(images)
        looked = {name: level.float() for name, level in self.pyramid(small.to(dtype)).items()}
        seen = self.roi_heads.look(looked, boxes * share, size_of(small))
        return Evidence(
            boxes,
            real,
            said.objectness.gather(1, cells),
            said.kinds.gather(1, cells.unsqueeze(2).expand(-1, -1, said.kinds.shape[2])),
            torch.cat([seen, cell], 2),
            maps[-1].float().mean((2, 3)),
        )

    def forward(self, images: Sequence[torch.Tensor]) -> list[dict[str, torch.Tensor]]:
        canvas = filled_up(images)
        known = self.evidence(canvas)
        logits, boxes = self.roi_heads(known, size_of(canvas))
        return [
            self.roi_heads.answer(logits[i][real], boxes[i][real], known.boxes[i][real], size_of(image))
            for i, (image, real) in enumerate(zip(images, known.real, strict=True))
        ]


def size_of(images: torch.Tensor) -> tuple[int, int]:
    """Height and width of pictures (..., H, W)."""
    return images.shape[-2], images.shape[-1]


def _smaller(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures as people-pets looks at them (B, 3, h, w), and by how much their pixels are fewer:
    (4,) for boxes."""
    height, width = (max(32, round(side * SMALLER)) for side in images.shape[-2:])
    small = F.interpolate(images, (height, width), mode="bilinear", antialias=True, align_corners=False)
    down, across = height / images.shape[-2], width / images.shape[-1]
    return (small - MEAN[0]) / STD[0], images.new_tensor([across, down, across, down])


def filled_up(images: Sequence[torch.Tensor]) -> torch.Tensor:
    """Pictures (3, H, W) -> (B, 3, H', W') with grey at the right and at the bottom, to multiples of 32."""
    high, wide = (-(-max(image.shape[side] for image in images) // 32) * 32 for side in (1, 2))
    padded = [
        F.pad(image, (0, wide - image.shape[2], 0, high - image.shape[1]), value=GREY) for image in images
    ]
    return torch.stack(padded).contiguous(memory_format=torch.channels_last)


class Truth(NamedTuple):
    """What is in one training view: `boxes` (G, 4), `labels` (G,) from 0, `ignored` (G,) bool:
    neither right nor wrong."""

    boxes: torch.Tensor
    labels: torch.Tensor
    ignored: torch.Tensor


def losses(
    logits: torch.Tensor, boxes: torch.Tensor, known: Evidence, truths: Sequence[Truth], judged: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Of the second stage's answers on the kinds `judged` (K,) bool: `kinds`, binary cross-entropy
    against how well the corrected box fits a thing of that kind (0 at IoU 0.4, 1 from 0.7 on), and
    `boxes`, generalised IoU (Rezatofighi et al. 2019); both per box that fits a thing."""
    kind_loss, box_loss, fitting = logits.new_zeros(()), logits.new_zeros(()), 0.0
    for i, truth in enumerate(truths):
        real = known.real[i]
        said, corrected, before = logits[i][real], boxes[i][real], known.boxes[i][real]
        target, counts = torch.zeros_like(said), judged.expand_as(said)
        if len(truth.labels) and len(said):
            overlap = torch.maximum(
                box_iou(corrected.detach(), truth.boxes), box_iou(before, truth.boxes)
            )  # (P, G)
            fit = ((overlap - 0.4) / 0.3).clamp(0, 1)
            labels = truth.labels.expand(len(said), -1)
            target = target.scatter_reduce(1, labels, fit * ~truth.ignored, "amax")
            doubtful = torch.zeros_like(said).scatter_reduce(
                1, labels, (overlap >= 0.4).to(said.dtype) * truth.ignored, "amax"
            )
            counts = judged & ((doubtful == 0) | (target > 0))
            certain = ~truth.ignored
            if certain.any():
                best, which = box_iou(before, truth.boxes[certain]).max(1)
                near = best >= 0.5
                wanted = truth.boxes[certain][which[near]]
                box_loss = box_loss + generalized_box_iou_loss(corrected[near], wanted, reduction="sum")
                fitting += float(near.sum())
        kind_loss = (
            kind_loss + (F.binary_cross_entropy_with_logits(said, target, reduction="none") * counts).sum()
        )
    return {"kinds": kind_loss / max(1.0, fitting), "boxes": 2 * box_loss / max(1.0, fitting)}

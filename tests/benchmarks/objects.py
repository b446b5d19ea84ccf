"""The detectors of things beside torchvision's Faster R-CNN as it comes, eager and one by one: the
same weights, the same preprocessing, photos of many shapes; our batches, memory layout and RoIAlign
against its own.

    python -m tests.benchmarks objects

And everyday, which ships, beside people-pets, which shipped before, and torchvision's smallest,
fasterrcnn_mobilenet_v3_large_320_fpn, on the same photos in the same run; and photos of all shapes
beside photos that are all alike. A torchvision net whose weights are not here runs with random
numbers: it proposes about as much and takes as long. Photos are decoded and shrunk to the program's
working size beforehand. One core."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial

import numpy as np
import timm
import torch
from torch import nn
from torchvision.models.detection import FasterRCNN
from torchvision.ops import MultiScaleRoIAlign

from phototag.nets import backbone
from phototag.nets.detector import checkpoint, predict
from phototag.nets.detector import net as compact
from phototag.nets.detector.predict import Detector, Found, resized, working_size
from phototag.nets.detector.roi_align import BINS, SAMPLES
from phototag.reading.decode import open_photo
from phototag.taggers import objects
from phototag.taggers.table import WORKING_SIDE
from phototag.weights import store
from tests.benchmarks import Figure, Plan, alternate, photos, ratio, tell, tell_ratio

# detector -> how many; coco-mobile takes a second for each
PHOTOS = {"people-pets": 12, "coco-mobile-320": 12, "coco-mobile": 4}


def figures(plan: Plan = Plan()) -> list[Figure]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _figures(plan)
    finally:
        torch.set_num_threads(threads)


def _figures(plan: Plan) -> list[Figure]:
    files = sorted(photos.folder(plan.cache, "12mp").iterdir())
    every = [
        open_photo(file, working_side=WORKING_SIDE).pixels
        for file in files[: plan.photos or max(PHOTOS.values())]
    ]
    nets = {name: net_of(name) for name in PHOTOS}
    detectors = {name: detector_of(name, net) for name, net in nets.items()}
    found = []
    for name, count in PHOTOS.items():
        ours, theirs, pictures = detectors[name], OneByOne(nets[name], detectors[name]), every[:count]
        sides = alternate(partial(theirs, pictures), partial(ours, pictures), plan.rounds)
        found.append(ratio(f"objects, {name}, torchvision one by one / ours", sides, 1.5, "higher"))
        if store.present(name):
            found += likeness(name, ours(pictures), theirs(pictures))
    ours = objects.detector("everyday")
    sides = alternate(partial(ours, every), partial(detectors["people-pets"], every), plan.rounds)
    found.append(ratio("objects, everyday / people-pets", sides, 1.0))
    sides = alternate(partial(ours, every), partial(detectors["coco-mobile-320"], every), plan.rounds)
    tell_ratio("objects, everyday / coco-mobile-320", sides)
    tell(f"objects, everyday: {sides[0].cpu / len(every) * 1000:.1f} ms CPU per photo")
    mixed = [
        picture if i % 2 else np.ascontiguousarray(picture.transpose(1, 0, 2))
        for i, picture in enumerate(every[:4])
    ]
    sides = alternate(
        partial(ours, mixed), lambda: [ours([picture] * len(mixed)) for picture in mixed], plan.rounds
    )
    # the right side looks at every photo as often as there are photos, each time in a batch of its own size
    whole = ratio("objects, mixed-size batch / same-size batches, per photo", sides, 1.1)
    return [*found, dataclasses.replace(whole, value=whole.value * len(mixed))]


def net_of(name: str) -> FasterRCNN:
    """The named net as torchvision builds it; with random numbers where its weights are not here."""
    if name == "people-pets":
        net, settings = checkpoint.load(store.checked(name))
        pool = net.roi_heads.box_roi_pool
        own = MultiScaleRoIAlign(
            pool.featmap_names,
            BINS,
            SAMPLES,
            canonical_scale=pool.canonical_scale,
            canonical_level=pool.canonical_level,
        )
        plain = compact.build(settings.labels, box_roi_pool=own, box_score_thresh=objects.FLOOR)
        plain.load_state_dict(net.state_dict())
        plain.backbone = AsBuilt(plain.backbone)
        return plain.eval()
    torch.manual_seed(0)
    net = objects.torchvisions(name).eval()
    if store.present(name):
        net.load_state_dict(torch.load(store.checked(name), map_location="cpu", weights_only=True))
    else:
        tell(f"{name}: no weights here, random numbers instead")
    return net


def detector_of(name: str, net: FasterRCNN) -> Detector:
    return objects.detector(name) if store.present(name) else objects.quick(name, net, [None] * 91)


class AsBuilt(nn.Module):
    """Our backbone as timm and torchvision build one, like the nets of the other names:
    convolutions and batch norms apart, no memory layout asked for. Ours learns with both already
    joined and channels last."""

    def __init__(self, ours: compact.Backbone) -> None:
        super().__init__()
        self.body = timm.create_model(backbone.BACKBONE, features_only=True, out_indices=(2, 3, 4))
        self.fpn, self.out_channels = ours.fpn, ours.out_channels
        joined = dict(ours.body.named_modules())
        for name, part in self.body.named_modules():
            if isinstance(part, nn.Conv2d):
                conv = joined[name]
                part.weight.data = conv.weight.data.clone()
            elif isinstance(part, nn.BatchNorm2d):  # that of the convolution before it
                part.weight.data, part.bias.data = conv.scale.clone(), conv.shift.clone()
                part.running_mean, part.running_var = (
                    torch.zeros_like(conv.shift),
                    torch.full_like(conv.shift, 1 - part.eps),
                )

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        return self.fpn({str(i): level for i, level in enumerate(self.body(images))})


class OneByOne:
    """The same numbers in the net as torchvision builds it and runs it: contiguous, its own
    RoIAlign, a photo at a time."""

    def __init__(self, net: FasterRCNN, ours: Detector) -> None:
        self._ours, self._net = ours, predict.disable_nms(net) if ours.merge else net
        # no second resizing
        self._net.transform = compact.NoResize(0, 0, net.transform.image_mean, net.transform.image_std)

    @torch.inference_mode()
    def __call__(self, pictures: Sequence[np.ndarray]) -> list[Found]:
        found = []
        for picture in pictures:
            size = working_size(
                picture.shape[1], picture.shape[0], self._ours.short_side, self._ours.long_side
            )
            (answer,) = self._net([resized(picture, size)])
            found.append(self._ours._read(answer, size[::-1]))
        return found


def likeness(name: str, ours: list[Found], theirs: list[Found]) -> list[Figure]:
    """How far the two disagree on the same photos: over all of torchvision's boxes, ours of the
    same label with the best IoU."""
    overlaps, differences = [], []
    for mine, other in zip(ours, theirs, strict=True):
        for box, label, score in zip(other.boxes, other.labels, other.scores, strict=True):
            mine_of_it = zip(mine.boxes, mine.labels, mine.scores, strict=True)
            same = [(_iou(box, b), abs(s - score)) for b, word, s in mine_of_it if word == label]
            overlap, difference = max(same, default=(0.0, 1.0))
            overlaps.append(overlap)
            differences.append(difference)
    tell(f"{name}: {len(overlaps)} boxes of torchvision, {sum(len(one.labels) for one in ours)} of ours")
    return [
        Figure(
            f"objects, {name}, least IoU of ours with torchvision's boxes",
            min(overlaps, default=1.0),
            0.99,
            "",
            "higher",
        ),
        Figure(
            f"objects, {name}, greatest difference of scores", float(max(differences, default=0.0)), 0.01, ""
        ),
    ]


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    inner = np.clip(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0, None).prod()
    return float(inner / ((one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod() - inner))

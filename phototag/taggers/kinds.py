"""The `kinds` tagger: what the whole photo is of, in plain words, by ImageNet's 1,000 classes.

The photo goes whole, in its own proportions, through EfficientNet-Lite0 (Tan & Le 2019, the Lite
variant) with its ImageNet weights; the probabilities of the classes behind a word (kinds.toml) are
summed; a word is given only where the sum reaches the word's threshold. Better no word than a wrong
one."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from torchvision.models import EfficientNet_B0_Weights

from phototag.errors import WeightsError
from phototag.nets.backbone import BACKBONE, MEAN, STD, imagenet_state
from phototag.nets.device import half_precision, halving, pick_device, send
from phototag.nets.inference import optimize_for_inference
from phototag.nets.pixels import shrunk
from phototag.query import vocabulary
from phototag.records import Frame, Tag

WORDS_FILE = Path(__file__).with_name("kinds.toml")
# What a photo is looked at, width and height: as cameras make them (1:1, 4:3, 3:2, 16:9) and for
# panoramas, each about the 224 * 224 pixels the net was trained on. So few that mixed photos still
# share batches; multiples of 16, for fewer filters that hang over the edges. 256 * 256 pixels find
# a little more in nearly half as much time again.
SHAPES = ((224, 224), (256, 192), (272, 176), (288, 160), (320, 144), (384, 128))
BATCH = 16
# Of the softmax: a whole photo is less bold an answer than the cut-out middle the net was trained
# on. 0.6 is about the best for recall at 95 % precision on validation photos of animals.
TEMPERATURE = 0.6


@dataclass(frozen=True)
class Words:
    """`classes[word]`: the ImageNet classes (0 to 999) whose probabilities are summed;
    `thresholds[word]`: the sum it takes."""

    classes: Mapping[str, tuple[int, ...]]
    thresholds: Mapping[str, float]


@cache
def words(path: Path = WORDS_FILE) -> Words:
    """Read the words file. Raises WeightsError naming the word that cannot be understood."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        limits: dict[str, Any] = dict(document["thresholds"])
        default, of_parts = limits.pop("default"), limits.pop("parts", {})
        parts: dict[str, dict[str, list[str]]] = document["words"]
        members = {word: listed for part in parts.values() for word, listed in part.items()}
    except (OSError, AttributeError, KeyError, tomllib.TOMLDecodeError) as error:
        raise WeightsError(f"{path}: cannot be read as a words file ({error})") from error
    names = EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"]
    number = {name: i for i, name in enumerate(names)}
    classes: dict[str, tuple[int, ...]] = {}
    for word, listed in members.items():
        picked: list[int] = []
        for name in listed:
            first, _, last = name.partition(" .. ")
            for edge in (first, last or first):
                if edge not in number:
                    raise WeightsError(f"{path}: {word!r} names {edge!r}, which is no ImageNet class")
            picked += range(number[first], number[last or first] + 1)
        classes[word] = tuple(sorted(set(picked)))
    for word in document["broader"]:
        below = (vocabulary.expand(word) or set()) & members.keys()
        if not below:
            raise WeightsError(f"{path}: the broader word {word!r} contains no word of the file")
        classes[word] = tuple(
            sorted({i for narrow in below for i in classes[narrow]} | set(classes.get(word, ())))
        )
    for kind, given, known in (("word", limits, classes), ("part", of_parts, parts)):
        for name in given:
            if name not in known:
                raise WeightsError(
                    f"{path}: a threshold is given for {name!r}, which is no {kind} of the file"
                )
    of_part = {word: of_parts[part] for part in of_parts for word in parts[part]}
    return Words(classes, {word: float((of_part | limits).get(word, default)) for word in classes})


def canvas(width: int, height: int) -> tuple[int, int]:
    """The (width, height) a photo is looked at: of SHAPES, upright for upright photos, the one
    nearest to its proportions."""
    long, short = max(width, height), min(width, height)
    shape = min(SHAPES, key=lambda shape: abs(math.log(shape[0] / shape[1] * short / long)))
    return shape if width >= height else shape[::-1]


class Kinds:
    """A batch of frames in, for each the words whose probability is high enough, likeliest first."""

    def __init__(self, device: str | torch.device = "cpu", said: Words | None = None) -> None:
        self.said = said or words()
        self.names = tuple(self.said.classes)
        self.limits = np.array([self.said.thresholds[name] for name in self.names])
        self.device = pick_device(device) if isinstance(device, str) else device
        self.dtype = half_precision(self.device)
        net = timm.create_model(BACKBONE)
        net.load_state_dict(imagenet_state())
        self.net = optimize_for_inference(net, self.device)
        if self.dtype is not None:  # once; autocast would cast the weights again for every batch
            self.net.to(self.dtype)
        self.gather = torch.zeros(1000, len(self.said.classes))
        for column, members in enumerate(self.said.classes.values()):
            self.gather[list(members), column] = 1
        self.gather = self.gather.to(self.device)

    def __call__(self, frames: Sequence[Frame]) -> list[list[Tag]]:
        return [self._tags(sums) for sums in self.sums([frame.pixels for frame in frames])]

    @torch.inference_mode()
    def sums(self, pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
        """(H, W, 3) uint8 each -> the probability of every word, in the order of `said.classes`."""
        alike: dict[tuple[int, int], list[int]] = {}
        for i, picture in enumerate(pictures):
            alike.setdefault(canvas(picture.shape[1], picture.shape[0]), []).append(i)
        answers: dict[int, np.ndarray] = {}
        for size_wh, group in alike.items():
            for first in range(0, len(group), BATCH):
                part = group[first : first + BATCH]
                answers |= zip(
                    part, halving(self._ask, [shrunk(pictures[i], size_wh) for i in part]), strict=True
                )
        return [answers[i] for i in range(len(pictures))]

    def _ask(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        # (B, 3, h, w), channels last
        batch = send(torch.from_numpy(np.stack(images)), self.device).permute(0, 3, 1, 2)
        # half precision has 0 to 255 exactly
        batch = batch.to(self.dtype or torch.float32).sub_(MEAN[0] * 255).div_(STD[0] * 255)
        logits = self.net(batch)  # (B, 1000)
        return list(((logits.float() / TEMPERATURE).softmax(1) @ self.gather).cpu().numpy())

    def _tags(self, sums: np.ndarray) -> list[Tag]:
        over = np.flatnonzero(sums >= self.limits)
        scored = [(self.names[i], odds(float(sums[i]), float(self.limits[i]))) for i in over]
        return sorted((Tag(word, score) for word, score in scored), key=attrgetter("score"), reverse=True)


def odds(probability: float, threshold: float) -> float:
    """The probability with its odds divided by the threshold's: one half at the threshold, whatever
    that is, so that scores of different words can be compared and asked for alike."""
    probability = min(max(probability, 0.0), 1.0)
    for_it, against = probability * (1 - threshold), (1 - probability) * threshold
    return for_it / (for_it + against)


def load(device: str, options: Mapping[str, Any]) -> Kinds:
    """The tagger for the table. Raises WeightsError when the ImageNet weights are not installed."""
    return Kinds(device)

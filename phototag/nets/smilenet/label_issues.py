"""Which labels of a set of faces are likely wrong: confident learning (Northcutt, Jiang & Chuang 2021).

A classifier that never saw a face says how likely each label is. Of every label the mean of what it
says of that label's own faces is what it takes to be confidently that. A face that is confidently
something else than its label is an issue: to be looked at, or left out.

The classifier is a linear one on SmileNet's features, taught on four fifths of the persons and asked of
the last fifth. The features themselves may have been learned with some of these labels: that makes the
classifier agree with them too often, so it finds too few issues rather than too many."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from phototag.errors import PhototagError
from phototag.inputs import read_input_text
from phototag.nets.smilenet.data import FaceSet
from phototag.nets.smilenet.labels import EMOTIONS
from phototag.nets.smilenet.net import SmileNet

FOLDS = 5
WEIGHT_DECAY = 1e-3  # of the linear classifier; features are scaled to spread 1
STEPS = 60  # of L-BFGS: it has settled long before


def find_issues(net: SmileNet, faces: FaceSet, size: int) -> Tensor:
    """(N,) bool: of which faces the label is likely wrong. `net` not fused; `size`: the side it was
    trained on. Raises PhototagError where there are too few persons."""
    if len(set(faces.persons)) < 2 * FOLDS:
        raise PhototagError(f"to judge labels, faces of at least {2 * FOLDS} persons are needed")
    labels = faces.emotions.argmax(1)
    return confident_issues(out_of_sample(features(net, faces.images, size), labels, faces.persons), labels)


def confident_issues(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Out-of-sample probabilities (N, K) and labels (N,) -> (N,) bool: those confidently something else."""
    thresholds = torch.full((probabilities.shape[1],), torch.inf)
    for label in labels.unique().tolist():
        thresholds[label] = probabilities[labels == label, label].mean()
    confident = probabilities.masked_fill(probabilities < thresholds, -1)
    best = confident.max(1)
    return (best.values > 0) & (best.indices != labels)


def out_of_sample(features: Tensor, labels: Tensor, persons: list[str]) -> Tensor:
    """What classifiers that never saw a face's person say of it: features (N, D) -> probabilities (N, K)."""
    fold = torch.tensor([_fold(person) for person in persons])
    scaled = (features - features.mean(0)) / features.std(0).clamp_min(1e-3)
    found = torch.zeros(len(labels), len(EMOTIONS))
    for number in range(FOLDS):
        aside = fold == number
        weight = _fit(scaled[~aside], labels[~aside])
        found[aside] = (_with_one(scaled[aside]) @ weight).softmax(1)
    return found


@torch.inference_mode()
def features(net: SmileNet, images: Tensor, size: int, batch: int = 64) -> Tensor:
    """(N, S, S) uint8 -> what SmileNet's heads see of each face, (N, 1280)."""
    from phototag.nets.smilenet.crop import normalise

    found = []
    for part in images.split(batch):
        views = normalise(part)
        if views.shape[-1] != size:
            views = F.interpolate(views, (size, size), mode="bilinear", antialias=True)
        found.append(net.backbone(views))
    return torch.cat(found)


def _fold(person: str) -> int:
    return int(hashlib.sha256(f"fold {person}".encode()).hexdigest()[:8], 16) % FOLDS


def _with_one(features: Tensor) -> Tensor:
    return F.pad(features, (0, 1), value=1.0)


def _fit(features: Tensor, labels: Tensor) -> Tensor:
    """The weights (D + 1, K) of a linear classifier; its last row is the bias."""
    inputs = _with_one(features)
    weight = torch.zeros(inputs.shape[1], len(EMOTIONS), requires_grad=True)
    optimiser = torch.optim.LBFGS([weight], max_iter=STEPS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = F.cross_entropy(inputs @ weight, labels) + WEIGHT_DECAY * weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return weight.detach()


def read_hashes(file: Path) -> frozenset[str]:
    """SHA-256 hashes, one a line, whatever stands behind them; lines that begin with # say something to
    people. Raises PhototagError."""
    found = set()
    try:
        lines = read_input_text(file).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PhototagError(f"{file}: cannot be read as a list of hashes ({error})") from error
    for number, line in enumerate(lines, 1):
        word = line.split("#")[0].split()[:1]
        if word and (len(word[0]) != 64 or set(word[0]) - set("0123456789abcdef")):
            raise PhototagError(f"{file}, line {number}: {word[0]!r} is no SHA-256 hash of a picture")
        found.update(word)
    return frozenset(found)

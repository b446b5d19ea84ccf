"""Teaching the compact detector: views of growing size, averaged weights, a checkpoint every epoch.

Owns the training loop and its files (checkpoint.pt, log.csv, curves.png, detector.safetensors in
the output folder). An epoch's randomness depends on the seed and the epoch's number alone, so an
interrupted training resumes to the same numbers."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torchvision.models.detection import FasterRCNN

from phototag.errors import PhototagError
from phototag.nets.detector import data, evaluate
from phototag.nets.detector.checkpoint import Settings, read_weights, save
from phototag.nets.detector.net import build
from phototag.nets.detector.predict import Detector, halve_inside
from phototag.nets.training import Run, average, format_metrics, ignore_progress, one_cycle, report_nothing


@dataclass(frozen=True)
class Plan:
    """Everything that decides the outcome, beside the data."""

    epochs: int = 16
    batch: int = 4
    head_rate: float = 4e-4
    body_rate: float = 1e-4  # ImageNet's filters are nearly right already
    weight_decay: float = 0.02
    average: float = 0.998  # EMA decay per step: the last 500 steps, most of an epoch
    # short side of the views; small ones are cheap while everything is still to be learned
    first_size: int = 224
    size: int = 320
    jitter: tuple[float, ...] = (0.85, 1.0, 1.15)  # of the size, from batch to batch
    mosaic: float = 0.35
    whole_epochs: int = 2  # the last ones, without mosaics: photos as they are asked about later
    seed: int = 2012
    bf16: bool = True

    def size_of(self, epoch: int) -> int:
        """Grows to the full size over the first half of the training."""
        grown = self.first_size + (self.size - self.first_size) * min(1.0, epoch / max(1, self.epochs / 2))
        return int(grown) // 32 * 32

    def views_of(self, epoch: int) -> data.Views:
        last = epoch >= self.epochs - self.whole_epochs
        return data.Views(mosaic=0.0, zoom=(0.8, 1.5)) if last else data.Views(mosaic=self.mosaic)


def train(
    training: data.Photos,
    validation: data.Photos | None,
    out: Path,
    plan: Plan = Plan(),
    start_from: Path | None = None,
    report: Callable[[str], None] = report_nothing,
    progress: Callable[[int, int], None] = ignore_progress,
) -> Path:
    """Train and return the path of the safetensors file. `start_from`: weights of the compact
    detector to go on from instead of ImageNet's; labels of the same name keep what they know. A
    `checkpoint.pt` in `out` is resumed, and refused when its plan differs. `validation` is measured
    after every epoch and decides nothing: the last epoch's averaged weights are kept."""
    if len(training) < plan.batch:
        raise PhototagError(f"training needs at least {plan.batch} photos, one batch")
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(plan.seed)
    labels = training.names
    net = build(labels, imagenet=start_from is None)
    if start_from is not None:
        _adopt(net, labels, start_from)
    net = net.to(memory_format=torch.channels_last)
    averaged = copy.deepcopy(net).eval()
    if plan.bf16:
        halve_inside(net, "cpu", torch.bfloat16)
    groups = _groups(net, plan)
    optimiser = torch.optim.AdamW(groups)
    steps_per_epoch = len(training) // plan.batch
    total_steps = steps_per_epoch * plan.epochs
    settings = Settings(labels, plan.size, round(plan.size * 1.6))

    run = Run(out, plan, labels)
    history = run.resume(net, averaged, optimiser)
    if history:
        report(f"resuming after epoch {len(history)} of {plan.epochs}")

    for epoch in range(len(history), plan.epochs):
        began = time.monotonic()
        torch.manual_seed(plan.seed * 1000 + epoch)  # torchvision's samplers draw from the global one
        net.train()
        sums: dict[str, float] = {}
        batches = _batches(training, plan.batch, np.random.default_rng((plan.seed, epoch)))
        for step, picked in enumerate(batches):
            done = epoch * steps_per_epoch + step
            share = one_cycle(done, total_steps, 0.05, 0.01)
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * share
            images, targets = _batch(training, picked, epoch, step, plan)
            losses = net(images, targets)
            loss = sum(losses.values())
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimiser.step()
            average(averaged, net, plan.average, done + 1)
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach())
            progress(done + 1, total_steps)
        row: dict[str, float] = {"epoch": epoch + 1, "size": plan.size_of(epoch)}
        row |= {name: value / steps_per_epoch for name, value in sums.items()}
        if validation is not None:
            row |= _validate(averaged, validation, settings)
        row["seconds"] = time.monotonic() - began
        history.append(row)
        report(format_metrics(row))
        run.save(history, net, averaged, optimiser)
        save(out / "detector.safetensors", averaged, settings)
    run.draw(history)
    return out / "detector.safetensors"


def _adopt(net: FasterRCNN, labels: tuple[str, ...], source: Path) -> None:
    """Take everything from a detector's weights; of its last layer only the rows of labels that both have."""
    tensors, settings = read_weights(source)
    own = net.state_dict()
    rows = [(0, 0)] + [
        (labels.index(name) + 1, i) for i, name in enumerate(settings.labels, 1) if name in labels
    ]
    for name, value in tensors.items():
        if not name.startswith("roi_heads.box_predictor."):
            own[name] = value
            continue
        wide = 4 if "bbox_pred" in name else 1
        for to, since in rows:
            own[name][to * wide : (to + 1) * wide] = value[since * wide : (since + 1) * wide]
    try:
        net.load_state_dict(own)
    except RuntimeError as error:
        raise PhototagError(f"{source}: these weights do not fit this version's compact detector") from error


def _groups(net: FasterRCNN, plan: Plan) -> list[dict]:
    groups = []
    for rate, is_body in ((plan.body_rate, True), (plan.head_rate, False)):
        for decay, is_vector in ((plan.weight_decay, False), (0.0, True)):
            chosen = [
                parameter
                for name, parameter in net.named_parameters()
                if parameter.requires_grad
                and name.startswith("backbone.body.") == is_body
                and (parameter.ndim == 1) == is_vector
            ]
            if chosen:
                groups.append({"params": chosen, "lr": rate, "peak": rate, "weight_decay": decay})
    return groups


def _batches(photos: data.Photos, batch: int, rng: np.random.Generator) -> list[list[int]]:
    """All photos once in random order, lying ones with lying ones: a canvas fits its photos. The
    rest of an epoch that fills no batch of its own kind shares one."""
    order = rng.permutation(len(photos))
    lying = [int(i) for i in order if photos.photos[i].width >= photos.photos[i].height]
    standing = [int(i) for i in order if photos.photos[i].width < photos.photos[i].height]
    rest = lying[len(lying) // batch * batch :] + standing[len(standing) // batch * batch :]
    batches = [
        group[i : i + batch]
        for group in (lying, standing, rest)
        for i in range(0, len(group) // batch * batch, batch)
        if len(group) >= batch
    ]
    return [batches[i] for i in rng.permutation(len(batches))]


def _batch(
    photos: data.Photos, picked: list[int], epoch: int, step: int, plan: Plan
) -> tuple[list[torch.Tensor], list[dict[str, torch.Tensor]]]:
    rng = np.random.default_rng((plan.seed, epoch, step))
    short = round(plan.size_of(epoch) * rng.choice(plan.jitter) / 32) * 32
    long = round(short * 4 / 3 / 32) * 32
    lying = sum(photos.photos[i].width >= photos.photos[i].height for i in picked) * 2 >= len(picked)
    canvas = (long, short) if lying else (short, long)
    images, targets = [], []
    for i in picked:
        pixels, boxes, labels = data.view(photos, i, canvas, rng, plan.views_of(epoch))
        images.append(torch.from_numpy(pixels).permute(2, 0, 1).float() / 255)  # (3, H, W)
        targets.append({"boxes": torch.from_numpy(boxes), "labels": torch.from_numpy(labels)})
    return images, targets


def _validate(averaged: FasterRCNN, validation: data.Photos, settings: Settings) -> dict[str, float]:
    detect = Detector(averaged, [None, *settings.labels], settings.short_side, settings.long_side)
    found = evaluate.measure(evaluate.predict(detect, validation)[0], validation, settings.labels)
    # AP of three boxes is a lottery
    common = [name for name, row in found["per_class"].items() if row["boxes"] >= 20]
    row = {f"AP50 {name}": found["per_class"][name]["AP50"] for name in common}
    return {"mean AP50": float(np.mean(list(row.values()))) if row else found["AP50"]} | row

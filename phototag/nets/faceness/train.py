"""Teaching FacenessNet: ImageNet's filters on, all but the first, on faces and on the face detector's
mistakes. Owns the training loop and its files (checkpoint.pt, log.csv, curves.png, faceness.safetensors
in the output folder). An epoch's randomness depends on the seed and the epoch's number alone, so an
interrupted training resumes to the same numbers."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from phototag.nets.faceness.checkpoint import Calibration, save
from phototag.nets.faceness.data import STORED_MARGIN, STORED_SIDE, Crops, Mined, distort, view
from phototag.nets.faceness.evaluate import fit
from phototag.nets.faceness.net import SIDE, FacenessNet, from_imagenet
from phototag.nets.faceness.predict import BATCH, EPSILON, MARGIN
from phototag.nets.inference import fold_norms
from phototag.nets.smilenet.evaluate import area_under_curve
from phototag.nets.training import Run, average, format_metrics, ignore_progress, one_cycle, report_nothing


@dataclass(frozen=True)
class Plan:
    """Everything that decides the outcome, beside the data."""

    epochs: int = 6
    steps: int = 100  # of an epoch
    batch: int = 96
    rate: float = 1.2e-3
    weight_decay: float = 0.05
    drop_path: float = 0.05
    dropout: float = 0.1
    average: float = 0.995  # EMA decay per step
    frozen_stages: int = 2  # of the backbone, the stem with them: edges and textures that are already right
    close: float = 0.25  # share of the wide crops of which only the close cut is shown
    smoothing: float = 0.01  # of the targets (Szegedy et al. 2016): some verdicts are wrong
    seed: int = 2016
    bf16: bool = True


def train(
    training: Sequence[Crops],
    validation: Mined,
    out: Path,
    plan: Plan = Plan(),
    report: Callable[[str], None] = report_nothing,
    progress: Callable[[int, int], None] = ignore_progress,
) -> Path:
    """Train and return the path of the safetensors file. A `checkpoint.pt` in `out` is resumed, and
    refused when its plan differs. `validation` is measured after every epoch and chooses none; it
    calibrates the averaged weights of the last epoch, which are kept."""
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(plan.seed)
    net = from_imagenet(plan.drop_path, plan.dropout).to(memory_format=torch.channels_last)
    averaged = copy.deepcopy(net).eval()
    for part in (net.stem, *net.stages[: plan.frozen_stages]):
        part.requires_grad_(False)
    learning = [parameter for parameter in net.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in learning if p.ndim > 1], "weight_decay": plan.weight_decay},
        {"params": [p for p in learning if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=plan.rate)
    run = Run(out, plan)
    history = run.resume(net, averaged, optimiser)
    if history:
        report(f"resuming after epoch {len(history)} of {plan.epochs}")
    for epoch in range(len(history), plan.epochs):
        began, total = time.monotonic(), 0.0
        rng = torch.Generator().manual_seed(plan.seed * 1000 + epoch)
        chooser = np.random.default_rng(plan.seed * 1000 + epoch)
        torch.manual_seed(plan.seed * 1000 + epoch)  # dropout and drop path draw from the global one
        net.train()
        for step in range(epoch * plan.steps, (epoch + 1) * plan.steps):
            for group in optimiser.param_groups:
                group["lr"] = plan.rate * one_cycle(step, plan.epochs * plan.steps, 0.08, 0.002)
            views, targets = _batch(training, plan, chooser, rng)
            with torch.autocast("cpu", torch.bfloat16, enabled=plan.bf16):
                logits = net(views)
            targets = targets * (1 - 2 * plan.smoothing) + plan.smoothing
            loss = F.binary_cross_entropy_with_logits(logits.float(), targets)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(learning, 5.0)
            optimiser.step()
            average(averaged, net, plan.average, step + 1)
            total += float(loss.detach())
            progress(step + 1, plan.epochs * plan.steps)
        row: dict[str, float] = {"epoch": epoch + 1, "loss": total / plan.steps}
        auc = area_under_curve(predict(averaged, validation.crops).numpy(), validation.is_face.astype(int))
        if auc is not None:
            row["auc"] = auc
        history.append(row | {"seconds": time.monotonic() - began})
        report(format_metrics(history[-1]))
        run.save(history, net, averaged, optimiser)
    logits = predict(averaged, validation.crops)
    detector = torch.from_numpy(validation.scores).float().clamp(EPSILON, 1 - EPSILON).logit()
    known = Calibration(*fit(logits, detector, torch.from_numpy(validation.is_face)))
    plain = copy.deepcopy(averaged).eval()
    fold_norms(plain)
    save(out / "faceness.safetensors", plain, known)
    run.draw(history)
    return out / "faceness.safetensors"


def _batch(
    training: Sequence[Crops], plan: Plan, chooser: np.random.Generator, rng: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Views (B, 3, SIDE, SIDE) and whether each is a face (B,), as 1 or 0; B is about `plan.batch`."""
    crops, targets, close = [], [], []
    for part in training:
        count = max(1, int(chooser.binomial(plan.batch, part.share)))
        crops.append(part.pick(count, chooser))
        targets.append(torch.full((count,), float(part.is_face)))
        close.append(torch.full((count,), part.is_close))
    pixels, is_close = torch.cat(crops), torch.cat(close)
    is_close |= torch.rand(len(is_close), generator=rng) < plan.close
    views = distort(view(pixels, is_close, rng), rng)
    return views.contiguous(memory_format=torch.channels_last), torch.cat(targets)


@torch.inference_mode()
def predict(net: FacenessNet, crops: np.ndarray) -> torch.Tensor:
    """Stored crops (N, STORED_SIDE, STORED_SIDE, 3) uint8 -> (N,) logits, for their middle as a scan
    cuts it."""
    edge = round(STORED_SIDE * (1 - MARGIN / STORED_MARGIN) / 2)
    found = [torch.zeros(0)]
    for part in torch.from_numpy(crops).split(BATCH):
        middle = part[:, edge : STORED_SIDE - edge, edge : STORED_SIDE - edge].permute(0, 3, 1, 2).float()
        found.append(net(F.interpolate(middle, (SIDE, SIDE), mode="bilinear", antialias=True)))
    return torch.cat(found)

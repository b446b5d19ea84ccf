"""Teaching the everyday detector's judge. What the two frozen nets see of every photo is computed
once and kept; on that the judge learns in minutes. Averaged weights, a checkpoint every epoch.

Owns the training loop and its files (evidence/, checkpoint.pt, log.csv, curves.png,
detector.safetensors in the output folder). An epoch's randomness depends on the seed and the
epoch's number alone.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from phototag.errors import PhototagError, UnreadablePhoto
from phototag.nets.detector import data, evaluate
from phototag.nets.detector.everyday import Settings, save
from phototag.nets.detector.predict import Detector, resized, working_size
from phototag.nets.detector.two_stage import Evidence, Truth, TwoStage, filled_up, losses, size_of
from phototag.nets.device import half_precision
from phototag.nets.inference import optimize_for_inference
from phototag.nets.training import (
    Run,
    average,
    format_metrics,
    ignore_progress,
    one_cycle,
    report_nothing,
    write_tensors,
)
from phototag.outputs import replace_file
from phototag.reading.images import open_picture

CHUNK = 256  # photos whose evidence is in one file


@dataclass(frozen=True)
class Plan:
    """Everything that decides the outcome, beside the data."""

    epochs: int = 6
    batch: int = 32
    rate: float = 1e-3
    weight_decay: float = 0.05
    average: float = 0.998  # EMA decay per step
    proposals: int = 48  # a photo; more of them repeat themselves
    sides: tuple[float, ...] = (1.0,)  # views of a photo: shares of the long side it is asked about with
    mirrored: bool = False  # and its mirror image too, which doubles the time
    # Share of the judge's corrections in the weights that are kept. What people-pets sees of photos it
    # was taught on is surer than what it will see of others, and the judge with it: on validation
    # photos mean AP50 is 0.768 with all of a correction, 0.782 with 0.7 of it, 0.777 with half.
    trust: float = 0.7
    seed: int = 2021


@dataclass(frozen=True)
class Seen:
    """One view of photo `index`: what is known of its proposals (a batch of one), and the size of
    the canvas."""

    index: int
    mirrored: bool
    size_wh: tuple[int, int]
    canvas_hw: tuple[int, int]
    known: Evidence


def train(
    training: data.Photos,
    checks: dict[str, data.Photos],
    start: TwoStage,
    settings: Settings,
    out: Path,
    plan: Plan = Plan(),
    report: Callable[[str], None] = report_nothing,
    progress: Callable[[int, int], None] = ignore_progress,
) -> Path:
    """Go on from the net `start` and return the path of the safetensors file; `training` counts its
    labels in the net's (`data.renamed`), and boxes around many things are ignored. `checks`, name
    -> photos, are measured at the end and decide nothing. A `checkpoint.pt` in `out` is resumed,
    and refused when its plan differs."""
    if len(training) < plan.batch:
        raise PhototagError(f"training needs at least {plan.batch} photos, one batch")
    out.mkdir(parents=True, exist_ok=True)
    views = gather(training, start, settings, out / "evidence", plan, report)
    torch.manual_seed(plan.seed)
    net, averaged = copy.deepcopy(start), copy.deepcopy(start).eval()
    net.requires_grad_(False)
    judge = nn.ModuleList(net.roi_heads.judge_parts()).requires_grad_(True)
    optimiser = torch.optim.AdamW(_groups(judge, plan))
    steps_per_epoch = len(views) // plan.batch
    total = steps_per_epoch * plan.epochs
    run = Run(out, plan, settings.labels)
    history = run.resume(net, averaged, optimiser)
    if history:
        report(f"resuming after epoch {len(history)} of {plan.epochs}")
    for epoch in range(len(history), plan.epochs):
        began = time.monotonic()
        torch.manual_seed(plan.seed * 1000 + epoch)
        judge.train()
        sums: dict[str, float] = {}
        order = np.random.default_rng((plan.seed, epoch)).permutation(len(views))
        for step in range(steps_per_epoch):
            done = epoch * steps_per_epoch + step
            for group in optimiser.param_groups:
                group["lr"] = plan.rate * one_cycle(done, total, 0.05, 0.01)
            picked = [views[i] for i in order[step * plan.batch : (step + 1) * plan.batch]]
            parts = _losses(net, training, picked)
            optimiser.zero_grad(set_to_none=True)
            sum(parts.values()).backward()
            torch.nn.utils.clip_grad_norm_(judge.parameters(), 5.0)
            optimiser.step()
            average(averaged, net, plan.average, done + 1)
            for name, value in parts.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach())
            progress(done + 1, total)
        row: dict[str, float] = {"epoch": epoch + 1}
        row |= {name: value / steps_per_epoch for name, value in sums.items()}
        kept = _trusted(averaged, plan.trust)
        for name, photos in checks.items() if epoch + 1 == plan.epochs else ():
            detect = Detector(kept, [None, *settings.labels], settings.short_side, settings.long_side)
            row |= _validate(detect, photos, settings.labels, name)
        row["seconds"] = time.monotonic() - began
        history.append(row)
        report(format_metrics(row))
        run.save(history, net, averaged, optimiser)
        save(out / "detector.safetensors", kept, settings)
    run.draw(history)
    return out / "detector.safetensors"


def _trusted(net: TwoStage, trust: float) -> TwoStage:
    """A copy whose judge corrects opinions by that share of what it would."""
    kept = copy.deepcopy(net)
    with torch.no_grad():
        for parameter in kept.roi_heads.kinds.parameters():
            parameter.mul_(trust)
    return kept


def gather(
    photos: data.Photos,
    net: TwoStage,
    settings: Settings,
    folder: Path,
    plan: Plan,
    report: Callable[[str], None] = report_nothing,
) -> list[Seen]:
    """What the frozen nets see of all photos, in every view; kept in `folder` and read from there
    the next time."""
    if folder.is_symlink():
        raise PhototagError(f"{folder} is a symbolic link; give another --out folder")
    folder.mkdir(parents=True, exist_ok=True)
    asked = optimize_for_inference(net)
    assert isinstance(asked, TwoStage)  # a copy of it
    asked.to(half_precision(torch.device("cpu")) or torch.float32)
    asked.rpn.count = plan.proposals
    kept: list[Seen] = []
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)  # each worker has a photo of its own
        for share in plan.sides:
            for mirrored in (False, True) if plan.mirrored else (False,):
                for first in range(0, len(photos), CHUNK):
                    file = folder / f"{share:g}-{'mirrored' if mirrored else 'plain'}-{first}.pt"
                    if not file.exists():
                        look = partial(_seen, photos, asked, settings, share, mirrored)
                        with ThreadPoolExecutor(
                            threads, initializer=torch.set_num_threads, initargs=(1,)
                        ) as workers:
                            made = list(workers.map(look, range(first, min(first + CHUNK, len(photos)))))
                        _write(made, file)
                        report(f"{file.stem}: {first + len(made)} of {len(photos)} photos looked at")
                    kept += _read(file)
    finally:
        torch.set_num_threads(threads)
    return kept


@torch.inference_mode()
def _seen(
    photos: data.Photos, net: TwoStage, settings: Settings, share: float, mirrored: bool, index: int
) -> Seen:
    photo = photos.photos[index]
    try:
        with open_picture(photo.file) as opened:
            pixels = np.asarray(opened.convert("RGB"))
    except (OSError, SyntaxError, ValueError, UnreadablePhoto) as error:
        raise PhototagError(
            f"{photo.file}: cannot be read ({error}); repair it or take it out of the annotations"
        ) from error
    sides = (round(settings.short_side * share), round(settings.long_side * share))
    size_wh = working_size(pixels.shape[1], pixels.shape[0], *sides)
    canvas = filled_up([resized(pixels[:, ::-1] if mirrored else pixels, size_wh)])
    known = net.evidence(canvas)
    count = int(known.real.sum())  # the real ones come first
    cut = Evidence._make([*(part[:, :count] for part in known[:-1]), known.scene])
    return Seen(index, mirrored, size_wh, size_of(canvas), cut)


def _write(made: Sequence[Seen], file: Path) -> None:
    rows = [
        (
            seen.index,
            seen.mirrored,
            seen.size_wh,
            seen.canvas_hw,
            [part.half() if part.is_floating_point() else part for part in seen.known],
        )
        for seen in made
    ]
    with replace_file(file) as temporary:
        write_tensors(rows, temporary, file)


def _read(file: Path) -> list[Seen]:
    try:
        rows = torch.load(file, map_location="cpu", weights_only=True)
        return [
            Seen(index, mirrored, size_wh, canvas_hw, Evidence(*parts))
            for index, mirrored, size_wh, canvas_hw, parts in rows
        ]
    except Exception as error:  # a damaged archive fails in the ways of zip, pickle and torch
        raise PhototagError(
            f"{file}: is not what a training of phototag keeps there, or damaged; delete it, or give "
            "another --out folder"
        ) from error


def _losses(net: TwoStage, photos: data.Photos, picked: Sequence[Seen]) -> dict[str, torch.Tensor]:
    """Views of one canvas after the other: the judge is told where a box is as a share of it."""
    most = max(1, max(seen.known.boxes.shape[1] for seen in picked))
    parts = [torch.cat([_filled(seen.known[i], most) for seen in picked]) for i in range(5)]
    scene = torch.cat([seen.known.scene for seen in picked]).float()
    known = Evidence._make([*(part.float() if part.is_floating_point() else part for part in parts), scene])
    canvases = torch.tensor([[w, h, w, h] for h, w in (seen.canvas_hw for seen in picked)]).unsqueeze(1)
    shares = known._replace(boxes=known.boxes / canvases * 100)  # all of them as if on a canvas of 100 x 100
    logits, boxes = net.roi_heads(shares, (100, 100))
    return losses(
        logits, boxes * canvases / 100, known, [_truth(photos, seen) for seen in picked], net.roi_heads.judged
    )


def _filled(part: torch.Tensor, count: int) -> torch.Tensor:
    """(1, P, ...) -> (1, count, ...), zeros after the real ones."""
    shape = (1, count - part.shape[1], *part.shape[2:])
    return torch.cat([part, part.new_zeros(shape)], 1)


def _truth(photos: data.Photos, seen: Seen) -> Truth:
    photo = photos.photos[seen.index]
    width, height = seen.size_wh
    scale = np.array([width / photo.width, height / photo.height] * 2, np.float32)
    boxes = torch.from_numpy(photo.boxes * scale)
    if seen.mirrored:
        boxes = torch.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], 1)
    return Truth(boxes, torch.from_numpy(photo.labels) - 1, torch.from_numpy(photo.crowds))


def _groups(judge: nn.Module, plan: Plan) -> list[dict]:
    matrices = [each for each in judge.parameters() if each.ndim > 1]
    vectors = [each for each in judge.parameters() if each.ndim == 1]
    return [
        {"params": matrices, "weight_decay": plan.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]


def _validate(detect: Detector, photos: data.Photos, labels: Sequence[str], name: str) -> dict[str, float]:
    found = evaluate.measure(evaluate.predict(detect, photos)[0], photos, labels)
    common = {kind: row["AP50"] for kind, row in found["per_class"].items() if row["boxes"] >= 20}
    if len(found["per_class"]) > 20:  # a page of eighty figures helps nobody
        common = {}
    return {f"{name} AP50": found["AP50"]} | {f"{name} {kind}": value for kind, value in common.items()}

"""Fine-tuning SmileNet: head first, then the whole net, growing pictures, averaged weights, a
checkpoint every epoch.

Owns the training loop and its files (checkpoint.pt, log.csv, curves.png, smilenet.safetensors in
the output folder). An epoch's randomness depends on the seed and the epoch's number alone, so an
interrupted training resumes to the same numbers."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F

from phototag.errors import PhototagError
from phototag.nets.depthwise import speed_up_backward
from phototag.nets.smilenet import data, evaluate
from phototag.nets.smilenet.checkpoint import Calibration, load, save
from phototag.nets.smilenet.crop import normalise
from phototag.nets.smilenet.net import SmileNet, freeze_norms, fuse, grey_imagenet_state
from phototag.nets.training import Run, average, format_metrics, ignore_progress, one_cycle, report_nothing


@dataclass(frozen=True)
class Plan:
    """Everything that decides the outcome, beside the data."""

    epochs: int = 14
    head_epochs: int = 1  # phase one: only the two heads learn, on frozen ImageNet features
    batch: int = 64
    rate: float = 1e-3
    weight_decay: float = 0.05
    drop_path: float = 0.15
    dropout: float = 0.2
    average: float = 0.998  # EMA decay per step
    mixup: float = 0.2  # Beta(a, a) on half of the batches (Zhang et al. 2018); 0 turns it off
    smile_weight: float = 0.5
    # pictures grow from here to `size`: small ones are cheap while everything is still to be
    # learned
    first_size: int = 64
    size: int = 96
    extra_weight: float = 0.5  # of the emotion loss on one-word labels; their smile loss counts in full
    # batch norms as they are, joined with their convolutions: half the time per step
    frozen_norms: bool = False
    frozen_stages: int = 0  # of the backbone, the stem with them: edges and textures that are already right
    # share of the targets that the starting weights say themselves, against the noise of ten votes
    distillation_weight: float = 0.0
    # the last ones, with half the distortion: faces as they are asked about later
    weak_augmentation_epochs: int = 0
    seed: int = 2016
    bf16: bool = True

    def size_of(self, epoch: int) -> int:
        """Multiples of 16 up to the full size, which the last third of the training has throughout."""
        ramp = max(1, round(self.epochs * 2 / 3))
        grown = self.first_size + (self.size - self.first_size) * min(1.0, epoch / ramp)
        return min(self.size, int(grown) // 16 * 16)


def train(
    training: data.FaceSet,
    validation: dict[str, data.FaceSet],
    out: Path,
    plan: Plan = Plan(),
    start_from: Path | None = None,
    single_label: torch.Tensor | None = None,
    report: Callable[[str], None] = report_nothing,
    progress: Callable[[int, int], None] = ignore_progress,
) -> Path:
    """Train and return the path of the safetensors file. `start_from`: SmileNet weights to go on
    from instead of ImageNet's. `single_label` (N,) bool marks the faces whose label is one person's
    word. A `checkpoint.pt` in `out` is resumed, and refused when its plan differs. `validation`
    sets are measured after every epoch and choose none: the averaged weights of the last epoch are
    kept. The first set that has enough faces calibrates them; where none has, the weights it started
    from, or nothing, decide from when on a smile counts, and `report` says so."""
    if len(training) < 2:
        raise PhototagError("training needs at least two faces")
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(plan.seed)
    net = SmileNet(plan.drop_path, plan.dropout)
    calibration = Calibration(size=plan.size)
    if start_from is not None:
        started, known = load(start_from)
        net.load_state_dict(started.state_dict())
        calibration = replace(known, size=plan.size)
    else:
        net.backbone.load_state_dict(grey_imagenet_state())
    net = net.to(memory_format=torch.channels_last)
    averaged = copy.deepcopy(net).eval()
    if plan.distillation_weight:
        training = _distill(training, averaged, plan)
    elif start_from is not None:
        training = _keep_emotions(training, averaged, plan)
    if plan.frozen_norms:
        freeze_norms(net)
    else:
        speed_up_backward(net)
    _freeze_stages(net, plan.frozen_stages)
    steps_per_epoch = max(1, len(training) // plan.batch)
    total_steps = steps_per_epoch * (plan.epochs - plan.head_epochs)
    learning = [p for p in net.parameters() if p.requires_grad]
    decayed = [p for p in learning if p.ndim > 1]
    plain = [p for p in learning if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": plan.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=plan.rate)

    run = Run(out, plan)
    history = run.resume(net, averaged, optimiser)
    if history:
        report(f"resuming after epoch {len(history)} of {plan.epochs}")

    for epoch in range(len(history), plan.epochs):
        began = time.monotonic()
        rng = torch.Generator().manual_seed(plan.seed * 1000 + epoch)
        torch.manual_seed(plan.seed * 1000 + epoch)  # dropout and drop path draw from the global one
        head_only = epoch < plan.head_epochs
        for parameter in learning:
            parameter.requires_grad_(not head_only)
        for head in (net.emotion, net.smile):
            head.requires_grad_(True)
        net.train()
        if head_only:
            net.backbone.eval()
        weak = epoch >= plan.epochs - plan.weak_augmentation_epochs
        order = torch.randperm(len(training), generator=rng)
        size, total = plan.size_of(epoch), 0.0
        for step in range(steps_per_epoch):
            done = step + steps_per_epoch * (epoch - plan.head_epochs)
            share = 1.0 if head_only else one_cycle(done, total_steps, 0.08, 0.001)
            for group in optimiser.param_groups:
                group["lr"] = plan.rate * share
            picked = order[step * plan.batch : (step + 1) * plan.batch]
            # (B, 1, S, S)
            faces = normalise(data.distort(training.images[picked], size, rng, 0.5 if weak else 1.0))
            emotions, smiles = training.emotions[picked], training.smiles[picked]  # (B, 8), (B,)
            weight = torch.ones(len(picked))
            if single_label is not None:
                weight[single_label[picked]] = plan.extra_weight
            if plan.mixup and torch.rand(1, generator=rng) < 0.5:
                share = float(torch.distributions.Beta(plan.mixup, plan.mixup).sample())
                partner = torch.randperm(len(picked), generator=rng)
                faces, emotions, smiles, weight = (
                    share * part + (1 - share) * part[partner] for part in (faces, emotions, smiles, weight)
                )
            faces = faces.contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16, enabled=plan.bf16 and size > 64):
                emotion_logits, smile_logits = net(faces)
            emotion_loss = -(emotions * F.log_softmax(emotion_logits.float(), dim=1)).sum(1)  # (B,)
            smile_loss = F.binary_cross_entropy_with_logits(smile_logits.float(), smiles)
            loss = (emotion_loss * weight).sum() / weight.sum() + plan.smile_weight * smile_loss
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimiser.step()
            seen = epoch * steps_per_epoch + step + 1
            average(averaged, net, plan.average, seen)
            total += float(loss.detach())
            progress(epoch * steps_per_epoch + step + 1, plan.epochs * steps_per_epoch)
        row: dict[str, float] = {"epoch": epoch + 1, "size": size, "loss": total / steps_per_epoch}
        for name, check in validation.items():
            found = evaluate.measure(evaluate.predict(averaged, check.images, max(size, 64)), check)
            kept = {key: found[key] for key in ("accuracy", "smile_accuracy", "smile_auc")}
            row |= {f"{name} {key}": value for key, value in kept.items() if value is not None}
        row["seconds"] = time.monotonic() - began
        history.append(row)
        report(format_metrics(row))
        run.save(history, net, averaged, optimiser)
        save(out / "smilenet.safetensors", averaged, calibration)
    enough, why = _to_calibrate_on(validation)
    if enough is None:
        report(f"not calibrated: {why}. A smile counts from {calibration.smile_threshold:.2f} on, as before.")
    else:
        logits = evaluate.predict(averaged, enough.images, plan.size)
        calibration = evaluate.calibrate(logits, enough, plan.size)
    save(out / "smilenet.safetensors", averaged, calibration)
    run.draw(history)
    return out / "smilenet.safetensors"


def _to_calibrate_on(validation: dict[str, data.FaceSet]) -> tuple[data.FaceSet | None, str]:
    """The first set with enough faces, or None and why there is none."""
    why = "no faces were held out"
    for number, faces in enumerate(validation.values()):
        lacking = evaluate.too_few_to_calibrate(faces)
        if lacking is None:
            return faces, ""
        why = lacking if number == 0 else why
    return None, why


def _distill(training: data.FaceSet, teacher: SmileNet, plan: Plan) -> data.FaceSet:
    """The same faces with targets between what people said and what the teacher sees
    (self-distillation, Furlanello et al. 2018): the noise of ten votes, and of one person's word,
    is not learned by heart."""
    emotion_logits, smile_logits = evaluate.predict(
        fuse(copy.deepcopy(teacher)), training.images, plan.size, flip=True
    )
    emotions = torch.lerp(training.emotions, emotion_logits.softmax(1), plan.distillation_weight)
    smiles = torch.lerp(training.smiles, smile_logits.sigmoid(), plan.distillation_weight)
    return replace(training, emotions=emotions, smiles=smiles)


def _keep_emotions(training: data.FaceSet, start: SmileNet, plan: Plan) -> data.FaceSet:
    """The same faces; where nobody named an emotion, what the starting weights see, so that learning a
    smile unlearns no emotion."""
    unnamed = training.emotions.sum(1) == 0
    if not unnamed.any():
        return training
    emotions = training.emotions.clone()
    logits, _ = evaluate.predict(fuse(copy.deepcopy(start)), training.images[unnamed], plan.size)
    emotions[unnamed] = logits.softmax(1)
    return replace(training, emotions=emotions)


def _freeze_stages(net: SmileNet, stages: int) -> None:
    if stages:
        for part in (net.backbone.conv_stem, *net.backbone.blocks[:stages]):
            part.requires_grad_(False)

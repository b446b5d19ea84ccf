"""What every training of ours shares: what is held out, the course of the learning rate, averaged
weights, and the files that a run leaves and goes on from. Owns checkpoint.pt, log.csv and
curves.png of an output folder. Must not know what is trained, or on what."""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import nn

from phototag.errors import PhototagError
from phototag.outputs import check_output, replace_file

# Beside checkpoint.pt, what a training writes into its folder.
FILES = (
    "checkpoint.pt",
    "log.csv",
    "curves.png",
    "smilenet.safetensors",
    "detector.safetensors",
    "faceness.safetensors",
)

History = list[dict[str, float]]


def is_held_out(name: str, share: float = 0.1) -> bool:
    """Whether what has this name is for validation: by hash of the name, so that the split needs no
    list and never drifts."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 2**32 < share


def report_nothing(line: str) -> None:
    """For trainings nobody watches: lines about finished epochs go nowhere."""


def ignore_progress(done: int, total: int) -> None:
    """For trainings nobody watches: steps done of all steps go nowhere."""


@dataclass(frozen=True)
class Run:
    """The folder of one training. `plan` is the frozen dataclass that decides its outcome beside
    the data; `labels`, where given, are part of it."""

    out: Path
    plan: Any
    labels: tuple[str, ...] | None = None

    def resume(self, net: nn.Module, averaged: nn.Module, optimiser: torch.optim.Optimizer) -> History:
        """Bring all three to where the checkpoint left them and return the rows of the epochs done;
        [] where there is none. Raises PhototagError when it was made by another plan, and when files are
        in the way that no training made."""
        file = self.out / "checkpoint.pt"
        self._refuse_foreign_files()
        if not file.exists():
            return []
        try:
            state = torch.load(file, map_location="cpu", weights_only=True)
            plan, history = dict(state["plan"]), list(state["history"])
        except Exception as error:  # a damaged archive fails in the ways of zip, pickle and torch
            raise PhototagError(
                f"{file}: is no checkpoint of phototag, or damaged; delete it, or give another --out folder"
            ) from error
        if plan != asdict(self.plan) or state.get("labels") != self.labels:
            changed = [
                f.name for f in fields(self.plan) if plan.get(f.name) != getattr(self.plan, f.name)
            ] or ["labels"]
            raise PhototagError(
                f"{file}: was made with other settings ({', '.join(changed)}); use them again or "
                "another --out folder"
            )
        try:
            net.load_state_dict(state["net"])
            averaged.load_state_dict(state["averaged"])
            optimiser.load_state_dict(state["optimiser"])
        except (LookupError, RuntimeError, TypeError, ValueError, AttributeError) as error:
            raise PhototagError(
                f"{file}: does not fit this net; delete it, or give another --out folder"
            ) from error
        return history

    def _refuse_foreign_files(self) -> None:
        """A checkpoint is what marks a folder as ours: without one, what it holds stays as it is. With one,
        each file has to be what a training writes."""
        ours = (self.out / "checkpoint.pt").exists()
        for file in (self.out / name for name in FILES):
            if file.is_symlink():
                raise PhototagError(f"{file} is a symbolic link; give another --out folder")
            if file.exists() and not ours:
                raise PhototagError(f"{file} is there, but no checkpoint.pt; give another --out folder")
        check_output(self.out / "log.csv", is_ours=_is_log)
        for name in FILES[2:]:
            check_output(self.out / name)

    def save(
        self, history: History, net: nn.Module, averaged: nn.Module, optimiser: torch.optim.Optimizer
    ) -> None:
        """Write the checkpoint and the log after an epoch; a kill meanwhile leaves the checkpoint
        of the epoch before. Raises PhototagError where they cannot be written."""
        file = self.out / "checkpoint.pt"
        states = {
            "net": net.state_dict(),
            "averaged": averaged.state_dict(),
            "optimiser": optimiser.state_dict(),
        }
        state = {"plan": asdict(self.plan), "labels": self.labels, "history": history, **states}
        with replace_file(file, is_ours=Path.exists) as temporary:  # `resume` has read what was there
            write_tensors(state, temporary, file)
        with (
            replace_file(self.out / "log.csv", is_ours=_is_log) as temporary,
            temporary.open("w", newline="") as lines,
        ):
            writer = csv.DictWriter(lines, list(history[-1]))
            writer.writeheader()
            writer.writerows({key: f"{value:.6g}" for key, value in row.items()} for row in history)

    def draw(self, history: History) -> None:
        """Losses and every validation figure against the epoch, as curves.png."""
        from phototag.nets.charts import draw_lines

        names = [name for name in history[0] if name not in ("epoch", "size", "seconds")]
        draw_lines(self.out / "curves.png", {name: [row[name] for row in history] for name in names}, "epoch")


def write_tensors(state: Any, temporary: Path, file: Path) -> None:
    """torch.save to a temporary file, in place of `file` later. Raises PhototagError where it cannot be
    written: torch says so by a RuntimeError that names no cause."""
    try:
        torch.save(state, temporary)
    except RuntimeError as error:
        raise PhototagError(
            f"cannot write {file} ({str(error).splitlines()[0]}): is the disk full? Nothing half made is left"
        ) from error


def _is_log(file: Path) -> bool:
    """Whether a training wrote this table: its first column is the epoch."""
    try:
        with file.open("rb") as lines:
            return lines.read(6) == b"epoch,"
    except OSError:
        return False


def format_metrics(row: Mapping[str, float]) -> str:
    """One row of the history as a line for people."""
    return "  ".join(f"{key} {value:.4g}" for key, value in row.items())


def one_cycle(step: int, total: int, warm_share: float, floor: float) -> float:
    """The learning rate as a share of its peak: a linear warm-up over the first `warm_share`, then
    a cosine down to `floor` (Smith & Topin 2019)."""
    warm = max(1, round(total * warm_share))
    if step < warm:
        return (step + 1) / warm
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


@torch.no_grad()
def average(averaged: nn.Module, net: nn.Module, decay: float, step: int) -> None:
    """Move the averaged weights (EMA) one step towards those being trained. The first steps have a
    short memory: where the training started is soon forgotten. What `net` does not have, or does
    not train, stays as it is."""
    mean, share = averaged.state_dict(), 1 - min(decay, step / (step + 10))
    for name, value in net.state_dict().items():
        if name in mean and value.is_floating_point():
            mean[name].lerp_(value, share)

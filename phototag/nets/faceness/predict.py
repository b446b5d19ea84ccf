"""Scores for what the face detector found: how likely each is a face."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from phototag.nets.device import half_precision
from phototag.nets.faceness.checkpoint import load
from phototag.nets.faceness.net import SIDE
from phototag.nets.smilenet.crop import cut_face
from phototag.records import Box

# The crop's side over the detector's box's: hair, ears, collars and paws tell more than the face alone.
MARGIN = 1.5
BATCH = 64  # crops at once: enough to fill any device, little memory
EPSILON = 1e-4  # a detector's score is held this far from 0 and 1, where its logit would be endless


class FacenessJudge:
    """Asks FacenessNet on one device."""

    def __init__(self, weights: Path, device: torch.device) -> None:
        """Raises WeightsError when the weights cannot be read."""
        net, self.calibration = load(weights)
        # the weights themselves: casting them anew on every call costs more than a few crops do
        self._net, self._device = net.to(device, half_precision(device)), device

    def scores(self, crops: np.ndarray, detector_scores: Sequence[float]) -> list[float]:
        """`crops` (N, SIDE, SIDE, 3) uint8 RGB, cut by `cut`, and the N scores the detector gave
        -> N probabilities that it is a face."""
        logits = self.logits(crops)  # (N,)
        detector = torch.tensor(detector_scores, dtype=torch.float32).clamp(EPSILON, 1 - EPSILON).logit()
        known = self.calibration
        score: list[float] = (known.net * logits + known.detector * detector + known.bias).sigmoid().tolist()
        return score

    @torch.inference_mode()
    def logits(self, crops: np.ndarray) -> torch.Tensor:
        """(N, SIDE, SIDE, 3) uint8 RGB -> (N,) logits on the CPU, not calibrated."""
        found = [torch.zeros(0)]
        for part in torch.from_numpy(crops).split(BATCH):
            pixels = part.to(self._device).permute(0, 3, 1, 2).float()  # (B, 3, SIDE, SIDE), channels last
            found.append(self._net(pixels).float().cpu())
        return torch.cat(found)


def cut(pixels: np.ndarray, boxes: Sequence[Box]) -> np.ndarray:
    """The boxes of one photo (H, W, 3) uint8 RGB -> (N, SIDE, SIDE, 3) uint8."""
    crops = [cut_face(pixels, box, size=SIDE, margin=MARGIN, mode="RGB") for box in boxes]
    return np.stack(crops) if crops else np.zeros((0, SIDE, SIDE, 3), np.uint8)

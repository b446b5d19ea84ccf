"""How good SmileNet is, on any set of labelled faces: the figures of the model card come from here.

Owns the measures and the calibration. Must not know the training loop.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import torch

from phototag.nets.device import half_precision
from phototag.nets.smilenet.checkpoint import Calibration
from phototag.nets.smilenet.crop import normalise
from phototag.nets.smilenet.data import FaceSet
from phototag.nets.smilenet.labels import EMOTIONS
from phototag.nets.smilenet.net import SmileNet

# Faces that smile, and as many that do not, below which a threshold is a lottery: of 50 the precision
# is known to about 3 points.
LEAST_OF_EACH = 50
MOST_THRESHOLD = 0.95  # a smile that must be surer than this is hardly ever found


@torch.inference_mode()
def predict(
    net: SmileNet, images: torch.Tensor, size: int, batch: int = 64, flip: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """(N, S, S) uint8 -> emotion logits (N, 8), smile logits (N,); with `flip` the mean over the
    face and its mirror image. In half precision where the processor computes in it, as in a scan."""
    emotions, smiles = [], []
    dtype = half_precision(torch.device("cpu"))
    for part in images.split(batch):
        faces = normalise(part)  # (B, 1, S, S)
        if faces.shape[-1] != size:
            faces = torch.nn.functional.interpolate(faces, (size, size), mode="bilinear", antialias=True)
        views = [faces, faces.flip(3)] if flip else [faces]
        with torch.autocast("cpu", dtype, enabled=dtype is not None):
            answers = [net(view.contiguous(memory_format=torch.channels_last)) for view in views]
        emotions.append(torch.stack([emotion.float() for emotion, _ in answers]).mean(0))
        smiles.append(torch.stack([smile.float() for _, smile in answers]).mean(0))
    return torch.cat(emotions), torch.cat(smiles)


def measure(
    logits: tuple[torch.Tensor, torch.Tensor], faces: FaceSet, calibration: Calibration = Calibration()
) -> dict:
    """Every figure of `phototag evaluate smilenet`. Emotion: `accuracy` against what most people
    saw of the eight, ties left out; `majority_accuracy` only on the `majority_n` faces where that
    is more than half of them, the rule under which figures on FER+ are usually published (Barsoum
    et al. 2016). Smile: against happiness being what most people saw (ties out), or, where nobody
    named an emotion, against what was said of the smile. Figures of which there is no face are None."""
    emotion_logits, smile_logits = logits
    majority = faces.majority
    clear = majority >= 0
    truth, guess = majority[clear].numpy(), emotion_logits[clear].argmax(1).numpy()
    agreed = (faces.emotions[clear].max(dim=1).values > 0.5).numpy()
    confusion = np.zeros((len(EMOTIONS), len(EMOTIONS)), int)
    np.add.at(confusion, (truth, guess), 1)
    per_class = {}
    for i, name in enumerate(EMOTIONS):
        hits, there, guessed = int(confusion[i, i]), int(confusion[i].sum()), int(confusion[:, i].sum())
        per_class[name] = {
            "n": there,
            "precision": hits / guessed if guessed else None,
            "recall": hits / there if there else None,
        }
    known, smiles = faces.known_smiles
    smiling = smiles[known].numpy().astype(int)
    probability = smile_probability(smile_logits[known], calibration).numpy()
    said = probability >= calibration.smile_threshold
    right = int((said & (smiling == 1)).sum())
    return {
        "n": int(known.sum()),
        "accuracy": float((truth == guess).mean()) if len(truth) else None,
        "majority_n": int(agreed.sum()),
        "majority_accuracy": float((truth == guess)[agreed].mean()) if agreed.any() else None,
        "per_class": per_class,
        "confusion": confusion.tolist(),
        "smile_accuracy": float((said == smiling).mean()) if len(smiling) else None,
        "smile_auc": area_under_curve(probability, smiling),
        "smile_precision": right / int(said.sum()) if said.any() else None,
        "smile_recall": right / int(smiling.sum()) if smiling.any() else None,
        "smile_threshold": calibration.smile_threshold,
        "ece": calibration_error(probability, smiling),
    }


def measure_smiles(smile_logits: torch.Tensor, others: torch.Tensor, calibration: Calibration) -> dict:
    """Some faces by themselves, beside others that do not smile, by the logits of both: how many there
    are, of how many a scan says that they smile, and how often one of them is taken for surer to smile
    than one of the others."""
    said = smile_probability(smile_logits, calibration) >= calibration.smile_threshold
    truth = np.concatenate([np.ones(len(smile_logits), int), np.zeros(len(others), int)])
    auc = area_under_curve(torch.cat([smile_logits, others]).numpy(), truth)
    return {"n": len(smile_logits), "told_as_smiles": int(said.sum()), "auc": auc}


def smile_probability(smile_logits: torch.Tensor, calibration: Calibration) -> torch.Tensor:
    """(N,) logits -> (N,) probabilities that a smile is visible."""
    return torch.sigmoid((smile_logits + calibration.smile_bias) / calibration.smile_temperature)


def move_threshold(probability: torch.Tensor, own: float, wanted: float) -> torch.Tensor:
    """Probabilities whose odds are scaled so that `own` becomes `wanted`: weights of another training
    have a threshold of their own, and the rules for all of them know one."""
    if own == wanted:
        return probability
    scale = wanted / (1 - wanted) * (1 - own) / own
    return probability * scale / (probability * scale + 1 - probability)


def area_under_curve(score: np.ndarray, truth: np.ndarray) -> float | None:
    """Area under the ROC curve by ranks (Mann-Whitney), ties counted half; None when one class is missing."""
    positives, negatives = int(truth.sum()), int(len(truth) - truth.sum())
    if not positives or not negatives:
        return None
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((rank[truth == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def calibration_error(probability: np.ndarray, truth: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error (Guo et al. 2017), equal-width bins over the probability of the
    positive class."""
    which = np.minimum((probability * bins).astype(int), bins - 1)
    gaps = [
        abs(probability[which == b].mean() - truth[which == b].mean()) * (which == b).mean()
        for b in range(bins)
        if (which == b).any()
    ]
    return float(sum(gaps))


def too_few_to_calibrate(faces: FaceSet) -> str | None:
    """Why these faces say too little of where a smile begins, in one sentence with the numbers, or None."""
    known, smiling = faces.known_smiles
    yes = int(smiling[known].sum())
    no = int(known.sum()) - yes
    if min(yes, no) >= LEAST_OF_EACH:
        return None
    return (
        f"{yes} smiling and {no} other faces to calibrate on, {LEAST_OF_EACH} of each are needed; "
        "give more with --validate"
    )


def calibrate(
    logits: tuple[torch.Tensor, torch.Tensor], faces: FaceSet, size: int, precision: float = 0.95
) -> Calibration:
    """Temperatures (Guo et al. 2017), the smile head's bias and the smile threshold, fitted on
    validation faces, of which there are enough (`too_few_to_calibrate`)."""
    emotion_logits, smile_logits = logits
    known, smiles = faces.known_smiles
    clear, smiling = faces.majority >= 0, smiles[known].float()
    numbers = torch.zeros(3, requires_grad=True)  # log temperature of emotion, of smile; bias
    optimiser = torch.optim.LBFGS([numbers], lr=0.5, max_iter=100)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        scaled = (smile_logits[known] + numbers[2]) / numbers[1].exp()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(scaled, smiling)
        if clear.any():
            scaled = emotion_logits[clear] / numbers[0].exp()
            loss = loss + torch.nn.functional.cross_entropy(scaled, faces.majority[clear])
        loss.backward()
        return loss

    optimiser.step(closure)
    emotion_temperature, smile_temperature, bias = numbers.detach()
    fitted = Calibration(size, float(emotion_temperature.exp()), float(smile_temperature.exp()), float(bias))
    probability = smile_probability(smile_logits[known], fitted).detach().numpy()
    order = np.argsort(-probability)
    running = np.cumsum(smiling.numpy()[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(running >= precision)
    # a number to remember; where the precision is never reached, the surest that is still found often
    threshold = (
        math.ceil(100 * float(probability[order[enough[-1]]])) / 100 if len(enough) else MOST_THRESHOLD
    )
    return replace(fitted, smile_threshold=min(max(0.5, threshold), MOST_THRESHOLD))


def milliseconds_per_face(net: SmileNet, size: int, batch: int = 32, rounds: int = 7) -> float:
    """Median wall time per face on the cores torch computes with, preprocessing to the tensor not
    included."""
    faces = torch.randint(0, 255, (batch, size, size), dtype=torch.uint8)
    predict(net, faces, size, batch)
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        predict(net, faces, size, batch)
        times.append(time.perf_counter() - began)
    return float(np.median(times)) / batch * 1000

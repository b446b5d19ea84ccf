"""From a 12 MP file to the pixels the taggers see, beside Pillow decoding it in full and resizing;
and how alike they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from phototag.reading.decode import open_photo
from phototag.taggers.table import WORKING_SIDE
from tests.benchmarks import Figure, Plan, alternate, photos, ratio, tell, tell_ratio


def figures(plan: Plan = Plan()) -> list[Figure]:
    files = sorted(photos.folder(plan.cache, "12mp").iterdir())
    progressive = [file for file in files if "progressive" in file.name]
    baseline = [file for file in files if file not in progressive]
    if plan.photos:
        baseline, progressive = baseline[: plan.photos], progressive[: plan.photos]
    found = []
    for kind, some in (("baseline", baseline), ("progressive", progressive)):
        sides = alternate(
            lambda some=some: [ours(f) for f in some],
            lambda some=some: [in_full(f) for f in some],
            plan.rounds,
        )
        name = f"decode, 12 MP to the working size / Pillow in full, {kind}"
        if kind == "baseline":
            found.append(ratio(name, sides, 0.40))
        else:  # every coefficient has to be read, whatever size is wanted
            tell_ratio(name, sides)
        tell(
            f"{sides[0].cpu / len(some) * 1000:.1f} ms CPU per photo, "
            f"{sides[1].cpu / len(some) * 1000:.1f} in full"
        )
    likeness = [psnr(ours(file), in_full(file)) for file in baseline + progressive]
    found.append(
        Figure("decode, PSNR against Pillow in full, the worst photo", min(likeness), 35, "dB", "higher")
    )
    return found


def ours(file: Path) -> np.ndarray:
    return open_photo(file, working_side=WORKING_SIDE).pixels


def in_full(file: Path) -> np.ndarray:
    """As one would write it: decode, turn, resize with Pillow's own choice of filter."""
    with Image.open(file) as image:
        scale = WORKING_SIDE / max(image.size)
        size = round(image.width * scale), round(image.height * scale)
        return np.array(ImageOps.exif_transpose(image.convert("RGB").resize(size)))


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """Peak signal-to-noise ratio of two pictures of one size, in decibels."""
    error = np.mean((one.astype(np.float64) - other.astype(np.float64)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))

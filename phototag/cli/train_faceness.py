"""`phototag train faceness`: teach the second opinion on faces."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from phototag.cli.output import count, draws_bars, say, write_path
from phototag.cli.train_detector import with_data

if TYPE_CHECKING:
    from phototag.nets.faceness.data import Mined

# How training looks for the detector's mistakes: in photos as they are and enlarged, where it takes
# smaller patterns for faces, once mirrored.
VIEWS = ((1.0, False), (2.0, True))


@click.command("faceness")
@with_data(multiple=True)
@click.option(
    "--verdicts",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="Table of photo,left,top,right,bottom,verdict: face, no face or unclear, in pixels.",
)
@click.option(
    "--faces",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="Cut faces, as for `train smilenet`; of FER+ (.npz) also what people called no face.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for candidates, checkpoint, log, curves, weights.",
)
@click.option("--epochs", type=click.IntRange(1), default=6, show_default=True)
@click.option("--steps", type=click.IntRange(1), default=100, show_default=True, help="Of an epoch.")
@click.option("--batch", type=click.IntRange(8), default=96, show_default=True, help="Crops per step.")
@click.option("--seed", type=int, default=2016, show_default=True)
@click.option("--threads", type=click.IntRange(1, 1024), help="Processor threads. Default: all cores.")
def train_faceness(
    data: tuple[Path, ...],
    images: tuple[Path, ...],
    verdicts: Path,
    faces: tuple[Path, ...],
    out: Path,
    epochs: int,
    steps: int,
    batch: int,
    seed: int,
    threads: int | None,
) -> None:
    """Teach FacenessNet which of the face detector's boxes are faces.

    The detector looks at the photos of --data with a low threshold. What it finds in photos without a
    box of a person or a face is a mistake of it; where people are, --verdicts says what is a face. Photos
    of the split "val" calibrate and are never learned from.

    \b
      phototag train faceness --data annotations.json --images photos --verdicts faces_by_eye.csv \\
        --faces ferplus_train.npz --faces expressions.csv --out runs/faceness
    """
    from tqdm import tqdm

    from phototag.allocator import tune_malloc
    from phototag.cli.decoders import silence_decoders
    from phototag.nets.device import set_cpu_threads
    from phototag.nets.faceness import data as crops_of
    from phototag.nets.faceness import train as training

    if len(data) != len(images):
        raise click.UsageError("give each --data its --images")
    tune_malloc()
    silence_decoders()
    if threads:
        set_cpu_threads(threads)
    mined = {split: _mined(split, data, images, verdicts, out) for split in ("train", "val")}
    sets = crops_of.training_crops(mined["train"], faces, seed)
    for crops in sets:
        say(f"{crops.name}: {len(crops.pixels)}")
    say(f"checking on {count(len(mined['val'].scores), 'candidate')}")
    with tqdm(unit="step", dynamic_ncols=True, disable=not draws_bars()) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        weights = training.train(
            sets,
            mined["val"],
            out,
            training.Plan(epochs=epochs, steps=steps, batch=batch, seed=seed),
            report=lambda line: bar.write(line, file=sys.stderr),
            progress=progress,
        )
    write_path(str(weights))


def _mined(split: str, data: tuple[Path, ...], images: tuple[Path, ...], verdicts: Path, out: Path) -> Mined:
    """What the detector finds in the photos of this split, kept in `out` for when a training goes on."""
    from tqdm import tqdm

    from phototag.nets.detector import data as boxes
    from phototag.nets.faceness import candidates
    from phototag.nets.faceness.data import SURE, Mined, mine

    file = out / f"candidates-{split}.npz"
    if file.exists():
        return Mined.load(file)
    photos = boxes.joined(
        [boxes.read_coco(one, folder, split) for one, folder in zip(data, images, strict=True)]
    )
    known = candidates.truths(photos, candidates.read_verdicts(verdicts))
    with tqdm(total=len(photos), unit="photo", dynamic_ncols=True, disable=not draws_bars()) as bar:
        found = (
            mine(photos, known, VIEWS, on_photo=bar.update)
            if split == "train"
            else mine(photos, known, least_score=SURE, on_photo=bar.update)
        )
    out.mkdir(parents=True, exist_ok=True)
    found.save(file)
    return found

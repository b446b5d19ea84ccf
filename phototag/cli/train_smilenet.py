"""`phototag train smilenet`: teach SmileNet smiles and emotions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from phototag.cli.output import count, db_option, draws_bars, open_library, say, write_path

# From our weights on, the norms and the first filters are right: they stay, which halves the time
# of a step. What was learned needs less regularisation to survive than ImageNet's filters did.
FURTHER: dict[str, Any] = {"frozen_norms": True, "frozen_stages": 2, "drop_path": 0.1, "dropout": 0.1}


@click.command("smilenet")
@click.argument("data", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--from-corrections",
    is_flag=True,
    help="Learn from the faces of photos of which you said whether everyone, or anyone, smiles.",
)
@click.option(
    "--without",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="List of SHA-256 hashes of pictures to leave out, as `evaluate labels` makes it.",
)
@db_option
@click.option(
    "--validate",
    "validate",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Labelled faces never trained on.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for checkpoint, log, curves, weights.",
)
@click.option(
    "--start",
    default="shipped",
    show_default=True,
    help="Weights to start from: shipped, imagenet, or a file of an earlier run.",
)
@click.option("--epochs", type=click.IntRange(1), default=14, show_default=True)
@click.option("--batch", type=click.IntRange(2), default=64, show_default=True, help="Faces per step.")
@click.option(
    "--size", type=click.IntRange(32, 224), default=96, show_default=True, help="Pixels across a face."
)
@click.option(
    "--first-size",
    type=click.IntRange(32, 224),
    default=64,
    show_default=True,
    help="Pixels at the start; grows to --size.",
)
@click.option(
    "--rate", type=float, help="Peak learning rate. Default: 1e-3 from ImageNet, 1e-4 from our weights."
)
@click.option(
    "--distil",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Share of every target that the starting weights answer themselves, against noise in the labels.",
)
@click.option(
    "--weak-augmentation",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Last epochs, with half the distortion.",
)
@click.option("--seed", type=int, default=2016, show_default=True)
@click.option("--threads", type=click.IntRange(1, 1024), help="Processor threads. Default: all cores.")
def train_smilenet(
    data: tuple[Path, ...],
    from_corrections: bool,
    without: Path | None,
    db: str | None,
    validate: tuple[Path, ...],
    out: Path,
    start: str,
    epochs: int,
    batch: int,
    size: int,
    first_size: int,
    rate: float | None,
    distil: float,
    weak_augmentation: int,
    seed: int,
    threads: int | None,
) -> None:
    """Teach SmileNet smiles and emotions.

    DATA: folders LABEL/*.jpg (happy, sad, neutral ...), a .csv of file,emotion beside a folder of
    its name, or an .npz with images and votes as FER+ has them. Of labelled files, one person in
    ten (by hash of the name before `_NNNN`) is held out and measured after every epoch.

    With --from-corrections, your own words are data too: `phototag tag PHOTO -"everyone smiling"`. Of
    several faces they must say which: +"everyone smiling" or -"anyone smiling". A few are not enough
    to learn from alone: give DATA beside them, or some dozens of photos.

    \b
      phototag train smilenet my-faces --out runs/mine
      phototag train smilenet my-faces --from-corrections --out runs/mine
      phototag train smilenet train.npz --validate valid.npz --start imagenet --out runs/smilenet
      phototag weights import runs/mine/smilenet.safetensors --own smilenet --validate my-test-faces
    """
    import torch
    from tqdm import tqdm

    from phototag.allocator import tune_malloc
    from phototag.cli.decoders import silence_decoders
    from phototag.nets import corrected
    from phototag.nets.device import set_cpu_threads
    from phototag.nets.smilenet import data as faces_of
    from phototag.nets.smilenet import train as training
    from phototag.nets.smilenet.label_issues import read_hashes
    from phototag.taggers.smiles import WEIGHTS

    if not data and not from_corrections:
        raise click.UsageError("give labelled faces, or --from-corrections")
    if distil and start == "imagenet":
        raise click.UsageError(
            "--distil takes answers from weights that know faces; start from shipped ones or a file"
        )
    start_from = None if start == "imagenet" else WEIGHTS if start == "shipped" else Path(start)
    tune_malloc()
    silence_decoders()
    if threads:
        set_cpu_threads(threads)
    left_out = read_hashes(without) if without else frozenset()
    read = []  # name, faces, whether several people voted
    for source in data:
        faces = faces_of.read_faces(source, size, drop_single_votes=True, without=left_out)
        read.append((source.stem, faces, source.suffix == ".npz"))
    if from_corrections:
        with open_library(db) as library:
            faces = corrected.read_faces(library.corrected(), size)
        say(f"{count(len(faces), 'face')} from your corrections")
        read.append(("corrections", faces, False))
    sets, single_label, checks = [], [], {}
    for name, faces, voted in read:
        for file, why in list(faces.skipped.items())[:10]:
            say(f"skipped: {file}: {why}")
        if len(faces.skipped) > 10:
            say(f"skipped: {len(faces.skipped) - 10} more")
        if not voted:
            faces, aside = faces_of.split_persons(faces)
            faces = faces_of.soften(faces)
            if len(aside):
                checks[name] = aside
        sets.append(faces)
        single_label += [not voted] * len(faces)
    checks = {source.stem: faces_of.read_faces(source, size) for source in validate} | checks
    everything = faces_of.concatenate(sets)
    say(
        f"training on {count(len(everything), 'face')}"
        + "".join(f", checking on {len(c)} of {name}" for name, c in checks.items())
    )
    plan = training.Plan(
        epochs=epochs,
        head_epochs=1 if start == "imagenet" and epochs > 1 else 0,
        batch=min(batch, len(everything)),
        rate=rate or (1e-3 if start == "imagenet" else 1e-4),
        size=size,
        first_size=min(first_size, size),
        distillation_weight=distil,
        weak_augmentation_epochs=weak_augmentation,
        seed=seed,
        **(FURTHER if start_from else {}),
    )
    with tqdm(unit="step", dynamic_ncols=True, disable=not draws_bars()) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        weights = training.train(
            everything,
            checks,
            out,
            plan,
            start_from=start_from,
            single_label=torch.tensor(single_label) if any(single_label) and not all(single_label) else None,
            report=lambda line: bar.write(line, file=sys.stderr),
            progress=progress,
        )
    write_path(str(weights))

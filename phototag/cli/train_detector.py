"""`phototag train detector`: teach the compact detector."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from phototag.cli.output import count, db_option, draws_bars, open_library, say, write_path

data_options = [
    click.option(
        "--data",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        required=True,
        help="COCO file: photos and boxes.",
    ),
    click.option(
        "--images",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        required=True,
        help="Their folder.",
    ),
]


def with_data(command):
    for option in reversed(data_options):
        command = option(command)
    return command


@click.command("detector")
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="COCO file: photos and boxes.",
)
@click.option("--images", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Their folder.")
@click.option(
    "--from-corrections",
    is_flag=True,
    help="Learn from photos of which you said that a thing is in them, or is not.",
)
@db_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for checkpoint, log, curves, weights.",
)
@click.option(
    "--start",
    default="people-pets",
    show_default=True,
    help="people-pets, imagenet, or a file of an earlier training.",
)
@click.option("--epochs", type=click.IntRange(1), default=16, show_default=True)
@click.option("--batch", type=click.IntRange(1), default=4, show_default=True, help="Photos per step.")
@click.option(
    "--size",
    type=click.IntRange(64, 800),
    default=320,
    show_default=True,
    help="Short side of the photos, pixels.",
)
@click.option(
    "--rate",
    type=float,
    default=1.0,
    show_default=True,
    help="Times the plan's learning rates; less when going on from good weights.",
)
@click.option("--seed", type=int, default=2012, show_default=True)
@click.option("--threads", type=click.IntRange(1), help="Processor threads. Default: all cores.")
def train_detector(
    data: Path | None,
    images: Path | None,
    from_corrections: bool,
    db: str | None,
    out: Path,
    start: str,
    epochs: int,
    batch: int,
    size: int,
    rate: float,
    seed: int,
    threads: int | None,
) -> None:
    """Teach the compact detector its things, or your own.

    The photos of the COCO file whose record says `"split": "val"` (or one in ten, where none says
    anything) are measured after every epoch and never trained on. Labels that the starting weights
    know keep what they know.

    With --from-corrections, your own words are data too: `phototag tag PHOTO -cat` takes the cats out of
    what was found in the photo, `+dog` confirms its surest dog. Upright copies go into the folder of
    --out. A few are not enough to learn from alone: give --data beside them, or some dozens of photos.

    \b
      phototag train detector --data boxes.json --images photos --out runs/mine
      phototag weights import runs/mine/detector.safetensors --own detector \\
        --validate boxes.json --images photos
    """
    from tqdm import tqdm

    from phototag.cli.allocator import tune_malloc
    from phototag.cli.decoders import silence_decoders
    from phototag.nets.corrected import read_photos
    from phototag.nets.detector import data as boxes
    from phototag.nets.detector import train as training
    from phototag.nets.detector.checkpoint import read_weights
    from phototag.nets.device import set_cpu_threads
    from phototag.nets.training import is_held_out
    from phototag.weights import store

    if (data is None) != (images is None) or not (data or from_corrections):
        raise click.UsageError("give --data with --images, or --from-corrections")
    tune_malloc()
    silence_decoders()
    if threads:
        set_cpu_threads(threads)
    source = None
    if start != "imagenet":
        source = store.checked(start) if start == "people-pets" else Path(start)
    learn, check = None, None
    if data and images:
        learn, check = (boxes.read_coco(data, images, split) for split in ("train", "val"))
    if from_corrections:
        if learn is not None:
            labels = learn.names
        elif source is not None:
            labels = read_weights(source)[1].labels
        else:
            raise click.UsageError("from nothing but corrections, start from weights that know the things")
        with open_library(db) as library:
            own = read_photos(library.corrected(), labels, library.thresholds(), out / "corrections")
        say(f"{count(len(own), 'photo')} from your corrections")
        if learn is not None:
            learn = boxes.Photos([*learn.photos, *own.photos], labels)
        else:
            aside = [photo for photo in own.photos if is_held_out(photo.file.stem)]
            learn = boxes.Photos([one for one in own.photos if not is_held_out(one.file.stem)], labels)
            check = boxes.Photos(aside, labels) if aside else None
    assert learn is not None  # one of the two was given
    say(
        f"training on {count(len(learn), 'photo')} with {sum(learn.count().values())} boxes, "
        f"checking on {len(check or ())}"
    )
    plain = training.Plan()
    plan = replace(
        plain,
        epochs=epochs,
        batch=batch,
        size=size,
        first_size=min(plain.first_size, size) if source is None else size,
        head_rate=plain.head_rate * rate,
        body_rate=plain.body_rate * rate,
        seed=seed,
    )
    with tqdm(unit="step", dynamic_ncols=True, disable=not draws_bars()) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        made = training.train(
            learn,
            check,
            out,
            plan,
            start_from=source,
            report=lambda line: bar.write(line, file=sys.stderr),
            progress=progress,
        )
    write_path(str(made))

"""`phototag train detector`: teach the everyday detector, or the compact one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from phototag.cli.output import count, db_option, draws_bars, open_library, say, write_path

if TYPE_CHECKING:
    from phototag.nets.detector.data import Photos

COMPACT = ("people-pets", "imagenet")


def with_data(multiple: bool = False, required: bool = True) -> Callable[[Any], Any]:
    """Options --data and --images; `multiple`: both may be given more than once, in pairs."""
    many = " May be given more than once, each with its --images." if multiple else ""
    options = [
        click.option(
            "--data",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            required=required,
            multiple=multiple,
            help=f"COCO file: photos and boxes.{many}",
        ),
        click.option(
            "--images",
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            required=required,
            multiple=multiple,
            help="Their folder.",
        ),
    ]

    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@click.command("detector")
@with_data(multiple=True, required=False)
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
    default="everyday",
    show_default=True,
    help="everyday, a YOLOX-Nano .onnx file, or a file of an earlier training; people-pets or imagenet "
    "for the compact net.",
)
@click.option("--epochs", type=click.IntRange(1), help="Default: 6, of the compact net 16.")
@click.option("--batch", type=click.IntRange(1), help="Photos per step. Default: 32, of the compact net 4.")
@click.option(
    "--size",
    type=click.IntRange(64, 800),
    help="Pixels: the long side of the photos, 416 unless given; of the compact net the short one, 320.",
)
@click.option(
    "--rate",
    type=float,
    default=1.0,
    show_default=True,
    help="Times the plan's learning rates; less when going on from good weights.",
)
@click.option("--seed", type=int, default=2012, show_default=True)
@click.option("--threads", type=click.IntRange(1, 1024), help="Processor threads. Default: all cores.")
def train_detector(
    data: tuple[Path, ...],
    images: tuple[Path, ...],
    from_corrections: bool,
    db: str | None,
    out: Path,
    start: str,
    epochs: int | None,
    batch: int | None,
    size: int | None,
    rate: float,
    seed: int,
    threads: int | None,
) -> None:
    """Teach the detector its things, or your own.

    The photos of the COCO files whose record says `"split": "val"` (or one in ten, where none says
    anything) are measured and never trained on. Labels that the starting weights know keep what they
    know. Of the everyday detector only the judge of its second stage learns, on what the rest sees of
    every photo, which is computed once: minutes on a processor, not hours.

    With --from-corrections, your own words are data too: `phototag tag PHOTO -cat` takes the cats out of
    what was found in the photo, `+dog` confirms its surest dog. Upright copies go into the folder of
    --out. A few are not enough to learn from alone: give --data beside them, or some dozens of photos.

    \b
      phototag train detector --data boxes.json --images photos --out runs/mine
      phototag weights import runs/mine/detector.safetensors --own detector \\
        --validate boxes.json --images photos
    """
    from phototag.allocator import tune_malloc
    from phototag.cli.decoders import silence_decoders
    from phototag.nets.corrected import read_photos
    from phototag.nets.detector import data as boxes
    from phototag.nets.device import set_cpu_threads
    from phototag.nets.training import is_held_out

    if len(data) != len(images) or not (data or from_corrections):
        raise click.UsageError("give --data with --images, or --from-corrections")
    tune_malloc()
    silence_decoders()
    if threads:
        set_cpu_threads(threads)
    pairs = list(zip(data, images, strict=True))
    learn, check = ([boxes.read_coco(*pair, split) for pair in pairs] for split in ("train", "val"))
    compact = _is_compact(start)
    if from_corrections:
        labels = boxes.joined(learn).names if learn else _labels_of(start, compact)
        with open_library(db) as library:
            own = read_photos(library.corrected(), labels, library.thresholds(), out / "corrections")
        say(f"{count(len(own), 'photo')} from your corrections")
        if not learn:
            aside = [photo for photo in own.photos if is_held_out(photo.file.stem)]
            check = [boxes.Photos(aside, labels)] if aside else []
            own = boxes.Photos([one for one in own.photos if not is_held_out(one.file.stem)], labels)
        learn = [*learn, own]
    say(
        f"training on {count(sum(map(len, learn)), 'photo')} with "
        f"{sum(sum(photos.count().values()) for photos in learn)} boxes, checking on {sum(map(len, check))}"
    )
    given = {"epochs": epochs, "batch": batch, "seed": seed}
    chosen = {name: value for name, value in given.items() if value is not None}
    teach = _teach_compact if compact else _teach_everyday
    write_path(str(teach(learn, check, out, start, chosen, size, rate)))


def _is_compact(start: str) -> bool:
    from phototag.nets.detector import everyday
    from phototag.weights import store

    if start in COMPACT or Path(start).suffix == ".onnx":
        return start in COMPACT
    return not everyday.is_everyday(store.checked(start) if start == "everyday" else Path(start))


def _labels_of(start: str, compact: bool) -> tuple[str, ...]:
    """The labels that the starting weights know."""
    from phototag.nets.detector import everyday
    from phototag.nets.detector.checkpoint import read_weights
    from phototag.weights import store

    if start == "imagenet":
        raise click.UsageError("from nothing but corrections, start from weights that know the things")
    if Path(start).suffix == ".onnx":
        return everyday.COCO_KINDS
    source = store.checked(start) if start in ("everyday", "people-pets") else Path(start)
    return read_weights(source)[1].labels if compact else everyday.load(source)[1].labels


def _teach_everyday(
    learn: list[Photos],
    check: list[Photos],
    out: Path,
    start: str,
    chosen: dict[str, Any],
    size: int | None,
    rate: float,
) -> Path:
    from phototag.nets.detector import data as boxes
    from phototag.nets.detector import everyday
    from phototag.nets.detector import train_two_stage as training
    from phototag.weights import store

    if Path(start).suffix == ".onnx":
        net, settings = everyday.start_from_trained(Path(start), store.checked("people-pets"))
    else:
        net, settings = everyday.load(store.checked(start) if start == "everyday" else Path(start))
    own = [name for photos in learn for name in photos.count()]
    net, settings = everyday.with_kinds(net, replace(settings, thresholds={}), own)
    photos = boxes.renamed(learn, settings.labels)
    plain = training.Plan()
    plain = replace(plain, rate=plain.rate * rate, batch=max(1, min(plain.batch, len(photos))))
    settings = replace(settings, long_side=size or settings.long_side)
    out.mkdir(parents=True, exist_ok=True)
    checks = {"val": check[0]} if len(check) == 1 else {f"set {i}": one for i, one in enumerate(check, 1)}
    with _bar() as (report, progress):
        return training.train(photos, checks, net, settings, out, replace(plain, **chosen), report, progress)


def _teach_compact(
    learn: list[Photos],
    check: list[Photos],
    out: Path,
    start: str,
    chosen: dict[str, Any],
    size: int | None,
    rate: float,
) -> Path:
    from phototag.nets.detector import data as boxes
    from phototag.nets.detector import train as training
    from phototag.weights import store

    source = None
    if start != "imagenet":
        source = store.checked(start) if start == "people-pets" else Path(start)
    plain = training.Plan()
    side = size or plain.size
    plan = replace(
        plain,
        size=side,
        first_size=min(plain.first_size, side) if source is None else side,
        head_rate=plain.head_rate * rate,
        body_rate=plain.body_rate * rate,
        **chosen,
    )
    with _bar() as (report, progress):
        return training.train(
            boxes.joined(learn),
            boxes.joined(check) if check else None,
            out,
            plan,
            start_from=source,
            report=report,
            progress=progress,
        )


@contextmanager
def _bar() -> Iterator[tuple[Callable[[str], None], Callable[[int, int], None]]]:
    """A bar of steps, and the two callables that a training tells its course to."""
    from tqdm import tqdm

    with tqdm(unit="step", dynamic_ncols=True, disable=not draws_bars()) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield lambda line: bar.write(line, file=sys.stderr), progress

"""`phototag evaluate objects`: measure a detector on photos with boxes."""

from __future__ import annotations

from pathlib import Path

import click

from phototag.cli.output import say, write_json, write_text
from phototag.cli.train_detector import with_data
from phototag.weights.default_detector import DETECTORS


@click.command("objects")
@with_data
@click.option("--detector", type=click.Choice(DETECTORS), default="people-pets", show_default=True)
@click.option(
    "--split",
    default="val",
    show_default=True,
    help="Only the photos whose record says so, where the file says anything; or: all.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--threads", type=click.IntRange(1), help="Processor threads. Default: all cores.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def evaluate_objects(
    data: Path, images: Path, detector: str, split: str, device: str, threads: int | None, as_json: bool
) -> None:
    """Measure a detector on photos with boxes, as COCO does.

    AP is the mean over IoU 0.50 to 0.95, AP50 asks for half an overlap. Labels the detector does
    not know are left out and named.

    \b
      phototag evaluate objects --data annotations.json --images photos
    """
    from phototag.cli.decoders import silence_decoders
    from phototag.nets.detector import data as boxes
    from phototag.nets.detector import evaluate
    from phototag.nets.device import pick_device, set_cpu_threads
    from phototag.taggers import objects

    silence_decoders()
    if threads:
        set_cpu_threads(threads)
    photos = boxes.read_coco(data, images, None if split == "all" or not boxes.has_splits(data) else split)
    # The metric wants the unlikely answers too: a floor of 0.1 would cut the end off every
    # precision-recall curve.
    asked = objects.detector(detector, pick_device(device), floor=0.02)
    # the first answers pay for setting up
    evaluate.predict(asked, boxes.Photos(photos.photos[:2], photos.names))
    found, milliseconds = evaluate.predict(asked, photos)
    told = evaluate.measure(found, photos, [name for name in asked.names if name])
    told["ms_per_photo"] = milliseconds
    if told["left_out"]:
        say(f"left out, because {detector} does not know them: {', '.join(told['left_out'])}")
    if as_json:
        write_json(told)
        return
    write_text(
        f"{detector} on {told['n']} photos: AP {told['AP']:.3f}, AP50 {told['AP50']:.3f}, "
        f"{milliseconds:.0f} ms per photo"
    )
    for label, row in told["per_class"].items():
        write_text(f"  {label:16} AP {row['AP']:.3f}  AP50 {row['AP50']:.3f}  ({row['boxes']} boxes)")

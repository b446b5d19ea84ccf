"""`phototag evaluate objects`: measure a detector on photos with boxes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from phototag.cli.output import count, say, write_json, write_text
from phototag.cli.train_detector import with_data
from phototag.weights.default_detector import DETECTORS, OURS

if TYPE_CHECKING:
    import torch

    from phototag.nets.detector.predict import Detector


@click.command("objects")
@with_data()
@click.option(
    "--detector",
    type=click.Choice(DETECTORS),
    default=OURS,
    show_default=True,
    help="Unless given: what ships.",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file of a training, or the .onnx file it starts from, instead of a detector's own.",
)
@click.option(
    "--split",
    default="val",
    show_default=True,
    help="Only the photos whose record says so, where the file says anything; or: all.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--threads", type=click.IntRange(1, 1024), help="Processor threads. Default: all cores.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def evaluate_objects(
    data: Path,
    images: Path,
    detector: str,
    weights: Path | None,
    split: str,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Measure a detector on photos with boxes, as COCO does, and by the words it says of them.

    AP is the mean over IoU 0.50 to 0.95, AP50 asks for half an overlap. Labels the detector does
    not know are left out and named. Precision and recall are those of words at the score from which
    on they are believed: of the photos called so, how many show one; of those that show one, how
    many are called so.

    \b
      phototag evaluate objects --data annotations.json --images photos
    """
    from phototag.cli.decoders import silence_decoders
    from phototag.nets.detector import data as boxes
    from phototag.nets.detector import evaluate, photo_precision
    from phototag.nets.device import pick_device, set_cpu_threads
    from phototag.query.terms import DEFAULT_SCORE
    from phototag.taggers import objects
    from phototag.weights.thresholds import read_thresholds, weights_name

    silence_decoders()
    if threads:
        set_cpu_threads(threads)
    photos = boxes.read_coco(data, images, None if split == "all" or not boxes.has_splits(data) else split)
    # The metric wants the unlikely answers too: a floor of 0.1 would cut the end off every
    # precision-recall curve.
    asked = _detector(detector, weights, pick_device(device), 0.02)
    name = detector if weights is None else weights.name
    # the first answers pay for setting up
    evaluate.predict(asked, boxes.Photos(photos.photos[:2], photos.names))
    found, milliseconds = evaluate.predict(asked, photos)
    measured = evaluate.measure(found, photos, [name for name in asked.names if name])
    measured["ms_per_photo"] = milliseconds
    known = (read_thresholds(weights_name(detector)) or {}) if weights is None else {}
    words: list[dict[str, float]] = []
    for things in found:
        tags = reversed(objects.tags(things))  # best first: the best score of a label is written last
        words.append({tag.label: tag.score for tag in tags})
    measured["words"] = photo_precision.as_dict(photo_precision.measure(words, photos, known, DEFAULT_SCORE))
    if measured["left_out"]:
        say(f"left out, because {name} does not know them: {', '.join(measured['left_out'])}")
    if as_json:
        write_json(measured)
        return
    _show(name, measured, known, DEFAULT_SCORE)


def _detector(name: str, weights: Path | None, device: torch.device, floor: float) -> Detector:
    from phototag.nets.detector import everyday, predict
    from phototag.taggers import objects
    from phototag.weights import store

    if weights is None or weights.suffix != ".onnx":
        return objects.detector(name, device, floor, weights)
    net, settings = everyday.start_from_trained(weights, store.checked("people-pets"))
    labels = [None, *settings.labels]
    net.roi_heads.score_thresh = floor
    return predict.Detector(net, labels, settings.short_side, settings.long_side, device)


def _show(detector: str, measured: dict[str, Any], thresholds: dict[str, float], default: float) -> None:
    from phototag.query.vocabulary import canonical

    write_text(
        f"{detector} on {measured['n']} photos: AP {measured['AP']:.3f}, AP50 {measured['AP50']:.3f}, "
        f"{measured['ms_per_photo']:.0f} ms per photo"
    )
    words = measured["words"]
    for label, row in measured["per_class"].items():
        word = words["per_class"].get(canonical(label))
        write_text(
            f"  {label:16} AP {row['AP']:.3f}  AP50 {row['AP50']:.3f}  ({row['boxes']} boxes)  "
            f"from {thresholds.get(canonical(label), default):.2f} on: {_worth(word)}"
        )
    write_text(f"words of photos, all labels: {_worth(words['pooled'])}")
    if words["watched"]["labels"]:
        write_text(f"of these {', '.join(words['watched']['labels'])}: {_worth(words['watched'])}")


def _worth(word: dict[str, Any] | None) -> str:
    if not word or not word["called"]:
        return "no photo called so"
    recall = "" if word["recall"] is None else f", recall {word['recall']:.3f}"
    return f"{count(word['called'], 'photo')} called so, precision {word['precision']:.3f}{recall}"

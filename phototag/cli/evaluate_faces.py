"""`phototag evaluate faces`: how often the faces tagger is right, and who answers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from phototag.cli.output import count, draws_bars, write_json, write_text
from phototag.cli.train_detector import with_data


@click.command("faces")
@with_data(multiple=True)
@click.option(
    "--verdicts",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Table of photo,left,top,right,bottom,verdict: face, no face or unclear, in pixels.",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="FacenessNet weights of a training. Default: those in use.",
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
def evaluate_faces(
    data: tuple[Path, ...],
    images: tuple[Path, ...],
    verdicts: Path | None,
    weights: Path | None,
    split: str,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Measure which boxes of the face detector are faces, and which photos answer "is everyone smiling".

    Photos without a box of a person or a face are photos without people: there nobody may answer. Faces
    are the boxes called face, or those that --verdicts calls so. Each figure is printed for the detector
    alone (MTCNN) and for the faces tagger, in which FacenessNet gives a second opinion.

    \b
      phototag evaluate faces --data annotations.json --images photos
      phototag evaluate faces --data annotations.json --images photos --verdicts faces_by_eye.csv
    """
    from tqdm import tqdm

    from phototag.cli.decoders import silence_decoders
    from phototag.nets.detector import data as boxes
    from phototag.nets.device import set_cpu_threads
    from phototag.nets.faceness import candidates
    from phototag.nets.faceness.evaluate import measure
    from phototag.taggers.faces import look_at

    if len(data) != len(images):
        raise click.UsageError("give each --data its --images")
    silence_decoders()
    if threads:
        set_cpu_threads(threads)
    photos = boxes.joined(
        [
            boxes.read_coco(file, folder, None if split == "all" or not boxes.has_splits(file) else split)
            for file, folder in zip(data, images, strict=True)
        ]
    )
    known = candidates.truths(photos, candidates.read_verdicts(verdicts) if verdicts else {})
    with tqdm(
        total=len(photos), unit="photo", file=sys.stderr, dynamic_ncols=True, disable=not draws_bars()
    ) as bar:
        seen, milliseconds = look_at(photos, known, device, weights, bar.update)
    measured = measure(seen) | {"ms_per_box": milliseconds}
    if as_json:
        write_json(measured)
    else:
        _show(measured)


def _show(measured: dict[str, Any]) -> None:
    for name, title in (("without_people", "without people"), ("with_people", "with people")):
        group = measured[name]
        write_text(f"{count(group['n'], 'photo')} {title}")
        for who, row in (("the detector alone", group["detector"]), ("the faces tagger", group["tagger"])):
            write_text(
                f"  {who:18}  {row['sure']} show a sure face{_share(row['sure'], group['n'])}, "
                f"{row['answering']} answer{_share(row['answering'], group['n'])}"
            )
    for name, title in (("faces", "labelled faces"), ("groups", "labelled faces in groups")):
        group = measured[name]
        write_text(f"{group['n'] if name == 'faces' else group['faces']} {title}")
        for who, row in (("the detector alone", group["detector"]), ("the faces tagger", group["tagger"])):
            write_text(
                f"  {who:18}  {row['sure']} sure, {row['eligible']} count; of no face "
                f"{row['others_sure']} sure, {row['others_eligible']} count"
            )
    for name in measured["without_people"]["answering"]:
        write_text(f"answers, though no person is labelled: {name}")
    write_text("score          boxes  mean score   faces")
    for row in measured["calibration"]:
        if row["n"]:
            write_text(
                f"{row['from']:.2f} to {row['to']:.2f}  {row['n']:6}  {row['mean_score']:10.3f}  "
                f"{row['faces']:6.1%}"
            )
    if measured["ms_per_box"] is not None:
        write_text(f"{measured['ms_per_box']:.2f} ms for FacenessNet's opinion of a box")


def _share(part: int, whole: int) -> str:
    return f" ({part / whole:.1%})" if whole else ""

"""`phototag explain`: posters of what a net sees."""

from __future__ import annotations

from pathlib import Path

import click

from phototag.cli.output import is_known_photo, printable, say
from phototag.errors import PhototagError
from phototag.outputs import check_output, picture_kind, save_picture


@click.group()
def explain() -> None:
    """Draw what a net has learned and what it sees.

    For one photo's answer see `phototag why PHOTO --heatmap OUT.png`."""


@explain.command("smilenet")
@click.argument("photo", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--filters",
    "target",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The poster: .png, .jpg or .webp.",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="SmileNet weights. Default: those in use.",
)
@click.option("--force", is_flag=True, help="Let --filters replace a file that phototag did not make.")
def explain_smilenet(photo: Path | None, target: Path, weights: Path | None, force: bool) -> None:
    """Draw SmileNet's first filters, and its feature maps of a face.

    The face is the largest sure one of PHOTO. Of every stage those 16 maps are drawn that the face
    excites most: bright where they answer. Without PHOTO, the filters alone.

    \b
      phototag explain smilenet sample_photos/2016/astronaut.jpg --filters poster.png
    """
    picture_kind(target)
    check_output(target, is_known_photo, force=force)
    if photo is not None and target.exists() and photo.samefile(target):
        raise PhototagError(f"{target} is the photo itself; name another file for --filters")
    from phototag.nets.smilenet import poster
    from phototag.nets.smilenet.checkpoint import load
    from phototag.taggers.smiles import largest_face_cutter
    from phototag.weights import store

    net, calibration = load(weights or store.checked("smilenet"))
    crop = None if photo is None else largest_face_cutter("cpu", calibration.size)(photo)
    save_picture(poster.draw(net, calibration, crop), target, force=force)
    say(f"drawn: {printable(str(target))}")

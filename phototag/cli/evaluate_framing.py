"""`phototag evaluate framing`: how faces must be cut from photos so that SmileNet reads them best."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from phototag.cli.output import write_json, write_text


@click.command("framing")
@click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--weights",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="SmileNet weights. Default: those in use.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def evaluate_framing(data: tuple[Path, ...], weights: Path | None, as_json: bool) -> None:
    """Measure how faces must be cut from photos for SmileNet.

    DATA: labelled faces, as for `phototag evaluate smilenet`. They are put into wider pictures, as
    if those were photos, and found again by our own face tagger. Printed are where their borders
    lie relative to the tagger's boxes and, for several margins, how well SmileNet reads what is cut
    out. Of labelled files only the held-out persons are looked at.

    \b
      phototag evaluate framing ferplus_valid.npz expressions.csv
    """
    from phototag.nets.smilenet import data as faces_of
    from phototag.nets.smilenet import framing
    from phototag.nets.smilenet.checkpoint import load
    from phototag.nets.smilenet.net import fuse
    from phototag.weights import store

    net, calibration = load(weights or store.checked("smilenet"))
    fuse(net)
    measured = {}
    for source in data:
        faces = faces_of.read_faces(source, calibration.size)
        if source.suffix != ".npz":
            faces = faces_of.split_persons(faces)[1]
        measured[source.name] = framing.measure(net, calibration, faces)
    if as_json:
        write_json({name: asdict(found) for name, found in measured.items()})
        return
    for name, found in measured.items():
        write_text(f"{name}: found again {found.found} of {found.faces} faces")
        write_text(f"  the dataset's side / the box's: {_median(found.side)}")
        write_text(f"  the dataset's middle below the box's, in sides: {_median(found.shift)}")
        write_text("  cut                 emotion  smile accuracy  smile AUC")
        for row in found.cuts:
            write_text(
                f"  {row.cut:18} {row.accuracy:8.3f} {row.smile_accuracy:15.3f} "
                + ("         -" if row.smile_auc is None else f"{row.smile_auc:10.4f}")
            )


def _median(quartiles: tuple[float, float, float]) -> str:
    low, middle, high = quartiles
    return f"median {middle:.2f} (quartiles {low:.2f} to {high:.2f})"

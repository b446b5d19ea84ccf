"""`phototag weights`: which weights are here, fetching and importing them, and proof that they are
untouched."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from phototag.cli.output import (
    count,
    draws_bars,
    json_option,
    printable,
    refuse_without,
    say,
    write_json,
    write_path,
    write_table,
    write_text,
)
from phototag.errors import EXIT_FATAL, PhototagError, WeightsError
from phototag.weights import manifest, store
from phototag.weights.default_detector import OURS

if TYPE_CHECKING:
    from phototag.nets.compare import Comparison

LEAST_PICTURES = 100  # with labels, to compare on: of fewer one alone is more than a point
MOST_THRESHOLD = 0.95  # a smile that must be surer than this is hardly ever found


@click.group()
def weights() -> None:
    """List, fetch, import, choose and verify the nets' weights.

    Eighty kinds of thing, and smiles, are found with what ships with phototag. Torchvision's weights for
    the same kinds are fetched once and kept; your own are imported. Every file is held to its hash before
    it is used."""


@weights.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List the weights there are and whether they are here."""
    rows = [_row(name) for name in manifest.entries()]
    if as_json:
        write_json(rows)
        return
    write_table(
        ("weights", "here", "MB", "what they find", "licence"),
        [
            (str(row["name"]), _where(row), str(row["megabytes"]), str(row["summary"]), str(row["licence"]))
            for row in rows
        ],
        right=frozenset({2}),
        key=0,
    )


def _where(row: dict[str, object]) -> str:
    if not row["here"]:
        return "no"
    return "your own file" if row["own"] else "ships with phototag" if row["ships"] else "fetched"


def _row(name: str) -> dict[str, object]:
    known, file = manifest.entry(name), store.path(name)
    record = store.records().get(file.name, {})
    return {
        "name": name,
        "here": store.present(name),
        "ships": known.url is None,
        "own": bool(record.get("own")),
        "file": str(file),
        "url": known.url,
        "sha256": record.get("sha256") or known.sha256 or None,
        "sha256_starts": known.sha256_starts,
        "megabytes": known.megabytes,
        "licence": known.licence,
        "summary": known.summary,
    }


@weights.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Fetch again what is here already.")
def fetch(name: str, force: bool) -> None:
    """Download the weights NAME and check them.

    A download that broke off goes on where it stopped.

    \b
      phototag weights fetch coco-mobile
    """
    from tqdm import tqdm

    known = manifest.entry(name)
    if store.present(name) and not force:
        say(f"{name} is here already: {store.path(name)}")
        return
    with tqdm(
        unit="B",
        unit_scale=True,
        unit_divisor=1024,
        desc=name,
        file=sys.stderr,
        dynamic_ncols=True,
        disable=not draws_bars(),
    ) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total or None
            bar.update(done - bar.n)

        file = store.fetch(known, progress)
    say(f"{name}: fetched and checked ({known.licence})")
    write_path(str(file))


@weights.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--own",
    metavar="NAME",
    help="The file is your own (from your training): use it as smilenet, as detector (the one that "
    "ships), or as another of the list.",
)
@click.option(
    "--validate",
    type=click.Path(path_type=Path, exists=True),
    help="Labelled pictures that nobody trained on, for --own: faces as for `evaluate smilenet`, or a "
    "COCO file with --images.",
)
@click.option(
    "--images", type=click.Path(path_type=Path, exists=True, file_okay=False), help="The COCO file's photos."
)
@click.option("--anyway", is_flag=True, help="Import them although they are worse, or unmeasured.")
def import_command(
    file: Path, own: str | None, validate: Path | None, images: Path | None, anyway: bool
) -> None:
    """Take weights from FILE: published ones without a network, or your own.

    Which published weights they are is told by the file's hash. With --own it is a file that nobody
    published, made by `phototag train`. It is measured on the pictures of --validate beside what it
    replaces, and refused where it is worse. The next scan tags again with it; `phototag weights use
    smilenet` goes back to the weights that ship.

    \b
      phototag weights import fasterrcnn_mobilenet_v3_large_fpn-fb6a3cc7.pth
      phototag weights import runs/mine/smilenet.safetensors --own smilenet --validate faces
      phototag weights import runs/mine/detector.safetensors --own detector \\
        --validate boxes.json --images photos
    """
    if own is None:
        refuse_without("--own", ("--validate", validate), ("--images", images), ("--anyway", anyway))
    else:
        own = OURS if own == "detector" else manifest.entry(own).name
        _check_own(file, own, validate, images, anyway)
    known = store.import_file(file, own)
    say(f"{known.name}: imported{' as your own' if own else ' and checked'}")
    if own is not None:
        say(f"The next scan uses them. Back to the weights that ship: phototag weights use {known.name}")
    write_path(str(store.path(known.name)))


def _check_own(file: Path, name: str, validate: Path | None, images: Path | None, anyway: bool) -> None:
    """Raises PhototagError where the file is no such weights, or is not shown to be as good as what it
    replaces, unless `anyway`."""
    smiles = manifest.entry(name).tagger == "smiles"
    if validate is not None and smiles == (images is not None):
        raise click.UsageError(
            "--images belongs to a COCO file of a detector"
            if smiles
            else "--validate needs the photos: --images"
        )
    if not file.is_file():
        raise WeightsError(f"{file}: there is no such file")
    if file.suffix != Path(manifest.entry(name).file).suffix:
        raise WeightsError(f"{file}: weights for {name} are a {Path(manifest.entry(name).file).suffix} file")
    if manifest.entry(name).tagger == "faces":
        from phototag.nets.faceness.checkpoint import load as load_faceness

        load_faceness(file)
        if validate is not None:
            raise click.UsageError(
                f"these are measured with: phototag evaluate faces --weights {file}; then import them with "
                "--anyway"
            )
    elif smiles:
        from phototag.nets.smilenet.checkpoint import load

        _, calibration = load(file)
        if calibration.smile_threshold > MOST_THRESHOLD:
            say(
                f"{file}: a smile counts from {calibration.smile_threshold:.2f} on, so nearly none will; "
                "its training had too few validation faces"
            )
    else:
        from phototag.taggers import objects

        objects.detector(name, file=file)
    if validate is None:
        if not anyway:
            raise PhototagError(
                f"{file} was not measured beside what it replaces; give labelled pictures with --validate, "
                "or import it unmeasured: --anyway"
            )
        return
    found = _compare(file, name, validate, images)
    say(f"{count(found.count, 'picture')} with labels    new    in use")
    for figure in found.figures:
        say(f"  {figure.name:22} {figure.new:8.4f} {figure.old:8.4f}{'  worse' if figure.worse else ''}")
    if found.count < LEAST_PICTURES:
        say(f"only {count(found.count, 'picture')}: by so few, chance decides; a hundred and more tell")
    if found.worse and not anyway:
        raise PhototagError(
            f"{file} is worse than what it replaces ({', '.join(figure.name for figure in found.worse)}) "
            "and was not imported; to import it all the same add --anyway"
        )


def _compare(file: Path, name: str, validate: Path, images: Path | None) -> Comparison:
    from phototag.nets import compare

    if images is None:
        from phototag.nets.smilenet.data import read_faces

        return compare.compare_smilenets(file, store.checked(name), partial(read_faces, validate))
    from phototag.nets.detector import data
    from phototag.taggers import objects

    photos = data.read_coco(validate, images, "val" if data.has_splits(validate) else None)
    new, old = (objects.detector(name, floor=0.02, file=each) for each in (file, None))
    return compare.compare_detectors(new, old, photos)


@weights.command("use")
@click.argument("name")
def use_command(name: str) -> None:
    """Use the weights NAME as they ship or were fetched, or own-NAME: your own.

    The files stay where they are. The next scan tags again with the weights in use.

    \b
      phototag weights use smilenet
      phototag weights use own-smilenet
    """
    file = store.use(OURS if name == "detector" else name)
    say(f"{name}: in use from the next scan on")
    write_path(str(file))


@weights.command()
@click.argument("name", required=False)
def path(name: str | None) -> None:
    """Print where the weights NAME lie, or the folder of fetched weights."""
    write_path(str(store.path(name) if name else store.folder()))


@weights.command()
@click.argument("names", nargs=-1)
@json_option
def verify(names: tuple[str, ...], as_json: bool) -> None:
    """Hash the weights that are here (or NAMES) and compare with what was recorded.

    Says ok for each file that is what it was when it came. Exit code 1 where one is not.

    \b
      phototag weights verify
      phototag weights verify people-pets --json
    """
    rows = []
    for name in names or [name for name in manifest.entries() if store.present(name)]:
        row = {"name": name, "ok": True, "sha256": None, "file": str(store.path(name)), "error": None}
        rows.append(row)
        try:
            row["sha256"] = store.verify(name)
        except WeightsError as error:
            row["ok"], row["error"] = False, str(error)
            say(f"phototag: {error}")
        else:
            if not as_json:
                write_text(f"{name}: ok, {printable(str(row['file']))}")
    if as_json:
        write_json(rows, indent=2)
    if not all(row["ok"] for row in rows):
        sys.exit(EXIT_FATAL)

"""`phototag weights`: which weights are here, fetching and importing them, and proof that they are
untouched."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from phototag.cli.output import draws_bars, say, write_json
from phototag.errors import EXIT_FATAL, PhototagError
from phototag.weights import manifest, store


@click.group()
def weights() -> None:
    """List, fetch, import and verify the detectors' weights.

    People and pets are found with what ships with phototag. Torchvision's weights for 80 kinds of
    thing are fetched once and kept; every file is held to its hash before it is used."""


@weights.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def list_command(as_json: bool) -> None:
    """List the weights there are and whether they are here."""
    rows = [_row(name) for name in manifest.entries()]
    if as_json:
        write_json(rows)
        return
    for row in rows:
        here = (
            "ships with phototag" if row["here"] and row["ships"] else "here" if row["here"] else "not here"
        )
        here = "your own file" if row["own"] else here
        click.echo(f"{row['name']:16} {here:20} {row['megabytes']:>4} MB  {row['summary']}")
        click.echo(f"{'':16} {row['licence']}")


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
    click.echo(str(file))


@weights.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--own", metavar="NAME", help="The file is your own (from your training): use it as the detector NAME."
)
def import_command(file: Path, own: str | None) -> None:
    """Take weights from FILE, on a machine without a network.

    Which weights they are is told by the file's hash. With --own it is a file that nobody
    published: `phototag train detector` makes such files for people-pets.

    \b
      phototag weights import fasterrcnn_mobilenet_v3_large_fpn-fb6a3cc7.pth
      phototag weights import runs/mine/detector.safetensors --own people-pets
    """
    known = store.import_file(file, own)
    if own is not None:
        from phototag.taggers import objects

        try:
            objects.detector(known.name)
        except PhototagError:
            store.forget(known.name)
            raise
    say(f"{known.name}: imported{' as your own' if own else ' and checked'}")
    click.echo(str(store.path(known.name)))


@weights.command()
@click.argument("name", required=False)
def path(name: str | None) -> None:
    """Print where the weights NAME lie, or the folder of fetched weights."""
    click.echo(str(store.path(name) if name else store.folder()))


@weights.command()
@click.argument("names", nargs=-1)
def verify(names: tuple[str, ...]) -> None:
    """Hash the weights that are here (or NAMES) and compare with what was recorded."""
    failed = False
    for name in names or [name for name in manifest.entries() if store.present(name)]:
        try:
            click.echo(f"{store.verify(name)}  {store.path(name)}")
        except PhototagError as error:
            say(f"phototag: {error}")
            failed = True
    if failed:
        sys.exit(EXIT_FATAL)

"""`phototag weights`: which weights are here, fetching and importing them, and proof that they are
untouched."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from phototag.cli.output import draws_bars, json_option, printable, say, write_json, write_table
from phototag.errors import EXIT_FATAL, PhototagError, WeightsError
from phototag.weights import manifest, store


@click.group()
def weights() -> None:
    """List, fetch, import and verify the detectors' weights.

    People and pets are found with what ships with phototag. Torchvision's weights for 80 kinds of
    thing are fetched once and kept; every file is held to its hash before it is used."""


@weights.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List the weights there are and whether they are here."""
    rows = [_row(name) for name in manifest.entries()]
    if as_json:
        write_json(rows)
        return
    write_table(
        ("weights", "MB", "what they find", "licence", "here"),
        [
            (str(row["name"]), str(row["megabytes"]), str(row["summary"]), str(row["licence"]), _where(row))
            for row in rows
        ],
        right=frozenset({1}),
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
                click.echo(f"{name}: ok, {printable(str(row['file']))}")
    if as_json:
        write_json(rows, indent=2)
    if not all(row["ok"] for row in rows):
        sys.exit(EXIT_FATAL)

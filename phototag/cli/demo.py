"""`phototag demo`: the sample photos, scanned and opened, to see what it is like."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import click

from phototag.cli.browse import require_server, run
from phototag.cli.output import say
from phototag.errors import PhototagError


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Of the address. Default: one that is free."
)
@click.option("--no-open", is_flag=True, help="Only print the address; open no browser.")
def demo(port: int, no_open: bool) -> None:
    """Try it: the sample photos in a browser, with a throw-away catalog.

    Scans fifteen photos that come with phototag, which takes seconds, and opens them as `phototag browse`
    opens yours. Label, correct and make albums as you like: at Ctrl-C the catalog is thrown away.

    \b
      phototag demo
    """
    require_server()
    from phototag.cli.decoders import silence_decoders
    from phototag.library import Library
    from phototag.scanning import ScanOptions, scan

    silence_decoders()
    with tempfile.TemporaryDirectory(prefix="phototag-demo-") as name:
        folder = Path(name, "sample_photos")
        shutil.copytree(_sample_photos(), folder)
        with Library.open(Path(name, "catalog.db")) as library:
            say("Scanning the sample photos ...")
            # People, too, so that there is something to name: of public pictures, in a catalog thrown away.
            report = scan(library, [folder], ScanOptions(offline=True, people=True))
            say(f"{report.tagged} photos in {report.seconds:.0f} s.")
            run(library, port, "", open_browser=not no_open, thumbnails=Path(name, "thumbnails"))


def _sample_photos() -> Path:
    """In a clone beside the package, in a wheel inside it."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "sample_photos", package.parent / "sample_photos"):
        if folder.is_dir():
            return folder
    raise PhototagError(
        "the sample photos are not there: this installation is not complete. Install it again"
    )

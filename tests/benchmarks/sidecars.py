"""100,000 sidecars as digiKam, darktable and osxphotos write them, read to what they say. And what a scan
takes that finds them beside photos that it knows: it reads those photos' own metadata too, and stores what
is believed. Nothing is decoded."""

from __future__ import annotations

import shutil
from pathlib import Path

from phototag import Library, scan
from phototag.metadata.beside import Reader
from phototag.scanning import ScanOptions
from tests.benchmarks import Figure, Plan, cpu_seconds, photos, tell
from tests.benchmarks.rescan import with_tiny_tagger

SIDECARS = 100_000
FOREIGN = Path(__file__).parents[1] / "metadata" / "foreign"
KINDS = ("digikam-faces.jpg.xmp", "darktable-rated.jpg.xmp", "osxphotos.jpeg.xmp")


def figures(plan: Plan = Plan()) -> list[Figure]:
    count = plan.photos or SIDECARS
    with_tiny_tagger()
    options = ScanOptions(taggers=("colour",))
    folder = photos.tree(plan.cache / "sidecars", count)
    catalog = folder.with_suffix(".db")
    for left in catalog.parent.glob(catalog.name + "*"):
        left.unlink()
    with Library.open(catalog) as library:
        tell(f"a first scan of {count:,} photos without sidecars")
        scan(library, [folder], options)
        files = sorted(folder.rglob("*.jpg"))
        _write_sidecars(files)
        began = cpu_seconds()
        reader = Reader()
        for photo in files:
            reader.read(str(photo.parent), photo.name, [photo.name + ".xmp"])
        seconds = cpu_seconds() - began
        began = cpu_seconds()
        report = scan(library, [folder], options)
        tell(f"the scan that finds {count:,} sidecars: {cpu_seconds() - began:.1f} s CPU")
    if report.metadata_read != count or report.tagged or reader.errors:
        raise AssertionError(f"not all sidecars were read, or photos were decoded: {report}")
    shutil.rmtree(folder)
    return [Figure("sidecars, CPU to read 100,000", seconds * SIDECARS / count, 60, "s")]


def _write_sidecars(files: list[Path]) -> None:
    """One of each kind in turn, with some thousand different keywords."""
    kinds = [(FOREIGN / name).read_bytes() for name in KINDS]
    for number, photo in enumerate(files):
        packet = kinds[number % len(kinds)].replace(b">holiday<", b">holiday %d<" % (number % 3000))
        packet = packet.replace(b">jpeg</photoshop", b">jpg</photoshop")
        photo.with_name(photo.name + ".xmp").write_bytes(packet)

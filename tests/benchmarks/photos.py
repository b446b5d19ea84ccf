"""The photos that the benchmarks look at, made from real ones and kept in the cache: 12 and 48
megapixels with the fine texture and the noise of a sensor, baseline and progressive, all
orientations, many shapes; and libraries of small files."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from skimage import data

from phototag.reading.pixels import UPRIGHT
from tests.benchmarks import ROOT, tell

EDITION = 1  # raise it when the pictures change: the cache then makes new ones
INVERSE = {
    Image.Transpose.ROTATE_90: Image.Transpose.ROTATE_270,
    Image.Transpose.ROTATE_270: Image.Transpose.ROTATE_90,
}
GRAIN = 1024  # pixels; the fine texture repeats after so many, moved along
LONG_AGO = 1_466_764_200  # seconds: a day in June 2016
PER_FOLDER = 250  # files; as in a library by day and event


@dataclass(frozen=True)
class Shot:
    """One photo to make. `wide`, `high`: of the upright picture; `orientation`: EXIF's, in which
    the pixels are stored."""

    wide: int
    high: int
    orientation: int = 1
    progressive: bool = False

    def name(self, number: int) -> str:
        kind = "progressive" if self.progressive else "baseline"
        return f"{number:02}-{kind}-{self.wide}x{self.high}-turned{self.orientation}.jpg"


SETS: dict[str, tuple[Shot, ...]] = {
    "12mp": (
        Shot(4000, 3000),
        Shot(3000, 4000, 6),
        Shot(4000, 3000, 3, progressive=True),
        Shot(4240, 2832),
        Shot(3464, 3464),
        Shot(3000, 4000, 8, progressive=True),
        Shot(4608, 2592, 2),
        Shot(6000, 2000),
        Shot(4240, 2832, progressive=True),
        Shot(2592, 4608, 5),
        Shot(4000, 3000, 4),
        Shot(2832, 4240, 7, progressive=True),
    ),
    "48mp-baseline": (Shot(8000, 6000), Shot(6000, 8000, 6), Shot(8000, 6000, 3), Shot(6000, 8000, 8)),
    "48mp-progressive": tuple(
        Shot(*shot, progressive=True)
        for shot in ((8000, 6000), (6000, 8000, 6), (8000, 6000, 3), (6000, 8000, 8))
    ),
    "small": tuple(Shot(1024, 768) if i % 3 else Shot(768, 1024, 6) for i in range(12)),
}


def folder(cache_folder: Path, name: str) -> Path:
    """The folder of one of SETS; its pictures are made where they are not there yet."""
    target = cache_folder / f"photos-{EDITION}-{name}"
    if not target.is_dir():
        tell(f"making {len(SETS[name])} photos in {target}")
        unfinished = _begin(target)
        for number, shot in enumerate(SETS[name]):
            (unfinished / shot.name(number)).write_bytes(jpeg(shot, number))
        unfinished.rename(target)
    return target


def tree(cache_folder: Path, count: int, of: str | None = None) -> Path:
    """A library of so many files in folders of 250: each a tiny JPEG with bytes of its own, or
    (`of`: one of SETS) hard links to the pictures of a set."""
    target = cache_folder / f"library-{EDITION}-{of or 'tiny'}-{count}"
    if not target.is_dir():
        tell(f"making {count:,} files in {target}")
        unfinished = _begin(target)
        sources = sorted(folder(cache_folder, of).iterdir()) if of else []
        tiny = list(_tiny()) if not of else []
        for number in range(count):
            below = unfinished / f"{2000 + number // PER_FOLDER % 20}" / f"{number // PER_FOLDER:04}"
            if number % PER_FOLDER == 0:
                below.mkdir(parents=True)
            path = below / f"IMG_{number:06}.jpg"
            if of:
                link(sources[number % len(sources)], path)
            else:
                start, rest = tiny[number % len(tiny)]
                # a JPEG comment, so that no two are alike
                path.write_bytes(start + b"\xff\xfe\x00\x0a%08d" % number + rest)
        for here, _, _ in os.walk(unfinished):
            # a scan does not trust the time of a folder that has only just changed
            os.utime(here, (LONG_AGO, LONG_AGO))
        unfinished.rename(target)
    return target


def link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)


def _begin(target: Path) -> Path:
    """An empty folder to be renamed when it is complete: what a kill leaves is not taken for it."""
    unfinished = target.with_name(target.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    return unfinished


def jpeg(shot: Shot, seed: int) -> bytes:
    """A photo as a camera would store it."""
    pixels = collage(shot.wide, shot.high, seed)
    _add_detail(pixels, seed)
    picture = Image.fromarray(pixels)
    if (turn := UPRIGHT.get(shot.orientation)) is not None:
        picture = picture.transpose(INVERSE.get(turn, turn))
    exif = Image.Exif()
    exif[0x0110] = ("Pixel 3", "Canon EOS R5", "iPhone 14")[seed % 3]
    exif[0x0112] = shot.orientation
    exif.get_ifd(0x8769)[0x9003] = f"2016:{1 + seed % 12:02}:{1 + seed:02} 12:00:00"
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=90, progressive=shot.progressive, exif=exif)
    return stream.getvalue()


def collage(width: int, height: int, seed: int) -> np.ndarray:
    """A photo-like picture with faces of many sizes: real photographs, side by side, over one
    another, on texture."""
    rng = np.random.default_rng(seed)
    texture = Image.fromarray(data.grass() if seed % 2 else data.brick()).convert("RGB")
    picture = texture.resize((width, height), Image.Resampling.LANCZOS)
    photographs = _photographs()
    for i, size in enumerate((0.5, 0.45, 0.4, 0.3, 0.3, 0.25, 0.2, 0.2, 0.15, 0.15)):
        photograph = photographs[(i + seed) % len(photographs)]
        ratio = min(size * height / max(photograph.size), width / photograph.width)
        patch = photograph.resize(
            (round(photograph.width * ratio), round(photograph.height * ratio)), Image.Resampling.LANCZOS
        )
        left, top = (
            int(rng.integers(0, max(1, room))) for room in (width - patch.width, height - patch.height)
        )
        picture.paste(patch, (left, top))
    return np.array(picture)


@cache
def _photographs() -> tuple[Image.Image, ...]:
    """Scikit-image's, and portraits beyond its one: matplotlib's, and those of sample_photos where
    they are."""
    import matplotlib

    people = [Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"]
    people += sorted((ROOT / "sample_photos").rglob("*.jpg"))[:6]
    given = [Image.fromarray(picture) for picture in (data.astronaut(), data.coffee(), data.chelsea())]
    return (*given, *(Image.open(path).convert("RGB") for path in people))


def _add_detail(pixels: np.ndarray, seed: int) -> None:
    """What enlarging cannot bring: real texture at the size of pixels, and sensor noise. In place,
    band by band."""
    rng = np.random.default_rng([seed, EDITION])
    grain = _grain()
    height, width = pixels.shape[:2]
    for top in range(0, height, GRAIN):
        band = pixels[top : top + GRAIN]
        moved = np.roll(grain, tuple(rng.integers(0, GRAIN, 2)), (0, 1))
        moved = np.tile(moved, (1, -(-width // GRAIN)))[: len(band), :width, None]
        np.clip(band + moved, 0, 255, out=band, casting="unsafe")


@cache
def _grain() -> np.ndarray:
    """(GRAIN, GRAIN) int16: what a blur takes from photographs of gravel, grass and brick, half as
    strong, and noise of two grey levels, as at ISO 100 to 200. JPEGs with it have 2 to 3 bits per
    pixel at quality 90, about as those of phones."""
    tiles = [data.gravel(), data.grass(), data.brick(), np.rot90(data.gravel())]
    texture = np.vstack([np.hstack(tiles[:2]), np.hstack(tiles[2:])])  # four of 512 x 512
    blurred = Image.fromarray(texture).filter(ImageFilter.GaussianBlur(2))
    detail = (texture.astype(np.float32) - np.asarray(blurred)) / 2
    return np.rint(detail + np.random.default_rng(EDITION).normal(0, 2, detail.shape)).astype(np.int16)


def _tiny() -> Iterator[tuple[bytes, bytes]]:
    """JPEGs of 64 x 48, cut in two where a comment may stand."""
    for seed in range(10):
        stream = io.BytesIO()
        Image.fromarray(collage(640, 480, seed)).resize((64, 48)).save(stream, "JPEG", quality=75)
        yield stream.getvalue()[:2], stream.getvalue()[2:]

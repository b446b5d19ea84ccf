"""Damaged pictures by the thousand: whatever is in a file, it is shown or refused with one line, and
nothing else escapes. What a mutant costs in time and memory is bounded too."""

import io
import random
import resource
import struct
import time

import numpy as np
import pytest
from PIL import Image

from phototag.errors import UnreadablePhoto
from phototag.reading.decode import decode
from phototag.reading.pixels import fit_inside
from tests.reading import pictures as make
from tests.reading import tiffs

MUTANTS = 20_000
MOST_SECONDS = 2.0  # of the process, for one picture of 160 x 120
LIMIT = 1_000_000  # pixels, as --max-pixels


def seeds():
    photo = make.gradient(160, 120)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Canon"
    exif.get_ifd(0x8769)[0x9003] = "2016:05:04 03:02:01"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 30.0, 0.0), 3: "E", 4: (2.0, 15.0, 0.0)})
    profile = make.icc_profile("wide", 1.8, make.WIDE)
    for kind, options in (
        ("JPEG", {"exif": exif, "icc_profile": profile}),
        ("JPEG", {"progressive": True}),
        ("MPO", {"save_all": True, "append_images": [photo]}),
        ("PNG", {"exif": exif, "icc_profile": profile}),
        ("WEBP", {"exif": exif, "icc_profile": profile}),
        ("TIFF", {"exif": exif, "compression": "tiff_lzw"}),
        ("TIFF", {"compression": "jpeg"}),
        ("GIF", {"save_all": True, "append_images": [photo]}),
        ("BMP", {}),
        ("DIB", {}),
        ("AVIF", {"quality": 40}),
    ):
        yield make.encoded(kind, photo, **options)
    yield make.encoded("PNG", photo.quantize(), transparency=3)
    yield make.encoded("TIFF", photo.convert("F"), compression="tiff_adobe_deflate")
    yield make.encoded("JPEG", photo)[:-2] + bytes(300)
    yield make.png_with(photo, (b"cICP", b"\x09\x10\0\1"), (b"gAMA", struct.pack(">I", 45_455)))
    numbers = np.asarray(photo)
    for layout in (tiffs.Layout(">", big=True, planes=2), tiffs.Layout(compression=8, predictor=2)):
        yield tiffs.write(numbers.astype(np.uint16) * 257, 2, layout)
        yield tiffs.write(np.dstack([numbers, numbers[..., :2]]), 5, layout, (2,))
        layout.predictor = 3 if layout.predictor == 2 else 1
        yield tiffs.write((numbers / 255).astype(np.float32), 2, layout)
    yield make.tiff(
        [make.tiff_page(40, 30, (1, 2, 3), t254=1, t330=True), make.tiff_page(160, 120, (9, 8, 7, 6), 16)]
    )


def mutant(data, rng):
    """The file with some bytes changed, numbers set to extremes, parts doubled, moved or cut out."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        at = rng.randrange(min(len(changed), rng.choice((64, 1024, len(changed)))))
        how = rng.randrange(6)
        if how == 0:
            changed[at] = rng.randrange(256)
        elif how == 1:
            changed[at : at + 4] = rng.choice(
                (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\x40\0")
            )
        elif how == 2:
            changed[at : at + 2] = rng.choice((b"\xff\xd8", b"\xff\xd9", b"\xff\xda", b"\xff\xc4", b"\0\x01"))
        elif how == 3:
            del changed[at : at + rng.randrange(1, 200)]
        elif how == 4:
            part = changed[at : at + rng.randrange(1, 500)]
            place = rng.randrange(len(changed))
            changed[place:place] = part
        else:
            del changed[max(1, at) :]
        if not changed:
            return b"\0"
    return bytes(changed)


def fuzz(mutants, seed):
    rng, shown = random.Random(seed), 0
    files = list(seeds())
    for number in range(mutants):
        data = mutant(files[number % len(files)], rng)
        began = time.process_time()
        try:
            photo = decode(data, f"a.{rng.choice(('jpg', 'tif', 'dng'))}", 0.0, small, LIMIT, "hash")
        except UnreadablePhoto as error:
            assert str(error) and "\n" not in str(error)
        else:
            shown += 1
            assert photo.pixels.ndim == 3 and photo.pixels.shape[2] == 3 and photo.width > 0 < photo.height
        if time.process_time() - began > MOST_SECONDS:
            raise AssertionError(f"mutant {number} of seed {seed} took too long")
    return shown


def small(size_wh):
    return fit_inside(size_wh, 64)


def test_some_hundred_mutants():
    shown = fuzz(320, 1)
    assert 20 < shown < 300  # else they are no test


@pytest.mark.slow
def test_twenty_thousand_mutants():
    fuzz(1000, 2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    fuzz(MUTANTS, 3)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024  # kB: nothing piles up


def test_the_seeds_are_pictures():
    for data in seeds():
        assert decode(data, "a", 0.0, small, LIMIT, "hash").width in (120, 160), io.BytesIO(data).read(20)

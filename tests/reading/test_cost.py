"""What a picture may cost: files made to keep a reader busy, and copies that are not made."""

import struct
import subprocess
import sys
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from phototag.reading.decode import open_photo
from phototag.reading.images import open_picture
from phototag.reading.pixel_hash import hash_pixels
from phototag.reading.pixels import shrink
from tests.reading import pictures as make

MOST_SECONDS = 2.0  # of the process
EXIF = b"Exif\0\0MM\0*\0\0\0\x08"


def segment(marker, body):
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def entry(tag, kind, number, value):
    return struct.pack("<HHII", tag, kind, number, value)


def busy_files():
    photo = make.gradient(160, 120)
    jpeg = make.encoded("JPEG", photo)
    head, rest = jpeg[:2], jpeg[2:]
    yield "padding before a marker", head + b"\xff" * 10_000_000 + rest
    yield "Exif again and again", head + segment(0xE1, EXIF + b"\xff" * 60_000) * 300 + rest
    yield "notes without end", head + segment(0xFE, b"") * 1_000_000 + rest
    yield "restarts without end", jpeg[:-2] + b"\xff\xd0" * 5_000_000
    number = 200_000
    places = struct.pack("<I", 8) * number + struct.pack("<I", 1_000_000) * number
    tags = [(256, 1, 400), (257, 1, number), (258, 1, 8), (259, 1, 1), (262, 1, 1), (277, 1, 1), (278, 1, 1)]
    start = 8 + 2 + 12 * 9 + 4
    entries = [entry(tag, 4, count, value) for tag, count, value in tags]
    entries[5:5] = [entry(273, 4, number, start)]
    entries.append(entry(279, 4, number, start + 4 * number))
    yield (
        "a TIFF of strips that overlap",
        b"II*\0" + struct.pack("<IH", 8, 9) + b"".join(entries) + bytes(4) + places,
    )
    pages = (
        struct.pack("<H", 1) + entry(256, 4, 1, 4) + struct.pack("<I", 26 + 18 * n) for n in range(200_000)
    )
    yield "a TIFF of pages without end", b"II*\0" + struct.pack("<I", 8) + b"".join(pages)
    box = struct.pack(">I4s", 8, b"free")
    avif = make.encoded("AVIF", photo)
    yield "an AVIF with empty boxes behind", avif + box * 3_000_000
    kind = struct.pack(">I4s", 24, b"ftyp") + b"avif\0\0\0\0avifmif1"
    items = struct.pack(">I4s", 14, b"iinf") + bytes(6)
    number = 3_000_000
    places = struct.pack(">I4sHHI", 16 + 10 * number, b"iloc", 0x200, 0, number) + bytes(10 * number)
    meta = bytes(4) + items + places
    yield "an AVIF of items without end", kind + struct.pack(">I4s", 8 + len(meta), b"meta") + meta
    webp = make.encoded("WEBP", photo) + b"EXIF\0\0\0\0" * 3_000_000
    yield "a WebP with empty notes", b"RIFF" + struct.pack("<I", len(webp) - 8) + webp[8:]
    gif = make.encoded("GIF", photo)
    yield "a GIF with empty notes", gif[:-1] + b"!\xfe\0" * 5_000_000 + b";"
    png = make.encoded("PNG", photo)
    note = struct.pack(">I4sI", 0, b"teXt", zlib.crc32(b"teXt"))
    yield "a PNG with empty notes", png[:33] + note * 3_000_000 + png[33:]
    bomb = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(200_000_000), 9)
    chunk = struct.pack(">I", len(bomb)) + b"iTXt" + bomb + struct.pack(">I", zlib.crc32(b"iTXt" + bomb))
    yield "a note that unpacks to 200 MB", png[:33] + chunk + png[33:]


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize(("name", "data"), list(busy_files()), ids=[name for name, _ in busy_files()])
def test_a_file_made_to_keep_readers_busy_costs_little(name, data, tmp_path):
    file = tmp_path / "a.jpg"
    file.write_bytes(data)
    began = time.process_time()
    try:
        photo = open_photo(file, working_side=64)
    except Exception as error:
        assert str(error)
    else:
        assert photo.pixels.shape in ((48, 64, 3), (1, 64, 3), (64, 1, 3))
    hash_pixels(data)
    assert time.process_time() - began < MOST_SECONDS, name


def test_notes_beyond_measure_cost_the_notes_and_not_the_picture(tmp_path):
    data = make.encoded("JPEG", make.gradient(160, 120))
    plain, noted = tmp_path / "a.jpg", tmp_path / "b.jpg"
    plain.write_bytes(data)
    noted.write_bytes(data[:2] + segment(0xE1, EXIF + bytes(40)) * 50 + b"\xff" * 100_000 + data[2:])
    photo = open_photo(noted, working_side=64)
    assert (photo.pixels == open_photo(plain, working_side=64).pixels).all()
    assert hash_pixels(noted.read_bytes()) == hash_pixels(data)


MODES = {
    "1": lambda rgb: rgb.convert("1", dither=Image.Dither.NONE),
    "P": lambda rgb: rgb.quantize(64),
    "I;16": lambda rgb: Image.fromarray(np.asarray(rgb.convert("L")).astype(np.uint16) * 257),
    "I": lambda rgb: Image.fromarray(np.asarray(rgb.convert("L")).astype(np.int32) * 257),
    "F": lambda rgb: Image.fromarray(np.asarray(rgb.convert("L")).astype(np.float32) / 255),
    "LA": lambda rgb: rgb.convert("LA"),
    "RGBA": lambda rgb: rgb.convert("RGBA"),
    "PA": lambda rgb: rgb.quantize(64).convert("PA"),
    "L": lambda rgb: rgb.convert("L"),
    "CMYK": lambda rgb: rgb.convert("CMYK"),
}


@pytest.mark.parametrize("size_wh", [(1, 1), (8, 6), (300, 257), (301, 1030), (1030, 301)])
@pytest.mark.parametrize("mode", MODES)
def test_a_picture_in_bands_is_the_picture_as_a_whole(mode, size_wh):
    """Whatever its mode, and where its last rows and blocks are not full."""
    rng = np.random.default_rng(7)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 5, 3), np.uint8))
    rgb = coarse.resize(size_wh, Image.Resampling.BICUBIC)
    image = MODES[mode](rgb)
    whole = image if mode in ("1", "P", "PA") else rgb
    for target in {
        size_wh,
        (max(1, size_wh[0] // 2), max(1, size_wh[1] // 2)),
        (max(1, size_wh[0] // 9), 20),
    }:
        target = min(target[0], size_wh[0]), min(target[1], size_wh[1])
        shown = shrink(image, target)
        assert shown.size == target and shown.mode in ("L", "RGB", "CMYK")
        wanted = whole.convert(shown.mode).resize(target, Image.Resampling.BOX)
        off = np.abs(np.asarray(shown, np.int32) - np.asarray(wanted, np.int32))
        assert off.mean() < (12 if mode in ("1", "P", "PA") or max(size_wh) < 50 else 4), target


def test_what_is_hidden_has_no_colour_and_what_shines_through_is_paper():
    pixels = np.full((600, 700, 4), (200, 0, 0, 255), np.uint8)
    pixels[:, 350:] = (0, 200, 0, 0)
    shown = np.asarray(shrink(Image.fromarray(pixels), (70, 60)))
    assert (shown[:, :34] == (200, 0, 0)).all() and (shown[:, 36:] == 255).all()
    pixels[..., 3] = 0
    shown = np.asarray(shrink(Image.fromarray(pixels), (70, 60)))
    assert (shown[:, :34] == (200, 0, 0)).all() and (shown[:, 36:] == (0, 200, 0)).all()


PEAK = """
import resource, sys
from phototag.reading.decode import open_photo
from PIL import Image
import PIL.ImageCms
Image.new("RGB", (9, 9)).save(sys.argv[1] + ".png")
open_photo(sys.argv[1] + ".png", working_side=1333)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
open_photo(sys.argv[1], working_side=1333)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere ru_maxrss has other units")
@pytest.mark.parametrize("mode", ["F", "P", "RGBA"])
def test_no_copy_is_made_of_a_large_picture(mode, tmp_path):
    rgb = make.gradient(500, 500).resize((5000, 4000))
    image = MODES[mode](rgb)
    options = {"compression": "tiff_adobe_deflate"} if mode == "F" else {"compress_level": 1}
    image.save(tmp_path / "a", "TIFF" if mode == "F" else "PNG", **options)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(tmp_path / "a")], capture_output=True, text=True, check=True
    )
    decoded = {"F": 80, "P": 20, "RGBA": 80}[mode]  # MB: 20 million pixels as Pillow keeps them
    assert int(done.stdout) < decoded + 60


def test_a_tiff_up_to_the_limit_is_read_whatever_pillows_own_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    make.gradient(160, 120).save(tmp_path / "a.tif")
    assert open_photo(tmp_path / "a.tif", working_side=64).width == 160
    assert open_picture(tmp_path / "a.tif").convert("RGB").size == (160, 120)

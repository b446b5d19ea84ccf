"""What a picture may cost: files made to keep a reader busy, and copies that are not made."""

import json
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from phototag.errors import UnreadablePhoto
from phototag.reading import png, tiff
from phototag.reading.decode import open_photo, read_metadata
from phototag.reading.images import open_picture
from phototag.reading.pixel_hash import hash_pixels
from phototag.reading.pixels import shrink
from tests.bad_files import jpeg_segment, png_chunk
from tests.reading import costly, pngs
from tests.reading import pictures as make

ROOT = Path(__file__).parents[2]

# The others take long to make, or half a second and more to read three times.
LONG = (
    "image data in",
    "notes behind the pixels",
    "99,000 notes",
    "empty notes without",
    "crowded tags: JPEG",
)
QUICK = [name for name in costly.REFUSED if not any(part in name for part in (" MP", *LONG))]


@pytest.fixture(scope="module")
def cost():
    """Of a kind of costly file: (bytes of the file, seconds of the processor, MB, what was said)."""
    found = {}

    def of(name):
        if name not in found:
            names = QUICK if name in QUICK else [name]
            done = subprocess.run(
                [sys.executable, "-m", "tests.reading.costly", "--json", *names],
                capture_output=True,
                text=True,
                check=True,
                cwd=ROOT,
            )
            found.update({row[0]: row[1:] for row in map(json.loads, done.stdout.splitlines())})
        return found[name]

    return of


def check_cost(cost, name):
    _, seconds, megabytes, said = cost(name)
    assert said.startswith(("read as", "refused: ")) and "\n" not in said
    if said.startswith("refused") or " MP" not in name:
        assert seconds < costly.SLOW_TO_TELL.get(name, costly.MOST_SECONDS), said
        assert megabytes < costly.MOST_MEGABYTES, said


needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


@needs_proc
@pytest.mark.parametrize("name", QUICK)
def test_a_file_made_to_keep_readers_busy_costs_little(name, cost):
    check_cost(cost, name)


@needs_proc
@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in costly.REFUSED if name not in QUICK])
def test_a_refused_picture_costs_little_however_large(name, cost):
    check_cost(cost, name)


@needs_proc
@pytest.mark.slow
@pytest.mark.parametrize("name", costly.READ)
def test_a_large_photo_is_read(name, cost):
    assert cost(name)[-1].startswith("read as")


def test_notes_beyond_measure_cost_the_notes_and_not_the_picture(tmp_path):
    data = make.encoded("JPEG", make.gradient(160, 120))
    plain, noted = tmp_path / "a.jpg", tmp_path / "b.jpg"
    plain.write_bytes(data)
    noted.write_bytes(
        data[:2] + jpeg_segment(0xE1, costly.EXIF + bytes(40)) * 50 + b"\xff" * 100_000 + data[2:]
    )
    photo = open_photo(noted, working_side=64)
    assert (photo.pixels == open_photo(plain, working_side=64).pixels).all()
    assert hash_pixels(noted.read_bytes()) == hash_pixels(data)


@pytest.mark.parametrize("name", ["eXIf", "Raw profile type exif"])
def test_exif_behind_the_pixels_of_a_png_turns_it_and_costs_no_decoding(name, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    block = exif.tobytes()
    chunk = png_chunk(b"eXIf", block[6:])
    if name != "eXIf":
        text = f"\nexif\n{len(block):8}\n{block.hex()}\n"
        chunk = png_chunk(b"tEXt", f"{name}\0{text}".encode())
    png = make.encoded("PNG", make.gradient(160, 120))
    (tmp_path / "a.png").write_bytes(png[:-12] + chunk + png[-12:])
    assert open_photo(tmp_path / "a.png", working_side=160).pixels.shape == (160, 120, 3)
    begin = png.index(b"IDAT") - 4
    no_pixels = png_chunk(b"IDAT", b"no pixels")
    (tmp_path / "b.png").write_bytes(png[:begin] + no_pixels + chunk + png[-12:])
    assert read_metadata(tmp_path / "b.png")[0].orientation == 6


def test_a_flat_progressive_jpeg_that_lacks_only_its_end_marker_is_read(tmp_path):
    jpeg = costly.flat_jpeg((800, 600), costly.WHOLE)
    (tmp_path / "a.jpg").write_bytes(jpeg)
    (tmp_path / "b.jpg").write_bytes(jpeg[:-2])
    whole, cut = (open_photo(tmp_path / name, working_side=64) for name in ("a.jpg", "b.jpg"))
    assert (whole.pixels == cut.pixels).all()


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


def test_a_large_interlaced_png_is_refused_by_its_header(tmp_path):
    (tmp_path / "a.png").write_bytes(costly.flat_png((16_500, 4_000), colour=0, interlaced=True))
    with pytest.raises(UnreadablePhoto, match="an interlaced PNG of this size"):
        open_photo(tmp_path / "a.png", working_side=64)
    (tmp_path / "b.png").write_bytes(pngs.write(np.zeros((40, 60)), pngs.GREY, interlaced=True))
    assert open_photo(tmp_path / "b.png", working_side=64).width == 60


def test_a_png_that_unpacks_to_too_much_names_the_option(tmp_path):
    deep = costly.flat_png((400, 300), bits=16, colour=6)  # 8 bytes a pixel
    (tmp_path / "a.png").write_bytes(deep)
    with pytest.raises(UnreadablePhoto, match=r"unpacks to 0.0 GB.*--max-pixels 240075$"):
        open_photo(tmp_path / "a.png", working_side=64, max_pixels=150_000)
    assert open_photo(tmp_path / "a.png", working_side=64, max_pixels=240_075).width == 400


@pytest.mark.parametrize("colour", [0, 2, 4, 6])
@pytest.mark.parametrize("bits", [8, 16])
def test_whether_a_png_is_whole_is_seen_without_decoding_it(colour, bits):
    whole = costly.flat_png((301, 200), bits=bits, colour=colour)
    assert png.unpacks(whole)
    at = whole.index(b"IDAT")
    body = zlib.decompress(whole[at + 4 : -16])
    for changed in (zlib.compress(body[:-1]), zlib.compress(body)[:20], b"no deflate", b""):
        assert not png.unpacks(whole[:33] + png_chunk(b"IDAT", changed) + png_chunk(b"IEND", b""))
    packed = zlib.compress(body + b"more")
    for size in (1, 7, 70_000):  # however it is cut into chunks
        cut = b"".join(png_chunk(b"IDAT", packed[n : n + size]) for n in range(0, len(packed), size))
        assert png.unpacks(whole[:33] + cut + png_chunk(b"IEND", b""))


@pytest.mark.parametrize("compression", ["tiff_adobe_deflate", "tiff_deflate"])
def test_the_checksums_of_deflated_strips_are_looked_at(tmp_path, compression):
    """libtiff does not, and shows other pixels than there were."""
    data = bytearray(make.encoded("TIFF", make.gradient(300, 200), compression=compression))
    (tmp_path / "a.tif").write_bytes(data)
    assert open_photo(tmp_path / "a.tif", working_side=300).width == 300
    end = tiff.find_pieces(bytes(data), tiff.find_photo(bytes(data))[0])[0]
    data[sum(end) - 2] ^= 0x55  # of the checksum at a strip's end
    (tmp_path / "b.tif").write_bytes(data)
    with pytest.raises(UnreadablePhoto, match="cannot be unpacked"):
        open_photo(tmp_path / "b.tif", working_side=300)


PEAK = """
import resource, sys
from phototag.errors import UnreadablePhoto
from phototag.reading import png, tiff
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

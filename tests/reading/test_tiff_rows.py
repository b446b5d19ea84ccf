"""Large TIFFs are decoded some rows at a time: to the very pixels of the whole picture."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from phototag.errors import UnreadablePhoto
from phototag.reading import images, tiff
from phototag.reading.decode import open_photo
from phototag.reading.pixels import shrink
from phototag.reading.samples import SamplesFile
from phototag.reading.tiff_rows import find_rows
from tests.reading import pictures as make
from tests.reading import tiffs
from tests.reading.test_tiffs import KINDS, LAYOUTS
from tests.reading.tiffs import DEFLATE, FLOATING, HORIZONTAL, NONE, Layout

SIZES = ((75, 60), (11, 7), (4, 20))  # of a picture of 75 x 60


def noise(dtype, samples, height=60, width=75):
    rng = np.random.default_rng(5)
    if np.dtype(dtype).kind == "f":
        return rng.random((height, width, samples)).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max, (height, width, samples), dtype, endpoint=True)


def assert_same(data, group_bytes=1_000):
    """It can be decoded so, unless it is of a kind that Pillow does not read; then it is the same, at
    whatever size."""
    opened = images.open_bytes(data)
    rows = find_rows(opened.data, opened.image, group_bytes)
    if isinstance(opened.image, SamplesFile):
        assert rows is None
        return
    assert len(list(rows.bands())) > 1
    sizes = [(min(width, rows.size[0]), min(height, rows.size[1])) for width, height in SIZES]
    decoded = [shrink(rows, size_wh, ignore_alpha=opened.ignore_alpha) for size_wh in sizes]
    opened.image.load()
    for shown in decoded:
        whole = shrink(opened.image, shown.size, ignore_alpha=opened.ignore_alpha)
        assert (shown.mode, shown.tobytes()) == (whole.mode, whole.tobytes())


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_those_of_the_whole_picture(kind):
    numbers, photometric, extra, _ = KINDS[kind]
    numbers = noise(numbers.dtype, numbers.shape[2])
    for name, layout in LAYOUTS.items():
        for order, big in (("<", True), (">", False)):
            how = Layout(**layout.__dict__ | {"order": order, "big": big})
            if numbers.dtype.kind == "f" and how.predictor == HORIZONTAL:
                how.predictor = FLOATING
            if name != "one strip" or how.compression == NONE:
                assert_same(tiffs.write(numbers, photometric, how, extra))


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "lzma"])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_rows_as_programs_pack_them(mode, compression):
    rgb = Image.fromarray(noise(np.uint8, 3))
    image = {
        "P": lambda: rgb.quantize(200),
        "I;16": lambda: Image.fromarray(noise(np.uint16, 1)[..., 0]),
        "F": lambda: Image.fromarray(noise(np.float32, 1)[..., 0]),
    }.get(mode, lambda: rgb.convert(mode))()
    strip = {"tiffinfo": {tiff.ROWS_PER_STRIP: 7}} if compression != "raw" else {}
    assert_same(make.encoded("TIFF", image, compression=compression, **strip), 500)


@pytest.mark.parametrize("mode", ["L", "RGB", "YCbCr", "CMYK"])
@pytest.mark.parametrize("rows", [8, 48])
def test_rows_that_are_jpegs(mode, rows):
    image = Image.fromarray(noise(np.uint8, 3)).resize((150, 100)).convert(mode)
    data = make.encoded("TIFF", image, compression="jpeg", tiffinfo={tiff.ROWS_PER_STRIP: rows})
    assert_same(data)


@pytest.mark.parametrize("compression", [NONE, DEFLATE])
@pytest.mark.parametrize("number", [0, 2, 3])
def test_damage_is_found(compression, number):
    data = bytearray(tiffs.write(noise(np.uint8, 3), 2, Layout(compression=compression)))
    rows = find_rows(bytes(data), images.open_bytes(bytes(data)).image)
    rows.check()
    place, size = rows.pieces[number]
    outside = [*rows.pieces]
    outside[number] = len(data) - size + 1, size
    with pytest.raises(EOFError):
        dataclasses.replace(rows, pieces=outside).check()
    if compression == DEFLATE:
        data[place : place + size] = bytes(size)
        with pytest.raises(OSError):
            dataclasses.replace(rows, data=bytes(data)).check()


@pytest.fixture(scope="module")
def large():
    """Just beyond what is decoded as a whole; grey, so that it is made quickly."""
    grey = np.add.outer(np.arange(2_700) % 251, np.arange(3_000) % 241).astype(np.uint8)
    assert grey.size > images.MOST_WHOLE_PIXELS
    return Image.fromarray(grey)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_a_large_photo_has_the_pixels_it_has_in_another_format(tmp_path, large, compression):
    large.save(tmp_path / "a.png", compress_level=1)
    large.save(tmp_path / "a.tif", compression=compression)
    png, tif = (open_photo(tmp_path / name, working_side=640) for name in ("a.png", "a.tif"))
    assert (png.width, png.height) == (tif.width, tif.height) == (3_000, 2_700)
    assert (png.pixels == tif.pixels).all()


def test_a_large_photo_that_lies_on_its_side_is_turned(tmp_path, large):
    exif = Image.Exif()
    exif[0x0112] = 6
    large.save(tmp_path / "a.tif", compression="tiff_lzw", exif=exif)
    opened = images.open_bytes((tmp_path / "a.tif").read_bytes())
    opened.rows.check()
    assert not opened.rows.is_upright
    large.transpose(Image.Transpose.ROTATE_270).save(tmp_path / "b.tif", compression="raw")
    turned, upright = (open_photo(tmp_path / name, working_side=640) for name in ("a.tif", "b.tif"))
    assert (turned.width, turned.height, turned.exif.orientation) == (2_700, 3_000, 6)
    assert (turned.pixels == upright.pixels).all()


def test_a_large_photo_damaged_late_is_refused(tmp_path, large):
    data = bytearray(make.encoded("TIFF", large, compression="tiff_lzw"))
    at = len(data) * 9 // 10
    data[at : at + 2_000] = b"\xaa" * 2_000
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(UnreadablePhoto, match="damaged"):
        open_photo(tmp_path / "a.tif", working_side=640)

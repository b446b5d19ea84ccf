"""Other programs write around the pixels; the hash stays. One changed pixel changes it."""

import io
import shutil
import struct
import subprocess
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from phototag.reading.pixel_hash import hash_pixels
from tests.reading import pictures as make

FORMATS = {
    "JPEG": {},
    "progressive JPEG": {"progressive": True},
    "restarting JPEG": {"restart_marker_rows": 1},
    "PNG": {},
    "WEBP": {},
    "lossless WEBP": {"lossless": True},
    "TIFF": {},
    "deflated TIFF": {"compression": "tiff_adobe_deflate"},
    "GIF": {},
    "AVIF": {},
}


def picture(seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (48, 64, 3), dtype=np.uint8))


def written(kind, seed=0, caption=None, orientation=None):
    exif = Image.Exif()
    if caption:
        exif[0x010E] = caption
    if orientation:
        exif[0x0112] = orientation
    file = io.BytesIO()
    options = FORMATS[kind] | ({"exif": exif.tobytes()} if len(exif) and kind != "GIF" else {})
    if kind == "GIF" and caption:
        options["comment"] = caption.encode()
    image = picture(seed).quantize(64) if kind == "GIF" else picture(seed)
    image.save(file, kind.split()[-1], **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_caption_leaves_it_and_another_picture_does_not(kind):
    plain = hash_pixels(written(kind))
    assert plain is not None and len(plain) == 64
    for caption in ("a birthday party", "a much longer caption, " * 40):
        data = written(kind, caption=caption)
        assert data != written(kind) and hash_pixels(data) == plain
    assert hash_pixels(written(kind, seed=1)) != plain


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_rotation_by_tag_leaves_it(kind):
    assert hash_pixels(written(kind, orientation=6)) == hash_pixels(written(kind, caption="x", orientation=1))


def test_what_comes_behind_or_between_is_not_the_picture():
    jpeg = written("JPEG")
    assert hash_pixels(jpeg + b"a video" * 100) == hash_pixels(jpeg)
    assert hash_pixels(jpeg[:2] + b"\xff\xfe\0\x07hello" + jpeg[2:]) == hash_pixels(jpeg)
    assert hash_pixels(jpeg[:2] + b"\xff\xff\xff" + jpeg[3:]) == hash_pixels(jpeg)
    png = written("PNG")
    text = b"tEXtComment\0hello"
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    assert hash_pixels(png[:33] + chunk + png[33:]) == hash_pixels(png)


def test_a_png_cut_into_other_chunks_is_the_same():
    png = written("PNG")
    start = png.index(b"IDAT") - 4
    (length,) = struct.unpack_from(">I", png, start)
    body = png[start + 8 : start + 8 + length]

    def chunk(part):
        return struct.pack(">I", len(part)) + b"IDAT" + part + struct.pack(">I", zlib.crc32(b"IDAT" + part))

    other = png[:start] + chunk(body[:100]) + chunk(body[100:]) + png[start + 12 + length :]
    assert hash_pixels(other) == hash_pixels(png)


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True), (">", True)])
def test_a_tiff_of_either_order_and_size(order, big):
    def of(colour, **more):
        return make.tiff([make.tiff_page(40, 30, colour, order=order, **more)], order, big)

    assert hash_pixels(of((200, 60, 30))) == hash_pixels(of((200, 60, 30), t274=6)) is not None
    assert hash_pixels(of((200, 60, 30))) != hash_pixels(of((200, 60, 31)))


def test_files_that_end_before_their_pixels_are_not_the_same_picture():
    """Their tables are: those of one camera, or of one program."""
    jpeg, png, gif = written("JPEG"), written("PNG"), written("GIF")
    assert hash_pixels(jpeg[: jpeg.index(b"\xff\xda")]) is None
    assert hash_pixels(png[: png.index(b"IDAT") - 4]) is None
    palette = 13 + 3 * (2 << (gif[10] & 7))
    assert hash_pixels(gif[:palette]) is None
    tags, pixels = make.tiff_page(40, 30, (200, 60, 30))
    tiff = make.tiff([(tags, pixels)]).replace(struct.pack("<HH", 273, 4), struct.pack("<HH", 273, 2))
    assert hash_pixels(tiff) is None


def test_a_jpeg_within_a_tiff_is_its_picture():
    """As cameras and old programs write it, without strips."""

    def of(seed):
        jpeg = written("JPEG", seed)
        entries = [(256, 4, 1, 64), (257, 4, 1, 48), (259, 3, 1, 6), (513, 4, 1, 74), (514, 4, 1, len(jpeg))]
        table = b"".join(struct.pack("<HHII", *entry) for entry in entries)
        return b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + bytes(4) + jpeg

    assert hash_pixels(of(1)) == hash_pixels(of(1)) is not None
    assert hash_pixels(of(1)) != hash_pixels(of(2))


@pytest.mark.parametrize("kind", FORMATS)
def test_exiftool_leaves_it(kind, tmp_path):
    if shutil.which("exiftool") is None:
        pytest.skip("no ExifTool here")
    edits = (
        ["-EXIF:DateTimeOriginal=2016:05:04 10:00:00", "-EXIF:Artist=Somebody"],
        ["-XMP:Description=hello", "-XMP:Rating=4", "-XMP:Subject=a"],
        ["-IPTC:Keywords=x"],
        ["-n", "-Orientation=6"],
        ["-GPSLatitude=48.5", "-GPSLatitudeRef=N", "-GPSLongitude=2.25", "-GPSLongitudeRef=E"],
        ["-all="],
    )
    before = written(kind)
    command = ["exiftool"]  # once for all edits: most of its time goes into starting
    files = [tmp_path / f"{number}.{kind.split()[-1].lower()}" for number in range(len(edits))]
    for file, edit in zip(files, edits, strict=True):
        file.write_bytes(before)
        command += ["-q", "-q", "-overwrite_original", *edit, str(file), "-execute"]
    subprocess.run(command, stderr=subprocess.DEVNULL, check=False)
    assert any(file.read_bytes() != before for file in files)
    for file, edit in zip(files, edits, strict=True):
        assert hash_pixels(file.read_bytes()) == hash_pixels(before), edit


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x" * 100,
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"II*\0\xff\xff\xff\xff",
        b"\0\0\0\x18ftypheic",
        b"BM" + bytes(60),
    ],
)
def test_what_has_no_pixels_that_we_know_has_no_hash(data):
    assert hash_pixels(data) is None


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(FORMATS)),
    st.integers(0, 10_000),
    st.binary(min_size=1, max_size=4),
    st.floats(0, 1),
)
def test_damage_is_no_crash(kind, at, damage, keep):
    data = bytearray(written(kind))
    at %= len(data)
    data[at : at + len(damage)] = damage
    found = hash_pixels(bytes(data[: max(1, int(len(data) * keep))]))
    assert found is None or len(found) == 64

"""Pictures that programs get wrong: which of them are read, and what they show."""

import contextlib
import io
import os
import re
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

import phototag
from phototag.errors import UnreadablePhoto
from phototag.reading.decode import DamagedPhoto, open_photo
from tests.reading import pictures as make

VIDEO = (
    b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data\0\0\0\x18ftypmp42"
    + np.random.default_rng(3).bytes(20000)
    + b"SEFHe\0\0\0SEFT"
)


@pytest.fixture
def opened(tmp_path):
    def open_bytes(data, working_side=1333, name="picture"):
        (tmp_path / name).write_bytes(data)
        return open_photo(tmp_path / name, working_side=working_side)

    return open_bytes


def means(photo):
    return photo.pixels.reshape(-1, 3).mean(0).round().astype(int).tolist()


def assert_close(photo, colour, tolerance=2):
    assert np.abs(np.array(means(photo)) - colour).max() <= tolerance, means(photo)


# -- JPEGs without an end


JPEG = make.encoded("JPEG", make.gradient(), quality=90)
PROGRESSIVE = make.encoded("JPEG", make.gradient(), quality=90, progressive=True)
GREY = make.encoded("JPEG", make.gradient().convert("L"), quality=90)
RESTARTS = make.encoded("JPEG", make.gradient(), quality=90, restart_marker_rows=1)


@pytest.mark.parametrize("whole", [JPEG, PROGRESSIVE, GREY, RESTARTS], ids=["base", "progr", "grey", "rst"])
@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-2],
        lambda data: data[:-1],
        lambda data: data[:-2] + bytes(4096),
        lambda data: data[:-2] + VIDEO,
        lambda data: data + VIDEO,
        lambda data: data + JPEG,
        lambda data: b"\n" + data,
        lambda data: data + bytes(100_000),
        lambda data: data[:-2] + JPEG,
        lambda data: data[:-2] + bytes(64) + JPEG + JPEG,
        lambda data: data[:-2] + b"\xff" * 5000,
        lambda data: data + b"\xff" * 5000,
        lambda data: data[:-2] + bytes(4096) + VIDEO,
        lambda data: data[:-1] + bytes(3000),
    ],
    ids=[
        *("none", "half", "zeros", "video", "end+video", "end+jpeg", "junk before", "end+zeros"),
        *("jpeg", "zeros+jpegs", "fill", "end+fill", "zeros+video", "half+zeros"),
    ],
)
def test_a_whole_jpeg_needs_no_end_marker(opened, whole, change):
    photo = opened(change(whole))
    assert (photo.width, photo.height) == (400, 300)
    expected = np.asarray(Image.open(io.BytesIO(whole)).convert("RGB")).reshape(-1, 3).mean(0)
    assert_close(photo, expected.round(), 1)


@pytest.mark.parametrize(
    "whole",
    [JPEG, PROGRESSIVE, GREY, RESTARTS, make.encoded("JPEG", make.gradient().convert("CMYK"), quality=90)],
    ids=["base", "progr", "grey", "rst", "cmyk"],
)
@pytest.mark.parametrize("share", [0.5, 0.8, 0.97])
@pytest.mark.parametrize(
    "tail",
    [b"", b"\xff\xd9", bytes(5000), b"\xff" * 5000, VIDEO, JPEG],
    ids=["cut", "closed", "zeros", "fill", "video", "jpeg"],
)
def test_a_jpeg_that_is_cut_short_is_refused(opened, whole, share, tail):
    # of a progressive one with an end marker nobody can say that scans are missing
    with pytest.raises(UnreadablePhoto, match=r"cut short|damaged"):
        photo = opened(whole[: int(len(whole) * share)] + tail)
        if whole is PROGRESSIVE and tail == b"\xff\xd9":
            pytest.skip(f"shows {means(photo)}")


@pytest.mark.parametrize(
    "tail", [b"", b"\xff\xd9", bytes(99), VIDEO, JPEG], ids=["cut", "closed", "0", "video", "jpeg"]
)
def test_a_jpeg_cut_exactly_at_a_restart_is_refused(opened, tail):
    for whole in (RESTARTS, make.encoded("JPEG", make.gradient(), quality=90, restart_marker_blocks=1)):
        restarts = [found.start() for found in re.finditer(rb"\xff[\xd0-\xd7]", whole)]
        for at in (restarts[0], restarts[len(restarts) // 2], restarts[-1]):
            with pytest.raises(UnreadablePhoto, match=r"cut short|damaged"):
                opened(whole[:at] + tail)


def test_a_progressive_jpeg_cut_between_two_scans_is_refused(opened):
    last_scan = PROGRESSIVE.rindex(b"\xff\xda")
    tables = PROGRESSIVE.rindex(b"\xff\xc4", 0, last_scan)
    with pytest.raises(UnreadablePhoto, match="cut short"):
        opened(PROGRESSIVE[:tables])


def test_what_a_damaged_photo_says_of_itself_is_kept(opened):
    exif = Image.Exif()
    exif[0x010F] = "Canon"
    exif.get_ifd(0x8769)[0x9003] = "2016:05:04 03:02:01"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 30.0, 0.0), 3: "E", 4: (2.0, 15.0, 0.0)})
    for kind in ("JPEG", "PNG"):  # what a WebP or a TIFF says stands at its end
        data = make.encoded(kind, make.gradient(), exif=exif)
        with pytest.raises(DamagedPhoto) as caught:
            opened(data[: len(data) // 2])
        said = caught.value.exif
        assert said.taken_at.isoformat() == "2016-05-04T03:02:01", kind
        assert (said.latitude, said.longitude, said.camera) == (48.5, 2.25, "Canon"), kind


# -- PNG


def _annotated_png():
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "hello")
    info.add_text("Long", "x" * 3_000_000, zip=True)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return make.encoded("PNG", make.gradient(), pnginfo=info, dpi=(72, 72), icc_profile=profile)


PNG = make.encoded("PNG", make.gradient())


NOTES = (
    *(b"tEXt", b"zTXt", b"iTXt", b"pHYs", b"iCCP", b"bKGD", b"tIME", b"hIST", b"sPLT", b"gAMA", b"cHRM"),
    *(b"sRGB", b"sBIT", b"oFFs", b"eXIf", b"cICP", b"vpAg", b"prVW"),
)


@pytest.mark.parametrize("name", NOTES)
def test_a_damaged_note_of_any_kind_costs_the_note_and_not_the_picture(opened, name):
    note = struct.pack(">I", 7) + name + b"\0\1\2\3\4\5\6" + b"none"
    assert np.array_equal(opened(PNG[:33] + note + PNG[33:]).pixels, np.asarray(make.gradient()))


@pytest.mark.parametrize("name", [b"tEXt", b"pHYs", b"iCCP", b"zTXt"])
def test_a_damaged_note_costs_the_note_and_not_the_picture(opened, name):
    photo = opened(make.with_bad_checksum(_annotated_png(), name))
    assert np.array_equal(photo.pixels, np.asarray(make.gradient()))


@pytest.mark.parametrize("data", [_annotated_png(), PNG[:-12], PNG + bytes(5000), PNG[:-6]])
def test_a_png_with_long_notes_or_a_damaged_end_is_read(opened, data):
    assert np.array_equal(opened(data).pixels, np.asarray(make.gradient()))


@pytest.mark.parametrize("name", [b"IDAT", b"IHDR", b"PLTE"])
def test_damaged_pixels_are_refused(opened, name):
    image = make.gradient().quantize() if name == b"PLTE" else make.gradient()
    with pytest.raises(UnreadablePhoto, match="wrong checksum"):
        opened(make.with_bad_checksum(make.encoded("PNG", image), name))


# -- TIFF


SMALL, BIG = ("small", (200, 30, 30)), ("big", (30, 30, 200))


def _page(which, order="<", **more):
    name, colour = which
    size = (40, 30) if name == "small" else (400, 300)
    return make.tiff_page(*size, colour, order=order, **more)


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
@pytest.mark.parametrize(
    "pages",
    [
        [(SMALL, {"t254": 1}), (BIG, {"t254": 0})],
        [(SMALL, {"t254": 1, "t330": True}), (BIG, {"t254": 0})],
        [(BIG, {"t254": 0}), (SMALL, {"t254": 1})],
        [(SMALL, {"t255": 2}), (BIG, {"t255": 1})],
        [(SMALL, {}), (BIG, {})],
        [(BIG, {}), (SMALL, {})],
        [(SMALL, {"t254": 4}), (BIG, {})],
        [(BIG, {"t330": True}), (SMALL, {"t254": 1})],
    ],
)
def test_the_photo_of_a_tiff_is_not_its_thumbnail(opened, pages, order, big):
    data = make.tiff([_page(which, order, **more) for which, more in pages], order, big)
    photo = opened(data)
    assert (photo.width, photo.height) == (400, 300)
    assert_close(photo, BIG[1])


def test_the_first_page_says_when_and_how_it_stands(opened):
    tags, pixels = make.tiff_page(40, 30, SMALL[1], t254=1, t330=True, t274=6)
    tags[306] = (1, tuple(b"2016:05:04 03:02:01\0"))
    data = make.tiff([(tags, pixels), make.tiff_page(400, 300, BIG[1])]).replace(
        struct.pack("<HHI", 306, 1, 20), struct.pack("<HHI", 306, 2, 20)
    )
    photo = opened(data)
    assert (photo.width, photo.height, photo.pixels.shape) == (300, 400, (400, 300, 3))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("white_is_zero", [False, True])
def test_greys_are_the_right_way_round(opened, order, bits, white_is_zero):
    value = (55 if white_is_zero else 200) * (257 if bits == 16 else 1)
    data = make.tiff([make.tiff_page(40, 30, (value,), bits, 0 if white_is_zero else 1, order)], order)
    assert_close(opened(data), (200, 200, 200))


def test_a_single_bit_and_a_compressed_negative(opened):
    black = Image.new("L", (64, 48), 55)
    for compression in ("tiff_lzw", "tiff_adobe_deflate"):
        data = bytearray(make.encoded("TIFF", black, compression=compression))
        at = data.index(struct.pack("<HHI", 262, 3, 1))
        data[at + 8] = 0
        assert_close(opened(bytes(data)), (200, 200, 200))
    assert_close(opened(make.encoded("TIFF", Image.new("1", (64, 48), 1), compression="group4")), (255,) * 3)


# -- a fourth channel


@pytest.mark.parametrize(
    "data",
    [
        make.bmp32(make.bmp_header(40, 0)),
        make.bmp32(make.bmp_header(40, 3), struct.pack("<3I", 0xFF0000, 0xFF00, 0xFF)),
        make.bmp32(make.bmp_header(108, 3)),
        make.bmp32(make.bmp_header(124, 3)),
        *(
            make.encoded(kind, Image.new("RGBA", (64, 48), (200, 60, 30, 0)), **options)
            for kind, options in (
                ("PNG", {}),
                ("TIFF", {}),
                ("WEBP", {"lossless": True, "exact": True}),
                ("AVIF", {"quality": 100}),
            )
        ),
        *(
            make.tiff([make.tiff_page(40, 30, tuple(v * 257 for v in colour), 16, 2, order, **extra)], order)
            for colour in ((200, 60, 30, 100), (200, 60, 30, 0))
            for order in "<>"
            for extra in ({}, {"t338": 0})
        ),
        make.tiff([make.tiff_page(40, 30, (200, 60, 30, 100))]),
        make.tiff([make.tiff_page(40, 30, (200, 60, 30, 100), t338=0)]),
    ],
)
def test_a_fourth_channel_that_is_no_transparency(opened, data):
    assert_close(opened(data), (200, 60, 30), 3)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("bits", "photometric", "colour", "extra", "shown"),
    [
        (8, 5, (0, 178, 216, 55), None, (200, 60, 30)),  # CMYK
        (16, 5, (0, 178, 216, 55), None, (200, 60, 30)),
        (8, 5, (0, 178, 216, 55, 255), 0, (200, 60, 30)),
        (8, 2, (100, 30, 15, 128), 1, (227, 157, 142)),  # colours multiplied with their alpha
        (16, 2, (100, 30, 15, 128), 1, (227, 157, 142)),
        (8, 1, (0, 128), 2, (127, 127, 127)),
        (8, 1, (200, 0), 0, (200, 200, 200)),
    ],
)
def test_channels_of_a_tiff(opened, order, bits, photometric, colour, extra, shown):
    more = {} if extra is None else {"t338": extra}
    values = tuple(value * (257 if bits == 16 else 1) for value in colour)
    assert_close(
        opened(make.tiff([make.tiff_page(40, 30, values, bits, photometric, order, **more)], order)), shown, 4
    )


@pytest.mark.parametrize("bits", [8, 16])
def test_a_fourth_channel_that_is_transparency(opened, bits):
    colour = tuple(v * (257 if bits == 16 else 1) for v in (200, 60, 30, 100))
    assert_close(opened(make.tiff([make.tiff_page(40, 30, colour, bits, t338=2)])), (233, 179, 167))


# -- colours


def flat(colour, mode="RGB"):
    return Image.new(mode, (64, 48), colour)


@pytest.mark.parametrize(
    ("name", "gamma", "primaries", "colour", "shown"),
    [
        ("GIMP built-in Linear sRGB", 1, make.SRGB, (55, 55, 55), (128, 128, 128)),
        ("Rec709 linear", 1, make.SRGB, (55, 55, 55), (128, 128, 128)),
        ("sRGB IEC61966-2.1", 2.2, make.SRGB, (128, 128, 128), (128, 128, 128)),
        ("my monitor", 2.2, make.SRGB, (200, 128, 100), (200, 128, 100)),
        ("Wide gamut, not sRGB", 1.8, make.WIDE, (200, 60, 60), (255, 0, 74)),
        ("Wide gamut", 1.8, make.WIDE, (200, 60, 60), (255, 0, 74)),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_a_profile_is_judged_by_its_numbers(opened, kind, name, gamma, primaries, colour, shown):
    profile = make.icc_profile(name, gamma, primaries)
    options = {
        "JPEG": {"quality": 100, "subsampling": 0},
        "WEBP": {"lossless": True},
        "AVIF": {"quality": 100},
    }
    data = make.encoded(kind, flat(colour), icc_profile=profile, **options.get(kind, {}))
    assert_close(opened(data), shown, 6 if kind in ("JPEG", "AVIF") else 2)


def test_a_grey_profile(opened):
    profile = make.icc_profile("linear grey", 1, None, b"GRAY")
    assert_close(opened(make.encoded("PNG", flat(55, "L"), icc_profile=profile)), (128,) * 3)


@pytest.mark.parametrize(
    ("chunks", "colour", "shown"),
    [
        ([(b"gAMA", 100_000)], (55, 55, 55), (128, 128, 128)),
        ([(b"gAMA", 45_455)], (55, 55, 55), (55, 55, 55)),
        ([(b"gAMA", 100_000), (b"sRGB", b"\0")], (55, 55, 55), (55, 55, 55)),
        ([(b"gAMA", 0)], (55, 55, 55), (55, 55, 55)),
        ([(b"cICP", b"\1\x08\0\1")], (55, 55, 55), (128, 128, 128)),
        ([(b"cICP", b"\1\x0d\0\1")], (55, 55, 55), (55, 55, 55)),
        ([(b"cICP", b"\1\1\0\1")], (55, 55, 55), (55, 55, 55)),
        ([(b"cICP", b"\x0c\x0d\0\1")], (255, 0, 0), (255, 0, 0)),
        ([(b"cICP", b"\x0c\x0d\0\1")], (200, 100, 100), (215, 96, 97)),
        ([(b"cICP", b"\x09\x10\0\1")], (148, 148, 148), (255, 255, 255)),
        ([(b"cICP", b"\x09\x12\0\1")], (191, 191, 191), (255, 255, 255)),
        (
            [(b"cHRM", (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000))],
            (200, 100, 100),
            (215, 96, 97),
        ),
        ([(b"cHRM", (0,) * 8)], (200, 100, 100), (200, 100, 100)),
    ],
)
def test_code_points_of_a_png(opened, chunks, colour, shown):
    packed = [
        (
            name,
            value
            if isinstance(value, bytes)
            else struct.pack(">I", value)
            if isinstance(value, int)
            else struct.pack(">8I", *value),
        )
        for name, value in chunks
    ]
    assert_close(opened(make.png_with(flat(colour), *packed)), shown, 3)


def test_a_grey_png_has_a_gamma_too(opened):
    assert_close(opened(make.png_with(flat(55, "L"), (b"gAMA", struct.pack(">I", 100_000)))), (128,) * 3)


@pytest.mark.parametrize(
    ("primaries", "transfer", "colour", "shown"),
    [
        (1, 13, (55, 55, 55), (55, 55, 55)),
        (2, 2, (55, 55, 55), (55, 55, 55)),
        (1, 8, (55, 55, 55), (128, 128, 128)),
        (12, 13, (200, 100, 100), (215, 96, 97)),
    ],
)
def test_code_points_of_an_avif(opened, primaries, transfer, colour, shown):
    data = make.encoded("AVIF", flat(colour), quality=100)
    at = data.index(b"colrnclx") + 8
    data = data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]
    assert_close(opened(data), shown, 4)


ADOBE_RGB = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))  # ICC, under D50


@pytest.mark.parametrize(
    ("space", "index", "is_adobe"),
    [
        (0xFFFF, "R03", True),
        (2, None, True),
        (1, "R98", False),
        (0xFFFF, None, False),
        (0xFFFF, "R98", False),
        (None, "R03", False),
    ],
)
@pytest.mark.parametrize("colour", [(180, 90, 60), (60, 160, 90), (90, 90, 200)])
def test_cameras_that_say_adobe_rgb_in_exif(opened, space, index, is_adobe, colour):
    exif = Image.Exif()
    if space is not None:
        exif.get_ifd(0x8769)[0xA001] = space
    if index:
        exif.get_ifd(0x8769)[0xA005] = {1: index, 2: b"0100"}
    shown = np.array(colour)
    if is_adobe:  # as LittleCMS sees the same numbers with a profile that says so
        profile = ImageCms.ImageCmsProfile(io.BytesIO(make.icc_profile("Adobe RGB", 563 / 256, ADOBE_RGB)))
        wanted = ImageCms.profileToProfile(flat(colour), profile, ImageCms.createProfile("sRGB"))
        shown = np.asarray(wanted)[0, 0]
    data = make.encoded("JPEG", flat(colour), exif=exif.tobytes(), quality=100, subsampling=0)
    assert_close(opened(data), shown, 3)
    named = make.icc_profile("sRGB", 2.2, make.SRGB)
    data = make.encoded(
        "JPEG", flat(colour), exif=exif.tobytes(), icc_profile=named, quality=100, subsampling=0
    )
    assert_close(opened(data), colour, 4)  # a profile goes before it


@pytest.mark.parametrize("nits", [20, 50, 100, 203])
def test_brightness_of_an_hdr_png(opened, nits):
    """SMPTE ST 2084, computed here; white is 203 nits."""
    power = (nits / 10_000) ** 0.1593017578125
    value = round(65535 * ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)
    linear = nits / 203
    shown = 255 * (1.055 * linear ** (1 / 2.4) - 0.055)
    raw = zlib.compress((b"\0" + struct.pack(">3H", value, value, value) * 16) * 16)
    head = struct.pack(">IIBBBBB", 16, 16, 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"cICP", b"\x09\x10\0\1"), (b"IDAT", raw), (b"IEND", b""))
    data = b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
    assert_close(opened(b"\x89PNG\r\n\x1a\n" + data), (round(shown),) * 3, 3)


# -- what a picture may cost


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_pixels_that_are_not_there_are_refused_before_they_cost_anything(opened, kind):
    options = {"TIFF": {"compression": "tiff_lzw"}}.get(kind, {})
    data = bytearray(make.encoded(kind, Image.new("L", (64, 64)), **options))
    if kind == "PNG":
        data[16:24] = struct.pack(">II", 15_000, 15_000)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    elif kind == "GIF":
        data[6:10] = struct.pack("<HH", 15_000, 15_000)
    elif kind == "BMP":
        data[18:26] = struct.pack("<ii", 15_000, 15_000)
    elif kind == "WEBP":
        data = bytearray(make.encoded("WEBP", Image.new("RGBA", (64, 64), (1, 2, 3, 4))))
        data[24:30] = (14_999).to_bytes(3, "little") * 2
    else:
        for tag in (256, 257):
            at = (
                bytes(data).index(struct.pack("<HH", tag, 3))
                if struct.pack("<HH", tag, 3) in data
                else bytes(data).index(struct.pack("<HH", tag, 4))
            )
            data[at + 8 : at + 12] = struct.pack("<I", 15_000)
    with pytest.raises(UnreadablePhoto, match="no photo: 15000 x 15000 pixels in"):
        opened(bytes(data))


def test_a_progressive_jpeg_of_very_many_scans_is_refused(opened):
    start = PROGRESSIVE.rindex(b"\xff\xda")
    end = PROGRESSIVE.rindex(b"\xff\xd9")
    many = PROGRESSIVE[:end] + PROGRESSIVE[start:end] * 3000 + b"\xff\xd9"
    with pytest.raises(UnreadablePhoto, match=r"too costly to decode: 3,0\d\d scans"):
        opened(many)


def test_a_tiff_of_giant_tiles_is_refused(opened):
    tags, pixels = make.tiff_page(64, 64, (1, 2, 3))
    tags |= {322: (4, (60_000,)), 323: (4, (60_000,))}
    with pytest.raises(UnreadablePhoto, match="tiles larger than itself"):
        opened(make.tiff([(tags, pixels)]))


def _many_directories():
    """Directories that overlap, each with a thousand SubIFDs."""
    tags = b"".join(struct.pack("<HHII", 330, 4, 1000, 600) for _ in range(400))
    return b"II*\0" + struct.pack("<IH", 8, 400) + tags + struct.pack("<I", 0) + bytes(range(256)) * 400


@pytest.mark.parametrize(
    "data",
    [
        PNG[:33] + (b"\0\0\0\0teXt" + struct.pack(">I", zlib.crc32(b"teXt"))) * 400_000 + PNG[33:],
        JPEG[:2] + b"\xff\xfe\0\2" * 1_000_000 + JPEG[2:] + b"\0",
        PROGRESSIVE[:-2] + PROGRESSIVE[PROGRESSIVE.rindex(b"\xff\xda") : -2] * 50_000,
        _many_directories(),
    ],
    ids=["chunks", "comments", "scans", "directories"],
)
def test_very_many_parts_of_a_file_take_no_time(opened, data):
    began = time.process_time()
    with contextlib.suppress(UnreadablePhoto):
        opened(data)
    assert time.process_time() - began < 2


def test_sparse_and_absurdly_large_files_are_refused_by_their_beginning(tmp_path):
    for name, head, reason in (
        ("zeros.jpg", b"", "nothing but zeros"),
        ("sparse.jpg", JPEG, "too large a file for a photo"),
        ("sparse.png", PNG, "too large a file for a photo"),
        ("smaller.jpg", JPEG, "never written"),
        ("raw.nef", b"", "never written"),
        ("text.jpg", b"<!doctype html>", "a web page"),
    ):
        path = tmp_path / name
        path.write_bytes(head)
        os.truncate(path, 200_000_000 if name in ("smaller.jpg", "raw.nef") else 2_000_000_000)
        began = time.process_time()
        with pytest.raises(UnreadablePhoto, match=reason):
            open_photo(path, working_side=64)
        assert time.process_time() - began < 0.5, name


# -- one door


def test_nothing_in_the_package_opens_pictures_by_other_ways():
    package = Path(phototag.__file__).parent
    ways = re.compile(r"Image\.open\(|imread\(|ImageFile\.Parser|register_heif_opener|ImageShow|ImageGrab")
    found = [
        f"{file.relative_to(package)}: {line.strip()}"
        for file in package.rglob("*.py")
        for line in file.read_text().splitlines()
        if ways.search(line) and "rawpy.imread" not in line
    ]
    assert found == []


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 96 96\n%%EndComments\nshowpage\n"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (EPS, "a PostScript document, not a picture"),
        (b"8BPS\0\1" + bytes(40), "a Photoshop document, which phototag does not read"),
        (b"\0\0\1\0" + bytes(60), "an icon, not a photo"),
    ],
)
def test_training_and_evaluation_go_through_the_same_door(tmp_path, data, reason, monkeypatch):
    from phototag.nets.detector import data as boxes
    from phototag.nets.smilenet import data as faces

    monkeypatch.setenv("PATH", "")  # no Ghostscript is to be had
    for word in ("happy", "sad"):
        (tmp_path / "faces" / word).mkdir(parents=True)
        Image.new("L", (96, 96), 90).save(tmp_path / "faces" / word / "good.png")
        (tmp_path / "faces" / word / "bad.jpg").write_bytes(data)
    found = faces.read_faces(tmp_path / "faces")
    assert len(found.images) == 2
    assert set(found.skipped.values()) == {reason}
    assert boxes.open_picture is faces.open_picture


def test_opening_changes_nothing_for_the_process(tmp_path):
    code = (
        "import numpy, warnings; from PIL import Image\n"
        "before = Image.MAX_IMAGE_PIXELS, list(warnings.filters), sorted(Image.OPEN)\n"
        "from phototag.reading.decode import open_photo\n"
        f"open_photo({str(tmp_path / 'a.png')!r}, working_side=64, max_pixels=10**9)\n"
        "assert before[:2] == (Image.MAX_IMAGE_PIXELS, list(warnings.filters)), before\n"
    )
    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    subprocess.run([sys.executable, "-c", code], check=True)

"""JPEG, PNG, BMP, GIF, WebP and AVIF in all the kinds that programs write: the right colours in the corners
and the centre, or a sentence that says what it is."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from phototag.errors import UnreadablePhoto
from phototag.reading.decode import decode
from phototag.reading.pixels import fit_inside
from tests.bad_files import jpeg_segment
from tests.reading import jpegs, pngs, tiffs
from tests.reading import pictures as make

RGB = tiffs.quadrants()
PHOTO = Image.fromarray(RGB)
GREY = np.asarray(PHOTO.convert("L"))
AS_GREY = GREY[..., None].repeat(3, 2)
ALPHA = np.full_like(GREY, 255)
ALPHA[:35, :50] = 102  # the left upper corner shines through
FIRST = tuple(RGB[0, 0].tolist())
HIDDEN = RGB.copy()  # with the colour of the left upper corner taken for transparent
HIDDEN[(RGB == FIRST).all(-1)] = 255
HIDDEN_GREY = AS_GREY.copy()
HIDDEN_GREY[GREY[0, 0] == GREY] = 255


def on_paper(colours):
    share = ALPHA[..., None] / 255
    return (colours * share + 255 * (1 - share)).round().astype(np.uint8)


def assert_shows(data, wanted=RGB, tolerance=3):
    photo = decode(data, "picture", 0.0, small, 1_000_000, "hash")
    assert photo.pixels.shape == wanted.shape
    off = np.abs(tiffs.spots(photo.pixels) - tiffs.spots(wanted))
    assert off.max() <= tolerance, tiffs.spots(photo.pixels).tolist()


def small(size_wh):
    return fit_inside(size_wh, 640)


# -- JPEG


@pytest.mark.parametrize("across", [1, 2, 4])
@pytest.mark.parametrize("down", [1, 2])
def test_a_jpeg_with_a_scan_for_each_component(across, down):
    """And with colours for up to eight pixels: 4:1:0."""
    data = jpegs.by_component(RGB, across, down)
    assert_shows(data, tolerance=12)
    assert_shows(data[:-2], tolerance=12)  # no end marker
    with pytest.raises(UnreadablePhoto, match=r"cut short|damaged"):
        assert_shows(data[: data.rindex(b"\xff\xc4") - 40])


@pytest.mark.parametrize("options", [{}, {"restart_marker_blocks": 1}, {"subsampling": 2}])
def test_a_jpeg_whose_height_stands_behind_its_pixels(options):
    jpeg = make.encoded("JPEG", PHOTO, **{"quality": 95, "subsampling": 0} | options)
    assert_shows(jpegs.with_height_behind(jpeg), tolerance=12)
    with pytest.raises(UnreadablePhoto, match="how high it is"):
        decode(jpegs.with_height_behind(jpeg)[:-8] + b"\xff\xd9", "a", 0.0, small, 10**6, "hash")


@pytest.mark.parametrize("inverted", [True, False])
@pytest.mark.parametrize("progressive", [True, False])
def test_cmyk_is_inverted_where_adobe_wrote_it(inverted, progressive):
    cmyk = jpegs.cmyk_as_it_is(RGB)
    if not inverted:  # Pillow inverts what it writes
        cmyk = Image.fromarray(255 - np.asarray(cmyk), "CMYK")
    data = make.encoded("JPEG", cmyk, quality=95, subsampling=0, progressive=progressive)
    assert_shows(data if inverted else jpegs.without(data, jpegs.APP14), tolerance=12)


@pytest.mark.parametrize("said_by", ["Adobe", "names of components"])
def test_rgb_in_a_jpeg(said_by):
    data = make.encoded("JPEG", PHOTO, quality=95, subsampling=0, keep_rgb=True)
    found, _ = jpegs.segments(data)
    assert b"R\x11" in dict(found)[jpegs.SOF] and jpegs.APP14 in dict(found)
    if said_by == "names of components":
        data = jpegs.without(data, jpegs.APP14)
    else:
        data = data.replace(b"\x03R\x11\0G\x11\0B\x11\0", b"\x03\1\x11\0\2\x11\0\3\x11\0")
        data = data.replace(b"\x03R\0G\0B\0", b"\x03\1\0\2\0\3\0")
    assert_shows(data, tolerance=12)


@pytest.mark.parametrize("bits", [12, 16])
def test_jpegs_that_are_not_decoded_are_not_called_damaged(bits):
    data = bytearray(make.encoded("JPEG", PHOTO))
    data[data.index(b"\xff\xc0") + 4] = bits
    with pytest.raises(UnreadablePhoto, match=f"a JPEG of {bits} bits for each colour"):
        assert_shows(bytes(data))
    with pytest.raises(UnreadablePhoto, match="a JPEG-LS picture"):
        assert_shows(make.encoded("JPEG", PHOTO).replace(b"\xff\xc0", b"\xff\xf7"))


def test_a_thumbnail_larger_than_the_photo_is_not_shown():
    thumbnail = make.encoded("JPEG", Image.new("RGB", (800, 560), "red"))
    ifd = struct.pack(">HHHIIHHIII", 2, 0x201, 4, 1, 44, 0x202, 4, 1, len(thumbnail), 0)
    exif = b"Exif\0\0MM\0*" + struct.pack(">IHII", 8, 0, 14, 0)[:10] + ifd + thumbnail
    data = make.encoded("JPEG", PHOTO, quality=95, subsampling=0)
    assert_shows(data[:2] + jpeg_segment(0xE1, exif) + data[2:], tolerance=12)


def test_a_gain_map_behind_the_photo_is_not_shown():
    """As Ultra HDR has it: a second JPEG, which the first one's index (CIPA DC-007) points at."""
    out = io.BytesIO()
    photo = PHOTO.copy()
    photo.save(out, "MPO", save_all=True, append_images=[Image.new("L", (25, 18), 9)], quality=95)
    assert_shows(out.getvalue(), tolerance=30)


# -- PNG


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("clear", [False, True])
def test_greys_of_a_png(bits, clear, interlaced):
    most = (1 << bits) - 1
    numbers = np.rint(GREY / 255 * most).astype(np.uint16)
    wanted = np.rint(numbers / most * 255).astype(np.uint8)[..., None].repeat(3, 2)
    if clear:
        wanted[numbers == numbers[0, 0]] = 255
    chunks = [(b"tRNS", struct.pack(">H", numbers[0, 0]))] if clear else []
    assert_shows(pngs.write(numbers, pngs.GREY, bits, chunks, interlaced), wanted)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("clear", [False, True])
def test_palettes_of_a_png(bits, clear, interlaced):
    palette = np.random.default_rng(1).integers(0, 256, (1 << bits, 3), np.uint8)
    numbers = np.rint(GREY / 255 * ((1 << bits) - 1)).astype(np.uint8)
    wanted, chunks = palette[numbers], [(b"PLTE", palette.tobytes())]
    if clear:
        alpha = np.full(1 << bits, 255, np.uint8)
        alpha[numbers[0, 0]] = 102
        share = alpha[numbers][..., None] / 255
        wanted = (wanted * share + 255 * (1 - share)).round().astype(np.uint8)
        chunks.append((b"tRNS", alpha.tobytes()))
    assert_shows(pngs.write(numbers, pngs.PALETTE, bits, chunks, interlaced), wanted)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(
    ("numbers", "colour", "clear", "wanted"),
    [
        (RGB, pngs.RGB, (), RGB),
        (RGB, pngs.RGB, FIRST, HIDDEN),
        (np.dstack([RGB, ALPHA]), pngs.RGB_ALPHA, (), on_paper(RGB)),
        (np.dstack([GREY, ALPHA]), pngs.GREY_ALPHA, (), on_paper(AS_GREY)),
    ],
    ids=["rgb", "rgb, one clear", "rgb, alpha", "grey, alpha"],
)
def test_colours_of_a_png(numbers, colour, clear, wanted, bits, interlaced):
    scale = 257 if bits == 16 else 1
    chunks = [(b"tRNS", struct.pack(">3H", *(value * scale for value in clear)))] if clear else []
    data = pngs.write(numbers.astype(np.uint16) * scale, colour, bits, chunks, interlaced)
    assert_shows(data, wanted)


def linear_of(values):
    """Of sRGB, as 16 bits."""
    part = values / 255
    return np.rint(65535 * np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4))


LINEAR_GAMMA, SRGB_GAMMA = (
    (b"gAMA", struct.pack(">I", 100_000)),
    (b"gAMA", struct.pack(">I", 45_455)),
)
SRGB = b"sRGB", b"\0"
LINEAR_POINTS, SRGB_POINTS = (b"cICP", b"\1\x08\0\1"), (b"cICP", b"\1\x0d\0\1")


def iccp(profile):
    return b"iCCP", b"a\0\0" + zlib.compress(profile)


LINEAR_PROFILE = iccp(make.icc_profile("linear", 1, make.SRGB))
SRGB_PROFILE = iccp(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
DAMAGED_PROFILE = iccp(b"no profile")


@pytest.mark.parametrize(
    ("chunks", "is_linear"),
    [
        ((LINEAR_GAMMA,), True),
        ((SRGB_GAMMA,), False),
        ((LINEAR_GAMMA, SRGB), False),
        ((SRGB, LINEAR_GAMMA), False),
        ((LINEAR_GAMMA, SRGB_PROFILE), False),
        ((SRGB_GAMMA, LINEAR_PROFILE), True),
        ((LINEAR_POINTS, SRGB_PROFILE), True),
        ((LINEAR_PROFILE, SRGB_POINTS), False),
        ((LINEAR_POINTS, SRGB), True),
        ((SRGB_POINTS, LINEAR_GAMMA), False),
        ((DAMAGED_PROFILE, LINEAR_GAMMA), True),
        ((DAMAGED_PROFILE,), False),
    ],
)
def test_what_is_believed_where_chunks_disagree(chunks, is_linear):
    """cICP, then the profile, then sRGB, then gAMA (PNG, third edition, 4.3)."""
    numbers = linear_of(RGB) if is_linear else RGB.astype(np.uint16) * 257
    assert_shows(pngs.write(numbers, pngs.RGB, 16, chunks), RGB, 6)


def test_the_picture_of_an_apng_and_the_one_beside_its_frames():
    for options in ({}, {"default_image": True}):
        black = Image.new("RGB", PHOTO.size)
        assert_shows(make.encoded("PNG", PHOTO, save_all=True, append_images=[black, black], **options))


# -- BMP


BGR = RGB[..., ::-1]
MASKS = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)


@pytest.mark.parametrize("top_down", [False, True])
def test_bmps(top_down):
    none, full = np.zeros_like(ALPHA), np.full_like(ALPHA, 255)
    how = {"top_down": top_down}
    assert_shows(pngs.bmp(BGR, 24, **how))
    for fourth in (none, full, ALPHA):  # of the old header, it means nothing
        assert_shows(pngs.bmp(np.dstack([BGR, fourth]), 32, **how))
        assert_shows(pngs.bmp(np.dstack([BGR, fourth]), 32, compression=3, masks=MASKS[:12], **how))
    for header_bytes in (56, 108, 124):
        how |= {"header_bytes": header_bytes, "compression": 3, "masks": MASKS}
        assert_shows(pngs.bmp(np.dstack([BGR, ALPHA]), 32, **how), on_paper(RGB))
        assert_shows(pngs.bmp(np.dstack([BGR, none]), 32, **how))
    red, green, blue = np.moveaxis(RGB.astype(int) * 31 // 255, -1, 0)
    five = (red << 10 | green << 5 | blue).astype("<u2")[..., None]
    assert_shows(pngs.bmp(five, 16, top_down=top_down), tolerance=9)
    with pytest.raises(UnreadablePhoto, match="a rare kind of picture"):
        masks = struct.pack("<3I", 0x3FF00000, 0xFFC00, 0x3FF)
        assert_shows(pngs.bmp(np.dstack([BGR, none]), 32, compression=3, masks=masks))


# -- GIF, WebP, AVIF


@pytest.mark.parametrize("at", [(0, 0), (20, 10), (50, 35)])
@pytest.mark.parametrize("interlace", [0, 1])
def test_around_a_first_frame_smaller_than_the_canvas_is_paper(at, interlace):
    part = PHOTO.crop((0, 0, 50, 35)).quantize(64)
    gif = bytearray(make.encoded("GIF", part, interlace=interlace))
    gif[6:10] = struct.pack("<HH", 100, 70)
    frame = gif.index(b"\x2c\0\0\0\0")
    gif[frame + 1 : frame + 5] = struct.pack("<HH", *at)
    wanted = np.full_like(RGB, 255)
    wanted[at[1] : at[1] + 35, at[0] : at[0] + 50] = np.asarray(part.convert("RGB"))
    assert_shows(bytes(gif), wanted)


def test_transparent_gifs():
    part = PHOTO.quantize(64)
    numbers = np.asarray(part)
    wanted = np.array(part.convert("RGB"))
    wanted[numbers == numbers[0, 0]] = 255
    assert_shows(make.encoded("GIF", part, transparency=int(numbers[0, 0])), wanted)
    nothing = Image.new("RGBA", PHOTO.size, (0, 0, 0, 0))
    others = [nothing, PHOTO.convert("RGBA")]
    assert_shows(make.encoded("GIF", nothing, save_all=True, append_images=others, disposal=1), tolerance=8)
    assert_shows(make.encoded("GIF", nothing), np.full_like(RGB, 255))


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
def test_transparency_and_frames_of_webp_and_avif(kind):
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {"quality": 98}
    clear = Image.fromarray(np.dstack([RGB, ALPHA]))
    assert_shows(make.encoded(kind, clear, **options), on_paper(RGB), 16)
    black = Image.new("RGB", PHOTO.size)
    assert_shows(make.encoded(kind, PHOTO, save_all=True, append_images=[black], **options), tolerance=12)


# -- what is none of them


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"<!DOCTYPE html>", "a web page"),
        (b"PK\3\4", "zip"),
        (b"\0\0\0\x18ftypmp42", "a video"),
        (b"\0\0\0\x14ftypqt  ", "a video"),
        (b"RIFF\0\0\0\0AVI LIST", "a video"),
        (b"\x1aE\xdf\xa3", "a video"),
        (b"RIFF\0\0\0\0WAVEfmt ", "a sound"),
        (b"8BPS\0\1", "a Photoshop document"),
        (b"\xff\x0a", "a JPEG XL picture"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
        (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
        (b"II\xbc\x01", "a JPEG XR picture"),
        (b"P6\n96 64\n255\n", "a PNM picture"),
        (b"\0\0\1\0\1\0", "an icon"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "a PostScript document"),
        (b"%PDF-1.7", "a PDF"),
        (b"hello", "not a picture, or one too damaged"),
    ],
)
def test_what_a_file_is_that_is_no_picture_is_said(start, words):
    with pytest.raises(UnreadablePhoto, match=words):
        decode(start + bytes(range(200)), "a.jpg", 0.0, small, 10**6, "hash")

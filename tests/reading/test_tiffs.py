"""TIFFs of every layout: the right colours in the corners and the centre."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from phototag.errors import UnreadablePhoto
from phototag.reading.decode import decode, read_metadata
from phototag.reading.pixels import fit_inside
from tests.reading import pictures as make
from tests.reading import tiffs
from tests.reading.tiffs import DEFLATE, FLOATING, HORIZONTAL, NONE, Layout

RGB = tiffs.quadrants()
GREY = np.asarray(Image.fromarray(RGB).convert("L"))[..., None]
AS_GREY = GREY.repeat(3, 2)
CMYK = np.concatenate([255 - RGB, np.zeros_like(GREY)], 2)
ALPHA = np.full_like(GREY, 255)
ALPHA[:35, :50] = 102  # the left upper corner shines through
ON_PAPER, GREY_ON_PAPER = (
    (colours * (ALPHA / 255) + 255 - ALPHA).round().astype(np.uint8) for colours in (RGB, AS_GREY)
)
MULTIPLIED, UNASSOCIATED = 1, 2
MIN_IS_WHITE, MIN_IS_BLACK, OF_RGB, PALETTE, SEPARATED, YCBCR, CIE_LAB, ICC_LAB = 0, 1, 2, 3, 5, 6, 8, 9
ORDERS = [("<", False), (">", False), ("<", True), (">", True)]
UNDO = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # orientation -> how an upright picture is stored so


def opened(data):
    return decode(data, "a.tif", 0.0, small, 1_000_000, "hash")


def small(size_wh):
    return fit_inside(size_wh, 640)


def assert_shows(data, wanted, tolerance=3):
    photo = opened(data)
    assert photo.pixels.shape == wanted.shape
    off = np.abs(tiffs.spots(photo.pixels) - tiffs.spots(wanted))
    assert off.max() <= tolerance, tiffs.spots(photo.pixels).tolist()


def deep(values):
    return values.astype(np.uint16) * 257


def joined(*channels):
    return np.concatenate(channels, 2)


# name -> numbers, photometric interpretation, extra samples, what is to be seen
KINDS = {
    "grey 8": (GREY, MIN_IS_BLACK, (), AS_GREY),
    "grey 16": (deep(GREY), MIN_IS_BLACK, (), AS_GREY),
    "grey 32": (GREY.astype(np.uint32) * 0x01010101, MIN_IS_BLACK, (), AS_GREY),
    "negative 8": (255 - GREY, MIN_IS_WHITE, (), AS_GREY),
    "negative 16": (deep(255 - GREY), MIN_IS_WHITE, (), AS_GREY),
    "grey 8, alpha": (joined(GREY, ALPHA), MIN_IS_BLACK, (2,), GREY_ON_PAPER),
    "grey 16, alpha": (deep(joined(GREY, ALPHA)), MIN_IS_BLACK, (2,), GREY_ON_PAPER),
    "negative 8, alpha": (joined(255 - GREY, ALPHA), MIN_IS_WHITE, (2,), GREY_ON_PAPER),
    "negative 16, alpha": (deep(joined(255 - GREY, ALPHA)), MIN_IS_WHITE, (2,), GREY_ON_PAPER),
    "grey 8, something": (joined(GREY, ALPHA), MIN_IS_BLACK, (0,), AS_GREY),
    "grey 16, two things": (deep(joined(GREY, ALPHA, ALPHA)), MIN_IS_BLACK, (0, 0), AS_GREY),
    "grey 16, nothing said": (deep(joined(GREY, ALPHA)), MIN_IS_BLACK, (), AS_GREY),
    "rgb 8": (RGB, OF_RGB, (), RGB),
    "rgb 16": (deep(RGB), OF_RGB, (), RGB),
    "rgb 32": (RGB.astype(np.uint32) * 0x01010101, OF_RGB, (), RGB),
    "rgb 8, alpha": (joined(RGB, ALPHA), OF_RGB, (2,), ON_PAPER),
    "rgb 16, alpha": (deep(joined(RGB, ALPHA)), OF_RGB, (2,), ON_PAPER),
    "rgb 8, infrared": (joined(RGB, ALPHA), OF_RGB, (0,), RGB),
    "rgb 8, infrared, alpha": (joined(RGB, GREY, ALPHA), OF_RGB, (0, 2), ON_PAPER),
    "cmyk 8": (CMYK, SEPARATED, (), RGB),
    "cmyk 16": (deep(CMYK), SEPARATED, (), RGB),
    "cmyk 8, alpha": (joined(CMYK, ALPHA), SEPARATED, (2,), ON_PAPER),
    "cmyk 16, alpha": (deep(joined(CMYK, ALPHA)), SEPARATED, (2,), ON_PAPER),
    "float 16": ((GREY / 255).astype(np.float16), MIN_IS_BLACK, (), AS_GREY),
    "float 32": ((GREY / 255).astype(np.float32), MIN_IS_BLACK, (), AS_GREY),
    "float 64": (GREY / 255, MIN_IS_BLACK, (), AS_GREY),
    "rgb float 16": ((RGB / 255).astype(np.float16), OF_RGB, (), RGB),
    "rgb float 32": ((RGB / 255).astype(np.float32), OF_RGB, (), RGB),
    "rgb float 32, alpha": ((joined(RGB, ALPHA) / 255).astype(np.float32), OF_RGB, (2,), ON_PAPER),
}
LAYOUTS = {
    "strips": Layout(),
    "one strip": Layout(rows=1000),
    "deflated": Layout(compression=DEFLATE),
    "differences": Layout(compression=DEFLATE, predictor=HORIZONTAL),
    "tiles": Layout(tile_wh=(32, 16)),
    "deflated tiles": Layout(tile_wh=(48, 32), compression=DEFLATE, predictor=HORIZONTAL),
    "planes": Layout(planes=2),
    "deflated planes": Layout(planes=2, compression=DEFLATE),
    "planes in tiles": Layout(planes=2, tile_wh=(32, 32), compression=DEFLATE, predictor=HORIZONTAL),
}


@pytest.mark.parametrize(("order", "big"), ORDERS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_in_every_layout(kind, layout, order, big):
    numbers, photometric, extra, shown = KINDS[kind]
    how = Layout(**LAYOUTS[layout].__dict__ | {"order": order, "big": big})
    if numbers.dtype.kind == "f" and how.predictor == HORIZONTAL:
        how.predictor = FLOATING
    assert_shows(tiffs.write(numbers, photometric, how, extra), shown, 4)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compression", [NONE, DEFLATE])
@pytest.mark.parametrize("photometric", [MIN_IS_BLACK, MIN_IS_WHITE])
@pytest.mark.parametrize("bits", [1, 2, 4, 6, 10, 12, 14])
def test_greys_of_any_number_of_bits(order, compression, photometric, bits):
    most = (1 << bits) - 1
    numbers = np.rint(GREY / 255 * most).astype(np.uint16)
    shown = np.rint(numbers * (255 / most)).astype(np.uint8).repeat(3, 2)
    if photometric == MIN_IS_WHITE:
        numbers = (most - numbers).astype(np.uint16)
    layout = Layout(order, compression=compression, bits=bits)
    assert_shows(tiffs.write(numbers, photometric, layout), shown)


@pytest.mark.parametrize("bits", [4, 10, 12])
def test_colours_of_odd_numbers_of_bits(bits):
    numbers = np.rint(RGB / 255 * ((1 << bits) - 1)).astype(np.uint16)
    assert_shows(tiffs.write(numbers, OF_RGB, Layout(bits=bits)), RGB, 9)


@pytest.mark.parametrize("compression", [NONE, DEFLATE])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palettes(bits, order, compression):
    palette = np.random.default_rng(1).integers(0, 256, (1 << bits, 3))
    numbers = np.rint(GREY / 255 * ((1 << bits) - 1)).astype(np.uint8)
    layout = Layout(order, compression=compression, bits=bits)
    tags = {320: (3, tuple((palette.T.ravel() * 257).tolist()))}
    assert_shows(tiffs.write(numbers, PALETTE, layout, tags=tags), palette[numbers[..., 0]].astype(np.uint8))


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compression", [NONE, DEFLATE])
@pytest.mark.parametrize(
    ("numbers", "wanted"),
    [
        ((0, 64, 127), np.int8),
        ((0, 100, 255), np.int16),
        ((0, 16_000, 32_767), np.int16),
        ((-500, 750, 2_000), np.int16),
        ((0, 30_000, 65_535), np.int32),
        ((-5, 0, 5), np.int32),
    ],
)
def test_numbers_with_a_sign_have_the_range_they_plainly_belong_to(numbers, wanted, order, compression):
    low, middle, high = numbers
    data = tiffs.write(
        np.array(numbers, wanted)[None, :, None].repeat(9, 0),
        MIN_IS_BLACK,
        Layout(order, compression=compression),
    )
    bottom = min(low, 0)
    shown = [round((value - bottom) / (high - bottom) * 255) for value in (low, middle, high)]
    assert np.abs(opened(data).pixels[4, :, 0].astype(int) - shown).max() <= 1


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("colours", [GREY, RGB], ids=["grey", "rgb"])
def test_colours_that_were_multiplied_with_their_alpha(colours, dtype, order):
    largest = {"u": np.iinfo, "f": lambda _: np.finfo(np.float16)}[np.dtype(dtype).kind](dtype).max
    largest = 1.0 if dtype is np.float32 else largest
    numbers = joined(colours / 255 * (ALPHA / 255), ALPHA / 255) * largest
    numbers = numbers.astype(dtype) if dtype is np.float32 else np.rint(numbers).astype(dtype)
    photometric, shown = (MIN_IS_BLACK, GREY_ON_PAPER) if colours is GREY else (OF_RGB, ON_PAPER)
    assert_shows(tiffs.write(numbers, photometric, Layout(order), (MULTIPLIED,)), shown, 4)


def ycbcr(across, down):
    """The bytes of one strip in which so many pixels share their colours."""
    values = np.asarray(Image.fromarray(RGB).convert("YCbCr")).astype(float)
    values = np.pad(values, ((0, -70 % down), (0, -100 % across), (0, 0)), mode="edge")
    blocks = values.reshape(values.shape[0] // down, down, values.shape[1] // across, across, 3)
    bright = blocks[..., 0].transpose(0, 2, 1, 3).reshape(*blocks.shape[0:3:2], -1)
    return np.rint(np.concatenate([bright, blocks[..., 1:].mean((1, 3))], 2)).astype(np.uint8).tobytes()


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compression", [NONE, DEFLATE])
@pytest.mark.parametrize("shared", [(1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (4, 2), (4, 4)])
def test_colours_that_pixels_share(shared, compression, order):
    body = ycbcr(*shared)
    page = {256: (4, (100,)), 257: (4, (70,)), 258: (3, (8, 8, 8)), 259: (3, (compression,))}
    page |= {262: (3, (YCBCR,)), 277: (3, (3,)), 278: (4, (70,)), 530: (3, shared)}
    body = zlib.compress(body) if compression == DEFLATE else body
    assert_shows(tiffs.assemble(page, [body], (273, 279), Layout(order)), RGB, 8)


@pytest.mark.parametrize("subsampling", [0, 2])
@pytest.mark.parametrize("order", "<>")
def test_a_jpeg_as_old_tiffs_hold_it(order, subsampling):
    jpeg = make.encoded("JPEG", Image.fromarray(RGB), quality=95, subsampling=subsampling)
    shared = (2, 2) if subsampling else (1, 1)
    page = {256: (4, (100,)), 257: (4, (70,)), 258: (3, (8, 8, 8)), 259: (3, (6,)), 262: (3, (YCBCR,))}
    page |= {277: (3, (3,)), 278: (4, (70,)), 512: (3, (1,)), 513: (4, (8,)), 514: (4, (len(jpeg),))}
    page |= {530: (3, shared)}
    assert_shows(tiffs.assemble(page, [jpeg], (273, 279), Layout(order)), RGB, 20)


def test_tiles_that_are_webps():
    pieces = []
    for top in (0, 48):
        for left in (0, 64):
            tile = Image.fromarray(RGB).crop((left, top, left + 64, top + 48))
            pieces.append(make.encoded("WEBP", tile, lossless=True))
    page = {256: (4, (100,)), 257: (4, (70,)), 258: (3, (8, 8, 8)), 259: (3, (50001,)), 262: (3, (OF_RGB,))}
    page |= {277: (3, (3,)), 322: (4, (64,)), 323: (4, (48,))}
    assert_shows(tiffs.assemble(page, pieces, (324, 325), Layout()), RGB)
    pieces[3] = make.encoded("WEBP", Image.new("RGB", (9_000, 9_000)), lossless=True)
    with pytest.raises(UnreadablePhoto, match="a tile of another size"):
        opened(tiffs.assemble(page, pieces, (324, 325), Layout()))


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_faxes(compression):
    paper = Image.fromarray(RGB).convert("L").point(lambda value: 255 * (value > 100)).convert("1")
    assert_shows(make.encoded("TIFF", paper, compression=compression), np.asarray(paper.convert("RGB")))


@pytest.mark.parametrize("fill_order", [1, 2])
@pytest.mark.parametrize("compression", [NONE, DEFLATE])
@pytest.mark.parametrize("kind", ["grey 8", "rgb 8", "grey 16, alpha", "cmyk 8, alpha"])
def test_bits_from_the_other_end(kind, compression, fill_order):
    numbers, photometric, extra, shown = KINDS[kind]
    layout = Layout(compression=compression, fill_order=fill_order)
    assert_shows(tiffs.write(numbers, photometric, layout, extra), shown, 4)


# -- Lab


def lab_of(rgb):
    """CIE L*a*b* under D50, by the formulas of CIE 15 and Bradford's matrix for sRGB."""
    linear = rgb / 255
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169]]
    to_xyz += [[0.0139322, 0.0971045, 0.7141733]]
    ratio = linear @ np.array(to_xyz).T / (0.9642, 1, 0.8249)
    bent = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    x, y, z = np.moveaxis(bent, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def packed_lab(kind, bits):
    lab = lab_of(RGB)
    unit = 1 << (bits - 8)
    if kind == ICC_LAB:
        lightness = 255 / 100 if bits == 8 else 0xFF00 / 100
        numbers = lab * (lightness, unit, unit) + (0, 128 * unit, 128 * unit)
    else:
        numbers = lab * (((1 << bits) - 1) / 100, unit, unit)
    return np.rint(numbers).astype(np.int32).astype(np.uint8 if bits == 8 else np.uint16)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compression", [NONE, DEFLATE])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("kind", [CIE_LAB, ICC_LAB])
def test_lab(kind, bits, compression, order):
    data = tiffs.write(packed_lab(kind, bits), kind, Layout(order, compression=compression))
    assert_shows(data, RGB, 3)
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    by_littlecms = ImageCms.profileToProfile(Image.fromarray(RGB), *profiles, outputMode="LAB")
    assert_shows(make.encoded("TIFF", by_littlecms), RGB, 3)


def test_a_damaged_profile_of_cmyk_with_transparency_costs_the_profile():
    tags = {34675: (7, tuple(b"no profile"))}
    assert_shows(tiffs.write(joined(CMYK, ALPHA), SEPARATED, None, (2,), tags), ON_PAPER, 4)


# -- how they stand, and what they say


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["rgb 8", "rgb 16, alpha", "rgb float 16", "cmyk 8, alpha", "negative 16"])
@pytest.mark.parametrize("layout", ["strips", "deflated tiles", "deflated planes"])
def test_all_orientations(kind, layout, orientation):
    numbers, photometric, extra, shown = KINDS[kind]
    how = Layout(**LAYOUTS[layout].__dict__)
    how.predictor = 1
    if orientation > 1:  # the inverse of what is done to show it
        turns = {2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (0, 1), 7: (1, 1), 8: (1, 0)}[orientation]
        numbers = numbers[:: -1 if turns[1] else 1, :: -1 if turns[0] else 1]
        if orientation >= 5:
            numbers = _stored(KINDS[kind][0], orientation)
    data = tiffs.write(np.ascontiguousarray(numbers), photometric, how, extra, {274: (3, (orientation,))})
    assert_shows(data, shown, 4)
    assert opened(data).exif.orientation == orientation


def _stored(numbers, orientation):
    """Turned by Pillow, channel by channel."""
    return np.stack(
        [
            np.asarray(
                Image.fromarray(np.ascontiguousarray(channel.astype(np.float32))).transpose(UNDO[orientation])
            )
            for channel in np.moveaxis(numbers, -1, 0)
        ],
        -1,
    ).astype(numbers.dtype)


@pytest.mark.parametrize(("order", "big"), ORDERS)
@pytest.mark.parametrize("kind", ["rgb 8", "grey 16, alpha"])
def test_what_a_tiff_of_any_kind_says_of_itself_is_read(tmp_path, kind, order, big):
    numbers, photometric, extra, _ = KINDS[kind]
    text = struct.pack("20s", b"2016:05:04 03:02:01")
    tags = {274: (3, (6,)), 306: (7, tuple(text)), 271: (7, tuple(b"Canon\0"))}
    data = tiffs.write(numbers, photometric, Layout(order, big), extra, tags)
    form = order + "HH"
    for tag in (306, 271):  # text, not bytes
        data = data.replace(struct.pack(form, tag, 7), struct.pack(form, tag, 2))
    said = opened(data).exif
    (tmp_path / "a.tif").write_bytes(data)
    without_pixels = read_metadata(tmp_path / "a.tif")[0]
    assert (without_pixels.taken_at, without_pixels.camera) == (said.taken_at, said.camera)
    assert (said.camera, said.orientation) == ("Canon", 6)
    assert said.taken_at.isoformat() == "2016-05-04T03:02:01"


@pytest.mark.parametrize("kind", ["grey 16, alpha", "rgb float 32", "cmyk 8, alpha", "negative 16", "rgb 8"])
@pytest.mark.parametrize("layout", ["strips", "deflated", "tiles", "deflated tiles", "one strip"])
def test_one_that_is_cut_short_is_refused(kind, layout):
    numbers, photometric, extra, _ = KINDS[kind]
    how = Layout(**LAYOUTS[layout].__dict__)
    how.predictor = 1
    data = tiffs.write(numbers, photometric, how, extra)
    at = struct.unpack("<I", data[4:8])[0]
    missing = at // 2  # pixels before the directory: take them out, and move what stands behind
    middle = bytearray(data)
    if how.compression == DEFLATE:
        middle[missing : missing + 40] = b"\xff" * 40
        with pytest.raises(UnreadablePhoto, match=r"damaged|cut short"):
            opened(bytes(middle))
        return
    places = 324 if how.tile_wh else 273
    where = data.index(struct.pack("<HH", places, 4), at)
    number, first = struct.unpack_from("<II", data, where + 4)
    struct.pack_into("<I", middle, where + 8 if number == 1 else first + 4 * (number - 1), len(data) - 50)
    with pytest.raises(UnreadablePhoto, match=r"cut short|damaged"):
        opened(bytes(middle))


@pytest.mark.parametrize("compression", [34712, 50002, 34933, 34676, 65000])
def test_compressions_that_are_not_read_are_not_called_damaged(compression):
    page = {256: (4, (100,)), 257: (4, (70,)), 258: (3, (8, 8, 8)), 259: (3, (compression,))}
    page |= {262: (3, (OF_RGB,)), 277: (3, (3,)), 278: (4, (70,))}
    with pytest.raises(UnreadablePhoto, match="a rare kind of picture"):
        opened(tiffs.assemble(page, [bytes(500)], (273, 279), Layout()))


def test_hyperstacks_and_pyramids_show_their_first_and_largest_picture():
    stack = [Image.fromarray(RGB), Image.fromarray(255 - RGB), Image.new("RGB", (100, 70))]
    out = io.BytesIO()
    stack[0].save(out, "TIFF", save_all=True, append_images=stack[1:], compression="tiff_lzw")
    assert_shows(out.getvalue(), RGB)
    small_first = [Image.new("RGB", (25, 18), "red"), Image.fromarray(RGB), Image.new("RGB", (50, 35), "red")]
    out = io.BytesIO()
    small_first[0].save(out, "TIFF", save_all=True, append_images=small_first[1:])
    assert_shows(out.getvalue(), RGB)

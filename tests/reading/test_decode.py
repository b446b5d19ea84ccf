import hashlib
import io
import os
import struct
import subprocess
import sys
import threading
import time
from datetime import datetime
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

import phototag
from phototag.errors import UnreadablePhoto
from phototag.reading.decode import open_photo
from phototag.reading.files import hash_file
from phototag.reading.lookahead import frames
from phototag.records import Frame, Job, PhotoFile, Unreadable
from tests.bad_files import EITHER, STILL_PICTURES, encoded, long, make_bad_files, short, tiff, tiff_folder

SAMPLES = Path(__file__).parents[2] / "sample_photos"
# of `quadrants`: top left, top right, bottom left, ...
CORNERS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0))
# orientation -> Image.Transpose that stores an upright picture so
UNDO = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}


def quadrants(width=96, height=64):
    """No two of the eight orientations of this picture look alike."""
    pixels = np.zeros((height, width, 3), np.uint8)
    top, left = height // 2, width // 2
    pixels[:top, :left], pixels[:top, left:], pixels[top:, :left], pixels[top:, left:] = CORNERS
    return Image.fromarray(pixels)


def assert_quadrants(pixels, tolerance=40):
    height, width = pixels.shape[:2]
    spots = [
        (height // 4, width // 4),
        (height // 4, -width // 4),
        (-height // 4, width // 4),
        (-height // 4, -width // 4),
    ]
    for spot, colour in zip(spots, CORNERS, strict=True):
        assert np.abs(pixels[spot].astype(int) - colour).max() <= tolerance, (spot, pixels[spot], colour)


def opened(path, data, working_side=640, **options):
    path.write_bytes(data)
    return open_photo(path, working_side=working_side, **options)


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b.astype(float)) ** 2))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF"])
def test_every_format_gives_upright_rgb_and_the_hash_of_its_bytes(tmp_path, kind):
    data = encoded(kind, quadrants())
    photo = opened(tmp_path / "photo.any", data)  # the name does not matter, the content does
    assert_quadrants(photo.pixels)
    assert (photo.pixels.shape, photo.pixels.dtype) == ((64, 96, 3), np.uint8)
    assert photo.pixels.flags.c_contiguous and photo.pixels.flags.writeable
    assert (photo.width, photo.height) == (96, 64)
    assert photo.content_hash == hash_file(tmp_path / "photo.any") == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_orientations_in_all_formats_that_have_them(tmp_path, kind, orientation):
    stored = quadrants() if orientation == 1 else quadrants().transpose(UNDO[orientation])
    tags = Image.Exif()
    tags[0x0112] = orientation
    photo = opened(tmp_path / "photo", encoded(kind, stored, exif=tags))
    assert_quadrants(photo.pixels)
    assert (photo.width, photo.height, photo.exif.orientation) == (96, 64, orientation)


def test_shrinks_to_the_working_side_but_never_enlarges(tmp_path):
    photo = opened(tmp_path / "a.jpg", encoded("JPEG", quadrants(900, 600)), working_side=300)
    assert photo.pixels.shape == (200, 300, 3) and (photo.width, photo.height) == (900, 600)
    assert_quadrants(photo.pixels)
    assert opened(tmp_path / "b.jpg", encoded("JPEG", quadrants()), working_side=300).pixels.shape == (
        64,
        96,
        3,
    )
    assert opened(tmp_path / "c.png", encoded("PNG", quadrants(5000, 2)), working_side=100).pixels.shape == (
        1,
        100,
        3,
    )


# decoded by libjpeg at 1/2, 1/2 and 1/2 or less of their size
@pytest.mark.parametrize("side", [400, 320, 250])
def test_decoding_at_a_fraction_looks_like_decoding_in_full(tmp_path, side):
    original = Image.open(SAMPLES / "2016" / "portrait-turned.jpg").resize(
        (1280, 1024), Image.Resampling.LANCZOS
    )
    data = encoded("JPEG", original, quality=92)
    fast = opened(tmp_path / "photo.jpg", data, working_side=side).pixels
    full = Image.open(io.BytesIO(data)).resize((side, round(side * 1024 / 1280)), Image.Resampling.LANCZOS)
    assert psnr(fast, np.asarray(full)) >= 35


def test_sixteen_bits_become_eight(tmp_path):
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(4, 0)
    for kind in ("PNG", "TIFF"):
        pixels = opened(tmp_path / kind, encoded(kind, Image.fromarray(ramp))).pixels
        assert np.abs(pixels[0, :, 0].astype(int) - np.arange(256)).max() <= 1


@pytest.mark.parametrize(
    "values", [(0, 0.5, 1.0), (0, 127.5, 255), (0, 32767, 65535), (-4, 0, 4), (0, 5e5, 1e6)]
)
def test_floats_are_scaled_by_the_range_they_belong_to(tmp_path, values):
    picture = Image.fromarray(np.array([values], np.float32))
    pixels = opened(tmp_path / "photo.tif", encoded("TIFF", picture)).pixels
    assert np.abs(pixels[0, :, 0].astype(int) - (0, 128, 255)).max() <= 1


def test_floats_that_are_not_numbers(tmp_path):
    picture = Image.fromarray(np.array([[np.nan, np.inf, 0.0, 1.0]], np.float32))
    assert opened(tmp_path / "photo.tif", encoded("TIFF", picture)).pixels[0, 2:, 0].tolist() == [0, 255]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_become_white(tmp_path, mode):
    picture = Image.new("RGBA", (8, 4), (0, 0, 0, 0))
    picture.paste((0, 0, 0, 255), (0, 0, 4, 4))
    data = encoded("PNG", picture.quantize(4) if mode == "P" else picture.convert(mode))
    pixels = opened(tmp_path / "photo.png", data).pixels
    assert pixels[0, 0].tolist() == [0, 0, 0] and pixels[0, 7].tolist() == [255, 255, 255]


def test_one_colour_declared_transparent(tmp_path):
    picture = Image.new("RGB", (8, 4), "red")
    picture.paste("blue", (0, 0, 4, 4))
    pixels = opened(tmp_path / "photo.png", encoded("PNG", picture, transparency=(255, 0, 0))).pixels
    assert pixels[0, 0].tolist() == [0, 0, 255] and pixels[0, 7].tolist() == [255, 255, 255]


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])  # Pillow writes CMYK JPEGs as Adobe does: inverted
def test_cmyk(tmp_path, kind):
    assert_quadrants(opened(tmp_path / "photo", encoded(kind, quadrants().convert("CMYK"))).pixels)


@pytest.mark.parametrize("mode", ["1", "L", "P", "YCbCr", "LAB", "I"])
def test_other_modes(tmp_path, mode):
    if mode == "LAB":
        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        picture = ImageCms.profileToProfile(quadrants(), *profiles, outputMode="LAB")
    else:
        picture = (
            quadrants().convert("L").point(lambda value: 255 * (value > 100)).convert(mode)
            if mode in "1LI"
            else quadrants().convert(mode)
        )
    pixels = opened(tmp_path / "photo.tif", encoded("TIFF", picture)).pixels
    if mode in "1LI":
        assert (pixels[16, 24].tolist(), pixels[16, 72].tolist()) == ([0, 0, 0], [255, 255, 255])
    else:
        assert_quadrants(pixels)


def profile_with_red_and_blue_exchanged():
    """A profile that makes it plain whether it was applied."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for position in range(132, 132 + 12 * struct.unpack(">I", data[128:132])[0], 12):
        name = bytes(data[position : position + 4])
        if name in (b"rXYZ", b"bXYZ"):
            data[position] = ord("b") if name == b"rXYZ" else ord("r")
    return bytes(data).replace("sRGB".encode("utf-16-be"), "Test".encode("utf-16-be"))


def test_colour_profiles_are_applied(tmp_path):
    profile = profile_with_red_and_blue_exchanged()
    red = Image.new("RGB", (16, 16), (200, 10, 10))
    with_profile = (
        opened(tmp_path / "a.png", encoded("PNG", red, icc_profile=profile)).pixels[0, 0].astype(int)
    )
    assert np.abs(with_profile - (10, 10, 200)).max() <= 3
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert opened(tmp_path / "b.png", encoded("PNG", red, icc_profile=srgb)).pixels[0, 0].tolist() == [
        200,
        10,
        10,
    ]
    clear = Image.new("RGBA", (16, 16), (200, 10, 10, 0))
    clear.putpixel((15, 15), (200, 10, 10, 255))
    pixels = opened(tmp_path / "c.png", encoded("PNG", clear, icc_profile=profile)).pixels
    assert pixels[:15].min() >= 253 and np.abs(pixels[15, 15].astype(int) - (10, 10, 200)).max() <= 3


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF", "TIFF", "MPO"])
def test_the_first_of_several_frames(tmp_path, kind):
    others = [Image.new("RGB", (96, 64), "black"), Image.new("RGB", (96, 64), "white")]
    photo = opened(tmp_path / "photo", encoded(kind, quadrants(), save_all=True, append_images=others))
    assert_quadrants(photo.pixels)


def test_the_limit_of_pixels_names_its_option(tmp_path):
    data = encoded("PNG", quadrants(300, 200))
    with pytest.raises(UnreadablePhoto, match=r"300 x 200.*--max-pixels 60000"):
        opened(tmp_path / "photo.png", data, max_pixels=59_999)
    assert opened(tmp_path / "photo.png", data, max_pixels=60_000).width == 300


def test_more_pixels_than_pillow_would_allow_by_itself(tmp_path):
    data = encoded("JPEG", Image.new("L", (20_000, 9_500), 200))  # 190 megapixels, above Pillow's 179
    photo = opened(tmp_path / "photo.jpg", data, working_side=100)
    assert photo.width == 20_000 and photo.pixels.min() == photo.pixels.max() == 200


def test_the_file_is_only_read(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded("JPEG"))
    os.utime(path, ns=(10**18, 10**18))
    path.chmod(0o444)
    before = path.stat(), path.read_bytes()
    open_photo(path, working_side=64)
    after = path.stat(), path.read_bytes()
    assert before[1] == after[1] and before[0].st_mtime_ns == after[0].st_mtime_ns


def test_truly_grey_corners_are_no_sign_of_a_cut(tmp_path):
    grey = Image.new("RGB", (96, 64), (128, 128, 128))
    grey.paste(quadrants(40, 20), (0, 0))
    for options in ({}, {"progressive": True}, {"restart_marker_rows": 1}):
        assert opened(tmp_path / "photo.jpg", encoded("JPEG", grey, **options)).pixels[-1, -1].tolist() == [
            128,
            128,
            128,
        ]


# Bad files


def test_bad_files_cost_one_line_each_and_nothing_on_stderr(tmp_path):
    """In a process of its own: some libraries write to stderr themselves, and a crash must not take
    pytest along."""
    kinds = make_bad_files(tmp_path)
    assert len(kinds) >= 60
    program = (
        "import sys; from pathlib import Path\n"
        "from phototag.cli.decoders import silence_decoders; silence_decoders()\n"
        "from phototag.errors import UnreadablePhoto; from phototag.reading.decode import open_photo\n"
        "for path in sorted(Path(sys.argv[1]).iterdir()):\n"
        "    try: answer = f'shape {open_photo(path, working_side=64).pixels.shape}'\n"
        "    except UnreadablePhoto as error: answer = f'reason {error}'\n"
        "    print(path.name, answer, sep='\\t')\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=50,
        env={**os.environ, "PYTHONPATH": str(Path(phototag.__file__).parent.parent)},
    )
    assert (run.returncode, run.stderr) == (0, "")
    # a reason of two lines would fail here
    answers = dict(line.split("\t") for line in run.stdout.splitlines())
    assert answers.keys() == kinds.keys()
    for name, answer in answers.items():
        assert len(answer) < 220 and answer.isprintable() and str(tmp_path) not in answer
        if name not in EITHER:
            assert answer.startswith("shape") == (name in STILL_PICTURES), (name, answer)


def test_what_is_wrong_is_said_in_plain_words(tmp_path):
    make_bad_files(tmp_path)
    for name, words in {
        "empty.jpg": "the file is empty",
        "zeros.jpg": "nothing but zeros",
        "page.jpg": "a web page",
        "cut-half.jpg": "cut short",
        "ended-early.jpg": "cut short",
        "zeroed-end.jpg": "cut short",
        "flipped.png": "checksum",
        "pipe.jpg": "not a regular file",
        "link-to-nothing.jpg": "gone",
    }.items():
        with pytest.raises(UnreadablePhoto, match=words):
            open_photo(tmp_path / name, working_side=64)


def test_hashing_what_is_no_file(tmp_path):
    with pytest.raises(UnreadablePhoto):
        hash_file(tmp_path)
    with pytest.raises(UnreadablePhoto, match="gone"):
        hash_file(tmp_path / "nothing.jpg")


def test_the_date_falls_back_to_the_date_of_the_file(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(encoded("PNG"))
    os.utime(path, (1_400_000_000, 1_400_000_000))
    found = open_photo(path, working_side=64).exif
    assert (found.taken_at, found.taken_from) == (datetime.fromtimestamp(1_400_000_000), "file")
    assert open_photo(SAMPLES / "2016" / "astronaut.jpg", working_side=64).exif.taken_at == datetime(
        2016, 3, 12, 10, 30
    )


# Extras


def test_heic(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    tags = Image.Exif()
    tags[0x0112] = 6
    pillow_heif.from_pillow(quadrants().transpose(UNDO[6])).save(
        tmp_path / "photo.heic", exif=tags.tobytes(), quality=95
    )
    photo = open_photo(tmp_path / "photo.heic", working_side=48)
    assert (photo.width, photo.height) == (96, 64) and photo.pixels.shape == (32, 48, 3)
    assert_quadrants(photo.pixels)


def dng(orientation, preview=b""):
    """A RAW file as small as LibRaw takes it: a Bayer mosaic of `quadrants`, perhaps with a JPEG of
    it inside."""
    rgb = np.asarray(quadrants(256, 128)).astype(np.uint16) * 200
    mosaic = rgb[..., 1].astype("<u2")
    mosaic[0::2, 0::2], mosaic[1::2, 1::2] = rgb[0::2, 0::2, 0], rgb[1::2, 1::2, 2]
    matrix = struct.pack(
        "<18i", *(part for value in (32, -15, -5, -10, 19, 0, 1, -2, 11) for part in (value, 10))
    )

    def raw_folder(pixels_at, extra=()):
        return (
            *extra,
            *(
                long(256, 256),
                long(257, 128),
                short(258, 16),
                short(259, 1),
                short(262, 32803),
                long(273, pixels_at),
            ),
            *(
                short(277, 1),
                long(278, 128),
                long(279, mosaic.nbytes),
                (33421, 3, 2, struct.pack("<2H", 2, 2)),
            ),
            *((33422, 1, 4, bytes([0, 1, 1, 2])), long(50717, 65535)),
        )

    top = (
        *(
            short(274, orientation),
            (271, 2, 5, b"Test\0"),
            (272, 2, 5, b"Cam1\0"),
            (306, 2, 20, b"2016:05:04 03:02:01\0"),
        ),
        *(
            (50706, 1, 4, bytes([1, 4, 0, 0])),
            (50708, 2, 5, b"Test\0"),
            (50721, 10, 9, matrix),
            short(50778, 21),
        ),
        (50728, 5, 3, struct.pack("<6I", 1, 1, 1, 1, 1, 1)),
    )
    if not preview:
        size = len(tiff(*raw_folder(0, (*top, long(254, 0)))))
        return tiff(*raw_folder(size, (*top, long(254, 0)))) + mosaic.tobytes()

    def head(preview_at, raw_at):
        jpeg = (
            long(254, 1),
            long(256, 256),
            long(257, 128),
            (258, 3, 3, struct.pack("<3H", 8, 8, 8)),
            short(259, 7),
        )
        jpeg += (
            short(262, 6),
            long(273, preview_at),
            short(277, 3),
            long(278, 128),
            long(279, len(preview)),
            long(330, raw_at),
        )
        return tiff(*top, *jpeg)

    start = len(head(0, 0))
    raw_at = start + len(preview) + len(preview) % 2
    raw_size = len(tiff_folder(*raw_folder(0, (long(254, 0),)), at=raw_at))
    raw = tiff_folder(*raw_folder(raw_at + raw_size, (long(254, 0),)), at=raw_at)
    return head(start, raw_at) + preview.ljust(raw_at - start, b"\0") + raw + mosaic.tobytes()


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("with_preview", [False, True])
def test_raw(tmp_path, orientation, with_preview):
    pytest.importorskip("rawpy")
    preview = encoded("JPEG", Image.new("RGB", (256, 128), (90, 60, 30))) if with_preview else b""
    photo = opened(tmp_path / "photo.dng", dng(orientation, preview), working_side=100)
    assert (photo.width, photo.height) == ((128, 256) if orientation >= 5 else (256, 128))
    assert photo.pixels.shape == ((100, 50, 3) if orientation >= 5 else (50, 100, 3))
    assert (photo.exif.taken_at, photo.exif.camera) == (datetime(2016, 5, 4, 3, 2, 1), "Test Cam1")
    if with_preview:
        assert np.abs(photo.pixels.astype(int) - (90, 60, 30)).max() <= 3
    else:
        stored = (
            photo.pixels
            if orientation == 1
            else np.asarray(Image.fromarray(photo.pixels).transpose(UNDO[orientation]))
        )
        assert_quadrants(stored, tolerance=80)


def test_a_jpeg_called_raw_is_a_jpeg(tmp_path):
    assert_quadrants(opened(tmp_path / "photo.cr2", encoded("JPEG", quadrants())).pixels)


# The look-ahead


@pytest.fixture
def folder(tmp_path):
    for number in range(12):
        (tmp_path / f"{number}.jpg").write_bytes(encoded("JPEG", Image.new("L", (40 + number, 30), number)))
    return tmp_path


def jobs_of(folder, names):
    return [Job(number, PhotoFile(str(folder), name, 1, 1), ("faces",)) for number, name in enumerate(names)]


def test_frames_come_in_the_order_of_their_jobs_and_bad_ones_in_their_place(folder):
    (folder / "bad.jpg").write_bytes(b"bad")
    names = [f"{number}.jpg" for number in range(12)] + ["bad.jpg", "gone.jpg", "../out.jpg"]
    results = list(frames(jobs_of(folder, names), workers=3, ahead=4, working_side=20))
    assert [job.photo_id for job, _, _ in results] == list(range(15))
    for number, (_, facts, frame) in enumerate(results[:12]):
        assert isinstance(frame, Frame) and frame.photo_id == facts.photo_id == number
        assert frame.pixels.shape[1] == 20 and facts.width == frame.width == 40 + number
        assert facts.content_hash == hash_file(folder / names[number])
    bad, gone, outside = results[12:]
    assert isinstance(bad[2], Unreadable) and bad[1].content_hash == hashlib.sha256(b"bad").hexdigest()
    assert bad[1].exif.taken_from == "file"
    assert gone[2].reason == "the file is gone" and gone[1].content_hash is None
    assert "not a path inside its root" in outside[2].reason


def test_no_more_than_so_many_frames_are_decoded_ahead(folder):
    asked = []

    def endless():
        for number in count():
            asked.append(number)
            yield Job(number, PhotoFile(str(folder), f"{number % 12}.jpg", 1, 1), ())

    stream = frames(endless(), workers=2, ahead=5, working_side=20)
    for number in range(20):
        assert next(stream)[0].photo_id == number
        assert len(asked) <= number + 5
    stream.close()
    time.sleep(0.05)
    assert len(asked) <= 25 and not [
        thread for thread in threading.enumerate() if thread.name.startswith("decode")
    ]


def test_an_interrupt_stops_the_threads(folder):
    def interrupted():
        yield from jobs_of(folder, [f"{number}.jpg" for number in range(6)])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(frames(interrupted(), workers=2, ahead=50, working_side=20))
    for thread in threading.enumerate():  # it is not waited for, but ends with the photo in hand
        if thread.name.startswith("decode"):
            thread.join(timeout=10)
            assert not thread.is_alive()

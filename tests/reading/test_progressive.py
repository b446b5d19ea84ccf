import io

import numpy as np
import pytest
from PIL import Image
from tests.reading.test_decode import SAMPLES, opened, psnr

from phototag.errors import UnreadablePhoto
from phototag.reading.decode import open_photo
from phototag.reading.progressive import CutShort, without_last_bit
from tests.bad_files import encoded


@pytest.fixture(scope="module")
def photograph():
    """A real one of 1600 pixels, and sensor noise."""
    with Image.open(SAMPLES / "2015" / "cat.jpg") as image:
        pixels = np.asarray(image.convert("RGB").resize((1600, 1200), Image.Resampling.LANCZOS))
    noise = np.random.default_rng(0).normal(0, 3, pixels.shape)
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))


def less_of(data):
    with Image.open(io.BytesIO(data)) as image:
        less = without_last_bit(image, data)
        return less and less.getvalue()


def unshrunk(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_third_of_the_file_is_not_decoded_and_hardly_missed(tmp_path, photograph, mode):
    data = encoded("JPEG", photograph.convert(mode), quality=90, progressive=True)
    assert len(less_of(data)) < 0.75 * len(data)
    target = 700, 525
    whole = np.asarray(Image.open(io.BytesIO(data)).convert("RGB").resize(target, Image.Resampling.BICUBIC))
    found = opened(tmp_path / "photo.jpg", data, working_side=700).pixels
    assert psnr(found, whole) > 35
    cut_blind = np.asarray(Image.open(io.BytesIO(less_of(data))).convert("RGB").resize(target, Image.Resampling.BICUBIC))
    assert psnr(cut_blind, whole) > 40


def test_what_is_cut_short_reads_like_a_file():
    data = bytes(range(200))
    whole = data[:150] + b"\xff\xd9"
    for size in (1, 7, 64, 149, 150, 151, 500):
        file = CutShort(data, 150)
        assert b"".join(iter(lambda size=size, file=file: file.read(size), b"")) == whole == file.getvalue()
        file.seek(10)
        assert file.read(3) == data[10:13]
    file = CutShort(data, 150)
    assert (file.read(), file.read(), file.read()) == (data[:150], b"\xff\xd9", b"")


def test_what_is_not_shrunk_is_read_to_the_last_bit(tmp_path, photograph):
    data = encoded("JPEG", photograph, quality=90, progressive=True)
    assert less_of(data)
    assert np.array_equal(opened(tmp_path / "photo.jpg", data, working_side=1600).pixels, unshrunk(data))


@pytest.mark.parametrize("options", [{"quality": 90}, {"quality": 75, "progressive": True}])
def test_other_jpegs_are_read_whole(photograph, options):
    """Of a coarsely stored one the last bit would be missed, and only a progressive one has it in a place of its own."""
    assert less_of(encoded("JPEG", photograph, **options)) is None


def test_a_file_of_several_pictures_is_read_whole(photograph):
    """Their places are written into the first one's head."""
    more = [photograph.resize((400, 300))]
    data = encoded("MPO", photograph, quality=90, progressive=True, save_all=True, append_images=more)
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "MPO" and image.info["progressive"]
    assert less_of(data) is None


def test_a_file_cut_in_what_is_left_out_is_still_cut_short(tmp_path, photograph):
    data = encoded("JPEG", photograph, quality=90, progressive=True)
    assert less_of(data[: -len(data) // 10]) is None
    with pytest.raises(UnreadablePhoto, match="cut short"):
        opened(tmp_path / "photo.jpg", data[: -len(data) // 10], working_side=700)


@pytest.mark.parametrize("marker", [0xC0, 0xC4, 0xD8, 0xC2])
def test_damage_in_what_could_be_left_out_is_told_all_the_same(tmp_path, photograph, marker):
    data = encoded("JPEG", photograph, quality=90, progressive=True)
    middle = len(less_of(data)) + 5000
    data = data[:middle] + bytes((0xFF, marker)) + data[middle + 2 :]
    assert less_of(data) is None
    with pytest.raises(UnreadablePhoto, match="damaged"):
        opened(tmp_path / "photo.jpg", data, working_side=700)


def test_what_only_looks_like_a_scan_is_none(tmp_path, photograph):
    data = encoded("JPEG", photograph, quality=90, progressive=True)
    scan = bytes.fromhex("ff da 00 08 01 01 00 01 3f 10") + bytes(20)
    comment = b"\xff\xfe" + (2 + len(scan)).to_bytes(2, "big") + scan
    assert less_of(data[:-2] + comment + data[-2:]) == less_of(data)
    assert less_of(data[:2] + comment + data[2:]) == data[:2] + comment + less_of(data)[2:]
    tables = data.rindex(b"\xff\xc4")  # between two scans; more FF may stand before any marker
    assert less_of(data[:tables] + b"\xff\xff" + data[tables:]) == less_of(data)[:tables] + b"\xff\xff" + less_of(data)[tables:]
    assert less_of(data[:tables] + b"\xff\xc4\x00\x02garbage" + data[tables:]) is None
    single = data[:2] + comment
    for end in range(2, len(single)):
        with Image.open(io.BytesIO(data)) as image:
            assert without_last_bit(image, single[:end]) is None


def test_the_coarseness_is_that_of_the_brightness(photograph):
    """Its table may have any number; here the colours have the fine one."""
    tables = [[1] * 64, [40] * 64]
    data = encoded("JPEG", photograph, qtables=tables, progressive=True)
    assert less_of(data)
    frame = data.index(b"\xff\xc2")
    swapped = bytearray(data)
    swapped[frame + 12], swapped[frame + 15], swapped[frame + 18] = 1, 0, 0
    assert less_of(bytes(swapped)) is None


def test_what_follows_the_picture_does_not_change_it(tmp_path, photograph):
    data = encoded("JPEG", photograph, quality=90, progressive=True)
    whole = opened(tmp_path / "whole.jpg", data, working_side=700).pixels
    second = encoded("JPEG", photograph.resize((80, 60)), quality=90, progressive=True)
    for more in (b"MotionPhoto_Data" * 99, b"\xff\xda", second):
        assert less_of(data + more) == less_of(data)
        assert np.array_equal(opened(tmp_path / "more.jpg", data + more, working_side=700).pixels, whole)


def test_turned_and_hashed_as_ever(tmp_path, photograph):
    tags = Image.Exif()
    tags[0x0112], tags[0x0110] = 6, "Pixel"
    data = encoded("JPEG", photograph, quality=90, progressive=True, exif=tags)
    photo = opened(tmp_path / "photo.jpg", data, working_side=700)
    assert photo.pixels.shape == (700, 525, 3) and (photo.width, photo.height) == (1200, 1600)
    assert photo.exif.camera == "Pixel"
    assert photo.content_hash != opened(tmp_path / "less.jpg", less_of(data), working_side=700).content_hash


def test_a_truly_grey_corner_is_no_sign_of_a_cut(tmp_path, photograph):
    grey = Image.new("RGB", (1600, 1200), (128, 128, 128))
    grey.paste(photograph.crop((0, 0, 800, 600)), (0, 0))
    data = encoded("JPEG", grey, quality=90, progressive=True)
    assert less_of(data)
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    assert open_photo(path, working_side=700).pixels[-1, -1].tolist() == [128, 128, 128]

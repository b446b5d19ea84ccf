import numpy as np
import pytest
from PIL import Image, ImageEnhance
from skimage import data

from phototag.highlights import appearance
from phototag.reading import files
from tests.conftest import SAMPLES


@pytest.fixture(scope="module")
def astronaut() -> Image.Image:
    return Image.fromarray(data.astronaut())


def measure_appearance(picture, folder, make, name="a.jpg", quality=90, faces=()):
    path = folder / name
    picture.save(path, quality=quality)
    return appearance.measure_appearance(make.photo(str(path), content_hash=files.hash_file(path)), faces)


def moved(picture, dx, dy, angle=0.0, zoom=1.0):
    """The same scene from a hand that moved a little, as a crop from its middle."""
    w, h = picture.size
    turned = picture.rotate(angle, Image.Resampling.BICUBIC)
    cut = 0.1 * w / zoom
    return turned.resize(
        picture.size, Image.Resampling.BICUBIC, (cut + dx, cut + dy, w - cut + dx, h - cut + dy)
    )


def test_the_same_picture_saved_again_scaled_or_lightened_is_the_same(astronaut, tmp_path, make):
    first = measure_appearance(astronaut, tmp_path, make)
    for changed, quality in (
        (astronaut, 40),
        (astronaut.resize((400, 400)), 80),
        (ImageEnhance.Brightness(astronaut).enhance(1.15), 90),
    ):
        assert (
            appearance.bits_apart(first, measure_appearance(changed, tmp_path, make, "b.jpg", quality))
            <= appearance.SAME_BITS
        )


def test_shots_of_a_burst_are_similar_and_other_pictures_are_not(astronaut, tmp_path, make):
    burst = [
        measure_appearance(moved(astronaut, dx, dy, a), tmp_path, make)
        for dx, dy, a in ((0, 0, 0), (8, -5, 0.7), (-6, 9, -1))
    ]
    assert all(appearance.bits_apart(burst[0], shot) <= appearance.SIMILAR_BITS for shot in burst[1:])
    for other in (data.coffee(), data.chelsea(), data.rocket(), data.astronaut()[::-1]):
        unlike = measure_appearance(Image.fromarray(np.ascontiguousarray(other)), tmp_path, make, "other.jpg")
        assert appearance.bits_apart(burst[0], unlike) > appearance.SIMILAR_BITS_SAME_FACES


def test_exposure_falls_in_the_dark_and_when_burnt_out_and_the_face_decides(astronaut, make):
    face = make.face(at=(0.44, 0.21), size=0.2)
    pixels = np.asarray(astronaut)
    dark = (pixels * 0.12).astype(np.uint8)
    burnt = np.clip(pixels.astype(int) * 4, 0, 255).astype(np.uint8)
    assert appearance.exposure(pixels, (face,)) > 0.9
    assert appearance.exposure(dark, (face,)) < 0.1
    assert appearance.exposure(burnt, (face,)) < 0.5
    backlit = pixels.copy()
    left, top, right, bottom = face.box.pixels(512, 512)
    backlit[top:bottom, left:right] //= 10
    assert appearance.exposure(backlit, (face,)) < 0.4 < 0.9 < appearance.exposure(backlit, ())


def test_dark_skin_in_good_light_is_well_exposed(astronaut, make):
    """Half as bright on average, with the same highlights."""
    face = make.face(at=(0.44, 0.21), size=0.2)
    pixels = np.asarray(astronaut).astype(float)
    darker = (255 * (pixels / 255) ** 2).astype(np.uint8)
    left, top, right, bottom = face.box.pixels(512, 512)
    assert darker[top:bottom, left:right].mean() < 0.75 * pixels[top:bottom, left:right].mean()
    assert appearance.exposure(darker, (face,)) > 0.9


def test_gone_damaged_and_changed_files_are_not_looked_at(astronaut, tmp_path, make):
    path = tmp_path / "a.jpg"
    assert appearance.measure_appearance(make.photo(str(path)), ()) is None
    path.write_bytes(b"no picture")
    assert (
        appearance.measure_appearance(make.photo(str(path), content_hash=files.hash_file(path)), ()) is None
    )
    astronaut.save(path)
    assert (
        appearance.measure_appearance(make.photo(str(path)), ()) is None
    )  # not the content that was scanned


def test_same_faces_asks_for_number_and_place(make):
    left, right = make.face(at=(0.3, 0.4)), make.face(at=(0.7, 0.4))
    assert appearance.same_faces((left, right), (make.face(at=(0.72, 0.42)), make.face(at=(0.33, 0.41))))
    assert not appearance.same_faces((left, right), (left,))
    assert not appearance.same_faces((left,), (right,))
    assert not appearance.same_faces((), ())


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        ("2015/cat.jpg", 0xB15FE6465121175E),
        ("2015/pagoda.jpg", 0x9DB8C2C7445DBB24),
        ("2016/burst-1.jpg", 0xD292CC5333BBD1C8),
        ("2016/rocket.jpg", 0xC0371BEC1BE51267),
    ],
)
def test_the_perceptual_hash_is_the_one_of_imagehash(name, bits):
    pixels = np.asarray(Image.open(SAMPLES / name).convert("RGB"))
    found = appearance.perceptual_hash(pixels)
    assert (found ^ bits).bit_count() <= 2  # another version of Pillow may decode a JPEG a little differently

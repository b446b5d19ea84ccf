"""Large WebPs and AVIFs are looked at some rows at a time: the very pixels of the whole picture."""

import numpy as np
import pytest
from PIL import Image

from phototag.reading import images
from phototag.reading.one_frame import BAND_ROWS, OneFrame
from phototag.reading.pixels import shrink
from tests.reading import pictures as make


def noise(channels, height=BAND_ROWS + 50, width=40):
    numbers = np.random.default_rng(3).integers(0, 256, (height // 10, width // 10, channels), np.uint8)
    return Image.fromarray(numbers).resize((width, height))


KINDS = {
    "WebP": lambda: make.encoded("WEBP", noise(3), lossless=True),
    "WebP, transparent": lambda: make.encoded("WEBP", noise(4), lossless=True, exact=True),
    "WebP, lossy": lambda: make.encoded("WEBP", noise(3), quality=50),
    "WebP, frames": lambda: make.encoded(
        "WEBP", noise(3), save_all=True, append_images=[noise(3).rotate(180)]
    ),
    "AVIF": lambda: make.encoded("AVIF", noise(3), speed=10),
    "AVIF, transparent": lambda: make.encoded("AVIF", noise(4), speed=10),
    "AVIF, frames": lambda: make.encoded(
        "AVIF", noise(3), speed=10, save_all=True, append_images=[noise(3).rotate(180)]
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_those_of_the_whole_picture(kind):
    data = KINDS[kind]()
    frame, whole = OneFrame(images.open_bytes(data).image), images.open_bytes(data).image
    whole.load()
    for size_wh in (whole.size, (13, 70), (9, 9)):
        shown, wanted = shrink(frame, size_wh), shrink(whole, size_wh)
        assert (shown.mode, shown.tobytes()) == (wanted.mode, wanted.tobytes())


@pytest.mark.parametrize("form", ["WEBP", "AVIF"])
def test_only_large_ones_are(form):
    width = images.MOST_WHOLE_PIXELS // 2_000 + 1
    options = {"WEBP": {"quality": 10, "method": 0}, "AVIF": {"speed": 10, "quality": 10}}[form]
    photo = Image.new("RGB", (width, 2_000), "teal")
    photo.paste(make.gradient(1_000, 1_000))
    opened = images.open_bytes(make.encoded(form, photo, **options))
    assert isinstance(opened.rows, OneFrame)
    assert images.open_bytes(make.encoded(form, make.gradient(), **options)).rows is None


def shown(picture):
    """The pixels, or the kind of error."""
    try:
        if isinstance(picture, Image.Image):
            picture.load()
        return shrink(picture, (13, 70)).tobytes()
    except (OSError, EOFError, RuntimeError) as error:
        return type(error)


@pytest.mark.parametrize("kind", ["WebP", "AVIF"])
def test_damage_is_found_where_it_is_in_the_whole_picture(kind):
    data, found = KINDS[kind](), set()
    for at in range(40, len(data), len(data) // 60):
        damaged = data[:at] + bytes(200) + data[at + 200 :]
        try:
            frame, whole = (images.open_bytes(damaged).image for _ in range(2))
        except Exception:  # its header
            continue
        result = shown(OneFrame(frame))
        assert result == shown(whole)
        found.add(isinstance(result, bytes))
    assert False in found, "no damage was found: this is no test"

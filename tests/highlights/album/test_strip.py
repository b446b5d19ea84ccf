"""Copies to be passed on: the same pixels, without where and by whom."""

import hashlib
import io
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from phototag.errors import PhototagError
from phototag.highlights.album import manifest, strip
from phototag.highlights.album.folder import OutputFolder
from phototag.highlights.appearance import measure_appearance
from phototag.highlights.choose import choose
from phototag.highlights.theme import load

SECRETS = (b"Grandma's door", b"SERIAL-4711", b"MAKERNOTE", b"48.137", b"hidden comment", b"PREVIEW", b"FILM")


def with_secrets() -> bytes:
    """EXIF with everything in it that a camera knows."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0112], exif[0x013B] = "Canon", 6, "Grandma's door"
    exif.get_ifd(0x8769).update({0x9003: "2016:05:14 18:30:12", 0x927C: b"MAKERNOTE", 0xA431: "SERIAL-4711"})
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 13.0), 3: "E", 4: (11.0, 34.0, 0.0)})
    return exif.tobytes()


def noise(size_wh=(64, 48)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 255, (*size_wh[::-1], 3), np.uint8))


def as_jpeg(progressive: bool) -> bytes:
    data = io.BytesIO()
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x exif:GPSLatitude='48.137'/>"
    icc = (b"\xff\xe2", b"ICC_PROFILE\0\1\1" + b"profile" * 20)
    noise().save(data, "JPEG", exif=with_secrets(), comment=b"hidden comment", progressive=progressive)
    whole = data.getvalue()
    more = b"".join(
        marker + (len(body) + 2).to_bytes(2, "big") + body
        for marker, body in ((b"\xff\xe1", xmp), icc, (b"\xff\xed", b"Photoshop 3.0\0Grandma's door"))
    )
    return whole[:2] + more + whole[2:] + b"FILM" * 100  # as phones put a film behind their photos


def as_png() -> bytes:
    data, text = io.BytesIO(), PngImagePlugin.PngInfo()
    text.add_text("Comment", "hidden comment")
    text.add_itxt("XML:com.adobe.xmp", "<x exif:GPSLatitude='48.137'/>", zip=False)
    noise().save(data, "PNG", exif=with_secrets(), pnginfo=text)
    return data.getvalue()


@pytest.mark.parametrize(
    ("name", "data"), [("a.jpg", as_jpeg(False)), ("b.JPG", as_jpeg(True)), ("c.png", as_png())]
)
def test_pixels_date_and_orientation_stay_and_the_rest_goes(tmp_path, make, name, data):
    assert any(secret in data for secret in SECRETS)
    path = tmp_path / name
    path.write_bytes(data)
    made = strip.stripped(make.photo(str(path)))
    assert not any(secret in made for secret in SECRETS)
    before, after = Image.open(path), Image.open(io.BytesIO(made))
    assert before.tobytes() == after.tobytes()
    exif = after.getexif()
    assert dict(exif.get_ifd(0x8825)) == {} and exif[0x0112] == 6 and exif[0x010F] == "Canon"
    assert dict(exif.get_ifd(0x8769)) == {0x9003: "2016:05:14 18:30:12"}
    assert (b"ICC_PROFILE" in made) == (b"ICC_PROFILE" in data)
    assert path.read_bytes() == data


def test_other_formats_become_jpeg_and_damage_never_escapes(tmp_path, make):
    path = tmp_path / "a.webp"
    noise().save(path, exif=with_secrets())
    made = strip.stripped(make.photo(str(path), width=64, height=48))
    assert Image.open(io.BytesIO(made)).size == (48, 64) and not Image.open(io.BytesIO(made)).getexif()
    assert manifest.file_names([make.photo("/p/x.webp"), make.photo("/p/y.PNG")], strip=True) == [
        "2016-05-14_183012_x.jpg",
        "2016-05-14_183012_y.PNG",
    ]
    dice = np.random.default_rng(2)
    for whole in (as_jpeg(False), as_png()):
        for _ in range(300):
            broken = bytearray(whole[: dice.integers(4, len(whole))])
            broken[dice.integers(4, len(broken)) - 1] = dice.integers(0, 255)
            path.write_bytes(broken)
            with suppress(PhototagError):  # one sentence is all that may come of it
                strip.stripped(make.photo(str(path), width=64, height=48))
    with pytest.raises(PhototagError, match="was chosen, but cannot be opened any more"):
        strip.stripped(make.photo(str(tmp_path / "gone.jpg")))


def test_an_album_of_stripped_copies_says_nothing_of_place_camera_or_folders(pictures, tmp_path):
    choice = choose(pictures.photos, load("smiles"), measure_appearance)
    for _ in range(2):
        with OutputFolder(tmp_path / "album") as folder:
            manifest.lay_out(folder, choice, "Smiles 2016", "", strip=True)
    assert folder.staged == []
    for path in (tmp_path / "album").iterdir():
        data = path.read_bytes()
        assert str(pictures.folder).encode() not in data
        if path.suffix == ".jpg":
            assert not Image.open(path).getexif().get_ifd(0x8825)
            assert hashlib.sha256(data).hexdigest() not in {
                verdict.photo.content_hash for verdict in choice.kept
            }

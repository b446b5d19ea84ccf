"""Makes sample_photos/ anew from pictures inside packages of PyPI; SOURCES.md there says where each
comes from.

    pip install scikit-image scikit-learn matplotlib
    pip download --no-deps --no-binary :all: face_recognition && tar xzf face_recognition-*.tar.gz
    python tests/make_sample_photos.py face_recognition-1.3.0 sample_photos

The pictures are real. The dates, places and the camera's name in their EXIF are invented, for the tour.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

QUALITY = 88  # no visible loss, and all of them together stay below 3 MB
PANEL_WH = (400, 480)  # a portrait within a collage; faces in it are about 170 pixels high
SPACE_CENTER = (29.559, -95.09)  # Houston
SUMMER_PALACE = (39.9997, 116.2755)  # Beijing, where the pagoda stands
CAMERA = ("Phototag", "Sample")


def folder(package: str, *parts: str) -> Path:
    """A folder inside an installed package, which is not imported for it."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        sys.exit(f"{package} is not installed: pip install scikit-image scikit-learn matplotlib")
    return Path(spec.origin).parent.joinpath(*parts)


def exif(
    taken: str,
    offset: str | None = None,
    place: tuple[float, float] | None = None,
    orientation: int | None = None,
) -> Image.Exif:
    written = Image.Exif()
    written[0x010F], written[0x0110] = CAMERA
    if orientation:
        written[0x0112] = orientation
    inner = written.get_ifd(0x8769)
    inner[0x9003] = taken.replace("-", ":")
    if offset:
        inner[0x9011] = offset
    if place:
        gps = written.get_ifd(0x8825)
        for tag, value, refs in ((1, place[0], "NS"), (3, place[1], "EW")):
            gps[tag] = refs[0] if value >= 0 else refs[1]
            degrees, minutes = divmod(abs(value) * 60, 60)
            gps[tag + 1] = (float(degrees), round(minutes, 4), 0.0)
    return written


def collage(*portraits: Image.Image) -> Image.Image:
    """Portraits side by side with white margins, as from a photo booth: nobody should take it for
    one scene."""
    width, height = PANEL_WH
    sheet = Image.new("RGB", (len(portraits) * (width + 16) + 16, height + 32), "white")
    for number, portrait in enumerate(portraits):
        sheet.paste(portrait.resize(PANEL_WH, Image.Resampling.LANCZOS), (16 + number * (width + 16), 16))
    return sheet


def panel(picture: Image.Image, centre: tuple[int, int], height: int) -> Image.Image:
    """The part of a picture around a point, in the proportions of a panel."""
    width = height * PANEL_WH[0] // PANEL_WH[1]
    left = min(max(centre[0] - width // 2, 0), picture.width - width)
    top = min(max(centre[1] - height // 2, 0), picture.height - height)
    return picture.crop((left, top, left + width, top + height))


def burst(picture: Image.Image) -> list[Image.Image]:
    """What a hand-held camera makes of one moment: shifted a little, exposed a little differently,
    one blurred."""
    shifts, exposures, blurs = ((20, 10), (26, 14), (23, 17)), (1.0, 1.05, 0.96), (0.0, 2.5, 0.0)
    shots = []
    for number, ((left, top), exposure, blur) in enumerate(zip(shifts, exposures, blurs, strict=True)):
        shot = picture.crop((left, top, left + 460, top + 460))
        shot = ImageEnhance.Brightness(shot).enhance(exposure).filter(ImageFilter.GaussianBlur(blur))
        noise = np.random.default_rng(number).normal(0, 2, (460, 460, 3))
        shots.append(Image.fromarray((np.asarray(shot) + noise).clip(0, 255).astype(np.uint8)))
    return shots


def make(face_recognition: Path, out: Path) -> None:
    skimage, sklearn = folder("skimage", "data"), folder("sklearn", "datasets", "images")
    collins = Image.open(skimage / "astronaut.png").convert("RGB")
    obama = Image.open(face_recognition / "tests" / "test_images" / "obama.jpg").convert("RGB")
    hopper = Image.open(folder("matplotlib", "mpl-data", "sample_data") / "grace_hopper.jpg").convert("RGB")
    cat, coffee = (Image.open(skimage / f"{name}.png").convert("RGB") for name in ("chelsea", "coffee"))
    rocket, flower = Image.open(skimage / "rocket.jpg"), Image.open(sklearn / "flower.jpg").convert("RGB")
    pagoda = Image.open(sklearn / "china.jpg").convert("RGB")
    portrait = obama.resize((768, 960), Image.Resampling.LANCZOS)
    faces = (panel(collins, (225, 130), 300), panel(obama, (515, 330), 560), panel(hopper, (256, 210), 400))

    def save(name: str, picture: Image.Image, about: Image.Exif | None = None) -> None:
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        options = {"exif": about.tobytes()} if about else {}
        picture.save(path, quality=QUALITY, optimize=True, **options)  # type: ignore[arg-type]

    save("2015/coffee.jpg", coffee, exif("2015-01-18 09:12:40"))
    save("2015/cat.jpg", cat, exif("2015-02-21 16:30:05"))
    save("2015/portrait-serious.jpg", hopper, exif("2015-06-01 11:00:00"))
    save("2015/pagoda.jpg", pagoda, exif("2015-10-03 14:20:31", "+08:00", SUMMER_PALACE))
    save("2015/booth-smiling.jpg", collage(faces[1], faces[0]), exif("2015-11-14 20:05:10"))
    save("2015/portrait-grey.jpg", obama.crop((180, 60, 820, 860)).convert("L"), exif("2015-12-05 10:45:00"))
    save("2016/astronaut.jpg", collins, exif("2016-03-12 10:30:00", "-06:00", SPACE_CENTER))
    # orientation 6 says: turn it back, a quarter clockwise
    turned = portrait.transpose(Image.Transpose.ROTATE_90)
    save("2016/portrait-turned.jpg", turned, exif("2016-05-08 15:00:00", orientation=6))
    for number, shot in enumerate(burst(collins)):
        save(f"2016/burst-{number + 1}.jpg", shot, exif(f"2016-07-16 12:00:0{number}"))
    save("2016/booth-one-serious.jpg", collage(faces[0], faces[2], faces[1]), exif("2016-09-02 21:15:00"))
    save("2016/rocket.jpg", rocket, exif("2016-09-24 18:40:12"))
    save("2016/booth-two.jpg", collage(faces[0], faces[1]), exif("2016-12-24 18:00:00"))

    cut = flower.crop((150, 30, 510, 390))
    mask = Image.new("L", (cut.width * 4, cut.height * 4))
    ImageDraw.Draw(mask).ellipse((0, 0, mask.width - 1, mask.height - 1), fill=255)
    cut.putalpha(mask.resize(cut.size, Image.Resampling.LANCZOS))
    save("flower-cut-out.png", cut)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    make(Path(sys.argv[1]), Path(sys.argv[2]))

"""Records of photos, as the catalog would give them, and a look at pictures that are not there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image, ImageFilter
from skimage import data

from phototag.highlights.appearance import Appearance
from phototag.highlights.verdict import Reason
from phototag.records import Box, Face, Photo
from phototag.smiling import decide, everyone_smiles


def make_face(
    smile: float | None = 0.99,
    at: tuple[float, float] = (0.5, 0.4),
    size: float = 0.2,
    score: float = 0.99,
    sharpness: float | None = 0.8,
) -> Face:
    """A square face around a point."""
    box = Box.clipped(at[0] - size / 2, at[1] - size / 2, at[0] + size / 2, at[1] + size / 2)
    assert box is not None
    return Face(box, score, smile=smile, sharpness=sharpness)


def make_photo(
    name: str,
    taken: str | None = "2016-05-14 18:30:12",
    faces: tuple[Face, ...] | None = None,
    *,
    taken_from: str = "exif",
    content: str | None = None,
    **more,
) -> Photo:
    faces = (make_face(),) if faces is None else faces
    values = {
        "photo_id": int(hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8], 16),
        "path": name if name.startswith("/") else f"/photos/{name}",
        "size_bytes": 1000,
        "width": 4000,
        "height": 3000,
        "content_hash": hashlib.sha256((content or name).encode("utf-8", "surrogateescape")).hexdigest(),
        "taken_at": datetime.fromisoformat(taken) if taken else None,
        "taken_from": taken_from,
        "latitude": None,
        "longitude": None,
        "camera": None,
        "missing_since": None,
        **dict(zip(("least_smile", "greatest_smile"), decide(faces, more.get("smile_words")), strict=True)),
        "faces": faces,
        "sharpness": 0.8,
    }
    values["everyone_smiling"] = everyone_smiles(values["least_smile"])
    return Photo(**{**values, **more})


def all_different(photo: Photo, faces) -> Appearance:
    """Every content looks unlike every other: 64 bits out of its hash."""
    return Appearance(int(photo.content_hash[:16], 16), 0.9)


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    return SimpleNamespace(face=make_face, photo=make_photo, appearance=all_different)


@pytest.fixture
def appearances() -> Callable:
    """A look at given fingerprints: name of the file -> 64 bits; all others are unlike each other."""

    def build(known: dict[str, int], exposures: dict[str, float] | None = None) -> Callable:
        def look(photo: Photo, faces) -> Appearance:
            name = photo.path.rpartition("/")[2]
            return Appearance(
                known.get(name, all_different(photo, faces).fingerprint), (exposures or {}).get(name, 0.9)
            )

        return look

    return build


class Pictures:
    """Real pictures on disk with the records that a scan would make of them, and the verdict that
    each should get."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.photos: list[Photo] = []
        self.expected: dict[str, Reason] = {}
        astronaut = Image.fromarray(data.astronaut())
        # Head and shoulders of a smiling woman (NASA, public domain), and of an unsmiling one (US
        # Navy, public domain).
        self.people = {
            "smiling": astronaut.crop((130, 10, 330, 210)),
            "serious": _hopper().crop((120, 60, 400, 340)),
        }
        self.scenes = {
            "coffee": data.coffee(),
            "cat": data.chelsea(),
            "rocket": data.rocket(),
            "stones": data.astronaut()[250:],
        }

    def add(
        self,
        name: str,
        taken: str,
        reason: Reason,
        people: Sequence[tuple] = (),
        scene: str = "coffee",
        size_wh: tuple[int, int] = (640, 480),
        *,
        shift: tuple[int, int] = (0, 0),
        light: float = 1.0,
        quality: int = 88,
        **more,
    ) -> Photo:
        """`people`: (who, smile, (x, y), size[, blur in pixels]) with the face's middle and side as
        fractions of the photo."""
        picture = Image.fromarray(self.scenes[scene]).resize(size_wh, Image.Resampling.BICUBIC)
        faces = []
        for who, smile, at, size, *blur in people:
            side = round(size * size_wh[1] * 1.6)
            person = self.people[who].resize((side, side), Image.Resampling.BICUBIC)
            if blur:
                person = person.filter(ImageFilter.GaussianBlur(blur[0]))
            left, top = round(at[0] * size_wh[0] - side / 2), round(at[1] * size_wh[1] - side / 2)
            picture.paste(person, (left, top))
            half_w, half_h = size * size_wh[1] / size_wh[0] / 2, size / 2
            box = Box.clipped(at[0] - half_w, at[1] - half_h, at[0] + half_w, at[1] + half_h)
            faces.append(Face(box, 0.99, smile=smile, sharpness=0.05 if blur else 0.8))
        picture = picture.transform(
            size_wh, Image.Transform.AFFINE, (1, 0, shift[0], 0, 1, shift[1]), Image.Resampling.BICUBIC
        )
        picture = picture.point(lambda value: min(255, round(value * light)))
        path = self.folder / name
        exif = Image.Exif()
        exif[0x010F] = "Secret Camera"
        exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 0.0), 3: "E", 4: (11.0, 34.0, 0.0)})
        picture.save(path, "JPEG", quality=quality, exif=exif)
        content_hash = hashlib.sha256(path.read_bytes()).hexdigest()
        values = {
            "width": size_wh[0],
            "height": size_wh[1],
            "content_hash": content_hash,
            "latitude": 48.13,
            "longitude": 11.57,
        }
        photo = make_photo(str(path), taken, tuple(faces), **{**values, **more})
        self.photos.append(photo)
        self.expected[name] = reason
        return photo

    def copy(self, name: str, of: str, reason: Reason) -> None:
        (self.folder / name).write_bytes((self.folder / of).read_bytes())
        original = next(photo for photo in self.photos if photo.path.endswith(of))
        self.photos.append(replace(original, path=str(self.folder / name), photo_id=original.photo_id + 1))
        self.expected[name] = reason


def _hopper() -> Image.Image:
    from matplotlib import cbook

    with cbook.get_sample_data("grace_hopper.jpg") as file:
        return Image.open(file).convert("RGB")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> Pictures:
    """A small library with a known answer: arrangements, dates, blur, bursts, duplicates, a
    bystander, a poster."""
    made = Pictures(tmp_path_factory.mktemp("library"))
    one = (("smiling", 0.99, (0.5, 0.4), 0.3),)
    made.add(
        "portrait.jpg",
        "2016-01-10 12:00:00",
        Reason.CHOSEN,
        (("smiling", 0.98, (0.5, 0.4), 0.35),),
        size_wh=(480, 640),
    )
    made.add(
        "pair.jpg",
        "2016-02-11 12:00:00",
        Reason.CHOSEN,
        (("smiling", 0.99, (0.3, 0.4), 0.3), ("smiling", 0.985, (0.7, 0.45), 0.28)),
        "rocket",
    )
    made.add(
        "pair_one_serious.jpg",
        "2016-02-11 12:05:00",
        Reason.NOT_SMILING,
        (("smiling", 0.95, (0.3, 0.4), 0.3), ("serious", 0.05, (0.7, 0.45), 0.28)),
        "rocket",
    )
    made.add(
        "blurred_bystander.jpg",
        "2016-03-12 12:00:00",
        Reason.CHOSEN,
        (*one, ("serious", 0.04, (0.87, 0.3), 0.14, 5)),
        "cat",
    )
    made.add(
        "poster_cut_by_border.jpg",
        "2016-04-13 12:00:00",
        Reason.CHOSEN,
        (*one, ("serious", 0.03, (0.03, 0.5), 0.4)),
        "stones",
    )
    for number, (shift, smile) in enumerate([((0, 0), 0.985), ((4, -3), 0.99), ((-5, 4), 0.981)]):
        best = number == 1
        made.add(
            f"burst_{number}.jpg",
            f"2016-05-14 18:30:{12 + number}",
            Reason.BEST_OF_BURST if best else Reason.BURST,
            (("smiling", smile, (0.4, 0.4), 0.3),),
            "cat",
            shift=shift,
        )
    made.add(
        "group.jpg",
        "2016-06-15 12:00:00",
        Reason.CHOSEN,
        tuple(("smiling", 0.982 + 0.002 * i, (0.15 + 0.23 * i, 0.4), 0.22) for i in range(4)),
        "coffee",
        (800, 450),
    )
    made.copy("group_copy.jpg", "group.jpg", Reason.DUPLICATE)
    made.add("dark.jpg", "2016-07-16 12:00:00", Reason.EXPOSURE, one, "rocket", light=0.04)
    made.add(
        "only_blurred.jpg",
        "2016-08-17 12:00:00",
        Reason.NOBODY_COUNTS,
        (("smiling", 0.9, (0.5, 0.4), 0.3, 5),),
    )
    made.add(
        "serious.jpg",
        "2016-09-18 12:00:00",
        Reason.NOT_SMILING,
        (("serious", 0.02, (0.5, 0.4), 0.4),),
        "stones",
    )
    made.add("nobody.jpg", "2016-10-19 12:00:00", Reason.NO_FACES, (), "cat")
    made.add("stamp.jpg", "2016-11-20 12:00:00", Reason.TOO_SMALL, one, "cat", (200, 150))
    made.add(
        "december.jpg",
        "2016-12-24 18:00:00",
        Reason.CHOSEN,
        (("smiling", 0.985, (0.62, 0.35), 0.25),),
        "coffee",
    )
    made.add(
        "december_resaved.jpg",
        "2017-03-01 10:00:00",
        Reason.SAME_PICTURE,
        (("smiling", 0.98, (0.62, 0.35), 0.25),),
        "coffee",
        (420, 315),
        quality=60,
    )
    return made

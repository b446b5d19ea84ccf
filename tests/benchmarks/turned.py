"""Photos that lie on their side or on their head and do not say so: what a scan loses of them, and
what a second look at the three other turns would regain, add and cost:

    python -m tests.benchmarks.turned annotations.json images --photos 80

Takes the first so many photos with a person of a COCO file, and as many without, and looks at
each as it is and turned by a quarter, a half and three quarters, stored without a tag. A second look would
be taken where the detector of things sees a person and no face counts; it would keep the turn in
which most faces count. Prints JSON. One core; CPU time is measured on photos enlarged to 12 megapixels, as
phones take them."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from phototag.nets.detector.data import LabelledPhoto, Photos, read_coco
from phototag.query.terms import DEFAULT_SCORE
from phototag.reading.decode import open_photo
from phototag.records import Box, Face, Frame, Tag
from phototag.smiling import MIN_SCORE, eligible, join_faces
from phototag.taggers import table
from phototag.taggers.table import Tagger
from phototag.weights.thresholds import read_thresholds, weights_name

QUARTERS = range(4)  # 0: as it is; 1 to 3: turned by so many quarters, counterclockwise
SAME_FACE = 0.4  # IoU of a face found upright and one found in the turned photo
TIMED = 8  # photos
LONG_SIDE = 4000  # pixels of a photo of 12 megapixels, 4 : 3


@dataclass(frozen=True)
class Look:
    """What a scan says of a photo as it is stored: `counting` are its faces that count, `sure` is the number
    of those it is sure of; `person` is whether the detector sees one."""

    counting: tuple[Face, ...]
    sure: int
    person: bool

    @property
    def needs_second(self) -> bool:
        return self.person and not self.counting


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m tests.benchmarks.turned", description=__doc__)
    parser.add_argument("annotations", type=Path, help="a COCO file")
    parser.add_argument("images", type=Path, help="the folder of its photos")
    parser.add_argument("--photos", type=int, default=80, help="with a person, and as many without")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    with_person, without = samples(read_coco(chosen.annotations, chosen.images, "val"), chosen.photos)
    taggers = {name: table.load(name, "cpu", {}) for name in table.names_of_scan()}
    with tempfile.TemporaryDirectory() as folder:
        looks = [look_at_turns(photo, taggers, Path(folder)) for photo in with_person]
        empty = [look_at_turns(photo, taggers, Path(folder)) for photo in without]
        share = seconds_of_second_look([*with_person[:TIMED]], taggers, Path(folder))
    print(json.dumps(summary(looks, empty, share), indent=1))
    return 0


def samples(photos: Photos, number: int) -> tuple[list[Path], list[Path]]:
    """The first photos with a person, and the first without."""

    def shows_person(photo: LabelledPhoto) -> bool:
        return any(photos.names[label - 1] == "person" for label in photo.labels)

    ordered = sorted(photos.photos, key=lambda photo: photo.file.name)
    with_person = [photo.file for photo in ordered if shows_person(photo)]
    without = [photo.file for photo in ordered if not shows_person(photo)]
    return with_person[:number], without[:number]


def look_at_turns(photo: Path, taggers: dict[str, Tagger], folder: Path) -> list[Look]:
    """The looks at a photo in each of QUARTERS."""
    upright = open_photo(photo, working_side=table.WORKING_SIDE, for_taggers=True).pixels
    looks = []
    for quarters in QUARTERS:
        file = folder / "turned.png"
        Image.fromarray(np.ascontiguousarray(np.rot90(upright, quarters))).save(file, compress_level=1)
        looks.append(look(file, taggers))
    return looks


def look(file: Path, taggers: dict[str, Tagger]) -> Look:
    """As a scan looks, at what this asks about."""
    answers = ask(frame_of(file), taggers, ("faces", "sharpness", "objects"))
    faces = join_faces(answers)
    counting = tuple(face for face, good in zip(faces, eligible(faces), strict=True) if good)
    needed = (read_thresholds(weights_name("everyday")) or {}).get("person", DEFAULT_SCORE)
    person = any(tag.label == "person" and tag.score >= needed for tag in answers["objects"])
    return Look(counting, sum(face.score >= MIN_SCORE for face in faces), person)


def frame_of(file: Path) -> Frame:
    opened = open_photo(file, working_side=table.WORKING_SIDE, for_taggers=True)
    return Frame(0, opened.pixels, opened.width, opened.height)


def ask(frame: Frame, taggers: dict[str, Tagger], names: Sequence[str]) -> dict[str, tuple[Tag, ...]]:
    answers: dict[str, tuple[Tag, ...]] = {}
    for name in names:
        asked = Frame(0, frame.pixels, frame.width, frame.height, answers)
        answers[name] = tuple(taggers[name]([asked])[0])
    return answers


def turned(box: Box, quarters: int) -> Box:
    """Where a box of a photo is once the photo is turned counterclockwise by so many quarters."""
    for _ in range(quarters % 4):
        box = Box(box.top, 1 - box.right, box.bottom, 1 - box.left)
    return box


def second_look(looks: Sequence[Look], stored: int) -> int:
    """Which of the looks at a photo that is stored in turn `stored` a second look keeps, as a turn: that in
    which most faces count, the surest where they are as many; its own where none is seen in any."""
    kept, best = stored, (0, 0.0)
    for quarters in QUARTERS:
        counting = looks[quarters].counting
        worth = (len(counting), sum(face.score for face in counting))
        if quarters != stored and worth > best:
            kept, best = quarters, worth
    return kept


def summary(looks: list[list[Look]], empty: list[list[Look]], share: float) -> dict[str, object]:
    """`looks`: those at each photo with a person, turn by turn; `empty`: at those without. `share`: what
    three looks of the face tagger take, in usual scans of a photo."""
    faces = found = lost = regained = with_faces = taken = right = 0
    for of_photo in looks:
        upright = of_photo[0].counting
        faces += len(upright)
        with_faces += bool(upright)
        for stored in QUARTERS[1:]:
            here = sum(
                any(
                    turned(face.box, stored).iou(other.box) >= SAME_FACE
                    for other in of_photo[stored].counting
                )
                for face in upright
            )
            found += here
            lost += len(upright) - here
            if upright and of_photo[stored].needs_second:
                taken += 1
                kept = second_look(of_photo, stored)
                right += kept == 0
                regained += len(upright) if kept == 0 else 0
    in_vain = [of_photo for of_photo in looks if of_photo[0].needs_second]
    rate = len(in_vain) / len(looks)
    wrongly = [of_photo for of_photo in empty if of_photo[0].needs_second]
    all_photos = len(looks) + len(empty)
    return {
        "photos_with_person": len(looks),
        "photos_without": len(empty),
        "upright": {"photos_with_faces_that_count": with_faces, "faces_that_count": faces},
        "turned": {
            "photos_with_faces_that_count": 3 * with_faces,
            "faces_that_count": 3 * faces,
            "found": found,
            "found_share": _share(found, 3 * faces),
            "lost": lost,
            "photos_where_a_second_look_is_taken": taken,
            "of_these_turned_upright": right,
            "lost_faces_regained": regained,
            "regained_share": _share(regained, lost),
        },
        "upright_photos_with_person": {
            "where_a_second_look_is_taken": len(in_vain),
            "share": round(rate, 3),
            "sure_faces_added": sum(_added(of_photo) for of_photo in in_vain),
        },
        "upright_photos_without_person": {
            "where_a_second_look_is_taken": len(wrongly),
            "sure_faces_added": sum(_added(of_photo) for of_photo in wrongly),
            "sure_faces_added_if_taken_at_all": sum(_added(of_photo) for of_photo in empty),
        },
        "cpu": {
            "three_looks_for_faces_in_scans_of_a_photo": round(share, 3),
            "more_time_of_photos_with_person": round(share * rate, 3),
            "more_time_of_all": round(share * (len(in_vain) + len(wrongly)) / all_photos, 3),
        },
    }


def _added(looks: list[Look]) -> int:
    """Faces that a second look at an upright photo would be sure of, in any turn: it keeps one of them."""
    return max(looks[quarters].sure for quarters in QUARTERS[1:])


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None


def seconds_of_second_look(photos: Sequence[Path], taggers: dict[str, Tagger], folder: Path) -> float:
    """What the face tagger takes for the three other turns of photos of 12 megapixels, over what decoding
    and all taggers of a scan take for them, in CPU time."""
    scan = second = 0.0
    file = folder / "large.jpg"
    for number, photo in enumerate([photos[0], *photos]):  # the first answers pay for setting up
        with Image.open(photo) as opened:
            scale = LONG_SIDE / max(opened.size)
            size = (round(opened.width * scale), round(opened.height * scale))
            opened.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(file, quality=90)
        began = time.process_time()
        frame = frame_of(file)
        ask(frame, taggers, list(taggers))
        looked = time.process_time()
        for quarters in QUARTERS[1:]:
            pixels = np.ascontiguousarray(np.rot90(frame.pixels, quarters))
            taggers["faces"]([Frame(0, pixels, pixels.shape[1], pixels.shape[0])])
        if number:
            scan += looked - began
            second += time.process_time() - looked
    return second / scan


if __name__ == "__main__":
    raise SystemExit(main())

"""`phototag evaluate people`: how well faces are grouped into persons."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from phototag.cli.output import count, draws_bars, printable, say, write_json, write_text
from phototag.errors import UnreadablePhoto, UsageError
from phototag.records import Frame, Tag

if TYPE_CHECKING:
    from phototag.taggers.table import Tagger

FACE_FILE = re.compile(r"(.+)_[0-9]+\.(jpe?g|png|webp)", re.IGNORECASE)
FALSE_ACCEPT_RATE = 1e-3
BATCH = 32  # pictures in memory at once
# Pictures that were cut to a face leave the detector no room around it: where it finds none, it is asked
# once more with a border of this share of the long side.
BORDER = 0.25
BORDER_GREY = 114


@dataclass(frozen=True, slots=True)
class _Seen:
    """The largest face of a picture: how it is grouped, and its embedding."""

    person: str
    key: str
    embedding: bytes
    eligible: bool


@click.command("people")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def evaluate_people(folder: Path, as_json: bool) -> None:
    """Measure how well faces are grouped into persons.

    FOLDER holds pictures of one face each, named Person_Name_0001.jpg or .png; of each the largest face
    counts. Printed are, of all pairs of faces in one group, how many are of one person (precision), and
    of all pairs of one person, how many are in one group (recall). A picture in which no face is found is
    in no group, and so counts against recall.

    \b
      phototag evaluate people faces/
      phototag evaluate people faces/ --json
    """
    import numpy as np

    from phototag.allocator import tune_malloc
    from phototag.cli.decoders import silence_decoders
    from phototag.people.grouping import ALONE, Face, group_faces
    from phototag.people.measure import measure_groups, true_accept_rate

    files = [
        (file, named[1]) for file in sorted(folder.iterdir()) if (named := FACE_FILE.fullmatch(file.name))
    ]
    if not files:
        raise UsageError(f"{folder}: no pictures named Person_Name_0001.jpg or .png in it")
    tune_malloc()
    silence_decoders()
    seen, unreadable = _look_at(files)
    undetected = len(files) - unreadable - len(seen)
    if not seen:
        raise UsageError(f"{folder}: no face found in any of its {count(len(files), 'picture')}")
    embeddings = np.stack([np.frombuffer(face.embedding, "<f2") for face in seen]).astype(np.float32)
    faces = [Face(face.key, face.key, eligible=face.eligible) for face in seen]
    groups = dict(zip((face.key for face in seen), group_faces(embeddings, faces), strict=True))
    agreement = measure_groups([groups.get(file.name, ALONE) for file, _ in files], [who for _, who in files])
    found: dict[str, Any] = {
        "pictures": len(files),
        "persons": len({who for _, who in files}),
        "groups": len({*groups.values()} - {ALONE}),
        **{key: _rounded(value) for key, value in asdict(agreement).items()},
        "tar_at_far_1e-3": _rounded(
            true_accept_rate(embeddings, [face.person for face in seen], FALSE_ACCEPT_RATE)
        ),
        "undetected": undetected,
        "unreadable": unreadable,
    }
    if as_json:
        write_json(found)
        return
    write_text(
        f"{count(found['pictures'], 'picture')} of {count(found['persons'], 'person')}; in "
        f"{undetected:,} no face was found; {count(found['groups'], 'group')}"
    )
    write_text(f"pairs in one group that are one person   {_percent(found['pair_precision'])}")
    write_text(f"pairs of one person that are in one group {_percent(found['pair_recall'])}")
    write_text(f"B-cubed F                                {_percent(found['b_cubed_f'])}")
    write_text(f"pairs accepted at one wrong in 1,000     {_percent(found['tar_at_far_1e-3'])}")


def _look_at(files: Sequence[tuple[Path, str]]) -> tuple[list[_Seen], int]:
    """The faces found, and how many pictures cannot be read."""
    from tqdm import tqdm

    from phototag.reading.decode import open_photo
    from phototag.taggers import table

    taggers = {name: table.load(name, "auto", {}) for name in table.with_needs(["identity"])}
    seen: list[_Seen] = []
    unreadable = 0
    starts = range(0, len(files), BATCH)
    for start in tqdm(starts, desc="looking at faces", delay=2, disable=not draws_bars()):
        frames, persons = [], []
        for index, (file, person) in enumerate(files[start : start + BATCH], start):
            try:
                photo = open_photo(file, working_side=table.WORKING_SIDE, for_taggers=True)
            except UnreadablePhoto as error:
                say(f"skipped: {printable(file.name)}: {error}")
                unreadable += 1
                continue
            frames.append(Frame(index, photo.pixels, photo.width, photo.height))
            persons.append(person)
        answered = _ask(taggers, frames)
        for frame, person in zip(answered, persons, strict=True):
            seen += _largest(frame, person, files[frame.photo_id][0].name)
    return seen, unreadable


def _ask(taggers: dict[str, Tagger], frames: Sequence[Frame]) -> list[Frame]:
    """The frames with what each tagger says of them; with a border where else no face is found."""
    import numpy as np

    def add_border(frame: Frame) -> Frame:
        margin = round(max(frame.pixels.shape) * BORDER)
        around = ((margin, margin), (margin, margin), (0, 0))
        pixels = np.pad(frame.pixels, around, constant_values=BORDER_GREY)
        return Frame(frame.photo_id, pixels, pixels.shape[1], pixels.shape[0])

    def with_answers(name: str, asked: Sequence[Frame]) -> list[Frame]:
        answers = taggers[name](asked)
        return [
            replace(frame, answers={**frame.answers, name: tuple(tags)})
            for frame, tags in zip(asked, answers, strict=True)
        ]

    first = with_answers("faces", frames)
    bordered = [add_border(frame) for frame in first if not frame.answers["faces"]]
    again = {frame.photo_id: frame for frame in with_answers("faces", bordered)}
    asked = [again.get(frame.photo_id, frame) for frame in first]
    for name in taggers:
        if name != "faces":
            asked = with_answers(name, asked)
    return asked


def _largest(frame: Frame, person: str, key: str) -> Iterator[_Seen]:
    """The largest face of the picture, if it shows any."""
    from phototag.people.grouping import is_eligible

    faces: tuple[Tag, ...] = frame.answers["identity"]
    if not faces:
        return
    best = max(faces, key=_area)
    assert best.box is not None
    sharpness = next((tag.score for tag in frame.answers["sharpness"] if tag.box == best.box), None)
    side_px = (best.box.area * frame.width * frame.height) ** 0.5
    yield _Seen(person, key, best.embedding, is_eligible(best.score, side_px, sharpness))


def _area(tag: Tag) -> float:
    return tag.box.area if tag.box else 0.0


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"

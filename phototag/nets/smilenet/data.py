"""Labelled faces: reading them from where datasets keep them, splitting them by person, and
distorting them for training.

Owns label names and targets. Must not know the net or the training loop.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from phototag.errors import PhototagError, UnreadablePhoto
from phototag.inputs import read_input_text
from phototag.nets.arrays import read_arrays
from phototag.nets.smilenet.crop import whole_face
from phototag.nets.smilenet.labels import EMOTION_OF, EMOTIONS
from phototag.nets.training import is_held_out
from phototag.reading.files import hash_file
from phototag.reading.images import open_picture

HAPPINESS = EMOTIONS.index("happiness")
PICTURES = {".jpg", ".jpeg", ".png"}
LONGEST_FACE = 4096  # pixels of a picture in an .npz; longer is no face
# A single word from one person is wrong more often than a distribution over ten: this much of it is believed.
TRUST_IN_ONE_LABEL = 0.9
_NONE_LISTED = "{}: by the list of hashes, none of its faces is to be read; is it a list of other faces?"


@dataclass
class FaceSet:
    """`images` (N, S, S) uint8 grey; `emotions` (N, 8) float, each row sums to 1, or to 0 where
    nobody named an emotion; `smiles` (N,) float, the probability that people see a smile; `persons`
    N names, the unit of splitting; `skipped`: file -> why."""

    images: torch.Tensor
    emotions: torch.Tensor
    smiles: torch.Tensor
    persons: list[str]
    skipped: dict[str, str]

    def __len__(self) -> int:
        return len(self.images)

    def subset(self, chosen: torch.Tensor) -> FaceSet:
        index = chosen.nonzero().squeeze(1) if chosen.dtype == torch.bool else chosen
        persons = [self.persons[i] for i in index.tolist()]
        return FaceSet(self.images[index], self.emotions[index], self.smiles[index], persons, self.skipped)

    @property
    def majority(self) -> torch.Tensor:
        """(N,) the emotion most people saw, or -1 where two share the first place."""
        best = self.emotions.max(dim=1)
        ties = (self.emotions >= best.values.unsqueeze(1) - 1e-6).sum(1) > 1
        return torch.where(ties, -1, best.indices)

    @property
    def known_smiles(self) -> tuple[torch.Tensor, torch.Tensor]:
        """(N,) bool: of which faces it is known whether they smile; (N,) bool: whether they do. By the
        emotion most people saw, or, where nobody named one, by what was said of the smile."""
        unnamed = self.emotions.sum(1) == 0
        smiling = torch.where(unnamed, self.smiles > 0.5, self.majority == HAPPINESS)
        return unnamed | (self.majority >= 0), smiling


def concatenate(sets: list[FaceSet]) -> FaceSet:
    return FaceSet(
        torch.cat([s.images for s in sets]),
        torch.cat([s.emotions for s in sets]),
        torch.cat([s.smiles for s in sets]),
        [person for s in sets for person in s.persons],
        {name: why for s in sets for name, why in s.skipped.items()},
    )


def read_faces(
    source: Path,
    size: int = 96,
    drop_single_votes: bool = False,
    cut: Callable[[Path], np.ndarray] | None = None,
    without: frozenset[str] = frozenset(),
    only: frozenset[str] | None = None,
) -> FaceSet:
    """`source`: an .npz with `images` and `votes` (FER+), a .csv of `file,emotion` beside a folder
    of its name, or a folder `LABEL/*.jpg|png`. `drop_single_votes` is FER+'s own cleaning, for
    training. `cut` makes a face of a file, (size, size) uint8 grey; by default the whole picture is
    the face. `without`: SHA-256 hashes of files to leave out; `only`: of those to read, and nothing
    else. The hash of a face in an .npz is that of its pixels. Raises PhototagError."""
    if source.suffix == ".npz" and source.exists():
        return _read_votes(source, size, drop_single_votes, without, only)
    rows = labelled_files(source)
    if without or only is not None:
        rows = [row for row in rows if _is_wanted(_hash_or_none(row[0]), without, only)]
        if not rows:
            raise PhototagError(_NONE_LISTED.format(source))
    return _read_files(rows, cut or partial(_whole_file, size=size))


def labelled_files(source: Path) -> list[tuple[Path, str]]:
    """The pictures of a .csv or a folder, each with its label as a word. Raises PhototagError."""
    if not source.exists():
        raise PhototagError(f"{source}: no such file or folder")
    if source.suffix == ".csv":
        rows = _csv_rows(source)
    elif source.is_dir():
        rows = []
        for folder in sorted(
            entry for entry in source.iterdir() if entry.is_dir() and not entry.name.startswith(".")
        ):
            pictures = sorted(file for file in folder.iterdir() if file.suffix.lower() in PICTURES)
            if not pictures:
                raise PhototagError(f"{folder}: no .jpg or .png in this class; add some or remove the folder")
            rows += [(file, folder.name) for file in pictures]
        if not rows:
            raise PhototagError(
                f"{source}: expected folders named after emotions, such as {source}/happy/*.jpg"
            )
    else:
        raise PhototagError(
            f"{source}: expected a folder LABEL/*.jpg, an .npz with images and votes, or a .csv of "
            "file,emotion"
        )
    return rows


def _csv_rows(source: Path) -> list[tuple[Path, str]]:
    folder = source.with_suffix("")
    try:
        table = csv.DictReader(io.StringIO(read_input_text(source), newline=""))
        rows = []
        for row in table:
            file, emotion = row.get("file"), row.get("emotion")
            if not file or not emotion or "\0" in file:
                raise ValueError(f"no file and emotion in line {table.line_num}")
            rows.append((folder / file, emotion))
    except (OSError, ValueError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise PhototagError(
            f"{source}: expected a table with the columns file and emotion: {reason}"
        ) from error
    if not rows:
        raise PhototagError(f"{source}: expected a table with the columns file and emotion, but it is empty")
    return rows


def _hash_or_none(file: Path) -> str | None:
    """None where the file cannot be read; reading it as a picture will say why."""
    try:
        return hash_file(str(file))
    except UnreadablePhoto:
        return None


def _is_wanted(sha256: str | None, without: frozenset[str], only: frozenset[str] | None) -> bool:
    return sha256 not in without and (only is None or sha256 in only)


def read_verdicts(file: Path) -> dict[str, frozenset[str]]:
    """Verdict -> the SHA-256 hashes of the faces on which it was given, from a table with the columns
    sha256 and verdict. Raises PhototagError."""
    found: dict[str, set[str]] = {}
    try:
        for row in csv.DictReader(io.StringIO(read_input_text(file), newline="")):
            found.setdefault(row["verdict"], set()).add(row["sha256"])
    except (OSError, KeyError, ValueError, csv.Error) as error:
        raise PhototagError(f"{file}: expected a table with the columns sha256 and verdict") from error
    return {verdict: frozenset(hashes) for verdict, hashes in found.items()}


def _whole_file(file: Path, size: int) -> np.ndarray:
    with open_picture(file) as picture:
        return whole_face(picture, size)


def _read_votes(
    source: Path,
    size: int,
    drop_single_votes: bool,
    without: frozenset[str],
    only: frozenset[str] | None,
) -> FaceSet:
    try:
        images, votes = read_arrays(source, ("images", "votes"))
        votes = votes.astype(np.float32)
        if images.ndim != 3 or images.dtype != np.uint8 or not 0 < max(images.shape[1:]) <= LONGEST_FACE:
            raise ValueError(f"images are {images.dtype} {images.shape}")
        if votes.ndim != 2 or votes.shape[1] < len(EMOTIONS) or len(votes) != len(images):
            raise ValueError(f"votes are {votes.shape}, images {images.shape}")
        if not min(images.shape) or not np.isfinite(votes).all() or (votes < 0).any():
            raise ValueError("there are no images, or votes that are no numbers")
    except Exception as error:  # a damaged archive fails in the ways of zip, zlib and NumPy
        raise PhototagError(
            f"{source}: expected arrays `images` (N, H, W) uint8 and `votes` (N, 8 or 10): {error}"
        ) from error
    if drop_single_votes:
        votes[votes <= 1] = 0
    emotions = votes[:, : len(EMOTIONS)]
    seen = emotions.sum(1)
    keep = seen > 0  # nobody saw one of the eight emotions: unknown, or not a face
    if drop_single_votes and votes.shape[1] > len(EMOTIONS):
        # mostly "unknown" or "not a face" teaches nothing
        keep &= votes[:, len(EMOTIONS) :].max(1) <= emotions.max(1)
    if without or only is not None:  # by their pixels
        hashes = [hashlib.sha256(image.tobytes()).hexdigest() for image in images]
        keep &= np.array([_is_wanted(digest, without, only) for digest in hashes])
        if not keep.any():
            raise PhototagError(_NONE_LISTED.format(source))
    if not keep.any():
        raise PhototagError(f"{source}: nobody named an emotion of any of its {len(images):,} faces")
    emotions = torch.from_numpy(emotions[keep] / seen[keep, None])
    faces = np.stack([whole_face(Image.fromarray(image), size) for image in images[keep]])
    names = [f"{source.stem}-{i}" for i in np.flatnonzero(keep)]
    return FaceSet(torch.from_numpy(faces), emotions, emotions[:, HAPPINESS].clone(), names, {})


def _read_files(rows: list[tuple[Path, str]], cut: Callable[[Path], np.ndarray]) -> FaceSet:
    faces, labels, persons, skipped = [], [], [], {}
    for file, word in rows:
        emotion = EMOTION_OF.get(word.strip().lower())
        if emotion is None:
            raise PhototagError(
                f"{file}: unknown label {word!r}; understood are {', '.join(sorted(EMOTION_OF))}"
            )
        try:
            faces.append(cut(file))
        except PhototagError as error:
            skipped[str(file)] = str(error)
            continue
        except (OSError, SyntaxError, ValueError) as error:
            skipped[str(file)] = f"cannot be read ({type(error).__name__})"
            continue
        labels.append(EMOTIONS.index(emotion))
        persons.append(person_of(file))
    if not faces:
        raise PhototagError(
            f"{rows[0][0].parent if rows else 'the dataset'}: none of the pictures can be read"
        )
    one_hot = F.one_hot(torch.tensor(labels), len(EMOTIONS)).float()  # (N, 8)
    return FaceSet(
        torch.from_numpy(np.stack(faces)), one_hot, one_hot[:, HAPPINESS].clone(), persons, skipped
    )


def person_of(file: Path) -> str:
    """`George_W_Bush_0042.jpg` -> `George_W_Bush`; a name without a trailing number is a person of
    its own."""
    return re.sub(r"_\d+$", "", file.stem)


def split_persons(faces: FaceSet, share: float = 0.1) -> tuple[FaceSet, FaceSet]:
    """-> (training, validation); no person is in both."""
    aside = torch.tensor([is_held_out(person, share) for person in faces.persons])
    return faces.subset(~aside), faces.subset(aside)


def soften(faces: FaceSet, trust: float = TRUST_IN_ONE_LABEL) -> FaceSet:
    """The same faces with one-word labels turned into cautious distributions."""
    named = faces.emotions.sum(1, keepdim=True)  # (N, 1), 0 where nobody named an emotion
    emotions = faces.emotions * trust + named * (1 - trust) / len(EMOTIONS)
    return FaceSet(
        faces.images, emotions, faces.smiles * trust + (1 - trust) / 2, faces.persons, faces.skipped
    )


def shrunk(images: torch.Tensor, side: int) -> torch.Tensor:
    """(N, S, S) uint8 -> the same, with no more detail than `side` pixels hold: faces as they are
    far from the camera."""
    small = F.interpolate(images.unsqueeze(1).float(), (side, side), mode="area")
    return F.interpolate(small, images.shape[1:], mode="bilinear").squeeze(1).round().byte()


def distort(images: torch.Tensor, size: int, rng: torch.Generator, strength: float = 1.0) -> torch.Tensor:
    """Training's view of a batch: (B, C, C) uint8 -> (B, 1, size, size) float 0..255. Mirror,
    affine, light, low resolution, blur, noise and occlusion: what cameras and detectors do to
    faces. `strength` scales how far and how often."""
    count = len(images)

    def uniform(low: float, high: float) -> torch.Tensor:
        middle = (low + high) / 2
        return middle + (torch.empty(count).uniform_(low, high, generator=rng) - middle) * strength

    def chance(share: float) -> torch.Tensor:
        return torch.rand(count, generator=rng) < share * strength

    angle = torch.empty(count).normal_(0, math.radians(11) * strength, generator=rng).clamp(-0.6, 0.6)
    zoom, aspect = uniform(0.82, 1.18), uniform(0.92, 1.08)
    mirror = torch.where(torch.rand(count, generator=rng) < 0.5, -1.0, 1.0)
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    shift_x, shift_y = uniform(-0.14, 0.14), uniform(-0.14, 0.14)
    rows = (
        torch.stack([cos * mirror * aspect, -sin, shift_x], 1),
        torch.stack([sin * mirror, cos / aspect, shift_y], 1),
    )
    grid = F.affine_grid(torch.stack(rows, 1), [count, 1, size, size], align_corners=False)
    # (B, 1, S, S)
    faces = F.grid_sample(images.float().unsqueeze(1), grid, "bilinear", "border", align_corners=False)

    def some(share: float, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
        picked = chance(share).nonzero().squeeze(1)
        if len(picked):
            faces[picked] = change(faces[picked])

    def blur_sideways(part: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(part, (1, 5), 1, (0, 2), count_include_pad=False)

    def add_noise(part: torch.Tensor) -> torch.Tensor:
        return part + torch.empty_like(part).normal_(0, 8, generator=rng)

    def pixelate(part: torch.Tensor) -> torch.Tensor:
        small = int(torch.randint(16, max(17, size // 2), (1,), generator=rng))
        return F.interpolate(F.interpolate(part, (small, small), mode="area"), (size, size), mode="bilinear")

    gamma, slope_x, slope_y = uniform(0.6, 1.6), uniform(-0.35, 0.35), uniform(-0.35, 0.35)
    ramp = torch.linspace(-1, 1, size)
    faces = 255 * (faces / 255).clamp(0, 1) ** gamma.view(-1, 1, 1, 1)
    faces = faces * (
        1
        + slope_x.view(-1, 1, 1, 1) * ramp.view(1, 1, 1, -1)
        + slope_y.view(-1, 1, 1, 1) * ramp.view(1, 1, -1, 1)
    )
    some(0.2, pixelate)
    some(0.15, blur_sideways)
    some(0.3, add_noise)
    for i in chance(0.3).nonzero().squeeze(1).tolist():  # occlusion: one rectangle of flat grey or noise
        high, wide = (int(size * float(torch.empty(1).uniform_(0.12, 0.4, generator=rng))) for _ in range(2))
        y, x = (int(torch.randint(0, size - edge, (1,), generator=rng)) for edge in (high, wide))
        grey = float(torch.empty(1).uniform_(0, 255, generator=rng))
        patch = faces[i, :, y : y + high, x : x + wide]
        patch.fill_(grey) if i % 2 else patch.uniform_(0, 255, generator=rng)
    return faces.clamp_(0, 255)

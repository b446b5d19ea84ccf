"""What FacenessNet learns from: crops of faces and of what the detector took for faces, and the views of
them that training sees. Must not know the net or the training loop.

A stored crop is wider than what the net sees, so that views can be moved and turned. Faces of datasets
are cut close: around those the border is repeated, and of other crops, too, a view may show no more, so
that the repeated border itself says nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from phototag.errors import PhototagError, UnreadablePhoto
from phototag.nets.arrays import read_arrays
from phototag.nets.detector.data import Photos
from phototag.nets.faceness.candidates import Truth
from phototag.nets.faceness.net import SIDE
from phototag.nets.faceness.predict import MARGIN
from phototag.nets.mtcnn.detect import FaceDetector
from phototag.nets.smilenet.crop import MARGIN as FACE_MARGIN
from phototag.nets.smilenet.crop import cut_face
from phototag.nets.smilenet.data import labelled_files, person_of
from phototag.nets.training import is_held_out
from phototag.outputs import replace_file
from phototag.reading.images import open_picture
from phototag.records import Box

STORED_SIDE, STORED_MARGIN = 112, 1.8  # of a crop as it is kept
MIN_FACE = 0.02  # of a photo's long side, as in a scan
NOT_A_FACE_VOTE = 9  # FER+'s column for it
NOT_A_FACE_VOTES = 3  # of ten people, from which on a picture is none
SURE, RATHER = 0.7, 0.5  # the detector's scores from which on a mistake of it is shown more often


@dataclass(frozen=True)
class Crops:
    """`pixels` (N, S, S, 3) or (N, S, S) uint8; `is_close`: cut as SmileNet's faces are, not wider;
    `share`: of a training batch; `weights` (N,): how often each is shown, None: all alike."""

    name: str
    pixels: np.ndarray
    is_face: bool
    is_close: bool
    share: float
    weights: np.ndarray | None = None

    def pick(self, count: int, rng: np.random.Generator) -> torch.Tensor:
        """`count` of them at random -> (count, 3, STORED_SIDE, STORED_SIDE) float."""
        picked = torch.from_numpy(self.pixels[rng.choice(len(self.pixels), count, p=self.weights)])
        if picked.ndim == 3:
            picked = picked.unsqueeze(3).expand(-1, -1, -1, 3)
        crops = picked.permute(0, 3, 1, 2).float()
        if not self.is_close:
            return crops
        inner = round(STORED_SIDE * FACE_MARGIN / STORED_MARGIN)
        before = (STORED_SIDE - inner) // 2
        after = STORED_SIDE - inner - before
        crops = F.interpolate(crops, (inner, inner), mode="bilinear", antialias=True)
        return F.pad(crops, (before, after, before, after), mode="replicate")


@dataclass(frozen=True)
class Mined:
    """What the detector takes for faces. `crops` (N, STORED_SIDE, STORED_SIDE, 3) uint8; `scores` (N,)
    the detector's; `is_face` (N,) bool; `in_peopled` (N,) bool: in a photo with people."""

    crops: np.ndarray
    scores: np.ndarray
    is_face: np.ndarray
    in_peopled: np.ndarray

    def save(self, file: Path) -> None:
        """Raises PhototagError where it cannot be written, or another file is there."""
        with replace_file(file) as temporary:
            np.savez(temporary, **self.__dict__)

    @classmethod
    def load(cls, file: Path) -> Mined:
        """Raises PhototagError."""
        try:
            crops, scores, is_face, in_peopled = read_arrays(file, [field.name for field in fields(cls)])
            if crops.shape != (len(crops), STORED_SIDE, STORED_SIDE, 3) or crops.dtype != np.uint8:
                raise ValueError(f"crops are {crops.dtype} {crops.shape}")
            if not scores.shape == is_face.shape == in_peopled.shape == (len(crops),):
                raise ValueError("not one answer for each crop")
            if scores.dtype.kind != "f" or is_face.dtype != bool or in_peopled.dtype != bool:
                raise ValueError("answers of another kind")
            return cls(crops, scores, is_face, in_peopled)
        except Exception as error:  # a damaged archive fails in the ways of zip, zlib and NumPy
            raise PhototagError(f"{file}: holds no candidates of a training; delete it") from error


def mine(
    photos: Photos,
    truths: Sequence[Truth],
    views: Sequence[tuple[float, bool]] = ((1.0, False),),
    least_score: float = 0.3,
    on_photo: Callable[[], object] | None = None,
) -> Mined:
    """Everything that the detector takes for a face, from a low score on, in photos as they are and, by
    `views` (enlarged so much, mirrored), in others made of them. What nobody can tell is left out.
    In photos with people only what it is sure of: there unlabelled faces are among the rest."""
    low = FaceDetector("cpu", (0.6, 0.5, least_score))
    crops: list[np.ndarray] = []
    rows: list[tuple[float, bool, bool]] = []
    for photo, truth in zip(photos.photos, truths, strict=True):
        for scale, is_mirrored in views:
            pixels = _open(photo.file, scale, is_mirrored)
            height, width = pixels.shape[:2]
            (found,) = low.detect([pixels], MIN_FACE * max(height, width))
            size = torch.tensor([width, height, width, height])
            for edges, score in zip((found.boxes / size).tolist(), found.scores.tolist(), strict=True):
                box = Box.clipped(*edges)
                if box is None or (truth.has_people and score < SURE):
                    continue
                seen = Box(1 - box.right, box.top, 1 - box.left, box.bottom) if is_mirrored else box
                is_face = truth.says(seen)
                if is_face is not None:
                    crops.append(cut_face(pixels, box, (), STORED_SIDE, STORED_MARGIN, "RGB"))
                    rows.append((score, is_face, truth.has_people))
        if on_photo:
            on_photo()
    if not crops:
        raise PhototagError("the detector takes nothing in these photos for a face: give more photos")
    scores, faces, peopled = zip(*rows, strict=True)
    return Mined(np.stack(crops), np.array(scores), np.array(faces, bool), np.array(peopled, bool))


def _open(file: Path, scale: float, is_mirrored: bool) -> np.ndarray:
    try:
        with open_picture(file) as opened:
            picture = opened.convert("RGB")
    except (OSError, SyntaxError, ValueError, UnreadablePhoto) as error:
        raise PhototagError(f"{file}: cannot be read ({error})") from error
    if scale != 1:
        size = round(picture.width * scale), round(picture.height * scale)
        picture = picture.resize(size, Image.Resampling.BICUBIC)
    if is_mirrored:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.array(picture)


def training_crops(mined: Mined, faces: Sequence[Path], seed: int, most: int = 12000) -> list[Crops]:
    """What a batch is made of: half of it faces, most of them as the detector finds them; half of it the
    detector's mistakes, the surer ones more often. `faces`: datasets of faces, as for `train smilenet`;
    at most `most` of each are kept. Raises PhototagError where faces or mistakes are missing."""
    rng = np.random.default_rng(seed)
    found = mined.crops[mined.is_face]
    among = mined.crops[~mined.is_face & mined.in_peopled]
    elsewhere = ~mined.is_face & ~mined.in_peopled
    scores = mined.scores[elsewhere]
    weights = np.where(scores >= SURE, 3.0, np.where(scores >= RATHER, 1.5, 1.0))
    sets = [
        Crops("faces", found, True, False, 0.34),
        Crops("mistakes in photos with people", among, False, False, 0.10),
        Crops("mistakes", mined.crops[elsewhere], False, False, 0.40, weights / max(1.0, weights.sum())),
    ]
    for source in faces:
        if source.suffix == ".npz":
            images, votes = _read_votes(source)
            picked = images[votes[:, NOT_A_FACE_VOTE] == 0]
            none = images[votes[:, NOT_A_FACE_VOTE] >= NOT_A_FACE_VOTES]
            sets.append(Crops(f"{source.stem}: no faces", none, False, True, 0.02))
        else:
            files = [file for file, _ in labelled_files(source) if not is_held_out(person_of(file))]
            files = [files[i] for i in rng.permutation(len(files))[:most]]
            picked = np.stack([_close_face(file) for file in files]) if files else np.zeros((0, 1, 1, 3))
        picked = picked[rng.permutation(len(picked))[:most]]
        sets.append(Crops(source.stem, picked, True, True, 0.14 / len(faces)))
    kept = [crops for crops in sets if len(crops.pixels)]
    for is_face, what in ((True, "face"), (False, "mistake of the detector")):
        if not any(crops.is_face is is_face for crops in kept):
            raise PhototagError(f"there is no {what} to learn from: give more photos")
    return kept


def _read_votes(source: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        images, votes = read_arrays(source, ("images", "votes"))
        if images.ndim != 3 or votes.ndim != 2 or votes.shape[1] <= NOT_A_FACE_VOTE:
            raise ValueError(f"images are {images.shape}, votes {votes.shape}")
    except Exception as error:  # a damaged archive fails in the ways of zip, zlib and NumPy
        raise PhototagError(
            f"{source}: expected arrays `images` (N, H, W) and `votes` (N, 10): {error}"
        ) from error
    return images, votes


def _close_face(file: Path) -> np.ndarray:
    side = round(STORED_SIDE * FACE_MARGIN / STORED_MARGIN)
    with open_picture(file) as picture:
        return np.asarray(picture.convert("RGB").resize((side, side), Image.Resampling.BILINEAR))


def view(crops: torch.Tensor, is_close: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Training's view of stored crops (B, 3, S, S) float: turned, moved, mirrored, nearer or farther ->
    (B, 3, SIDE, SIDE). `is_close` (B,) bool: show nothing beyond a close cut."""
    count = len(crops)
    angle = torch.empty(count).normal_(0, 0.2, generator=rng).clamp(-0.6, 0.6)
    zoom = MARGIN / STORED_MARGIN * torch.empty(count).normal_(0, 0.09, generator=rng).clamp(-0.2, 0.2).exp()
    mirror = torch.where(_chance(count, 0.5, rng), -1.0, 1.0)
    aspect = _uniform(count, 0.94, 1.06, rng)
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    rows = (
        torch.stack([cos * mirror * aspect, -sin, _uniform(count, -0.054, 0.054, rng)], 1),
        torch.stack([sin * mirror, cos / aspect, _uniform(count, -0.054, 0.054, rng)], 1),
    )
    grid = F.affine_grid(torch.stack(rows, 1), [count, 3, SIDE, SIDE], align_corners=False)
    edge = torch.where(is_close, FACE_MARGIN / STORED_MARGIN - 0.01, 1.0).view(-1, 1, 1, 1)
    grid = torch.maximum(torch.minimum(grid, edge), -edge)  # beyond it the border is repeated
    return F.grid_sample(crops, grid, "bilinear", "border", align_corners=False)


def distort(views: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Colour, light, low resolution, blur, noise and occlusion, as cameras do them: (B, 3, S, S) float,
    0 to 255."""
    count, side = len(views), views.shape[-1]

    def each(low: float, high: float) -> torch.Tensor:
        return _uniform(count, low, high, rng).view(-1, 1, 1, 1)

    def some(share: float) -> torch.Tensor:
        return _chance(count, share, rng).nonzero().squeeze(1)

    is_grey = _chance(count, 0.3, rng).view(-1, 1, 1, 1)
    grey = (views * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    views = grey + (views - grey) * torch.where(is_grey, 0.0, each(0.6, 1.3))
    tint = torch.empty(count, 3, 1, 1).uniform_(0.88, 1.13, generator=rng)
    views = views * torch.where(is_grey, 1.0, tint)
    gamma = torch.empty(count, 1, 1, 1).normal_(0, 0.3, generator=rng).exp()
    views = 255 * (views / 255).clamp(0, 1) ** gamma
    mean = views.mean((1, 2, 3), keepdim=True)
    views = mean + (views - mean) * each(0.6, 1.25)
    ramp = torch.linspace(-1, 1, side)
    slope = each(-0.3, 0.3) * ramp.view(1, 1, 1, -1) + each(-0.3, 0.3) * ramp.view(1, 1, -1, 1)
    views = views * (1 + slope)
    for i in some(0.45).tolist():  # faces far away: few pixels
        small = int(torch.randint(13, 44, (1,), generator=rng))
        shrunk = F.interpolate(views[i : i + 1], (small, small), mode="area")
        views[i] = F.interpolate(shrunk, (side, side), mode="bicubic" if i % 2 else "bilinear")[0]
    for picked, kernel, padding in ((some(0.12), (1, 5), (0, 2)), (some(0.2), (3, 3), (1, 1))):
        if len(picked):
            blurred = F.avg_pool2d(views[picked], kernel, 1, padding, count_include_pad=False)
            views[picked] = blurred
    picked = some(0.25)
    views[picked] += torch.empty_like(views[picked]).normal_(0, 7, generator=rng)
    for i in some(0.2).tolist():  # a hand, a glass, a hat
        high, wide = (int(side * float(_uniform(1, 0.1, 0.35, rng))) for _ in range(2))
        y, x = (int(torch.randint(0, side - edge, (1,), generator=rng)) for edge in (high, wide))
        views[i, :, y : y + high, x : x + wide] = _uniform(3, 0, 255, rng).view(3, 1, 1)
    return views.clamp(0, 255)


def _uniform(count: int, low: float, high: float, rng: torch.Generator) -> torch.Tensor:
    return torch.empty(count).uniform_(low, high, generator=rng)


def _chance(count: int, share: float, rng: torch.Generator) -> torch.Tensor:
    return torch.rand(count, generator=rng) < share

"""The nouns that travel between stages. Frozen, standard library only (a `Frame` carries a NumPy array but
does not import NumPy), ranges checked when made, so that no stage has to check again. A box and a tag are
tuples: a scan makes thousands of them and uses boxes as keys, and a frozen dataclass takes two to
five times as long to make and to hash."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

if TYPE_CHECKING:
    import numpy

_checked = tuple.__new__  # once their ranges are


Precision = Literal["year", "month", "day", "minute", "second"]  # how much of a date is known
DATE_LENGTHS: Mapping[Precision, int] = {"year": 4, "month": 7, "day": 10, "minute": 16, "second": 19}

FILE_DATE_MARK = "file-date"  # behind a date in the name of a file of ours that is only its photo's file's


def iso_date(text: str | None) -> str | None:
    """A `date_text` as JSON has it, in ISO 8601: 1993-07, 1993-07-04T10:30:00."""
    return text and text.replace(" ", "T")


def date_text(at: datetime, precision: Precision = "second") -> str:
    """The known part of a date: 1993, 1993-07, 1993-07-04, 1993-07-04 10:30, 1993-07-04 10:30:00."""
    return f"{at.year:04}{at:-%m-%d %H:%M:%S}"[: DATE_LENGTHS[precision]]


class _Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float


class Box(_Box):
    """A rectangle as fractions of the upright photo, 0 to 1, so no stage needs to know at what size
    another looked. Raises ValueError when it is empty, reversed, not finite or outside the photo."""

    __slots__ = ()

    def __new__(cls, left: float, top: float, right: float, bottom: float) -> Box:
        # What is not a finite number fails these comparisons too.
        if 0 <= left < right <= 1 and 0 <= top < bottom <= 1:
            return _checked(cls, (left, top, right, bottom))
        edges = (left, top, right, bottom)
        if not all(math.isfinite(edge) for edge in edges):
            raise ValueError(f"box edges must be finite numbers: {edges}")
        raise ValueError(f"a box needs 0 <= left < right <= 1 and 0 <= top < bottom <= 1: {edges}")

    @classmethod
    def _make(cls, iterable: Iterable[Any]) -> Self:  # type: ignore[override]  # what _replace calls
        return cls(*iterable)

    @classmethod
    def clipped(cls, left: float, top: float, right: float, bottom: float) -> Box | None:
        """The part of a rectangle inside the photo, or None where nothing of it is."""
        edges = [min(max(float(edge), 0.0), 1.0) for edge in (left, top, right, bottom)]
        if not all(math.isfinite(edge) for edge in edges) or edges[0] >= edges[2] or edges[1] >= edges[3]:
            return None
        return cls(*edges)

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def area(self) -> float:
        """Share of the picture, 0 to 1."""
        return self.width * self.height

    def iou(self, other: Box) -> float:
        """Intersection over union, 0 to 1."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        if width <= 0 or height <= 0:
            return 0.0
        inner = width * height
        return inner / (self.area + other.area - inner)

    def pixels(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Rounded (left, top, right, bottom) in a picture of that size, at least one pixel each way."""
        left = min(round(self.left * width), width - 1)
        top = min(round(self.top * height), height - 1)
        return left, top, max(round(self.right * width), left + 1), max(round(self.bottom * height), top + 1)

    def as_list(self) -> list[float]:
        return list(self)


class _Tag(NamedTuple):
    label: str
    score: float
    box: Box | None
    points: tuple[tuple[float, float], ...]
    embedding: bytes


class Tag(_Tag):
    """One thing said about a photo: the raw score as the net gave it (0 to 1), never thresholded above
    the tagger's floor. What is said of a face or a thing carries its box: the box is the join. What is
    said of the whole photo has none. `points` are landmarks as (x, y) fractions of the upright photo;
    they may lie a little outside it (an eye beyond the border). `embedding`: numbers that tell whose face
    it is, as half floats, low byte first; the catalog keeps them apart from all else."""

    __slots__ = ()

    def __new__(
        cls,
        label: str,
        score: float,
        box: Box | None = None,
        points: tuple[tuple[float, float], ...] = (),
        embedding: bytes = b"",
    ) -> Tag:
        if not label:
            raise ValueError("a tag needs a label")
        if not 0 <= score <= 1:
            raise ValueError(f"score of {label!r} must lie between 0 and 1: {score}")
        if points and not all(math.isfinite(value) for point in points for value in point):
            raise ValueError(f"landmarks of {label!r} must be finite numbers")
        return _checked(cls, (label, score, box, points, embedding))

    @classmethod
    def _make(cls, iterable: Iterable[Any]) -> Self:  # type: ignore[override]  # what _replace calls
        return cls(*iterable)


class PhotoFile(NamedTuple):
    """A file that scan found. `path` is relative to `root`, with `/` between its parts; both are str as
    os.fsdecode gives them, so undecodable bytes survive as surrogates. `ctime_ns`: when the system last
    saw its bytes, name or rights change (on Windows, when it was made); on remote storage a number made of
    the object's ETag; 0 where the file system does not say."""

    root: str
    path: str
    size_bytes: int
    mtime_ns: int
    ctime_ns: int = 0

    def full_path(self) -> str:
        """Where the file is. Raises ValueError for a path that would leave its root, such as one
        from a foreign catalog."""
        parts = self.path.split("/")
        if any(part in ("", ".", "..") for part in parts):
            raise ValueError(f"not a path inside its root: {self.path!r}")
        if "://" in self.root:  # an address, see phototag.storage
            return "/".join((self.root, *parts))
        return os.path.join(self.root, *parts)


class FolderStamp(NamedTuple):
    """What a walk saw of a folder: where it sees the same again, the photos in it are as they were.

    `listing`: the number of photos, a dash, and a hash of their names, sizes and times. `time`: of
    the folder itself, as the walk spells it; None where it tells too little of the photos."""

    listing: str
    time: str | None = None

    @property
    def photos(self) -> int:
        """How many photos the folder itself holds."""
        return int(self.listing.partition("-")[0])


@dataclass(frozen=True, slots=True)
class Exif:
    """What the file says of itself. `taken_at` is local wall time as the camera had it, the middle of what
    is known where `taken_precision` is coarser than a second; `utc_offset_minutes` is there only when it is
    stated. `taken_from` names who says so, see `phototag.reading.taken`; 'file' is a guess."""

    taken_at: datetime | None = None
    taken_from: str | None = None
    utc_offset_minutes: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    camera: str | None = None
    orientation: int = 1
    taken_precision: Precision = "second"


@dataclass(frozen=True, slots=True)
class NamedPerson:
    """Someone whom another program names in a photo. `source`: 'sidecar', 'picasa', 'takeout' or
    'embedded'. `box`: the face in the upright photo; None where only the photo is known."""

    name: str
    source: str
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What people and other programs wrote about a photo, in its file and beside it. `rating`: 1 to 5
    stars, -1 for a rejected photo. `keywords`: levels apart by '|', as Places|Italy|Rome. `sources`:
    rating, color_label, title, description, keywords -> whose word it is, as of a NamedPerson."""

    rating: int | None = None
    color_label: str | None = None
    title: str | None = None
    description: str | None = None
    keywords: tuple[str, ...] = ()
    persons: tuple[NamedPerson, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Frame:
    """A decoded photo, upright, RGB. `pixels` is (H, W, 3) uint8, possibly smaller than the photo; `width`
    and `height` are the upright photo's own. `answers` holds what is already known: tagger name -> tags."""

    photo_id: int
    pixels: numpy.ndarray[Any, Any]
    width: int
    height: int
    answers: Mapping[str, tuple[Tag, ...]] = field(default_factory=dict)
    exif: Exif = field(default_factory=Exif)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A photo that could not be decoded, and why, in one line for the user."""

    photo_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a tagger's answer depends on, as one opaque text: equal texts mean equal answers to equal
    photos. Beside it, where the tagger has a choice of weights, their name and the score from which
    on they may be believed (label -> score; None where they state none)."""

    text: str
    weights_name: str | None = None
    thresholds: Mapping[str, float] | None = None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Job:
    """One photo and the taggers whose answer about it is missing. `answers` are those already known
    that these taggers need; `sidecars` the names of the files beside it that speak of it."""

    photo_id: int
    file: PhotoFile
    taggers: tuple[str, ...]
    answers: Mapping[str, tuple[Tag, ...]] = field(default_factory=dict)
    sidecars: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """One tagger's answer about one photo, good (`error` is None) or bad (`tags` is empty)."""

    photo_id: int
    tagger: str
    tags: tuple[Tag, ...] = ()
    error: str | None = None


class Person(NamedTuple):
    """Somebody whom a name was given. `person_id`: of this catalog."""

    person_id: int
    name: str


NameSource = Literal["word", "sidecar", "embedded", "group"]


@dataclass(frozen=True, slots=True)
class PersonInPhoto:
    """One person in one photo: `faces`, how many (0: named, but no face is); `smile`, the best of
    those whose smile can be told, or the word of the user as 0 or 1; `source`, who says that it is
    this person: 'word', the user; 'sidecar' and 'embedded', another program; 'group', a likeness,
    which may not be `certain`."""

    person: Person
    faces: int
    smile: float | None
    source: NameSource
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Face:
    """A face with all that is said of it: the detector's score and landmarks, smile probability and
    emotion probabilities (None and empty where no tagger has looked yet), and what any other tagger
    says with this face's box (`said`: label -> best score).

    `number`: by which a person speaks of it, from 1 on. `person`: whose face it is, as `person_source`
    says, see PersonInPhoto; `not_persons`: whose it is not. `smile_word`: the
    user's word on its smile, of which `smile` is 1 or 0 then. `is_vouched`: the user speaks of it as of a
    face. `is_added`: no net sees it."""

    box: Box
    score: float
    points: tuple[tuple[float, float], ...] = ()
    smile: float | None = None
    emotions: Mapping[str, float] = field(default_factory=dict)
    sharpness: float | None = None
    said: Mapping[str, float] = field(default_factory=dict)
    number: int = 0
    person: Person | None = None
    person_source: NameSource | None = None
    is_person_certain: bool = True
    not_persons: tuple[Person, ...] = ()
    smile_word: bool | None = None
    is_vouched: bool = False
    is_added: bool = False

    @property
    def emotion(self) -> str | None:
        """The likeliest emotion."""
        return max(self.emotions, key=lambda name: self.emotions[name]) if self.emotions else None


class _Dated:
    """What a photo's date says, for the records that have one."""

    __slots__ = ()
    taken_at: datetime | None
    taken_precision: Precision
    taken_from: str | None

    @property
    def taken_text(self) -> str | None:
        """The known part of the date, see `date_text`."""
        return date_text(self.taken_at, self.taken_precision) if self.taken_at else None

    @property
    def date_is_guessed(self) -> bool:
        """Whether the date is only the file's: when it was copied, restored or unpacked."""
        return self.taken_from == "file"


@dataclass(frozen=True, slots=True)
class Photo(_Dated):
    """Everything the catalog knows of one photo. `path` is absolute.

    `least_smile` and `greatest_smile` are those among the eligible faces, or 0 or 1 by the person's
    word; None: cannot tell. `smile_words` are that word: 'everyone smiling' or 'anyone smiling' ->
    whether it is so. `everyone_smiling` is `least_smile` held against the question's threshold.
    `denied_faces`: what nets took for faces and a person said are none; `persons`: who is in it."""

    photo_id: int
    path: str
    size_bytes: int
    width: int | None
    height: int | None
    content_hash: str | None
    taken_at: datetime | None
    taken_from: str | None
    latitude: float | None
    longitude: float | None
    camera: str | None
    missing_since: datetime | None
    everyone_smiling: bool | None
    least_smile: float | None = None
    greatest_smile: float | None = None
    smile_words: Mapping[str, bool] = field(default_factory=dict)
    objects: tuple[Tag, ...] = ()
    kinds: tuple[Tag, ...] = ()
    faces: tuple[Face, ...] = ()
    sharpness: float | None = None
    user_labels: tuple[str, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)
    detector: str | None = None  # name of the weights that found the objects
    written: Written = field(default_factory=Written)
    taken_precision: Precision = "second"
    # where it was taken, the one to name first first: towns, then the country
    places: tuple[str, ...] = ()
    orientation: int = 1  # Exif's: how the stored picture is turned to be upright
    denied_faces: tuple[Face, ...] = ()
    persons: tuple[PersonInPhoto, ...] = ()
    utc_offset_minutes: int | None = None  # of `taken_at`, where it is stated

    @property
    def utc_offset(self) -> str | None:
        """The same as it is written: +02:00."""
        if self.utc_offset_minutes is None:
            return None
        hours, minutes = divmod(abs(self.utc_offset_minutes), 60)
        return f"{'-' if self.utc_offset_minutes < 0 else '+'}{hours:02}:{minutes:02}"


@dataclass(frozen=True, slots=True)
class PhotoLine(_Dated):
    """What a line about a photo tells, read in a fraction of the time of the whole Photo. `path` is
    absolute; `things` are (label, score) of boxes; `kinds` are (label, score) of the whole photo;
    `error` is the first there is; `persons` are names; `written` is what other programs wrote, without
    persons."""

    photo_id: int
    path: str
    taken_at: datetime | None
    taken_precision: Precision
    taken_from: str | None
    width: int | None
    height: int | None
    everyone_smiling: bool | None
    faces: int
    things: tuple[tuple[str, float], ...] = ()
    kinds: tuple[tuple[str, float], ...] = ()
    user_labels: tuple[str, ...] = ()
    error: str | None = None
    persons: tuple[str, ...] = ()
    written: Written = field(default_factory=Written)


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """What decoding learned of a photo's file: the hash of the bytes it read, the upright size, the
    EXIF, the hash of the compressed pixels, what is written about it there and beside it.
    `content_hash` is None when the bytes could not be read, `width` and `height` when they could not be
    decoded, `pixel_hash` for kinds of file without, `written` where nobody looked."""

    photo_id: int
    content_hash: str | None
    width: int | None = None
    height: int | None = None
    exif: Exif = field(default_factory=Exif)
    pixel_hash: str | None = None
    written: Written | None = None


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a photo's file says without being decoded: the hash of its bytes, that of its compressed
    pixels (None where it has none that can be told apart), the EXIF. `size_wh`: of the upright photo,
    None where it cannot be opened, or is RAW."""

    content_hash: str
    pixel_hash: str | None
    exif: Exif
    size_wh: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """A town or a country. `code` tells it from all others ('town 3169070', 'country IT'); `names`: what
    it is called in any language, `name` among them."""

    code: str
    name: str
    country: str
    names: tuple[str, ...]

    @property
    def is_country(self) -> bool:
        return self.code.startswith("country ")


@dataclass(frozen=True, slots=True)
class Reread:
    """What a known photo's file and the files beside it say, read without decoding. `exif`: None where
    the file could not be read."""

    photo_id: int
    exif: Exif | None = None
    written: Written | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A photo's place in an album, counted from 1, and the named reason it is there."""

    photo_id: int
    position: int
    reason: str
    score: float = 0.0

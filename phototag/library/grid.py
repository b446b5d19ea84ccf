"""The photos of a question as a page of pictures needs them: ids, shapes and months, six bytes a photo."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from phototag.library.search import select_fitting
from phototag.library.tables import answers, photos
from phototag.query.terms import Query

_ROWS = select(photos.c.id, photos.c.width, photos.c.height, photos.c.taken_at, photos.c.taken_from)
_NEWEST = select(
    select(func.max(photos.c.id)).scalar_subquery(), select(func.max(answers.c.id)).scalar_subquery()
)
# Width over height, in thousandths: 0.2 to 20 keeps strips and panoramas within what a row can show.
UNKNOWN_RATIO, LEAST_RATIO, GREATEST_RATIO = 1500, 200, 20_000
UNDATED = 0


@dataclass(frozen=True, slots=True)
class Section:
    """Photos that follow each other and were taken in one month: `month` is '2016-05', '2016' where no month
    is known, '' where nothing is. Of `photos`, `guessed` have only their file's date."""

    month: str
    photos: int
    guessed: int


@dataclass(frozen=True, slots=True)
class Grid:
    """`ids` in order, `ratios` (width over height in thousandths) beside them; `sections` of the order."""

    ids: array[int]
    ratios: array[int]
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Shapes:
    """Of every photo, by its id: `ratios`, and `months`, year * 32 + 2 * month (0: unknown) + whether the
    date is only the file's. `revision`: that of the catalog when they were read."""

    revision: str
    ratios: array[int]
    months: array[int]

    def arrange(self, ids: Sequence[int], *, by_month: bool) -> Grid:
        """The grid of these photos in this order. `by_month`: with a section for each run of a month."""
        ratios = self.ratios
        grid_ids = array("I", ids)
        return Grid(
            grid_ids,
            array("H", [ratios[photo_id] for photo_id in grid_ids]),
            self._sections(grid_ids) if by_month else (),
        )

    def _sections(self, ids: array[int]) -> tuple[Section, ...]:
        sections: list[Section] = []
        months, last, number, guessed = self.months, -1, 0, 0
        for photo_id in ids:
            code = months[photo_id]
            if code >> 1 != last:
                if number:
                    sections.append(Section(_month_text(last), number, guessed))
                last, number, guessed = code >> 1, 0, 0
            number += 1
            guessed += code & 1
        if number:
            sections.append(Section(_month_text(last), number, guessed))
        return tuple(sections)


def load_shapes(connection: Connection) -> Shapes:
    """Of all photos, in one walk through the table."""
    count = (connection.scalar(select(func.max(photos.c.id))) or 0) + 1
    ratios, months = array("H", [UNKNOWN_RATIO]) * count, array("I", [UNDATED]) * count
    codes: dict[tuple[str | None, bool], int] = {}
    for photo_id, width, height, taken_at, taken_from in connection.execute(_ROWS):
        if width and height:
            ratios[photo_id] = min(GREATEST_RATIO, max(LEAST_RATIO, width * 1000 // height))
        if taken_at:
            key = taken_at[:7], taken_from == "file"
            code = codes.get(key)
            if code is None:
                code = codes[key] = _month_code(*key)
            months[photo_id] = code
    return Shapes(find_revision(connection), ratios, months)


def find_positions(connection: Connection, query: Query) -> list[tuple[int, float, float]]:
    """(id, latitude, longitude in degrees) of the photos that fit and of which it is known where they were
    taken."""
    rows = connection.execute(
        select(photos.c.id, photos.c.latitude, photos.c.longitude).where(
            photos.c.latitude.is_not(None),
            photos.c.longitude.is_not(None),
            photos.c.id.in_(select_fitting(connection, query)),
        )
    )
    return [(photo_id, latitude, longitude) for photo_id, latitude, longitude in rows]


def find_revision(connection: Connection) -> str:
    """Changes whenever a scan has stored something: photos it found, or answers."""
    photo_id, answer_id = connection.execute(_NEWEST).one()
    return f"{photo_id or 0}-{answer_id or 0}"


def _month_code(month: str, guessed: bool) -> int:
    year, _, number = month.partition("-")
    return int(year) * 32 + 2 * int(number or 0) + guessed


def _month_text(code: int) -> str:
    year, month = divmod(code, 16)
    return "" if code <= 0 else f"{year:04}-{month:02}" if month else f"{year:04}"

"""What each term of a query says of a photo, in SQL. One class per kind of condition; `clauses_of`
names those that a query means."""

from __future__ import annotations

import math
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    true,
    union,
    union_all,
)

from phototag.gazetteer import KM_PER_DEGREE
from phototag.library import persons
from phototag.library.names import escape_surrogates, find_ids
from phototag.library.paths import join, roots_of, to_text
from phototag.library.tables import (
    answers,
    keywords,
    labels,
    photo_keywords,
    photo_labels,
    photo_persons,
    photo_places,
    photos,
    place_names,
    taggers,
    tags,
    written,
)
from phototag.query.terms import (
    AnyTerm,
    CameraTerm,
    DayTerm,
    FacesTerm,
    KeywordTerm,
    LabelTerm,
    NamedTerm,
    NearTerm,
    PathTerm,
    PersonTerm,
    PlaceTerm,
    Query,
    RatingTerm,
    SharpTerm,
    SizeTerm,
    SmilingPersonTerm,
    SmilingTerm,
    StateTerm,
    TakenTerm,
    Term,
    TextTerm,
    TypeTerm,
)

ZONES = 15 * 3600  # seconds; no zone is further from UTC, summer time included


class Clause(ABC):
    """A condition on a photo: it holds, does not hold, or is unknown."""

    needs_row: ClassVar[bool] = True  # `where` asks more than the id
    scans: ClassVar[bool] = False  # `source` reads an index from end to end
    is_of_photos: ClassVar[bool] = False  # `where` asks the row of `photos` alone, and so does `source`

    @abstractmethod
    def where(self, photo_id: ColumnElement[int], many: bool) -> ColumnElement[bool]:
        """The condition, for a statement that reads the photo's row from `photos`. `photo_id` is
        its id as the statement knows it before the row is read. `many`: it is asked of many
        photos, so that what takes long to begin may pay."""

    def source(self) -> Select[tuple[int]] | None:
        """The ids `id` of all photos for which it holds, from an index; None where no index has them."""
        return None

    def entries(self) -> Select[tuple[int]] | None:
        """What the source has to read from its index: one row per entry."""
        return self.source()


@dataclass(frozen=True, slots=True, eq=False)
class ColumnClause(Clause):
    """A condition on a column of `photos` that has an index."""

    is_of_photos: ClassVar[bool] = True
    column: Column[Any]
    condition: ColumnElement[bool]

    def where(self, photo_id: ColumnElement[int], many: bool) -> ColumnElement[bool]:
        return self.condition

    def source(self) -> Select[tuple[int]]:
        return select(photos.c.id).where(self.condition)


@dataclass(frozen=True, slots=True, eq=False)
class ScanClause(Clause):
    """A condition for which no index is sorted: all photos are read to find those that fit."""

    scans: ClassVar[bool] = True
    is_of_photos: ClassVar[bool] = True
    condition: ColumnElement[bool]

    def where(self, photo_id: ColumnElement[int], many: bool) -> ColumnElement[bool]:
        return self.condition

    def source(self) -> Select[tuple[int]]:
        return select(photos.c.id).where(self.condition)


@dataclass(frozen=True, slots=True, eq=False)
class LabelClause(Clause):
    """The photo has some label of `least_scores` (label id -> least score)."""

    needs_row: ClassVar[bool] = False
    least_scores: Mapping[int, float]

    def where(self, photo_id: ColumnElement[int], many: bool) -> ColumnElement[bool]:
        if many and len(self.least_scores) > 1:  # else every label is looked up for every photo
            return photo_id.in_(select(photo_labels.c.photo_id).where(self.condition()))
        return exists().where(_is_of(photo_labels.c.photo_id, photo_id, many), self.condition())

    def source(self) -> Select[tuple[int]]:
        found = select(photo_labels.c.photo_id.label("id")).where(self.condition())
        return found if len(self.least_scores) == 1 else found.distinct()

    def entries(self) -> Select[tuple[int]]:
        # whatever the score: no index is sorted by it
        return select(photo_labels.c.photo_id.label("id")).where(
            photo_labels.c.label_id.in_(self.least_scores)
        )

    def condition(self) -> ColumnElement[bool]:
        """Holds for the rows of `photo_labels` that say it."""
        label_id, score = photo_labels.c.label_id, photo_labels.c.score
        if len(self.least_scores) == 1:
            ((only, least),) = self.least_scores.items()
            return and_(label_id == only, score >= least)
        return and_(label_id.in_(self.least_scores), score >= case(self.least_scores, value=label_id))

    def best_rank(self) -> ColumnElement[float]:
        """The best rank that these labels have in the photo of the row of `photos`."""
        # `+ 0.0` keeps SQLite from the index by rank, in which it would read all photos with the label
        # to find the greatest rank of this one.
        best = select(func.max(photo_labels.c.rank + 0.0))
        best = best.where(photo_labels.c.photo_id == photos.c.id, self.condition())
        return best.correlate(photos).scalar_subquery()


@dataclass(frozen=True, slots=True, eq=False)
class PlaceClause(Clause):
    """Taken in a town or country of this name, folded."""

    needs_row: ClassVar[bool] = False
    name: str

    def where(self, photo_id: ColumnElement[int], many: bool) -> ColumnElement[bool]:
        if many:
            return photo_id.in_(self.source())
        return exists().where(
            _is_of(photo_places.c.photo_id, photo_id, many), photo_places.c.place_id.in_(self._place_ids())
        )

    def source(self) -> Select[tuple[int]]:
        return self.entries().distinct()

    def entries(self) -> Select[tuple[int]]:
        return select(photo_places.c.photo_id.label("id")).where(
            photo_places.c.place_id.in_(self._place_ids())
        )

    def _place_ids(self) -> Select[tuple[int]]:
        return select(place_names.c.place_id).where(place_names.c.name_key == self.name)


@dataclass(frozen=True, slots=True, eq=False)
class KeywordClause(Clause):
    """Another program gave the photo one of these keywords."""

    needs_row: ClassVar[bool] = False
    keyword_ids: Sequence[int]

    def where(self, photo_id: ColumnElement[int], many: bool) -> ColumnElement[bool]:
        if many:
            return photo_id.in_(self.source())
        return exists().where(_is_of(photo_keywords.c.photo_id, photo_id, many), self._condition())

    def source(self) -> Select[tuple[int]]:
        found = select(photo_keywords.c.photo_id.label("id")).where(self._condition())
        return found if len(self.keyword_ids) == 1 else found.distinct()

    def entries(self) -> Select[tuple[int]]:
        return select(photo_keywords.c.photo_id.label("id")).where(self._condition())

    def _condition(self) -> ColumnElement[bool]:
        return photo_keywords.c.keyword_id.in_(self.keyword_ids)


@dataclass(frozen=True, slots=True, eq=False)
class TextClause(Clause):
    """The photo's title or description contains the text, as it is folded."""

    needs_row: ClassVar[bool] = False
    scans: ClassVar[bool] = True
    text: str

    def where(self, photo_id: ColumnElement[int], many: bool) -> ColumnElement[bool]:
        return exists().where(_is_of(written.c.photo_id, photo_id, many), self._condition())

    def source(self) -> Select[tuple[int]]:
        return select(written.c.photo_id.label("id")).where(self._condition())

    def _condition(self) -> ColumnElement[bool]:
        return written.c.folded_text.contains(self.text, autoescape=True)


@dataclass(frozen=True, slots=True, eq=False)
class Opposite(Clause):
    """Holds for the photos for which `clause` does not: also for those where it is unknown."""

    clause: Clause

    def where(self, photo_id: ColumnElement[int], many: bool) -> ColumnElement[bool]:
        return self.clause.where(photo_id, many).is_not(true())


@dataclass(frozen=True, slots=True, eq=False)
class AllOf(Clause):
    """Holds where all of `clauses` hold."""

    clauses: Sequence[Clause]

    def where(self, photo_id: ColumnElement[int], many: bool) -> ColumnElement[bool]:
        return and_(true(), *(clause.where(photo_id, many) for clause in self.clauses))


@dataclass(frozen=True, slots=True, eq=False)
class AnyOf(Clause):
    """Holds where at least one of `clauses` holds. Has a source where each of them has one."""

    clauses: Sequence[Clause]

    def where(self, photo_id: ColumnElement[int], many: bool) -> ColumnElement[bool]:
        return or_(false(), *(clause.where(photo_id, many) for clause in self.clauses))

    def source(self) -> Select[tuple[int]] | None:
        sources = [source for clause in self.clauses if (source := clause.source()) is not None]
        if len(sources) < len(self.clauses) or not sources or any(clause.scans for clause in self.clauses):
            return None
        return select(union(*sources).subquery("choices").c.id)

    def entries(self) -> Select[tuple[int]] | None:
        entries = [entries for clause in self.clauses if (entries := clause.entries()) is not None]
        return select(union_all(*entries).subquery("choices").c.id) if self.source() is not None else None


@dataclass(frozen=True, slots=True, eq=False)
class SharpnessClause(Clause):
    """The sharpness of the whole photo, as the sharpness tagger answered."""

    least: float
    most: float
    needs_row: ClassVar[bool] = False

    def where(self, photo_id: ColumnElement[int], many: bool) -> ColumnElement[bool]:
        return exists().where(
            _is_of(answers.c.photo_id, photo_id, many),
            answers.c.tagger_id
            == select(taggers.c.id).where(taggers.c.name == "sharpness").scalar_subquery(),
            tags.c.answer_id == answers.c.id,
            tags.c.box_left.is_(None),
            tags.c.score.between(self.least, self.most),
        )


@dataclass(frozen=True, slots=True, eq=False)
class PersonClause(Clause):
    """The person is in the photo; with `least_smile`, and smiles at least so much. Without `person_id`,
    anybody who has a name is."""

    needs_row: ClassVar[bool] = False
    person_id: int | None = None
    least_smile: float | None = None

    def where(self, photo_id: ColumnElement[int], many: bool) -> ColumnElement[bool]:
        return exists().where(_is_of(photo_persons.c.photo_id, photo_id, many), *self._conditions())

    def source(self) -> Select[tuple[int]]:
        return self._rows().distinct() if self.person_id is None else self._rows()

    def entries(self) -> Select[tuple[int]]:
        # whatever the smile: no index is sorted by it
        return PersonClause(self.person_id)._rows()

    def _rows(self) -> Select[tuple[int]]:
        return select(photo_persons.c.photo_id.label("id")).where(*self._conditions())

    def _conditions(self) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = []
        if self.person_id is not None:
            conditions.append(photo_persons.c.person_id == self.person_id)
        if self.least_smile is not None:
            conditions.append(photo_persons.c.smile >= self.least_smile)
        return conditions


def _is_of(column: ColumnElement[int], photo_id: ColumnElement[int], many: bool) -> ColumnElement[bool]:
    """The row is of this photo. To be looked up for each of few photos: PostgreSQL, which expects that all
    are wanted, would first read the rows of every photo, if equality were all there is to compare."""
    return column == photo_id if many else and_(column == photo_id, column <= photo_id)


NO_ID = -1  # no row has it: finds nothing
# Literals, not parameters: SQLite uses a partial index only where the statement shows the index's condition.
MISSING = ColumnClause(photos.c.missing_since, photos.c.missing_since.is_not(None))
UNTAGGED = ColumnClause(photos.c.answered, photos.c.answered == literal_column("0"))
FAILED = ColumnClause(photos.c.failed, photos.c.failed > literal_column("0"))
_IS_THERE = photos.c.missing_since.is_(None)
_DOUBLED = (
    select(photos.c.content_hash)
    .where(photos.c.content_hash.is_not(None), _IS_THERE)
    .group_by(photos.c.content_hash)
    .having(func.count() > 1)
)
DUPLICATES = ColumnClause(photos.c.content_hash, photos.c.content_hash.in_(_DOUBLED))
_STATES = {"untagged": UNTAGGED, "failed": FAILED, "missing": MISSING, "duplicates": DUPLICATES}


def clauses_of(connection: Connection, query: Query) -> list[Clause]:
    """What each term of the query means, in the same order."""
    names = {
        escape_surrogates(label)
        for term in query.every_term()
        if isinstance(term, LabelTerm)
        for label in term.labels
    }
    label_ids = find_ids(connection, labels.c.name, names) if names else {}
    return [_signed(connection, query, term, label_ids) for term in query.terms]


def _signed(connection: Connection, query: Query, term: Term, label_ids: Mapping[str, int]) -> Clause:
    clause = _clause_of(connection, query, term, label_ids)
    return Opposite(clause) if term.negated else clause


def _clause_of(connection: Connection, query: Query, term: Term, label_ids: Mapping[str, int]) -> Clause:
    """What a term means without its `^`."""
    match term:
        case LabelTerm():
            least_scores = {
                label_ids[name]: query.least_score(term, label)
                for label in term.labels
                if (name := escape_surrogates(label)) in label_ids
            }
            return LabelClause(least_scores or {NO_ID: 1.0})
        case FacesTerm(least, most):
            column = photos.c.faces if term.any_face else photos.c.eligible_faces
            return _between(column, least, None if most is None else most + 1)
        case SmilingTerm("all"):
            return ColumnClause(photos.c.least_smile, photos.c.least_smile >= query.smile_threshold)
        case SmilingTerm("any"):
            return ColumnClause(photos.c.greatest_smile, photos.c.greatest_smile >= query.smile_threshold)
        case SmilingTerm("none"):
            return ColumnClause(photos.c.greatest_smile, photos.c.greatest_smile < query.smile_threshold)
        case SmilingTerm():
            return ColumnClause(photos.c.least_smile, photos.c.least_smile.is_(None))
        case PersonTerm(name):
            return PersonClause(_person_id(connection, name))
        case SmilingPersonTerm(name):
            return PersonClause(_person_id(connection, name), query.smile_threshold)
        case NamedTerm("any"):
            return PersonClause()
        case NamedTerm("none"):
            return Opposite(PersonClause())
        case NamedTerm():
            return ColumnClause(photos.c.faces, and_(photos.c.faces > 0, photos.c.faces > _named_faces()))
        case TakenTerm(since, until):
            return _taken(since, until)
        case DayTerm(first, last):
            return ScanClause(_on_days(first, last))
        case CameraTerm(text):
            names = [name for name in _cameras(connection) if text.casefold() in name.casefold()]
            known = photos.c.camera.is_not(None)
            return ColumnClause(photos.c.camera, known & photos.c.camera.in_(names))
        case PathTerm(text):
            return ScanClause(_in_path(connection, text))
        case PlaceTerm(name):
            return PlaceClause(escape_surrogates(name))
        case NearTerm(latitude, longitude, radius_km):
            return ColumnClause(photos.c.latitude, _near(latitude, longitude, radius_km))
        case SharpTerm(least, most):
            return SharpnessClause(0.0 if least is None else least, 1.0 if most is None else most)
        case TypeTerm(extensions):
            return ScanClause(or_(*(photos.c.path.iendswith(f".{name}") for name in extensions)))
        case SizeTerm("bytes", least, most):
            return ColumnClause(photos.c.size_bytes, _within(photos.c.size_bytes, least, most))
        case SizeTerm(_, least, most):
            return ScanClause(_within(photos.c.width * photos.c.height, least, most))
        case RatingTerm(None):
            return Opposite(_between(photos.c.rating, None, None))
        case RatingTerm(least, most):
            return _between(photos.c.rating, least, None if most is None else most + 1)
        case KeywordTerm():
            rows = connection.execute(select(keywords.c.id, keywords.c.name))
            return KeywordClause([number for number, keyword in rows if term.is_in(keyword)])
        case TextTerm(text):
            return TextClause(escape_surrogates(text))
        case StateTerm(state):
            return _STATES[state]
        case AnyTerm(choices):
            found = [[_signed(connection, query, term, label_ids) for term in choice] for choice in choices]
            return AnyOf([clauses[0] if len(clauses) == 1 else AllOf(clauses) for clauses in found])
    raise TypeError(f"no such term: {term!r}")


def _person_id(connection: Connection, name: str) -> int:
    found = persons.find(connection, [name])
    return found[name].person_id if found else NO_ID


def _named_faces() -> ColumnElement[int]:
    """How many faces of the photo of the row of `photos` have a name."""
    number = select(func.coalesce(func.sum(photo_persons.c.faces), 0))
    return number.where(photo_persons.c.photo_id == photos.c.id).correlate(photos).scalar_subquery()


def _between(column: Column[Any], first: object, end: object) -> ColumnClause:
    """Known, at least `first` and below `end`; None leaves that side open."""
    bounds = [column >= first] if first is not None else []
    bounds += [column < end] if end is not None else []
    return ColumnClause(column, and_(*bounds) if bounds else column.is_not(None))


def _within(value: ColumnElement[Any], least: float | None, most: float | None) -> ColumnElement[bool]:
    """Known, and between the two, both included; None leaves that side open."""
    bounds: list[ColumnElement[bool]] = [value.is_not(None)]
    bounds += [value >= least] if least is not None else []
    bounds += [value <= most] if most is not None else []
    return and_(*bounds)


def _near(latitude: float, longitude: float, radius_km: float) -> ColumnElement[bool]:
    """Within the circle on a map that is true to scale along its middle latitude; for circles of up to
    1,000 km. First a band of latitudes, which the index knows."""
    north_km = (photos.c.latitude - latitude) * KM_PER_DEGREE
    apart = func.abs(photos.c.longitude - longitude)
    turn = case((apart > 180, 360 - apart), else_=apart)  # the shorter way round the globe
    east_km = turn * KM_PER_DEGREE * math.cos(math.radians(latitude))
    reach = radius_km / KM_PER_DEGREE
    return and_(
        photos.c.latitude.between(latitude - reach, latitude + reach),
        photos.c.longitude.is_not(None),
        north_km * north_km + east_km * east_km <= radius_km**2,
    )


def _taken(since: date | None, until: date | None) -> ColumnClause:
    """All that is known of the date lies in these days, `until` not included: what is only known to be of
    1993 was taken in 1993, but not surely in July 1993.

    Dates are texts cut where knowledge ends, and a text sorts before all that begin with it. So '1993' is
    at least '1993' (what 1993-01-01 is cut to); and with a mark behind that sorts after every digit and sign,
    it stays below '1994', but not below '1993-08'. Found by the index of instants, as far as zones allow."""
    bounds: list[ColumnElement[bool]] = [photos.c.taken_sort.is_not(None)]
    if since:
        first = since.isoformat().removesuffix("-01").removesuffix("-01")
        bounds += [photos.c.taken_sort >= _seconds(since) - ZONES, photos.c.taken_at >= first]
    if until:
        after = until.isoformat().removesuffix("-01").removesuffix("-01")
        bounds += [photos.c.taken_sort < _seconds(until) + ZONES, photos.c.taken_at + "~" <= after]
    return ColumnClause(photos.c.taken_sort, and_(*bounds))


def _on_days(first: str, last: str) -> ColumnElement[bool]:
    """The known day and month lie between the two, or outside where these reach over New Year."""
    day = func.substr(photos.c.taken_at, 6, 5)
    within = and_(day >= first, day <= last) if first <= last else or_(day >= first, day <= last)
    return and_(func.length(day) == 5, within)


def _seconds(day: date) -> int:
    return (day - date(1970, 1, 1)).days * 24 * 3600


def _cameras(connection: Connection) -> Sequence[str]:
    """Every camera once. Each step of the recursion jumps to the next name in the index, where
    DISTINCT would read all of it."""
    first = select(func.min(photos.c.camera).label("name")).where(photos.c.camera.is_not(None))
    found = first.cte("cameras", recursive=True)
    after = first.where(photos.c.camera > found.c.name).correlate(found).scalar_subquery()
    found = found.union_all(select(after).where(found.c.name.is_not(None)))
    return connection.scalars(select(found.c.name).where(found.c.name.is_not(None))).all()


def _in_path(connection: Connection, text: str) -> ColumnElement[bool]:
    """The text may lie in the path below the root, in the root's own path, or across the two."""
    found: list[ColumnElement[bool]] = []
    for spelling in _spellings(text):
        found.append(photos.c.path.icontains(spelling, autoescape=True))
        for root, root_id in roots_of(connection).items():
            in_root = photos.c.root_id == root_id
            folder = to_text(join(root, "-"))[:-1]
            if spelling.casefold() in folder.casefold():
                found.append(in_root)
                continue
            for cut in range(1, len(spelling)):
                if folder.casefold().endswith(spelling[:cut].casefold()):
                    found.append(in_root & photos.c.path.istartswith(spelling[cut:], autoescape=True))
    return or_(*found)


def _spellings(text: str) -> list[str]:
    """SQLite knows upper and lower case of ASCII only, and a Mac writes é as two characters."""
    text = to_text(text)
    if text.isascii():
        return [text]
    cases = (text, text.lower(), text.upper(), text.title())
    return list(dict.fromkeys(unicodedata.normalize(form, case) for case in cases for form in ("NFC", "NFD")))

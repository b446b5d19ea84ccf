"""The rows of groups and of the faces in them, and what becomes of them when a person says whose face it is.
Rows are changed, never removed: what undoes a change finds them again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, func, insert, select

from phototag.faces import SAME_FACE
from phototag.library.answers import chunks
from phototag.library.journal import Change
from phototag.library.tables import face_group_members as members
from phototag.library.tables import face_groups
from phototag.records import Box

BOX_COLUMNS = members.c.box_left, members.c.box_top, members.c.box_right, members.c.box_bottom


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A face and its group (None: in none)."""

    photo_id: int
    box: Box
    number: int | None
    tie: int | None = None

    def is_its_row(self) -> ColumnElement[bool]:
        """Holds for the row of this face."""
        pairs = zip(BOX_COLUMNS, self.box, strict=True)
        return and_(members.c.photo_id == self.photo_id, *(column == edge for column, edge in pairs))


def load(connection: Connection, photo_ids: Iterable[int] | None = None) -> list[MemberRow]:
    """The faces of these photos that have an embedding, of all where None."""
    if photo_ids is None:
        return _read(connection)
    return [row for some in chunks(photo_ids) for row in _read(connection, members.c.photo_id.in_(some))]


def is_any(connection: Connection) -> bool:
    """Whether any face has an embedding: in most catalogs none has, and no more is asked."""
    return connection.scalar(select(members.c.photo_id).limit(1)) is not None


def load_group(connection: Connection, number: int) -> list[MemberRow]:
    """The faces of this group, in the order of their photos."""
    return _read(connection, members.c.number == number)


def _read(connection: Connection, *conditions: ColumnElement[bool]) -> list[MemberRow]:
    statement = select(members.c.photo_id, *BOX_COLUMNS, members.c.number, members.c.tie)
    rows = connection.execute(statement.where(*conditions).order_by(*members.primary_key))
    return [
        MemberRow(photo_id, Box(*edges), _whole_number(number), _whole_number(tie))
        for photo_id, *edges, number, tie in rows
    ]


def _whole_number(value: int | None) -> int | None:
    """SQLite keeps a text where a number belongs, in a damaged catalog. Raises ValueError there."""
    return None if value is None else int(value)


def persons_of(connection: Connection) -> dict[int, int]:
    """Number of a group -> the person whose it is, of those that are somebody's."""
    rows = connection.execute(select(face_groups).where(face_groups.c.person_id.is_not(None)))
    return {row.number: row.person_id for row in rows}


def new_number(connection: Connection, person_id: int | None = None) -> int:
    """A group with a number that none ever had."""
    number = (connection.scalar(select(func.max(face_groups.c.number))) or 0) + 1
    connection.execute(insert(face_groups).values(number=number, person_id=person_id))
    return number


def follow_name(connection: Connection, change: Change, photo_id: int, box: Box, person_id: int) -> None:
    """A person says whose the face in `box` is: it goes to the group of that name; where there is none, its
    group gets the name, if it has no other."""
    row = _find(connection, photo_id, box)
    if row is None:
        return
    whose = persons_of(connection)
    if row.number is not None and whose.get(row.number) == person_id:
        return
    known = [number for number, person in whose.items() if person == person_id]
    if known:
        change.update(members, row.is_its_row(), {"number": min(known)})
    elif row.number is not None and row.number not in whose:
        change.update(face_groups, face_groups.c.number == row.number, {"person_id": person_id})
        change.touch(one.photo_id for one in load_group(connection, row.number))
    else:
        change.update(members, row.is_its_row(), {"number": new_number(connection, person_id)})


def follow_denial(connection: Connection, change: Change, photo_id: int, box: Box, person_id: int) -> None:
    """A person says whose the face in `box` is not: it leaves the group of that name."""
    row = _find(connection, photo_id, box)
    if row and row.number is not None and persons_of(connection).get(row.number) == person_id:
        change.update(members, row.is_its_row(), {"number": None, "tie": None})


def _find(connection: Connection, photo_id: int, box: Box) -> MemberRow | None:
    """The face of the photo that overlaps the box best."""
    rows = load(connection, [photo_id])
    best = max(rows, key=lambda row: row.box.iou(box), default=None)
    return best if best and best.box.iou(box) >= SAME_FACE else None

"""Rows of `photos` as files come, change and move: what `moves` has decided, written down."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Row, bindparam, case, delete, insert, literal, select, update

from phototag.library import face_words, summaries, taken
from phototag.library.answers import IDS, chunks
from phototag.library.dialects import executemany, insert_or_skip
from phototag.library.moves import Change, Changed, Known, Moved, New, Rewritten, Same, Twin, Unread
from phototag.library.names import escape_surrogates
from phototag.library.paths import (
    Place,
    containing_folder,
    ensure_root,
    join,
    place_of,
    roots_of,
    to_path,
    to_text,
)
from phototag.library.tables import answers, photos, roots, tags
from phototag.records import FileFacts, PhotoFile

_HAS_OWN_DATE = photos.c.taken_from != "file"
_INSERT_FILE = insert_or_skip(photos, "root_id", "path").values(
    root_id=bindparam("new_root"),
    path=bindparam("new_path"),
    size_bytes=bindparam("new_size"),
    mtime_ns=bindparam("new_mtime"),
    ctime_ns=bindparam("new_ctime"),
    **{name: bindparam(f"new_{name}") for name in taken.COLUMNS},
)
_UPDATE = update(photos).where(photos.c.id == bindparam("photo"))
_UPDATE_FILE = _UPDATE.values(
    size_bytes=bindparam("new_size"),
    mtime_ns=bindparam("new_mtime"),
    ctime_ns=bindparam("new_ctime"),
    **{name: case((_HAS_OWN_DATE, photos.c[name]), else_=bindparam(f"new_{name}")) for name in taken.COLUMNS},
    missing_since=None,
)
_UPDATE_CTIME = _UPDATE.values(ctime_ns=bindparam("new_ctime"))
# What decoding learns of the bytes. The date too: where the photo has none, it is the file's.
_CONTENT = (
    "width",
    "height",
    "orientation",
    "latitude",
    "longitude",
    "camera",
    *taken.COLUMNS,
    "pixel_hash",
)
_KNOWN = select(photos.c.id, photos.c.content_hash, photos.c.pixel_hash, photos.c.orientation).where(
    photos.c.id.in_(IDS)
)
SAME_SHAPE = 0.01  # of a picture's width by its height: what rounding makes of a smaller copy
_TAG_COLUMNS = [column for column in tags.c if column is not tags.c.answer_id]


def apply(connection: Connection, changes: Sequence[Change], folders: Sequence[str]) -> None:
    """Write down these changes, in order. `folders`: those that are walked; a file outside them
    makes its own folder a root."""
    entering = {change.file.root for change in changes if isinstance(change, New | Moved | Rewritten)}
    places = ensure_places(connection, entering, folders)
    learn_pixels(
        connection,
        {one.photo_id: one.pixel_hash for one in changes if isinstance(one, Same) and one.pixel_hash},
    )
    for change in changes:
        match change:
            case Same(photo_id, file):
                _update_file(connection, photo_id, file)
            case Unread(photo_id, file):
                _update_file(connection, photo_id, file)
                _forget_hash(connection, photo_id)
            case Moved(photo_id, file):
                _move(connection, photo_id, places[file.root], file.path)
                _update_file(connection, photo_id, file)
            case Rewritten(photo_id, file, facts, is_moved, is_turned):
                if is_moved:
                    _move(connection, photo_id, places[file.root], file.path)
                if is_turned:
                    _change_content(connection, photo_id, file, facts.content_hash)
                else:
                    _rewrite(connection, photo_id, file, facts)
            case Changed(photo_id, file, content_hash, facts):
                if facts:
                    _carry_words(connection, photo_id, facts)
                _change_content(connection, photo_id, file, content_hash)
            case New(file, content_hash):
                place = places[file.root]
                insert_files(connection, [file], places)
                stored = _find(connection, place.root_id, _stored_path(place, file.path))
                if stored and content_hash is not None and stored.content_hash != content_hash:
                    _change_content(connection, stored.id, file, content_hash)


def ensure_places(
    connection: Connection, walked: Collection[str], folders: Sequence[str]
) -> dict[str, Place]:
    """Where these folders lie, in which a walk found files; where they lie in no root yet, the one
    of `folders` that holds them becomes one."""
    for folder in walked:
        ensure_root(connection, containing_folder(folders, folder) or folder)
    known = roots_of(connection)  # only now: the last root may have taken in the first
    return {folder: place for folder in walked if (place := place_of(known, folder))}


def insert_files(connection: Connection, files: Iterable[PhotoFile], places: Mapping[str, Place]) -> None:
    """New photos. Those that another scan has stored meanwhile stay."""
    rows = []
    for file in files:
        place = places[file.root]
        rows.append(
            {
                "new_root": place.root_id,
                "new_path": _stored_path(place, file.path),
                "new_size": file.size_bytes,
                "new_mtime": file.mtime_ns,
                "new_ctime": file.ctime_ns or None,
                **_file_date(file),
            }
        )
    executemany(connection, _INSERT_FILE, rows)


def set_ctimes(connection: Connection, ctimes_ns: Mapping[int, int]) -> None:
    """These photos' files have these ctimes."""
    rows = [{"photo": photo_id, "new_ctime": ctime_ns} for photo_id, ctime_ns in ctimes_ns.items()]
    executemany(connection, _UPDATE_CTIME, rows)


def mark_missing(connection: Connection, photo_ids: Collection[int], now: str) -> None:
    """These photos' files are gone. `now`: UTC, as the column has it."""
    statement = _UPDATE.where(photos.c.missing_since.is_(None)).values(missing_since=now)
    if photo_ids:
        connection.execute(statement, [{"photo": photo_id} for photo_id in photo_ids])


def mark_present(connection: Connection, photo_ids: Collection[int]) -> None:
    """These photos' files are there."""
    if photo_ids:
        statement = _UPDATE.values(missing_since=None)
        connection.execute(statement, [{"photo": photo_id} for photo_id in photo_ids])


def find_hashed_sizes(connection: Connection, sizes: Collection[int]) -> set[int]:
    """Which of these sizes some photo has whose content hash is known."""
    is_hashed = photos.c.content_hash.is_not(None)
    if connection.execute(select(photos.c.id).where(is_hashed).limit(1)).first() is None:
        return set()
    return {
        size
        for some in chunks(sizes)
        for size in connection.scalars(
            select(photos.c.size_bytes).where(photos.c.size_bytes.in_(some), is_hashed).distinct()
        )
    }


def find_known(connection: Connection, photo_ids: Iterable[int]) -> dict[int, Known]:
    """Photo id -> what the catalog says of its bytes."""
    return {
        photo_id: Known(*known)
        for ids in chunks(photo_ids)
        for photo_id, *known in connection.execute(_KNOWN, {"ids": ids})
    }


def is_any_gone_with_pixels(connection: Connection, gone: Collection[int]) -> bool:
    """Whether the pixels of some photo are known that is missing or among `gone`."""
    has_pixels = select(photos.c.id).where(photos.c.pixel_hash.is_not(None)).limit(1)
    if connection.scalar(has_pixels.where(photos.c.missing_since.is_not(None))) is not None:
        return True
    return any(connection.scalar(has_pixels.where(photos.c.id.in_(ids))) is not None for ids in chunks(gone))


def find_any_with_pixels(connection: Connection, place: Place) -> str | None:
    """The path, below its root, of some photo in this place whose pixels are known."""
    its = select(photos.c.path).where(place.within(photos), photos.c.pixel_hash.is_not(None))
    found = connection.scalar(its.limit(1))
    return None if found is None else to_path(found)


def find_twins(connection: Connection, content_hashes: Collection[str]) -> dict[str, list[Twin]]:
    """Content hash -> the photos that have it, the eldest first."""
    return _find_twins(connection, photos.c.content_hash, content_hashes)


def find_pixel_twins(connection: Connection, pixel_hashes: Collection[str]) -> dict[str, list[Twin]]:
    """Hash of compressed pixels -> the photos that have it, the eldest first."""
    return _find_twins(connection, photos.c.pixel_hash, pixel_hashes)


def _find_twins(
    connection: Connection, column: Column[Any], wanted: Collection[str]
) -> dict[str, list[Twin]]:
    if not wanted:
        return {}
    statement = (
        select(
            column,
            photos.c.id,
            roots.c.path,
            photos.c.path,
            photos.c.missing_since.is_not(None),
            photos.c.orientation,
        )
        .select_from(photos.join(roots))
        .where(column.in_(wanted))
        .order_by(photos.c.id)
    )
    found: dict[str, list[Twin]] = {}
    for value, photo_id, root, path, is_missing, orientation in connection.execute(statement):
        root = to_path(root)
        twin = Twin(photo_id, root, join(root, to_path(path)), is_missing, orientation)
        found.setdefault(value, []).append(twin)
    return found


def _update_file(connection: Connection, photo_id: int, file: PhotoFile) -> None:
    """The photo's file is there, with this size and time."""
    connection.execute(
        _UPDATE_FILE,
        {
            "photo": photo_id,
            "new_size": file.size_bytes,
            "new_mtime": file.mtime_ns,
            "new_ctime": file.ctime_ns or None,
            **_file_date(file),
        },
    )


def learn_pixels(connection: Connection, pixel_hashes: Mapping[int, str]) -> None:
    """These photos, whose bytes are as they were, have these pixels. What was said of their faces
    hangs on them from now on."""
    if not pixel_hashes:
        return
    is_spoken_of = face_words.is_any(connection)
    if is_spoken_of:
        identities = {
            photo.content_hash: (pixel_hashes[photo_id], photo.content_hash)
            for photo_id, photo in find_known(connection, pixel_hashes).items()
            if photo.content_hash and not photo.pixel_hash
        }
        face_words.follow(connection, identities)
    rows = [{"photo": photo_id, "new_pixels": pixels} for photo_id, pixels in pixel_hashes.items()]
    connection.execute(_UPDATE.values(pixel_hash=bindparam("new_pixels")), rows)
    if is_spoken_of:  # perhaps of another photo with these pixels
        spoken_of = [*face_words.load(connection, face_words.find_subjects(connection, pixel_hashes))]
        summaries.forget(connection, spoken_of)
        summaries.compute_again(connection, spoken_of)


def _rewrite(connection: Connection, photo_id: int, file: PhotoFile, facts: FileFacts) -> None:
    """The photo has other bytes with the same picture in them: what was said of the old ones holds for
    the new ones; what they say of themselves is read anew."""
    before = connection.scalar(select(photos.c.content_hash).where(photos.c.id == photo_id))
    connection.execute(
        update(answers)
        .where(answers.c.photo_id == photo_id, answers.c.content_hash == before)
        .values(content_hash=facts.content_hash)
    )
    exif = facts.exif
    date = taken.columns_of(exif) if exif.taken_at else taken.columns_of_file(file.mtime_ns)
    connection.execute(
        _UPDATE.values(
            content_hash=facts.content_hash,
            metadata_due=1,
            latitude=exif.latitude,
            longitude=exif.longitude,
            camera=escape_surrogates(exif.camera) if exif.camera else None,
            **dict(zip(taken.COLUMNS, date, strict=True)),
        ),
        {"photo": photo_id},
    )
    _update_file(connection, photo_id, file)


def _carry_words(connection: Connection, photo_id: int, facts: FileFacts) -> None:
    """The photo has other pixels. Where its camera wrote the same second into them and the picture has the
    same shape, it was lightened, saved again or turned upright, and what was said of its faces holds for it.
    Of a picture that was cut, nobody knows where its faces are now."""
    if not face_words.is_any(connection):
        return
    known = connection.execute(select(photos).where(photos.c.id == photo_id)).one()
    exif = facts.exif
    date = dict(zip(taken.COLUMNS, taken.columns_of(exif), strict=True))
    is_same_moment = (
        known.taken_from == date["taken_from"] == "exif"
        and exif.taken_precision == "second"
        and known.taken_at == date["taken_at"]
        and known.camera == exif.camera
    )
    if not (is_same_moment and facts.size_wh and known.width and known.height):
        return
    shape, before = facts.size_wh[0] / facts.size_wh[1], known.width / known.height
    if abs(shape / before - 1) <= SAME_SHAPE:
        after = face_words.Subject(facts.pixel_hash or facts.content_hash, exif.orientation)
        face_words.carry(connection, photo_id, after)


def _forget_hash(connection: Connection, photo_id: int) -> None:
    """The photo's bytes cannot be read now: a job will find out why. Its answers wait for their return."""
    connection.execute(_UPDATE.values(content_hash=None, complete_for=None), {"photo": photo_id})


def _move(connection: Connection, photo_id: int, place: Place, path: str) -> None:
    """Give the photo this path below a place. A photo that has it gets the one that becomes free."""
    root_id, path = place.root_id, _stored_path(place, path)
    former = connection.execute(select(photos.c.root_id, photos.c.path).where(photos.c.id == photo_id)).one()
    occupant = _find(connection, root_id, path)
    statement = _UPDATE.values(root_id=bindparam("new_root"), path=bindparam("new_path"), metadata_due=1)

    def put(moving: int, new_root: int, new_path: str) -> None:
        connection.execute(statement, {"photo": moving, "new_root": new_root, "new_path": new_path})

    if occupant:
        put(occupant.id, root_id, f"/{occupant.id}")  # out of the way first; no path begins with '/'
    put(photo_id, root_id, path)
    if occupant:
        put(occupant.id, former.root_id, former.path)


def _change_content(connection: Connection, photo_id: int, file: PhotoFile, content_hash: str | None) -> None:
    """The photo has other bytes now: what was said of the old ones is dropped, what is known of
    another photo with the new ones is copied."""
    summaries.forget(connection, [photo_id])
    connection.execute(delete(answers).where(answers.c.photo_id == photo_id))
    connection.execute(
        _UPDATE.values(
            content_hash=content_hash, complete_for=None, metadata_due=1, **dict.fromkeys(_CONTENT)
        ),
        {"photo": photo_id},
    )
    _update_file(connection, photo_id, file)
    if content_hash is not None:
        _copy_twin(connection, photo_id, content_hash)
    summaries.compute_again(connection, [photo_id])


def _copy_twin(connection: Connection, photo_id: int, content_hash: str) -> None:
    """Copy what is known of another photo with the same bytes, rather of one about which most is
    known. It keeps its own date where the twin's is only that of its file."""
    statement = (
        select(photos)
        .where(photos.c.content_hash == content_hash, photos.c.id != photo_id)
        .order_by(photos.c.answered.desc(), photos.c.id)
        .limit(1)
    )
    twin = connection.execute(statement).one_or_none()
    if twin is None:
        return
    facts: dict[str, Any] = {name: twin._mapping[name] for name in (*_CONTENT, "complete_for")}
    if twin.taken_from in (None, "file"):
        facts = {name: value for name, value in facts.items() if name not in taken.COLUMNS}
    connection.execute(_UPDATE.values(facts), {"photo": photo_id})
    for answer in connection.execute(
        select(answers)
        .where(answers.c.photo_id == twin.id, answers.c.content_hash == content_hash)
        .order_by(answers.c.id)
    ).all():
        copy = {**answer._mapping, "photo_id": photo_id}
        del copy["id"]
        copy_id = connection.scalars(insert(answers).values(copy).returning(answers.c.id)).one()
        its_tags = select(literal(copy_id), *_TAG_COLUMNS).where(tags.c.answer_id == answer.id)
        connection.execute(insert(tags).from_select([tags.c.answer_id, *_TAG_COLUMNS], its_tags))


def _find(connection: Connection, root_id: int, path: str) -> Row[int, str | None] | None:
    """The id and content hash of the photo at a stored path."""
    statement = select(photos.c.id, photos.c.content_hash).where(
        photos.c.root_id == root_id, photos.c.path == path
    )
    return connection.execute(statement).one_or_none()


def _stored_path(place: Place, path: str) -> str:
    return to_text(f"{place.path}/{path}" if place.path else path)


def _file_date(file: PhotoFile) -> dict[str, Any]:
    """The file's date: when the photo was taken, until the photo itself says better."""
    values = taken.columns_of_file(file.mtime_ns)
    return {f"new_{name}": value for name, value in zip(taken.COLUMNS, values, strict=True)}

"""Rows of `photos` as files come, change and move: the statements of `reconcile`, which decides
what became of a file."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection

from phototag.library import summaries
from phototag.library.answers import chunks, marks
from phototag.library.database import ask
from phototag.library.paths import Place, to_text
from phototag.library.save import Saver
from phototag.records import PhotoFile

_INSERT = """
INSERT INTO photos (root_id, path, size_bytes, mtime_ns, taken_at, taken_from)
VALUES (?1, ?2, ?3, ?4, ?5, iif(?5 IS NULL, NULL, 'file'))
ON CONFLICT (root_id, path) DO NOTHING
"""
_UPDATE_FILE = """
UPDATE photos SET size_bytes = ?1, mtime_ns = ?2, taken_at = iif(taken_from = 'exif', taken_at, ?3),
    taken_from = iif(taken_from = 'exif', 'exif', iif(?3 IS NULL, NULL, 'file')), missing_since = NULL
WHERE id = ?4
"""
_FORGET_CONTENT = """
UPDATE photos SET content_hash = ?, complete_for = NULL, width = NULL, height = NULL, orientation = NULL, taken_at = NULL,
    taken_from = NULL, utc_offset_minutes = NULL, latitude = NULL, longitude = NULL, camera = NULL
WHERE id = ?
"""
_COPY_CONTENT = """
UPDATE photos SET width = twin.width, height = twin.height, orientation = twin.orientation, camera = twin.camera,
    latitude = twin.latitude, longitude = twin.longitude, utc_offset_minutes = twin.utc_offset_minutes, complete_for = twin.complete_for,
    taken_at = iif(twin.taken_from = 'exif', twin.taken_at, photos.taken_at),
    taken_from = iif(twin.taken_from = 'exif', 'exif', photos.taken_from)
FROM (SELECT * FROM photos WHERE id = ?2) AS twin WHERE photos.id = ?1
"""


def insert(connection: Connection, files: Iterable[tuple[Place, str, PhotoFile]]) -> None:
    """New photos: (place of the folder, path below it, file). Those that another scan has stored
    meanwhile stay."""
    rows = [(place.root_id, stored_path(place, path), *_file_facts(file)) for place, path, file in files]
    connection.exec_driver_sql(_INSERT, rows)


def find(connection: Connection, place: Place, path: str) -> tuple[int, str | None] | None:
    """(id, content hash) of the photo at a path below a place."""
    statement = "SELECT id, content_hash FROM photos WHERE root_id = ? AND path = ?"
    return ask(connection, statement, (place.root_id, stored_path(place, path))).fetchone()


def update_file(connection: Connection, photo_id: int, file: PhotoFile) -> None:
    """The photo's file is there, with this size and time."""
    connection.exec_driver_sql(_UPDATE_FILE, (*_file_facts(file), photo_id))


def forget_hash(connection: Connection, photo_id: int) -> None:
    """The photo's bytes cannot be read now: a job will find out why. Its answers wait for their return."""
    connection.exec_driver_sql(
        "UPDATE photos SET content_hash = NULL, complete_for = NULL WHERE id = ?", (photo_id,)
    )


def move(connection: Connection, photo_id: int, place: Place, path: str) -> None:
    """Give the photo this path. A photo that has it gets the one that becomes free."""
    target = place.root_id, stored_path(place, path)
    former = ask(connection, "SELECT root_id, path FROM photos WHERE id = ?", (photo_id,)).fetchone()
    occupant = find(connection, place, path)
    statement = "UPDATE photos SET root_id = ?, path = ? WHERE id = ?"
    if occupant:  # first out of the way; no path begins with '/'
        connection.exec_driver_sql(statement, (target[0], f"/{occupant[0]}", occupant[0]))
    connection.exec_driver_sql(statement, (*target, photo_id))
    if occupant:
        connection.exec_driver_sql(statement, (*former, occupant[0]))


def change_content(
    connection: Connection,
    photo_id: int,
    file: PhotoFile,
    content_hash: str | None,
    twin: int | None,
    saver: Saver,
) -> None:
    """The photo has other bytes now: what was said of the old ones is dropped, what is known of a
    twin is copied."""
    summaries.forget(connection, [photo_id])
    connection.exec_driver_sql("DELETE FROM answers WHERE photo_id = ?", (photo_id,))
    connection.exec_driver_sql(_FORGET_CONTENT, (content_hash, photo_id))
    update_file(connection, photo_id, file)
    if twin is not None:
        connection.exec_driver_sql(_COPY_CONTENT, (photo_id, twin))
        answers = "SELECT id FROM answers WHERE photo_id = ? AND content_hash = ? ORDER BY id"
        for (answer_id,) in ask(connection, answers, (twin, content_hash)).fetchall():
            copy = connection.exec_driver_sql(
                "INSERT INTO answers (photo_id, tagger_id, fingerprint_id, content_hash, error) "
                "SELECT ?, tagger_id, fingerprint_id, content_hash, error FROM answers WHERE id = ?",
                (photo_id, answer_id),
            ).lastrowid
            connection.exec_driver_sql(
                "INSERT INTO tags SELECT ?, position, label_id, score, box_left, box_top, box_right, box_bottom, points "
                "FROM tags WHERE answer_id = ?",
                (copy, answer_id),
            )
    summaries.compute_again(connection, [photo_id], saver.labels, saver.taggers)


def mark_missing(connection: Connection, photo_ids: Collection[int], now: str) -> None:
    if photo_ids:
        connection.exec_driver_sql(
            "UPDATE photos SET missing_since = ? WHERE id = ? AND missing_since IS NULL",
            [(now, photo_id) for photo_id in photo_ids],
        )


def mark_present(connection: Connection, photo_ids: Collection[int]) -> None:
    if photo_ids:
        connection.exec_driver_sql(
            "UPDATE photos SET missing_since = NULL WHERE id = ?", [(photo_id,) for photo_id in photo_ids]
        )


def hashed_sizes(connection: Connection, sizes: set[int]) -> set[int]:
    """Which of these sizes some photo has whose content hash is known."""
    if ask(connection, "SELECT 1 FROM photos WHERE content_hash IS NOT NULL LIMIT 1").fetchone() is None:
        return set()
    return {
        size
        for some in chunks(sizes)
        for (size,) in ask(
            connection,
            f"SELECT DISTINCT size_bytes FROM photos WHERE size_bytes IN ({marks(some)}) AND content_hash IS NOT NULL",
            some,
        )
    }


def stored_path(place: Place, path: str) -> str:
    return to_text(f"{place.path}/{path}" if place.path else path)


def _file_facts(file: PhotoFile) -> tuple[int, int, str | None]:
    """Size, time, and the file's date as local wall time: when the photo was taken, until the photo
    itself says better."""
    try:
        date = datetime.fromtimestamp(file.mtime_ns // 1_000_000_000).isoformat(" ", "seconds")
    except (ValueError, OverflowError, OSError):  # a file from the year 60,000
        date = None
    return file.size_bytes, file.mtime_ns, date

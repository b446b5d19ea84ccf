"""Dates with their precision, from any source, and the key they are sorted by; the identity of a photo's pixels, and
what tells that a file was written anew."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

# A date is stored as far as it is known: '1993', '1993-07', '1993-07-04', '1993-07-04 10:30:00'. It has new sources
# besides 'exif' and 'file', so the constraint goes. SQLite drops one by writing its schema, which changes no row
# (https://sqlite.org/lang_altertable.html, the procedure for changes that do not affect content).
CONSTRAINT = ",\n    CONSTRAINT ck_photos_taken_from CHECK (taken_from IN ('exif', 'file'))"

COLUMNS = """
ALTER TABLE photos ADD COLUMN taken_sort BIGINT;
ALTER TABLE photos ADD COLUMN pixel_hash TEXT;
ALTER TABLE photos ADD COLUMN ctime_ns BIGINT;
DROP INDEX ix_photos_taken_at;
UPDATE photos SET taken_sort = CASE WHEN utc_offset_minutes IS NULL
    THEN CAST(strftime('%s', taken_at, 'utc') AS INTEGER)
    ELSE CAST(strftime('%s', taken_at) AS INTEGER) - 60 * utc_offset_minutes END
    WHERE taken_at IS NOT NULL;
CREATE INDEX ix_photos_taken_sort ON photos (taken_sort);
CREATE INDEX ix_photos_pixel_hash ON photos (pixel_hash);
DROP VIEW photo_list;
CREATE VIEW photo_list AS
SELECT p.id AS photo_id, rtrim(r.path, '/') || '/' || p.path AS path, p.taken_at, p.taken_from, p.camera, p.latitude, p.longitude,
    p.width, p.height, p.size_bytes, p.faces, p.least_smile, p.greatest_smile, p.missing_since, p.content_hash, p.pixel_hash
FROM photos p JOIN roots r ON r.id = p.root_id;
"""


def upgrade() -> None:
    connection = op.get_bind()
    version = connection.scalar(sa.text("PRAGMA schema_version"))
    connection.execute(sa.text("PRAGMA writable_schema = ON"))
    changed = connection.execute(
        sa.text(
            "UPDATE sqlite_schema SET sql = replace(sql, :old, '') WHERE type = 'table' AND name = 'photos'"
        ),
        {"old": CONSTRAINT},
    )
    assert changed.rowcount == 1
    connection.execute(sa.text(f"PRAGMA schema_version = {version + 1}"))
    connection.execute(sa.text("PRAGMA writable_schema = OFF"))
    for statement in COLUMNS.split(";\n"):
        if statement.strip():
            op.execute(sa.text(statement))

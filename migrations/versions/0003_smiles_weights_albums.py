"""Names that say what they hold; smiles decided from scores; the weights' name and thresholds kept
with each fingerprint; albums; a folder's stamp in two columns."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

# The thresholds that people-pets stated when fingerprints began to be kept with them.
PEOPLE_PETS = {
    "cat": 0.8535683155059814,
    "cow": 0.8701261878013611,
    "dog": 0.9667211771011353,
    "horse": 0.857901930809021,
    "person": 0.8515957593917847,
    "sheep": 0.8610568046569824,
}

BEFORE = """
DROP VIEW photo_list;
DROP VIEW tag_list;
DROP VIEW label_list;
DROP VIEW face_list;
DROP VIEW failure_list;
DROP VIEW album_list;
DROP INDEX ix_photos_everyone_smiling;
DROP INDEX ix_photos_anyone_smiling;
DROP INDEX ix_answers_edition;
"""

TABLES = """
ALTER TABLE photos RENAME COLUMN everyone_smiling TO least_smile;
ALTER TABLE photos RENAME COLUMN anyone_smiling TO greatest_smile;
ALTER TABLE photos RENAME COLUMN settled TO complete_for;
CREATE INDEX ix_photos_least_smile ON photos (least_smile);
CREATE INDEX ix_photos_greatest_smile ON photos (greatest_smile);
CREATE INDEX ix_answers_fingerprint ON answers (tagger_id, fingerprint_id);
ALTER TABLE fingerprints ADD COLUMN weights_name TEXT;
ALTER TABLE fingerprints ADD COLUMN thresholds TEXT;
CREATE TABLE meta (
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    CONSTRAINT pk_meta PRIMARY KEY ("key")
) WITHOUT ROWID;
CREATE TABLE albums (
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    theme TEXT NOT NULL,
    query TEXT NOT NULL,
    created_at TEXT NOT NULL,
    CONSTRAINT pk_albums PRIMARY KEY (id),
    CONSTRAINT uq_albums_name UNIQUE (name)
);
CREATE TABLE album_photos (
    album_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    photo_id INTEGER NOT NULL,
    reason TEXT NOT NULL,
    score FLOAT NOT NULL,
    CONSTRAINT pk_album_photos PRIMARY KEY (album_id, position),
    CONSTRAINT uq_album_photos_album_id_photo_id UNIQUE (album_id, photo_id),
    CONSTRAINT fk_album_photos_album_id_albums FOREIGN KEY (album_id) REFERENCES albums (id) ON DELETE CASCADE,
    CONSTRAINT fk_album_photos_photo_id_photos FOREIGN KEY (photo_id) REFERENCES photos (id) ON DELETE CASCADE
) WITHOUT ROWID;
INSERT INTO albums (id, name, theme, query, created_at) SELECT id, name, theme, query, created_at FROM collections;
INSERT INTO album_photos (album_id, position, photo_id, reason, score)
    SELECT collection_id, position, photo_id, reason, score FROM members;
DROP TABLE members;
DROP TABLE collections;
ALTER TABLE folders RENAME TO old_folders;
CREATE TABLE folders (
    root_id INTEGER NOT NULL,
    path TEXT NOT NULL,
    listing TEXT,
    listed_time TEXT,
    CONSTRAINT pk_folders PRIMARY KEY (root_id, path),
    CONSTRAINT fk_folders_root_id_roots FOREIGN KEY (root_id) REFERENCES roots (id) ON DELETE CASCADE
) WITHOUT ROWID;
INSERT INTO folders (root_id, path, listing, listed_time)
    SELECT root_id, path, substr(stamp, 1, instr(stamp || ' ', ' ') - 1), nullif(substr(stamp, instr(stamp || ' ', ' ') + 1), '')
    FROM old_folders;
DROP TABLE old_folders;
"""

# The photo's own smile follows from what is said of its faces, and from the person's word, which is
# kept in `corrections` under these two names, whatever their case.
SMILES = """
INSERT INTO labels (name) SELECT DISTINCT lower(name) FROM labels
    WHERE lower(name) IN ('everyone smiling', 'anyone smiling') ON CONFLICT DO NOTHING;
DELETE FROM tags WHERE label_id IN (SELECT id FROM labels WHERE lower(name) IN ('everyone smiling', 'anyone smiling'));
DELETE FROM photo_labels
    WHERE label_id IN (SELECT id FROM labels WHERE lower(name) IN ('everyone smiling', 'anyone smiling'));
UPDATE OR IGNORE corrections SET label_id = (SELECT id FROM labels WHERE name = 'everyone smiling')
    WHERE label_id IN (SELECT id FROM labels WHERE lower(name) = 'everyone smiling');
UPDATE OR IGNORE corrections SET label_id = (SELECT id FROM labels WHERE name = 'anyone smiling')
    WHERE label_id IN (SELECT id FROM labels WHERE lower(name) = 'anyone smiling');
DELETE FROM corrections WHERE label_id IN (SELECT id FROM labels
    WHERE lower(name) IN ('everyone smiling', 'anyone smiling') AND name NOT IN ('everyone smiling', 'anyone smiling'));
"""

VIEWS = """
CREATE VIEW photo_list AS
SELECT p.id AS photo_id, rtrim(r.path, '/') || '/' || p.path AS path, p.taken_at, p.taken_from, p.camera, p.latitude, p.longitude,
    p.width, p.height, p.size_bytes, p.faces, p.least_smile, p.greatest_smile, p.missing_since, p.content_hash
FROM photos p JOIN roots r ON r.id = p.root_id;
CREATE VIEW tag_list AS
SELECT rtrim(r.path, '/') || '/' || p.path AS path, l.name AS label, t.score, g.name AS tagger,
    t.box_left, t.box_top, t.box_right, t.box_bottom, t.points, p.id AS photo_id
FROM tags t JOIN answers a ON a.id = t.answer_id JOIN photos p ON p.id = a.photo_id JOIN roots r ON r.id = p.root_id
    JOIN labels l ON l.id = t.label_id JOIN taggers g ON g.id = a.tagger_id;
CREATE VIEW label_list AS
SELECT rtrim(r.path, '/') || '/' || p.path AS path, l.name AS label, s.score, s.count, s.share,
    coalesce(g.name, 'you') AS said_by, p.id AS photo_id
FROM photo_labels s JOIN labels l ON l.id = s.label_id JOIN photos p ON p.id = s.photo_id JOIN roots r ON r.id = p.root_id
    LEFT JOIN taggers g ON g.id = s.tagger_id;
CREATE VIEW face_list AS
SELECT rtrim(r.path, '/') || '/' || p.path AS path, t.score,
    (SELECT o.score FROM tags o JOIN labels ol ON ol.id = o.label_id WHERE o.answer_id = sa.id AND ol.name = 'smile'
        AND o.box_left = t.box_left AND o.box_top = t.box_top
        AND o.box_right = t.box_right AND o.box_bottom = t.box_bottom) AS smile,
    (SELECT ol.name FROM tags o JOIN labels ol ON ol.id = o.label_id WHERE o.answer_id = sa.id AND ol.name <> 'smile'
        AND o.box_left = t.box_left AND o.box_top = t.box_top
        AND o.box_right = t.box_right AND o.box_bottom = t.box_bottom ORDER BY o.score DESC, o.position LIMIT 1) AS emotion,
    t.box_left, t.box_top, t.box_right, t.box_bottom, t.points, p.id AS photo_id
FROM answers a JOIN taggers g ON g.id = a.tagger_id AND g.name = 'faces' JOIN tags t ON t.answer_id = a.id
    JOIN photos p ON p.id = a.photo_id JOIN roots r ON r.id = p.root_id
    LEFT JOIN answers sa ON sa.photo_id = p.id AND sa.tagger_id = (SELECT id FROM taggers WHERE name = 'smiles');
CREATE VIEW face_tag_list AS
SELECT rtrim(r.path, '/') || '/' || p.path AS path, l.name AS label, o.score, g.name AS tagger,
    f.box_left, f.box_top, f.box_right, f.box_bottom, p.id AS photo_id
FROM taggers fg JOIN answers fa ON fa.tagger_id = fg.id JOIN tags f ON f.answer_id = fa.id
    JOIN answers a ON a.photo_id = fa.photo_id AND a.id <> fa.id
    JOIN tags o ON o.answer_id = a.id AND o.box_left = f.box_left AND o.box_top = f.box_top
        AND o.box_right = f.box_right AND o.box_bottom = f.box_bottom
    JOIN labels l ON l.id = o.label_id JOIN taggers g ON g.id = a.tagger_id
    JOIN photos p ON p.id = fa.photo_id JOIN roots r ON r.id = p.root_id
WHERE fg.name = 'faces';
CREATE VIEW failure_list AS
SELECT rtrim(r.path, '/') || '/' || p.path AS path, g.name AS tagger, a.error, p.id AS photo_id
FROM answers a JOIN taggers g ON g.id = a.tagger_id JOIN photos p ON p.id = a.photo_id JOIN roots r ON r.id = p.root_id
WHERE a.error IS NOT NULL;
CREATE VIEW album_list AS
SELECT c.name AS album, m.position, rtrim(r.path, '/') || '/' || p.path AS path, m.reason, m.score, p.id AS photo_id
FROM album_photos m JOIN albums c ON c.id = m.album_id JOIN photos p ON p.id = m.photo_id JOIN roots r ON r.id = p.root_id;
"""


def upgrade() -> None:
    for statement in (BEFORE + TABLES + SMILES).split(";\n"):
        if statement.strip():
            op.execute(sa.text(statement))
    # A fingerprint of a tagger whose weights can be chosen begins with their name: 'people-pets:0a1b...'.
    op.execute(
        sa.text(
            "UPDATE fingerprints SET weights_name = substr(fingerprint, 1, instr(fingerprint, ':') - 1) "
            "WHERE instr(fingerprint, ':') > 1"
        )
    )
    op.get_bind().execute(
        sa.text("UPDATE fingerprints SET thresholds = :thresholds WHERE weights_name = 'people-pets'"),
        {"thresholds": json.dumps(PEOPLE_PETS)},
    )
    for statement in VIEWS.split(";\n"):
        if statement.strip():
            op.execute(sa.text(statement))

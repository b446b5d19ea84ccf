"""The catalog: roots, photos, answers, tags, corrections, albums, and views with plain names."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# A revision says what the schema was, whatever becomes of tables.py later: hence spelled out, and
# in SQL, which is also what a person sees on opening the file in another tool.
TABLES = """
CREATE TABLE roots (
    id INTEGER NOT NULL,
    path TEXT NOT NULL,
    CONSTRAINT pk_roots PRIMARY KEY (id),
    CONSTRAINT uq_roots_path UNIQUE (path)
);
CREATE TABLE photos (
    id INTEGER NOT NULL,
    root_id INTEGER NOT NULL,
    path TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    content_hash TEXT,
    width INTEGER,
    height INTEGER,
    orientation INTEGER,
    taken_at TEXT,
    taken_from TEXT,
    utc_offset_minutes INTEGER,
    latitude FLOAT,
    longitude FLOAT,
    camera TEXT,
    missing_since TEXT,
    faces INTEGER,
    everyone_smiling FLOAT,
    anyone_smiling FLOAT,
    answered INTEGER DEFAULT '0' NOT NULL,
    failed INTEGER DEFAULT '0' NOT NULL,
    settled TEXT,
    CONSTRAINT pk_photos PRIMARY KEY (id),
    CONSTRAINT uq_photos_root_id_path UNIQUE (root_id, path),
    CONSTRAINT ck_photos_taken_from CHECK (taken_from IN ('exif', 'file')),
    CONSTRAINT fk_photos_root_id_roots FOREIGN KEY (root_id) REFERENCES roots (id)
);
CREATE INDEX ix_photos_taken_at ON photos (taken_at);
CREATE INDEX ix_photos_content_hash ON photos (content_hash);
CREATE INDEX ix_photos_size_bytes ON photos (size_bytes);
CREATE INDEX ix_photos_faces ON photos (faces);
CREATE INDEX ix_photos_everyone_smiling ON photos (everyone_smiling);
CREATE INDEX ix_photos_anyone_smiling ON photos (anyone_smiling);
CREATE INDEX ix_photos_camera ON photos (camera) WHERE camera IS NOT NULL;
CREATE INDEX ix_photos_missing ON photos (missing_since) WHERE missing_since IS NOT NULL;
CREATE INDEX ix_photos_untagged ON photos (answered) WHERE answered = 0;
CREATE INDEX ix_photos_failed ON photos (failed) WHERE failed > 0;
CREATE TABLE taggers (
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    CONSTRAINT pk_taggers PRIMARY KEY (id),
    CONSTRAINT uq_taggers_name UNIQUE (name)
);
CREATE TABLE fingerprints (
    id INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    CONSTRAINT pk_fingerprints PRIMARY KEY (id),
    CONSTRAINT uq_fingerprints_fingerprint UNIQUE (fingerprint)
);
CREATE TABLE answers (
    id INTEGER NOT NULL,
    photo_id INTEGER NOT NULL,
    tagger_id INTEGER NOT NULL,
    fingerprint_id INTEGER NOT NULL,
    content_hash TEXT,
    error TEXT,
    CONSTRAINT pk_answers PRIMARY KEY (id),
    CONSTRAINT uq_answers_photo_id_tagger_id UNIQUE (photo_id, tagger_id),
    CONSTRAINT fk_answers_photo_id_photos FOREIGN KEY (photo_id) REFERENCES photos (id) ON DELETE CASCADE,
    CONSTRAINT fk_answers_tagger_id_taggers FOREIGN KEY (tagger_id) REFERENCES taggers (id),
    CONSTRAINT fk_answers_fingerprint_id_fingerprints FOREIGN KEY (fingerprint_id) REFERENCES fingerprints (id)
);
CREATE INDEX ix_answers_edition ON answers (tagger_id, fingerprint_id);
CREATE INDEX ix_answers_failed ON answers (tagger_id, fingerprint_id) WHERE error IS NOT NULL;
CREATE TABLE labels (
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    CONSTRAINT pk_labels PRIMARY KEY (id),
    CONSTRAINT uq_labels_name UNIQUE (name)
);
CREATE TABLE tags (
    answer_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    label_id INTEGER NOT NULL,
    score FLOAT NOT NULL,
    box_left FLOAT,
    box_top FLOAT,
    box_right FLOAT,
    box_bottom FLOAT,
    points TEXT,
    CONSTRAINT pk_tags PRIMARY KEY (answer_id, position),
    CONSTRAINT fk_tags_answer_id_answers FOREIGN KEY (answer_id) REFERENCES answers (id) ON DELETE CASCADE,
    CONSTRAINT fk_tags_label_id_labels FOREIGN KEY (label_id) REFERENCES labels (id)
) WITHOUT ROWID;
CREATE TABLE corrections (
    photo_id INTEGER NOT NULL,
    label_id INTEGER NOT NULL,
    present INTEGER NOT NULL,
    CONSTRAINT pk_corrections PRIMARY KEY (photo_id, label_id),
    CONSTRAINT ck_corrections_present CHECK (present IN (0, 1)),
    CONSTRAINT fk_corrections_photo_id_photos FOREIGN KEY (photo_id) REFERENCES photos (id) ON DELETE CASCADE,
    CONSTRAINT fk_corrections_label_id_labels FOREIGN KEY (label_id) REFERENCES labels (id)
) WITHOUT ROWID;
CREATE TABLE photo_labels (
    label_id INTEGER NOT NULL,
    photo_id INTEGER NOT NULL,
    tagger_id INTEGER,
    count INTEGER NOT NULL,
    score FLOAT NOT NULL,
    share FLOAT NOT NULL,
    rank FLOAT NOT NULL,
    CONSTRAINT pk_photo_labels PRIMARY KEY (label_id, photo_id),
    CONSTRAINT fk_photo_labels_label_id_labels FOREIGN KEY (label_id) REFERENCES labels (id),
    CONSTRAINT fk_photo_labels_photo_id_photos FOREIGN KEY (photo_id) REFERENCES photos (id) ON DELETE CASCADE,
    CONSTRAINT fk_photo_labels_tagger_id_taggers FOREIGN KEY (tagger_id) REFERENCES taggers (id)
) WITHOUT ROWID;
CREATE INDEX ix_photo_labels_rank ON photo_labels (label_id, rank, photo_id, score);
CREATE TABLE collections (
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    theme TEXT NOT NULL,
    query TEXT NOT NULL,
    created_at TEXT NOT NULL,
    CONSTRAINT pk_collections PRIMARY KEY (id),
    CONSTRAINT uq_collections_name UNIQUE (name)
);
CREATE TABLE members (
    collection_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    photo_id INTEGER NOT NULL,
    reason TEXT NOT NULL,
    score FLOAT NOT NULL,
    CONSTRAINT pk_members PRIMARY KEY (collection_id, position),
    CONSTRAINT uq_members_collection_id_photo_id UNIQUE (collection_id, photo_id),
    CONSTRAINT fk_members_collection_id_collections FOREIGN KEY (collection_id) REFERENCES collections (id) ON DELETE CASCADE,
    CONSTRAINT fk_members_photo_id_photos FOREIGN KEY (photo_id) REFERENCES photos (id) ON DELETE CASCADE
) WITHOUT ROWID;
"""

VIEWS = """
CREATE VIEW photo_list AS
SELECT p.id AS photo_id, rtrim(r.path, '/') || '/' || p.path AS path, p.taken_at, p.taken_from, p.camera, p.latitude, p.longitude,
    p.width, p.height, p.size_bytes, p.faces, p.everyone_smiling, p.anyone_smiling, p.missing_since, p.content_hash
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
CREATE VIEW failure_list AS
SELECT rtrim(r.path, '/') || '/' || p.path AS path, g.name AS tagger, a.error, p.id AS photo_id
FROM answers a JOIN taggers g ON g.id = a.tagger_id JOIN photos p ON p.id = a.photo_id JOIN roots r ON r.id = p.root_id
WHERE a.error IS NOT NULL;
CREATE VIEW album_list AS
SELECT c.name AS album, m.position, rtrim(r.path, '/') || '/' || p.path AS path, m.reason, m.score, p.id AS photo_id
FROM members m JOIN collections c ON c.id = m.collection_id JOIN photos p ON p.id = m.photo_id JOIN roots r ON r.id = p.root_id;
"""


def upgrade() -> None:
    for statement in (TABLES + VIEWS).split(";\n"):
        if statement.strip():
            op.execute(sa.text(statement))

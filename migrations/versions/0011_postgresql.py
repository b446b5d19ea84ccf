"""Catalogs in PostgreSQL. They begin here, with all tables as SQLite has them by now; from here on both follow
one history."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

# What differs from SQLite: paths, names and dates are compared by bytes, sizes and times have 64 bits, what is
# unknown sorts first, and photo_labels can be found by photo.
TABLES = """
CREATE TABLE albums (
    id SERIAL NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    theme TEXT NOT NULL,
    query TEXT NOT NULL,
    created_at TEXT NOT NULL,
    CONSTRAINT pk_albums PRIMARY KEY (id),
    CONSTRAINT uq_albums_name UNIQUE (name)
);
CREATE TABLE changes (
    id SERIAL NOT NULL,
    at TEXT NOT NULL,
    summary TEXT NOT NULL,
    steps TEXT NOT NULL,
    undone_at TEXT,
    CONSTRAINT pk_changes PRIMARY KEY (id)
);
CREATE TABLE fingerprints (
    id SERIAL NOT NULL,
    fingerprint TEXT NOT NULL,
    weights_name TEXT,
    thresholds TEXT,
    CONSTRAINT pk_fingerprints PRIMARY KEY (id),
    CONSTRAINT uq_fingerprints_fingerprint UNIQUE (fingerprint)
);
CREATE TABLE keywords (
    id SERIAL NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_keywords PRIMARY KEY (id),
    CONSTRAINT uq_keywords_name UNIQUE (name)
);
CREATE TABLE labels (
    id SERIAL NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_labels PRIMARY KEY (id),
    CONSTRAINT uq_labels_name UNIQUE (name)
);
CREATE TABLE meta (
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    CONSTRAINT pk_meta PRIMARY KEY ("key")
);
CREATE TABLE persons (
    id SERIAL NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    uid TEXT NOT NULL,
    CONSTRAINT pk_persons PRIMARY KEY (id),
    CONSTRAINT uq_persons_name_key UNIQUE (name_key),
    CONSTRAINT uq_persons_uid UNIQUE (uid)
);
CREATE TABLE places (
    id SERIAL NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    country TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_places PRIMARY KEY (id),
    CONSTRAINT uq_places_code UNIQUE (code)
);
CREATE TABLE roots (
    id SERIAL NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_roots PRIMARY KEY (id),
    CONSTRAINT uq_roots_path UNIQUE (path)
);
CREATE TABLE taggers (
    id SERIAL NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_taggers PRIMARY KEY (id),
    CONSTRAINT uq_taggers_name UNIQUE (name)
);
CREATE TABLE face_groups (
    number INTEGER NOT NULL,
    person_id INTEGER,
    CONSTRAINT pk_face_groups PRIMARY KEY (number),
    CONSTRAINT fk_face_groups_person_id_persons FOREIGN KEY (person_id) REFERENCES persons (id)
);
CREATE INDEX ix_face_groups_person_id ON face_groups (person_id);
CREATE TABLE face_words (
    id SERIAL NOT NULL,
    identity TEXT COLLATE "C" NOT NULL,
    orientation INTEGER NOT NULL,
    box_left FLOAT NOT NULL,
    box_top FLOAT NOT NULL,
    box_right FLOAT NOT NULL,
    box_bottom FLOAT NOT NULL,
    kind TEXT NOT NULL,
    person_id INTEGER,
    at TEXT NOT NULL,
    CONSTRAINT pk_face_words PRIMARY KEY (id),
    CONSTRAINT fk_face_words_person_id_persons FOREIGN KEY (person_id) REFERENCES persons (id)
);
CREATE INDEX ix_face_words_identity ON face_words (identity);
CREATE INDEX ix_face_words_person_id ON face_words (person_id);
CREATE TABLE folders (
    root_id INTEGER NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    listing TEXT,
    listed_time TEXT,
    CONSTRAINT pk_folders PRIMARY KEY (root_id, path),
    CONSTRAINT fk_folders_root_id_roots FOREIGN KEY (root_id) REFERENCES roots (id) ON DELETE CASCADE
);
CREATE TABLE keyword_labels (
    keyword_id INTEGER NOT NULL,
    label_id INTEGER NOT NULL,
    CONSTRAINT pk_keyword_labels PRIMARY KEY (keyword_id, label_id),
    CONSTRAINT fk_keyword_labels_keyword_id_keywords FOREIGN KEY (keyword_id) REFERENCES keywords (id) ON DELETE CASCADE,
    CONSTRAINT fk_keyword_labels_label_id_labels FOREIGN KEY (label_id) REFERENCES labels (id)
);
CREATE TABLE photos (
    id SERIAL NOT NULL,
    root_id INTEGER NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    size_bytes BIGINT NOT NULL,
    mtime_ns BIGINT NOT NULL,
    content_hash TEXT COLLATE "C",
    width INTEGER,
    height INTEGER,
    orientation INTEGER,
    taken_at TEXT COLLATE "C",
    taken_from TEXT,
    utc_offset_minutes INTEGER,
    latitude FLOAT,
    longitude FLOAT,
    camera TEXT COLLATE "C",
    missing_since TEXT,
    faces INTEGER,
    least_smile FLOAT,
    greatest_smile FLOAT,
    answered INTEGER DEFAULT '0' NOT NULL,
    failed INTEGER DEFAULT '0' NOT NULL,
    complete_for TEXT,
    taken_sort BIGINT,
    pixel_hash TEXT COLLATE "C",
    ctime_ns BIGINT,
    rating INTEGER,
    metadata_due INTEGER DEFAULT '1' NOT NULL,
    eligible_faces INTEGER,
    CONSTRAINT pk_photos PRIMARY KEY (id),
    CONSTRAINT uq_photos_root_id_path UNIQUE (root_id, path),
    CONSTRAINT fk_photos_root_id_roots FOREIGN KEY (root_id) REFERENCES roots (id)
);
CREATE INDEX ix_photos_camera ON photos (camera) WHERE camera IS NOT NULL;
CREATE INDEX ix_photos_content_hash ON photos (content_hash);
CREATE INDEX ix_photos_eligible_faces ON photos (eligible_faces);
CREATE INDEX ix_photos_faces ON photos (faces);
CREATE INDEX ix_photos_failed ON photos (failed) WHERE failed > 0;
CREATE INDEX ix_photos_greatest_smile ON photos (greatest_smile);
CREATE INDEX ix_photos_latitude ON photos (latitude) WHERE latitude IS NOT NULL;
CREATE INDEX ix_photos_least_smile ON photos (least_smile NULLS FIRST, id);
CREATE INDEX ix_photos_metadata_due ON photos (metadata_due) WHERE metadata_due = 1;
CREATE INDEX ix_photos_missing ON photos (missing_since) WHERE missing_since IS NOT NULL;
CREATE INDEX ix_photos_pixel_hash ON photos (pixel_hash);
CREATE INDEX ix_photos_rating ON photos (rating) WHERE rating IS NOT NULL;
CREATE INDEX ix_photos_size_bytes ON photos (size_bytes);
CREATE INDEX ix_photos_taken_sort ON photos (taken_sort NULLS FIRST, id);
CREATE INDEX ix_photos_untagged ON photos (answered) WHERE answered = 0;
CREATE TABLE place_names (
    name_key TEXT COLLATE "C" NOT NULL,
    place_id INTEGER NOT NULL,
    CONSTRAINT pk_place_names PRIMARY KEY (name_key, place_id),
    CONSTRAINT fk_place_names_place_id_places FOREIGN KEY (place_id) REFERENCES places (id) ON DELETE CASCADE
);
CREATE TABLE sidecars (
    root_id INTEGER NOT NULL,
    folder TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    size_bytes BIGINT NOT NULL,
    mtime_ns BIGINT NOT NULL,
    CONSTRAINT pk_sidecars PRIMARY KEY (root_id, folder, name),
    CONSTRAINT fk_sidecars_root_id_roots FOREIGN KEY (root_id) REFERENCES roots (id) ON DELETE CASCADE
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
);
CREATE TABLE answers (
    id BIGSERIAL NOT NULL,
    photo_id INTEGER NOT NULL,
    tagger_id INTEGER NOT NULL,
    fingerprint_id INTEGER NOT NULL,
    content_hash TEXT COLLATE "C",
    error TEXT,
    CONSTRAINT pk_answers PRIMARY KEY (id),
    CONSTRAINT uq_answers_photo_id_tagger_id UNIQUE (photo_id, tagger_id),
    CONSTRAINT fk_answers_photo_id_photos FOREIGN KEY (photo_id) REFERENCES photos (id) ON DELETE CASCADE,
    CONSTRAINT fk_answers_tagger_id_taggers FOREIGN KEY (tagger_id) REFERENCES taggers (id),
    CONSTRAINT fk_answers_fingerprint_id_fingerprints FOREIGN KEY (fingerprint_id) REFERENCES fingerprints (id)
);
CREATE INDEX ix_answers_failed ON answers (tagger_id, fingerprint_id) WHERE error IS NOT NULL;
CREATE INDEX ix_answers_fingerprint ON answers (tagger_id, fingerprint_id);
CREATE TABLE corrections (
    photo_id INTEGER NOT NULL,
    label_id INTEGER NOT NULL,
    present INTEGER NOT NULL,
    CONSTRAINT pk_corrections PRIMARY KEY (photo_id, label_id),
    CONSTRAINT ck_corrections_present CHECK (present IN (0, 1)),
    CONSTRAINT fk_corrections_photo_id_photos FOREIGN KEY (photo_id) REFERENCES photos (id) ON DELETE CASCADE,
    CONSTRAINT fk_corrections_label_id_labels FOREIGN KEY (label_id) REFERENCES labels (id)
);
CREATE TABLE face_group_members (
    photo_id INTEGER NOT NULL,
    box_left FLOAT NOT NULL,
    box_top FLOAT NOT NULL,
    box_right FLOAT NOT NULL,
    box_bottom FLOAT NOT NULL,
    number INTEGER,
    tie INTEGER,
    CONSTRAINT pk_face_group_members PRIMARY KEY (photo_id, box_left, box_top, box_right, box_bottom),
    CONSTRAINT fk_face_group_members_photo_id_photos FOREIGN KEY (photo_id) REFERENCES photos (id) ON DELETE CASCADE,
    CONSTRAINT fk_face_group_members_number_face_groups FOREIGN KEY (number) REFERENCES face_groups (number)
);
CREATE INDEX ix_face_group_members_number ON face_group_members (number);
CREATE TABLE located_photos (
    photo_id INTEGER NOT NULL,
    latitude FLOAT NOT NULL,
    longitude FLOAT NOT NULL,
    gazetteer TEXT NOT NULL,
    CONSTRAINT pk_located_photos PRIMARY KEY (photo_id),
    CONSTRAINT fk_located_photos_photo_id_photos FOREIGN KEY (photo_id) REFERENCES photos (id) ON DELETE CASCADE
);
CREATE TABLE perceptual_hashes (
    photo_id INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    bits BIGINT NOT NULL,
    CONSTRAINT pk_perceptual_hashes PRIMARY KEY (photo_id),
    CONSTRAINT fk_perceptual_hashes_photo_id_photos FOREIGN KEY (photo_id) REFERENCES photos (id) ON DELETE CASCADE
);
CREATE TABLE photo_keywords (
    photo_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    keyword_id INTEGER NOT NULL,
    CONSTRAINT pk_photo_keywords PRIMARY KEY (photo_id, position),
    CONSTRAINT fk_photo_keywords_photo_id_photos FOREIGN KEY (photo_id) REFERENCES photos (id) ON DELETE CASCADE,
    CONSTRAINT fk_photo_keywords_keyword_id_keywords FOREIGN KEY (keyword_id) REFERENCES keywords (id)
);
CREATE INDEX ix_photo_keywords_keyword ON photo_keywords (keyword_id, photo_id);
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
);
CREATE INDEX ix_photo_labels_photo_id ON photo_labels (photo_id);
CREATE INDEX ix_photo_labels_rank ON photo_labels (label_id, rank, photo_id, score);
CREATE TABLE photo_persons (
    person_id INTEGER NOT NULL,
    photo_id INTEGER NOT NULL,
    faces INTEGER NOT NULL,
    smile FLOAT,
    source TEXT NOT NULL,
    certain INTEGER NOT NULL,
    CONSTRAINT pk_photo_persons PRIMARY KEY (person_id, photo_id),
    CONSTRAINT fk_photo_persons_person_id_persons FOREIGN KEY (person_id) REFERENCES persons (id),
    CONSTRAINT fk_photo_persons_photo_id_photos FOREIGN KEY (photo_id) REFERENCES photos (id) ON DELETE CASCADE
);
CREATE INDEX ix_photo_persons_photo_id ON photo_persons (photo_id);
CREATE TABLE photo_places (
    place_id INTEGER NOT NULL,
    photo_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    CONSTRAINT pk_photo_places PRIMARY KEY (place_id, photo_id),
    CONSTRAINT fk_photo_places_place_id_places FOREIGN KEY (place_id) REFERENCES places (id) ON DELETE CASCADE,
    CONSTRAINT fk_photo_places_photo_id_photos FOREIGN KEY (photo_id) REFERENCES photos (id) ON DELETE CASCADE
);
CREATE INDEX ix_photo_places_photo_id ON photo_places (photo_id);
CREATE TABLE regions (
    photo_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    person_id INTEGER NOT NULL,
    source TEXT NOT NULL,
    box_left FLOAT,
    box_top FLOAT,
    box_right FLOAT,
    box_bottom FLOAT,
    CONSTRAINT pk_regions PRIMARY KEY (photo_id, position),
    CONSTRAINT fk_regions_photo_id_photos FOREIGN KEY (photo_id) REFERENCES photos (id) ON DELETE CASCADE,
    CONSTRAINT fk_regions_person_id_persons FOREIGN KEY (person_id) REFERENCES persons (id)
);
CREATE INDEX ix_regions_person_id ON regions (person_id);
CREATE TABLE written (
    photo_id INTEGER NOT NULL,
    color_label TEXT COLLATE "C",
    title TEXT COLLATE "C",
    description TEXT COLLATE "C",
    folded_text TEXT COLLATE "C",
    sources TEXT NOT NULL,
    CONSTRAINT pk_written PRIMARY KEY (photo_id),
    CONSTRAINT fk_written_photo_id_photos FOREIGN KEY (photo_id) REFERENCES photos (id) ON DELETE CASCADE
);
CREATE TABLE embeddings (
    answer_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    numbers BYTEA NOT NULL,
    CONSTRAINT pk_embeddings PRIMARY KEY (answer_id, position),
    CONSTRAINT fk_embeddings_answer_id_answers FOREIGN KEY (answer_id) REFERENCES answers (id) ON DELETE CASCADE
);
CREATE TABLE tags (
    answer_id BIGINT NOT NULL,
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
);
"""

VIEWS = """
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
CREATE VIEW photo_list AS
SELECT p.id AS photo_id, rtrim(r.path, '/') || '/' || p.path AS path, p.taken_at, p.taken_from, p.camera, p.latitude, p.longitude,
    p.width, p.height, p.size_bytes, p.faces, p.least_smile, p.greatest_smile, p.missing_since, p.content_hash, p.pixel_hash
FROM photos p JOIN roots r ON r.id = p.root_id;
CREATE VIEW person_list AS
SELECT rtrim(r.path, '/') || '/' || p.path AS path, n.name AS person, s.faces, s.smile, s.source, s.certain, p.id AS photo_id
FROM photo_persons s JOIN persons n ON n.id = s.person_id JOIN photos p ON p.id = s.photo_id JOIN roots r ON r.id = p.root_id;
CREATE VIEW face_word_list AS
SELECT w.identity, w.kind, n.name AS person, w.at, w.orientation, w.box_left, w.box_top, w.box_right, w.box_bottom, w.id AS face_word_id
FROM face_words w LEFT JOIN persons n ON n.id = w.person_id;
CREATE VIEW keyword_list AS
SELECT rtrim(r.path, '/') || '/' || p.path AS path, k.name AS keyword, p.id AS photo_id
FROM photo_keywords w JOIN keywords k ON k.id = w.keyword_id JOIN photos p ON p.id = w.photo_id JOIN roots r ON r.id = p.root_id;
CREATE VIEW written_list AS
SELECT rtrim(r.path, '/') || '/' || p.path AS path, p.rating, w.color_label, w.title, w.description, w.sources, p.id AS photo_id
FROM written w JOIN photos p ON p.id = w.photo_id JOIN roots r ON r.id = p.root_id;
"""


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for statement in (TABLES + VIEWS).split(";\n"):
        if statement.strip():
            op.execute(sa.text(statement))

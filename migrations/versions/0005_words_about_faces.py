"""Persons, a person's words about faces, and the journal of changes that can be undone."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TABLES = """
CREATE TABLE persons (
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    uid TEXT NOT NULL,
    CONSTRAINT pk_persons PRIMARY KEY (id),
    CONSTRAINT uq_persons_name_key UNIQUE (name_key),
    CONSTRAINT uq_persons_uid UNIQUE (uid)
);
CREATE TABLE face_words (
    id INTEGER NOT NULL,
    identity TEXT NOT NULL,
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
CREATE TABLE changes (
    id INTEGER NOT NULL,
    at TEXT NOT NULL,
    summary TEXT NOT NULL,
    steps TEXT NOT NULL,
    undone_at TEXT,
    CONSTRAINT pk_changes PRIMARY KEY (id)
);
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
) WITHOUT ROWID;
CREATE INDEX ix_photo_persons_photo_id ON photo_persons (photo_id);
CREATE VIEW person_list AS
SELECT rtrim(r.path, '/') || '/' || p.path AS path, n.name AS person, s.faces, s.smile, s.source, s.certain, p.id AS photo_id
FROM photo_persons s JOIN persons n ON n.id = s.person_id JOIN photos p ON p.id = s.photo_id JOIN roots r ON r.id = p.root_id;
CREATE VIEW face_word_list AS
SELECT w.identity, w.kind, n.name AS person, w.at, w.orientation, w.box_left, w.box_top, w.box_right, w.box_bottom, w.id AS face_word_id
FROM face_words w LEFT JOIN persons n ON n.id = w.person_id;
"""


def upgrade() -> None:
    for statement in TABLES.split(";\n"):
        if statement.strip():
            op.execute(sa.text(statement))

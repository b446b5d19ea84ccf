"""What other programs wrote about photos: stars, titles, keywords, who is where; and the files beside photos in which
they wrote it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

TABLES = """
ALTER TABLE photos ADD COLUMN rating INTEGER;
ALTER TABLE photos ADD COLUMN metadata_due INTEGER NOT NULL DEFAULT '1';
CREATE INDEX ix_photos_rating ON photos (rating) WHERE rating IS NOT NULL;
CREATE INDEX ix_photos_metadata_due ON photos (metadata_due) WHERE metadata_due = 1;
CREATE TABLE sidecars (
    root_id INTEGER NOT NULL,
    folder TEXT NOT NULL,
    name TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    CONSTRAINT pk_sidecars PRIMARY KEY (root_id, folder, name),
    CONSTRAINT fk_sidecars_root_id_roots FOREIGN KEY (root_id) REFERENCES roots (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE TABLE written (
    photo_id INTEGER NOT NULL,
    color_label TEXT,
    title TEXT,
    description TEXT,
    folded_text TEXT,
    sources TEXT NOT NULL,
    CONSTRAINT pk_written PRIMARY KEY (photo_id),
    CONSTRAINT fk_written_photo_id_photos FOREIGN KEY (photo_id) REFERENCES photos (id) ON DELETE CASCADE
);
CREATE TABLE keywords (
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    CONSTRAINT pk_keywords PRIMARY KEY (id),
    CONSTRAINT uq_keywords_name UNIQUE (name)
);
CREATE TABLE keyword_labels (
    keyword_id INTEGER NOT NULL,
    label_id INTEGER NOT NULL,
    CONSTRAINT pk_keyword_labels PRIMARY KEY (keyword_id, label_id),
    CONSTRAINT fk_keyword_labels_keyword_id_keywords FOREIGN KEY (keyword_id) REFERENCES keywords (id) ON DELETE CASCADE,
    CONSTRAINT fk_keyword_labels_label_id_labels FOREIGN KEY (label_id) REFERENCES labels (id)
) WITHOUT ROWID;
CREATE TABLE photo_keywords (
    photo_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    keyword_id INTEGER NOT NULL,
    CONSTRAINT pk_photo_keywords PRIMARY KEY (photo_id, position),
    CONSTRAINT fk_photo_keywords_photo_id_photos FOREIGN KEY (photo_id) REFERENCES photos (id) ON DELETE CASCADE,
    CONSTRAINT fk_photo_keywords_keyword_id_keywords FOREIGN KEY (keyword_id) REFERENCES keywords (id)
) WITHOUT ROWID;
CREATE INDEX ix_photo_keywords_keyword ON photo_keywords (keyword_id, photo_id);
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
) WITHOUT ROWID;
CREATE INDEX ix_regions_person_id ON regions (person_id);
CREATE VIEW keyword_list AS
SELECT rtrim(r.path, '/') || '/' || p.path AS path, k.name AS keyword, p.id AS photo_id
FROM photo_keywords w JOIN keywords k ON k.id = w.keyword_id JOIN photos p ON p.id = w.photo_id JOIN roots r ON r.id = p.root_id;
CREATE VIEW written_list AS
SELECT rtrim(r.path, '/') || '/' || p.path AS path, p.rating, w.color_label, w.title, w.description, w.sources, p.id AS photo_id
FROM written w JOIN photos p ON p.id = w.photo_id JOIN roots r ON r.id = p.root_id;
"""


def upgrade() -> None:
    for statement in TABLES.split(";\n"):
        if statement.strip():
            op.execute(sa.text(statement))

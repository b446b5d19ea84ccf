"""The towns and countries where photos were taken, and an index of positions."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

TABLES = """
CREATE TABLE places (
    id INTEGER NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    country TEXT NOT NULL,
    CONSTRAINT pk_places PRIMARY KEY (id),
    CONSTRAINT uq_places_code UNIQUE (code)
);
CREATE TABLE place_names (
    name_key TEXT NOT NULL,
    place_id INTEGER NOT NULL,
    CONSTRAINT pk_place_names PRIMARY KEY (name_key, place_id),
    CONSTRAINT fk_place_names_place_id_places FOREIGN KEY(place_id) REFERENCES places (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE TABLE photo_places (
    place_id INTEGER NOT NULL,
    photo_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    CONSTRAINT pk_photo_places PRIMARY KEY (place_id, photo_id),
    CONSTRAINT fk_photo_places_place_id_places FOREIGN KEY(place_id) REFERENCES places (id) ON DELETE CASCADE,
    CONSTRAINT fk_photo_places_photo_id_photos FOREIGN KEY(photo_id) REFERENCES photos (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX ix_photo_places_photo_id ON photo_places (photo_id);
CREATE TABLE located_photos (
    photo_id INTEGER NOT NULL,
    latitude FLOAT NOT NULL,
    longitude FLOAT NOT NULL,
    gazetteer TEXT NOT NULL,
    CONSTRAINT pk_located_photos PRIMARY KEY (photo_id),
    CONSTRAINT fk_located_photos_photo_id_photos FOREIGN KEY(photo_id) REFERENCES photos (id) ON DELETE CASCADE
);
CREATE INDEX ix_photos_latitude ON photos (latitude) WHERE latitude IS NOT NULL;
"""


def upgrade() -> None:
    for statement in TABLES.split(";\n"):
        if statement.strip():
            op.execute(sa.text(statement))

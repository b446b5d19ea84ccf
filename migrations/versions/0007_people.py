"""Embeddings of faces: numbers that tell whose they are; and the groups that faces make by them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

STATEMENTS = """
CREATE TABLE embeddings (
    answer_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    numbers BLOB NOT NULL,
    CONSTRAINT pk_embeddings PRIMARY KEY (answer_id, position),
    CONSTRAINT fk_embeddings_answer_id_answers FOREIGN KEY(answer_id) REFERENCES answers (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE TABLE face_groups (
    number INTEGER NOT NULL,
    person_id INTEGER,
    CONSTRAINT pk_face_groups PRIMARY KEY (number),
    CONSTRAINT fk_face_groups_person_id_persons FOREIGN KEY(person_id) REFERENCES persons (id)
);
CREATE INDEX ix_face_groups_person_id ON face_groups (person_id);
CREATE TABLE face_group_members (
    photo_id INTEGER NOT NULL,
    box_left FLOAT NOT NULL,
    box_top FLOAT NOT NULL,
    box_right FLOAT NOT NULL,
    box_bottom FLOAT NOT NULL,
    number INTEGER,
    tie INTEGER,
    CONSTRAINT pk_face_group_members PRIMARY KEY (photo_id, box_left, box_top, box_right, box_bottom),
    CONSTRAINT fk_face_group_members_photo_id_photos FOREIGN KEY(photo_id) REFERENCES photos (id) ON DELETE CASCADE,
    CONSTRAINT fk_face_group_members_number_face_groups FOREIGN KEY(number) REFERENCES face_groups (number)
) WITHOUT ROWID;
CREATE INDEX ix_face_group_members_number ON face_group_members (number);
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(sa.text(statement))

"""What photos look like, so that other sizes and formats of the same picture are found."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

TABLE = """
CREATE TABLE perceptual_hashes (
    photo_id INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    bits INTEGER NOT NULL,
    CONSTRAINT pk_perceptual_hashes PRIMARY KEY (photo_id),
    CONSTRAINT fk_perceptual_hashes_photo_id_photos FOREIGN KEY(photo_id) REFERENCES photos (id) ON DELETE CASCADE
)
"""


def upgrade() -> None:
    op.execute(sa.text(TABLE))

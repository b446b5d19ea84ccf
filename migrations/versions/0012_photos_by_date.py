"""The index by date knows of smiles and faces: of photos by date, only rows that fit are read."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

COLUMNS = {
    "sqlite": "taken_sort, id, least_smile, eligible_faces",
    "postgresql": "taken_sort NULLS FIRST, id, least_smile, eligible_faces",
}


def upgrade() -> None:
    columns = COLUMNS[op.get_bind().dialect.name]
    op.execute(sa.text("DROP INDEX ix_photos_taken_sort"))
    op.execute(sa.text(f"CREATE INDEX ix_photos_taken_sort ON photos ({columns})"))

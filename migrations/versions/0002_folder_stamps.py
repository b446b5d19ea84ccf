"""Folders with the stamps of the last complete scan: what `phototag scan --fast` need not list again."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

FOLDERS = """
CREATE TABLE folders (
    root_id INTEGER NOT NULL,
    path TEXT NOT NULL,
    stamp TEXT,
    CONSTRAINT pk_folders PRIMARY KEY (root_id, path),
    CONSTRAINT fk_folders_root_id_roots FOREIGN KEY (root_id) REFERENCES roots (id) ON DELETE CASCADE
) WITHOUT ROWID
"""


def upgrade() -> None:
    op.execute(sa.text(FOLDERS))

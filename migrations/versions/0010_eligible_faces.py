"""How many faces count, apart from how many there are. The next opening counts them, by RULES_VERSION."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

STATEMENTS = (
    "ALTER TABLE photos ADD COLUMN eligible_faces INTEGER",
    "CREATE INDEX ix_photos_eligible_faces ON photos (eligible_faces)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(sa.text(statement))

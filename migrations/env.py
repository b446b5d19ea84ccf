"""What Alembic runs to apply the revisions, on the connection and in the transaction that phototag
has opened.

To write a new revision: `alembic` is not needed on the command line. Copy the newest file of
versions/ to the next number, change its body and `phototag.library.tables` with it, and raise
`HEAD` in `phototag/library/schema.py`; the tests say whether the three agree."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"], transactional_ddl=True, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()

"""What Alembic runs: the migrations, on the connection and in the transaction of ``migrate``."""

from alembic import context

from checkwire.store.schema import VERSION_TABLE
from checkwire.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite changes a table by copying it.
)
context.run_migrations()

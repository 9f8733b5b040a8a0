"""Brings a database to another form, inside the transaction that :mod:`tidegate.stores.upgrade` has begun."""

from alembic import context

from tidegate.stores.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
    version_table="form",
)
with context.begin_transaction():
    context.run_migrations()

"""Run by Alembic: migrates the connection that runner.store.upgrading holds open."""

from alembic import context

from runner.store.tables import metadata

# The transaction is upgrading.exclusive's: SQLite can undo a half-made migration as a whole.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()

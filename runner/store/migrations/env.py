"""Run by Alembic: migrates the connection that runner.store.upgrading holds open."""

from alembic import context

from runner.store import (
    access_tables,
    notice_tables,
    rule_tables,
    sequence_tables,
    tables,
    thread_tables,
    trade_tables,
)
from runner.store.schema import metadata

# Only tables whose modules are imported stand in the metadata.
assert tables.account.metadata is trade_tables.listing.metadata is access_tables.operator.metadata is metadata
assert rule_tables.rule.metadata is thread_tables.thread_tag.metadata is metadata
assert sequence_tables.sequence.metadata is metadata
assert notice_tables.channel.metadata is metadata

# The transaction is upgrading.exclusive's: SQLite can undo a half-made migration as a whole.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()

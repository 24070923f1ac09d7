"""Search in what was said, and the indexes that figures over time are counted over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runner.store.search import CREATE, DROP, FILL, is_possible

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

WHEN = sa.text("coalesce(sent_at, first_seen_at)")


def _partial(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def upgrade() -> None:
    """Add them, and enter what was said so far."""
    op.create_index("ix_message_when", "message", [WHEN, "direction", "thread_id"])
    op.create_index("ix_message_thread", "message", ["thread_id", "direction", WHEN])
    _partial("ix_attempt_ended_at", "attempt", ["ended_at", "outcome", "kind", "job_id"], "ended_at IS NOT NULL")
    _partial("ix_attempt_failed", "attempt", ["id"], "kind IS NOT NULL")
    _partial("ix_job_replies", "job", ["account_id", "id"], "flow = 'send_message'")
    op.create_index("ix_job_due_at", "job", ["due_at", "id"])
    if is_possible(op.get_bind()):
        for statement in (*CREATE, FILL):
            op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Take them away again."""
    if op.get_bind().dialect.name == "sqlite":
        for statement in DROP:
            op.get_bind().exec_driver_sql(statement)
    for name, table in (
        ("ix_job_due_at", "job"),
        ("ix_job_replies", "job"),
        ("ix_attempt_failed", "attempt"),
        ("ix_attempt_ended_at", "attempt"),
        ("ix_message_thread", "message"),
        ("ix_message_when", "message"),
    ):
        op.drop_index(name, table)

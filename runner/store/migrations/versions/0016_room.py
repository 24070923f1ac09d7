"""Room: whose Evidence was deleted to make some, and indexes for what was found by a look through everything."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NEWEST = sa.text("coalesce(last_at, 0)")
INDEXES: tuple[tuple[str, str, str | sa.TextClause, str | None], ...] = (
    ("ix_notification_floods", "notification", "happened_at", "kind = 'error_flood' AND recovers = 0"),
    ("ix_account_head_due", "account", "head_due_at", "state = 'active' AND head_rank IS NOT NULL"),
    ("ix_session_open", "session", "id", "ended_at IS NULL"),
    ("ix_thread_newest", "thread", NEWEST, None),
    ("ix_thread_newest_open", "thread", NEWEST, "status != 'closed'"),
    ("ix_thread_newest_unread", "thread", NEWEST, "unread > 0"),
    ("ix_decision_no_text", "decision", "message_id", "verdict = 'no_text'"),
    ("ix_decision_crossed", "decision", "message_id", "verdict = 'crossed'"),
)


ONE_MORE = (
    "INSERT INTO job_tally (state, number) VALUES (new.state, 1) ON CONFLICT (state) DO UPDATE SET number = number + 1"
)
ONE_LESS = "UPDATE job_tally SET number = number - 1 WHERE state = old.state"
TRIGGERS = (
    f"CREATE TRIGGER job_tally_insert AFTER INSERT ON job BEGIN {ONE_MORE}; END",
    f"CREATE TRIGGER job_tally_delete AFTER DELETE ON job BEGIN {ONE_LESS}; END",
    "CREATE TRIGGER job_tally_update AFTER UPDATE OF state ON job WHEN old.state IS NOT new.state BEGIN "
    f"{ONE_LESS}; {ONE_MORE}; END",
)
FILL = "INSERT INTO job_tally (state, number) SELECT state, count(*) FROM job GROUP BY state"


def upgrade() -> None:
    """Add them; what is kept stays kept."""
    op.add_column("attempt", sa.Column("evidence_freed_at", BIG))
    for name, table, column, condition in INDEXES:
        where = None if condition is None else sa.text(condition)
        op.create_index(name, table, [column], sqlite_where=where, postgresql_where=where)
    op.create_table(
        "job_tally",
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("state", name="pk_job_tally"),
    )
    for statement in (FILL, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    """Take them away again."""
    for name in ("insert", "delete", "update"):
        op.execute(f"DROP TRIGGER IF EXISTS job_tally_{name}")
    op.drop_table("job_tally")
    for name, table, _, _ in reversed(INDEXES):
        op.drop_index(name, table)
    op.drop_column("attempt", "evidence_freed_at")

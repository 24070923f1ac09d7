"""Answering mended: what a decision was made upon, what became of Drafts, and which inboxes were read to their end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNSETTLED = sa.text("state = 'sent' AND settled_at IS NULL")


def upgrade() -> None:
    """Add them; what was decided and sent before stands as it is."""
    none = sa.text("0")
    op.add_column("account", sa.Column("inbox_read_at", BIG))
    op.add_column("message", sa.Column("classification", sa.Integer(), nullable=False, server_default=none))
    op.add_column("decision", sa.Column("classification", sa.Integer(), nullable=False, server_default=none))
    op.add_column("draft", sa.Column("sendings", sa.Integer(), nullable=False, server_default=none))
    op.add_column("draft", sa.Column("settled_at", BIG))
    op.create_index("ix_draft_job", "draft", ["job_id"])
    op.create_index("ix_draft_unsettled", "draft", ["job_id"], sqlite_where=UNSETTLED, postgresql_where=UNSETTLED)
    op.create_table(
        "provider_use",
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_provider_use"),
    )
    _carry_over()


def _carry_over() -> None:
    """An inbox that has Threads was read; a reply that was queued has had everything else of its Rule done."""
    op.execute(
        "UPDATE account SET inbox_read_at ="
        " (SELECT max(thread.read_at) FROM thread WHERE thread.account_id = account.id)"
    )
    op.execute("UPDATE message SET classification = 1 WHERE classified_at IS NOT NULL")
    op.execute(
        "UPDATE decision SET classification = 1 WHERE at >="
        " (SELECT message.classified_at FROM message WHERE message.id = decision.message_id)"
    )
    op.execute("UPDATE draft SET sendings = 1, actions = '{}' WHERE state = 'sent'")
    op.execute(
        "UPDATE draft SET settled_at = changed_at WHERE state = 'sent' AND job_id IS NOT NULL AND job_id NOT IN"
        " (SELECT job.id FROM job WHERE job.state IN ('queued', 'running', 'parked', 'unknown'))"
    )


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("provider_use")
    op.drop_index("ix_draft_unsettled", "draft")
    op.drop_index("ix_draft_job", "draft")
    for name in ("settled_at", "sendings"):
        op.drop_column("draft", name)
    op.drop_column("decision", "classification")
    op.drop_column("message", "classification")
    op.drop_column("account", "inbox_read_at")

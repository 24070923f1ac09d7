"""SLAs per tag: what is promised, what is owed by when, and what was told of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "sla",
        sa.Column("tag", sa.String(200), nullable=False),
        sa.Column("first_response_s", sa.Integer()),
        sa.Column("resolution_s", sa.Integer()),
        sa.Column("assign", sa.Text()),
        sa.Column("put_tag", sa.String(200)),
        sa.Column("changed_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("tag", name="pk_sla"),
    )
    op.create_table(
        "sla_due",
        sa.Column("thread_id", BIG, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("tag", sa.String(200), nullable=False),
        sa.Column("begun_at", BIG, nullable=False),
        sa.Column("near_at", BIG, nullable=False),
        sa.Column("due_at", BIG, nullable=False),
        sa.Column("next_at", BIG),
        sa.PrimaryKeyConstraint("thread_id", "kind", name="pk_sla_due"),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name="fk_sla_due_thread_id"),
    )
    op.create_index("ix_sla_due_due_at", "sla_due", ["due_at"])
    op.create_index("ix_sla_due_next_at", "sla_due", ["next_at"])
    op.create_table(
        "sla_told",
        sa.Column("thread_id", BIG, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("tag", sa.String(200), nullable=False),
        sa.Column("begun_at", BIG, nullable=False),
        sa.Column("broken", sa.Boolean(), nullable=False),
        sa.Column("due_at", BIG, nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("thread_id", "kind", "tag", "begun_at", "broken", name="pk_sla_told"),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name="fk_sla_told_thread_id"),
    )
    op.create_table(
        "sla_watch",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("event_id", BIG, nullable=False),
        sa.Column("hours", sa.String(64), nullable=False),
        sa.Column("walked_to", BIG),
        sa.PrimaryKeyConstraint("id", name="pk_sla_watch"),
    )


def downgrade() -> None:
    """Take them away again."""
    for name in ("sla_watch", "sla_told", "sla_due", "sla"):
        op.drop_table(name)

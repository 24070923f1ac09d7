"""Schedules: rules that create jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "schedule",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("account_id", BIG),
        sa.Column("tag", sa.String(200)),
        sa.Column("flow", sa.String(100), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("cron", sa.String(200)),
        sa.Column("every_s", sa.Float()),
        sa.Column("timezone", sa.String(100), nullable=False),
        sa.Column("start", BIG, nullable=False),
        sa.Column("missed", sa.String(40), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("timeout_s", sa.Float()),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("last_due_at", BIG),
        sa.Column("next_due_at", BIG),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_schedule_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_schedule"),
        sa.UniqueConstraint("name", name="uq_schedule_name"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_schedule_next_due_at", "schedule", ["next_due_at"])


def downgrade() -> None:
    """Drop the table; the jobs that it created stay."""
    op.drop_table("schedule")

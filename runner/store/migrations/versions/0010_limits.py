"""Limits and hours: what was used, what an Account is bound by, and which Jobs are put off by that."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OPEN = sa.text("over_at IS NULL")
OF_EFFECT = sa.text("effect_id IS NOT NULL")
POSTPONED = sa.text("state = 'queued' AND postponed IS NOT NULL")

USED = sa.text(
    """
    INSERT INTO rate_usage (account_id, kind, began_at, over_at, near, job_id, fence, effect_id)
    SELECT account_id, CASE kind WHEN 'send_message' THEN 'messages' ELSE 'publishes' END, armed_at,
           CASE WHEN state <> 'armed' THEN changed_at END, '[]', job_id, fence, id
    FROM effect WHERE armed_at IS NOT NULL AND (state = 'armed' OR changed_at > :since)
    """
)
"""What was done in the days before counts, or a shop would do twice its limit on the day of the upgrade; what is armed
still is found by it, and read back whatever the hours say."""
DAYS = 3


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "rate_usage",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("began_at", BIG, nullable=False),
        sa.Column("over_at", BIG),
        sa.Column("near", sa.JSON(), nullable=False),
        sa.Column("job_id", BIG, nullable=False),
        sa.Column("fence", BIG, nullable=False),
        sa.Column("effect_id", BIG),
        sa.PrimaryKeyConstraint("id", name="pk_rate_usage"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_rate_usage_account_id"),
        sa.ForeignKeyConstraint(["effect_id"], ["effect.id"], name="fk_rate_usage_effect_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_rate_usage_counted", "rate_usage", ["account_id", "kind", "over_at"])
    op.create_index("ix_rate_usage_open", "rate_usage", ["account_id"], sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index(
        "ix_rate_usage_effect", "rate_usage", ["effect_id"], sqlite_where=OF_EFFECT, postgresql_where=OF_EFFECT
    )
    since = int((time.time() - DAYS * 86_400) * 1_000_000)
    op.get_bind().execute(USED, {"since": since})
    op.create_table(
        "setting",
        sa.Column("key", sa.String(100), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_setting"),
    )
    op.add_column("account", sa.Column("limits", sa.JSON()))
    op.add_column("account", sa.Column("hours", sa.JSON()))
    op.add_column("job", sa.Column("postponed", sa.Text()))
    op.create_index("ix_job_postponed", "job", ["account_id"], sqlite_where=POSTPONED, postgresql_where=POSTPONED)


def downgrade() -> None:
    """Take them away."""
    op.drop_index("ix_job_postponed", "job")
    op.drop_column("job", "postponed")
    op.drop_column("account", "hours")
    op.drop_column("account", "limits")
    op.drop_table("setting")
    op.drop_table("rate_usage")

"""Telling people: Channels, Notices on their way, and how far the Events were looked at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DUE = sa.text("state IN ('waiting', 'held')")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "channel",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("way", sa.String(40), nullable=False),
        sa.Column("address", sa.Text()),
        sa.Column("secret_kind", sa.String(20), nullable=False),
        sa.Column("secret_name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text()),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("preferences", sa.JSON(), nullable=False),
        sa.Column("since_event", BIG, nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_channel"),
        sa.UniqueConstraint("name", name="uq_channel_name"),
        sqlite_autoincrement=True,
    )
    _notifications()
    op.create_table(
        "notice_cursor",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("event_id", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notice_cursor"),
    )


def _notifications() -> None:
    op.create_table(
        "notification",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("channel_id", BIG, nullable=False),
        sa.Column("slot", sa.String(200), nullable=False),
        sa.Column("uid", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("account", sa.Text()),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("recovers", sa.Boolean(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("happened_at", BIG, nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("due_at", BIG, nullable=False),
        sa.Column("claimed_until", BIG),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sent_at", BIG),
        sa.Column("detail", sa.Text()),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("earlier", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notification"),
        sa.ForeignKeyConstraint(["channel_id"], ["channel.id"], name="fk_notification_channel_id"),
        sa.UniqueConstraint("uid", name="uq_notification_uid"),
        sa.UniqueConstraint("channel_id", "slot", name="uq_notification_channel_id_slot"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_notification_subject", "notification", ["channel_id", "subject", "id"])
    op.create_index("ix_notification_state", "notification", ["state", "id"])
    op.create_index("ix_notification_due", "notification", ["due_at"], sqlite_where=DUE, postgresql_where=DUE)


def downgrade() -> None:
    """Take them away again."""
    for name in ("notice_cursor", "notification", "channel"):
        op.drop_table(name)

"""Answering: Templates, Rules, what was decided about each Message, and the Drafts that came of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WAITING = sa.text("state = 'waiting'")
UNSUBMITTED = sa.text("state = 'sent' AND job_id IS NULL")


def upgrade() -> None:
    """Make them; and an index on when a Message was classified, for that is what is decided about next."""
    op.create_table(
        "template",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.String(40)),
        sa.Column("site", sa.Text()),
        sa.Column("language", sa.String(10)),
        sa.Column("account", sa.Text()),
        sa.Column("variants", sa.JSON(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_template"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_template_name", "template", ["name"])
    op.create_table(
        "rule",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("level", sa.String(40), nullable=False),
        sa.Column("conditions", sa.JSON(), nullable=False),
        sa.Column("actions", sa.JSON(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rule"),
        sa.UniqueConstraint("name", name="uq_rule_name"),
        sqlite_autoincrement=True,
    )
    _decisions()
    _drafts()
    op.create_index("ix_message_classified_at", "message", ["classified_at"])


def _decisions() -> None:
    op.create_table(
        "decision",
        sa.Column("message_id", BIG, autoincrement=False, nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("verdict", sa.String(40), nullable=False),
        sa.Column("rule_id", BIG),
        sa.Column("rule", sa.Text()),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("why", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name="pk_decision"),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name="fk_decision_message_id"),
    )
    op.create_index("ix_decision_rule", "decision", ["rule_id"])


def _drafts() -> None:
    op.create_table(
        "draft",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("thread_id", BIG, nullable=False),
        sa.Column("message_id", BIG, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("rule_id", BIG, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("template_id", BIG, nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("level", sa.String(40), nullable=False),
        sa.Column("actions", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("detail", sa.Text()),
        sa.Column("by", sa.Text()),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("changed_at", BIG, nullable=False),
        sa.Column("job_id", BIG),
        sa.PrimaryKeyConstraint("id", name="pk_draft"),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name="fk_draft_thread_id"),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name="fk_draft_message_id"),
        sa.UniqueConstraint("message_id", name="uq_draft_message_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_draft_thread_id", "draft", ["thread_id"])
    op.create_index("ix_draft_rule", "draft", ["rule_id", "state"])
    op.create_index("ix_draft_template", "draft", ["template_id", "state"])
    op.create_index("ix_draft_waiting", "draft", ["id"], sqlite_where=WAITING, postgresql_where=WAITING)
    op.create_index("ix_draft_unsubmitted", "draft", ["id"], sqlite_where=UNSUBMITTED, postgresql_where=UNSUBMITTED)


def downgrade() -> None:
    """Take them away again."""
    op.drop_index("ix_message_classified_at", "message")
    for name in ("draft", "decision", "rule", "template"):
        op.drop_table(name)

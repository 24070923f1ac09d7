"""Following up: Sequences with their steps, Enrolments, and what was sent for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LIVE = sa.text("state IN ('active', 'postponed', 'in_doubt')")
SENDING = sa.text("state = 'sending'")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "sequence",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sequence"),
        sa.UniqueConstraint("name", name="uq_sequence_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "sequence_step",
        sa.Column("sequence_id", BIG, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(40), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence_id", "position", name="pk_sequence_step"),
        sa.ForeignKeyConstraint(["sequence_id"], ["sequence.id"], name="fk_sequence_step_sequence_id"),
    )
    _enrolments()
    _sends()


def _enrolments() -> None:
    op.create_table(
        "enrolment",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("sequence_id", BIG, nullable=False),
        sa.Column("sequence", sa.Text(), nullable=False),
        sa.Column("thread_id", BIG, nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("reason", sa.String(40)),
        sa.Column("detail", sa.Text()),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("by", sa.Text()),
        sa.Column("message_id", BIG),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("seen_id", BIG, nullable=False),
        sa.Column("listing_id", BIG),
        sa.Column("base_at", BIG, nullable=False),
        sa.Column("next_due_at", BIG),
        sa.Column("postponed_until", BIG),
        sa.Column("replied_at", BIG),
        sa.Column("replied_after", sa.Integer()),
        sa.Column("enrolled_at", BIG, nullable=False),
        sa.Column("changed_at", BIG, nullable=False),
        sa.Column("ended_at", BIG),
        sa.PrimaryKeyConstraint("id", name="pk_enrolment"),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name="fk_enrolment_thread_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_enrolment_thread_id", "enrolment", ["thread_id"])
    op.create_index("ix_enrolment_sequence", "enrolment", ["sequence_id", "state"])
    pair = ["sequence_id", "thread_id"]
    op.create_index("uq_enrolment_live", "enrolment", pair, unique=True, sqlite_where=LIVE, postgresql_where=LIVE)
    op.create_index("ix_enrolment_due", "enrolment", ["next_due_at"], sqlite_where=LIVE, postgresql_where=LIVE)


def _sends() -> None:
    op.create_table(
        "enrolment_send",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("enrolment_id", BIG, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("time", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("template_id", BIG),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("follows", sa.Text(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("detail", sa.Text()),
        sa.Column("job_id", BIG),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("sent_at", BIG),
        sa.PrimaryKeyConstraint("id", name="pk_enrolment_send"),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"], name="fk_enrolment_send_enrolment_id"),
        sa.UniqueConstraint("enrolment_id", "position", "time", name="uq_enrolment_send_enrolment_id_position_time"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_enrolment_send_template", "enrolment_send", ["template_id"])
    op.create_index("ix_enrolment_send_job", "enrolment_send", ["job_id"])
    op.create_index(
        "uq_enrolment_send_open",
        "enrolment_send",
        ["enrolment_id"],
        unique=True,
        sqlite_where=SENDING,
        postgresql_where=SENDING,
    )


def downgrade() -> None:
    """Take them away again."""
    for name in ("enrolment_send", "enrolment", "sequence_step", "sequence"):
        op.drop_table(name)

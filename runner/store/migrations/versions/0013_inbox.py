"""The unified inbox: tags of Threads, notes, and how Threads were settled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runner.domain.counterparts import name_key

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SENT_BY_US = sa.text("remote_id IS NOT NULL")


def upgrade() -> None:
    """Make them; and the ways from a Message of ours to what wrote it."""
    op.create_table(
        "thread_tag",
        sa.Column("thread_id", BIG, nullable=False),
        sa.Column("tag_id", BIG, nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("thread_id", "tag_id", name="pk_thread_tag"),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name="fk_thread_tag_thread_id"),
        sa.ForeignKeyConstraint(["tag_id"], ["tag.id"], name="fk_thread_tag_tag_id"),
    )
    op.create_index("ix_thread_tag_tag_id", "thread_tag", ["tag_id", "at"])
    op.create_table(
        "note",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("thread_id", BIG, nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_note"),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name="fk_note_thread_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_note_thread_id", "note", ["thread_id"])
    op.create_table(
        "resolution",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("thread_id", BIG, nullable=False),
        sa.Column("opened_at", BIG, nullable=False),
        sa.Column("closed_at", BIG),
        sa.Column("by", sa.Text()),
        sa.Column("satisfaction", sa.String(40)),
        sa.Column("satisfaction_by", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_resolution"),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name="fk_resolution_thread_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_resolution_thread_id", "resolution", ["thread_id"])
    op.create_index("ix_resolution_closed_at", "resolution", ["closed_at"])
    op.create_table(
        "thread_link",
        sa.Column("thread_id", BIG, nullable=False),
        sa.Column("other_id", BIG, nullable=False),
        sa.Column("same", sa.Boolean(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("thread_id", "other_id", name="pk_thread_link"),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name="fk_thread_link_thread_id"),
        sa.ForeignKeyConstraint(["other_id"], ["thread.id"], name="fk_thread_link_other_id"),
    )
    op.create_index("ix_thread_link_other_id", "thread_link", ["other_id"])
    op.add_column("participant", sa.Column("name_key", sa.Text()))
    op.create_index("ix_participant_name_key", "participant", ["name_key"])
    _name_keys()
    op.add_column("message", sa.Column("edited_at", BIG))
    op.add_column("message", sa.Column("deleted_at", BIG))
    op.create_table(
        "message_edit",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("message_id", BIG, nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_message_edit"),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name="fk_message_edit_message_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_message_edit_message_id", "message_edit", ["message_id"])
    op.create_index(
        "ix_effect_remote_id",
        "effect",
        ["account_id", "remote_id"],
        sqlite_where=SENT_BY_US,
        postgresql_where=SENT_BY_US,
    )


def _name_keys() -> None:
    """The database does not know NFKC: the names that are there are folded here."""
    participant = sa.table("participant", sa.column("id"), sa.column("name"), sa.column("name_key"))
    connection = op.get_bind()
    names = connection.execute(sa.select(participant.c.id, participant.c.name)).all()
    folded = [{"number": number, "key": name_key(name)} for number, name in names]
    if folded:
        change = sa.update(participant).where(participant.c.id == sa.bindparam("number"))
        connection.execute(change.values(name_key=sa.bindparam("key")), folded)


def downgrade() -> None:
    """Take them away again."""
    op.drop_index("ix_effect_remote_id", "effect")
    op.drop_index("ix_participant_name_key", "participant")
    op.drop_column("participant", "name_key")
    for name in ("thread_link", "message_edit", "resolution", "note", "thread_tag"):
        op.drop_table(name)
    op.drop_column("message", "deleted_at")
    op.drop_column("message", "edited_at")

"""The unified inbox: tags of Threads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "thread_tag",
        sa.Column("thread_id", BIG, nullable=False),
        sa.Column("tag_id", BIG, nullable=False),
        sa.PrimaryKeyConstraint("thread_id", "tag_id", name="pk_thread_tag"),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name="fk_thread_tag_thread_id"),
        sa.ForeignKeyConstraint(["tag_id"], ["tag.id"], name="fk_thread_tag_tag_id"),
    )
    op.create_index("ix_thread_tag_tag_id", "thread_tag", ["tag_id"])


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("thread_tag")

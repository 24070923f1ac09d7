"""What Messages want: the type of each with its confidence, and the corrections of people, which are kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNCLASSIFIED = sa.text("direction = 'inbound' AND classified_at IS NULL")


def upgrade() -> None:
    """Add them; Messages that are there are classified by the next sweep."""
    op.add_column("message", sa.Column("type", sa.String(40)))
    op.add_column("message", sa.Column("confidence", sa.Float()))
    op.add_column("message", sa.Column("classified_by", sa.Text()))
    op.add_column("message", sa.Column("classified_at", BIG))
    op.create_index(
        "ix_message_unclassified", "message", ["id"], sqlite_where=UNCLASSIFIED, postgresql_where=UNCLASSIFIED
    )
    op.create_index("ix_message_confidence", "message", ["confidence", "id"])
    op.create_table(
        "classification_correction",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("message_id", BIG, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_classification_correction"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_classification_correction_message", "classification_correction", ["message_id"])
    only = sa.text("kind = 'thread'")
    op.create_index("ix_evidence_thread", "evidence", ["attempt_id"], sqlite_where=only, postgresql_where=only)


def downgrade() -> None:
    """Take them away again."""
    op.drop_index("ix_evidence_thread", "evidence")
    op.drop_table("classification_correction")
    op.drop_index("ix_message_confidence", "message")
    op.drop_index("ix_message_unclassified", "message")
    for name in ("classified_at", "classified_by", "confidence", "type"):
        op.drop_column("message", name)

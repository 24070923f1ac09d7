"""What the console asks for: where a Thread stands and whose it is, counters that begin anew, whose replay a Job is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the columns; every Thread that is there is open, and nobody's."""
    op.add_column("thread", sa.Column("status", sa.String(40), nullable=False, server_default=sa.text("'open'")))
    op.add_column("thread", sa.Column("snoozed_until", BIG))
    op.add_column("thread", sa.Column("assignee", sa.Text()))
    op.create_index("ix_thread_status", "thread", ["status", "last_at"])
    op.add_column("account", sa.Column("counted_from", BIG))
    op.add_column("job", sa.Column("replay_of", BIG))


def downgrade() -> None:
    """Take them away again."""
    op.drop_column("job", "replay_of")
    op.drop_column("account", "counted_from")
    op.drop_index("ix_thread_status", "thread")
    for name in ("assignee", "snoozed_until", "status"):
        op.drop_column("thread", name)

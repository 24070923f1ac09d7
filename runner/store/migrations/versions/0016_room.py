"""Room: whose Evidence was deleted to make some, and indexes for what was found by a look through everything."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FLOODS = sa.text("kind = 'error_flood' AND recovers = 0")


def upgrade() -> None:
    """Add them; what is kept stays kept."""
    op.add_column("attempt", sa.Column("evidence_freed_at", BIG))
    op.create_index(
        "ix_notification_floods", "notification", ["happened_at"], sqlite_where=FLOODS, postgresql_where=FLOODS
    )


def downgrade() -> None:
    """Take them away again."""
    op.drop_index("ix_notification_floods", "notification")
    op.drop_column("attempt", "evidence_freed_at")

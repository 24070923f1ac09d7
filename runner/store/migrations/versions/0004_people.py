"""What people need to help: how long logins last, what failures have in common, where a session can be watched."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the table and the columns; what happened before has no history of logins and belongs to no group."""
    op.create_table(
        "check_result",
        sa.Column("id", BIG, nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("signed_in", sa.Boolean(), nullable=False),
        sa.Column("after", sa.String(40), nullable=False),
        sa.Column("who", sa.Text()),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_check_result_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_check_result"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_check_result_account", "check_result", ["account_id", "at"])
    op.add_column("profile", sa.Column("sign_in_tried_at", BIG))
    op.add_column("session", sa.Column("live_url", sa.Text()))
    for name, kind in (("locator", sa.Text()), ("site_revision", sa.String(100)), ("signature", sa.String(64))):
        op.add_column("attempt", sa.Column(name, kind))
    only = sa.text("signature IS NOT NULL")
    op.create_index("ix_attempt_signature", "attempt", ["signature", "id"], sqlite_where=only, postgresql_where=only)


def downgrade() -> None:
    """Take it away again; the checkpoints on disk stay."""
    op.drop_index("ix_attempt_signature", "attempt")
    for name in ("signature", "site_revision", "locator"):
        op.drop_column("attempt", name)
    op.drop_column("session", "live_url")
    op.drop_column("profile", "sign_in_tried_at")
    op.drop_index("ix_check_result_account", "check_result")
    op.drop_table("check_result")

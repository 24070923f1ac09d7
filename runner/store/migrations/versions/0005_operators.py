"""Who may use the API: operators, their sessions and one-time links, tokens, answers given once, and the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _id() -> sa.Column[int]:
    return sa.Column("id", BIG, nullable=False)


def upgrade() -> None:
    """Add the tables; nobody may sign in before the first one-time link is used."""
    op.create_table(
        "operator",
        _id(),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("password_hash", sa.String(300)),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_operator"),
        sa.UniqueConstraint("name", name="uq_operator_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "operator_session",
        _id(),
        sa.Column("operator_id", BIG, nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("address", sa.String(100), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("last_seen_at", BIG, nullable=False),
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"], name="fk_operator_session_operator_id"),
        sa.PrimaryKeyConstraint("id", name="pk_operator_session"),
        sa.UniqueConstraint("secret_hash", name="uq_operator_session_secret_hash"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_operator_session_operator_id", "operator_session", ["operator_id"])
    op.create_table(
        "sign_in_link",
        _id(),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("expires_at", BIG, nullable=False),
        sa.Column("used_at", BIG),
        sa.PrimaryKeyConstraint("id", name="pk_sign_in_link"),
        sa.UniqueConstraint("secret_hash", name="uq_sign_in_link_secret_hash"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "api_token",
        _id(),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("hint", sa.String(20), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("last_used_at", BIG),
        sa.Column("revoked_at", BIG),
        sa.PrimaryKeyConstraint("id", name="pk_api_token"),
        sa.UniqueConstraint("name", name="uq_api_token_name"),
        sa.UniqueConstraint("secret_hash", name="uq_api_token_secret_hash"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "idempotency_key",
        _id(),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("request_hash", sa.String(64), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("answer", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_idempotency_key"),
        sa.UniqueConstraint("who", "key", name="uq_idempotency_key_who_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_idempotency_key_created_at", "idempotency_key", ["created_at"])
    op.create_table(
        "audit",
        _id(),
        sa.Column("at", BIG, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("via", sa.String(40), nullable=False),
        sa.Column("address", sa.String(100), nullable=False),
        sa.Column("action", sa.String(200), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("request_id", sa.String(100), nullable=False),
        sa.Column("details", sa.JSON()),
        sa.Column("status", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_who", "audit", ["who", "id"])


def downgrade() -> None:
    """Take it all away; whoever was signed in is not any more."""
    for table in ("audit", "idempotency_key", "api_token", "sign_in_link", "operator_session", "operator"):
        op.drop_table(table)

"""Jobs that wait for others, are raised by waiting, have a timeout of their own, and are pruned."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add what is new; what is queued already waits for nothing."""
    op.add_column("account", sa.Column("raise_at", BIG))
    op.create_index("ix_account_raise_at", "account", ["raise_at"], **_only("raise_at IS NOT NULL"))
    # Whoever has a due Job is looked at again at once: how long it has waited was not counted before.
    op.execute("UPDATE account SET raise_at = head_due_at WHERE head_rank > 0")
    op.add_column("job", sa.Column("timeout_s", sa.Float()))
    op.add_column("job", sa.Column("if_failed", sa.String(40), nullable=False, server_default=sa.text("'fail'")))
    op.add_column("job", sa.Column("waits_for", sa.Integer(), nullable=False, server_default=sa.text("0")))
    _index_waiting("state = 'queued' AND pinned_to IS NULL AND waits_for = 0")
    op.create_index("ix_job_ended_at", "job", ["ended_at"], **_only("ended_at IS NOT NULL"))
    _job_dependency()
    _pruned_job()
    _effect_without_its_job()


def downgrade() -> None:
    """Take it away again. Pruned keys are forgotten, and what waited for another Job is cancelled: nobody would wait.

    Effects keep standing without a foreign key: those of pruned Jobs must not be lost.
    """
    op.execute(
        "UPDATE job SET state = 'cancelled', ended_at = created_at, error = 'It waited for another job.' "
        "WHERE state = 'queued' AND waits_for > 0"
    )
    op.drop_table("pruned_job")
    op.drop_table("job_dependency")
    op.drop_index("ix_job_ended_at", "job")
    op.drop_index("ix_job_waiting", "job")
    op.drop_index("ix_job_waking", "job")
    for column in ("waits_for", "if_failed", "timeout_s"):
        op.drop_column("job", column)
    waiting = _only("state = 'queued' AND pinned_to IS NULL")
    op.create_index("ix_job_waiting", "job", ["account_id", "rank", "due_at"], **waiting)
    op.create_index("ix_job_waking", "job", ["account_id", "due_at"], **waiting)
    op.drop_index("ix_account_raise_at", "account")
    op.drop_column("account", "raise_at")


def _only(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def _index_waiting(condition: str) -> None:
    op.drop_index("ix_job_waiting", "job")
    op.drop_index("ix_job_waking", "job")
    op.create_index("ix_job_waiting", "job", ["account_id", "rank", "due_at"], **_only(condition))
    op.create_index("ix_job_waking", "job", ["account_id", "due_at"], **_only(condition))


def _job_dependency() -> None:
    op.create_table(
        "job_dependency",
        sa.Column("job_id", BIG, nullable=False),
        sa.Column("needs_id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_job_dependency_job_id"),
        sa.ForeignKeyConstraint(["needs_id"], ["job.id"], name="fk_job_dependency_needs_id"),
        sa.PrimaryKeyConstraint("job_id", "needs_id", name="pk_job_dependency"),
    )
    op.create_index("ix_job_dependency_needs_id", "job_dependency", ["needs_id"])


def _pruned_job() -> None:
    op.create_table(
        "pruned_job",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("job_id", BIG, nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("flow", sa.String(100), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("ended_at", BIG),
        sa.Column("pruned_at", BIG, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_pruned_job_account_id"),
        sa.PrimaryKeyConstraint("key", name="pk_pruned_job"),
    )
    op.create_index("ix_pruned_job_job_id", "pruned_job", ["job_id"])


def _effect_without_its_job() -> None:
    """SQLite cannot drop a foreign key: the table is made anew, and filled from the old one."""
    op.drop_index("ix_effect_job_id", "effect")
    op.drop_index("ix_effect_state", "effect")
    op.rename_table("effect", "effect_before")
    op.create_table(
        "effect",
        sa.Column("id", BIG, nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("natural_key", sa.Text(), nullable=False),
        sa.Column("payload_hash", sa.String(64), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("job_id", BIG, nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("armed_at", BIG),
        sa.Column("remote_id", sa.Text()),
        sa.Column("detail", sa.Text()),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("changed_at", BIG, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_effect_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_effect"),
        sa.UniqueConstraint("account_id", "kind", "natural_key", name="uq_effect_account_id_kind_natural_key"),
        sqlite_autoincrement=True,
    )
    op.execute("INSERT INTO effect SELECT * FROM effect_before")
    op.drop_table("effect_before")
    op.create_index("ix_effect_job_id", "effect", ["job_id"])
    op.create_index("ix_effect_state", "effect", ["state"])

"""The first tables: accounts, jobs and what they leave behind, listings, threads, effects."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""Ids, and times as microseconds since 1970 in UTC."""

TABLES = (
    "account",
    "batch",
    "tag",
    "account_tag",
    "event",
    "job",
    "listing",
    "participant",
    "profile",
    "session",
    "attempt",
    "effect",
    "listing_photo",
    "thread",
    "evidence",
    "message",
    "step",
)


def upgrade() -> None:
    """Create the tables."""
    _account()
    _batch()
    _tag()
    _account_tag()
    _event()
    _job()
    _listing()
    _participant()
    _profile()
    _session()
    _attempt()
    _effect()
    _listing_photo()
    _thread()
    _evidence()
    _message()
    _step()


def downgrade() -> None:
    """Drop the tables, and with them their indices."""
    for table in reversed(TABLES):
        op.drop_table(table)


def only(condition: str) -> dict[str, Any]:
    """An index over the rows that meet `condition`."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def _account() -> None:
    op.create_table(
        "account",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("site", sa.String(100), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("secret_kind", sa.String(20), nullable=False),
        sa.Column("secret_name", sa.Text(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("state_reason", sa.Text()),
        sa.Column("last_served_at", BIG),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("head_job_id", BIG),
        sa.Column("head_rank", sa.Integer()),
        sa.Column("head_due_at", BIG),
        sa.Column("wake_at", BIG),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("name", name="uq_account_name"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_account_head",
        "account",
        ["head_rank", "last_served_at", "head_due_at"],
        **only("state = 'active' AND head_rank IS NOT NULL"),
    )
    op.create_index("ix_account_wake_at", "account", ["wake_at"], **only("wake_at IS NOT NULL"))


def _batch() -> None:
    op.create_table(
        "batch",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_batch"),
        sqlite_autoincrement=True,
    )


def _tag() -> None:
    op.create_table(
        "tag",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tag"),
        sa.UniqueConstraint("name", name="uq_tag_name"),
    )


def _account_tag() -> None:
    op.create_table(
        "account_tag",
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("tag_id", BIG, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_account_tag_account_id"),
        sa.ForeignKeyConstraint(["tag_id"], ["tag.id"], name="fk_account_tag_tag_id"),
        sa.PrimaryKeyConstraint("account_id", "tag_id", name="pk_account_tag"),
    )
    op.create_index("ix_account_tag_tag_id", "account_tag", ["tag_id"])


def _event() -> None:
    op.create_table(
        "event",
        sa.Column("id", BIG, nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("account_id", BIG),
        sa.Column("job_id", BIG),
        sa.Column("attempt_id", BIG),
        sa.Column("batch_id", BIG),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_event_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_event_account", "event", ["account_id", "id"])
    op.create_index("ix_event_batch", "event", ["batch_id", "id"])
    op.create_index("ix_event_job", "event", ["job_id", "id"])


def _job() -> None:
    op.create_table(
        "job",
        sa.Column("id", BIG, nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("flow", sa.String(100), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("due_at", BIG, nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("ended_at", BIG),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text()),
        sa.Column("batch_id", BIG),
        sa.Column("pinned_to", sa.String(200)),
        sa.Column("owner", sa.String(200)),
        sa.Column("lease_until", BIG),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("result", sa.JSON()),
        sa.Column("error_kind", sa.String(40)),
        sa.Column("error", sa.Text()),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.CheckConstraint("rank BETWEEN 0 AND 3", name=op.f("ck_job_rank")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_job_account_id"),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name="fk_job_batch_id"),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
        sa.UniqueConstraint("key", name="uq_job_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_job_account", "job", ["account_id", "id"])
    op.create_index("ix_job_batch", "job", ["batch_id", "state"])
    op.create_index(
        "ix_job_pinned", "job", ["pinned_to", "due_at"], **only("state = 'queued' AND pinned_to IS NOT NULL")
    )
    op.create_index("ix_job_state", "job", ["state", "id"])
    op.create_index(
        "ix_job_waiting", "job", ["account_id", "rank", "due_at"], **only("state = 'queued' AND pinned_to IS NULL")
    )
    op.create_index("ix_job_waking", "job", ["account_id", "due_at"], **only("state = 'queued' AND pinned_to IS NULL"))
    op.create_index("uq_job_one_running", "job", ["account_id"], unique=True, **only("state = 'running'"))


def _listing() -> None:
    op.create_table(
        "listing",
        sa.Column("id", BIG, nullable=False),
        sa.Column("account_id", BIG),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(10), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("remote_id", sa.Text()),
        sa.Column("url", sa.Text()),
        sa.Column("published_at", BIG),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("changed_at", BIG, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_listing_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_listing"),
        sa.UniqueConstraint("account_id", "reference", name="uq_listing_account_id_reference"),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_listing_unassigned", "listing", ["reference"], unique=True, **only("account_id IS NULL"))


def _participant() -> None:
    op.create_table(
        "participant",
        sa.Column("id", BIG, nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("first_seen_at", BIG, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_participant_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_participant"),
        sa.UniqueConstraint("account_id", "name", name="uq_participant_account_id_name"),
    )


def _profile() -> None:
    op.create_table(
        "profile",
        sa.Column("id", BIG, nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("browser_major", sa.Integer()),
        sa.Column("last_login_at", BIG),
        sa.Column("last_probe_at", BIG),
        sa.Column("notes", sa.Text()),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_profile_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_profile"),
        sa.UniqueConstraint("account_id", name="uq_profile_account_id"),
    )


def _session() -> None:
    op.create_table(
        "session",
        sa.Column("id", BIG, nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("mode", sa.String(40), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("browser_version", sa.String(100), nullable=False),
        sa.Column("started_at", BIG, nullable=False),
        sa.Column("ended_at", BIG),
        sa.Column("end", sa.String(40)),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_session_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_session"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_session_account_id", "session", ["account_id"])


def _attempt() -> None:
    op.create_table(
        "attempt",
        sa.Column("id", BIG, nullable=False),
        sa.Column("job_id", BIG, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("session_id", BIG),
        sa.Column("started_at", BIG, nullable=False),
        sa.Column("ended_at", BIG),
        sa.Column("outcome", sa.String(40)),
        sa.Column("kind", sa.String(40)),
        sa.Column("error", sa.Text()),
        sa.Column("step", sa.Text()),
        sa.Column("wait_s", sa.Float()),
        sa.Column("reason", sa.Text()),
        sa.Column("sign_ins", sa.Integer(), nullable=False),
        sa.Column("popups", sa.Integer(), nullable=False),
        sa.Column("evidence_dir", sa.Text()),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_attempt_job_id"),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], name="fk_attempt_session_id"),
        sa.PrimaryKeyConstraint("id", name="pk_attempt"),
        sa.UniqueConstraint("job_id", "number", name="uq_attempt_job_id_number"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_attempt_session_id", "attempt", ["session_id"])


def _effect() -> None:
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
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_effect_job_id"),
        sa.PrimaryKeyConstraint("id", name="pk_effect"),
        sa.UniqueConstraint("account_id", "kind", "natural_key", name="uq_effect_account_id_kind_natural_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_effect_job_id", "effect", ["job_id"])
    op.create_index("ix_effect_state", "effect", ["state"])


def _listing_photo() -> None:
    op.create_table(
        "listing_photo",
        sa.Column("listing_id", BIG, nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["listing_id"], ["listing.id"], name="fk_listing_photo_listing_id"),
        sa.PrimaryKeyConstraint("listing_id", "ordinal", name="pk_listing_photo"),
    )


def _thread() -> None:
    op.create_table(
        "thread",
        sa.Column("id", BIG, nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("participant_id", BIG, nullable=False),
        sa.Column("listing_title", sa.Text()),
        sa.Column("excerpt", sa.Text(), nullable=False),
        sa.Column("unread", sa.Integer(), nullable=False),
        sa.Column("last_at", BIG),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("first_seen_at", BIG, nullable=False),
        sa.Column("read_at", BIG, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_thread_account_id"),
        sa.ForeignKeyConstraint(["participant_id"], ["participant.id"], name="fk_thread_participant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_thread"),
        sa.UniqueConstraint("account_id", "remote_id", name="uq_thread_account_id_remote_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_thread_last_at", "thread", ["last_at"])
    op.create_index("ix_thread_participant_id", "thread", ["participant_id"])
    op.create_index("ix_thread_unread", "thread", ["account_id", "last_at"], **only("unread > 0"))


def _evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("id", BIG, nullable=False),
        sa.Column("attempt_id", BIG, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("age_s", sa.Float()),
        sa.Column("created_at", BIG, nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name="fk_evidence_attempt_id"),
        sa.PrimaryKeyConstraint("id", name="pk_evidence"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_evidence_attempt_id", "evidence", ["attempt_id"])


def _message() -> None:
    op.create_table(
        "message",
        sa.Column("id", BIG, nullable=False),
        sa.Column("thread_id", BIG, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("direction", sa.String(40), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sent_at", BIG),
        sa.Column("first_seen_at", BIG, nullable=False),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name="fk_message_thread_id"),
        sa.PrimaryKeyConstraint("id", name="pk_message"),
        sa.UniqueConstraint("thread_id", "key", name="uq_message_thread_id_key"),
        sqlite_autoincrement=True,
    )


def _step() -> None:
    op.create_table(
        "step",
        sa.Column("id", BIG, nullable=False),
        sa.Column("attempt_id", BIG, nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("started_at", BIG, nullable=False),
        sa.Column("ended_at", BIG),
        sa.Column("ok", sa.Boolean()),
        sa.Column("detail", sa.Text()),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name="fk_step_attempt_id"),
        sa.PrimaryKeyConstraint("id", name="pk_step"),
        sa.UniqueConstraint("attempt_id", "ordinal", name="uq_step_attempt_id_ordinal"),
    )

"""The tables of the work, in the words of DESIGN §2. A change here needs a migration; a test compares the two.

What is bought, sold and said stands in `trade_tables`.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    text,
)

from runner.domain.effects import EffectKind, EffectState
from runner.domain.schedules import Missed
from runner.domain.states import AccountState, EvidenceKind, IfFailed, JobState, Mode, Outcome, SessionEnd
from runner.errors import ErrorKind
from runner.store.columns import EnumText, Json, SafeText, UtcTime
from runner.store.schema import BigId, id_column, index_where, metadata, reference

RUNNING = "state = 'running'"

account = Table(
    "account",
    metadata,
    id_column(),
    Column("name", String(200), nullable=False, unique=True),
    Column("site", String(100), nullable=False),
    Column("username", SafeText, nullable=False),
    Column("secret_kind", String(20), nullable=False),
    Column("secret_name", SafeText, nullable=False),
    Column("state", EnumText(AccountState), nullable=False),
    Column("state_reason", SafeText),
    Column("last_served_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    # The head of the Account's queue: its most pressing due Job that is not pinned, kept up to date by the engine so
    # that a claim reads 16 rows of one index and not 100,000 Jobs. `wake_at` is when the next one falls due, `raise_at`
    # when waiting next raises one to a higher priority; `head_rank` is the priority that counts, not the one given.
    Column("head_job_id", BigId),
    Column("head_rank", Integer),
    Column("head_due_at", UtcTime),
    Column("wake_at", UtcTime),
    Column("raise_at", UtcTime),
    # A person may have what the Account did counted anew from a moment on; the records stay.
    Column("counted_from", UtcTime),
    # Its own limits and hours, where a person has set them: they take the place of the configured ones.
    Column("limits", Json),
    Column("hours", Json),
    # When its inbox had been read to the end for the first time: what was there by then is history.
    Column("inbox_read_at", UtcTime),
    sqlite_autoincrement=True,
)
index_where(
    "state = 'active' AND head_rank IS NOT NULL",
    "ix_account_head",
    account.c.head_rank,
    account.c.last_served_at,
    account.c.head_due_at,
)
# No index on the state alone: without statistics SQLite would take it for a claim, and read all active Accounts.
index_where("state = 'active' AND head_rank IS NOT NULL", "ix_account_head_due", account.c.head_due_at)
index_where("wake_at IS NOT NULL", "ix_account_wake_at", account.c.wake_at)
index_where("raise_at IS NOT NULL", "ix_account_raise_at", account.c.raise_at)

tag = Table("tag", metadata, id_column(), Column("name", String(200), nullable=False, unique=True))

account_tag = Table(
    "account_tag",
    metadata,
    Column("account_id", BigId, ForeignKey("account.id"), primary_key=True),
    Column("tag_id", BigId, ForeignKey("tag.id"), primary_key=True, index=True),
)

profile = Table(
    "profile",
    metadata,
    id_column(),
    Column("account_id", BigId, ForeignKey("account.id"), nullable=False, unique=True),
    Column("path", SafeText, nullable=False),
    Column("browser_major", Integer),
    Column("last_login_at", UtcTime),
    Column("last_probe_at", UtcTime),
    Column("sign_in_tried_at", UtcTime),
    Column("notes", SafeText),
)

# The history of logins: what a probe found, and `after` what (a look, a sign-in, a checkpoint, a person).
check_result = Table(
    "check_result",
    metadata,
    id_column(),
    reference("account_id", "account.id"),
    Column("at", UtcTime, nullable=False),
    Column("signed_in", Boolean, nullable=False),
    Column("after", String(40), nullable=False),
    Column("who", SafeText),
    Index("ix_check_result_account", "account_id", "at"),
    sqlite_autoincrement=True,
)

session = Table(
    "session",
    metadata,
    id_column(),
    reference("account_id", "account.id", index=True),
    Column("mode", EnumText(Mode), nullable=False),
    Column("owner", String(200), nullable=False),
    Column("browser_version", String(100), nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("end", EnumText(SessionEnd)),
    # Where it can be watched and taken over while it is open; without the secret that opens the door.
    Column("live_url", SafeText),
    sqlite_autoincrement=True,
)
index_where("ended_at IS NULL", "ix_session_open", session.c.id)

batch = Table(
    "batch",
    metadata,
    id_column(),
    Column("name", SafeText, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    sqlite_autoincrement=True,
)

job = Table(
    "job",
    metadata,
    id_column(),
    reference("account_id", "account.id"),
    Column("flow", String(100), nullable=False),
    Column("params", Json, nullable=False),
    Column("state", EnumText(JobState), nullable=False),
    Column("rank", Integer, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("attempts", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("key", SafeText, unique=True),
    reference("batch_id", "batch.id", nullable=True),
    Column("pinned_to", String(200)),
    Column("owner", String(200)),
    Column("lease_until", UtcTime),
    Column("fence", Integer, nullable=False),
    Column("reason", SafeText),
    Column("result", Json),
    Column("error_kind", EnumText(ErrorKind)),
    Column("error", SafeText),
    Column("cancel_requested", Boolean, nullable=False),
    Column("timeout_s", Float),
    Column("if_failed", EnumText(IfFailed), nullable=False, server_default=text("'fail'")),
    Column("waits_for", Integer, nullable=False, server_default=text("0")),
    # The number of the Job that this one repeats; that one may have been pruned.
    Column("replay_of", BigId),
    # Why it is put off until its due_at, in words: a limit, or hours. It is due at once when those change.
    Column("postponed", SafeText),
    CheckConstraint("rank BETWEEN 0 AND 3", name="rank"),
    sqlite_autoincrement=True,
)
# An Account has one live Lease, whatever the code above the database believes.
index_where(RUNNING, "uq_job_one_running", job.c.account_id, unique=True)
_WAITING = "state = 'queued' AND pinned_to IS NULL AND waits_for = 0"
index_where(_WAITING, "ix_job_waiting", job.c.account_id, job.c.rank, job.c.due_at)
index_where(_WAITING, "ix_job_waking", job.c.account_id, job.c.due_at)
_PINNED = "state = 'queued' AND pinned_to IS NOT NULL"
index_where(_PINNED, "ix_job_pinned", job.c.pinned_to, job.c.due_at)
index_where("state = 'queued' AND postponed IS NOT NULL", "ix_job_postponed", job.c.account_id)
Index("ix_job_account", job.c.account_id, job.c.id)
Index("ix_job_state", job.c.state, job.c.id)
Index("ix_job_batch", job.c.batch_id, job.c.state)
_ENDED = "ended_at IS NOT NULL"
index_where(_ENDED, "ix_job_ended_at", job.c.ended_at)
Index("ix_job_due_at", job.c.due_at, job.c.id)
index_where("flow = 'send_message'", "ix_job_replies", job.c.account_id, job.c.id)

schedule = Table(
    "schedule",
    metadata,
    id_column(),
    Column("name", String(200), nullable=False, unique=True),
    reference("account_id", "account.id", nullable=True),
    Column("tag", String(200)),
    Column("flow", String(100), nullable=False),
    Column("params", Json, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("cron", String(200)),
    Column("every_s", Float),
    Column("timezone", String(100), nullable=False),
    Column("start", UtcTime, nullable=False),
    Column("missed", EnumText(Missed), nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("timeout_s", Float),
    Column("created_at", UtcTime, nullable=False),
    Column("last_due_at", UtcTime),
    Column("next_due_at", UtcTime, index=True),
    sqlite_autoincrement=True,
)

job_dependency = Table(
    "job_dependency",
    metadata,
    Column("job_id", BigId, ForeignKey("job.id"), primary_key=True),
    Column("needs_id", BigId, ForeignKey("job.id"), primary_key=True, index=True),
)

# What is left of a pruned Job: enough to know that what its key stands for was asked for, and how it ended.
pruned_job = Table(
    "pruned_job",
    metadata,
    Column("key", SafeText, primary_key=True),
    Column("job_id", BigId, nullable=False, index=True),
    reference("account_id", "account.id"),
    Column("flow", String(100), nullable=False),
    Column("state", EnumText(JobState), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("pruned_at", UtcTime, nullable=False),
)

attempt = Table(
    "attempt",
    metadata,
    id_column(),
    reference("job_id", "job.id"),
    Column("number", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    reference("session_id", "session.id", nullable=True, index=True),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("outcome", EnumText(Outcome)),
    Column("kind", EnumText(ErrorKind)),
    Column("error", SafeText),
    Column("step", SafeText),
    Column("wait_s", Float),
    Column("reason", SafeText),
    Column("sign_ins", Integer, nullable=False),
    Column("popups", Integer, nullable=False),
    Column("evidence_dir", SafeText),
    # When its files were deleted to make room; it has no evidence_dir since.
    Column("evidence_freed_at", UtcTime),
    # What failures of one cause have in common: kind, Step, locator and the adapter's revision, as one hash.
    Column("locator", SafeText),
    Column("site_revision", String(100)),
    Column("signature", String(64)),
    UniqueConstraint("job_id", "number"),
    sqlite_autoincrement=True,
)
index_where("signature IS NOT NULL", "ix_attempt_signature", attempt.c.signature, attempt.c.id)
index_where(_ENDED, "ix_attempt_ended_at", attempt.c.ended_at, attempt.c.outcome, attempt.c.kind, attempt.c.job_id)
index_where("kind IS NOT NULL", "ix_attempt_failed", attempt.c.id)

step = Table(
    "step",
    metadata,
    id_column(),
    reference("attempt_id", "attempt.id"),
    Column("ordinal", Integer, nullable=False),
    Column("name", SafeText, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("ok", Boolean),
    Column("detail", SafeText),
    UniqueConstraint("attempt_id", "ordinal"),
)

evidence = Table(
    "evidence",
    metadata,
    id_column(),
    reference("attempt_id", "attempt.id", index=True),
    Column("kind", EnumText(EvidenceKind), nullable=False),
    Column("path", SafeText, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("age_s", Float),
    Column("created_at", UtcTime, nullable=False),
    sqlite_autoincrement=True,
)
index_where("kind = 'thread'", "ix_evidence_thread", evidence.c.attempt_id)

event = Table(
    "event",
    metadata,
    id_column(),
    Column("at", UtcTime, nullable=False),
    Column("name", String(100), nullable=False),
    reference("account_id", "account.id", nullable=True),
    # No foreign keys: an Event outlives the Job that is pruned.
    Column("job_id", BigId),
    Column("attempt_id", BigId),
    Column("batch_id", BigId),
    Column("data", Json, nullable=False),
    Index("ix_event_account", "account_id", "id"),
    Index("ix_event_job", "job_id", "id"),
    Index("ix_event_batch", "batch_id", "id"),
    sqlite_autoincrement=True,
)

effect = Table(
    "effect",
    metadata,
    id_column(),
    reference("account_id", "account.id"),
    Column("kind", EnumText(EffectKind), nullable=False),
    Column("natural_key", SafeText, nullable=False),
    Column("payload_hash", String(64), nullable=False),
    Column("state", EnumText(EffectState), nullable=False, index=True),
    # No foreign key: an Effect outlives the Job that is pruned, or the same listing could be published again.
    Column("job_id", BigId, nullable=False, index=True),
    Column("fence", Integer, nullable=False),
    Column("armed_at", UtcTime),
    Column("remote_id", SafeText),
    Column("detail", SafeText),
    Column("created_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    UniqueConstraint("account_id", "kind", "natural_key"),
    sqlite_autoincrement=True,
)
# From what stands at the Site to what put it there.
index_where("remote_id IS NOT NULL", "ix_effect_remote_id", effect.c.account_id, effect.c.remote_id)

"""The tables of following up: Sequences with their steps, Enrolments, and what was sent for them."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, UniqueConstraint

from runner.domain.enrolments import EnrolmentState, SendState, Source, StopReason
from runner.domain.sequences import Unit
from runner.store.columns import EnumText, SafeText, UtcTime
from runner.store.schema import BigId, id_column, index_where, metadata, reference

LIVE_ROWS = "state IN ('active', 'postponed', 'in_doubt')"

sequence = Table(
    "sequence",
    metadata,
    id_column(),
    Column("name", SafeText, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("name"),
    sqlite_autoincrement=True,
)

sequence_step = Table(
    "sequence_step",
    metadata,
    Column("sequence_id", BigId, ForeignKey("sequence.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("amount", Integer, nullable=False),
    Column("unit", EnumText(Unit), nullable=False),
    Column("template", SafeText, nullable=False),
)

enrolment = Table(
    "enrolment",
    metadata,
    id_column(),
    # The Sequence by number and name, without a foreign key: an Enrolment that has ended outlives it.
    Column("sequence_id", BigId, nullable=False),
    Column("sequence", SafeText, nullable=False),
    reference("thread_id", "thread.id", index=True),
    Column("state", EnumText(EnrolmentState), nullable=False),
    Column("reason", EnumText(StopReason)),
    Column("detail", SafeText),
    Column("source", EnumText(Source), nullable=False),
    Column("by", SafeText),
    # The Message whose Rule has enrolled it: the reply to that is no reason to stop.
    Column("message_id", BigId),
    # How many steps were sent.
    Column("position", Integer, nullable=False),
    # Messages with higher numbers were not judged yet.
    Column("seen_id", BigId, nullable=False),
    # The Listing that the Thread is about, when that was for sale: no foreign key, for it may be removed.
    Column("listing_id", BigId),
    Column("base_at", UtcTime, nullable=False),
    Column("next_due_at", UtcTime),
    Column("postponed_until", UtcTime),
    # When the counterpart wrote, and after how many steps.
    Column("replied_at", UtcTime),
    Column("replied_after", Integer),
    Column("enrolled_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Index("ix_enrolment_sequence", "sequence_id", "state"),
    sqlite_autoincrement=True,
)
index_where(LIVE_ROWS, "uq_enrolment_live", enrolment.c.sequence_id, enrolment.c.thread_id, unique=True)
index_where(LIVE_ROWS, "ix_enrolment_due", enrolment.c.next_due_at)

enrolment_send = Table(
    "enrolment_send",
    metadata,
    id_column(),
    reference("enrolment_id", "enrolment.id"),
    Column("position", Integer, nullable=False),
    Column("time", Integer, nullable=False),
    Column("text", SafeText, nullable=False),
    Column("template_id", BigId),
    Column("template", SafeText, nullable=False),
    # The key of the Message that it follows.
    Column("follows", SafeText, nullable=False),
    Column("state", EnumText(SendState), nullable=False),
    Column("detail", SafeText),
    # No foreign key: Jobs are pruned.
    Column("job_id", BigId),
    Column("created_at", UtcTime, nullable=False),
    Column("sent_at", UtcTime),
    UniqueConstraint("enrolment_id", "position", "time"),
    Index("ix_enrolment_send_template", "template_id"),
    Index("ix_enrolment_send_job", "job_id"),
    sqlite_autoincrement=True,
)
index_where("state = 'sending'", "uq_enrolment_send_open", enrolment_send.c.enrolment_id, unique=True)

"""The tables of SLAs: what is promised, what is owed by when, and what was told of it."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table

from runner.domain.sla import SlaKind
from runner.store.columns import EnumText, SafeText, UtcTime
from runner.store.schema import BigId, metadata

sla = Table(
    "sla",
    metadata,
    Column("tag", String(200), primary_key=True),
    Column("first_response_s", Integer),
    Column("resolution_s", Integer),
    # The name of an Operator: it stays readable when the Operator is gone.
    Column("assign", SafeText),
    Column("put_tag", String(200)),
    Column("changed_at", UtcTime, nullable=False),
)

# What is owed now. It is worked out from Threads, Messages, tags and hours, and can be worked out again.
sla_due = Table(
    "sla_due",
    metadata,
    Column("thread_id", BigId, ForeignKey("thread.id"), primary_key=True),
    Column("kind", EnumText(SlaKind), primary_key=True),
    Column("tag", String(200), nullable=False),
    Column("begun_at", UtcTime, nullable=False),
    Column("near_at", UtcTime, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    # When there is something to tell; NULL when all has been told.
    Column("next_at", UtcTime),
    Index("ix_sla_due_due_at", "due_at"),
    Index("ix_sla_due_next_at", "next_at"),
)

# What was told, in one transaction with what was done about it: never twice, whatever becomes of `sla_due`.
sla_told = Table(
    "sla_told",
    metadata,
    Column("thread_id", BigId, ForeignKey("thread.id"), primary_key=True),
    Column("kind", EnumText(SlaKind), primary_key=True),
    Column("tag", String(200), primary_key=True),
    Column("begun_at", UtcTime, primary_key=True),
    Column("broken", Boolean, primary_key=True),
    Column("due_at", UtcTime, nullable=False),
    Column("at", UtcTime, nullable=False),
)

# How far `sla_due` has kept up: with the Events, with the configured hours, and with a walk through all Threads.
sla_watch = Table(
    "sla_watch",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("event_id", BigId, nullable=False),
    Column("hours", String(64), nullable=False),
    # The Thread that such a walk has come to; NULL when there is none.
    Column("walked_to", BigId),
)

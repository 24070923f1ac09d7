"""The tables of what people keep about Threads, beside what the Site shows of them."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Table

from runner.domain.desk import Satisfaction
from runner.store.columns import EnumText, SafeText, UtcTime
from runner.store.schema import BigId, id_column, metadata, reference

thread_tag = Table(
    "thread_tag",
    metadata,
    Column("thread_id", BigId, ForeignKey("thread.id"), primary_key=True),
    Column("tag_id", BigId, ForeignKey("tag.id"), primary_key=True),
    Column("at", UtcTime, nullable=False),
    Index("ix_thread_tag_tag_id", "tag_id", "at"),
)

note = Table(
    "note",
    metadata,
    id_column(),
    reference("thread_id", "thread.id", index=True),
    Column("at", UtcTime, nullable=False),
    # The name of an Operator: it stays readable when the Operator is gone.
    Column("by", SafeText, nullable=False),
    Column("text", SafeText, nullable=False),
    sqlite_autoincrement=True,
)

# A person's word on whether two Threads are one counterpart's; the smaller number stands first.
thread_link = Table(
    "thread_link",
    metadata,
    Column("thread_id", BigId, ForeignKey("thread.id"), primary_key=True),
    Column("other_id", BigId, ForeignKey("thread.id"), primary_key=True, index=True),
    Column("same", Boolean, nullable=False),
    Column("by", SafeText, nullable=False),
    Column("at", UtcTime, nullable=False),
)

# What a Message said before it was edited at the Site, and when that was found.
message_edit = Table(
    "message_edit",
    metadata,
    id_column(),
    reference("message_id", "message.id", index=True),
    Column("at", UtcTime, nullable=False),
    Column("text", SafeText, nullable=False),
    sqlite_autoincrement=True,
)

# One time that a Thread was open until it was closed. A Thread that was never closed has none.
resolution = Table(
    "resolution",
    metadata,
    id_column(),
    reference("thread_id", "thread.id", index=True),
    Column("opened_at", UtcTime, nullable=False),
    Column("closed_at", UtcTime),
    Column("by", SafeText),
    Column("satisfaction", EnumText(Satisfaction)),
    Column("satisfaction_by", SafeText),
    Index("ix_resolution_closed_at", "closed_at"),
    sqlite_autoincrement=True,
)

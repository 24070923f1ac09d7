"""The tables of what people keep about Threads, beside what the Site shows of them."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Table

from runner.store.schema import BigId, metadata

thread_tag = Table(
    "thread_tag",
    metadata,
    Column("thread_id", BigId, ForeignKey("thread.id"), primary_key=True),
    Column("tag_id", BigId, ForeignKey("tag.id"), primary_key=True, index=True),
)

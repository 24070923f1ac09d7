"""A Message that stands last again, because what came after it was deleted, is decided about anew."""

from __future__ import annotations

from sqlalchemy import ColumnElement, delete, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.drafts import DraftState, Verdict
from runner.store import situations
from runner.store.rule_tables import decision, draft
from runner.store.trade_tables import message


async def reopen_last(connection: AsyncConnection, thread_id: int) -> None:
    """Forget what was decided about the last Message of a Thread only because somebody had written after it.

    In the transaction that finds that deleted: a counterpart who takes back "oops" still waits for an answer.
    """
    last = (message.c.thread_id == thread_id, situations.INBOUND, message.c.deleted_at.is_(None))
    statement = select(message.c.id).where(*last, ~situations.later_than(message), or_(_overtaken(), _outdated()))
    numbers = (await connection.execute(statement)).scalars().all()
    await connection.execute(delete(draft).where(draft.c.message_id.in_(numbers)))
    await connection.execute(delete(decision).where(decision.c.message_id.in_(numbers)))


def _overtaken() -> ColumnElement[bool]:
    mine = (decision.c.message_id == message.c.id, decision.c.verdict == Verdict.OVERTAKEN)
    return exists().where(*mine).correlate_except(decision)


def _outdated() -> ColumnElement[bool]:
    """Whether a Draft was written, and was outdated before anybody gave it to a Job."""
    unsent = (draft.c.state == DraftState.OUTDATED, draft.c.sendings == 0, draft.c.job_id.is_(None))
    return exists().where(draft.c.message_id == message.c.id, *unsent).correlate_except(draft)

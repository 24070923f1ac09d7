"""What is owed in Threads, by when: worked out from tags, Messages, status and hours, and kept for who asks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.hours import WorkingHours
from runner.domain.sla import Due, SlaKind, strictest
from runner.domain.states import Direction, ThreadStatus
from runner.store import exchanges, slas, thread_tags
from runner.store.account_ids import CHUNK
from runner.store.rate_usage import RateUsage
from runner.store.sla_tables import sla_due, sla_told
from runner.store.thread_tables import resolution
from runner.store.trade_tables import message, thread

FIELDS = tuple(Due.__dataclass_fields__)


async def owed_first(connection: AsyncConnection, thread_ids: Sequence[int]) -> dict[int, Due]:
    """What is due first in each of some Threads; one in which nothing is owed is not among them."""
    found: dict[int, Due] = {}
    for start in range(0, len(thread_ids), CHUNK):
        mine = sla_due.c.thread_id.in_(thread_ids[start : start + CHUNK])
        for row in await connection.execute(select(sla_due).where(mine).order_by(sla_due.c.due_at, sla_due.c.kind)):
            found.setdefault(row.thread_id, Due(**{name: row._mapping[name] for name in FIELDS}))
    return found


def overdue(now: datetime) -> Select[tuple[int]]:
    """The numbers of the Threads in which something is overdue, as a subquery."""
    return select(sla_due.c.thread_id).where(sla_due.c.due_at <= now)


async def refresh(connection: AsyncConnection, usage: RateUsage, thread_ids: Sequence[int]) -> None:
    """Work out anew what is owed in some Threads, in the running transaction: give it one or two."""
    await put(connection, thread_ids, await work_out(connection, usage, thread_ids))


async def work_out(connection: AsyncConnection, usage: RateUsage, thread_ids: Sequence[int]) -> list[dict[str, Any]]:
    """The rows for what is owed in some Threads; it only reads, and takes its time."""
    dues = await _dues(connection, usage, thread_ids)
    told: dict[tuple[Any, ...], set[bool]] = {}
    for row in await connection.execute(select(sla_told).where(sla_told.c.thread_id.in_(thread_ids))):
        told.setdefault((row.thread_id, row.kind, row.tag, row.begun_at), set()).add(row.broken)
    return [
        asdict(due) | {"next_at": _next(due, told.get((due.thread_id, due.kind, due.tag, due.begun_at), set()))}
        for due in dues
    ]


async def put(connection: AsyncConnection, thread_ids: Sequence[int], rows: Sequence[dict[str, Any]]) -> None:
    """Write what was worked out, in place of what was owed in these Threads."""
    await connection.execute(delete(sla_due).where(sla_due.c.thread_id.in_(thread_ids)))
    if rows:
        await connection.execute(insert(sla_due), list(rows))


def _next(due: Due, told: set[bool]) -> datetime | None:
    if True in told:
        return None
    return due.due_at if told else due.near_at


async def _dues(connection: AsyncConnection, usage: RateUsage, thread_ids: Sequence[int]) -> list[Due]:
    promised = await slas.promised(connection)
    tags = await thread_tags.tags_of(connection, thread_ids)
    bound = {number: kept for number, names in tags.items() if (kept := [promised[n] for n in names if n in promised])}
    if not bound:
        return []
    begun = await _begun(connection, list(bound))
    whose = select(thread.c.id, thread.c.account_id, thread.c.status).where(thread.c.id.in_(bound))
    hours: dict[int, WorkingHours] = {}
    found = []
    for row in (await connection.execute(whose)).all():
        if row.status is ThreadStatus.CLOSED:
            continue
        if row.account_id not in hours:
            hours[row.account_id] = (await usage.pace(connection, row.account_id)).hours
        for kind in SlaKind:
            since = begun[kind].get(row.id)
            if since is None:
                continue
            # Hours are walked through day by day, which takes milliseconds: others have their turn in between.
            await asyncio.sleep(0)
            due = strictest(row.id, kind, since, bound[row.id], hours[row.account_id])
            if due is not None:
                found.append(due)
    return found


async def _begun(connection: AsyncConnection, thread_ids: Sequence[int]) -> dict[SlaKind, dict[int, datetime]]:
    """Since when an answer, and the end, are owed: where the counterpart has never written neither is."""
    mine = message.c.thread_id.in_(thread_ids)
    asked = exchanges.questions(mine)
    waiting = select(asked.c.thread_id, asked.c.asked_at).where(asked.c.answer_id.is_(None))
    written = (
        select(message.c.thread_id, func.min(exchanges.WHEN))
        .where(mine, message.c.direction == Direction.INBOUND)
        .group_by(message.c.thread_id)
    )
    reopened = (
        select(resolution.c.thread_id, func.max(resolution.c.opened_at))
        .where(resolution.c.thread_id.in_(thread_ids), resolution.c.closed_at.is_(None))
        .group_by(resolution.c.thread_id)
    )
    opened = dict((await connection.execute(reopened)).tuples().all())
    # What was left unanswered when the Thread was closed is not owed since then, but since it was opened again.
    first = {number: max(at, opened.get(number, at)) for number, at in await connection.execute(waiting)}
    whole = {number: opened.get(number, at) for number, at in await connection.execute(written)}
    return {SlaKind.FIRST_RESPONSE: first, SlaKind.RESOLUTION: whole}

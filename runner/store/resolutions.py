"""How Threads were settled: a row for each time that one was open until it was closed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.desk import Resolution, Satisfaction
from runner.domain.states import Direction, ThreadStatus
from runner.errors import Conflict
from runner.store.columns import UtcTime, storable
from runner.store.thread_tables import resolution
from runner.store.trade_tables import message, thread

_WHEN = func.coalesce(message.c.sent_at, message.c.first_seen_at, type_=UtcTime())


async def closed(connection: AsyncConnection, thread_id: int, at: datetime, *, by: str | None) -> None:
    """A Thread that was not closed is closed now, in the running transaction."""
    mine = (resolution.c.thread_id == thread_id, resolution.c.closed_at.is_(None))
    values = {"closed_at": at, "by": None if by is None else storable(by)}
    if (await connection.execute(update(resolution).where(*mine).values(values))).rowcount:
        return
    asked = select(func.min(_WHEN)).where(message.c.thread_id == thread_id, message.c.direction == Direction.INBOUND)
    seen = select(thread.c.first_seen_at).where(thread.c.id == thread_id)
    begun = (await connection.execute(asked)).scalar() or (await connection.execute(seen)).scalar_one()
    await connection.execute(insert(resolution).values(thread_id=thread_id, opened_at=begun, **values))


async def opened(connection: AsyncConnection, thread_id: int, at: datetime) -> None:
    """A Thread that was closed is open again since a moment, in the running transaction; its time counts anew."""
    last = select(func.max(resolution.c.closed_at)).where(resolution.c.thread_id == thread_id)
    since = max(at, (await connection.execute(last)).scalar() or at)
    await connection.execute(insert(resolution).values(thread_id=thread_id, opened_at=since))


async def mark(connection: AsyncConnection, thread_id: int, how: Satisfaction | None, *, by: str | None) -> None:
    """A person says how the counterpart left, the last time that the Thread was closed. Raises Conflict for never."""
    mine = (resolution.c.thread_id == thread_id, resolution.c.closed_at.is_not(None))
    number = (await connection.execute(select(func.max(resolution.c.id)).where(*mine))).scalar()
    if number is None:
        raise Conflict(f"Thread {thread_id} was not closed yet.", cure="Say how it ended when you close it.")
    said = {"satisfaction": how, "satisfaction_by": None if by is None or how is None else storable(by)}
    await connection.execute(update(resolution).where(resolution.c.id == number).values(said))


async def of(connection: AsyncConnection, thread_id: int) -> list[Resolution]:
    """Those of one Thread, the oldest first."""
    statement = select(resolution).where(resolution.c.thread_id == thread_id).order_by(resolution.c.id)
    return [Resolution(**row._mapping) for row in await connection.execute(statement)]


async def settle(
    connection: AsyncConnection,
    thread_id: int,
    before: ThreadStatus,
    status: ThreadStatus,
    at: datetime,
    *,
    by: str | None = None,
) -> None:
    """Keep when a Thread was closed, and when it was opened again, in the running transaction."""
    if status is ThreadStatus.CLOSED and before is not ThreadStatus.CLOSED:
        await closed(connection, thread_id, at, by=by)
    elif before is ThreadStatus.CLOSED and status is not ThreadStatus.CLOSED:
        await opened(connection, thread_id, at)

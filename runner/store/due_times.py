"""Due times at work: they keep up with what is done to Threads, and what is near or broken is told once.

Whoever changes a Thread tells so in an Event, as it always did; from those it is seen here what is to be worked out
anew. Any number of processes may sweep at once: each step ends in one write transaction that looks before it does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.sla import SlaKind
from runner.errors import SetupError
from runner.store import due_rows, events, slas, thread_tags
from runner.store.database import Database
from runner.store.rate_usage import RateUsage
from runner.store.sla_tables import sla_due, sla_told, sla_watch
from runner.store.tables import account, event
from runner.store.thread_tables import thread_tag
from runner.store.trade_tables import thread

log = structlog.get_logger()

AT_ONCE = 100
FAR_BEHIND = 2_000
"""So many Events that concern nobody here are passed over at once."""

OF_THREADS = ("MessagesReceived", "MessagesChanged", "ThreadChanged", "ThreadReopened")
OF_HOURS = "HoursChanged"
STIRRING = (*OF_THREADS, OF_HOURS, "SlaSet", "SlaRemoved")
"""The Events that may move a due time."""


class DueTimes:
    """Keeps `sla_due` up, and tells."""

    def __init__(self, db: Database, usage: RateUsage, promises: slas.Slas) -> None:
        self.slas = promises
        self._db = db
        self._usage = usage

    async def sweep(self, stop: asyncio.Event | None = None) -> int:
        """Keep up, then tell what has come near or was broken; returns how many. What is left is found again."""
        await self.keep_up(stop)
        count, now = 0, self._db.clock.now()
        while not (stop and stop.is_set()):
            ripe = select(sla_due.c.thread_id, sla_due.c.kind).where(sla_due.c.next_at <= now)
            async with self._db.read() as connection:
                found = (await connection.execute(ripe.order_by(sla_due.c.next_at).limit(AT_ONCE))).all()
            for number, kind in found:
                count += await self._tell(number, kind)
            if len(found) < AT_ONCE:
                break
        return count

    async def keep_up(self, stop: asyncio.Event | None = None) -> None:
        """Work out anew what may have changed since the last time."""
        while not (stop and stop.is_set()) and await self._behind():
            await self.step()

    async def _behind(self) -> bool:
        async with self._db.read() as connection:
            watch = (await connection.execute(select(sla_watch))).first()
            if watch is None:
                return False
            if watch.walked_to is not None or watch.hours != self._usage.pacing.digest:
                return True
            later = select(event.c.id).where(event.c.id > watch.event_id)
            told = later.where(event.c.name.in_((*OF_THREADS, OF_HOURS))).limit(1)
            newest = (await connection.execute(select(func.max(event.c.id)))).scalar() or 0
            return newest > watch.event_id + FAR_BEHIND or (await connection.execute(told)).first() is not None

    async def step(self) -> None:
        """Work out some of it while others write, and then write that down: the writer is kept for a moment only.

        What happens to a Thread meanwhile has its Event behind the one up to which was read: it is seen next time.
        """
        async with self._db.read() as connection:
            watch = (await connection.execute(select(sla_watch))).one()
            values = {"event_id": watch.event_id, "walked_to": watch.walked_to, "hours": self._usage.pacing.digest}
            if watch.hours != values["hours"]:
                values["walked_to"] = 0
            if values["walked_to"] is not None:
                numbers = await _next_threads(connection, values["walked_to"])
                values["walked_to"] = numbers[-1] if len(numbers) == AT_ONCE else None
            else:
                numbers, values["event_id"], moved = await _stirred(connection, watch.event_id)
                values["walked_to"] = 0 if moved else None
            rows = await due_rows.work_out(connection, self._usage, numbers) if numbers else []
        async with self._db.write() as connection:
            # Another process may have come further, or have begun a walk anew: then that counts.
            as_read = [sla_watch.c[name].is_not_distinct_from(watch._mapping[name]) for name in values]
            if (await connection.execute(update(sla_watch).where(*as_read).values(values))).rowcount and numbers:
                await due_rows.put(connection, numbers, rows)

    async def _tell(self, thread_id: int, kind: SlaKind) -> bool:
        async with self._db.write() as connection:
            now = self._db.clock.now()
            # What was done to the Thread a moment ago counts, and so does what another process has told.
            await due_rows.refresh(connection, self._usage, [thread_id])
            mine = (sla_due.c.thread_id == thread_id, sla_due.c.kind == kind)
            row = (await connection.execute(select(sla_due).where(*mine, sla_due.c.next_at <= now))).first()
            if row is None:
                return False
            broken = row.due_at <= now
            named = {"thread_id": thread_id, "kind": kind, "tag": row.tag, "begun_at": row.begun_at}
            await connection.execute(insert(sla_told).values(broken=broken, due_at=row.due_at, at=now, **named))
            await connection.execute(update(sla_due).where(*mine).values(next_at=None if broken else row.due_at))
            done = await self._escalate(connection, thread_id, row.tag, now) if broken else {}
            whose = select(account.c.id, account.c.name).join(thread).where(thread.c.id == thread_id)
            number, name = (await connection.execute(whose)).one()
            data = {"thread": thread_id, "kind": str(kind), "tag": row.tag, "due": row.due_at.isoformat()}
            facts = [("SlaBroken" if broken else "SlaNear", data | done)]
            if done:
                facts.append(("ThreadChanged", {"thread": thread_id} | done))
            told = [events.Fact(name=what, account=(number, name), data=each) for what, each in facts]
            await events.record(self._db, connection, told)
            return True

    async def _escalate(self, connection: AsyncConnection, thread_id: int, tag: str, now: datetime) -> dict[str, str]:
        """Do what the SLA says about what is late; returns what has changed by that."""
        found, done = (await slas.promised(connection))[tag], {}
        if found.assign is not None:
            who = thread.c.assignee.is_(None), thread.c.assignee != found.assign
            given = update(thread).where(thread.c.id == thread_id, or_(*who)).values(assignee=found.assign)
            if (await connection.execute(given)).rowcount:
                done["assignee"] = found.assign
        if found.put_tag is not None:
            try:
                tags = await thread_tags.change(connection, thread_id, now, add=[found.put_tag], remove=())
            except SetupError as full:
                # It has as many as it can hold: it is late all the same, and told.
                log.warning("a late thread got no further tag", thread=thread_id, why=full.what)
                tags = None
            if tags is not None:
                done["tags"] = ", ".join(tags)
        return done


async def _next_threads(connection: AsyncConnection, after: int) -> Sequence[int]:
    """The next Threads that have a tag, or something owed from when they had one."""
    # Each side is cut off by itself: a walk would otherwise read all of both at each of its steps.
    numbers: set[int] = set()
    for whose in (thread_tag.c.thread_id, sla_due.c.thread_id):
        some = select(whose).where(whose > after).distinct().order_by(whose).limit(AT_ONCE)
        numbers |= set((await connection.execute(some)).scalars())
    return sorted(numbers)[:AT_ONCE]


async def _stirred(connection: AsyncConnection, since: int) -> tuple[Sequence[int], int, bool]:
    """The Threads that something was done to after an Event, up to which one, and whether hours have changed."""
    newest = (await connection.execute(select(func.max(event.c.id)))).scalar() or since
    named = (event.c.id > since, event.c.name.in_((*OF_THREADS, OF_HOURS)))
    told = select(event.c.id, event.c.name, event.c.data).where(*named).order_by(event.c.id).limit(AT_ONCE)
    rows = (await connection.execute(told)).all()
    numbers = {row.data["thread"] for row in rows if row.name != OF_HOURS and "thread" in row.data}
    upto = rows[-1].id if len(rows) == AT_ONCE else newest
    return sorted(numbers), upto, any(row.name == OF_HOURS for row in rows)

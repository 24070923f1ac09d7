"""A Worker: a loop that claims Jobs and performs them, one Account at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from runner.domain.jobs import Lease
from runner.engine.interface import JobEngine
from runner.errors import Conflict, StaleLease
from runner.orchestrator.attempts import Attempts
from runner.orchestrator.patience import recorded
from runner.orchestrator.visits import Look, Visit, Visits
from runner.orchestrator.watch import Ending, Watch

log = structlog.get_logger()

Again = Callable[[Visit], Awaitable[Lease | None]]
"""Asked after each Attempt of a visit: the Lease of a further one."""
LEASE_TTL_S = 10.0
HEARTBEAT_S = 2.0
SETTLED_S = 0.5
JOBS_PER_VISIT = 20
"""After so many Jobs in one Session the other Accounts have their turn, however many more this one has due."""


class Worker:
    """Claims, performs and lets go; `owner` is the process, of which there may be many Workers."""

    def __init__(
        self, *, engine: JobEngine, attempts: Attempts, visits: Visits, owner: str, idle_poll_s: float
    ) -> None:
        self._engine = engine
        self._attempts = attempts
        self._visits = visits
        self._owner = owner
        self._idle_poll_s = idle_poll_s

    async def run(self, stop: asyncio.Event, *, until: Callable[[], Awaitable[bool]] | None = None) -> None:
        """Work until `stop` is set, or until there is nothing due and `until` answers True."""
        while not stop.is_set():
            lease = await recorded(lambda: self._engine.claim(owner=self._owner, ttl_s=LEASE_TTL_S))
            if lease is not None:
                await self.serve(lease, Look(), stop)
            elif until is not None and await until():
                return
            else:
                await until_set(stop, self._idle_poll_s)

    async def serve(self, lease: Lease, look: Look, stop: asyncio.Event) -> None:
        """Perform a leased Job and then, in the same Session, what else is due for that Account."""
        async with self._visits.visit(lease.job.account, look, stop, warm=True) as visit:
            turn: Lease | None = lease
            for _ in range(JOBS_PER_VISIT):
                if turn is None:
                    return
                await self.perform(turn, visit)
                if stop.is_set() or visit.spoilt:
                    return
                turn = await self._engine.claim(owner=self._owner, ttl_s=LEASE_TTL_S, account=lease.job.account)
            if turn is not None:
                await self._engine.requeue(turn)

    async def perform(self, lease: Lease, visit: Visit, *, again: Again | None = None) -> None:
        """Perform one leased Job, its lease renewed all the while, and then what `again` gives another Lease for.

        It is asked at once, for the Account is anybody's meanwhile: the failure's page is made when it has answered.
        """
        turn: Lease | None = lease
        while turn is not None:
            watch = Watch()
            async with asyncio.TaskGroup() as group:
                work = group.create_task(self._attempts.perform(turn, visit, watch))
                group.create_task(self._beat(turn, work, watch))
                group.create_task(self._attempts.show(visit))
            turn = await again(visit) if again is not None else None
        await self._attempts.show(visit)

    async def _beat(self, lease: Lease, work: asyncio.Task[None], watch: Watch) -> None:
        while not work.done():
            await asyncio.wait({work}, timeout=HEARTBEAT_S)
            if work.done():
                return
            try:
                if await self._engine.renew(lease, ttl_s=LEASE_TTL_S):
                    watch.end(Ending.CANCELLED)
                    work.cancel()
                    return
            except Conflict as locked:
                # Nobody takes the lease of a process that is alive; when the database can be written, it is renewed.
                log.warning("the lease could not be renewed yet", job=lease.job.id, error=str(locked))
            except StaleLease:
                # Its end may just have been recorded, which gives the lease back a moment before the task is done.
                await asyncio.wait({work}, timeout=SETTLED_S)
                if work.done():
                    return
                log.warning("the lease went to another owner; stopping", job=lease.job.id, account=lease.job.account)
                watch.end(Ending.STALE)
                work.cancel()
                return


async def until_set(event: asyncio.Event, timeout_s: float) -> None:
    """Wait for an event, but no longer than `timeout_s`."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return

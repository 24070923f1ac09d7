"""The Orchestrator: owns the Workers, the rescue of dead owners' Jobs, and the shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta

import structlog

from runner.domain.clock import Clock
from runner.domain.jobs import Job
from runner.domain.states import JobState, Mode
from runner.engine.interface import JobEngine
from runner.errors import Conflict
from runner.orchestrator.first_of import first_of
from runner.orchestrator.rescuer import Rescuer
from runner.orchestrator.visits import Look, Visits
from runner.orchestrator.workers import LEASE_TTL_S, Again, Worker, until_set

log = structlog.get_logger()

RESCUE_EVERY_S = 5.0


class Orchestrator:
    """Runs Workers over the queue (`run`), or one Job at once in this process (`run_job`)."""

    def __init__(
        self,
        *,
        engine: JobEngine,
        visits: Visits,
        worker: Callable[[], Worker],
        rescuer: Rescuer,
        owner: str,
        concurrency: int,
        stop_s: float,
        clock: Clock,
        rescue_every_s: float = RESCUE_EVERY_S,
    ) -> None:
        self._engine = engine
        self._visits = visits
        self._worker = worker
        self._rescuer = rescuer
        self._owner = owner
        self._concurrency = concurrency
        self._stop_s = stop_s
        self._clock = clock
        self._rescue_every_s = rescue_every_s

    async def run(
        self,
        stop: asyncio.Event,
        *,
        until: Callable[[], Awaitable[bool]] | None = None,
        beside: Callable[[asyncio.Event], Coroutine[None, None, None]] | None = None,
    ) -> None:
        """Work with `concurrency` browsers until `stop` is set, or until nothing is due and `until` answers True.

        `beside` runs next to the Workers until `stop` (the daemon's cycles). After `stop`, running Attempts have
        `stop_s` seconds to finish; then they are interrupted, which costs them no attempt.
        """
        await self._rescuer.rescue()
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(self._worker().run(stop, until=until)) for _ in range(self._concurrency)]
            group.create_task(self._rescue_until(over))
            group.create_task(self._end_at(stop, over, workers))
            if beside is not None:
                group.create_task(beside(over))

    async def _end_at(self, stop: asyncio.Event, over: asyncio.Event, workers: list[asyncio.Task[None]]) -> None:
        stopping = asyncio.create_task(stop.wait())
        try:
            everyone = asyncio.create_task(_all_done(workers))
            await asyncio.wait({stopping, everyone}, return_when=asyncio.FIRST_COMPLETED)
            if not everyone.done():
                self._visits.let_idle_go()
                log.info("stopping", running=sum(not worker.done() for worker in workers), within_s=self._stop_s)
                await asyncio.wait(workers, timeout=self._stop_s)
                for worker in workers:
                    worker.cancel()
            await everyone
        finally:
            stopping.cancel()
            over.set()

    async def _rescue_until(self, over: asyncio.Event) -> None:
        while not over.is_set():
            await until_set(over, self._rescue_every_s)
            if not over.is_set():
                await self._rescuer.rescue()

    async def admit(self, account: str, look: Look) -> None:
        """Whether a Job may be performed for this Account now. Raises NeedsPerson, NotFound.

        An Account that is not active is opened only where somebody watches, in a headed browser, or for a person who
        gives it its login back.
        """
        if look.mode is not Mode.HEADED and look.checkpoint is None:
            await self._visits.expect_active(account)

    async def run_job(
        self,
        job_id: int,
        look: Look,
        stop: asyncio.Event,
        *,
        on_wait: Callable[[Job, Job | None], None] = lambda job, holder: None,
        again: Again | None = None,
    ) -> Job:
        """Perform one Job here, retries included, and return it as it ended.

        While its Account is busy elsewhere, or the next Attempt is not yet due, `on_wait` is told (the Job, and the Job
        that has the Account now). `again` may give the Lease of a further Attempt in the same Visit. When `stop`
        is set a running Attempt is interrupted after `stop_s` seconds, and at once where it may be waiting for the very
        person who stops it.
        Raises NeedsPerson when the Account was parked meanwhile; the Job stays queued until it is resumed. Raises
        Conflict when a limit has put it off; it stays queued until then.
        """
        await self._rescuer.rescue()
        work = self._job_to_its_end(job_id, look, stop, on_wait, again)
        await self.to_its_end(work, stop, at_once=look.pause_on_error)
        return await self._engine.get(job_id)

    async def to_its_end(
        self, work: Coroutine[None, None, None], stop: asyncio.Event, *, at_once: bool = False
    ) -> None:
        """Run `work`; when `stop` is set it has `stop_s` seconds left, or none where it is to end `at_once`."""
        task = asyncio.create_task(work)
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                await asyncio.wait({task}, timeout=0 if at_once else self._stop_s)
                task.cancel()
            await asyncio.wait({task})
            if not task.cancelled():
                task.result()
        finally:
            task.cancel()
            stopping.cancel()
            await asyncio.wait({task, stopping})

    async def _job_to_its_end(
        self,
        job_id: int,
        look: Look,
        stop: asyncio.Event,
        on_wait: Callable[[Job, Job | None], None],
        again: Again | None,
    ) -> None:
        worker = self._worker()
        while not stop.is_set():
            job = await self._engine.get(job_id)
            if job.state not in (JobState.QUEUED, JobState.RUNNING):
                return
            await self.admit(job.account, look)
            _expect_not_put_off(job, self._clock.now())
            lease = None
            if job.state is JobState.QUEUED and job.due_at <= self._clock.now():
                lease = await self._engine.claim_job(job_id, owner=self._owner, ttl_s=LEASE_TTL_S)
            if lease is None:
                on_wait(job, await self._engine.holder(job.account))
                wait_s = (job.due_at - self._clock.now()) / timedelta(seconds=1)
                await until_set(stop, min(5.0, max(0.2, wait_s)))
                await self._rescuer.rescue()
                continue
            async with self._visits.visit(job.account, look, stop) as visit:
                await worker.perform(lease, visit, again=again)
                if again is not None:
                    return
                if look.keep_open and visit.session is not None:
                    await first_of(visit.session.live.gone, stop)


def _expect_not_put_off(job: Job, now: datetime) -> None:
    """Raises Conflict for a Job that a limit has put off: whoever sits there is not kept waiting for it."""
    if job.postponed is not None and job.due_at > now:
        raise Conflict(
            f"Job {job.id} ({job.account} {job.flow}) is put off. {job.postponed}.",
            cure=f"A daemon or a cycle performs it then. What is used: runner limits show {job.account}. "
            f"If it is not to be done: runner jobs cancel {job.id}",
        )


async def _all_done(workers: list[asyncio.Task[None]]) -> None:
    await asyncio.wait(workers)

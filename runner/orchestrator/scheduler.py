"""The scheduler: creates the Jobs of due Schedules, in every daemon; the engine sees to it that each comes once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from runner.domain.clock import Clock
from runner.engine.interface import JobEngine
from runner.orchestrator.patience import recorded
from runner.orchestrator.workers import until_set

log = structlog.get_logger()

LOOK_EVERY_S = 5.0
"""A Schedule that another process adds, or a step of the clock, is noticed within so many seconds."""


class Scheduler:
    """Sleeps until the next Schedule is due."""

    def __init__(self, *, engine: JobEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def repeat(self, stop: asyncio.Event) -> None:
        """Create what is due now, what was missed, and whatever falls due until `stop` is set."""
        while not stop.is_set():
            for job in await recorded(self._engine.submit_scheduled):
                log.info("a schedule created a job", job=job.id, account=job.account, flow=job.flow)
            next_due_at = await self._engine.next_schedule_at()
            wait_s = LOOK_EVERY_S
            if next_due_at is not None:
                wait_s = min(wait_s, max(0.05, (next_due_at - self._clock.now()) / timedelta(seconds=1)))
            await until_set(stop, wait_s)

"""Cycles: one Batch over all active Accounts, by hand or again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog

from runner.domain.clock import Clock
from runner.domain.jobs import Job, NewJob
from runner.domain.states import AccountState, JobState
from runner.engine.interface import JobEngine
from runner.errors import NotFound
from runner.orchestrator.orchestrator import Orchestrator
from runner.orchestrator.workers import until_set
from runner.sites.flows import catalog
from runner.store.accounts import Accounts

log = structlog.get_logger()


class Cycles:
    """Submits a Job per Account and Flow; `every_s` is from the start of one cycle to the start of the next."""

    def __init__(
        self,
        *,
        engine: JobEngine,
        accounts: Accounts,
        orchestrator: Orchestrator,
        flows: Sequence[str],
        every_s: float,
        max_attempts: int,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._accounts = accounts
        self._orchestrator = orchestrator
        self._flows = flows
        self._every_s = every_s
        self._max_attempts = max_attempts
        self._clock = clock

    async def start(
        self, *, accounts: Sequence[str] = (), tags: Sequence[str] = (), flows: Sequence[str] = ()
    ) -> tuple[int, list[Job]]:
        """Submit one cycle: all active Accounts, or those named or tagged. Raises NotFound for a wrong name.

        An Account that still has an open Job of a Flow from an earlier cycle gets no second one.
        """
        flows = flows or self._flows
        for name in flows:
            catalog.flow_named(name)
        new = []
        for account in await self._chosen(accounts, tags):
            waiting = await self._engine.list_jobs(account=account, states=[JobState.QUEUED, JobState.RUNNING])
            busy = {job.flow for job in waiting if job.batch_id is not None and not job.params}
            new += [
                NewJob(account=account, flow=flow, max_attempts=self._max_attempts)
                for flow in flows
                if flow not in busy
            ]
        return await self._engine.submit_batch("cycle", new)

    async def _chosen(self, names: Sequence[str], tags: Sequence[str]) -> list[str]:
        active = await self._accounts.list_accounts(states=[AccountState.ACTIVE])
        if names:
            return [(await self._accounts.by_name(name)).name for name in names]
        if tags:
            known = {tag for account in active for tag in account.tags}
            for tag in tags:
                if tag not in known:
                    raise NotFound("tag", tag, known)
            return [account.name for account in active if set(tags) & set(account.tags)]
        return [account.name for account in active]

    async def work(self, batch_id: int, stop: asyncio.Event) -> None:
        """Work until every Job of the Batch has ended or waits for a person."""

        async def over() -> bool:
            progress = await self._engine.batch(batch_id)
            return progress.done == progress.total

        if not await over():
            await self._orchestrator.run(stop, until=over)

    async def repeat(self, stop: asyncio.Event) -> None:
        """Start a cycle now and every `every_s` seconds until `stop` is set."""
        while not stop.is_set():
            began = self._clock.now()
            batch_id, jobs = await self.start()
            log.info("cycle started", batch=batch_id, jobs=len(jobs))
            spent_s = (self._clock.now() - began) / timedelta(seconds=1)
            await until_set(stop, max(0.0, self._every_s - spent_s))

"""Debugging a Flow: it stops where it fails, a person acts in the open browser, and it is tried again there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from runner.domain.jobs import Job, Lease
from runner.domain.states import AccountState, JobState, SessionEnd
from runner.engine.interface import JobEngine
from runner.errors import AttemptError
from runner.orchestrator.asking import WAITING
from runner.orchestrator.visits import Visit
from runner.orchestrator.workers import LEASE_TTL_S, until_set
from runner.store.accounts import Accounts

POLL_S = 1.0

AGAIN = (JobState.FAILED, JobState.PARKED, JobState.QUEUED)
"""What can be tried again; a Job that is unknown waits for a person's word about its Effect (`runner effects`)."""


class Answer(StrEnum):
    """What a person wants after a failure."""

    HERE = "here"  # perform the Flow again in the same browser, with the page as the person left it
    START = "start"  # perform it again in a fresh browser
    LEAVE = "leave"


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """Where an Attempt stopped, for the person who is asked."""

    account: str
    flow: str
    job_id: int
    attempt_id: int
    step: str | None
    error: AttemptError
    browser_lives: bool


Ask = Callable[[Stopped], Awaitable[Answer]]


class Debugging:
    """Asks a person after each failure of one Job, and goes on as told. Effects that are confirmed are not made again:
    the journal stands between every Flow and the Site here, too.

    While another Job has the Account `on_wait` is told (the Job, and that other one), until `stop` is set.
    """

    def __init__(
        self,
        *,
        engine: JobEngine,
        accounts: Accounts,
        owner: str,
        ask: Ask,
        on_wait: Callable[[Job, Job], None],
        stop: asyncio.Event,
        poll_s: float = POLL_S,
    ) -> None:
        self._engine = engine
        self._accounts = accounts
        self._owner = owner
        self._ask = ask
        self._on_wait = on_wait
        self._stop = stop
        self._poll_s = poll_s
        self._answer = Answer.LEAVE
        self._job_id = 0

    async def ask(self, stopped: Stopped) -> None:
        """Ask while the Attempt still has the Account and its browser is open; the answer is kept for `again`."""
        self._job_id = stopped.job_id
        self._answer = await self._ask(stopped)

    async def again(self, visit: Visit) -> Lease | None:
        """The Lease of the next Attempt in this Visit; None when nobody wants one, or the Job cannot have one."""
        answer, self._answer = self._answer, Answer.LEAVE
        if answer is Answer.LEAVE:
            return None
        job = await self._engine.get(self._job_id)
        if job.state not in AGAIN:
            return None
        if job.state is not JobState.QUEUED:
            await self._engine.retry(job.id, pinned_to=self._owner)
        lease = await self._claimed(job)
        if lease is None:
            return None
        # A browser that is spoilt is closed by the Attempt itself, which renews the lease meanwhile.
        visit.spoilt = answer is Answer.START or (visit.session is not None and visit.session.live.gone.is_set())
        if not visit.spoilt:
            visit.end = SessionEnd.DONE
        if answer is Answer.HERE and job.state is JobState.PARKED:
            await self._settled(visit)
        return lease

    async def _claimed(self, job: Job) -> Lease | None:
        while not self._stop.is_set():
            lease = await self._engine.claim_job(job.id, owner=self._owner, ttl_s=LEASE_TTL_S)
            if lease is not None:
                return lease
            found = await self._engine.get(job.id)
            if found.state is not JobState.QUEUED or found.postponed is not None:
                return None  # cancelled meanwhile, or put off by a limit
            holder = await self._engine.holder(job.account)
            if holder is not None:
                self._on_wait(job, holder)
            await until_set(self._stop, self._poll_s)
        return None

    async def _settled(self, visit: Visit) -> None:
        """What a person was asked for they have done: the next look at the login says whether it was enough."""
        visit.by_hand = True
        account = await self._accounts.by_name(visit.account.name)
        if account.state in WAITING:
            await self._accounts.set_state(account.name, AccountState.ACTIVE)

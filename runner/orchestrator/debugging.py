"""Debugging a Flow: it stops where it fails, a person acts in the open browser, and it is tried again there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

import structlog

from runner.domain.jobs import Lease
from runner.domain.states import JobState, SessionEnd
from runner.engine.interface import JobEngine
from runner.errors import AttemptError
from runner.orchestrator.visits import Visit, Visits
from runner.orchestrator.workers import LEASE_TTL_S

log = structlog.get_logger()

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
    attempt_id: int
    step: str | None
    error: AttemptError
    browser_lives: bool


Ask = Callable[[Stopped], Awaitable[Answer]]


class Debugging:
    """Asks a person after each failure of one Job, and goes on as told. Effects that are confirmed are not made again:
    the journal stands between every Flow and the Site here, too.
    """

    def __init__(self, *, engine: JobEngine, visits: Visits, owner: str, ask: Ask) -> None:
        self._engine = engine
        self._visits = visits
        self._owner = owner
        self._ask = ask
        self._answer = Answer.LEAVE

    async def ask(self, stopped: Stopped) -> None:
        """Ask while the Attempt still has the Account and its browser is open; the answer is kept for `again`."""
        self._answer = await self._ask(stopped)

    async def again(self, job_id: int, visit: Visit) -> Lease | None:
        """The Lease of the next Attempt in this Visit; None when nobody wants one, or the Job cannot have one."""
        answer, self._answer = self._answer, Answer.LEAVE
        job = await self._engine.get(job_id)
        if answer is Answer.LEAVE or job.state not in AGAIN:
            return None
        if answer is Answer.START or (visit.session is not None and visit.session.live.gone.is_set()):
            await self._visits.close(visit)
        visit.spoilt, visit.end = False, SessionEnd.DONE
        if job.state is not JobState.QUEUED:
            await self._engine.retry(job_id, pinned_to=self._owner)
        lease = await self._engine.claim_job(job_id, owner=self._owner, ttl_s=LEASE_TTL_S)
        if lease is None:
            log.warning("the account is busy elsewhere by now; not tried again", job=job_id, account=job.account)
        return lease

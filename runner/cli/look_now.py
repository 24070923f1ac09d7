"""A look at who is signed in, now, by the same way as every job: for commands that need the answer at once."""

from __future__ import annotations

import asyncio

from runner import wiring
from runner.cli.progress import Progress
from runner.cli.run import Waiting
from runner.domain.jobs import Job, NewJob
from runner.domain.states import Priority
from runner.orchestrator.visits import Look


async def looked(runner: wiring.Runner, account: str, look: Look, stop: asyncio.Event) -> Job:
    """Perform one `check_login` for an Account, once, and return the Job as it ended. Raises NeedsPerson, NotFound."""
    await runner.orchestrator.admit(account, look)
    new = NewJob(account=account, flow="check_login", priority=Priority.URGENT, max_attempts=1, pinned_to=runner.owner)
    (job,) = await runner.books.engine.submit([new])
    async with Progress(runner.books.events, job_id=job.id):
        return await runner.orchestrator.run_job(job.id, look, stop, on_wait=Waiting())

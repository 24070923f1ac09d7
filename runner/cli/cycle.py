"""`runner cycle`: every account once, reported as one Batch. Other commands that work through a Batch come here too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

import typer

from runner import wiring
from runner.cli import options, output, watching
from runner.cli.progress import Progress, instead_of_logs
from runner.cli.run import facts
from runner.config.settings import Settings
from runner.domain.jobs import BatchProgress, Job, NewJob
from runner.domain.states import JobState
from runner.logs import Redactor

NO_ACCOUNT = "No active account. Add one: runner accounts add NAME"


def cycle(
    account: Annotated[
        list[str] | None, typer.Option("--account", "-a", metavar="NAME", help="Only this account; may be repeated.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="Only accounts with this tag; may be repeated.")
    ] = None,
    flow: Annotated[
        list[str] | None,
        typer.Option("--flow", metavar="FLOW", help="This flow instead of the configured ones; may be repeated."),
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", metavar="N", min=1, help="Browsers at once.")
    ] = None,
    live: options.Live = False,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Do once, for every active account, what the daemon does in each cycle, and report it as one batch."""
    settings, redactor = options.settings(
        config, {"orchestrator.concurrency": concurrency, "live.enabled": live or None}
    )
    instead_of_logs(settings, redactor)

    async def work(stop: asyncio.Event) -> tuple[BatchProgress, list[Job]]:
        async with wiring.open_runner(settings, redactor) as runner:
            watching.tell(runner)
            batch_id, jobs = await runner.cycles.start(accounts=account or (), tags=tag or (), flows=flow or ())
            return await _worked(runner, batch_id, len(jobs), stop)

    _show(*options.enter(work), as_json=as_json, empty=NO_ACCOUNT)


def perform(
    settings: Settings,
    redactor: Redactor,
    name: str,
    choose: Callable[[wiring.Books], Awaitable[Sequence[NewJob]]],
    *,
    as_json: bool,
    empty: str,
) -> None:
    """Submit the Jobs that `choose` gives as one Batch, work through it, report it and leave with its exit code."""
    instead_of_logs(settings, redactor)

    async def work(stop: asyncio.Event) -> tuple[BatchProgress, list[Job]]:
        async with wiring.open_runner(settings, redactor) as runner:
            batch_id, jobs = await runner.books.engine.submit_batch(name, await choose(runner.books))
            return await _worked(runner, batch_id, len(jobs), stop)

    _show(*options.enter(work), as_json=as_json, empty=empty)


async def _worked(
    runner: wiring.Runner, batch_id: int, total: int, stop: asyncio.Event
) -> tuple[BatchProgress, list[Job]]:
    engine = runner.books.engine
    async with Progress(runner.books.events, batch_id=batch_id, total=total), runner.telling.beside():
        await runner.cycles.work(batch_id, stop)
    return await engine.batch(batch_id), list(await engine.list_jobs(batch_id=batch_id, limit=max(1, total)))


def _show(batch: BatchProgress, jobs: Sequence[Job], *, as_json: bool, empty: str) -> None:
    if as_json:
        output.document({"batch": batch, "jobs": jobs})
    else:
        held = 0 < batch.held == batch.queued
        rows = [(job.account, job.flow, job.state, job.attempts, _told(job, held=held)) for job in reversed(jobs)]
        output.table(("account", "flow", "state", "attempts", "result"), rows, empty=empty)
    if batch.total and not as_json:
        output.say(
            f"Batch {batch.id}: {batch.succeeded} of {batch.total} succeeded, {batch.failed} failed, "
            f"{batch.waiting} {'waits' if batch.waiting == 1 else 'wait'} for a person."
            + (f" {batch.postponed} put off." if batch.postponed else "")
        )
    raise typer.Exit(exit_code(batch))


def exit_code(batch: BatchProgress) -> int:
    """The exit code that a Batch deserves: a failure weighs more than a person who is needed."""
    if batch.succeeded == batch.total:
        return output.DONE
    return output.PERSON_NEEDED if batch.waiting and not (batch.failed or batch.postponed) else output.FAILED


def _told(job: Job, *, held: bool) -> str:
    """What a person is told about a Job; `held` when those that are queued still wait for their Account."""
    if held and job.state is JobState.QUEUED:
        return f"Waits until {job.account} is active again: runner accounts show {job.account}"
    if job.state is JobState.QUEUED and job.postponed is not None:
        return f"Put off until {output.plain(job.due_at)}: {job.postponed}"
    return job.error or facts(job)

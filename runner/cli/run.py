"""`runner run ACCOUNT FLOW`: one Flow for one Account, now, with or without a daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from runner import wiring
from runner.cli import options, output, watching
from runner.cli.progress import Progress, instead_of_logs
from runner.domain.jobs import Job, NewJob
from runner.domain.states import JobState, Mode, Priority
from runner.errors import NeedsPerson
from runner.orchestrator import owners
from runner.orchestrator.visits import Look
from runner.sites import params as flow_params
from runner.sites.flows import catalog

EXITS = {JobState.SUCCEEDED: output.DONE, JobState.PARKED: output.PERSON_NEEDED, JobState.UNKNOWN: output.PERSON_NEEDED}


def run(
    account: options.Account,
    flow: options.Flow,
    set_: options.Set = None,
    file: options.File = None,
    headed: options.Headed = False,
    slow_mo: options.SlowMo = None,
    pause_on_error: Annotated[
        bool, typer.Option("--pause-on-error", help="Open Playwright's inspector where it failed; implies --headed.")
    ] = False,
    keep_open: Annotated[
        bool, typer.Option("--keep-open", help="Leave the browser open until it is closed by hand; implies --headed.")
    ] = False,
    live: options.Live = False,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Perform one flow for one account now; waits while the account is busy elsewhere, and says with whom."""
    headed = headed or pause_on_error or keep_open
    if headed:
        options.need_display()
    settings, redactor = options.settings(config, {"live.enabled": live or None})
    instead_of_logs(settings, redactor)
    params = parameters(flow, set_ or [], file)
    look = Look(
        mode=Mode.HEADED if headed else None, slow_mo_ms=slow_mo, pause_on_error=pause_on_error, keep_open=keep_open
    )

    async def work(stop: asyncio.Event) -> Job:
        async with wiring.open_runner(settings, redactor) as runner:
            await runner.orchestrator.admit(account, look)
            watching.tell(runner)
            new = NewJob(
                account=account,
                flow=flow,
                params=params,
                priority=Priority.URGENT,
                max_attempts=settings.retry.max_attempts,
                pinned_to=runner.owner,
            )
            (job,) = await runner.books.engine.submit([new])
            await runner.books.answering.give_way()
            async with Progress(runner.books.events, job_id=job.id):
                return await runner.orchestrator.run_job(job.id, look, stop, on_wait=Waiting())

    try:
        job = options.enter(work)
    except NeedsPerson as problem:
        output.error(problem)
        raise typer.Exit(output.PERSON_NEEDED) from problem
    show(job, as_json=as_json)


def parameters(flow: str, pairs: list[str], file: Path | None) -> dict[str, Any]:
    """What --file and --set say, checked against the Flow. Raises NotFound, SetupError."""
    given = {**(flow_params.from_file(file) if file else {}), **flow_params.assignments(pairs)}
    return checked(flow, given, folder=file.parent if file else None)


def checked(flow: str, given: Mapping[str, Any], *, folder: Path | None = None) -> dict[str, Any]:
    """Parameters as a Job stores them. Raises NotFound, SetupError."""
    parsed = catalog.flow_named(flow).parse(given, folder=folder)
    stored: dict[str, Any] = parsed.model_dump(mode="json", exclude_unset=True)
    return stored


class Waiting:
    """Says once for each reason why nothing happens yet."""

    def __init__(self) -> None:
        self._said = ""

    def __call__(self, job: Job, holder: Job | None) -> None:
        if holder is not None and holder.id != job.id:
            who = owners.described(holder.owner)
            words = f"{job.account} is busy: job {holder.id} ({holder.flow}) has it, {who}. Waiting …"
        elif job.state is JobState.QUEUED and job.error:
            words = f"waiting until {output.plain(job.due_at)} for the next attempt"
        else:
            return
        if words != self._said:
            output.note(words)
            self._said = words


def show(job: Job, *, as_json: bool) -> None:
    """Print how a Job ended, and leave with its exit code."""
    if as_json:
        output.document(job)
    elif job.state is JobState.SUCCEEDED:
        output.say(f"{job.account} {job.flow}: done. {facts(job)}".rstrip())
    else:
        output.say(f"{job.account} {job.flow}: {job.state}. {output.plain(job.error) if job.error else ''}".rstrip())
        if job.state is JobState.QUEUED:
            output.say(f"  A daemon or a cycle performs it. If it is not to be done: runner jobs cancel {job.id}")
        elif job.state is not JobState.CANCELLED:
            output.say(f"  See what the browser saw: runner evidence list --job {job.id}")
        if job.state is JobState.PARKED:
            output.say(f"  Take it over, and the same job goes on: runner handoff {job.account}")
            output.say(f"  Look into the account: runner run {job.account} check_login --keep-open")
            output.say(f"  When it is settled: runner accounts resume {job.account}")
    raise typer.Exit(EXITS.get(job.state, output.FAILED))


def facts(job: Job) -> str:
    """What came of a Job, in one line; what is not so goes without saying."""
    told = {key.replace("_", " "): value for key, value in (job.result or {}).items() if value is not False}
    return ", ".join(key if value is True else f"{key}: {output.plain(value)}" for key, value in told.items())

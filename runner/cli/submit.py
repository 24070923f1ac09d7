"""`runner jobs submit ACCOUNT FLOW`: a Job for later, or for after another one; nothing is performed here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from runner import wiring
from runner.cli import options, output
from runner.cli.run import parameters
from runner.domain.durations import expect_near, parse_duration
from runner.domain.jobs import Job, NewJob
from runner.domain.states import IfFailed, JobState, Priority
from runner.errors import SetupError
from runner.store.pages import LARGEST

PriorityOption = Annotated[
    Priority, typer.Option("--priority", metavar="PRIORITY", help="urgent, high, normal or low; waiting raises it.")
]
Attempts = Annotated[
    int | None,
    typer.Option("--max-attempts", metavar="N", min=1, max=1000, help="Attempts at most; else as configured."),
]
Timeout = Annotated[
    str | None, typer.Option("--timeout", metavar="TIME", help="For each attempt: 90s, 5m; else as configured.")
]


def submit(
    account: options.Account,
    flow: options.Flow,
    set_: options.Set = None,
    file: options.File = None,
    priority: PriorityOption = Priority.NORMAL,
    due: Annotated[
        str | None,
        typer.Option("--due", metavar="WHEN", help="Not before: in a while (2h30m) or 2026-12-24T18:00, local time."),
    ] = None,
    after: Annotated[
        list[str] | None,
        typer.Option(
            "--after", metavar="JOB", help="Only when this job, by number or key, succeeded; may be repeated."
        ),
    ] = None,
    if_failed: Annotated[
        IfFailed, typer.Option("--if-failed", metavar="WHAT", help="When such a job fails: fail too, or skip.")
    ] = IfFailed.FAIL,
    key: Annotated[
        str | None, typer.Option("--key", metavar="KEY", help="Submitting with the same key again changes nothing.")
    ] = None,
    max_attempts: Attempts = None,
    timeout: Timeout = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Queue a job without performing it: a daemon, or the next cycle, does."""
    settings, _ = options.settings(config)
    params = parameters(flow, set_ or [], file)
    timeout_s = None if timeout is None else parse_duration(timeout).total_seconds()

    async def work(books: wiring.Books) -> tuple[Job, bool]:
        now = books.clock.now()
        new = NewJob(
            account=account,
            flow=flow,
            params=params,
            priority=priority,
            due_at=None if due is None else due_time(due, now),
            key=key,
            max_attempts=max_attempts or settings.retry.max_attempts,
            after=[int(each) if each.isdecimal() and len(each) < len(str(LARGEST)) else each for each in after or []],
            if_failed=if_failed,
            timeout_s=timeout_s,
        )
        newest = await books.events.last_id()
        (job,) = await books.engine.submit([new])
        await books.answering.give_way()
        fresh = await books.events.since(newest, job_id=job.id, names=["JobSubmitted"])
        return job, bool(fresh)

    job, fresh = options.with_books(settings, work)
    if as_json:
        output.document(job)
    else:
        output.say(_told(job, fresh=fresh))


def due_time(text: str, now: datetime) -> datetime:
    """A moment that a person wrote: a span from now, or a date with a time. Raises SetupError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            return now + parse_duration(text)
        except SetupError as problem:
            raise SetupError(
                f'"{text}" is no moment.', cure="Write a span from now, like 2h30m, or a moment, like 2026-12-24T18:00."
            ) from problem
    expect_near(moment, now)
    return moment.astimezone(UTC)


def _told(job: Job, *, fresh: bool) -> str:
    if not fresh:
        gone = ", and was pruned since" if job.pruned_at else ""
        return f"That key is taken: it is job {job.id} ({job.account} {job.flow}), which is {job.state}{gone}."
    if job.state is not JobState.QUEUED:
        return f"Job {job.id} ({job.account} {job.flow}) is {job.state} at once. {output.plain(job.error)}"
    waits = f" It waits for {job.waits_for} other job(s)." if job.waits_for else ""
    return f"Job {job.id} ({job.account} {job.flow}) is queued, due {output.plain(job.due_at)}.{waits}"

"""`runner jobs`: the queue and its history."""

from __future__ import annotations

from typing import Annotated

import typer

from runner import wiring
from runner.cli import jobs_chosen, options, output, submit
from runner.domain.jobs import Attempt, Job, Step
from runner.domain.states import JobState
from runner.errors import ErrorKind
from runner.orchestrator import owners

app = typer.Typer(help="The jobs: list, show, submit, retry, cancel, delete, prune.", no_args_is_help=True)
app.command(short_help="Queue a job: a daemon or a cycle performs it.")(submit.submit)
app.command(short_help="Queue jobs again that failed or wait for a person.")(jobs_chosen.retry)
app.command(short_help="Cancel jobs, also running ones.")(jobs_chosen.cancel)
app.command(short_help="Delete ended jobs with their evidence.")(jobs_chosen.delete)
app.command(short_help="Delete what ended long ago.")(jobs_chosen.prune)

Number = Annotated[
    int, typer.Argument(metavar="NUMBER", parser=options.number, help="Its number, as `runner jobs list` shows it.")
]
COLUMNS = ("job", "account", "flow", "state", "attempts", "due", "error")


@app.command("list")
def list_(
    state: Annotated[
        list[JobState] | None,
        typer.Option(
            "--state",
            metavar="STATE",
            help="Only these: queued, running, parked, succeeded, failed, cancelled, unknown; may be repeated.",
        ),
    ] = None,
    account: Annotated[str | None, typer.Option("--account", metavar="NAME", help="Only this account's.")] = None,
    flow: Annotated[str | None, typer.Option("--flow", metavar="FLOW", help="Only this flow.")] = None,
    batch: Annotated[
        int | None, typer.Option("--batch", metavar="NUMBER", parser=options.number, help="Only this batch.")
    ] = None,
    limit: options.Limit = 50,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """List jobs, the newest first."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> list[Job]:
        found = await books.engine.list_jobs(
            states=state or (), account=account, flow=flow, batch_id=batch, limit=limit
        )
        return list(found)

    jobs = options.with_books(settings, work)
    if as_json:
        output.document({"jobs": jobs})
    else:
        output.table(COLUMNS, [_line(job) for job in jobs], empty="No such job. Submit some: runner cycle")


@app.command(short_help="Show one job with its attempts and their steps.")
def show(job: Number, config: options.Config = None, as_json: options.Json = False) -> None:
    """Show one job with its attempts and their steps: what happened, why, and how long it waited."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> tuple[Job, list[tuple[Attempt, list[Step]]]]:
        found = await books.engine.get(job)
        attempts = await books.records.attempts.of_job(job)
        return found, [(each, await books.records.steps.of_attempt(each.id)) for each in attempts]

    found, attempts = options.with_books(settings, work)
    if as_json:
        output.document({"job": found, "attempts": [{"attempt": each, "steps": steps} for each, steps in attempts]})
        return
    output.table(COLUMNS, [_line(found)])
    if found.error and not attempts:
        output.say(f"Why: {output.plain(found.error)}")
    if _put_off(found):
        output.say(f"Put off until {output.plain(found.due_at)}: {output.plain(found.postponed)}")
    if found.reason:
        output.say(f"Chosen because: {output.plain(found.reason)}")
    if found.replay_of is not None:
        output.say(f"It is a replay of job {found.replay_of}.")
    if found.state is JobState.QUEUED and found.waits_for:
        output.say(f"It waits for {found.waits_for} other job(s) to succeed.")
    if found.state is JobState.RUNNING:
        output.say(f"With {owners.described(found.owner)}")
    for attempt, steps in attempts:
        title = f"Attempt {attempt.number}: {attempt.outcome or 'running'}" + (
            f" ({attempt.kind})" if attempt.kind else ""
        )
        rows = [(s.name, s.detail, "ok" if s.ok else "failed" if s.ended_at else "running", _seconds(s)) for s in steps]
        output.table(("step", "detail", "", "seconds"), rows, title=title, empty=f"{title}, no step.")
        if attempt.error:
            output.say(f"  {output.plain(attempt.error)}")
        if attempt.reason:
            output.say(f"  Then: {output.plain(attempt.reason)}")
        if attempt.evidence_dir:
            output.say(f"  What the browser saw: {settings.evidence.dir / attempt.evidence_dir}")
        elif attempt.evidence_freed_at:
            output.say(f"  Its evidence was deleted on {output.plain(attempt.evidence_freed_at)} to make room.")
        elif attempt.kind and attempt.kind is not ErrorKind.INTERRUPTED:
            output.say(f"  No evidence could be kept. Is there room in {settings.evidence.dir}?")


def _line(job: Job) -> tuple[object, ...]:
    why = _put_off(job) or job.error
    return (job.id, job.account, job.flow, job.state, f"{job.attempts} of {job.max_attempts}", job.due_at, why)


def _put_off(job: Job) -> str | None:
    return job.postponed if job.state is JobState.QUEUED else None


def _seconds(step: Step) -> str:
    return f"{(step.ended_at - step.started_at).total_seconds():.2f}" if step.ended_at else ""

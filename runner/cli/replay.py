"""`runner replay ATTEMPT`: what failed once, once more, with the same parameters and under the same circumstances."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from runner import wiring
from runner.cli import options, output
from runner.cli.progress import Progress, instead_of_logs
from runner.cli.run import Waiting, show
from runner.domain.jobs import Job
from runner.domain.states import Mode
from runner.errors import NeedsPerson
from runner.orchestrator.replays import Replay
from runner.orchestrator.visits import Look


def replay(
    attempt: Annotated[
        int,
        typer.Argument(
            metavar="ATTEMPT",
            parser=options.number,
            help="The attempt's number, as `runner evidence list` shows it.",
        ),
    ],
    headed: options.Headed = False,
    slow_mo: options.SlowMo = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Perform the flow of an attempt again, with its account and parameters, as a new job, traced.

    On the mock marketplace the fault rules of that time are set again for as long as it takes. What the attempt's job
    has published or sent already is not done again.
    """
    if headed:
        options.need_display()
    settings, redactor = options.settings(config)
    instead_of_logs(settings, redactor)
    look = Look(mode=Mode.HEADED if headed else None, slow_mo_ms=slow_mo, debug=True)

    async def work(stop: asyncio.Event) -> Job:
        async with wiring.open_runner(settings, redactor) as runner:
            await runner.replays.set_back(_note)
            found = await runner.replays.of(attempt)
            await runner.orchestrator.admit(found.job.account, look)
            _say_before(found)
            async with runner.replays.under(found, _note):
                job = await runner.replays.submit(found)
                async with Progress(runner.books.events, job_id=job.id):
                    ended = await runner.orchestrator.run_job(job.id, look, stop, on_wait=Waiting())
            for one in (await runner.books.records.attempts.of_job(job.id))[-1:]:
                output.note(f"The replay was attempt {one.id}; attempt {found.attempt.id} is what it replayed.")
            return ended

    try:
        ended = options.enter(work)
    except NeedsPerson as problem:
        output.error(problem)
        raise typer.Exit(output.PERSON_NEEDED) from problem
    show(ended, as_json=as_json)


def _note(words: str) -> None:
    output.note(output.plain(words))


def _say_before(found: Replay) -> None:
    before = f"attempt {found.attempt.id}, {found.attempt.started_at:%Y-%m-%d %H:%M} UTC"
    output.note(f"Replaying {found.job.account} {found.job.flow} ({before}) as a new job.")
    for effect in found.done:
        output.note(f"Done already, and not done again: {effect.kind} {output.plain(effect.remote_id)}.")

"""`runner jobs retry|cancel|delete|prune`: jobs named by number or chosen by filters, and what becomes of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated

import typer

from runner import wiring
from runner.cli import options, output
from runner.config.settings import Settings
from runner.domain.durations import parse_duration
from runner.domain.jobs import Bulk, Job, JobFilter
from runner.domain.states import ENDED, JobState
from runner.errors import ErrorKind, SetupError

Numbers = Annotated[
    list[int] | None,
    typer.Argument(
        metavar="[NUMBER]...", parser=options.number, help="Their numbers, as `runner jobs list` shows them."
    ),
]
States = Annotated[
    list[JobState] | None,
    typer.Option(
        "--state",
        metavar="STATE",
        help="Only these: queued, running, parked, succeeded, failed, cancelled, unknown; may be repeated.",
    ),
]
Account = Annotated[str | None, typer.Option("--account", metavar="NAME", help="Only this account's.")]
Flow = Annotated[str | None, typer.Option("--flow", metavar="FLOW", help="Only this flow.")]
Batch = Annotated[int | None, typer.Option("--batch", metavar="NUMBER", parser=options.number, help="Only this batch.")]
Kind = Annotated[
    ErrorKind | None, typer.Option("--kind", metavar="KIND", help="Only those that failed so: network, captcha, …")
]
OlderThan = Annotated[
    str | None, typer.Option("--older-than", metavar="AGE", help="Only those that ended so long ago: 12h, 30d, 2w.")
]
Group = Annotated[
    str | None,
    typer.Option("--group", metavar="GROUP", help="Only those whose newest attempt failed as this error group does."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it; without, a filter only tells how many there are.")]

RETRIABLE = (JobState.FAILED, JobState.CANCELLED, JobState.PARKED, JobState.UNKNOWN)
CANCELLABLE = (JobState.QUEUED, JobState.RUNNING, JobState.PARKED, JobState.UNKNOWN)
MOST_REASONS = 10

Change = Callable[[wiring.Books, Sequence[int]], Awaitable[Bulk]]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which jobs a person means; `age` is how long ago they ended at least."""

    which: JobFilter
    age: timedelta | None = None


def retry(
    numbers: Numbers = None,
    state: States = None,
    account: Account = None,
    flow: Flow = None,
    batch: Batch = None,
    kind: Kind = None,
    group: Group = None,
    older_than: OlderThan = None,
    yes: Yes = False,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Queue jobs again, with all their attempts, that failed, were cancelled, are parked or unknown.

    Example: runner jobs retry --state failed --account amy --yes

    Give their numbers, or choose them by filters; without --yes those are only counted.
    """
    settings, _ = options.settings(config)
    choice = _choice(numbers, state, account, flow, batch, kind, older_than, group)
    if numbers and len(numbers) == 1:
        job = options.with_books(settings, lambda books: books.engine.retry(numbers[0]))
        _said(job, "is queued again; a daemon or a cycle performs it.", as_json=as_json)
        return

    async def change(books: wiring.Books, job_ids: Sequence[int]) -> Bulk:
        return await books.engine.retry_many(job_ids)

    words = "queued again; a daemon or a cycle performs them"
    _change(settings, choice, RETRIABLE, change, words, yes=yes or bool(numbers), as_json=as_json)


def cancel(
    numbers: Numbers = None,
    state: States = None,
    account: Account = None,
    flow: Flow = None,
    batch: Batch = None,
    kind: Kind = None,
    group: Group = None,
    yes: Yes = False,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Cancel jobs; a running one is ended and its browser closed.

    Example: runner jobs cancel --state queued --account amy --yes

    Give their numbers, or choose them by filters; without --yes those are only counted.
    """
    settings, _ = options.settings(config)
    choice = _choice(numbers, state, account, flow, batch, kind, None, group)
    if numbers and len(numbers) == 1:
        job = options.with_books(settings, lambda books: books.engine.cancel(numbers[0]))
        words = "is cancelled." if job.state is JobState.CANCELLED else "is being ended."
        _said(job, words, as_json=as_json)
        return

    async def change(books: wiring.Books, job_ids: Sequence[int]) -> Bulk:
        return await books.engine.cancel_many(job_ids)

    words = "cancelled; those that run are being ended"
    _change(settings, choice, CANCELLABLE, change, words, yes=yes or bool(numbers), as_json=as_json)


def delete(
    numbers: Numbers = None,
    state: States = None,
    account: Account = None,
    flow: Flow = None,
    batch: Batch = None,
    kind: Kind = None,
    group: Group = None,
    older_than: OlderThan = None,
    yes: Yes = False,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Delete ended jobs with their attempts and evidence; keys and effects are remembered, so nothing is done twice.

    Example: runner jobs delete --state cancelled --flow read_inbox --yes

    Give their numbers, or choose them by filters; without --yes those are only counted.
    """
    settings, _ = options.settings(config)
    choice = _choice(numbers, state, account, flow, batch, kind, older_than, group)
    _change(settings, choice, tuple(ENDED), _delete, "deleted", yes=yes, as_json=as_json)


def prune(
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="AGE", help="Those that ended so long ago: 12h, 30d, 2w.")
    ],
    state: States = None,
    account: Account = None,
    flow: Flow = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell how many there are.")] = False,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Delete what ended long ago, with its attempts and evidence; keys and effects are remembered."""
    settings, _ = options.settings(config)
    choice = _choice(None, state, account, flow, None, None, older_than, None)
    _change(settings, choice, tuple(ENDED), _delete, "deleted", yes=not dry_run, as_json=as_json)


async def _delete(books: wiring.Books, job_ids: Sequence[int]) -> Bulk:
    return await books.room.pruner.delete(job_ids)


def _choice(
    numbers: list[int] | None,
    states: list[JobState] | None,
    account: str | None,
    flow: str | None,
    batch: int | None,
    kind: ErrorKind | None,
    older_than: str | None,
    group: str | None,
) -> Choice:
    filtered = bool(states or account or flow or kind or older_than or group) or batch is not None
    if filtered == bool(numbers):
        raise SetupError(
            "Numbers and filters together?" if numbers else "Which jobs?",
            cure="Give their numbers, or choose them by --state, --account, --flow, --batch, --kind or --group.",
        )
    which = JobFilter(
        ids=tuple(numbers or ()),
        states=tuple(states or ()),
        account=account,
        flow=flow,
        batch_id=batch,
        error_kind=kind,
        signature=group,
    )
    return Choice(which=which, age=None if older_than is None else parse_duration(older_than))


def _possible(which: JobFilter, allowed: Sequence[JobState]) -> JobFilter:
    """Only the states that allow it; numbers are tried whatever their state, so that each refusal has its reason."""
    if which.ids:
        return which
    states = [state for state in allowed if not which.states or state in which.states]
    if not states:
        raise SetupError(
            f"No job that is {' or '.join(which.states)} can be changed so.",
            cure=f"Possible: {', '.join(allowed)}.",
        )
    return replace(which, states=states)


def _change(
    settings: Settings,
    choice: Choice,
    allowed: Sequence[JobState],
    change: Change,
    words: str,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    which = _possible(choice.which, allowed)

    async def work(books: wiring.Books) -> tuple[Sequence[int], Bulk]:
        chosen = which if choice.age is None else replace(which, ended_before=books.clock.now() - choice.age)
        if chosen.signature is not None:
            chosen = replace(chosen, signature=(await books.error_groups.get(chosen.signature)).signature)
        found = chosen.ids or await books.engine.find(chosen)
        return found, await change(books, found) if yes else Bulk(changed=(), refused={})

    found, done = options.with_books(settings, work)
    if as_json:
        output.document({"found": found, "changed": done.changed, "refused": done.refused, "done": yes})
    elif not yes:
        output.say(f"{_count(found)} would be {words}." + (" To do it: the same with --yes" if found else ""))
    else:
        output.say(f"{_count(done.changed)} {'is' if len(done.changed) == 1 else 'are'} {words}.")
        for reason in list(done.refused.values())[:MOST_REASONS]:
            output.note(f"Not changed: {reason}")
        if len(done.refused) > MOST_REASONS:
            output.note(f"… and {len(done.refused) - MOST_REASONS} more were not changed.")
    if done.refused:
        raise typer.Exit(output.FAILED)


def _count(job_ids: Sequence[int]) -> str:
    return "1 job" if len(job_ids) == 1 else f"{len(job_ids)} jobs"


def _said(job: Job, words: str, *, as_json: bool) -> None:
    if as_json:
        output.document(job)
    else:
        output.say(f"Job {job.id} ({job.account} {job.flow}) {words}")

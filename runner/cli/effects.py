"""`runner effects`: the changes made at the sites, and a person's word on those of which nobody can tell."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from runner import wiring
from runner.cli import options, output
from runner.domain.effects import Effect, EffectState
from runner.domain.jobs import Evidence, Job
from runner.domain.states import EvidenceKind
from runner.errors import NotFound
from runner.orchestrator import decisions

app = typer.Typer(help="What was changed at the sites: list, show, settle.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(parser=options.number, help="Its number, as `runner effects list` shows it.")]
COLUMNS = ("effect", "account", "what", "state", "armed", "site's id", "job")


class Verdict(StrEnum):
    """What a person saw at the site."""

    CONFIRMED = "confirmed"  # it is there, once
    NOT_DONE = "not_done"  # it is not there
    DUPLICATED = "duplicated"  # it is there more than once


@app.command("list")
def list_(
    state: Annotated[list[EffectState] | None, typer.Option("--state", help="Only these; may be repeated.")] = None,
    account: Annotated[str | None, typer.Option("--account", help="Only this account's.")] = None,
    limit: options.Limit = 50,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """List effects, the newest first; `--state unknown` are those that wait for a person."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> list[Effect]:
        return await books.records.effects.list_effects(account_name=account, states=state or (), limit=limit)

    found = options.with_books(settings, work)
    if as_json:
        output.document({"effects": found})
        return
    output.table(COLUMNS, [_line(each) for each in found], empty="No effect: nothing was published or sent yet.")
    waiting = [each for each in found if each.state is EffectState.UNKNOWN]
    if waiting:
        count = "1 of them waits" if len(waiting) == 1 else f"{len(waiting)} of them wait"
        output.say(f"{count} for a person. Look at one: runner effects show {waiting[0].id}")


@app.command()
def show(effect: Number, config: options.Config = None, as_json: options.Json = False) -> None:
    """Show one effect with the evidence of its job, and how to settle it."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> tuple[Effect, Job | None, list[Evidence]]:
        found = await books.records.effects.get(effect)
        evidence = await books.records.evidence.list_evidence(job_id=found.job_id)
        return found, await _job_of(books, found), evidence

    found, job, evidence = options.with_books(settings, work)
    if as_json:
        output.document({"effect": found, "job": job, "folder": settings.evidence.dir, "evidence": evidence})
        return
    output.table(COLUMNS, [_line(found)])
    output.say(f"Natural key: {output.plain(found.natural_key)}")
    if found.detail:
        output.say(f"Last known: {output.plain(found.detail)}")
    if job is None:
        output.say(f"Its job {found.job_id} was pruned, with its evidence.")
    else:
        output.say(f"Its job {job.id} is {job.state}. {output.plain(job.error) if job.error else ''}".rstrip())
    for file in evidence:
        if file.kind in (EvidenceKind.SCREENSHOT, EvidenceKind.LAST_PICTURE, EvidenceKind.SUMMARY):
            output.say(f"{file.kind}: {settings.evidence.dir / file.path}")
    if found.state is EffectState.UNKNOWN:
        output.say("Look at the site, then say what you saw:")
        output.say(f"  runner effects settle {found.id} confirmed    it is there, once")
        output.say(f"  runner effects settle {found.id} not_done     it is not there: the job tries again")
        output.say(f"  runner effects settle {found.id} duplicated   it is there more than once")


@app.command()
def settle(
    effect: Number,
    verdict: Annotated[Verdict, typer.Argument(help="confirmed, not_done or duplicated.")],
    remote_id: Annotated[str | None, typer.Option("--remote-id", help="The site's id of it, when confirmed.")] = None,
    why: Annotated[str | None, typer.Option("--why", help="What you saw, for whoever asks later.")] = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Say what happened to an effect that is unknown; its job then goes on from there.

    Confirmed: the job is queued again and only records it. Not done: the job is queued again and makes it.
    Duplicated: the job stays as it is.
    """
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> tuple[Effect, Job | None]:
        to = EffectState(verdict.value)
        return await decisions.settle(books.records.effects, books.engine, effect, to, remote_id=remote_id, why=why)

    found, job = options.with_books(settings, work)
    if as_json:
        output.document({"effect": found, "job": job})
    else:
        what = "was pruned" if job is None else f"is {job.state}"
        output.say(f"Effect {found.id} of {found.account} is {found.state}; its job {found.job_id} {what}.")


async def _job_of(books: wiring.Books, found: Effect) -> Job | None:
    """The Effect's Job; None when it was pruned, which an Effect outlives."""
    try:
        return await books.engine.get(found.job_id)
    except NotFound:
        return None


def _line(each: Effect) -> tuple[object, ...]:
    return (each.id, each.account, each.kind, each.state, each.armed_at, each.remote_id, each.job_id)

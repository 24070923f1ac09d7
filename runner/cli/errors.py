"""`runner errors`: failures with one cause are one group, with one cure."""

from __future__ import annotations

from typing import Annotated

import typer

from runner import wiring
from runner.cli import options, output
from runner.domain.durations import parse_duration
from runner.domain.error_groups import ErrorGroup, GroupFilter
from runner.domain.jobs import Attempt, Evidence
from runner.domain.states import EvidenceKind
from runner.errors import ErrorKind

app = typer.Typer(help="Failures with one cause, as groups: list, show.", no_args_is_help=True)

PICTURES = (EvidenceKind.SCREENSHOT, EvidenceKind.LAST_PICTURE)
MOST_ACCOUNTS = 5


@app.command("list", short_help="List error groups, the one that failed last first.")
def list_(
    account: Annotated[str | None, typer.Option("--account", metavar="NAME", help="Only this account's.")] = None,
    kind: Annotated[
        ErrorKind | None, typer.Option("--kind", metavar="KIND", help="Only failures of this kind: network, captcha, …")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="AGE", help="Only failures of the last: 90m, 12h, 7d.")
    ] = None,
    flow: Annotated[str | None, typer.Option("--flow", metavar="FLOW", help="Only failures of this flow.")] = None,
    limit: options.Limit = 50,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """List error groups, the one that failed last first: failures of one kind, in one step, at one element."""
    settings, _ = options.settings(config)
    age = None if since is None else parse_duration(since)

    async def work(books: wiring.Books) -> list[ErrorGroup]:
        moment = None if age is None else books.clock.now() - age
        which = GroupFilter(account=account, kind=kind, since=moment, flow=flow)
        return await books.error_groups.list_groups(which, limit=limit)

    groups = options.with_books(settings, work)
    if as_json:
        output.document({"groups": [_document(group) for group in groups]})
        return
    columns = ("group", "count", "first", "last", "accounts", "kind", "step", "what", "example")
    rows = [
        (g.signature, g.count, g.first_at, g.last_at, _accounts(g), g.kind, g.step, g.locator or g.error, g.example)
        for g in groups
    ]
    output.table(columns, rows, empty="No errors: nothing has failed.")
    if groups:
        output.say(f"What to do about one, and its attempts: runner errors show {groups[0].signature}")


@app.command(short_help="Show one error group: its cure and its attempts.")
def show(
    group: Annotated[
        str, typer.Argument(metavar="GROUP", help="Its name, as `runner errors list` shows it, or how that begins.")
    ],
    limit: options.Limit = 20,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Show one error group: what to do about it, its newest attempts with their pictures, and how to retry them all."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> tuple[ErrorGroup, list[tuple[Attempt, list[Evidence]]]]:
        found = await books.error_groups.get(group)
        numbers = await books.error_groups.attempts_of(found.signature, limit=limit)
        records = books.records
        return found, [
            (await records.attempts.get(n), await records.evidence.list_evidence(attempt_id=n)) for n in numbers
        ]

    found, attempts = options.with_books(settings, work)
    if as_json:
        listed = [{"attempt": attempt, "evidence": files} for attempt, files in attempts]
        output.document({"group": _document(found), "attempts": listed, "folder": settings.evidence.dir})
        return
    output.say(f"{found.signature}: {found.kind} in step {output.plain(found.step)} of {found.site}")
    if found.locator:
        output.say(f"Element: {output.plain(found.locator)} (adapter revision {output.plain(found.site_revision)})")
    output.say(f"The newest says: {output.plain(found.error)}")
    output.say(f"{_times(found)}, first {output.plain(found.first_at)}, last {output.plain(found.last_at)}")
    output.say(f"Accounts: {output.plain(found.accounts)}. Flows: {output.plain(found.flows)}.")
    output.say(f"What to do: {output.plain(found.cure)}")
    rows = [(a.id, a.job_id, a.account, a.flow, a.started_at, a.outcome, _picture(files)) for a, files in attempts]
    output.table(("attempt", "job", "account", "flow", "when", "outcome", "picture"), rows)
    if found.example is not None:
        output.say(f"Look at one: runner evidence open {found.example}")
    output.say(f"When it is mended, try them all again: runner jobs retry --group {found.signature} --yes")


def _document(group: ErrorGroup) -> dict[str, object]:
    return {**output.jsonable(group), "cure": group.cure}


def _accounts(group: ErrorGroup) -> str:
    more = len(group.accounts) - MOST_ACCOUNTS
    return ", ".join(group.accounts[:MOST_ACCOUNTS]) + (f" and {more} more" if more > 0 else "")


def _times(group: ErrorGroup) -> str:
    return "Once" if group.count == 1 else f"{group.count} times"


def _picture(files: list[Evidence]) -> str | None:
    return next((file.path for file in files if file.kind in PICTURES), None)

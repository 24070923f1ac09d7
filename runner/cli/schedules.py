"""`runner schedules`: rules that create jobs; the daemon keeps to them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from runner import wiring
from runner.cli import options, output
from runner.cli.run import parameters
from runner.cli.submit import Attempts, PriorityOption, Timeout
from runner.domain.durations import in_words, parse_duration
from runner.domain.schedules import Missed, NewSchedule, Rule, Schedule
from runner.domain.states import Priority
from runner.errors import SetupError

app = typer.Typer(help="The schedules: list, add, remove, next.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The schedule's name.")]
COLUMNS = ("schedule", "flow", "accounts", "when", "missed", "last due", "next due")


@app.command("list", short_help="List the schedules, with what is due next.")
def list_(config: options.Config = None, as_json: options.Json = False) -> None:
    """List the schedules, with the last and the next due time in this machine's time zone."""
    settings, _ = options.settings(config)
    found = options.with_books(settings, lambda books: books.schedules.list_schedules())
    if as_json:
        output.document({"schedules": found})
    else:
        output.table(COLUMNS, [_line(each) for each in found], empty="No schedule yet. Add one: runner schedules add")


@app.command(short_help="Create jobs by cron or by interval.")
def add(
    name: Name,
    flow: options.Flow,
    cron: Annotated[
        str | None, typer.Option("--cron", metavar="RULE", help='Five fields; every weekday at 8: "0 8 * * 1-5".')
    ] = None,
    every: Annotated[str | None, typer.Option("--every", metavar="TIME", help="Instead of cron: 15m, 6h.")] = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            "--timezone", metavar="ZONE", help="Of the cron rule, like Europe/Berlin; else [browser] timezone."
        ),
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", "-a", metavar="NAME", help="For this account; else for all active ones.")
    ] = None,
    tag: Annotated[
        str | None, typer.Option("--tag", metavar="TAG", help="For the active accounts with this tag.")
    ] = None,
    missed: Annotated[
        Missed, typer.Option("--missed", metavar="WHAT", help="What nobody was there for: make up once, or skip.")
    ] = Missed.ONCE,
    set_: options.Set = None,
    file: options.File = None,
    priority: PriorityOption = Priority.NORMAL,
    max_attempts: Attempts = None,
    timeout: Timeout = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Add a schedule.

    Example: runner schedules add mornings read_inbox --cron "0 8 * * *" --timezone Europe/Berlin

    At each of its due times the daemon creates one job for each of its accounts.
    """
    settings, _ = options.settings(config)
    if account and tag:
        raise SetupError("An account and a tag together?", cure="Give one of them, or neither for all accounts.")
    params = parameters(flow, set_ or [], file)
    every_s = None if every is None else parse_duration(every).total_seconds()
    zone = timezone or settings.browser.timezone or "UTC"

    async def work(books: wiring.Books) -> Schedule:
        new = NewSchedule(
            name=name,
            flow=flow,
            rule=Rule(cron=cron, every_s=every_s, timezone=zone, start=books.clock.now()),
            account=account,
            tag=tag,
            params=params,
            priority=priority,
            missed=missed,
            max_attempts=max_attempts or settings.retry.max_attempts,
            timeout_s=None if timeout is None else parse_duration(timeout).total_seconds(),
        )
        return await books.schedules.add(new)

    added = options.with_books(settings, work)
    if as_json:
        output.document(added)
    else:
        output.say(f"Added {added.name}: {added.flow}, {_when(added)}, for {_whom(added)}.")
        output.say(f"First due {_local(added, added.next_due_at)}. It runs while a daemon runs: runner daemon")


@app.command()
def remove(name: Name, config: options.Config = None, as_json: options.Json = False) -> None:
    """Remove a schedule; the jobs that it has created stay."""
    settings, _ = options.settings(config)
    removed = options.with_books(settings, lambda books: books.schedules.remove(name))
    if as_json:
        output.document(removed)
    else:
        output.say(f"Removed {removed.name}; the jobs that it has created stay.")


@app.command("next", short_help="Show the next due times.")
def next_(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this schedule.")] = None,
    count: Annotated[int, typer.Option("--count", metavar="N", min=1, max=1000, help="So many due times.")] = 5,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Show the next due times, in each schedule's own time zone; nights of a clock change included."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> list[tuple[datetime, Schedule]]:
        some = [await books.schedules.by_name(name)] if name else await books.schedules.list_schedules()
        return _coming(some, books.clock.now(), count)

    found = options.with_books(settings, work)
    if as_json:
        output.document({"next": [{"schedule": each.name, "due_at": due} for due, each in found]})
    else:
        rows = [(_local(each, due), each.name, each.flow, _whom(each)) for due, each in found]
        output.table(("due", "schedule", "flow", "accounts"), rows, empty="No schedule yet.")


def _coming(schedules: Sequence[Schedule], now: datetime, count: int) -> list[tuple[datetime, Schedule]]:
    """The next `count` due times of all of them together; what is overdue comes first."""
    found: list[tuple[datetime, Schedule]] = []
    for each in schedules:
        since = now if each.next_due_at is None else min(now, each.next_due_at - timedelta(microseconds=1))
        overdue = each.rule.last_due(since, now) if since < now else None
        times = [*([] if overdue is None else [overdue]), *islice(each.rule.due_after(now), count)]
        found += [(due, each) for due in times]
    return sorted(found, key=lambda pair: (pair[0], pair[1].name))[:count]


def _line(each: Schedule) -> tuple[object, ...]:
    missed = "made up once" if each.missed is Missed.ONCE else "skipped"
    return (each.name, each.flow, _whom(each), _when(each), missed, each.last_due_at, each.next_due_at)


def _when(each: Schedule) -> str:
    if each.rule.every_s is not None:
        return f"every {in_words(timedelta(seconds=each.rule.every_s))}"
    return f"{each.rule.cron} {each.rule.timezone}"


def _whom(each: Schedule) -> str:
    return each.account or (f"all with tag {each.tag}" if each.tag else "all active accounts")


def _local(each: Schedule, due: datetime | None) -> str:
    """A due time in the schedule's own zone, with its difference from UTC: two in one night look different."""
    return "never" if due is None else due.astimezone(ZoneInfo(each.rule.timezone)).strftime("%a %Y-%m-%d %H:%M:%S %z")

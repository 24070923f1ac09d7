"""`runner hours`: when each account is at work."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from runner import wiring
from runner.cli import options, output
from runner.domain.hours import WEEKDAYS
from runner.domain.pace import HoursPlan
from runner.engine.paces import AccountPace
from runner.errors import SetupError

app = typer.Typer(help="When each account is at work: show, set, clear.", no_args_is_help=True)


def _day(name: str) -> Any:
    return typer.Option(f"--{name}", metavar="WINDOWS", help="Like 09:00-12:00,13:00-18:00 or 22:00-06:00, or closed.")


@app.command()
def show(
    account: Annotated[str | None, typer.Argument(metavar="ACCOUNT", help="Only this account.")] = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Show when the accounts are at work, by the clocks of their zones, and which are open now."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> list[AccountPace]:
        return await books.paces.all() if account is None else [await books.paces.of(account)]

    _show(options.with_books(settings, work), as_json=as_json)


@app.command("set", short_help="Give an account hours of its own.")
def set_(
    account: options.Account,
    monday: Annotated[str | None, _day("monday")] = None,
    tuesday: Annotated[str | None, _day("tuesday")] = None,
    wednesday: Annotated[str | None, _day("wednesday")] = None,
    thursday: Annotated[str | None, _day("thursday")] = None,
    friday: Annotated[str | None, _day("friday")] = None,
    saturday: Annotated[str | None, _day("saturday")] = None,
    sunday: Annotated[str | None, _day("sunday")] = None,
    holidays: Annotated[
        str | None, typer.Option("--holidays", metavar="COUNTRY", help="Its public holidays are days off: DE, DE-BE.")
    ] = None,
    read_outside: Annotated[bool, typer.Option("--read-outside", help="Inboxes are read outside them, too.")] = False,
    always: Annotated[
        bool, typer.Option("--always", help="At work day and night, whatever the configuration.")
    ] = False,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Give an account hours of its own, in place of all configured ones. A day that is not named is open all day."""
    given = (monday, tuesday, wednesday, thursday, friday, saturday, sunday)
    days = {day: windows for day, windows in zip(WEEKDAYS, given, strict=True) if windows is not None}
    plan = HoursPlan(days=days, holidays=holidays, read_outside=read_outside)
    if plan.is_none is not always:
        raise SetupError("Which hours?", cure="Give --monday to --sunday or --holidays, or --always for day and night.")
    settings, _ = options.settings(config)
    _show([options.with_books(settings, lambda books: books.paces.set_hours(account, plan))], as_json=as_json)


@app.command(short_help="Take an account's own hours away.")
def clear(account: options.Account, config: options.Config = None, as_json: options.Json = False) -> None:
    """Take an account's own hours away: the configured ones bind it again."""
    settings, _ = options.settings(config)
    _show([options.with_books(settings, lambda books: books.paces.clear_hours(account))], as_json=as_json)


def _show(found: list[AccountPace], *, as_json: bool) -> None:
    if as_json:
        output.document({"accounts": [document(each) for each in found]})
        return
    rows = [(each.account, each.timezone, _words(each), each.hours_words) for each in found]
    output.table(("account", "zone", "hours", "now"), rows, empty="No account yet. Add one: runner accounts add NAME")


def _words(each: AccountPace) -> str:
    plan = each.hours
    if plan.is_none:
        return "always"
    days = [f"{day[:3]} {plan.days[day]}" for day in WEEKDAYS if day in plan.days]
    days += [f"holidays of {plan.holidays} off"] if plan.holidays else []
    days += ["reading goes on outside"] if plan.read_outside else []
    return "; ".join(days) + (" (its own)" if each.own_hours else "")


def document(each: AccountPace) -> dict[str, Any]:
    """An account's hours as JSON says them."""
    return {
        "account": each.account,
        "timezone": each.timezone,
        "own": each.own_hours,
        "hours": {day: each.hours.days.get(day) for day in WEEKDAYS},
        "holidays": each.hours.holidays,
        "read_outside": each.hours.read_outside,
        "now": each.hours_words,
        "open": each.is_open,
        "opens_at": None if each.is_open else each.opens_at,
    }

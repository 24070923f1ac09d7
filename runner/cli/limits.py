"""`runner limits`: how much each account may do, and what it has used of that."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from runner import wiring
from runner.cli import options, output
from runner.domain.limits import LARGEST, Level, Limit, LimitKind, LimitWindow
from runner.engine.paces import AccountPace
from runner.errors import SetupError

app = typer.Typer(help="How much each account may do: show, set, clear.", no_args_is_help=True)

Kind = Annotated[LimitKind, typer.Argument(metavar="KIND", help="messages, publishes, sign_ins or page_loads.")]
COLUMNS = ("account", "kind", "limit", "used", "left", "room")


def _most(name: str, help_: str) -> Any:
    return typer.Option(name, metavar="N", min=1, max=LARGEST, help=help_)


@app.command()
def show(
    account: Annotated[str | None, typer.Argument(metavar="ACCOUNT", help="Only this account.")] = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Show the limits, what is used of them, and what is left."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> list[AccountPace]:
        return await books.paces.all() if account is None else [await books.paces.of(account)]

    _show(options.with_books(settings, work), as_json=as_json)


@app.command("set", short_help="Give an account a limit of its own.")
def set_(
    account: options.Account,
    kind: Kind,
    per_minute: Annotated[int | None, _most("--per-minute", "At most so many in any 60 seconds.")] = None,
    per_hour: Annotated[int | None, _most("--per-hour", "At most so many in any 60 minutes.")] = None,
    per_day: Annotated[int | None, _most("--per-day", "At most so many on a calendar day of its zone.")] = None,
    none: Annotated[
        bool, typer.Option("--none", help="No limit of this kind, whatever the configuration says.")
    ] = False,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Give an account a limit of its own, in place of the configured one of this kind. What waits is looked at anew."""
    limit = Limit(per_minute=per_minute, per_hour=per_hour, per_day=per_day)
    if limit.is_none is not none:
        raise SetupError("How much?", cure="Give --per-minute, --per-hour or --per-day, or --none for no limit.")
    settings, _ = options.settings(config)
    found = options.with_books(settings, lambda books: books.paces.set_limits(account, {kind: limit}))
    _show([found], as_json=as_json)


@app.command(short_help="Take an account's own limits away.")
def clear(account: options.Account, config: options.Config = None, as_json: options.Json = False) -> None:
    """Take an account's own limits away: the configured ones bind it again."""
    settings, _ = options.settings(config)
    _show([options.with_books(settings, lambda books: books.paces.clear_limits(account))], as_json=as_json)


def _show(found: list[AccountPace], *, as_json: bool) -> None:
    if as_json:
        output.document({"accounts": [document(each) for each in found]})
        return
    rows = [_line(each, level) for each in found for level in each.usage]
    output.table(COLUMNS, rows, empty="No limit is set. Set one: runner limits set ACCOUNT messages --per-day 50")
    for each in found:
        if each.usage and each.share < 1:
            output.say(f"{each.account} is new here and warms up: {each.share:.0%} of its limits today.")
        if each.postponed:
            output.say(f"{each.account}: {each.postponed} job(s) put off. Until when: runner jobs list --state queued")


def _line(each: AccountPace, level: Level) -> tuple[object, ...]:
    own = " (its own)" if level.kind in each.own_limits else ""
    room = level.room_at if level.is_full else "now"
    per = f"{level.most} a{'n' if level.window is LimitWindow.HOUR else ''} {level.window}{own}"
    return (each.account, level.kind.words, per, level.used, level.left, room)


def document(each: AccountPace) -> dict[str, Any]:
    """An account's limits and what is used of them, as JSON says it."""
    return {
        "account": each.account,
        "timezone": each.timezone,
        "share": each.share,
        "own": {str(kind): limit for kind, limit in each.own_limits.items()},
        "usage": [
            {
                "kind": level.kind,
                "window": level.window,
                "limit": level.most,
                "used": level.used,
                "left": level.left,
                "room_at": level.room_at if level.is_full else None,
            }
            for level in each.usage
        ],
        "postponed": each.postponed,
    }

"""`runner accounts health`: which accounts are signed in, for how long that may last, and what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from runner import wiring
from runner.cli import options, output
from runner.cli.look_now import looked
from runner.cli.progress import instead_of_logs
from runner.config.settings import Settings
from runner.domain.session_health import SAMPLES_NEEDED, Health, SessionHealth
from runner.errors import NeedsPerson
from runner.logs import Redactor
from runner.orchestrator.session_health import session_health
from runner.orchestrator.visits import Look

STYLES = {Health.HEALTHY: "green", Health.WARNING: "yellow", Health.ERROR: "bold red"}
COLUMNS = ("account", "health", "signed in", "days", "looked at", "why")


def health(
    account: Annotated[
        list[str] | None, typer.Argument(metavar="[ACCOUNT]...", help="Only these accounts; else all.")
    ] = None,
    probe: Annotated[
        bool, typer.Option("--probe", help="Open the browser of each and look, one after the other.")
    ] = False,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Say which accounts are signed in, since when, and what to do; exit 3 when one needs a person."""
    settings, redactor = options.settings(config)
    names = account or []
    if probe:
        instead_of_logs(settings, redactor)
        found = options.enter(lambda stop: _probed(settings, redactor, names, stop))
    else:
        found = options.with_books(settings, lambda books: _known(books, names))
    if as_json:
        output.document({"accounts": found})
    else:
        _show(found)
    raise typer.Exit(output.PERSON_NEEDED if any(each.health is Health.ERROR for each in found) else output.DONE)


async def _known(books: wiring.Books, names: Sequence[str]) -> list[SessionHealth]:
    wait_s = books.settings.profiles.sign_in_wait_s
    return await session_health(books.records, names, sign_in_wait_s=wait_s, now=books.clock.now())


async def _probed(
    settings: Settings, redactor: Redactor, names: Sequence[str], stop: asyncio.Event
) -> list[SessionHealth]:
    async with wiring.open_runner(settings, redactor) as runner:
        for each in await _known(runner.books, names):
            if stop.is_set():
                break
            try:
                await looked(runner, each.account, Look(), stop)
            except NeedsPerson as problem:
                output.note(str(problem))
        return await _known(runner.books, names)


def _show(found: Sequence[SessionHealth]) -> None:
    rows = [
        (
            each.account,
            Text(each.health, style=STYLES[each.health]),
            "unknown" if each.valid is None else each.valid,
            None if each.age_days is None else f"{each.age_days:.1f}",
            each.last_probe_at,
            each.reason,
        )
        for each in found
    ]
    output.table(COLUMNS, rows, empty="No account yet. Add one: runner accounts add NAME")
    for each in found:
        if each.action:
            output.say(f"{each.account}: {output.plain(each.action)}")
    for site, usual_days, samples in sorted({(each.site, each.usual_days or 0.0, each.samples) for each in found}):
        if usual_days:
            output.say(f"A login at {site} usually lasts {usual_days:.1f} days (learned from {samples}).")
        elif samples:
            output.say(f"How long a login at {site} lasts is not known yet: {samples} of {SAMPLES_NEEDED} have ended.")

"""`runner inbox export`: the history of threads, for other programs and for spreadsheets."""

from __future__ import annotations

import contextlib
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from runner import wiring
from runner.api import histories
from runner.cli import options, output
from runner.domain.durations import parse_duration

app = typer.Typer()
"""Its command stands among those of `runner inbox`."""


class Form(StrEnum):
    """What kind of file."""

    JSON = "json"
    CSV = "csv"


@app.command()
def export(
    form: Annotated[Form, typer.Option("--format", help="One JSON document, or a table for spreadsheets.")] = Form.JSON,
    account: Annotated[str | None, typer.Option("--account", "-a", metavar="NAME", help="Only this account's.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="SPAN", help="Only threads with a message in this span: 24h, 30d.")
    ] = None,
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Write to this file; else to stdout.")] = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Export all threads: messages, types, decisions, notes, tags. No cell of the CSV is a formula."""
    settings, _ = options.settings(config)
    begun = None if since is None else datetime.now(UTC) - parse_duration(since)
    zone = ZoneInfo(settings.browser.timezone)

    async def work(books: wiring.Books) -> int:
        if account is not None:
            await books.history.expect_account(account)
        found = books.history.threads(account_name=account, since=begun)
        json = as_json or form is Form.JSON
        written = 0
        with to.open("w", encoding="utf-8", newline="") if to else contextlib.nullcontext(sys.stdout) as file:
            async for part in histories.as_json(found) if json else histories.as_csv(found, zone):
                written += file.write(part)
        return written

    with output.writing(to) if to else contextlib.nullcontext():
        size = options.with_books(settings, work)
    if to is not None:
        output.note(f"{to}: {size} characters")

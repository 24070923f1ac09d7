"""`runner sessions`: the times that profiles were open in a browser."""

from __future__ import annotations

from typing import Annotated

import typer

from runner import wiring
from runner.cli import options, output
from runner.domain.jobs import Session
from runner.orchestrator import owners

app = typer.Typer(help="The sessions: list.", no_args_is_help=True)


@app.callback()
def sessions() -> None:
    """The times that profiles were open in a live browser."""


@app.command("list", short_help="List sessions, the newest first.")
def list_(
    account: Annotated[str | None, typer.Option("--account", metavar="NAME", help="Only this account's.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Only those that are open now.")] = False,
    limit: options.Limit = 50,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """List sessions, the newest first: how long each was open, in which browser, and why it ended."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> list[Session]:
        return await books.records.sessions.list_sessions(account_name=account, only_open=open_, limit=limit)

    found = options.with_books(settings, work)
    if as_json:
        output.document({"sessions": found})
        return
    rows = [
        (s.id, s.account, s.mode, s.browser_version, s.started_at, _seconds(s), s.end or owners.described(s.owner))
        for s in found
    ]
    output.table(("session", "account", "mode", "browser", "started", "seconds", "end"), rows, empty="No session yet.")


def _seconds(session: Session) -> str:
    return f"{(session.ended_at - session.started_at).total_seconds():.1f}" if session.ended_at else "open"

"""`runner live`: the sessions that can be watched now, with the link that opens each."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer

from runner import live_wiring, wiring
from runner.cli import options, output
from runner.domain.jobs import Session
from runner.errors import NotFound
from runner.orchestrator import owners

EMPTY = "No session can be watched now. Start one with --live: runner run ACCOUNT FLOW --live, runner daemon --live"


def tell(runner: wiring.Runner) -> None:
    """Where this process can be watched, with the token, on stderr; nothing where it cannot."""
    if runner.open_sessions.address:
        link = live_wiring.link(runner.books.settings, f"{runner.open_sessions.address}/live")
        output.note(f"Watch: {link}", whole=True)


def link_to(runner: wiring.Runner, account: str) -> str | None:
    """Where an Account's open Session can be watched, with the token; None where it cannot."""
    found = [each for each in runner.open_sessions.all() if each.row.account == account]
    url = runner.open_sessions.url_of(found[0].row.id) if found else None
    return live_wiring.link(runner.books.settings, url) if url else None


def live(
    account: Annotated[
        str | None, typer.Argument(metavar="[ACCOUNT]", help="Only this account's session.", show_default=False)
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open it in your browser.")] = False,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """List the sessions that can be watched now, of all processes on this machine, each with its link."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> list[Session]:
        found = await books.records.sessions.list_sessions(account_name=account, only_open=True, limit=1000)
        return [each for each in found if each.live_url and owners.is_alive(each.owner)]

    found = options.with_books(settings, work)
    links = {each.id: live_wiring.link(settings, each.live_url or "") for each in found}
    if as_json:
        output.document({"sessions": [{**output.jsonable(each), "link": links[each.id]} for each in found]})
    else:
        rows = [(each.id, each.account, each.mode, each.started_at, owners.described(each.owner)) for each in found]
        output.table(("session", "account", "mode", "started", "where"), rows, empty=EMPTY)
        for each in found:
            output.say(f"{each.account}: {links[each.id]}", whole=True)
    if open_:
        if not found:
            raise NotFound("session to watch", account or "any", ())
        webbrowser.open(links[found[0].id])

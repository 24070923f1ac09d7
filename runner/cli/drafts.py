"""`runner inbox`, what rules have written: drafts, send, dismiss."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from runner import wiring
from runner.cli import options, output
from runner.domain.drafts import Draft, DraftState

app = typer.Typer()
"""Its commands stand among those of `runner inbox`."""

Number = Annotated[
    int,
    typer.Argument(metavar="DRAFT", parser=options.number, help="Its number, as `runner inbox drafts` shows it."),
]


@app.command()
def drafts(
    state: Annotated[
        list[DraftState] | None, typer.Option("--state", help="Only in this state; may be repeated. Else: waiting.")
    ] = None,
    account: Annotated[str | None, typer.Option("--account", "-a", metavar="NAME", help="Only this account's.")] = None,
    limit: options.Limit = 50,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """List the replies that rules have written and that wait for a click."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> list[Draft]:
        await books.answering.drafts.outdate()
        states = state or [DraftState.WAITING]
        return await books.answering.drafts.list_drafts(states=states, account_name=account, limit=limit)

    found = options.with_books(settings, work)
    if as_json:
        output.document({"drafts": found})
        return
    columns = ("draft", "account", "counterpart", "wrote", "reply", "rule", "state", "job")
    rows = [
        (each.id, each.account, each.counterpart, each.question, each.text, each.rule, _state(each), each.job_id)
        for each in found
    ]
    output.table(columns, rows, empty="No draft waits. Which rule would write one: runner rules test --last 100")
    if found and found[0].state is DraftState.WAITING:
        output.say(f"Send one: runner inbox send {found[0].id}. Throw it away: runner inbox dismiss {found[0].id}")


@app.command()
def send(draft: Number, config: options.Config = None, as_json: options.Json = False) -> None:
    """Send a draft, once: a daemon, or the next cycle, does it, unless somebody has written since."""
    settings, _ = options.settings(config)
    found = options.with_books(settings, lambda books: books.answering.send(draft, by=getpass.getuser()))
    if as_json:
        output.document({"draft": found})
    else:
        output.say(
            f"Job {found.job_id} sends draft {found.id} ({found.job_state}). See it: runner jobs show {found.job_id}"
        )


@app.command()
def dismiss(draft: Number, config: options.Config = None, as_json: options.Json = False) -> None:
    """Throw a draft away: it is not sent, and the message is not answered by rule again."""
    settings, _ = options.settings(config)
    found = options.with_books(settings, lambda books: books.answering.dismiss(draft, by=getpass.getuser()))
    if as_json:
        output.document({"draft": found})
    else:
        output.say(f"Draft {found.id} is dismissed.")


def _state(each: Draft) -> str:
    if each.state is DraftState.SENT:
        return f"sent, job {each.job_state or 'gone'}"
    return f"{each.state}: {each.detail}" if each.detail else str(each.state)

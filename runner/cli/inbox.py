"""`runner inbox`: threads and messages as they were read; what they want stands in `classification`."""

from __future__ import annotations

from typing import Annotated

import typer

from runner import wiring
from runner.cli import options, output
from runner.domain.drafts import Decided
from runner.domain.messages import StoredMessage, StoredThread

app = typer.Typer(help="The inbox over all accounts, and what its messages want.", no_args_is_help=True)


@app.command("list")
def list_(
    account: Annotated[str | None, typer.Option("--account", metavar="NAME", help="Only this account's.")] = None,
    unread: Annotated[bool, typer.Option("--unread", help="Only threads that had unread messages.")] = False,
    tag: Annotated[str | None, typer.Option("--tag", metavar="TAG", help="Only those that have this tag.")] = None,
    limit: options.Limit = 50,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """List threads, the newest first."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> list[StoredThread]:
        threads = books.records.threads
        return await threads.list_threads(account_name=account, only_unread=unread, tag=tag, limit=limit)

    threads = options.with_books(settings, work)
    if as_json:
        output.document({"threads": threads})
        return
    rows = [
        (
            thread.id,
            thread.account,
            thread.counterpart,
            thread.listing_title,
            thread.message_count,
            thread.unread,
            thread.last_at,
            thread.tags,
        )
        for thread in threads
    ]
    columns = ("thread", "account", "counterpart", "listing", "messages", "unread", "last", "tags")
    output.table(columns, rows, empty="No thread yet. Read an inbox: runner run ACCOUNT read_inbox")


@app.command()
def show(
    thread: Annotated[int, typer.Argument(metavar="NUMBER", help="Its number, as `runner inbox list` shows it.")],
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Show the messages of one thread, the oldest first."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> tuple[StoredThread, list[StoredMessage], dict[int, Decided]]:
        threads = books.records.threads
        return (
            await threads.get(thread),
            await threads.messages_of(thread),
            await books.records.drafts.decided_in(thread),
        )

    found, messages, decided = options.with_books(settings, work)
    if as_json:
        output.document({"thread": found, "messages": messages, "decided": list(decided.values())})
        return
    about = f" about {output.plain(found.listing_title)}" if found.listing_title else ""
    output.say(f"{found.account} with {output.plain(found.counterpart)}{about}, {output.plain(found.url)}")
    if found.tags:
        output.say(f"tags: {output.plain(found.tags)}")
    for message in messages:
        output.say(
            f"\n{output.plain(message.sent_at)}  {output.plain(message.sender)} ({message.direction}, {message.key})"
        )
        if message.type is not None:
            output.say(f"  message {message.id}: {message.type}, {message.confidence:.0%} sure")
        if message.id in decided:
            output.say(f"  {_told(decided[message.id])}")
        output.say("  " + output.plain(message.text).replace("\n", "\n  "))
    output.say(
        f"\nAnswer: runner run {found.account} send_message --set thread={output.plain(found.remote_id)} --set text=…"
    )


def _told(decided: Decided) -> str:
    by = f" by rule {output.plain(decided.rule)}" if decided.rule else ""
    return f"{decided.verdict}{by}: {output.plain(decided.words)}"

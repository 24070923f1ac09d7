"""`runner inbox`, what people keep about threads: tag, note, close, reopen, link."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from runner import wiring
from runner.cli import options, output
from runner.domain.counterparts import AlsoIn
from runner.domain.desk import Note, Satisfaction
from runner.domain.messages import StoredThread
from runner.domain.states import ThreadStatus

app = typer.Typer()
"""Its commands stand among those of `runner inbox`."""

Number = Annotated[
    int,
    typer.Argument(metavar="THREAD", parser=options.number, help="Its number, as `runner inbox list` shows it."),
]


@app.command()
def tag(
    thread: Number,
    tags: Annotated[list[str] | None, typer.Argument(metavar="TAG", help="Tags to put on it.")] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", metavar="TAG", help="Take this one away; may be repeated.")
    ] = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Put tags on a thread, and take others away; without any, show which it has."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> StoredThread:
        return await books.records.threads.tag(thread, add=tags or (), remove=remove or ())

    found = options.with_books(settings, work)
    if as_json:
        output.document({"thread": found})
    else:
        output.say(f"Thread {thread}: {output.plain(found.tags) or 'no tags'}")


@app.command()
def note(
    thread: Number,
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="What to keep in mind; without it, list.")] = None,
    remove: Annotated[
        int | None, typer.Option("--remove", metavar="NOTE", parser=options.number, help="Take this one away.")
    ] = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Write a note about a thread, for people only: it is never sent. Without a text, list the notes."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> list[Note]:
        if remove is not None:
            await books.desk.remove_note(thread, remove)
        if text is not None:
            await books.desk.add_note(thread, text, by=getpass.getuser())
        return await books.desk.notes(thread)

    found = options.with_books(settings, work)
    if as_json:
        output.document({"notes": found})
        return
    columns = ("note", "at", "by", "text")
    rows = [(each.id, each.at, each.by, each.text) for each in found]
    output.table(columns, rows, empty="No note yet.")


@app.command()
def close(
    thread: Number,
    satisfaction: Annotated[
        Satisfaction | None, typer.Option("--satisfaction", help="How the counterpart left; also after closing.")
    ] = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Close a thread, until the counterpart writes again."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> StoredThread:
        by = getpass.getuser()
        return await books.records.threads.set_status(thread, ThreadStatus.CLOSED, by=by, satisfaction=satisfaction)

    found = options.with_books(settings, work)
    if as_json:
        output.document({"thread": found})
    else:
        output.say(f"Thread {thread} is closed, until {output.plain(found.counterpart)} writes.")


@app.command()
def reopen(thread: Number, config: options.Config = None, as_json: options.Json = False) -> None:
    """Open a thread that was closed or snoozed."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> StoredThread:
        return await books.records.threads.set_status(thread, ThreadStatus.OPEN, by=getpass.getuser())

    found = options.with_books(settings, work)
    if as_json:
        output.document({"thread": found})
    else:
        output.say(f"Thread {thread} is open.")


@app.command()
def link(
    thread: Number,
    other: Annotated[
        int | None, typer.Argument(metavar="OTHER", parser=options.number, help="Another thread's number.")
    ] = None,
    different: Annotated[bool, typer.Option("--different", help="They are two people's, whatever the name.")] = False,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Link two threads as one counterpart's; without another one, show where the counterpart also writes."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> list[AlsoIn]:
        if other is not None:
            await books.counterparts.say(thread, other, not different, by=getpass.getuser())
        return await books.counterparts.also_in(thread)

    found = options.with_books(settings, work)
    if as_json:
        output.document({"also_in": found})
        return
    rows = [
        (
            each.thread_id,
            each.account,
            each.counterpart,
            each.listing_title,
            each.status,
            each.linked_by or "(same name)",
        )
        for each in found
    ]
    columns = ("thread", "account", "counterpart", "listing", "status", "linked by")
    output.table(columns, rows, empty="No other thread of this counterpart.")

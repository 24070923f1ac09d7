"""`runner inbox`: threads and messages as they were read; what they want stands in `classification`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import typer

from runner import wiring
from runner.cli import options, output
from runner.domain.counterparts import AlsoIn
from runner.domain.desk import Handling, Note
from runner.domain.drafts import Decided
from runner.domain.durations import in_words
from runner.domain.messages import StoredMessage, StoredThread

app = typer.Typer(help="The inbox over all accounts, and what its messages want.", no_args_is_help=True)


@dataclass(frozen=True, kw_only=True)
class _Shown:
    thread: StoredThread
    messages: list[StoredMessage]
    decided: dict[int, Decided]
    notes: list[Note]
    handling: Handling
    also_in: list[AlsoIn]


@app.command("list")
def list_(
    account: Annotated[str | None, typer.Option("--account", metavar="NAME", help="Only this account's.")] = None,
    unread: Annotated[bool, typer.Option("--unread", help="Only threads that had unread messages.")] = False,
    tag: Annotated[str | None, typer.Option("--tag", metavar="TAG", help="Only those that have this tag.")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those that an SLA is broken in.")] = False,
    limit: options.Limit = 50,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """List threads, the newest first."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> list[StoredThread]:
        await books.due_times.keep_up()
        return await books.records.threads.list_threads(
            account_name=account, only_unread=unread, tag=tag, only_overdue=overdue, limit=limit
        )

    threads = options.with_books(settings, work)
    if as_json:
        output.document({"threads": threads})
        return
    tagged = ("tags",) if any(thread.tags for thread in threads) else ()
    owed = ("due",) if any(thread.due_at for thread in threads) else ()
    rows = [
        (
            thread.id,
            thread.account,
            thread.counterpart,
            thread.listing_title,
            thread.message_count,
            thread.unread,
            thread.last_at,
            *((thread.tags,) if tagged else ()),
            *(("overdue" if thread.overdue else thread.due_at,) if owed else ()),
        )
        for thread in threads
    ]
    columns = ("thread", "account", "counterpart", "listing", "messages", "unread", "last", *tagged, *owed)
    none = "No thread yet. Read an inbox: runner run ACCOUNT read_inbox"
    if account or unread or tag:
        none = "No such thread. See all: runner inbox list"
    output.table(columns, rows, empty="Nothing is overdue." if overdue else none)


@app.command()
def show(
    thread: Annotated[
        int,
        typer.Argument(metavar="NUMBER", parser=options.number, help="Its number, as `runner inbox list` shows it."),
    ],
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Show the messages of one thread, the oldest first."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> _Shown:
        await books.due_times.keep_up()
        threads = books.records.threads
        return _Shown(
            thread=await threads.get(thread),
            messages=await threads.messages_of(thread),
            decided=await books.records.drafts.decided_in(thread),
            notes=await books.desk.notes(thread),
            handling=await books.desk.handling(thread),
            also_in=await books.counterparts.also_in(thread),
        )

    shown = options.with_books(settings, work)
    if as_json:
        told = {name: getattr(shown, name) for name in ("thread", "messages", "notes", "handling", "also_in")}
        output.document(told | {"decided": list(shown.decided.values())})
        return
    _say(shown)


def _say(shown: _Shown) -> None:
    found, decided = shown.thread, shown.decided
    about = f" about {output.plain(found.listing_title)}" if found.listing_title else ""
    output.say(f"{found.account} with {output.plain(found.counterpart)}{about}, {output.plain(found.url)}")
    if found.tags:
        output.say(f"tags: {output.plain(found.tags)}")
    if found.due_at is not None:
        kind = str(found.due_for).replace("_", " ")
        late = ", overdue" if found.overdue else ""
        output.say(f"{kind} due: {output.plain(found.due_at)}{late} (SLA of {output.plain(found.due_tag)})")
    if shown.also_in:
        others = [f"thread {each.thread_id} ({each.account}, {each.status})" for each in shown.also_in]
        output.say(f"also in: {output.plain(others)}")
    for line in _handled(shown.handling):
        output.say(line)
    for note in shown.notes:
        output.say(f"note {note.id} of {output.plain(note.by)}, {output.plain(note.at)}: {output.plain(note.text)}")
    for message in shown.messages:
        output.say(
            f"\n{output.plain(message.sent_at)}  {output.plain(message.sender)} ({message.direction}, {message.key})"
        )
        for former in message.former_texts:
            output.say(f"  edited; it said: {output.plain(former)}")
        if message.deleted_at is not None:
            output.say(f"  deleted at the site, as was found at {output.plain(message.deleted_at)}")
        if message.type is not None:
            output.say(f"  message {message.id}: {message.type}, {message.confidence:.0%} sure")
        if message.id in decided:
            output.say(f"  {_told(decided[message.id])}")
        output.say("  " + output.plain(message.text).replace("\n", "\n  "))
    output.say(f'\nAnswer: runner send {found.id} "…"')


def _handled(handling: Handling) -> Iterator[str]:
    first = handling.first
    if first is not None and first.took_s is not None:
        yield f"first answer after {in_words(timedelta(seconds=first.took_s))}, by {first.by}"
    for each in handling.resolutions:
        if each.took_s is not None:
            by = f" by {output.plain(each.by)}" if each.by else ""
            how = f", {each.satisfaction}" if each.satisfaction else ""
            yield f"closed after {in_words(timedelta(seconds=each.took_s))}{by}{how}"


def _told(decided: Decided) -> str:
    by = f" by rule {output.plain(decided.rule)}" if decided.rule else ""
    return f"{decided.verdict}{by}: {output.plain(decided.words)}"

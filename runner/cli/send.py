"""`runner send THREAD TEXT`: one reply, as soon as may be or at a moment."""

from __future__ import annotations

from typing import Annotated

import typer

from runner import wiring
from runner.cli import options, output
from runner.cli.run import checked
from runner.domain.jobs import Job, NewJob
from runner.domain.local_time import zone_of
from runner.domain.sending import moment_in
from runner.domain.states import Priority


def send(
    thread: Annotated[
        int,
        typer.Argument(metavar="THREAD", parser=options.number, help="Its number, as `runner inbox list` shows it."),
    ],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to write.")],
    at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="WHEN", help='Not before: "2026-12-01 09:00", in the account\'s time zone, or 2h30m.'
        ),
    ] = None,
    unless_written_since: Annotated[
        bool, typer.Option("--unless-written-since", help="Not when anybody has written in the thread by then.")
    ] = False,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Queue a reply in a thread: a daemon, or the next cycle, sends it, once, within the account's limits and hours."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> Job:
        threads, now = books.records.threads, books.clock.now()
        found = await threads.get(thread)
        zone = zone_of(books.paces.pacing.timezone(found.account))
        params: dict[str, object] = {"thread": found.remote_id, "text": text}
        if unless_written_since:
            # Which message is answered is settled now, not when it is sent: another may have come by then.
            params |= {"unless_written_since": True}
            inbound = [each.key for each in await threads.messages_of(thread) if each.direction == "inbound"]
            params |= {"answering": inbound[-1]} if inbound else {}
        new = NewJob(
            account=found.account,
            flow="send_message",
            params=checked("send_message", params),
            priority=Priority.HIGH,
            due_at=None if at is None else moment_in(at, zone, now),
            max_attempts=settings.retry.max_attempts,
        )
        (job,) = await books.engine.submit([new])
        await books.answering.give_way()
        return job

    job = options.with_books(settings, work)
    if as_json:
        output.document({"job": job})
    else:
        due = "" if at is None else f" at {output.plain(job.due_at)}"
        output.say(f"Job {job.id} sends it as {job.account}{due}. See it: runner jobs show {job.id}")

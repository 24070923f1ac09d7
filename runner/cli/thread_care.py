"""`runner inbox`, what people keep about threads: tag."""

from __future__ import annotations

from typing import Annotated

import typer

from runner import wiring
from runner.cli import options, output
from runner.domain.messages import StoredThread

app = typer.Typer()
"""Its commands stand among those of `runner inbox`."""

Number = Annotated[int, typer.Argument(metavar="THREAD", help="Its number, as `runner inbox list` shows it.")]


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

"""`runner notices`: what people were told, what still waits, and what could not be sent; and `runner digest`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runner import wiring
from runner.cli import options, output
from runner.cli.channels import telling_of
from runner.domain.channels import Delivery
from runner.domain.digests import Digest
from runner.domain.notices import NoticeKind, NoticeState
from runner.errors import SetupError
from runner.notices.digest_words import as_text

app = typer.Typer(help="What people are told: list, dead, retry, send.", no_args_is_help=True)
COLUMNS = ("notice", "channel", "kind", "what", "state", "tries", "due", "why")


@app.command("list")
def list_(
    state: Annotated[
        list[NoticeState] | None, typer.Option("--state", help="Only in this state; may be repeated.")
    ] = None,
    channel: Annotated[
        list[str] | None, typer.Option("--channel", metavar="NAME", help="Only over this one; may be repeated.")
    ] = None,
    limit: options.Limit = 50,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """List what people were told, and what still waits to be sent."""
    _list(state or [], channel, limit, config, as_json, empty="No notice yet. Who is told: runner channels list")


@app.command()
def dead(limit: options.Limit = 50, config: options.Config = None, as_json: options.Json = False) -> None:
    """List what could not be sent and is not tried any more, with the reason."""
    _list([NoticeState.DEAD], None, limit, config, as_json, empty="Nothing was given up.")


@app.command()
def retry(
    notice: Annotated[
        list[int] | None,
        typer.Argument(
            metavar="[NOTICE]...", parser=options.number, help="Numbers, as `runner notices dead` has them."
        ),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="All that were given up.")] = False,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Have notices that were given up sent again: by a daemon, the next cycle, or `runner notices send`."""
    settings, _ = options.settings(config)
    if bool(notice) == all_:
        raise SetupError("Which notices?", cure="Give their numbers, or --all.")

    async def work(books: wiring.Books) -> int:
        deliveries = telling_of(books).deliveries
        for each in notice or []:
            await deliveries.get(each)
        return await deliveries.retry(notice or None)

    count = options.with_books(settings, work)
    if as_json:
        output.document({"retried": count})
    else:
        output.say(f"{count} to be sent again.")


@app.command()
def send(config: options.Config = None, as_json: options.Json = False) -> None:
    """Send now what is due, as a daemon does by itself."""
    settings, redactor = options.settings(config)

    async def work(books: wiring.Books) -> int:
        return await telling_of(books, redactor).sweep()

    count = options.with_books(settings, work)
    if as_json:
        output.document({"sent": count})
    else:
        output.say(f"{count} sent. What could not be sent: runner notices list --state waiting")


def digest(
    week: Annotated[
        bool, typer.Option("--week/--day", help="The last seven whole days, or the last one (the default).")
    ] = False,
    html: Annotated[Path | None, typer.Option("--html", metavar="PATH", help="Write it as an HTML file.")] = None,
    pdf: Annotated[Path | None, typer.Option("--pdf", metavar="PATH", help="Write it as a PDF.")] = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Show a day or a week in figures, as the digests that are sent have it; and write it as HTML or PDF."""
    settings, _ = options.settings(config)
    kind = NoticeKind.WEEKLY_DIGEST if week else NoticeKind.DAILY_DIGEST

    async def work(books: wiring.Books) -> Digest:
        digesting = telling_of(books).digesting
        made = await digesting.latest(kind)
        if html is not None:
            with output.writing(html):
                html.write_bytes((await digesting.html(made)).encode())
        if pdf is not None:
            with output.writing(pdf):
                pdf.write_bytes(await digesting.pdf(made))
        return made

    made = options.with_books(settings, work)
    if as_json:
        output.document({"title": made.title, "digest": _figures(made)})
        return
    output.say(made.title)
    for line in as_text(made):
        output.say(output.plain(line))
    for path in (html, pdf):
        if path is not None:
            output.note(f"Wrote {path}.", whole=True)


def _figures(made: Digest) -> dict[str, object]:
    fields = {name: getattr(made, name) for name in Digest.__dataclass_fields__ if name != "span"}
    return {"first": made.span.first.isoformat(), "until": made.span.until.isoformat(), **fields}


def _list(
    states: list[NoticeState],
    channels: list[str] | None,
    limit: int,
    config: Path | None,
    as_json: bool,
    *,
    empty: str,
) -> None:
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> list[Delivery]:
        return await telling_of(books).deliveries.list_deliveries(states=states, channels=channels, limit=limit)

    found = options.with_books(settings, work)
    if as_json:
        output.document({"notices": found})
        return
    rows = [
        (each.id, each.channel, each.kind, each.title, each.state, each.attempts, each.due_at, each.detail or "")
        for each in found
    ]
    output.table(COLUMNS, rows, empty=empty)

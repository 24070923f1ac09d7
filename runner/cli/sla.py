"""`runner inbox sla`: how soon threads with a tag are to be answered and settled, and who gets those that are late."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import typer

from runner import wiring
from runner.cli import options, output
from runner.domain.durations import in_words, parse_duration
from runner.domain.sla import Sla

app = typer.Typer(help="How soon threads with a tag are answered: list, set, remove.", no_args_is_help=True)

Tag = Annotated[str, typer.Argument(metavar="TAG", help="The tag that threads have.")]


@app.command("list")
def list_(config: options.Config = None, as_json: options.Json = False) -> None:
    """List what is promised, by tag."""
    settings, _ = options.settings(config)
    found = options.with_books(settings, lambda books: books.due_times.slas.list_slas())
    if as_json:
        output.document({"sla": [_told(each) for each in found]})
        return
    rows = [(each.tag, _span(each.first_response), _span(each.resolution), each.assign, each.put_tag) for each in found]
    columns = ("tag", "first response", "resolution", "assign", "put tag")
    output.table(columns, rows, empty="Nothing is promised yet: runner inbox sla set vip --first-response 2h")


@app.command("set")
def set_(
    tag: Tag,
    first_response: Annotated[
        str | None,
        typer.Option("--first-response", metavar="TIME", help="Until what was written is answered: 30m, 2h."),
    ] = None,
    resolution: Annotated[
        str | None, typer.Option("--resolution", metavar="TIME", help="Until the thread is closed: 27h, 3d.")
    ] = None,
    assign: Annotated[
        str | None, typer.Option("--assign", metavar="OPERATOR", help="Who gets a thread that is late.")
    ] = None,
    put_tag: Annotated[
        str | None, typer.Option("--put-tag", metavar="TAG", help="What is put on a thread that is late.")
    ] = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Promise something for a tag, in place of what was.

    Times are open time: where an account has hours, only those count, and a day is 24 of them.
    """
    settings, _ = options.settings(config)
    given = Sla(
        tag=tag,
        first_response=None if first_response is None else parse_duration(first_response),
        resolution=None if resolution is None else parse_duration(resolution),
        assign=assign,
        put_tag=put_tag,
    )

    async def work(books: wiring.Books) -> Sla:
        if assign is not None:
            await books.operators.expect(assign)
        return await books.due_times.slas.put(given)

    found = options.with_books(settings, work)
    if as_json:
        output.document({"sla": _told(found)})
    else:
        output.say(f"{output.plain(found.tag)}: {_words(found)}")


@app.command()
def remove(tag: Tag, config: options.Config = None, as_json: options.Json = False) -> None:
    """Promise nothing for a tag any more."""
    settings, _ = options.settings(config)
    options.with_books(settings, lambda books: books.due_times.slas.remove(tag))
    if as_json:
        output.document({"removed": tag})
    else:
        output.say(f"Nothing is promised for {output.plain(tag)} any more.")


def _words(sla: Sla) -> str:
    parts = []
    if sla.first_response is not None:
        parts.append(f"answered within {in_words(sla.first_response)} of open time")
    if sla.resolution is not None:
        parts.append(f"closed within {in_words(sla.resolution)} of open time")
    late = [f"assigned to {output.plain(sla.assign)}"] if sla.assign else []
    late += [f"tagged {output.plain(sla.put_tag)}"] if sla.put_tag else []
    return ", ".join(parts) + (f"; what is late is {' and '.join(late)}" if late else "")


def _told(sla: Sla) -> dict[str, Any]:
    return {
        "tag": sla.tag,
        "first_response_s": _seconds(sla.first_response),
        "resolution_s": _seconds(sla.resolution),
        "assign": sla.assign,
        "put_tag": sla.put_tag,
    }


def _span(span: timedelta | None) -> str | None:
    return None if span is None else in_words(span)


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else int(span.total_seconds())

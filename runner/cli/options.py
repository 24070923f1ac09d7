"""Options that several commands share, and how a command enters asyncio."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from runner import logs, wiring
from runner.browser import display
from runner.cli import output
from runner.config.load import load
from runner.config.settings import Settings
from runner.logs import Redactor
from runner.store.pages import LARGEST

T = TypeVar("T")


def number(text: str) -> int:
    """The number of something stored; none is larger than a database can hold. Raises typer.BadParameter."""
    said = str(text)
    if said.isdecimal() and len(said) <= len(str(LARGEST)) and 0 < int(said) <= LARGEST:
        return int(said)
    raise typer.BadParameter(f'"{said[:40]}" is the number of nothing: numbers are whole, from 1 on.')


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="The configuration file; else $RUNNER_CONFIG, else ./playwright.config.toml.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Live = Annotated[
    bool, typer.Option("--live", help="Serve the live view: watch the browser, and take it over, from your own.")
]
Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's name.")]
Flow = Annotated[
    str, typer.Argument(metavar="FLOW", help="check_login, read_inbox, publish_listing, send_message or capture_page.")
]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A parameter of the flow; may be repeated.")
]
File = Annotated[Path | None, typer.Option("--file", metavar="FILE", help="A JSON file with the flow's parameters.")]
Headed = Annotated[bool, typer.Option("--headed", help="Show the browser.")]
SlowMo = Annotated[
    int | None, typer.Option("--slow-mo", metavar="MS", min=0, help="Milliseconds between browser actions.")
]
Limit = Annotated[
    int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="At most so many, the newest first.")
]


def whole_path(given: Path | None) -> str | None:
    """A file as it is stored: from the root on; "" where nothing stands in its place, which no path can say."""
    return None if given is None else "" if given == Path() else str(given.absolute())


def settings(config: Path | None, flags: dict[str, Any] | None = None) -> tuple[Settings, Redactor]:
    """Read the configuration and send logs to stderr, with secrets masked. Raises ConfigError."""
    read = load(config, flags={key: value for key, value in (flags or {}).items() if value is not None})
    redactor = Redactor()
    logs.configure(level=read.log.level, style=read.log.format, redactor=redactor)
    return read, redactor


def need_display() -> None:
    """Raises SetupError where no window can be shown, with the command that helps."""
    display.need(["runner", *sys.argv[1:]])


def enter(work: Callable[[asyncio.Event], Awaitable[T]]) -> T:
    """Run `work(stop)`; the first SIGINT or SIGTERM sets `stop`, a second one cancels it.

    So does SIGHUP, when a terminal is closed, but not where it is ignored (nohup).
    """

    async def main() -> T:
        stop = asyncio.Event()
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def ask() -> None:
            if stop.is_set():
                task.cancel()
            stop.set()

        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, ask)
        try:
            return await work(stop)
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        output.note("Stopped at once; what was running goes back to the queue.")
        raise typer.Exit(output.FAILED) from None


def with_books(settings: Settings, work: Callable[[wiring.Books], Awaitable[T]]) -> T:
    """Run `work` on the open store, without a browser."""

    async def main() -> T:
        async with wiring.open_books(settings) as books:
            return await work(books)

    return asyncio.run(main())
